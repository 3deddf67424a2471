//! How delimited text is laid out: what separates fields, what the columns are called, and which one is the key.

use std::path::Path;

use crate::Part;
use crate::RowError;
use crate::format::delimited::Records;
use crate::format::text::shown;

/// Delimited text with commas or semicolons: a header, then a record for each row.
///
/// The first column is the key, unless [`key`](Self::key) names another, and the rest is the value: read by the names in
/// the header into a struct or a map, in their order into a tuple or a sequence, and where exactly one column remains
/// also into a single value. A single value where several columns remain is an error. Fields become numbers, options
/// (an empty field is `None`), enums and so on as with crate csv. [`with`](Self::with) makes rows without serde.
///
/// The first line shows whether fields are separated by commas or semicolons. A row with too few or too many fields is a
/// bad row; if it runs over several lines, each of them counts as one, since a missing quote may have swallowed them.
///
/// ```
/// use serde::Deserialize;
/// use twinbucket_feed::format::{self, Csv};
/// use twinbucket_feed::{Overlaps, Part, RowPolicy};
///
/// #[derive(Deserialize, Debug, PartialEq)]
/// struct Country {
///     name: String,
///     calling_code: Option<u32>,
/// }
///
/// let part = Part { name: "countries.csv".into(), bytes: b"name,code,calling_code\nPeru,PE,51\nBouvet,BV,\n".to_vec() };
/// let format = Csv::new().key("code");
/// let content = format::read::<String, Country>(&format, &[part], RowPolicy::AllOrNothing, Overlaps::Error)?;
/// assert_eq!(content.entries[0], ("PE".to_owned(), Country { name: "Peru".to_owned(), calling_code: Some(51) }));
/// assert_eq!(content.entries[1].1.calling_code, None);
/// # Ok::<(), twinbucket_feed::LoadError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Csv {
    /// What may separate fields; the first line decides.
    separators: Vec<Separator>,
    /// Names of the columns; `None` if the first line has them.
    columns: Option<Vec<Box<str>>>,
    /// Name of the key's column; `None` for the first.
    key: Option<Box<str>>,
}

/// Delimited text with tabs; otherwise like [`Csv`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tsv;

/// The character between two fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Separator {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
}

impl Tsv {
    /// Describes text with tabs and a header.
    #[expect(clippy::new_ret_no_self, reason = "the two differ in the separator only")]
    pub fn new() -> Csv {
        Csv::new().separator(Separator::Tab)
    }
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    /// Describes text with a header, with commas or semicolons.
    pub fn new() -> Self {
        Self { separators: vec![Separator::Comma, Separator::Semicolon], columns: None, key: None }
    }

    /// Describes text with a header, with the separators that a file of that name may have.
    ///
    /// A `.tsv` or `.tab` has tabs. A `.csv` has commas or semicolons, and other files any of the three: the one that the
    /// first line holds most of, outside of quotes, is taken.
    pub fn of_file(path: impl AsRef<Path>) -> Self {
        let extension = path.as_ref().extension().map(|extension| extension.to_ascii_lowercase());
        let separators = match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("tsv" | "tab") => vec![Separator::Tab],
            Some("csv") => vec![Separator::Comma, Separator::Semicolon],
            _ => vec![Separator::Tab, Separator::Comma, Separator::Semicolon],
        };
        Self { separators, ..Self::new() }
    }

    /// Sets the separator, whatever the first line looks like.
    #[must_use]
    pub fn separator(mut self, separator: Separator) -> Self {
        self.separators = vec![separator];
        self
    }

    /// Names the columns, for text whose first line is a row already.
    #[must_use]
    pub fn columns(mut self, names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Names the column that is the key.
    #[must_use]
    pub fn key(mut self, column: impl Into<Box<str>>) -> Self {
        self.key = Some(column.into());
        self
    }

    /// Reads the records of `part`, one at a time, as text.
    ///
    /// # Errors
    /// If the text has no header, or one that cannot be used.
    pub fn records<'a>(&self, part: &'a Part) -> Result<Records<'a>, RowError> {
        Records::new(part, self)
    }

    /// The separator that the first line of `text` holds most of, outside of quotes; of equals, the first.
    pub(super) fn find_separator(&self, text: &[u8]) -> Separator {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = text.iter().position(|byte| !is_line_end(byte)).unwrap_or(text.len());
        let first_line = text[start..].split(is_line_end).next().unwrap_or_default();
        let count = |separator: &Separator| {
            let unquoted = first_line.split(|&byte| byte == b'"').step_by(2).flatten();
            unquoted.filter(|&&byte| byte == separator.byte()).count()
        };
        self.separators.iter().rev().copied().max_by_key(count).unwrap_or(Separator::Comma)
    }

    /// The names of the columns, if the first line does not have them.
    pub(super) fn given_columns(&self) -> Option<&[Box<str>]> {
        self.columns.as_deref()
    }

    /// Finds the key's column among those called `names`.
    ///
    /// # Errors
    /// If there is none, or two have the same name.
    pub(super) fn arrange(&self, names: Vec<Box<str>>) -> Result<Columns, String> {
        let setter = if self.columns.is_some() { "the given columns name" } else { "the header names" };
        if let Some(name) = first_repeated(&names) {
            return Err(format!("{setter} column {} twice; rename one", shown(name)));
        }
        let key = match &self.key {
            None => Some(0).filter(|_| !names.is_empty()),
            Some(key) => names.iter().position(|name| name == key),
        };
        match key {
            Some(key) => Ok(Columns { names: names.into(), key }),
            None => {
                let wanted = self.key.as_deref().map_or("a key".to_owned(), |key| format!("the key's, {}", shown(key)));
                let found = shown(&names.join(", "));
                Err(format!("{setter} no column for {wanted}; name one of {found}"))
            }
        }
    }
}

impl Separator {
    /// The separator as it stands in a file.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// The names of the columns, and which of them is the key's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Columns {
    /// The names, no two alike.
    names: Box<[Box<str>]>,
    /// Place of the key's among them.
    key: usize,
}

impl Columns {
    /// No columns, until they are read.
    pub(super) fn none() -> Self {
        Self { names: Box::default(), key: 0 }
    }

    /// Returns all names, in the order of the file.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// Returns the place of the key's column, counted from 0.
    pub fn key(&self) -> usize {
        self.key
    }

    /// Returns the names of the other columns.
    pub fn values(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().enumerate().filter(|&(at, _)| at != self.key).map(|(_, name)| &**name)
    }

    /// Returns the place of the column called `name`, counted from 0.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| **column == *name)
    }
}

/// The first name that stands in `names` before, if any.
fn first_repeated(names: &[Box<str>]) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    names.iter().map(|name| &**name).find(|&name| !seen.insert(name))
}
