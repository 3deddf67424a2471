//! Whether a type is read from a single value or from several named ones.
//!
//! Where a row has one field besides its key, a type that is read from a single value gets that field; where it has
//! several, such a type cannot be read, and that is worth an error once instead of one for each row.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// What a type is read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// A single value: a number, a text, a unit or any other enum, whatever is there.
    Single,
    /// Several values: a struct, a map, a tuple, a sequence. Also where the type does not say.
    Several,
}

impl Shape {
    /// Asks `T` what it is read from.
    pub(crate) fn of<'de, T: Deserialize<'de>>() -> Self {
        match T::deserialize(Probe) {
            Err(Answer(Some(shape))) => shape,
            // `T` is satisfied without anything, or has an opinion of its own.
            Ok(_) | Err(Answer(None)) => Self::Several,
        }
    }
}

/// Takes note of what it is asked for, and refuses it.
struct Probe;

/// What a [`Probe`] was asked for, if it was.
#[derive(Debug)]
struct Answer(Option<Shape>);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value is there yet")
    }
}

impl std::error::Error for Answer {}

impl de::Error for Answer {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Answer;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer(Some(Shape::Single)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Answer> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer(Some(Shape::Several)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Answer> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Answer> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Answer> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        self.deserialize_seq(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct enum
        identifier
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Port(#[expect(dead_code, reason = "only the shape is asked for")] u16);

    #[derive(serde::Deserialize)]
    struct Route {
        #[expect(dead_code, reason = "only the shape is asked for")]
        port: Port,
    }

    #[test]
    fn types_tell_whether_they_are_read_from_one_value() {
        for single in [Shape::of::<u8>(), Shape::of::<Option<String>>(), Shape::of::<Port>(), Shape::of::<()>()] {
            assert_eq!(single, Shape::Single);
        }
        let map = Shape::of::<BTreeMap<String, u8>>();
        for several in [Shape::of::<Route>(), Shape::of::<Option<Route>>(), Shape::of::<Vec<f64>>(), map] {
            assert_eq!(several, Shape::Several);
        }
    }
}
