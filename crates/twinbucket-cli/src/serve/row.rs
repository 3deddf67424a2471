//! The value of every served table: a row of named fields, or one value without a name.
//!
//! A row keeps the text of its fields, in one piece, and shares the names of its columns with the other rows of the
//! table. A clone costs no allocation, because a store clones rows when it copies a leaf. What stands in a file is
//! turned into rows here, either field by field ([`Row::from_texts`], for delimited text) or by serde (for JSON, TOML
//! and YAML); how rows are sent is for the protocols to say.
//!
//! The key of an entry is not part of its row.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Name of the column of a value that has no name of its own.
pub(crate) const UNNAMED: &str = "value";

/// Longest text of a row, in bytes: its places are kept in 31 bits.
const LONGEST: usize = i32::MAX as usize;

/// Bit that marks a field whose text is JSON; the others end where the text of the field ends.
const JSON: u32 = 1 << 31;

/// How many lists of columns a thread remembers, to share them among the rows it makes.
const REMEMBERED: usize = 16;

/// The names of the columns of a row, without that of the key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    /// The names, in order.
    names: Box<[Box<str>]>,
    /// Whether this is one value, of which the name says nothing.
    unnamed: bool,
}

impl Columns {
    /// Takes names of columns, to be shared by all rows that have them.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Arc<Self> {
        Arc::new(Self { names: names.into_iter().map(Box::from).collect(), unnamed: false })
    }

    /// Returns the names, in order.
    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// Returns the place of a column. Looks at one name after the other: tables have few columns.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| **other == *name)
    }
}

/// The fields of one entry.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What the fields are called.
    columns: Arc<Columns>,
    /// The texts of all fields, one after the other.
    text: Arc<str>,
    /// Where in it each field ends, and what it is.
    ends: Ends,
}

/// Where the fields of a row end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ends {
    /// There is one field; whether it is JSON.
    One(bool),
    /// Its end for each field, with the bit [`JSON`].
    Many(Arc<[u32]>),
}

/// One field of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Field<'a> {
    /// A text as it is, without quotes and escapes; JSON text for everything else.
    pub(crate) text: &'a str,
    /// Whether it is JSON: a number, `true`, `false`, `null`, an array or an object.
    pub(crate) is_json: bool,
}

impl Field<'_> {
    /// Appends the field as JSON.
    pub(crate) fn write_json(self, out: &mut Vec<u8>) {
        if self.is_json {
            out.extend_from_slice(self.text.as_bytes());
        } else {
            serde_json::to_writer(out, self.text).expect("a text is valid JSON, and a vector takes all of it");
        }
    }
}

/// Why fields do not make a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub(crate) enum NoRow {
    /// There are not as many fields as columns.
    Ragged {
        /// How many columns there are.
        columns: usize,
        /// How many fields there are.
        fields: usize,
    },
    /// The texts are longer than a row can hold.
    TooLong,
}

impl fmt::Display for NoRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ragged { columns, fields } => write!(f, "{fields} fields for {columns} columns; give one for each"),
            Self::TooLong => write!(f, "a row is longer than {LONGEST} bytes; shorten it"),
        }
    }
}

impl std::error::Error for NoRow {}

impl Row {
    /// Makes a row of texts, one for each column.
    ///
    /// # Errors
    /// If there are more or fewer fields than columns, or more text than a row can hold.
    pub(crate) fn from_texts<'a>(
        columns: &Arc<Columns>,
        fields: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, NoRow> {
        DRAFT.with_borrow_mut(|draft| {
            draft.clear();
            for field in fields {
                draft.text.push_str(field);
                draft.end(false)?;
            }
            draft.finish(columns)
        })
    }

    /// Returns the names of the columns.
    pub(crate) fn columns(&self) -> &[Box<str>] {
        self.columns.names()
    }

    /// Returns the fields, in the order of the columns.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = Field<'_>> {
        (0..self.columns.names.len()).map(|at| self.field(at))
    }

    /// Returns the field of a column.
    pub(crate) fn get(&self, column: &str) -> Option<Field<'_>> {
        self.columns.position(column).map(|at| self.field(at))
    }

    /// Returns the field of a row that has no other: then the table is a map from keys to single values.
    #[inline]
    pub(crate) fn single(&self) -> Option<Field<'_>> {
        match self.ends {
            Ends::One(is_json) => Some(Field { text: &self.text, is_json }),
            Ends::Many(_) => None,
        }
    }

    /// Returns the first byte of the texts, 0 if there is none: to have them fetched from memory before they are needed.
    #[inline]
    pub(crate) fn first_byte(&self) -> u8 {
        self.text.as_bytes().first().copied().unwrap_or(0)
    }

    /// Tells whether the row has one field.
    pub(crate) fn is_single(&self) -> bool {
        matches!(self.ends, Ends::One(_))
    }

    /// Appends the row as JSON: the value alone if there is only one, otherwise an object.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self.single() {
            Some(field) => field.write_json(out),
            None => self.write_object(out),
        }
    }

    fn write_object(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (name, field) in self.columns().iter().zip(self.fields()) {
            if out.last() != Some(&b'{') {
                out.push(b',');
            }
            Field { text: name, is_json: false }.write_json(out);
            out.push(b':');
            field.write_json(out);
        }
        out.push(b'}');
    }

    fn field(&self, at: usize) -> Field<'_> {
        match &self.ends {
            Ends::One(is_json) => Field { text: &self.text, is_json: *is_json },
            Ends::Many(ends) => {
                let start = at.checked_sub(1).map_or(0, |before| ends[before] & !JSON);
                let end = ends[at] & !JSON;
                Field { text: &self.text[start as usize..end as usize], is_json: ends[at] & JSON != 0 }
            }
        }
    }

    /// Makes a row of one value without a name.
    fn unnamed(value: &Value) -> Result<Self, NoRow> {
        let mut draft = Draft::default();
        draft.push(value)?;
        draft.finish(&remembered(&[UNNAMED.into()], true))
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        let same_columns = Arc::ptr_eq(&self.columns, &other.columns) || self.columns == other.columns;
        same_columns && self.text == other.text && self.ends == other.ends
    }
}

