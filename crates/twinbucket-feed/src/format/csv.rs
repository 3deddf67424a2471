//! Rows from the records of delimited text: by serde, or by a function of the caller's.

use std::cell::Cell;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use ::csv::{ErrorKind, StringRecord};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};

use crate::format::Format;
use crate::format::delimited::{Columns, Csv, Record, Records};
use crate::format::shape::Shape;
use crate::format::text::shown;
use crate::{Part, RowError, Rows};

impl<K, V> Format<K, V> for Csv
where
    K: DeserializeOwned + Hash + Eq,
    V: DeserializeOwned,
{
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        let records = self.records(part)?;
        let mut fields = Fields::new::<V>(records.columns()).map_err(|problem| records.error(problem))?;
        gather(records, rows, |record| Ok((fields.key(record)?, fields.value(record)?)))
    }
}

impl Csv {
    /// Makes rows by a function, without serde.
    ///
    /// `prepare` is called once for each part, with its columns, and returns what makes a row of a record; there is the
    /// place for all that rows share. Either may refuse what it gets: [`Record::error`] and [`Record::error_in`] say where.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use twinbucket_feed::format::delimited::{Columns, Record};
    /// use twinbucket_feed::format::{self, Csv};
    /// use twinbucket_feed::{Overlaps, Part, RowPolicy};
    ///
    /// struct Row {
    ///     columns: Arc<[String]>,
    ///     fields: Box<[Box<str>]>,
    /// }
    ///
    /// let format = Csv::new().with(|columns: &Columns| {
    ///     let columns: Arc<[String]> = columns.values().map(str::to_owned).collect();
    ///     Ok(move |record: &Record<'_>| {
    ///         let fields = record.values().map(Box::from).collect();
    ///         Ok((record.key().to_owned(), Row { columns: Arc::clone(&columns), fields }))
    ///     })
    /// });
    /// let part = Part { name: "units.csv".into(), bytes: b"symbol,name\nkg,kilogram\ns,second\n".to_vec() };
    /// let content = format::read(&format, &[part], RowPolicy::AllOrNothing, Overlaps::Error)?;
    /// let (key, row) = &content.entries[1];
    /// assert_eq!((&**key, &*row.columns[0], &*row.fields[0]), ("s", "name", "second"));
    /// # Ok::<(), twinbucket_feed::LoadError>(())
    /// ```
    pub fn with<P, M, K, V>(self, prepare: P) -> With<P>
    where
        P: Fn(&Columns) -> Result<M, Box<str>> + Send,
        M: FnMut(&Record<'_>) -> Result<(K, V), RowError>,
    {
        With { layout: self, prepare }
    }
}

/// Delimited text whose rows a function makes; see [`Csv::with`].
#[derive(Clone)]
pub struct With<P> {
    /// How the text is laid out.
    layout: Csv,
    /// Makes, of the columns, what makes a row of a record.
    prepare: P,
}

impl<K, V, P, M> Format<K, V> for With<P>
where
    K: Hash + Eq,
    P: Fn(&Columns) -> Result<M, Box<str>> + Send,
    M: FnMut(&Record<'_>) -> Result<(K, V), RowError>,
{
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        let records = self.layout.records(part)?;
        let make = (self.prepare)(records.columns()).map_err(|problem| records.error(problem))?;
        gather(records, rows, make)
    }
}

impl<P> fmt::Debug for With<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// Gives `rows` what `make` makes of each record.
fn gather<K: Hash + Eq, V>(
    mut records: Records<'_>,
    rows: &mut Rows<'_, K, V>,
    mut make: impl FnMut(&Record<'_>) -> Result<(K, V), RowError>,
) -> Result<(), RowError> {
    while let Some(record) = records.next() {
        let flow = match record {
            Ok(record) => match make(&record) {
                Ok((key, value)) => rows.push_named(record.line(), record.key(), key, value),
                Err(error) => rows.reject(error),
            },
            Err(error) => reject(&records, error, rows),
        };
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// Gives `rows` the error of the record read last, and one for each further line of it: where a quote is missing, those
/// are rows that it has swallowed, and they must not go unnoticed.
fn reject<K: Hash + Eq, V>(records: &Records<'_>, error: RowError, rows: &mut Rows<'_, K, V>) -> ControlFlow<()> {
    let (first, last) = (records.line(), records.last_line());
    rows.reject(error)?;
    for line in first + 1..=last {
        let problem = format!("the line is part of the row that begins on line {first}, which is wrong");
        rows.reject(RowError::new(rows.place(line, 0), problem))?;
    }
    ControlFlow::Continue(())
}

/// Reads keys and values from records by serde.
struct Fields {
    /// Names of the columns without the key.
    names: StringRecord,
    /// Whether a value is read from one field; where there is no column, from an empty one.
    is_single: bool,
    /// Whether the type takes anything, and so gets a map.
    is_any: bool,
    /// The key of a record.
    key: StringRecord,
    /// The rest of a record.
    values: StringRecord,
}

impl Fields {
    /// Prepares to read values of type `V`.
    ///
    /// # Errors
    /// If those are single values and the columns are several.
    fn new<V: DeserializeOwned>(columns: &Columns) -> Result<Self, Box<str>> {
        let names: StringRecord = columns.values().collect();
        let shape = Shape::of::<V>();
        let is_single = shape == Shape::Single || (shape == Shape::Any && names.len() == 1);
        if is_single && names.len() > 1 {
            let others = shown(&columns.values().collect::<Vec<_>>().join(", "));
            let count = names.len();
            return Err(format!(
                "{count} columns stand beside the key: {others}; the table's type takes a single value, so leave one, or \
                 read rows into a struct or a map"
            )
            .into());
        }
        let is_any = shape == Shape::Any && !is_single;
        Ok(Self { names, is_single, is_any, key: StringRecord::new(), values: StringRecord::new() })
    }

    /// Reads the key of `record`.
    fn key<K: DeserializeOwned>(&mut self, record: &Record<'_>) -> Result<K, RowError> {
        self.key.clear();
        self.key.push_field(record.key());
        self.key.deserialize(None).map_err(|error| explain(record, &error, Some(record.columns().key())))
    }

    /// Reads the value of `record`.
    fn value<V: DeserializeOwned>(&mut self, record: &Record<'_>) -> Result<V, RowError> {
        self.values.clear();
        self.values.extend(record.values());
        if self.is_single && self.names.is_empty() {
            self.values.push_field("");
        }
        let value = if self.is_any {
            self.values.deserialize(Some(&self.names)).map(|AsMap(value)| value)
        } else {
            self.values.deserialize(Some(&self.names))
        };
        value.map_err(|error| {
            let field = field_of(&error).or_else(|| self.fault::<V>());
            let key = record.columns().key();
            explain(record, &error, field.map(|field| field + usize::from(field >= key)))
        })
    }

    /// Finds the field that cannot be read as part of a `V`, where crate csv does not tell: what types themselves say is
    /// wrong comes without a place. `None` if that lies in none of them.
    fn fault<V: DeserializeOwned>(&self) -> Option<usize> {
        if self.is_single {
            return Some(0);
        }
        let Fault::<V>(field, _) = self.values.deserialize(Some(&self.names)).ok()?;
        field
    }
}

/// A `V` that takes anything, out of a map: crate csv would give it the first field.
struct AsMap<V>(V);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for AsMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AsMapVisitor(PhantomData))
    }
}

/// Reads an [`AsMap`].
struct AsMapVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for AsMapVisitor<V> {
    type Value = AsMap<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<AsMap<V>, A::Error> {
        V::deserialize(MapAccessDeserializer::new(TextNames(access))).map(AsMap)
    }
}

/// A record whose names are given as text: crate csv gives bytes, which not every type takes for a name.
struct TextNames<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for TextNames<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let name: Option<String> = self.0.next_key()?;
        name.map(|name| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

/// The field, named by its number, that cannot be read as part of a `V`.
struct Fault<V>(Option<usize>, PhantomData<V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Fault<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(None, PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for Fault<V> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self, A::Error> {
        let (begun, ended) = (Cell::new(0), Cell::new(0));
        let tracked = Tracked { access, begun: &begun, ended: &ended };
        let failed = V::deserialize(MapAccessDeserializer::new(tracked)).is_err();
        Ok(Self(Some(ended.get()).filter(|_| failed && begun > ended), PhantomData))
    }
}

/// Counts the fields of a record while they are read.
struct Tracked<'c, A> {
    /// The record.
    access: A,
    /// Fields whose reading has begun.
    begun: &'c Cell<usize>,
    /// Fields that have been read.
    ended: &'c Cell<usize>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Tracked<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.access.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.begun.set(self.begun.get() + 1);
        let value = self.access.next_value_seed(seed)?;
        self.ended.set(self.ended.get() + 1);
        Ok(value)
    }
}

/// The number of the field that crate csv could not read, if it tells.
fn field_of(error: &::csv::Error) -> Option<usize> {
    let ErrorKind::Deserialize { err, .. } = error.kind() else { return None };
    usize::try_from(err.field()?).ok()
}

/// Says what is wrong with `record`, in the field in `column` if there is one.
fn explain(record: &Record<'_>, error: &::csv::Error, column: Option<usize>) -> RowError {
    let problem = match error.kind() {
        ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => error.to_string(),
    };
    match column.and_then(|column| Some((column, record.columns().names().get(column)?, record.get(column)?))) {
        Some((column, name, text)) => {
            record.error_in(column, format!("column {} holds {}: {problem}", shown(name), shown(text)))
        }
        None => record.error(problem),
    }
}
