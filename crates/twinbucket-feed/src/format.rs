//! How bytes become rows.
//!
//! A [`Format`] reads the rows of one part. Which formats there are, and how each takes a row apart into key and value,
//! is in the modules below; what becomes of bad rows and of keys that come twice is [`Rows`]' to say.
//!
//! | format | a part holds | after a bad row | cut short, it is |
//! |---|---|---|---|
//! | [`Csv`], [`Tsv`] | a header and records | goes on | a shorter table, if cut at the end of a line |
//! | [`Json`] | an object, or an array of objects | goes on | never valid |
//! | [`Ndjson`] | a value per line | goes on | a shorter table, if cut at the end of a line |
//! | [`Toml`] | a table, or an array of tables | goes on, unless it is no TOML | maybe a shorter table |
//! | [`Yaml`] | a mapping, or a sequence of mappings | goes on, unless it is no YAML | maybe a shorter table |
//!
//! A part that is cut *within* its last line may also still be read, with a value that is cut short: [`WholeLines`]
//! refuses that. Against what is cut at the end of a line there is [`Guard::max_shrink`](crate::Guard::max_shrink).

use std::fmt;
use std::hash::Hash;

use crate::rows::{Loaded, Nothing, Present};
use crate::{LoadError, Overlaps, Part, RowError, RowPolicy, Rows};

#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "csv")]
pub mod delimited;
#[cfg(feature = "json")]
mod json;
#[cfg(any(feature = "json", feature = "toml"))]
mod key_text;
#[cfg(any(feature = "json", feature = "toml", feature = "yaml"))]
mod rest;
#[cfg(any(feature = "csv", feature = "json", feature = "toml", feature = "yaml"))]
mod shape;
pub(crate) mod text;
#[cfg(feature = "toml")]
mod toml;
mod whole_lines;
#[cfg(feature = "yaml")]
mod yaml;

#[cfg(feature = "csv")]
pub use crate::format::csv::With;
#[cfg(feature = "csv")]
pub use crate::format::delimited::{Csv, Tsv};
#[cfg(feature = "json")]
pub use crate::format::json::{Json, JsonArray, Ndjson, NdjsonObjects};
#[cfg(feature = "toml")]
pub use crate::format::toml::{Toml, TomlArray, TomlTables};
pub use crate::format::whole_lines::WholeLines;
#[cfg(feature = "yaml")]
pub use crate::format::yaml::{Yaml, YamlSequence};

/// Reads the rows of one part of a source.
///
/// A function of that signature is a format, too:
///
/// ```
/// use twinbucket_feed::{Overlaps, Part, RowPolicy, Rows, format};
///
/// /// One word a line, with its number.
/// let words = |part: &Part, rows: &mut Rows<'_, String, usize>| {
///     for (number, word) in String::from_utf8_lossy(&part.bytes).lines().enumerate() {
///         if rows.push(number as u64 + 1, word.to_owned(), number).is_break() {
///             break;
///         }
///     }
///     Ok(())
/// };
/// let part = Part { name: "words".into(), bytes: b"a\nb\n".to_vec() };
/// let content = format::read(&words, &[part], RowPolicy::AllOrNothing, Overlaps::Error)?;
/// assert_eq!(content.entries[1], ("b".to_owned(), 1));
/// # Ok::<(), twinbucket_feed::LoadError>(())
/// ```
pub trait Format<K, V>: Send {
    /// Gives each row of `part` to `rows`, in order, and stops early when `rows` asks for it.
    ///
    /// A row that is wrong by itself goes to [`Rows::reject`]; what comes after it must still be found where the format
    /// allows that.
    ///
    /// # Errors
    /// If the part as a whole cannot be read, or not past some place.
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError>;
}

impl<K, V, F> Format<K, V> for F
where
    F: Fn(&Part, &mut Rows<'_, K, V>) -> Result<(), RowError> + Send,
{
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        self(part, rows)
    }
}

impl<K, V> Format<K, V> for Box<dyn Format<K, V>> {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        (**self).read(part, rows)
    }
}

/// What a load would bring into a table.
#[derive(Debug)]
pub struct Content<K, V> {
    /// The good rows, in order; no two have the same key.
    pub entries: Vec<(K, V)>,
    /// Errors of the bad rows that were left out, the first of them.
    pub bad: Vec<RowError>,
    /// How many bad rows there are.
    pub bad_count: usize,
}

/// Reads `parts` as a table would load them, without a table: to check a file, or to test a format.
///
/// # Errors
/// If a part cannot be read, or more rows are bad than `policy` allows.
pub fn read<K: Hash + Eq, V>(
    format: &impl Format<K, V>,
    parts: &[Part],
    policy: RowPolicy,
    overlaps: Overlaps,
) -> Result<Content<K, V>, LoadError> {
    let mut loaded = load(format, parts, &Nothing, policy, overlaps)?;
    let (bad, bad_count) = (std::mem::take(&mut loaded.bad), loaded.bad_count);
    Ok(Content { entries: loaded.into_entries().collect(), bad, bad_count })
}

/// Reads the rows of `parts`, to be compared with what is present.
pub(crate) fn load<'a, K: Hash + Eq, V>(
    format: &(impl Format<K, V> + ?Sized),
    parts: &[Part],
    present: &'a dyn Present<K, V>,
    policy: RowPolicy,
    overlaps: Overlaps,
) -> Result<Loaded<'a, K, V>, LoadError> {
    let mut rows = Rows::new(present, policy, overlaps);
    for part in parts {
        rows.begin(part);
        let read = format.read(part, &mut rows);
        // What was wrong first is told.
        if rows.settle().is_break() || rows.has_failed() {
            break;
        }
        read.map_err(LoadError::Row)?;
    }
    rows.finish()
}

impl<K, V> fmt::Debug for dyn Format<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format").finish_non_exhaustive()
    }
}
