//! The files of `deploy/` do what they are for: each is checked by the program that it is made for, where that is
//! installed, and against what the daemon and the metrics really have.
//!
//! A program that is missing is told on stderr and its test passes, but where `CI` is set it fails.

mod alerts;
mod dashboard;
mod http;
mod names;
mod sample;
mod scrape;
mod unit;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// Output as text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the programs write UTF-8")
}

/// Where a file of the repository is.
fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// The content of a file of the repository.
fn content(name: &str) -> String {
    fs::read_to_string(repository(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Runs an installed program, or says that it is not there.
fn installed(program: &str, package: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound && env::var_os("CI").is_none() => {
            eprintln!("skipped: {program} is not installed (Debian package {package})");
            None
        }
        Err(error) => panic!("{program} (Debian package {package}): {error}"),
    }
}

/// Checks that a program was content, and returns what it said.
fn success(output: &Output) -> &str {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
