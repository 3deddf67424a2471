//! The files of a directory, as one source.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::follow::Follower;
use super::names::Names;
use super::read::{Place, What};
use crate::{Fetched, Revision, Source, SourceError, Wake};

/// The files of a directory whose names match a pattern, in byte order of their names; a part for each.
///
/// What a key that several of them have comes to is for [`Builder::overlaps`](crate::Builder::overlaps). The files that
/// a table gets together were all there, with that content, at one moment. Changes are noticed as those of a
/// [`File`](super::File) are.
///
/// - The pattern has `*`, `?`, `[abc]` and `[!a-z]`. Hidden files match only if it begins with a dot, and what editors
///   and package tools leave (`a.toml~`, `#a.toml#`, `.bak`, `.tmp`, `.dpkg-old` and the like) only if it ends so. Names
///   that are not UTF-8 do not match.
/// - Directories in the directory are left out, links are followed, and anything else but a file is an error.
/// - No file that matches makes an empty table, which [`Guard::not_empty`](crate::Guard::not_empty) refuses; a directory
///   that is missing is an error.
/// - The revision is that of a list of the files' own hashes, so that for `*.toml` it is `sha256:` and what
///   `LC_ALL=C; sha256sum *.toml | sha256sum` prints in the directory.
///
/// # Examples
/// ```
/// use twinbucket_feed::{Fetched, File, Source};
///
/// # let dir = tempfile::tempdir().unwrap();
/// std::fs::write(dir.path().join("20-site.toml"), "pay = 8081\n").unwrap();
/// std::fs::write(dir.path().join("10-base.toml"), "pay = 8080\n").unwrap();
/// std::fs::write(dir.path().join("20-site.toml~"), "what was there before\n").unwrap();
///
/// let mut files = File::directory(dir.path(), "*.toml")?;
/// let Fetched::New { parts, .. } = files.fetch(None)? else { panic!("there was nothing before") };
/// assert_eq!(parts.len(), 2);
/// assert!(parts[0].name.ends_with("10-base.toml"));
/// # Ok::<(), twinbucket_feed::SourceError>(())
/// ```
pub struct Directory {
    /// Does the work.
    follower: Follower,
}

impl Directory {
    /// Watches the files of a directory, which need not be there yet.
    ///
    /// A relative path is taken from the directory that is current now.
    ///
    /// # Errors
    /// If `pattern` is not one for names.
    pub fn watch(dir: impl AsRef<Path>, pattern: &str) -> Result<Self, SourceError> {
        Self::new(dir.as_ref(), pattern, true)
    }

    /// Looks at the files of a directory once in that time, without a watch.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn poll(dir: impl AsRef<Path>, pattern: &str, every: Duration) -> Result<Self, SourceError> {
        Ok(Self::new(dir.as_ref(), pattern, false)?.poll_every(every))
    }

    fn new(dir: &Path, pattern: &str, is_watched: bool) -> Result<Self, SourceError> {
        let names = Names::new(dir, pattern)?;
        let what = What::Directory { dir: Place::new(dir), names, max_files: 10_000 };
        Ok(Self { follower: Follower::new(what, is_watched) })
    }

    /// Sets after what time the contents are read in any case, however well the watch seems. By default 30 seconds.
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

    /// Sets the most bytes that the files may have together; more are not read. By default 1 GiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.follower.max_bytes = bytes;
        self
    }

    /// Sets the most files that may match; more are an error. By default 10,000.
    #[must_use]
    pub fn max_files(mut self, files: usize) -> Self {
        if let What::Directory { max_files, .. } = &mut self.follower.what {
            *max_files = files;
        }
        self
    }
}

impl Source for Directory {
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

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Directory").field(&self.name()).finish()
    }
}
