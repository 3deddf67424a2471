//! JSON, as one document or as one value per line.
//!
//! Rows are found first, as raw text, and then read one by one; so one that is wrong does not hide the others, and its
//! place is known. What can be read is bounded by serde_json: 128 levels of nesting in a row.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::format::Format;
use crate::format::key_text::KeyText;
use crate::format::rest::{Fault, Fields, Node, read_rest, take_key};
use crate::format::shape::Shape;
use crate::format::text::{Cursor, error_at, not_utf8, text, unmarked};
use crate::{Part, RowError, Rows};

/// One JSON object, whose names are the keys: `{"a": 1, "b": 2}`.
///
/// Names become keys of any type that text can be read into, numbers included. [`key`](Self::key) reads an array of
/// objects instead. A part that was cut short is never valid.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use twinbucket_feed::format::{self, Json};
/// use twinbucket_feed::{Overlaps, Part, RowPolicy};
///
/// let part = Part { name: "limits.json".into(), bytes: br#"{"7": {"burst": 3}, "12": {"burst": "x"}}"#.to_vec() };
/// let quarantine = RowPolicy::Quarantine { max: 1 };
/// let content = format::read::<u32, BTreeMap<String, u8>>(&Json, &[part], quarantine, Overlaps::Error)?;
/// assert_eq!(content.entries, [(7, BTreeMap::from([("burst".to_owned(), 3)]))]);
/// assert_eq!(content.bad[0].to_string(), "limits.json:1:37: invalid type: string \"x\", expected u8");
/// # Ok::<(), twinbucket_feed::LoadError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Json;

/// One JSON array of objects that hold their keys; see [`Json::key`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonArray {
    /// Name of the field that is the key.
    key: Box<str>,
}

impl Json {
    /// Reads an array of objects, each of which has its key in the field called `field`: `[{"id": "a", "port": 1}]`.
    ///
    /// The value is the object without that field. A type that is no struct or map, but a number, a text, an enum or a
    /// sequence, gets the value of the only other field; it is a bad row if there are more. A type that takes anything
    /// gets an object, and the unit type nothing.
    pub fn key(self, field: impl Into<Box<str>>) -> JsonArray {
        JsonArray { key: field.into() }
    }
}

/// One JSON value per line: arrays of a key and a value, `["a", 1]`.
///
/// [`key`](Self::key) reads objects instead. Blank lines are skipped. A line that is wrong is a bad row, and the next one
/// is still read. A last line without an end is a row, too: one that was cut short is a bad row. A part that was cut at
/// the end of a line is a shorter table; see [`Guard::max_shrink`](crate::Guard::max_shrink).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ndjson;

/// One JSON object per line that holds its key; see [`Ndjson::key`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NdjsonObjects {
    /// Name of the field that is the key.
    key: Box<str>,
}

