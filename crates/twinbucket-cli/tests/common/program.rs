//! Runs the built program in a folder that belongs to the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program, with a working directory that holds nothing it could use.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinbucket"));
    command.args(args).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs the program to its end; a panic in it fails the test, whatever the exit code.
pub(crate) fn run(args: &[&str]) -> Output {
    let output = program(args).output().expect("the program was built with this test");
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    output
}

/// Output as text.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the program writes UTF-8")
}

/// Writes a file that only this test uses, and returns its name within the working directory.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    fs::write(path(name), content).unwrap();
    name.to_owned()
}

/// Where a file of the working directory is.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
