//! YAML: a mapping of rows, or a sequence of mappings that hold their keys.
//!
//! Read by serde_norway, the kept-up successor of serde_yaml: users know how it reads scalars, it can be built with the
//! Rust that this crate asks for, and its errors have places. It reads a document from its beginning only. So a document
//! is walked through once, to see that it is YAML and that aliases do not blow it up; then rows are read straight into
//! their types, and after one that is wrong the walk begins anew and skips what it has.

use std::cell::Cell;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_norway::Value;

use crate::format::Format;
use crate::format::rest::{Fault, Fields, Node, read_rest, take_key};
use crate::format::shape::Shape;
use crate::format::text::{Cursor, error_at, text};
use crate::{Part, RowError, Rows};

/// How many times as long as its text a document may be with its aliases written out.
const MOST_GROWTH: usize = 16;

/// Bytes that aliases may always make of a document.
const FREE_GROWTH: usize = 1 << 20;

/// How many brackets may be open at once. The parser looks at each of them at every word.
const MOST_OPEN: usize = 1000;

/// The most bad rows of one part: each costs a walk through it.
const MOST_BAD_ROWS: usize = 100;

/// What the parser says of a control character, before the place of its first byte; no other error comes without a line.
const CONTROL: &str = "control characters are not allowed at position ";

/// A YAML mapping, whose keys are the keys.
///
/// [`key`](Self::key) reads a sequence of mappings instead. A file holds one document; an empty file is an empty table. A
/// file that was cut at the end of a line may be a shorter table, in which also the last row may have fewer fields; let
/// fields be required where that matters.
///
/// Against files that blow up: with its aliases written out, a document has at most 1 MiB or 16 times its length, and at
/// most 1000 brackets are open at once, those in texts included. A bad row costs another walk through the part, and more
/// than 100 in one part are always too many. The place is known of bad rows only: of keys that come twice, the lines are
/// not told.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use twinbucket_feed::format::{self, Yaml};
/// use twinbucket_feed::{Overlaps, Part, RowPolicy};
///
/// let part = Part { name: "limits.yaml".into(), bytes: b"7: {burst: 3}\n12:\n  burst: x\n".to_vec() };
/// let quarantine = RowPolicy::Quarantine { max: 1 };
/// let content = format::read::<u32, BTreeMap<String, u8>>(&Yaml, &[part], quarantine, Overlaps::Error)?;
/// assert_eq!(content.entries, [(7, BTreeMap::from([("burst".to_owned(), 3)]))]);
/// assert_eq!(content.bad[0].to_string(), "limits.yaml:3:10: 12.burst: invalid type: string \"x\", expected u8");
/// # Ok::<(), twinbucket_feed::LoadError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Yaml;

/// A YAML sequence of mappings that hold their keys; see [`Yaml::key`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct YamlSequence {
    /// Name of the field that is the key.
    key: Box<str>,
}

impl Yaml {
    /// Reads a sequence of mappings, each of which has its key in the field called `field`.
    ///
    /// The value is the mapping without that field. A type that is no struct or map, but a number, a text, an enum or a
    /// sequence, gets the value of the only other field; it is a bad row if there are more.
    pub fn key(self, field: impl Into<Box<str>>) -> YamlSequence {
        YamlSequence { key: field.into() }
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for Yaml {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        read_document(part, rows, Whole::Mapping)
    }
}

impl<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned> Format<K, V> for YamlSequence {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        read_document(part, rows, Whole::Sequence { key: &self.key })
    }
}

/// What a document is.
#[derive(Clone, Copy)]
enum Whole<'k> {
    /// A mapping of rows.
    Mapping,
    /// A sequence of rows that hold their keys.
    Sequence {
        /// Name of the field that is the key.
        key: &'k str,
    },
}

impl Whole<'_> {
    /// Walks through `text`.
    fn walk<'de, V: Visitor<'de>>(self, text: &'de str, visitor: V) -> Result<V::Value, serde_norway::Error> {
        let deserializer = serde_norway::Deserializer::from_str(text);
        match self {
            Self::Mapping => deserializer.deserialize_map(visitor),
            Self::Sequence { .. } => deserializer.deserialize_seq(visitor),
        }
    }

    /// Says what a document is to be.
    fn expecting(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapping => f.write_str("a mapping of keys and values"),
            Self::Sequence { key } => write!(f, "a sequence of mappings with a field {key:?}"),
        }
    }
}

