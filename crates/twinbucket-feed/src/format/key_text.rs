//! Keys out of text: of JSON objects and TOML tables, whose keys are always text.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::value::StrDeserializer;
use serde::de::{Deserializer, Error, IntoDeserializer, Unexpected, Visitor};

use crate::format::rest::Fault;

/// A key in text, to be read into any type: numbers and booleans are parsed, as serde_json does for the keys of maps.
pub(crate) struct KeyText<'k>(pub(crate) &'k str);

impl<'k> KeyText<'k> {
    /// Parses the text.
    fn parse<T: FromStr<Err: Display>>(&self, expected: &'static str) -> Result<T, Fault> {
        self.0.parse().map_err(|_| Fault::invalid_value(Unexpected::Str(self.0), &expected))
    }

    /// The text, to be read as text.
    fn text(self) -> StrDeserializer<'k, Fault> {
        self.0.into_deserializer()
    }
}

/// Implements the methods of [`KeyText`] that parse.
macro_rules! parse {
    ($($method:ident $visit:ident $expected:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit(self.parse($expected)?)
        })*
    };
}

impl<'de> Deserializer<'de> for KeyText<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.text().deserialize_any(visitor)
    }

    parse! {
        deserialize_bool visit_bool "true or false";
        deserialize_i8 visit_i8 "a number from -128 to 127";
        deserialize_i16 visit_i16 "a number of 16 bits";
        deserialize_i32 visit_i32 "a number of 32 bits";
        deserialize_i64 visit_i64 "a number of 64 bits";
        deserialize_i128 visit_i128 "a number of 128 bits";
        deserialize_u8 visit_u8 "a number from 0 to 255";
        deserialize_u16 visit_u16 "a number from 0 to 65535";
        deserialize_u32 visit_u32 "a number of 32 bits, not negative";
        deserialize_u64 visit_u64 "a number of 64 bits, not negative";
        deserialize_u128 visit_u128 "a number of 128 bits, not negative";
        deserialize_f32 visit_f32 "a number";
        deserialize_f64 visit_f64 "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.text().deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// Reads a key.
    fn key<'de, K: Deserialize<'de>>(text: &str) -> Result<K, String> {
        K::deserialize(KeyText(text)).map_err(|fault| fault.to_string())
    }

    #[test]
    fn keys_are_parsed_into_what_is_asked_for() {
        #[derive(Deserialize, PartialEq, Debug)]
        struct Port(u16);
        #[derive(Deserialize, PartialEq, Debug)]
        enum Day {
            Monday,
        }
        assert_eq!(key("80"), Ok(Port(80)));
        assert_eq!(key("-1"), Ok(Some(-1_i128)));
        assert_eq!(key("0.5"), Ok(0.5));
        assert_eq!(key("true"), Ok(true));
        assert_eq!(key("ü"), Ok('ü'));
        assert_eq!(key("12"), Ok("12".to_owned()));
        assert_eq!(key("Monday"), Ok(Day::Monday));
        assert_eq!(key::<u8>("256").unwrap_err(), "invalid value: string \"256\", expected a number from 0 to 255");
        assert!(key::<Day>("monday").is_err());
        assert!(key::<Vec<u8>>("1").is_err());
    }
}
