//! Looks at files when told to, and says whether their content is another.
//!
//! # When equal stamps stand for equal content
//! A look that nothing but time has caused may leave the files closed if none of their stamps (device, inode, size, and
//! the times of change of content and of inode, in nanoseconds) has changed. Stamps alone would not do:
//!
//! - Two writes within the granularity of the file system's clock leave the same stamp. So the content must have been
//!   read a while ([`GRANULARITY`]) after that stamp was first seen: by then the file system's clock has moved on, and
//!   a later write leaves another stamp. The wait is measured by this machine's monotonic clock, so it does not matter
//!   how the clocks of a file server and of this machine differ.
//! - A clock that is set back can give the same stamp again, and a program that has mapped a file into memory changes
//!   it without a new stamp. Neither can be seen but by reading. So files are read anyway once per re-check, and such a
//!   change is at most that old.
//!
//! A look after an event, after a failure, by hand, or by way of a re-check always reads.

use std::time::{Duration, Instant};

use super::lookout::Lookout;
use super::read::{List, What};
use super::trail;
use super::watch::Interests;
use crate::{Fetched, Revision, SourceError, Wake};

/// Longer than the granularity of any file system's clock; the coarsest in use is FAT's, with two seconds.
const GRANULARITY: Duration = Duration::from_secs(3);

/// Follows files.
pub(super) struct Follower {
    /// The files.
    pub(super) what: What,
    /// The most bytes that they may have together.
    pub(super) max_bytes: u64,
    /// When to look again.
    pub(super) lookout: Lookout,
    /// What was read last.
    last: Option<Last>,
}

/// Content that was read.
struct Last {
    /// The files and their stamps.
    list: List,
    /// The content's name.
    revision: Revision,
    /// When these stamps had been seen for the first time.
    since: Instant,
    /// When it was last begun to read it.
    read: Instant,
}

impl Follower {
    pub(super) fn new(what: What, is_watched: bool) -> Self {
        Self { what, max_bytes: 1 << 30, lookout: Lookout::new(is_watched), last: None }
    }

    /// Says whom to tell of changes.
    pub(super) fn start(&mut self, wake: Wake) {
        self.lookout.start(wake);
    }

    /// Gets the content, unless it is still the one called `known`.
    pub(super) fn fetch(&mut self, known: Option<&Revision>) -> Result<Fetched, SourceError> {
        let heard = self.lookout.arm(|| interests(&self.what));
        let fetched = self.look(known, heard);
        self.lookout.note(fetched.is_ok());
        if fetched.is_err() {
            self.last = None;
        }
        fetched
    }

    fn look(&mut self, known: Option<&Revision>, heard: bool) -> Result<Fetched, SourceError> {
        if !heard && self.is_certainly(known)? {
            return Ok(Fetched::Same);
        }
        let read = Instant::now();
        let content = self.what.read(self.max_bytes)?;
        let last = self.last.take();
        if !heard && last.as_ref().is_some_and(|last| last.revision != content.revision) {
            self.lookout.missed_a_change();
        }
        let since = last.filter(|last| last.list == content.list).map_or_else(Instant::now, |last| last.since);
        let revision = content.revision;
        self.last = Some(Last { list: content.list, revision: revision.clone(), since, read });
        if known == Some(&revision) {
            return Ok(Fetched::Same);
        }
        Ok(Fetched::New { parts: content.parts, revision })
    }

    /// Tells whether the content is the one called `known`, as far as that can be known without reading it.
    fn is_certainly(&self, known: Option<&Revision>) -> Result<bool, SourceError> {
        let Some(last) = self.last.as_ref().filter(|last| known == Some(&last.revision)) else { return Ok(false) };
        let is_settled = last.read.saturating_duration_since(last.since) >= GRANULARITY;
        let is_recent = last.read.elapsed() < self.lookout.recheck;
        Ok(is_settled && is_recent && self.what.list()? == last.list)
    }
}

/// What is to be watched for changes of `what`.
fn interests(what: &What) -> Interests {
    let mut interests = Interests::default();
    match what {
        What::File(file) => interests.add(&trail::follow(&file.path)),
        What::Directory { dir, names, .. } => {
            let way = trail::follow(&dir.path);
            interests.add_way(&way);
            if let Ok(dir) = &way.end {
                interests.add_some(dir, names);
                for link in names.links_in(dir) {
                    interests.add(&trail::follow(&link));
                }
            }
        }
    }
    interests
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::source::file::read::Place;

    /// A name that no content has, so that only a look that does not read can find it.
    const PRETENDED: &str = "pretended";

    /// A file that was read `read` ago with a stamp first seen `since` ago, and the content was then called
    /// [`PRETENDED`].
    fn follower(path: &Path, since: u64, read: u64) -> Follower {
        fs::write(path, "a").unwrap();
        let mut follower = Follower::new(What::File(Place::new(path)), true);
        follower.fetch(None).unwrap();
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let last = follower.last.as_mut().unwrap();
        (last.since, last.read) = (ago(since), ago(read));
        last.revision = Revision::new(PRETENDED);
        follower
    }

    /// Tells whether a look takes the stamp for the content.
    fn trusts(follower: &mut Follower) -> bool {
        let fetched = follower.fetch(Some(&Revision::new(PRETENDED))).unwrap();
        matches!(fetched, Fetched::Same)
    }

    fn path(dir: &tempfile::TempDir) -> PathBuf {
        dir.path().join("rows")
    }

    #[test]
    fn settled_file_is_not_read_between_two_rechecks() {
        let dir = tempfile::tempdir().unwrap();
        assert!(trusts(&mut follower(&path(&dir), 20, 10)));
        assert!(!trusts(&mut follower(&path(&dir), 40, 31)), "it is time for a re-check");
    }

    #[test]
    fn file_read_soon_after_its_stamp_was_seen_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!trusts(&mut follower(&path(&dir), 10, 8)));
        assert!(!trusts(&mut follower(&path(&dir), 10, 10)));
    }

    #[test]
    fn file_with_another_stamp_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut follower = follower(&path(&dir), 20, 10);
        let new = dir.path().join("new");
        fs::write(&new, "a").unwrap();
        fs::rename(new, path(&dir)).unwrap();
        assert!(!trusts(&mut follower));
    }

    #[test]
    fn file_is_read_after_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let mut follower = follower(&path(&dir), 20, 10);
        fs::rename(path(&dir), dir.path().join("away")).unwrap();
        follower.fetch(None).unwrap_err();
        fs::rename(dir.path().join("away"), path(&dir)).unwrap();
        assert!(!trusts(&mut follower));
    }

    #[test]
    fn stamp_keeps_the_time_at_which_it_was_first_seen() {
        let dir = tempfile::tempdir().unwrap();
        let mut follower = follower(&path(&dir), 40, 31);
        let since = follower.last.as_ref().unwrap().since;
        follower.fetch(None).unwrap();
        assert_eq!(follower.last.as_ref().unwrap().since, since);
        fs::write(path(&dir), "bc").unwrap();
        follower.fetch(None).unwrap();
        assert!(follower.last.as_ref().unwrap().since > since);
    }
}
