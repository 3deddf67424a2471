//! Reads a table from delimited text: CSV, TSV or the same with semicolons.
//!
//! The first column is the key, and every key stands once. A table is loaded whole or not at all: the first
//! thing wrong with it is reported with the file and the line an editor would show, and with what to do about
//! it. Knows nothing of stores or of the command line.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::str::from_utf8;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord};

use crate::table_error::{Problem, TableError};

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
    /// Copies the fields of a record, leaving out the first.
    fn without_key(record: &StringRecord) -> Self {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(record.len().saturating_sub(1));
        for field in record.iter().skip(1) {
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

/// Where the names of the columns come from.
#[derive(Clone, Debug)]
pub(crate) enum Header {
    /// The first line of the table.
    FirstLine,
    /// The caller; the first line is a row like others.
    Given(Vec<String>),
}

/// The character between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
}

impl Separator {
    /// Picks the separator by the file's extension, and where that leaves it open by the first line.
    ///
    /// A `.tsv` or `.tab` has tabs. A `.csv` may have commas or semicolons, other files any of the three: the one
    /// that the first line holds most of, outside of quotes, is taken.
    fn find(path: &Path, text: &str) -> Self {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("tsv" | "tab") => Self::Tab,
            Some("csv") => Self::most_frequent(&[Self::Comma, Self::Semicolon], text),
            _ => Self::most_frequent(&[Self::Tab, Self::Comma, Self::Semicolon], text),
        }
    }

    /// The candidate that the first line of `text` holds most of; of equals, the first.
    fn most_frequent(candidates: &[Self], text: &str) -> Self {
        let first_line = text.trim_start_matches(['\r', '\n']).split(['\r', '\n']).next().unwrap_or_default();
        let unquoted: String = first_line.split('"').step_by(2).collect();
        let count = |separator: &Self| unquoted.bytes().filter(|&byte| byte == separator.byte()).count();
        candidates.iter().rev().copied().max_by_key(count).unwrap_or(Self::Comma)
    }

    /// The separator as it stands in a file.
    fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

impl Table {
    /// Loads the table in the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, or what it holds is not a table; see [`Problem`].
    pub(crate) fn open(path: &Path, header: &Header) -> Result<Self, TableError> {
        let name = path.display().to_string();
        let fail = |problem| TableError { file: name.clone(), line: None, problem };
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => fail(Problem::Missing),
            _ => fail(Problem::Unreadable(source)),
        })?;
        Self::parse(&name, &bytes, header, None)
    }

    /// Reads a table from the bytes of a file called `name`; without a `separator`, name and first line
    /// decide.
    ///
    /// # Errors
    /// If the bytes are not a table; see [`Problem`].
    pub(crate) fn parse(
        name: &str,
        bytes: &[u8],
        header: &Header,
        separator: Option<Separator>,
    ) -> Result<Self, TableError> {
        let fail = |(line, problem)| TableError { file: name.to_owned(), line: Some(line), problem };
        let text = utf8(bytes).map_err(fail)?;
        let separator = separator.unwrap_or_else(|| Separator::find(Path::new(name), text));
        let (columns, rows) = Records::new(text, separator).into_table(header).map_err(fail)?;
        Ok(Self { name: name.to_owned(), columns, rows })
    }
}

/// Something wrong, and the line it stands on.
type Complaint = (u64, Problem);

/// Takes the bytes as text, without a byte order mark.
fn utf8(bytes: &[u8]) -> Result<&str, Complaint> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err((1, Problem::Utf16));
    }
    let text = from_utf8(bytes).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        let valid = from_utf8(valid).expect("`valid_up_to` ends the valid part");
        let column = valid.rsplit(['\r', '\n']).next().map_or(0, |line| line.chars().count()) + 1;
        (1 + line_ends(valid), Problem::NotUtf8 { byte: rest[0], column })
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Counts the line ends in `text`: `\n`, `\r\n` and a lone `\r` are one each.
fn line_ends(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let lone_return = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    (0..bytes.len()).filter(|&at| bytes[at] == b'\n' || lone_return(at)).count() as u64
}