/// Reads the rows of `part`.
fn read_document<K, V>(part: &Part, rows: &mut Rows<'_, K, V>, whole: Whole<'_>) -> Result<(), RowError>
where
    K: DeserializeOwned + Hash + Eq,
    V: DeserializeOwned,
{
    let text = text(part)?;
    if let Some(offset) = too_many_open(text.as_bytes()) {
        let problem = format!("more than {MOST_OPEN} brackets are open here; nest less deeply, or close them");
        return Err(error_at(part, Cursor::new(text.as_bytes()).find(offset), problem));
    }
    let left = Cell::new(FREE_GROWTH.max(text.len().saturating_mul(MOST_GROWTH)));
    let names = whole.walk(text, Survey { whole, left: &left }).map_err(|error| explain(part, text, &error))?;
    let (done, is_over) = (Cell::new(0), Cell::new(false));
    for _ in 0..MOST_BAD_ROWS {
        let walk = Walk { whole, names: &names, shape: Shape::of::<V>(), rows, done: &done, is_over: &is_over };
        let result = whole.walk(text, walk);
        let Err(error) = result else { return Ok(()) };
        if is_over.get() || rows.reject(explain(part, text, &error)).is_break() {
            return Ok(());
        }
        done.set(done.get() + 1);
    }
    let problem =
        format!("more than {MOST_BAD_ROWS} rows are wrong, which is too many in YAML; mend those that are listed");
    Err(error_at(part, (0, 0), problem))
}

/// Finds the bracket that is one too many to be open at once. Also counts brackets that are text: to tell them apart needs
/// the parser that this is to spare.
fn too_many_open(text: &[u8]) -> Option<usize> {
    let mut open = 0_usize;
    text.iter().position(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > MOST_OPEN
    })
}

/// Says what is wrong in `part`, whose text is `text`.
///
/// The parser's lines are not an editor's: it takes more characters for line ends, and the end of a text for one. So the
/// place is found by its offset.
fn explain(part: &Part, text: &str, error: &serde_norway::Error) -> RowError {
    let message = error.to_string();
    let cursor = Cursor::new(text.as_bytes());
    if let Some(offset) = message.strip_prefix(CONTROL).and_then(|offset| offset.parse().ok()) {
        return error_at(part, cursor.find(offset), "control characters are not allowed; write them as escapes");
    }
    let Some(location) = error.location() else { return error_at(part, (0, 0), unnamed(&message)) };
    let place = format!(" at line {} column {}", location.line(), location.column());
    error_at(part, cursor.find(location.index()), unnamed(&message.replacen(&place, "", 1)))
}

/// Drops the dot that stands for the document as a whole.
fn unnamed(problem: &str) -> &str {
    problem.strip_prefix('.').unwrap_or(problem)
}

/// Takes the rows of a document, from one of them on.
struct Walk<'w, 'r, K, V> {
    /// What the document is.
    whole: Whole<'w>,
    /// The keys of a mapping, as text.
    names: &'w [String],
    /// What values are read from.
    shape: Shape,
    /// Takes the rows.
    rows: &'w mut Rows<'r, K, V>,
    /// How many rows are done with.
    done: &'w Cell<usize>,
    /// Whether no more are wanted.
    is_over: &'w Cell<bool>,
}

impl<K: Hash + Eq, V> Walk<'_, '_, K, V> {
    /// Takes a row.
    ///
    /// # Errors
    /// If no more rows are wanted; nobody sees that error.
    fn take<E: serde::de::Error>(&mut self, name: &str, key: K, value: V) -> Result<(), E> {
        self.done.set(self.done.get() + 1);
        self.is_over.set(self.rows.push_named(0, name, key, value).is_break());
        if self.is_over.get() { Err(E::custom("no more rows are wanted")) } else { Ok(()) }
    }
}