impl Ndjson {
    /// Reads objects, each of which has its key in the field called `field`; otherwise like [`Json::key`].
    pub fn key(self, field: impl Into<Box<str>>) -> NdjsonObjects {
        NdjsonObjects { key: field.into() }
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for Json {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        read_document(part, rows, Whole::Object)
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for JsonArray {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        read_document(part, rows, Whole::Array { key: &self.key })
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for Ndjson {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        read_lines(part, rows, |sink, line| sink.read_pair(line))
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for NdjsonObjects {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        read_lines(part, rows, |sink, line| sink.read_object(line, &self.key))
    }
}

/// Reads a part that is one document.
fn read_document<K, V>(part: &Part, rows: &mut Rows<'_, K, V>, whole: Whole<'_>) -> Result<(), RowError>
where
    K: DeserializeOwned + Hash + Eq,
    V: DeserializeOwned,
{
    let text = text(part)?;
    let bytes = text.as_bytes();
    let mut sink = Sink::new(part, bytes, rows);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let walk = Walk { sink: &mut sink, whole };
    let end = match whole {
        Whole::Object => deserializer.deserialize_map(walk),
        Whole::Array { .. } => deserializer.deserialize_seq(walk),
    };
    match end.and_then(|()| deserializer.end()) {
        Err(_) if sink.is_over => Ok(()),
        Err(error) => {
            let fault = fault(text, 0, &error);
            Err(error_at(part, Cursor::new(bytes).find(fault.offset.unwrap_or(0)), fault.problem))
        }
        Ok(()) => Ok(()),
    }
}

/// Reads a part that has a value per line.
fn read_lines<'a, K, V>(
    part: &'a Part,
    rows: &mut Rows<'_, K, V>,
    read: impl Fn(&Sink<'a, '_, '_, K, V>, &'a str) -> Result<(Cow<'a, str>, K, V), Fault>,
) -> Result<(), RowError>
where
    K: Hash + Eq,
    V: DeserializeOwned,
{
    let bytes = unmarked(part)?;
    let mut sink = Sink::new(part, bytes, rows);
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let offset = line.as_ptr() as usize - bytes.as_ptr() as usize;
        let row = match not_utf8(line) {
            Some((at, problem)) => Err(Fault::new(problem).at(offset + at)),
            None => read(&sink, std::str::from_utf8(line).expect("it was just found to be UTF-8")),
        };
        sink.take(offset, row);
        if sink.is_over {
            break;
        }
    }
    Ok(())
}

/// Takes rows as they are found in a text.
struct Sink<'a, 'r, 's, K, V> {
    /// The part.
    part: &'a Part,
    /// Its text, without a byte order mark.
    bytes: &'a [u8],
    /// How far that has been read.
    cursor: Cursor<'a>,
    /// What values are read from.
    shape: Shape,
    /// Takes the rows.
    rows: &'r mut Rows<'s, K, V>,
    /// Whether no more rows are wanted.
    is_over: bool,
}

impl<'a, 'r, 's, K, V: DeserializeOwned> Sink<'a, 'r, 's, K, V> {
    /// Starts with the first row.
    fn new(part: &'a Part, bytes: &'a [u8], rows: &'r mut Rows<'s, K, V>) -> Self {
        Self { part, bytes, cursor: Cursor::new(bytes), shape: Shape::of::<V>(), rows, is_over: false }
    }

    /// The offset of some text that is part of the whole.
    fn offset(&self, text: &str) -> usize {
        text.as_ptr() as usize - self.bytes.as_ptr() as usize
    }

    /// Takes a row that begins at `offset`: its key's text, its key and its value, or what is wrong with it.
    fn take(&mut self, offset: usize, row: Result<(Cow<'_, str>, K, V), Fault>)
    where
        K: Hash + Eq,
    {
        self.cursor.advance(offset);
        let flow = match row {
            Ok((name, key, value)) => self.rows.push_named(self.cursor.line(), &name, key, value),
            Err(fault) => {
                // Asked for first, so that the next error on a long line is found from here.
                let _ = self.cursor.column();
                let place = self.cursor.find(fault.offset.unwrap_or(offset));
                self.rows.reject(error_at(self.part, place, fault.problem))
            }
        };
        self.is_over = flow.is_break();
    }
}

impl<'a, K: DeserializeOwned, V: DeserializeOwned> Sink<'a, '_, '_, K, V> {
    /// Reads a value from its text.
    fn parse<T: Deserialize<'a>>(&self, text: &'a str) -> Result<T, Fault> {
        serde_json::from_str(text).map_err(|error| fault(text, self.offset(text), &error))
    }

    /// Reads an entry of an object.
    fn read_entry(&self, name: &'a RawValue, value: &'a RawValue) -> Result<(Cow<'a, str>, K, V), Fault> {
        let name_text = self.text_of(name)?;
        let key = K::deserialize(KeyText(&name_text)).map_err(|fault| fault.at(self.offset(name.get())))?;
        Ok((name_text, key, self.parse(value.get())?))
    }

    /// Reads an array of a key and a value.
    fn read_pair(&self, text: &'a str) -> Result<(Cow<'a, str>, K, V), Fault> {
        let Pair(key, value) = self.parse(text)?;
        Ok((self.text_of(key)?, self.parse(key.get())?, self.parse(value.get())?))
    }

    /// Reads an object that has its key in the field called `key`.
    fn read_object(&self, text: &'a str, key: &str) -> Result<(Cow<'a, str>, K, V), Fault> {
        let Object(fields) = self.parse(text)?;
        let mut fields: Fields<Value<'_>> =
            fields.into_iter().map(|(name, raw)| (name, Value { raw, offset: self.offset(raw.get()) })).collect();
        let key = take_key(&mut fields, key)?.raw;
        Ok((self.text_of(key)?, self.parse(key.get())?, read_rest(fields, self.shape)?))
    }

    /// The text of a key: without the quotes if it is a text.
    fn text_of(&self, key: &'a RawValue) -> Result<Cow<'a, str>, Fault> {
        let text = key.get();
        match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            None => Ok(text.into()),
            Some(plain) if !plain.contains('\\') => Ok(plain.into()),
            Some(_) => self.parse::<String>(text).map(Cow::Owned),
        }
    }
}

/// What a document is.
#[derive(Clone, Copy)]
enum Whole<'k> {
    /// An object of rows.
    Object,
    /// An array of rows that hold their keys.
    Array {
        /// Name of the field that is the key.
        key: &'k str,
    },
}

/// Walks through a document, row by row.
struct Walk<'k, 'w, 'a, 'r, 's, K, V> {
    /// Takes the rows.
    sink: &'w mut Sink<'a, 'r, 's, K, V>,
    /// What the document is.
    whole: Whole<'k>,
}

impl<'a, K, V> Visitor<'a> for Walk<'_, '_, 'a, '_, '_, K, V>
where
    K: DeserializeOwned + Hash + Eq,
    V: DeserializeOwned,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole {
            Whole::Object => f.write_str("an object of keys and values"),
            Whole::Array { key } => write!(f, "an array of objects with a field {key:?}"),
        }
    }

    fn visit_map<A: MapAccess<'a>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some((name, value)) = entries.next_entry::<&RawValue, &RawValue>()? {
            let row = self.sink.read_entry(name, value);
            self.sink.take(self.sink.offset(name.get()), row);
            self.sink.go_on()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
        let Whole::Array { key } = self.whole else {
            return Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        };
        while let Some(element) = elements.next_element::<&RawValue>()? {
            let row = self.sink.read_object(element.get(), key);
            self.sink.take(self.sink.offset(element.get()), row);
            self.sink.go_on()?;
        }
        Ok(())
    }
}

