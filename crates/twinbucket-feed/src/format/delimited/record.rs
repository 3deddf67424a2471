//! One record of delimited text, with the place of each of its fields.

use ::csv::StringRecord;

use crate::format::delimited::{Columns, Separator};
use crate::format::text::{Cursor, error_at};
use crate::{Part, Place, RowError};

/// One record: as many fields as there are columns.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    /// The fields.
    pub(super) fields: &'r StringRecord,
    /// The columns.
    pub(super) columns: &'r Columns,
    /// The part it stands in.
    pub(super) part: &'r Part,
    /// Its text, as it stands in the part.
    pub(super) source: &'r [u8],
    /// Offset of that text.
    pub(super) begin: usize,
    /// The place where it begins.
    pub(super) start: &'r Cursor<'r>,
    /// What separates the fields.
    pub(super) separator: Separator,
}

impl<'r> Record<'r> {
    /// Returns the line it begins on, counted from 1.
    pub fn line(&self) -> u64 {
        self.start.line()
    }

    /// Returns the columns.
    pub fn columns(&self) -> &'r Columns {
        self.columns
    }

    /// Returns the field in the key's column.
    pub fn key(&self) -> &'r str {
        &self.fields[self.columns.key()]
    }

    /// Returns the field in the column at `column`, counted from 0.
    pub fn get(&self, column: usize) -> Option<&'r str> {
        self.fields.get(column)
    }

    /// Returns all fields, in the order of the columns.
    pub fn fields(&self) -> impl Iterator<Item = &'r str> + Clone {
        self.fields.iter()
    }

    /// Returns the fields without the key.
    pub fn values(&self) -> Values<'r> {
        Values { fields: self.fields, key: self.columns.key(), next: 0 }
    }

    /// Returns the place of the field in the column at `column`. Costs a look at the record's text.
    pub fn place(&self, column: usize) -> Place {
        let offset = self.begin + field_start(self.source, self.separator, column);
        let (line, column) = self.start.find(offset);
        Place { file: self.part.name.clone(), line, column }
    }

    /// Says that something is wrong with the record.
    pub fn error(&self, problem: impl Into<Box<str>>) -> RowError {
        error_at(self.part, (self.line(), 0), problem)
    }

    /// Says that something is wrong with the field in the column at `column`.
    pub fn error_in(&self, column: usize, problem: impl Into<Box<str>>) -> RowError {
        RowError::new(self.place(column), problem)
    }
}

/// The fields of a record without its key.
#[derive(Clone, Debug)]
pub struct Values<'r> {
    /// All fields.
    fields: &'r StringRecord,
    /// Place of the key among them.
    key: usize,
    /// Place of the next field.
    next: usize,
}

impl<'r> Iterator for Values<'r> {
    type Item = &'r str;

    fn next(&mut self) -> Option<&'r str> {
        self.next += usize::from(self.next == self.key);
        let field = self.fields.get(self.next)?;
        self.next += 1;
        Some(field)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.fields.len().saturating_sub(self.next + usize::from(self.next <= self.key));
        (left, Some(left))
    }
}

impl ExactSizeIterator for Values<'_> {}

/// Offset in `source`, the text of a record, where its field number `column` begins.
fn field_start(source: &[u8], separator: Separator, column: usize) -> usize {
    let mut start = 0;
    for _ in 0..column {
        let end = start + field_length(&source[start..], separator.byte());
        start = (end + 1).min(source.len());
    }
    start
}

/// Length of the first field in `source`, its quotes included. A field is quoted if it begins with a quote, up to the
/// next one that is not doubled; what follows that is taken as it stands.
fn field_length(source: &[u8], separator: u8) -> usize {
    let mut at = 0;
    if source.first() == Some(&b'"') {
        at = 1;
        while at < source.len() {
            match (source[at], source.get(at + 1)) {
                (b'"', Some(b'"')) => at += 2,
                (b'"', _) => break,
                _ => at += 1,
            }
        }
    }
    source[at.min(source.len())..].iter().position(|&byte| byte == separator).map_or(source.len(), |length| at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_begin_after_separators_outside_of_quotes() {
        let starts = |source: &str| -> Vec<usize> {
            (0..4).map(|column| field_start(source.as_bytes(), Separator::Comma, column)).collect()
        };
        assert_eq!(starts("a,bc,,d"), [0, 2, 5, 6]);
        assert_eq!(starts("\"a,\"\"b\",c,\"d\",e"), [0, 8, 10, 14]);
        assert_eq!(starts("\"a\"b,c\"d,\"e\",f"), [0, 5, 9, 13]);
        assert_eq!(starts("a,\"b,c"), [0, 2, 6, 6]);
    }
}
