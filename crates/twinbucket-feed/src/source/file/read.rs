//! Reads files so that what is read was there at one moment.
//!
//! All files are listed with their stamps before they are read, and again afterwards: content read between two equal
//! lists was not written meanwhile, as far as stamps can tell.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::names::Names;
use super::stamp::Stamp;
use super::trail;
use crate::{Part, Revision, SourceError};

/// How often content that changes meanwhile is read.
const ATTEMPTS: u32 = 4;

/// Time between the first two of them; it grows.
const BREATH: Duration = Duration::from_millis(5);

/// What is read.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// One file.
    File(Place),
    /// Files of a directory.
    Directory {
        /// The directory.
        dir: Place,
        /// Their names.
        names: Names,
        /// The most of them that there may be.
        max_files: usize,
    },
}

/// A path as the user gave it, and independent of the process's current directory.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// As given, for messages.
    pub(super) given: PathBuf,
    /// From the root.
    pub(super) path: PathBuf,
}

impl Place {
    pub(super) fn new(given: &Path) -> Self {
        // Fails for an empty path and for a current directory that is gone; opening then fails with a better message.
        let path = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
        Self { given: given.to_owned(), path }
    }

    /// The place of a file in this directory.
    fn join(&self, name: &OsStr) -> Self {
        Self { given: self.given.join(name), path: self.path.join(name) }
    }

    /// Says what is wrong here.
    fn error(&self, problem: &str) -> SourceError {
        SourceError::new(format!("{}: {problem}", self.given.display()))
    }

    /// Says why the system refuses it, and what to do.
    fn refused(&self, error: io::Error) -> SourceError {
        let problem = match error.kind() {
            ErrorKind::NotFound => return self.error(&self.missing()),
            ErrorKind::PermissionDenied => {
                "this process may not read it; give its user the right to read it, and to search its directories"
            }
            _ => return self.error(&format!("cannot be read: {error}")),
        };
        self.error(problem).caused_by(error)
    }

    /// Says what is missing.
    fn missing(&self) -> String {
        let trail = trail::follow(&self.path);
        let Some(missing) = trail.lookups.last().filter(|_| trail.end.is_err()).map(trail::Lookup::place) else {
            return "does not exist; create it, or correct the path".to_owned();
        };
        match () {
            () if missing == self.path => "does not exist; create it, or correct the path".to_owned(),
            () if self.path.starts_with(&missing) => {
                format!("the directory {} does not exist; create it, or correct the path", missing.display())
            }
            () => format!("leads to {}, which does not exist; correct the link", missing.display()),
        }
    }
}

/// The files to read, in order, with their stamps.
pub(super) type List = Vec<(OsString, Stamp)>;

/// What was read.
pub(super) struct Content {
    /// The files, as they were before and after.
    pub(super) list: List,
    /// Their content, in the same order.
    pub(super) parts: Vec<Part>,
    /// The content's name.
    pub(super) revision: Revision,
}

/// Why a file was not read.
enum Trouble {
    /// It changed meanwhile.
    Changed,
    /// It cannot be read.
    Refused(SourceError),
}