/// A row in the making.
#[derive(Debug, Default)]
struct Draft {
    /// The texts so far.
    text: String,
    /// Their ends.
    ends: Vec<u32>,
}

impl Draft {
    /// Appends a field.
    fn push(&mut self, value: &Value) -> Result<(), NoRow> {
        match value {
            Value::String(text) => self.text.push_str(text),
            other => self.text.push_str(&other.to_string()),
        }
        self.end(!value.is_string())
    }

    /// Ends the field whose text was appended last.
    fn end(&mut self, is_json: bool) -> Result<(), NoRow> {
        if self.text.len() > LONGEST {
            return Err(NoRow::TooLong);
        }
        let end = u32::try_from(self.text.len()).expect("no longer than the longest");
        self.ends.push(end | if is_json { JSON } else { 0 });
        Ok(())
    }

    /// Begins anew, in the memory that there is.
    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn finish(&self, columns: &Arc<Columns>) -> Result<Row, NoRow> {
        let (columns_len, fields) = (columns.names.len(), self.ends.len());
        if columns_len != fields {
            return Err(NoRow::Ragged { columns: columns_len, fields });
        }
        let ends = match *self.ends {
            [end] => Ends::One(end & JSON != 0),
            ref many => Ends::Many(many.into()),
        };
        Ok(Row { columns: Arc::clone(columns), text: self.text.as_str().into(), ends })
    }
}

thread_local! {
    /// The row that is being made of texts: its memory serves one row after the other.
    static DRAFT: RefCell<Draft> = RefCell::default();

    /// Lists of columns that rows made on this thread have, the last used one first.
    static REMEMBERED_COLUMNS: RefCell<Vec<Arc<Columns>>> = const { RefCell::new(Vec::new()) };
}

/// Returns the columns of these names that an earlier row of this thread has, or new ones.
fn remembered(names: &[Box<str>], unnamed: bool) -> Arc<Columns> {
    REMEMBERED_COLUMNS.with_borrow_mut(|lists| {
        let found = lists.iter().position(|columns| columns.unnamed == unnamed && *columns.names == *names);
        match found {
            Some(at) => lists[..=at].rotate_right(1),
            None => {
                lists.truncate(REMEMBERED - 1);
                lists.insert(0, Arc::new(Columns { names: names.into(), unnamed }));
            }
        }
        Arc::clone(&lists[0])
    })
}

impl<'de> Deserialize<'de> for Row {
    /// Reads an object as a row with a column for each of its names, in their order, and anything else as one value
    /// without a name.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowVisitor)
    }
}

/// Makes a row of whatever a format finds.
struct RowVisitor;

/// Methods of a visitor for values that are rows without a name.
macro_rules! visit_values {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<Row, E> {
            Row::unnamed(&Value::from(value)).map_err(E::custom)
        })*
    };
}

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a value")
    }

    visit_values!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<Row, E> {
        Row::unnamed(&Value::Null).map_err(E::custom)
    }

    fn visit_none<E: Error>(self) -> Result<Row, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        Row::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
        Row::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
        let mut values = Vec::new();
        while let Some(mut value) = seq.next_element::<Value>()? {
            unwrap_datetimes(&mut value);
            values.push(value);
        }
        Row::unnamed(&Value::Array(values)).map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let (mut names, mut draft) = (Vec::<Box<str>>::new(), Draft::default());
        while let Some(name) = map.next_key::<Box<str>>()? {
            let mut value = map.next_value::<Value>()?;
            if &*name == TOML_DATETIME && names.is_empty() {
                return Row::unnamed(&value).map_err(A::Error::custom);
            }
            if names.contains(&name) {
                return Err(A::Error::custom(format_args!("column {name:?} stands twice in one row; keep one")));
            }
            unwrap_datetimes(&mut value);
            draft.push(&value).map_err(A::Error::custom)?;
            names.push(name);
        }
        draft.finish(&remembered(&names, false)).map_err(A::Error::custom)
    }
}

