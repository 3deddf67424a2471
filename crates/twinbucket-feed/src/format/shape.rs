//! Whether a type is read from a single value, or from several, or from named ones.
//!
//! Where a row has one field besides its key, a type that is read from a single value gets that field; where it has
//! several, such a type cannot be read, and that is worth an error once instead of one for each row.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// What a type is read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// A single value: a number, a text, a unit, an enum.
    Single,
    /// A tuple or a sequence.
    Sequence,
    /// Named fields: a struct, a map.
    Fields,
    /// Whatever is there, or the type does not say.
    Any,
}

impl Shape {
    /// Asks `T` what it is read from.
    pub(crate) fn of<'de, T: Deserialize<'de>>() -> Self {
        match T::deserialize(Probe) {
            Err(Answer(Some(shape))) => shape,
            // `T` is satisfied without anything, or has an opinion of its own.
            Ok(_) | Err(Answer(None)) => Self::Any,
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
        Err(Answer(Some(Shape::Any)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_i8<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_i16<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_i32<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_i64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_i128<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_u8<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_u16<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_u32<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_u64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_u128<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_f32<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_f64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_char<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_str<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_string<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        single()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Answer> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer(Some(Shape::Sequence)))
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

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Answer> {
        Err(Answer(Some(Shape::Fields)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Answer> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        self.deserialize_any(visitor)
    }
}

/// Says that a single value was asked for.
fn single<T>() -> Result<T, Answer> {
    Err(Answer(Some(Shape::Single)))
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
    fn types_tell_what_they_are_read_from() {
        for single in [Shape::of::<u8>(), Shape::of::<Option<String>>(), Shape::of::<Port>(), Shape::of::<()>()] {
            assert_eq!(single, Shape::Single);
        }
        for fields in [Shape::of::<Route>(), Shape::of::<Option<Route>>(), Shape::of::<BTreeMap<String, u8>>()] {
            assert_eq!(fields, Shape::Fields);
        }
        for sequence in [Shape::of::<Vec<f64>>(), Shape::of::<(u8, u8)>()] {
            assert_eq!(sequence, Shape::Sequence);
        }
        assert_eq!(Shape::of::<de::IgnoredAny>(), Shape::Any);
    }
}
