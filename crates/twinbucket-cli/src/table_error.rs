//! What can be wrong with a table, said so that the file can be mended without further questions.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Longest part of a key that a message repeats, in characters.
const SHOWN_KEY: usize = 60;

/// A table that could not be loaded.
#[derive(Debug)]
pub(crate) struct TableError {
    /// The file, as the user named it.
    pub(crate) file: String,
    /// The line at fault, counted from 1; `None` where no line was read.
    pub(crate) line: Option<u64>,
    /// What is wrong.
    pub(crate) problem: Problem,
}

/// What is wrong with a table.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum Problem {
    /// There is no such file.
    Missing,
    /// The file cannot be read.
    Unreadable(io::Error),
    /// The file holds nothing.
    Empty,
    /// The file holds a header and nothing else.
    NoRows,
    /// The file is UTF-16.
    Utf16,
    /// The line is not UTF-8.
    NotUtf8 {
        /// The first byte that does not fit.
        byte: u8,
        /// Where it stands in its line, in characters, counted from 1.
        column: usize,
    },
    /// The row that begins on the line has too few or too many fields.
    Ragged {
        /// How many fields the row has.
        found: usize,
        /// How many it should have.
        expected: usize,
        /// Whether the header set that number, or else the caller.
        by_header: bool,
        /// The line the row ends on, if that is another one.
        last_line: Option<u64>,
    },
    /// The row that begins on the line has a quote which is never closed.
    OpenQuote,
    /// The key of the row was there before.
    DuplicateKey {
        /// The key.
        key: Arc<str>,
        /// The line that had it first.
        first: u64,
    },
    /// The header has the same name for two columns.
    DuplicateColumn(String),
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.problem)
    }
}

impl Error for TableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // An `io::Error` is already part of the message.
        None
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "no such file; check the path"),
            Self::Unreadable(error) => {
                write!(f, "cannot read the file: {error}; name a readable file")
            }
            Self::Empty => {
                write!(f, "the file is empty; it needs at least one row, and a header unless the columns are given")
            }
            Self::NoRows => {
                write!(f, "no row follows the header; add one, or give the column names if this line is a row")
            }
            Self::Utf16 => write!(f, "the file looks like UTF-16; save it as UTF-8"),
            Self::NotUtf8 { byte, column } => {
                write!(f, "not UTF-8: byte 0x{byte:02x} at column {column}; save the file as UTF-8")
            }
            Self::Ragged { found, expected, by_header, last_line } => {
                ragged(f, (*found, *expected), *by_header, *last_line)
            }
            Self::OpenQuote => {
                write!(f, "a quote in the row that begins here is never closed; close it, or double it as text")
            }
            Self::DuplicateKey { key, first } => {
                write!(f, "key {} was already on line {first}; keep one of the two rows", Shown(key))
            }
            Self::DuplicateColumn(name) => write!(f, "the header names column {} twice; rename one", Shown(name)),
        }
    }
}

/// Says that a row has `found` fields and not `expected`.
fn ragged(
    f: &mut fmt::Formatter<'_>,
    (found, expected): (usize, usize),
    by_header: bool,
    last_line: Option<u64>,
) -> fmt::Result {
    let plural = if found == 1 { "" } else { "s" };
    let setter = if by_header { "the header has" } else { "the given columns are" };
    write!(f, "the row has {found} field{plural}, {setter} {expected}; ")?;
    match last_line {
        Some(last) => write!(f, "the row runs to line {last}, so a quote may be missing"),
        None if found < expected => write!(f, "add what is missing"),
        None => write!(f, "remove what is too much, or put fields that contain the separator in double quotes"),
    }
}

/// A text from the table, quoted and cut to a length that a message can carry.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_KEY) {
            Some((end, _)) => write!(f, "{:?} (cut)", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}
