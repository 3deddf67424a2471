//! Delimited text, record by record: CSV, TSV, or the same with semicolons.
//!
//! [`Csv`] says how a file is laid out, [`Records`] reads it. Each [`Record`] knows the line it begins on and the place
//! of each field; a record that is wrong is an error of its own, and the next one is still found. Splitting is the work
//! of crate csv: a field may stand in double quotes, which are doubled within it, and may then hold separators and line
//! ends. Blank lines are skipped. Turning records into keys and values is not the business of this module.

use std::sync::Arc;

use ::csv::{ReaderBuilder, StringRecord};

use crate::format::text::{Cursor, error_at, not_utf8, unmarked};
use crate::{Part, RowError};

mod layout;
mod record;

pub use crate::format::delimited::layout::{Columns, Csv, Separator, Tsv};
pub use crate::format::delimited::record::{Record, Values};

/// The records of a part, one at a time, with the lines they stand on.
#[derive(Debug)]
pub struct Records<'a> {
    /// The part.
    part: &'a Part,
    /// Its text, without a byte order mark.
    text: &'a [u8],
    /// What stands between two fields.
    separator: Separator,
    /// Whether the first line names the columns, or else the caller.
    by_header: bool,
    /// The columns.
    columns: Arc<Columns>,
    /// Splits the text into records.
    reader: ::csv::Reader<&'a [u8]>,
    /// The record read last.
    record: StringRecord,
    /// Offset in `text` where that record begins.
    begin: usize,
    /// That place.
    start: Cursor<'a>,
}

impl<'a> Records<'a> {
    /// Reads the header of `part`.
    fn new(part: &'a Part, layout: &Csv) -> Result<Self, RowError> {
        let text = unmarked(part)?;
        let separator = layout.find_separator(text);
        let mut records = Self {
            part,
            text,
            separator,
            by_header: layout.given_columns().is_none(),
            columns: Arc::new(Columns::none()),
            reader: builder(separator).from_reader(text),
            record: StringRecord::new(),
            begin: 0,
            start: Cursor::new(text),
        };
        let names = match layout.given_columns() {
            Some(names) => names.to_vec(),
            None => records.header()?,
        };
        let columns = layout.arrange(names).map_err(|problem| records.error(problem))?;
        records.columns = Arc::new(columns);
        Ok(records)
    }

    /// Reads the names of the columns.
    fn header(&mut self) -> Result<Vec<Box<str>>, RowError> {
        if !self.advance()? {
            return Err(error_at(
                self.part,
                (1, 0),
                "the file is empty; it needs a header, unless the columns are given",
            ));
        }
        Ok(self.record.iter().map(|name| name.trim().into()).collect())
    }

    /// Returns the columns.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Returns what stands between two fields.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// Returns the line on which the record read last begins, be it a good or a bad one, or the header.
    pub fn line(&self) -> u64 {
        self.start.line()
    }

    /// Returns the line on which the record read last ends.
    pub fn last_line(&self) -> u64 {
        let end = self.source().iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        self.start.find(self.begin + end).0
    }

    /// Says that something is wrong with the record read last, or with the columns before there is one.
    pub fn error(&self, problem: impl Into<Box<str>>) -> RowError {
        error_at(self.part, (self.line(), 0), problem)
    }

    /// Reads the next record; `None` at the end.
    ///
    /// After an error the next record is the one that begins where the bad one ends. Only an error at the end of the
    /// part is the last: a quote that is never closed.
    ///
    /// # Errors
    /// If the record has too few or too many fields, is not UTF-8, or has a quote that is never closed.
    #[expect(clippy::should_implement_trait, reason = "a record borrows from the reader, which spares allocations")]
    pub fn next(&mut self) -> Option<Result<Record<'_>, RowError>> {
        match self.advance() {
            Ok(false) => None,
            Err(error) => Some(Err(error)),
            Ok(true) if self.record.len() != self.columns.names().len() => Some(Err(self.ragged())),
            Ok(true) => Some(Ok(Record {
                fields: &self.record,
                columns: &self.columns,
                part: self.part,
                source: self.source(),
                begin: self.begin,
                start: &self.start,
                separator: self.separator,
            })),
        }
    }

    /// Reads the next record into `self.record`; `false` at the end.
    ///
    /// The reader of crate csv reports a record after blank lines, or after `\r\n`, as beginning on the line before;
    /// hence the own count.
    fn advance(&mut self) -> Result<bool, RowError> {
        let from = self.offset();
        let read = self.reader.read_record(&mut self.record);
        let blank = self.text[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.begin = from + blank;
        self.start.advance(self.begin);
        if self.quote_is_open() {
            let problem = "a quote in the row that begins here is never closed; close it, or double it as text";
            return Err(self.error(problem));
        }
        read.map_err(|error| self.unreadable(&error))
    }

    /// Offset of the first byte not yet read.
    fn offset(&self) -> usize {
        usize::try_from(self.reader.position().byte()).expect("the text is in memory, so an offset in it fits")
    }

    /// The text of the record read last, with its line end.
    fn source(&self) -> &'a [u8] {
        &self.text[self.begin.min(self.offset())..self.offset()]
    }

    /// Tells whether the record read last is the end of the text within a quoted field.
    ///
    /// The reader of crate csv takes that for a closed field. So the record is read again with a line after it: an open
    /// quote swallows it.
    fn quote_is_open(&self) -> bool {
        if self.offset() < self.text.len() || !self.source().contains(&b'"') {
            return false;
        }
        let followed = [self.source(), b"\n."].concat();
        builder(self.separator).from_reader(&followed[..]).into_byte_records().count() < 2
    }

    /// Says why the record read last is none.
    fn unreadable(&self, error: &::csv::Error) -> RowError {
        match not_utf8(self.source()) {
            Some((offset, problem)) => error_at(self.part, self.start.find(self.begin + offset), problem),
            None => self.error(error.to_string()),
        }
    }

    /// Describes the record read last as one of the wrong length.
    fn ragged(&self) -> RowError {
        let (found, expected) = (self.record.len(), self.columns.names().len());
        let plural = if found == 1 { "" } else { "s" };
        let setter = if self.by_header { "the header has" } else { "the given columns are" };
        let last_line = self.last_line();
        let advice = if last_line > self.line() {
            format!("the row runs to line {last_line}, so a quote may be missing")
        } else if found < expected {
            "add what is missing".to_owned()
        } else {
            "remove what is too much, or put fields that contain the separator in double quotes".to_owned()
        };
        let problem = format!("the row has {found} field{plural}, {setter} {expected}; {advice}");
        self.error(problem)
    }
}

/// Sets up a reader that leaves it to this module to judge the records.
fn builder(separator: Separator) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(separator.byte());
    builder
}
