//! Where in a source something stands, and what is wrong there.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A place in one part of a source, as an editor shows it.
///
/// Displays as `file:line:column`, shortened where the line or the column is not known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The part's name: a path, an address.
    pub file: Arc<str>,
    /// Line, counted from 1; 0 where none is known.
    pub line: u64,
    /// Column in characters, counted from 1; 0 where none is known.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match (self.line, self.column) {
            (0, _) => Ok(()),
            (line, 0) => write!(f, ":{line}"),
            (line, column) => write!(f, ":{line}:{column}"),
        }
    }
}

/// Something wrong at a place, said so that it can be mended without further questions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowError {
    /// Where it stands.
    pub place: Place,
    /// What is wrong and, where that is not plain, what to do.
    pub problem: Box<str>,
}

impl RowError {
    /// Says that `problem` is wrong at `place`.
    pub fn new(place: Place, problem: impl Into<Box<str>>) -> Self {
        Self { place, problem: problem.into() }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl Error for RowError {}
