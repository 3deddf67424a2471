//! A row that holds its own key: what is left of it is the value.
//!
//! Such rows are objects in an array: `{"id": 7, "host": "a", "port": 80}`. The field that is the key is taken out. A type
//! with named fields, or one that takes anything, gets the others as an object; a type that is read from a single value
//! or a sequence gets the only other field's value.

use std::fmt;

use serde::de::value::UnitDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};

use crate::format::shape::Shape;

/// What is wrong with a row, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Offset in the part; `None` if that is not known better than the row's.
    #[cfg_attr(not(any(feature = "json", feature = "toml")), expect(dead_code, reason = "YAML tells no offsets"))]
    pub(crate) offset: Option<usize>,
    /// What is wrong.
    pub(crate) problem: String,
}

impl Fault {
    /// Says what is wrong with the row.
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { offset: None, problem: problem.into() }
    }

    /// Says where it is, if that is not known better.
    #[cfg(any(feature = "json", feature = "toml"))]
    #[must_use]
    pub(crate) fn at(mut self, offset: usize) -> Self {
        self.offset.get_or_insert(offset);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(problem.to_string())
    }
}

/// A value in the text of a format.
pub(crate) trait Node<'de>: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// If it is nothing that `seed` can be made of.
    fn read<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault>;
}

/// The fields of an object, in order.
pub(crate) type Fields<N> = Vec<(String, N)>;

/// Takes the field called `key` out of `fields`.
///
/// # Errors
/// If there is none, or more than one.
pub(crate) fn take_key<N>(fields: &mut Fields<N>, key: &str) -> Result<N, Fault> {
    let at = fields.iter().position(|(name, _)| name == key);
    let at = at.ok_or_else(|| Fault::new(format!("the row has no field {key:?}, which is to be its key")))?;
    let (_, node) = fields.remove(at);
    if fields.iter().any(|(name, _)| name == key) {
        return Err(Fault::new(format!("the row has two fields {key:?}, which is to be its key; keep one")));
    }
    Ok(node)
}

/// Reads what is left of a row without its key, as a type of that shape is read.
pub(crate) fn read_rest<'de, N: Node<'de>, V: DeserializeOwned>(fields: Fields<N>, shape: Shape) -> Result<V, Fault> {
    if matches!(shape, Shape::Fields | Shape::Any) {
        return V::deserialize(Rest(fields));
    }
    let count = fields.len();
    let mut nodes = fields.into_iter().map(|(_, node)| node);
    match (nodes.next(), count) {
        (Some(node), 1) => node.read(std::marker::PhantomData),
        (None, _) => {
            let nothing: UnitDeserializer<Fault> = ().into_deserializer();
            V::deserialize(nothing).map_err(|_| Fault::new("the row has no field besides its key"))
        }
        _ => Err(Fault::new(format!(
            "the row has {count} fields besides its key; the table's type takes a single value, so leave one, or read \
             rows into a struct or a map"
        ))),
    }
}

/// The fields of a row as an object.
struct Rest<N>(Fields<N>);

impl<'de, N: Node<'de>> Deserializer<'de> for Rest<N> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(Access { fields: self.0.into_iter(), next: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// Gives the fields of a row one by one.
struct Access<N> {
    /// The fields to come.
    fields: std::vec::IntoIter<(String, N)>,
    /// The value of the field whose name was given.
    next: Option<N>,
}

impl<'de, N: Node<'de>> MapAccess<'de> for Access<N> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((name, node)) = self.fields.next() else { return Ok(None) };
        self.next = Some(node);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let node = self.next.take().ok_or_else(|| Fault::new("a field's value is asked for before its name"))?;
        node.read(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}