impl What {
    /// The path, as the user gave it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(file) => file.given.display().to_string(),
            Self::Directory { dir, names, .. } => dir.given.join(names.as_str()).display().to_string(),
        }
    }

    /// Lists the files. Opens none of them.
    pub(super) fn list(&self) -> Result<List, SourceError> {
        match self {
            Self::File(file) => {
                let meta = fs::metadata(&file.path).map_err(|error| file.refused(error))?;
                Ok(vec![(OsString::new(), regular(file, &meta)?)])
            }
            Self::Directory { dir, names, max_files } => list_dir(dir, names, *max_files),
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read, if they have more than `max_bytes` together, or if they are being written.
    pub(super) fn read(&self, max_bytes: u64) -> Result<Content, SourceError> {
        let mut list = self.list()?;
        for attempt in 1..=ATTEMPTS {
            let parts = match self.read_listed(&list, max_bytes) {
                Ok(parts) => Some(parts),
                Err(Trouble::Changed) => None,
                Err(Trouble::Refused(error)) => return Err(error),
            };
            let again = self.list()?;
            if let Some(parts) = parts.filter(|_| again == list) {
                let revision = self.revision(&list, &parts);
                return Ok(Content { list, parts, revision });
            }
            if attempt < ATTEMPTS {
                thread::sleep(BREATH * attempt);
                list = self.list()?;
            }
        }
        Err(self.place().error("is being written; it is read when it is at rest"))
    }

    /// Reads the files of a list.
    fn read_listed(&self, list: &List, max_bytes: u64) -> Result<Vec<Part>, Trouble> {
        let too_large = |bytes: u64, at: &str| {
            let problem = format!("has {at}{bytes} bytes, and {max_bytes} are allowed; raise `max_bytes` if it may be");
            Trouble::Refused(self.place().error(&problem))
        };
        let total = list.iter().map(|(_, stamp)| stamp.size).fold(0, u64::saturating_add);
        if total > max_bytes {
            return Err(too_large(total, ""));
        }
        let mut left = max_bytes;
        let mut parts = Vec::with_capacity(list.len());
        for (name, stamp) in list {
            let place = match self {
                Self::File(file) => file.clone(),
                Self::Directory { dir, .. } => dir.join(name),
            };
            let bytes = read_one(&place, *stamp, left)?;
            // A file of the kernel's own may have more than its size says.
            left = left.checked_sub(bytes.len() as u64).ok_or_else(|| too_large(max_bytes + 1, "at least "))?;
            parts.push(Part { name: place.given.display().to_string().into(), bytes });
        }
        Ok(parts)
    }

    /// Names the content.
    fn revision(&self, list: &List, parts: &[Part]) -> Revision {
        let hash = match (self, parts) {
            (Self::File(_), [part]) => hex(&part.bytes),
            _ => {
                let lines = list.iter().zip(parts).map(|((name, _), part)| sum_line(name, &part.bytes));
                hex(&lines.collect::<Vec<_>>().concat())
            }
        };
        Revision::new(format!("sha256:{hash}"))
    }

    /// The path that messages are about.
    fn place(&self) -> &Place {
        match self {
            Self::File(file) => file,
            Self::Directory { dir, .. } => dir,
        }
    }
}

/// Lists the files in `dir` that are so named, by name.
fn list_dir(dir: &Place, names: &Names, max_files: usize) -> Result<List, SourceError> {
    let mut list = List::new();
    for entry in fs::read_dir(&dir.path).map_err(|error| dir.refused(error))? {
        let name = entry.map_err(|error| dir.refused(error))?.file_name();
        if !names.match_name(&name) {
            continue;
        }
        let file = dir.join(&name);
        let meta = match fs::metadata(&file.path) {
            Ok(meta) => meta,
            // Gone since it was listed, unless it is a link to nothing.
            Err(_) if fs::symlink_metadata(&file.path).is_err_and(|error| error.kind() == ErrorKind::NotFound) => {
                continue;
            }
            Err(error) => return Err(file.refused(error)),
        };
        if meta.is_dir() {
            continue;
        }
        if list.len() == max_files {
            let pattern = names.as_str();
            let problem = format!("more than {max_files} files match `{pattern}`; raise `max_files` if they may");
            return Err(dir.error(&problem));
        }
        let stamp = regular(&file, &meta)?;
        list.push((name, stamp));
    }
    list.sort_unstable_by(|(a, _), (b, _)| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(list)
}

/// Reads a file that had that stamp when it was listed, if it has no more than `max_bytes`. Whether it has it still is
/// for the caller to see.
///
/// Reads one byte more, if there is one, so that the caller sees that there is.
fn read_one(place: &Place, stamp: Stamp, max_bytes: u64) -> Result<Vec<u8>, Trouble> {
    let refused = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => Trouble::Changed,
        _ => Trouble::Refused(place.refused(error)),
    };
    let file = open(&place.path).map_err(refused)?;
    let meta = file.metadata().map_err(refused)?;
    if regular(place, &meta).map_err(Trouble::Refused)? != stamp {
        return Err(Trouble::Changed);
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(stamp.size.saturating_add(1)).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(room)
        .map_err(|_| Trouble::Refused(place.error(&format!("there is no memory for its {} bytes", stamp.size))))?;
    (&file).take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(refused)?;
    Ok(bytes)
}

/// Opens a file for reading, without waiting for a writer if it has become a FIFO, and without taking a terminal.
fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        use rustix::fs::OFlags;

        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits() as i32);
    }
    options.open(path)
}

/// Returns the stamp of a regular file, or says what it is instead.
fn regular(place: &Place, meta: &Metadata) -> Result<Stamp, SourceError> {
    if meta.is_file() {
        return Ok(Stamp::of(meta));
    }
    let hint = if meta.is_dir() { "; for all its files, use `File::directory`" } else { "" };
    Err(place.error(&format!("is {}, not a file{hint}", kind(meta.file_type()))))
}

/// Says what something is that is not a regular file.
fn kind(is: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;

        match () {
            () if is.is_fifo() => return "a FIFO",
            () if is.is_socket() => return "a socket",
            () if is.is_block_device() || is.is_char_device() => return "a device",
            () => {}
        }
    }
    if is.is_dir() { "a directory" } else { "something else" }
}

/// The content hash of `bytes`, as sha256sum writes it.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}

/// The line that sha256sum writes for a file of that name: no two lists of files give the same lines.
fn sum_line(name: &OsStr, bytes: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    let mut escaped = Vec::new();
    for &byte in name.as_encoded_bytes() {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            _ => escaped.push(byte),
        }
    }
    if escaped.len() != name.len() {
        line.push(b'\\');
    }
    line.extend(hex(bytes).as_bytes());
    line.extend(b"  ");
    line.extend(escaped);
    line.push(b'\n');
    line
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn opening_a_fifo_does_not_wait_for_a_writer() {
        // A file may have become one since it was listed.
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let file = open(&fifo).unwrap();
        assert!(regular(&Place::new(&fifo), &file.metadata().unwrap()).is_err());
    }
}
