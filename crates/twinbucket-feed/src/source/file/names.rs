//! Which names in a directory belong to a table.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::SourceError;

/// What editors, package tools and half-done copies leave beside a file, by the ends of the names.
const LEFTOVERS: [&str; 16] = [
    "~",
    "#",
    ".bak",
    ".swp",
    ".swo",
    ".swx",
    ".tmp",
    ".temp",
    ".part",
    ".orig",
    ".rej",
    ".save",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-dist",
    ".rpmnew",
];

/// A pattern for names.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Names {
    /// The pattern.
    pattern: Pattern,
}

impl Names {
    /// Reads a pattern such as `*.toml`; `dir` is for the message.
    pub(super) fn new(dir: &Path, pattern: &str) -> Result<Self, SourceError> {
        let refuse = |why: String| {
            let dir = dir.display();
            Err(SourceError::new(format!("{dir}: `{pattern}` is no pattern for the names of its files: {why}")))
        };
        if pattern.is_empty() || pattern.contains(std::path::is_separator) {
            return refuse("give one for names, such as `*.toml`, and the directory by itself".to_owned());
        }
        match Pattern::new(pattern) {
            Ok(pattern) => Ok(Self { pattern }),
            Err(error) => refuse(format!("{} at character {}", error.msg, error.pos + 1)),
        }
    }

    /// Tells whether a file of that name belongs to the table.
    pub(super) fn match_name(&self, name: &OsStr) -> bool {
        let Some(name) = name.to_str() else { return false };
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
        self.pattern.matches_with(name, options) && !self.is_leftover(name)
    }

    /// Tells whether `name` is that of a leftover, and the pattern does not ask for those.
    fn is_leftover(&self, name: &str) -> bool {
        LEFTOVERS.iter().any(|end| name.ends_with(end) && !self.pattern.as_str().ends_with(end))
    }

    /// Lists the links in `dir` that are so named, as far as it can be read.
    pub(super) fn links_in(&self, dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let links = entries.filter(|entry| entry.file_type().is_ok_and(|is| is.is_symlink()));
        links.filter(|entry| self.match_name(&entry.file_name())).map(|entry| entry.path()).collect()
    }

    /// The pattern as it was given.
    pub(super) fn as_str(&self) -> &str {
        self.pattern.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Names::new(Path::new("d"), pattern).unwrap().match_name(OsStr::new(name))
    }

    #[test]
    fn hidden_files_and_leftovers_match_only_if_the_pattern_says_so() {
        for name in [".a.toml", "a.toml~", "#a.toml#", ".a.toml.swp", "a.toml.bak", "a.toml.dpkg-old", "..data"] {
            assert!(!matches("*", name), "{name}");
            assert!(!matches("*.toml", name), "{name}");
        }
        assert!(matches("*.toml", "a.toml") && matches("*", "a"));
        assert!(matches(".*.toml", ".a.toml") && matches("*.bak", "a.bak") && matches("*~", "a~"));
        assert!(!matches("*.toml", "a.TOML") && !matches("[a-c]?.csv", "d1.csv") && matches("[a-c]?.csv", "b1.csv"));
    }

    #[test]
    fn pattern_for_more_than_names_is_refused() {
        for pattern in ["", "a/*.toml", "[a", "a**"] {
            let error = Names::new(Path::new("conf.d"), pattern).unwrap_err().to_string();
            assert!(error.starts_with(&format!("conf.d: `{pattern}` is no pattern")), "{error}");
        }
    }
}