/// Under this name alone, crate toml passes on a date or time as its text.
const TOML_DATETIME: &str = "$__toml_private_datetime";

/// Puts the texts of dates and times where crate toml has objects.
fn unwrap_datetimes(value: &mut Value) {
    match value {
        Value::Object(fields) => match fields.get_mut(TOML_DATETIME).filter(|text| text.is_string()) {
            Some(text) => *value = text.take(),
            None => fields.values_mut().for_each(unwrap_datetimes),
        },
        Value::Array(values) => values.iter_mut().for_each(unwrap_datetimes),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(row: &Row) -> String {
        let mut out = Vec::new();
        row.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn from_json(text: &str) -> Row {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn object_keeps_the_order_and_the_kinds_of_its_fields() {
        let text = r#"{"z":"1","a":1,"list":[1,"x"],"none":null,"deep":{"b":true},"quote":"\"\n"}"#;
        let row = from_json(text);
        assert_eq!(json(&row), text);
        let text_of = |column| row.get(column).map(|field| field.text);
        assert_eq!((text_of("z"), text_of("a"), text_of("list")), (Some("1"), Some("1"), Some(r#"[1,"x"]"#)));
        assert_eq!((text_of("quote"), text_of("other")), (Some("\"\n"), None));
    }

    #[test]
    fn value_without_a_name_is_single() {
        for text in ["1", "-2.5", "\"a b\"", "true", "null", "[1,{\"a\":2}]"] {
            let row = from_json(text);
            assert_eq!(json(&row), text);
            assert!(row.is_single() && row.columns() == [Box::<str>::from(UNNAMED)], "{text}");
        }
        assert_eq!(from_json("\"a b\"").single().unwrap().text, "a b");
    }

    #[test]
    fn one_named_field_is_the_value() {
        let row = from_json(r#"{"port":80}"#);
        assert_eq!((json(&row).as_str(), row.columns()), ("80", &[Box::<str>::from("port")][..]));
        assert!(row.is_single());
    }

    #[test]
    fn empty_object_is_a_row_without_columns() {
        let row = from_json("{}");
        assert_eq!((row.columns().len(), json(&row).as_str(), row.is_single()), (0, "{}", false));
    }

    #[test]
    fn equal_columns_are_shared() {
        let (a, b, c) = (from_json(r#"{"x":1,"y":2}"#), from_json(r#"{"x":3,"y":4}"#), from_json(r#"{"y":1,"x":2}"#));
        assert!(Arc::ptr_eq(&a.columns, &b.columns));
        assert!(!Arc::ptr_eq(&a.columns, &c.columns));
        let named = from_json(r#"{"value":1}"#);
        assert!(!named.columns.unnamed && from_json("1").columns.unnamed);
    }

    #[test]
    fn remembered_columns_are_few() {
        for number in 0..100 {
            from_json(&format!(r#"{{"column{number}":1}}"#));
        }
        assert_eq!(REMEMBERED_COLUMNS.with_borrow(Vec::len), REMEMBERED);
    }

    #[test]
    fn rows_are_equal_by_columns_and_fields() {
        let row = from_json(r#"{"a":"1","b":"2"}"#);
        let text = Row::from_texts(&Columns::new(["a", "b"]), ["1", "2"]).unwrap();
        assert_eq!(row, text);
        assert_ne!(row, from_json(r#"{"a":1,"b":"2"}"#));
        assert_ne!(row, from_json(r#"{"a":"12","b":""}"#));
        assert_ne!(row, from_json(r#"{"a":"1","c":"2"}"#));
        assert_ne!(from_json("1"), from_json("\"1\""));
    }

    #[test]
    fn ragged_fields_are_refused() {
        let columns = Columns::new(["a", "b"]);
        assert_eq!(Row::from_texts(&columns, ["1"]), Err(NoRow::Ragged { columns: 2, fields: 1 }));
        assert_eq!(Row::from_texts(&columns, ["1", "2", "3"]), Err(NoRow::Ragged { columns: 2, fields: 3 }));
    }

    #[test]
    fn repeated_column_is_an_error() {
        let error = serde_json::from_str::<Row>(r#"{"a":1,"a":2}"#).unwrap_err().to_string();
        assert!(error.starts_with(r#"column "a" stands twice in one row; keep one"#), "{error}");
    }

    #[test]
    fn toml_rows_have_dates_as_text() {
        let text = "day = 2024-05-01\n[row]\nat = 07:30:00\nlist = [1979-05-27]\nport = 80\n";
        let rows: std::collections::BTreeMap<String, Row> = toml::from_str(text).unwrap();
        assert_eq!(json(&rows["day"]), "\"2024-05-01\"");
        assert_eq!(json(&rows["row"]), r#"{"at":"07:30:00","list":["1979-05-27"],"port":80}"#);
    }

    #[test]
    fn clone_shares_everything() {
        let row = from_json(r#"{"a":1,"b":2}"#);
        let clone = row.clone();
        assert!(Arc::ptr_eq(&row.text, &clone.text) && Arc::ptr_eq(&row.columns, &clone.columns));
        assert_eq!(size_of::<Row>(), 40);
    }
}