impl<'de, K, V> Visitor<'de> for Walk<'_, '_, K, V>
where
    K: DeserializeOwned + Hash + Eq,
    V: DeserializeOwned,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        for _ in 0..self.done.get() {
            entries.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        while let Some((key, value)) = entries.next_entry()? {
            let name = self.names.get(self.done.get()).map_or("", String::as_str);
            self.take(name, key, value)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        for _ in 0..self.done.get() {
            elements.next_element::<IgnoredAny>()?;
        }
        let Whole::Sequence { key } = self.whole else { return Ok(()) };
        while let Some((name, key, value)) = elements.next_element_seed(Element::new(key, self.shape))? {
            self.take(&name, key, value)?;
        }
        Ok(())
    }
}

/// Reads a mapping that holds its key: the key's text, the key and the value.
struct Element<'k, K, V> {
    /// Name of the field that is the key.
    key: &'k str,
    /// What values are read from.
    shape: Shape,
    /// What is read.
    row: PhantomData<(K, V)>,
}

impl<'k, K, V> Element<'k, K, V> {
    /// Reads one whose key is in the field called `key`.
    fn new(key: &'k str, shape: Shape) -> Self {
        Self { key, shape, row: PhantomData }
    }
}

impl<'de, K: DeserializeOwned, V: DeserializeOwned> DeserializeSeed<'de> for Element<'_, K, V> {
    type Value = (String, K, V);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, K: DeserializeOwned, V: DeserializeOwned> Visitor<'de> for Element<'_, K, V> {
    type Value = (String, K, V);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping that holds its key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fields: Fields<Value> = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        let key = take_key(&mut fields, self.key).map_err(A::Error::custom)?;
        let name = match &key {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let key = key.read(PhantomData).map_err(A::Error::custom)?;
        Ok((name, key, read_rest(fields, self.shape).map_err(A::Error::custom)?))
    }
}

impl<'de> Node<'de> for Value {
    fn read<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self).map_err(|error| Fault::new(error.to_string()))
    }
}

/// Walks through a document to see that there is nothing wrong with it as a whole. Gives the keys of a mapping, as text.
struct Survey<'s> {
    /// What the document is.
    whole: Whole<'s>,
    /// How many bytes more there may be with all aliases written out.
    left: &'s Cell<usize>,
}

impl<'de> Visitor<'de> for Survey<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vec<String>, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = entries.next_key_seed(Weigh { left: self.left, keep: true })? {
            names.push(name);
            entries.next_value_seed(Weigh { left: self.left, keep: false })?;
        }
        Ok(names)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<String>, A::Error> {
        while elements.next_element_seed(Weigh { left: self.left, keep: false })?.is_some() {}
        Ok(Vec::new())
    }
}

/// Takes what a value weighs off what is left, and keeps nothing but the text of a scalar, if asked for.
#[derive(Clone, Copy)]
struct Weigh<'w> {
    /// How many bytes more there may be.
    left: &'w Cell<usize>,
    /// Whether the text is kept.
    keep: bool,
}

impl Weigh<'_> {
    /// Takes off a node with that text.
    fn weigh<E: serde::de::Error>(self, text: impl fmt::Display + Copy, length: usize) -> Result<String, E> {
        match self.left.get().checked_sub(1 + length) {
            Some(left) => self.left.set(left),
            None => {
                return Err(E::custom(format!(
                    "with its aliases written out the file would be more than {MOST_GROWTH} times as long; use fewer"
                )));
            }
        }
        Ok(if self.keep { text.to_string() } else { String::new() })
    }

    /// The same for what is within.
    fn inner(self) -> Self {
        Self { keep: false, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<String, E> {
        self.weigh("", 0)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<String, E> {
        self.weigh(value, 0)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<String, E> {
        self.weigh(value, 0)
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<String, E> {
        self.weigh(value, 0)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<String, E> {
        self.weigh(value, 0)
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<String, E> {
        self.weigh(value, 0)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<String, E> {
        self.weigh(value, 0)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<String, E> {
        self.weigh(value, value.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<String, A::Error> {
        while elements.next_element_seed(self.inner())?.is_some() {}
        self.weigh("", 0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<String, A::Error> {
        while entries.next_key_seed(self.inner())?.is_some() {
            entries.next_value_seed(self.inner())?;
        }
        self.weigh("", 0)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<String, A::Error> {
        let (_, value) = tagged.variant::<IgnoredAny>()?;
        value.newtype_variant_seed(self)
    }
}
