//! TOML: a table of rows, or an array of tables.
//!
//! A file that is no TOML is refused as a whole, with the place of the first error. In one that is, each row is read by
//! itself.

use std::hash::Hash;
use std::ops::ControlFlow;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer};

use crate::format::Format;
use crate::format::key_text::KeyText;
use crate::format::rest::{Fault, Fields, Node, read_rest, take_key};
use crate::format::shape::Shape;
use crate::format::text::{Cursor, error_at, text};
use crate::{Part, RowError, Rows};

/// A TOML file whose top-level names are the keys: `name = value`, or `[name]` for a value with fields.
///
/// Names become keys of any type that text can be read into, numbers included. [`array`](Self::array) reads an array of
/// tables instead. A file that was cut at the end of a line may be a shorter table, in which also the last row may have
/// fewer fields; let fields be required where that matters.
///
/// ```
/// use serde::Deserialize;
/// use twinbucket_feed::format::{self, Toml};
/// use twinbucket_feed::{Overlaps, Part, RowPolicy};
///
/// #[derive(Deserialize, Debug, PartialEq)]
/// struct Route {
///     host: String,
///     port: u16,
/// }
///
/// let text = "[api]\nhost = \"a\"\nport = 80\n\n[web]\nhost = \"b\"\nport = \"http\"\n";
/// let part = Part { name: "routes.toml".into(), bytes: text.into() };
/// let error = format::read::<String, Route>(&Toml, &[part], RowPolicy::AllOrNothing, Overlaps::Error).unwrap_err();
/// assert_eq!(error.to_string(), "routes.toml:7:8: invalid type: string \"http\", expected u16");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Toml;

/// The name of an array of tables in TOML, without that of its keys; see [`Toml::array`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "`key` makes a format of it"]
pub struct TomlArray {
    /// Name of the array.
    array: Box<str>,
}

/// An array of tables in TOML that hold their keys; see [`Toml::array`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TomlTables {
    /// Name of the array.
    array: Box<str>,
    /// Name of the field that is the key.
    key: Box<str>,
}

impl Toml {
    /// Reads the tables of an array, `[[route]]`, each of which holds its key; what else is in the file is left alone.
    ///
    /// `Toml::array("route").key("id")` makes rows of the tables under `[[route]]`, with what they have as `id` for keys.
    /// A file without that array has no rows, since that is how TOML says that the array is empty.
    pub fn array(name: impl Into<Box<str>>) -> TomlArray {
        TomlArray { array: name.into() }
    }
}

impl TomlArray {
    /// Names the field that is the key. The value is the table without it.
    ///
    /// A type that is no struct or map, but a number, a text, an enum or a sequence, gets the value of the only other
    /// field; it is a bad row if there are more.
    pub fn key(self, field: impl Into<Box<str>>) -> TomlTables {
        TomlTables { array: self.array, key: field.into() }
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for Toml {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        let text = text(part)?;
        let table = parse(part, text)?;
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut cursor = Cursor::new(text.as_bytes());
        for (name, value) in entries {
            let start = name.span().start;
            let row = K::deserialize(KeyText(name.get_ref()))
                .map_err(|fault| fault.at(start))
                .and_then(|key| Ok((key, value.read(std::marker::PhantomData)?)));
            if take(part, rows, &mut cursor, (start, name.get_ref()), row).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for TomlTables {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        let text = text(part)?;
        let table = parse(part, text)?;
        let Some((_, array)) = table.into_iter().find(|(name, _)| **name.get_ref() == *self.array) else {
            return Ok(());
        };
        let place = Cursor::new(text.as_bytes()).find(array.span().start);
        let DeValue::Array(elements) = array.into_inner() else {
            return Err(error_at(part, place, format!("{:?} is to be an array of tables", self.array)));
        };
        let shape = Shape::of::<V>();
        let mut cursor = Cursor::new(text.as_bytes());
        for element in elements {
            let start = element.span().start;
            let (name, row) = self.read_table(element, text, shape);
            if take(part, rows, &mut cursor, (start, &name), row).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl TomlTables {
    /// Reads a table: the text of its key, and its key and value.
    fn read_table<K: DeserializeOwned, V: DeserializeOwned>(
        &self,
        element: Spanned<DeValue<'_>>,
        text: &str,
        shape: Shape,
    ) -> (String, Result<(K, V), Fault>) {
        let DeValue::Table(table) = element.into_inner() else {
            return (String::new(), Err(Fault::new(format!("{:?} is to be an array of tables", self.array))));
        };
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut fields: Fields<_> =
            entries.into_iter().map(|(name, value)| (name.into_inner().into_owned(), value)).collect();
        let key = match take_key(&mut fields, &self.key) {
            Ok(key) => key,
            Err(fault) => return (String::new(), Err(fault)),
        };
        let name = match key.get_ref() {
            DeValue::String(name) => name.to_string(),
            _ => text.get(key.span()).unwrap_or_default().to_owned(),
        };
        let key = key.read(std::marker::PhantomData);
        (name, key.and_then(|key| Ok((key, read_rest(fields, shape)?))))
    }
}

/// Parses `text`.
fn parse<'a>(part: &Part, text: &'a str) -> Result<DeTable<'a>, RowError> {
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        error_at(part, Cursor::new(text.as_bytes()).find(offset), error.message())
    })
}

/// Gives `rows` a row that begins at some offset, with its key's text there; rows come in the order of the text.
fn take<K: Hash + Eq, V>(
    part: &Part,
    rows: &mut Rows<'_, K, V>,
    cursor: &mut Cursor<'_>,
    (start, name): (usize, &str),
    row: Result<(K, V), Fault>,
) -> ControlFlow<()> {
    cursor.advance(start);
    match row {
        Ok((key, value)) => rows.push_named(cursor.line(), name, key, value),
        Err(fault) => {
            let place = cursor.find(fault.offset.unwrap_or(start));
            rows.reject(error_at(part, place, fault.problem))
        }
    }
}

impl<'de> Node<'de> for Spanned<DeValue<'de>> {
    fn read<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        let start = self.span().start;
        seed.deserialize(self.into_deserializer()).map_err(|error| {
            let fault = Fault::new(error.message());
            fault.at(error.span().map_or(start, |span| span.start))
        })
    }
}
