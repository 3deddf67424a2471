//! Files that hold results: each is written whole or not at all, and one that cannot be is told before the run.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Context;

/// A file that is to be written at the end of a run, whole or not at all.
#[derive(Debug)]
pub(crate) struct OutputFile {
    /// What messages call it: `JSON file`.
    kind: &'static str,
    /// The file as the user named it.
    named: PathBuf,
    /// Where the text is to be written.
    target: Target,
}

/// Where a text goes.
#[derive(Debug)]
enum Target {
    /// Beside the file, and then in its place.
    Replaced {
        /// The file.
        file: PathBuf,
        /// The file beside it, of this process only.
        beside: PathBuf,
    },
    /// Straight into something that is no regular file, like a pipe.
    Direct,
}

impl OutputFile {
    /// Checks that `path` can be written, so that a run of minutes does not end in an error about its result.
    ///
    /// # Errors
    /// If `path` is a folder, or nothing can be created beside it.
    pub(crate) fn prepare(kind: &'static str, path: &Path) -> anyhow::Result<Self> {
        let named = path.to_owned();
        let target = Self::target(path).with_context(|| refusal(kind, path))?;
        if let Target::Replaced { beside, .. } = &target {
            fs::write(beside, b"").and_then(|()| fs::remove_file(beside)).with_context(|| refusal(kind, path))?;
        }
        Ok(Self { kind, named, target })
    }

    /// Decides how `path` is to be written.
    fn target(path: &Path) -> io::Result<Target> {
        let file = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => return Ok(Target::Direct),
            // The file behind a link is what is replaced, not the link.
            Ok(_) => fs::canonicalize(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let mut name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", process::id()));
        Ok(Target::Replaced { beside: file.with_file_name(name), file })
    }

    /// Writes `text`.
    ///
    /// # Errors
    /// If that fails; a file that was there before is then as it was.
    pub(crate) fn write(&self, text: &str) -> anyhow::Result<()> {
        match &self.target {
            Target::Direct => fs::write(&self.named, text),
            Target::Replaced { file, beside } => {
                write_through(beside, text).and_then(|()| fs::rename(beside, file)).inspect_err(|_| {
                    // What is left of the text is of no use; the first error is the one to report.
                    let _ = fs::remove_file(beside);
                })
            }
        }
        .with_context(|| refusal(self.kind, &self.named))
    }
}

/// Writes a file and waits until it is on its disk: what a disk refuses late is told then or never, and a file that is
/// renamed before may be empty after a loss of power.
pub(crate) fn write_through(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Says what failed, and what to do.
fn refusal(kind: &str, path: &Path) -> String {
    format!("cannot write the {kind} {}; name a file in a folder that can be written to", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn device_is_written_into_and_never_replaced() {
        let file = OutputFile::prepare("JSON file", Path::new("/dev/null")).unwrap();
        assert!(matches!(file.target, Target::Direct));
    }
}
