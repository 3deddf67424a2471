//! Reads a table from delimited text: CSV, TSV or the same with semicolons.
//!
//! The first column is the key, and every key stands once. A table is loaded whole or not at all: the first
//! thing wrong with it is reported with the file and the line an editor would show, and with what to do about
//! it. Taking the text apart is the work of twinbucket-feed. Knows nothing of stores or of the command line.

use std::fs;
use std::io;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use twinbucket_feed::format::delimited::{Columns, Record};
use twinbucket_feed::format::{self, Csv};
use twinbucket_feed::{LoadError, Overlaps, Part, RowPolicy, SourceError};

/// A table in memory, in the order of its file.
#[derive(Debug)]
pub(crate) struct Table {
    /// Where the table came from, as messages name it.
    pub(crate) name: String,
    /// Names of the columns; the first is the key's.
    pub(crate) columns: Vec<String>,
    /// The rows; no two have the same key.
    pub(crate) rows: Vec<Row>,
}

/// One row of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The field in the first column.
    pub(crate) key: Arc<str>,
    /// The fields in the other columns.
    pub(crate) fields: Arc<Fields>,
}

/// The fields of a row without its key, stored end to end.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fields {
    /// The text of all fields.
    text: Box<str>,
    /// Where each field ends in `text`.
    ends: Box<[usize]>,
}

impl Fields {
    /// Copies the fields of a record, leaving out the key.
    fn of(record: &Record<'_>) -> Self {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(record.values().len());
        for field in record.values() {
            text.push_str(field);
            ends.push(text.len());
        }
        Self { text: text.into(), ends: ends.into() }
    }

    /// Bytes of text in all fields together.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }
}

impl Table {
    /// Loads the table in the file at `path`; without `columns`, the first line has their names.
    ///
    /// # Errors
    /// If the file cannot be read, or what it holds is not a table.
    pub(crate) fn open(path: &Path, columns: Option<&[String]>) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| unreadable(&name, &error))?;
        let layout = Csv::of_file(path);
        Self::parse(&name, bytes, columns.map_or(layout.clone(), |names| layout.columns(names.to_vec())))
    }

    /// Reads a table from the bytes of a file called `name`.
    ///
    /// # Errors
    /// If the bytes are not a table.
    pub(crate) fn parse(name: &str, bytes: impl Into<Vec<u8>>, layout: Csv) -> Result<Self, LoadError> {
        let part = Part { name: name.into(), bytes: bytes.into() };
        let parts = slice::from_ref(&part);
        let header = layout.records(&part).map_err(LoadError::Row)?;
        let columns = header.columns().names().iter().map(ToString::to_string).collect();
        let format = layout.with(|_: &Columns| Ok(|record: &Record<'_>| Ok(entry(record))));
        let entries = format::read(&format, parts, RowPolicy::AllOrNothing, Overlaps::Error)?.entries;
        if entries.is_empty() {
            let problem = "the table has no rows; add one, or give the column names if this line is one";
            return Err(LoadError::Row(header.error(problem)));
        }
        let rows = entries.into_iter().map(|(key, fields)| Row { key, fields }).collect();
        Ok(Self { name: name.to_owned(), columns, rows })
    }
}

/// The key and the fields of a record.
fn entry(record: &Record<'_>) -> (Arc<str>, Arc<Fields>) {
    (record.key().into(), Arc::new(Fields::of(record)))
}

/// Says that a file cannot be read.
fn unreadable(name: &str, error: &io::Error) -> LoadError {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => "no such file; check the path".to_owned(),
        _ => format!("cannot read the file: {error}; name a readable file"),
    };
    LoadError::Source(SourceError::new(format!("{name}: {problem}")))
}

/// The first name that stands in `names` before, if any.
pub(crate) fn first_repeated(names: &[String]) -> Option<&str> {
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name.as_str())
}

#[cfg(test)]
mod tests;