/// The records of a text, one at a time, with the lines they stand on.
///
/// The reader of crate `csv` reports a record after blank lines, or after `\r\n`, as beginning on the line
/// before; hence the own count.
struct Records<'a> {
    /// The whole text.
    text: &'a str,
    /// What stands between two fields.
    separator: Separator,
    /// Splits the text into records.
    reader: csv::Reader<&'a [u8]>,
    /// The record read last.
    record: StringRecord,
    /// Offset in `text` where that record begins.
    begin: usize,
    /// Line that `begin` stands on.
    line: u64,
}

impl<'a> Records<'a> {
    /// Starts at the first record of `text`.
    fn new(text: &'a str, separator: Separator) -> Self {
        let reader = builder(separator.byte()).from_reader(text.as_bytes());
        Self { text, separator, reader, record: StringRecord::new(), begin: 0, line: 1 }
    }

    /// Reads the next record into `self.record`; `false` at the end.
    fn advance(&mut self) -> Result<bool, Complaint> {
        let from = self.offset();
        let more = self
            .reader
            .read_record(&mut self.record)
            .map_err(|error| (self.line, Problem::Unreadable(error.into())))?;
        let blank = self.text[from..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line += line_ends(&self.text[self.begin..from + blank]);
        self.begin = from + blank;
        if more && self.quote_is_open() {
            return Err((self.line, Problem::OpenQuote));
        }
        Ok(more)
    }

    /// Offset of the first byte not yet read.
    fn offset(&self) -> usize {
        usize::try_from(self.reader.position().byte()).expect("the text is in memory, so an offset in it fits")
    }

    /// The text of the record read last, with its line end.
    fn source(&self) -> &'a str {
        &self.text[self.begin..self.offset()]
    }

    /// Tells whether the record read last is the end of the text within a quoted field.
    ///
    /// The reader of crate `csv` takes that for a closed field. So the record is read again with a line after
    /// it: an open quote swallows it.
    fn quote_is_open(&self) -> bool {
        if self.offset() < self.text.len() || !self.source().contains('"') {
            return false;
        }
        let followed = format!("{}\n.", self.source());
        builder(self.separator.byte()).from_reader(followed.as_bytes()).into_byte_records().count() < 2
    }

    /// Reads what is left into columns and rows.
    fn into_table(mut self, header: &Header) -> Result<(Vec<String>, Vec<Row>), Complaint> {
        let columns = match header {
            Header::Given(names) => names.clone(),
            Header::FirstLine => self.header()?,
        };
        let header_line = self.line;
        let mut rows = Vec::new();
        let mut lines = HashMap::new();
        while self.advance()? {
            if self.record.len() != columns.len() {
                return Err((self.line, self.ragged(columns.len(), header)));
            }
            let row = Row { key: self.record[0].into(), fields: Arc::new(Fields::without_key(&self.record)) };
            if let Some(first) = lines.insert(Arc::clone(&row.key), self.line) {
                return Err((self.line, Problem::DuplicateKey { key: row.key, first }));
            }
            rows.push(row);
        }
        match header {
            _ if !rows.is_empty() => Ok((columns, rows)),
            Header::FirstLine => Err((header_line, Problem::NoRows)),
            Header::Given(_) => Err((1, Problem::Empty)),
        }
    }

    /// Reads the names of the columns.
    fn header(&mut self) -> Result<Vec<String>, Complaint> {
        if !self.advance()? {
            return Err((1, Problem::Empty));
        }
        let names: Vec<String> = self.record.iter().map(|name| name.trim().to_owned()).collect();
        match first_repeated(&names) {
            Some(name) => Err((self.line, Problem::DuplicateColumn(name.to_owned()))),
            None => Ok(names),
        }
    }

    /// Describes the record read last as one of the wrong length.
    fn ragged(&self, expected: usize, header: &Header) -> Problem {
        let last_line = self.line + line_ends(self.source().trim_end_matches(['\r', '\n']));
        let by_header = matches!(header, Header::FirstLine);
        Problem::Ragged {
            found: self.record.len(),
            expected,
            by_header,
            last_line: (last_line > self.line).then_some(last_line),
        }
    }
}

/// Sets up a reader that leaves it to this module to judge the records.
fn builder(separator: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(separator);
    builder
}

/// The first name that stands in `names` before, if any.
pub(crate) fn first_repeated(names: &[String]) -> Option<&str> {
    names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name.as_str())
}

#[cfg(test)]
mod tests;
