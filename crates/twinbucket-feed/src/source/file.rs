//! Files as sources: one file, or those of a directory as one table.
//!
//! Their content is named by its hash, and what a table gets was all there at one moment. A watch makes changes known
//! at once, and is never relied upon: see [`File`] for what happens when it fails.

mod directory;
mod follow;
mod lookout;
mod names;
mod read;
mod remote;
mod stamp;
mod trail;
mod watch;

use std::fmt;
use std::path::Path;
use std::time::Duration;

pub use self::directory::Directory;
use self::follow::Follower;
use self::read::{Place, What};
use crate::{Fetched, Revision, Source, SourceError, Wake};

/// A file.
///
/// Its content is named by its hash, `sha256:` and what `sha256sum` prints for it; content that is written anew and the
/// same is the same.
///
/// # How changes are noticed
/// The directories on the way to the file are watched: its own, and those of each link that leads there. So it may be
/// written in place, replaced by a rename, deleted and made again; a link on the way may be pointed elsewhere, as
/// Kubernetes does when a ConfigMap changes; and its directory may be moved away and back, or appear later.
///
/// Besides, the file is looked at now and then, and its content read: [`recheck`](Self::recheck), every 30 seconds. That
/// finds what no event tells of: a write through another hard link or by memory mapping, or a directory further up that
/// is moved. Where the watch cannot be relied on, looks are more frequent: [`poll_every`](Self::poll_every), every
/// second. That is so on network file systems, when the system's limit of watches (`fs.inotify.max_user_watches` and
/// `max_user_instances`) is reached, when a change came without an event, and while the file cannot be read. Between
/// re-checks these looks leave the file closed if size, inode and time stamps say that it is as it was.
///
/// # How to write it
/// Best, to another name in the same directory, and then rename it: readers find the old content or the new. A file
/// that is written in place is read when it is at rest, and a pause of its writer may pass for that; the format, a
/// [`Guard`](crate::Guard) and the validation then decide whether what is there can be used.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use twinbucket_feed::{Fetched, File, Source};
///
/// # let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("routes.toml");
/// std::fs::write(&path, "pay = 8080\n").unwrap();
///
/// let mut file = File::watch(&path).recheck(Duration::from_secs(60)).max_bytes(1 << 20);
/// let Fetched::New { parts, revision } = file.fetch(None)? else { panic!("there was nothing before") };
/// assert_eq!(parts[0].bytes, b"pay = 8080\n");
/// assert!(matches!(file.fetch(Some(&revision))?, Fetched::Same));
/// # Ok::<(), twinbucket_feed::SourceError>(())
/// ```
pub struct File {
    /// Does the work.
    follower: Follower,
}

impl File {
    /// Watches a file, which need not be there yet.
    ///
    /// A relative path is taken from the directory that is current now.
    pub fn watch(path: impl AsRef<Path>) -> Self {
        Self { follower: Follower::new(What::File(Place::new(path.as_ref())), true) }
    }

    /// Looks at a file once in that time, without a watch.
    pub fn poll(path: impl AsRef<Path>, every: Duration) -> Self {
        let mut follower = Follower::new(What::File(Place::new(path.as_ref())), false);
        follower.lookout.poll = every;
        Self { follower }
    }

    /// Watches the files of a directory; short for [`Directory::watch`].
    ///
    /// # Errors
    /// As `Directory::watch`.
    pub fn directory(dir: impl AsRef<Path>, pattern: &str) -> Result<Directory, SourceError> {
        Directory::watch(dir, pattern)
    }

    /// Sets after what time the content is read in any case, however well the watch seems. By default 30 seconds.
    #[must_use]
    pub fn recheck(mut self, every: Duration) -> Self {
        self.follower.lookout.recheck = every;
        self
    }

    /// Sets the time between two looks while there is no watch to rely on. By default a second.
    #[must_use]
    pub fn poll_every(mut self, every: Duration) -> Self {
        self.follower.lookout.poll = every;
        self
    }

    /// Sets the most bytes that the file may have; a larger one is not read. By default 1 GiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.follower.max_bytes = bytes;
        self
    }
}

impl Source for File {
    fn name(&self) -> String {
        self.follower.what.name()
    }

    fn watch(&mut self, wake: Wake) {
        self.follower.start(wake);
    }

    fn fetch(&mut self, known: Option<&Revision>) -> Result<Fetched, SourceError> {
        self.follower.fetch(known)
    }

    fn pause(&mut self) -> Duration {
        self.follower.lookout.pause()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.name()).finish()
    }
}
