//! The formats of tables by name, all with the same kind of row.

use std::hash::Hash;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use twinbucket_feed::format::delimited::{Columns, Csv, Record, Tsv};
use twinbucket_feed::format::{Json, Ndjson, Toml, Yaml};
use twinbucket_feed::ranges::{FirstLast, Range};
use twinbucket_feed::{Format, Part, RowError, Rows};

use super::row::{self, Row};
use super::spec::{FileFormat, TableSpec};

/// A format of keys to rows.
pub(crate) type AnyFormat<K> = Box<dyn Format<K, Row>>;

/// Makes the format of a table whose keys are texts.
///
/// # Errors
/// If the spec asks for something that the format does not have.
pub(crate) fn of(spec: &TableSpec) -> Result<AnyFormat<String>, String> {
    if let (Some(_), true) = (&spec.rows_at, spec.format != FileFormat::Toml) {
        return Err(format!("rows_at is for toml, and the format is {}; leave it out", spec.format));
    }
    let key = spec.key.clone();
    Ok(match spec.format {
        FileFormat::Csv => Box::new(delimited(Csv::new(), key, text_key)),
        FileFormat::Tsv => Box::new(delimited(Tsv::new(), key, text_key)),
        FileFormat::Json => key.map_or_else(|| boxed(Json), |key| boxed(Json.key(key))),
        FileFormat::Ndjson => key.map_or_else(|| boxed(Ndjson), |key| boxed(Ndjson.key(key))),
        FileFormat::Yaml => key.map_or_else(|| boxed(Yaml), |key| boxed(Yaml.key(key))),
        FileFormat::Toml => match (&spec.rows_at, key) {
            (None, None) => boxed(Toml),
            (Some(array), Some(key)) => boxed(Toml::array(&**array).key(key)),
            (Some(_), None) => return Err("rows_at needs the field that is the key; add key".to_owned()),
            (None, Some(_)) => return Err("key needs the array that has the rows; add rows_at".to_owned()),
        },
        FileFormat::Cidr => return Err("cidr has ranges for keys".to_owned()),
    })
}

/// Makes the format of a table whose keys are ranges of addresses.
pub(crate) fn of_ranges(spec: &TableSpec) -> AnyFormat<Range> {
    Box::new(Cidr { key: spec.key.clone() })
}

/// Boxes a format that reads rows by serde.
fn boxed<K: DeserializeOwned, F: Format<K, Row> + 'static>(format: F) -> AnyFormat<K> {
    Box::new(format)
}

/// Reads delimited text into rows that share their columns; `make_key` makes the key of a record.
fn delimited<K: Hash + Eq>(
    layout: Csv,
    key: Option<String>,
    make_key: impl Fn(&Record<'_>) -> Result<K, RowError> + Copy + Send + 'static,
) -> impl Format<K, Row> {
    let layout = key.into_iter().fold(layout, Csv::key);
    layout.with(move |columns: &Columns| {
        let columns = row::Columns::new(columns.values());
        Ok(move |record: &Record<'_>| {
            let row = Row::from_texts(&columns, record.values()).map_err(|error| record.error(error.to_string()))?;
            Ok((make_key(record)?, row))
        })
    })
}

fn text_key(record: &Record<'_>) -> Result<String, RowError> {
    Ok(record.key().to_owned())
}

fn range_key(record: &Record<'_>) -> Result<Range, RowError> {
    record.key().trim().parse().map_err(|error: twinbucket_feed::ranges::RangeError| record.error(error.to_string()))
}

/// Delimited text that says a range of addresses in its first column, or its first and last address in the first two.
///
/// Which it is, and whether the first line is a header, is told by the first line that is neither blank nor a comment.
struct Cidr {
    /// Column with the range, if it is not the first.
    key: Option<String>,
}

