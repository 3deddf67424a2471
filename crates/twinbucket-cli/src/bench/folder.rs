//! A folder of results, written whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Context;

use crate::files::write_through;

/// A folder that is to be filled at the end of a run.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    /// The folder.
    folder: PathBuf,
    /// The folder beside it, of this process only, which is filled and then takes its name.
    beside: PathBuf,
}

impl OutputFolder {
    /// Checks that a folder of this name can be made, so that a run of minutes does not end in an error about its
    /// result.
    ///
    /// # Errors
    /// If there is a file of that name, a folder that holds something, or nothing can be created beside it.
    pub(crate) fn prepare(path: &Path) -> anyhow::Result<Self> {
        let prepared = Self::find(path).with_context(|| refusal(path))?;
        fs::create_dir(&prepared.beside)
            .and_then(|()| fs::remove_dir(&prepared.beside))
            .with_context(|| refusal(path))?;
        Ok(prepared)
    }

    /// Decides which folders `path` stands for.
    fn find(path: &Path) -> io::Result<Self> {
        let folder = match fs::read_dir(path) {
            Ok(mut entries) => match entries.next() {
                Some(_) => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
                None => fs::canonicalize(path)?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let mut name: OsString = folder.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", process::id()));
        Ok(Self { beside: folder.with_file_name(name), folder })
    }

    /// Writes `files`, each a name and a text.
    ///
    /// # Errors
    /// If that fails; nothing is left of them then.
    pub(crate) fn write(&self, files: &[(String, String)]) -> anyhow::Result<()> {
        self.fill(files)
            .inspect_err(|_| {
                // What is left is of no use; the first error is the one to report.
                let _ = fs::remove_dir_all(&self.beside);
            })
            .with_context(|| refusal(&self.folder))
    }

    /// Fills the folder beside, and gives it the name.
    fn fill(&self, files: &[(String, String)]) -> io::Result<()> {
        fs::create_dir(&self.beside)?;
        for (name, text) in files {
            write_through(&self.beside.join(name), text)?;
        }
        // An empty folder of that name is replaced.
        fs::rename(&self.beside, &self.folder)
    }
}

/// Says what failed, and what to do.
fn refusal(path: &Path) -> String {
    format!("cannot write the folder {}; name a new or empty one, where one can be made", path.display())
}