impl<K, V> Sink<'_, '_, '_, K, V> {
    /// Fails if no more rows are wanted; nobody sees that error.
    fn go_on<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.is_over { Err(E::custom("no more rows are wanted")) } else { Ok(()) }
    }
}

/// An array of two values.
struct Pair<'a>(&'a RawValue, &'a RawValue);

impl<'de: 'a, 'a> Deserialize<'de> for Pair<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PairVisitor(PhantomData))
    }
}

/// Reads a [`Pair`].
struct PairVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for PairVisitor<'a> {
    type Value = Pair<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of a key and a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Pair<'a>, A::Error> {
        let missing = |length| serde::de::Error::invalid_length(length, &self);
        let key = elements.next_element()?.ok_or_else(|| missing(0))?;
        let value = elements.next_element()?.ok_or_else(|| missing(1))?;
        match elements.next_element::<serde::de::IgnoredAny>()? {
            Some(_) => Err(missing(3)),
            None => Ok(Pair(key, value)),
        }
    }
}

/// An object, its values as text.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Reads an [`Object`].
struct ObjectVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for ObjectVisitor<'a> {
    type Value = Object<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that holds its key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object<'a>, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Object(fields))
    }
}

/// A value in a row.
struct Value<'a> {
    /// Its text.
    raw: &'a RawValue,
    /// Where that stands.
    offset: usize,
}

impl<'de> Node<'de> for Value<'de> {
    fn read<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.raw).map_err(|error| fault(self.raw.get(), self.offset, &error))
    }
}

/// Says what is wrong with `text`, which stands at `offset`.
fn fault(text: &str, offset: usize, error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let (line, column) = (error.line(), error.column());
    let problem = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
    let skipped: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let at = skipped + column.saturating_sub(1);
    Fault::new(problem).at(offset + if error.is_data() { token_start(text.as_bytes(), at) } else { at })
}

/// Where the text or number begins that ends at `end`: serde_json tells where it has read what has the wrong type.
fn token_start(text: &[u8], end: usize) -> usize {
    let is_escaped = |at: usize| text[..at].iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    match text.get(end) {
        Some(b'"') => (0..end).rev().find(|&at| text[at] == b'"' && !is_escaped(at)).unwrap_or(end),
        Some(byte) if is_word(byte) => end - text[..end].iter().rev().take_while(|byte| is_word(byte)).count(),
        _ => end,
    }
}
