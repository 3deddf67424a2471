//! What the file system says about a file besides its content.
//!
//! Two stamps that differ mean that something happened; two that are equal prove nothing by themselves. How far equal
//! ones may be trusted is for [`follow`](super::follow) to say.

use std::fs::Metadata;

/// Which file it is, how long, and when it was changed. Any change of content changes it, unless it comes within the
/// granularity of the time stamps, the clock is set back, or the file is mapped into memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    /// Which file it is.
    identity: Identity,
    /// Length in bytes.
    pub(super) size: u64,
    /// When the content was changed, in nanoseconds since 1970; a program can set it.
    modified: i128,
    /// When content, owner or mode were changed, in nanoseconds since 1970; only the kernel sets it.
    changed: i128,
}

/// Which file or directory it is, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    /// Number of the file system.
    dev: u64,
    /// Number of the file in it. Freed numbers are used again.
    ino: u64,
}

#[cfg(unix)]
impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            identity: Identity::of(meta),
            size: meta.size(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
        }
    }
}

#[cfg(unix)]
impl Identity {
    pub(super) fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self { dev: meta.dev(), ino: meta.ino() }
    }
}

#[cfg(not(unix))]
impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        let nanos = |time: std::io::Result<std::time::SystemTime>| {
            let since = time.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            since.map_or(0, |since| since.as_nanos() as i128)
        };
        Self {
            identity: Identity::of(meta),
            size: meta.len(),
            modified: nanos(meta.modified()),
            changed: nanos(meta.created()),
        }
    }
}

#[cfg(not(unix))]
impl Identity {
    /// Knows no numbers: the time of creation, which is part of the stamp, stands in for them.
    pub(super) fn of(_: &Metadata) -> Self {
        Self { dev: 0, ino: 0 }
    }
}