impl Format<Range, Row> for Cidr {
    fn read(&self, part: &Part, rows: &mut Rows<'_, Range, Row>) -> Result<(), RowError> {
        let first =
            part.bytes.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty() && line[0] != b'#');
        let first = String::from_utf8_lossy(first.unwrap_or_default());
        let fields: Vec<&str> = first.split(',').map(|field| field.trim().trim_matches('"')).collect();
        let layout = Csv::new();
        match *fields {
            [first, last, ref rest @ ..] if is_address(first) && is_address(last) => {
                FirstLast(delimited(layout.columns(names(rest.len())), None, range_key)).read(part, rows)
            }
            [range, ref rest @ ..] if Range::from_str(range).is_ok() => {
                delimited(layout.columns(names(rest.len())), None, range_key).read(part, rows)
            }
            _ => delimited(layout, self.key.clone(), range_key).read(part, rows),
        }
    }
}

/// Tells whether a field is an address, as a text or as a number.
fn is_address(field: &str) -> bool {
    field.parse::<IpAddr>().is_ok() || field.parse::<u128>().is_ok()
}

/// Names for columns that have none: `range` for the key, `value` for a single other one, `value2` and so on for more.
fn names(values: usize) -> Vec<String> {
    let value = |at: usize| if at == 1 { "value".to_owned() } else { format!("value{at}") };
    std::iter::once("range".to_owned()).chain((1..=values).map(value)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinbucket_feed::{Overlaps, RowPolicy, format};

    use super::*;

    /// What a part of that text has, keys and rows as texts.
    fn content(format: FileFormat, key: Option<&str>, text: &str) -> Vec<(String, String)> {
        let mut spec = TableSpec::new("t", "t", Some(format), Path::new("")).unwrap();
        spec.key = key.map(str::to_owned);
        let part = [Part { name: "t".into(), bytes: text.into() }];
        let json = |row: &Row| {
            let mut out = Vec::new();
            row.write_json(&mut out);
            String::from_utf8(out).unwrap()
        };
        if format == FileFormat::Cidr {
            let read = format::read(&of_ranges(&spec), &part, RowPolicy::AllOrNothing, Overlaps::Error).unwrap();
            return read.entries.iter().map(|(range, row)| (range.to_string(), json(row))).collect();
        }
        let read = format::read(&of(&spec).unwrap(), &part, RowPolicy::AllOrNothing, Overlaps::Error).unwrap();
        read.entries.iter().map(|(key, row)| (key.clone(), json(row))).collect()
    }

    #[test]
    fn every_format_gives_the_same_rows() {
        let expected = [("a".to_owned(), r#"{"host":"x","note":"y"}"#.to_owned())];
        for (format, key, text) in [
            (FileFormat::Csv, None, "k,host,note\na,x,y\n"),
            (FileFormat::Csv, Some("k"), "host;k;note\nx;a;y\n"),
            (FileFormat::Tsv, None, "k\thost\tnote\na\tx\ty\n"),
            (FileFormat::Json, None, r#"{"a":{"host":"x","note":"y"}}"#),
            (FileFormat::Json, Some("k"), r#"[{"k":"a","host":"x","note":"y"}]"#),
            (FileFormat::Ndjson, None, "[\"a\",{\"host\":\"x\",\"note\":\"y\"}]\n"),
            (FileFormat::Ndjson, Some("k"), "{\"k\":\"a\",\"host\":\"x\",\"note\":\"y\"}\n"),
            (FileFormat::Toml, None, "[a]\nhost = 'x'\nnote = 'y'\n"),
            (FileFormat::Yaml, None, "a:\n  host: x\n  note: y\n"),
            (FileFormat::Yaml, Some("k"), "- k: a\n  host: x\n  note: y\n"),
        ] {
            assert_eq!(content(format, key, text), expected, "{format}: {text}");
        }
    }

    #[test]
    fn ranges_are_networks_or_first_and_last_with_a_header_or_without() {
        let expected = [("10.0.0.0/8".to_owned(), "\"CH\"".to_owned())];
        for text in [
            "network,country\n10.0.0.0/8,CH\n",
            "10.0.0.0/8,CH\n",
            "# comment\n10.0.0.0,10.255.255.255,CH\n",
            "167772160,184549375,CH\n",
        ] {
            assert_eq!(content(FileFormat::Cidr, None, text), expected, "{text}");
        }
    }
}
