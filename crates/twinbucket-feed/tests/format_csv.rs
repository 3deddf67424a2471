//! CSV as a format: how records become keys and values, and what becomes of bad ones.

#![cfg(feature = "csv")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use proptest::prelude::{ProptestConfig, prop, prop_assert, prop_assert_eq, proptest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twinbucket_feed::format::delimited::{Columns, Record};
use twinbucket_feed::format::{self, Csv, Tsv, WholeLines};
use twinbucket_feed::{Format, Overlaps, Part, RowPolicy};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Route {
    host: String,
    port: Option<u16>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Fast,
    Slow,
}

/// A file called `t.csv`.
fn part(text: impl AsRef<[u8]>) -> [Part; 1] {
    [Part { name: "t.csv".into(), bytes: text.as_ref().to_vec() }]
}

/// The rows of `text`, or the message for it.
fn read<K: Hash + Eq, V>(format: &impl Format<K, V>, text: impl AsRef<[u8]>) -> Result<Vec<(K, V)>, String> {
    let content = format::read(format, &part(text), RowPolicy::AllOrNothing, Overlaps::Error);
    content.map(|content| content.entries).map_err(|error| error.to_string())
}

/// The message for `text`, read into routes.
fn refusal(text: impl AsRef<[u8]>) -> String {
    read::<String, Route>(&Csv::new(), text).unwrap_err()
}

/// The rows of `text` with values of type `V`.
fn values<V: DeserializeOwned + Debug>(text: &str) -> Vec<V> {
    read::<String, V>(&Csv::new(), text).unwrap().into_iter().map(|(_, value)| value).collect()
}

#[test]
fn value_is_read_by_the_names_of_the_columns() {
    let format = Csv::new().key("name");
    let rows = read::<String, Route>(&format, "kind,name,port,host\nfast,a,80,x\nslow,b,,y\n").unwrap();
    let route = |host: &str, port, kind| Route { host: host.to_owned(), port, kind };
    assert_eq!(rows[0], ("a".to_owned(), route("x", Some(80), Kind::Fast)));
    assert_eq!(rows[1], ("b".to_owned(), route("y", None, Kind::Slow)));
}

#[test]
fn the_only_other_column_may_be_a_single_value() {
    assert_eq!(values::<u32>("k,v\na,1\nb,2\n"), [1, 2]);
    assert_eq!(values::<String>("k,v\na,\"x,y\"\n"), ["x,y"]);
    assert_eq!(values::<Option<i8>>("k,v\na,-1\nb,\n"), [Some(-1), None]);
    assert_eq!(values::<Kind>("k,v\na,slow\n"), [Kind::Slow]);
}

#[test]
fn several_columns_may_be_a_map_a_tuple_or_a_sequence() {
    assert_eq!(values::<(u8, String)>("k,v,w\na,1,x\n"), [(1, "x".to_owned())]);
    assert_eq!(values::<Vec<f64>>("k,v,w\na,1,2.5\n"), [[1.0, 2.5]]);
    let map = BTreeMap::from([("v".to_owned(), 1), ("w".to_owned(), 2)]);
    assert_eq!(values::<BTreeMap<String, u8>>("k,v,w\na,1,2\n"), [map]);
}

#[test]
fn type_that_takes_anything_gets_a_map_of_several_columns() {
    let values = values::<serde_json::Value>("k,v,w\na,1,x\n");
    assert_eq!(values, [serde_json::json!({"v": 1, "w": "x"})]);
}

#[test]
fn keys_alone_are_a_table_too() {
    assert_eq!(values::<()>("k\na\nb\n"), [(), ()]);
    assert_eq!(values::<Option<u8>>("k\na\n"), [None]);
    assert_eq!(values::<BTreeMap<String, u8>>("k\na\n"), [BTreeMap::new()]);
}

#[test]
fn key_may_be_of_any_type_that_one_field_can_be_read_into() {
    let rows = read::<u32, char>(&Tsv::new(), "k\tv\n7\tx\n12\ty\n").unwrap();
    assert_eq!(rows, [(7, 'x'), (12, 'y')]);
}

#[test]
fn single_value_of_several_columns_is_refused_at_the_header() {
    let message = read::<String, u32>(&Csv::new(), "\nk,v,w\na,1,2\n").unwrap_err();
    assert_eq!(
        message,
        "t.csv:2: 2 columns stand beside the key: \"v, w\"; the table's type takes a single value, so leave one, or \
         read rows into a struct or a map"
    );
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let header = "name,host,port,kind\n";
    for (row, message) in [
        ("a,x,eighty,fast", "t.csv:2:5: column \"port\" holds \"eighty\": invalid digit found in string"),
        ("ä,\"x\n,\",99999,fast", "t.csv:3:4: column \"port\" holds \"99999\": number too large to fit in target type"),
        (
            "a,x,80,quick",
            "t.csv:2:8: column \"kind\" holds \"quick\": unknown variant `quick`, expected `fast` or `slow`",
        ),
        ("a,x,80", "t.csv:2: the row has 3 fields, the header has 4; add what is missing"),
    ] {
        assert_eq!(refusal(format!("{header}{row}\n")), message, "{row}");
    }
    assert_eq!(refusal("name,port,kind\na,80,fast\n"), "t.csv:2: missing field `host`");
    let key = read::<u32, u32>(&Csv::new().key("id"), "v,id\n1,x\n").unwrap_err();
    assert_eq!(key, "t.csv:2:3: column \"id\" holds \"x\": invalid digit found in string");
    let value = read::<String, Kind>(&Csv::new(), "k,v\na,quick\n").unwrap_err();
    assert_eq!(value, "t.csv:2:3: column \"v\" holds \"quick\": unknown variant `quick`, expected `fast` or `slow`");
    let twice = read::<String, u32>(&Csv::new(), "k,v\na,1\nb,2\n\na,3\n").unwrap_err();
    assert_eq!(twice, "t.csv:5: key \"a\" was already at t.csv:2; keep one of the two");
}

#[test]
fn bad_rows_are_left_out_where_some_may_be() {
    let text = b"k,v\na,1\nb\nc,x\nd,\xff\na,5\ne,6\n\"f,7";
    let content =
        format::read::<String, u32>(&Csv::new(), &part(text), RowPolicy::Quarantine { max: 9 }, Overlaps::Error)
            .unwrap();
    assert_eq!(content.entries, [("a".to_owned(), 1), ("e".to_owned(), 6)]);
    let lines: Vec<_> = content.bad.iter().map(|error| error.place.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 8]);
}

#[test]
fn each_line_that_a_missing_quote_swallows_counts_as_a_bad_row() {
    let rows: String = (0..20).map(|number| format!("{number},x\n")).collect();
    let text = format!("k,v\n\"a,1\n{rows}b,\"2\nc,3\n");
    let quarantine =
        |max| format::read::<String, String>(&Csv::new(), &part(&text), RowPolicy::Quarantine { max }, Overlaps::Error);
    let content = quarantine(22).unwrap();
    assert_eq!((content.entries.len(), content.bad_count), (1, 22));
    assert_eq!(
        content.bad[1].to_string(),
        "t.csv:3: the line is part of the row that begins on line 2, which is wrong"
    );
    assert!(quarantine(21).is_err());
}

#[test]
fn function_makes_rows_and_says_what_is_wrong_with_them() {
    let format = Csv::new().with(|columns: &Columns| {
        let port = columns.position("port").ok_or("a column \"port\" is needed")?;
        Ok(move |record: &Record<'_>| match record.get(port).and_then(|text| text.parse::<u16>().ok()) {
            Some(number) => Ok((record.key().to_owned(), number)),
            None => Err(record.error_in(port, "not a port")),
        })
    });
    assert_eq!(read(&format, "k,port\na,80\n"), Ok(vec![("a".to_owned(), 80)]));
    assert_eq!(read(&format, "k,port\na,x\n").unwrap_err(), "t.csv:2:3: not a port");
    assert_eq!(read(&format, "k,v\na,x\n").unwrap_err(), "t.csv:1: a column \"port\" is needed");
}

#[test]
fn format_of_a_kind_chosen_at_run_time_is_a_format() {
    let format: Box<dyn Format<String, u32>> = Box::new(Csv::new());
    assert_eq!(read(&format, "k,v\na,1\n"), Ok(vec![("a".to_owned(), 1)]));
}

#[test]
fn whole_lines_refuse_a_last_line_without_end() {
    let format = WholeLines(Csv::new());
    assert_eq!(read::<String, u32>(&format, "k,v\na,1\n"), Ok(vec![("a".to_owned(), 1)]));
    let message = read::<String, u32>(&format, "\u{feff}k,v\nü,1").unwrap_err();
    assert_eq!(message, "t.csv:2:4: the last line has no end; the file may not be complete");
}

/// Writes rows as crate csv does.
fn written(rows: &BTreeMap<String, Route>, separator: u8) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
    writer.write_record(["name", "host", "port", "kind"]).unwrap();
    for (name, route) in rows {
        writer.serialize((name, &route.host, route.port, route.kind)).unwrap();
    }
    writer.into_inner().unwrap()
}

/// A table.
fn table() -> impl proptest::strategy::Strategy<Value = BTreeMap<String, Route>> {
    use proptest::prelude::Strategy;
    let text = "[a-zü,;\t\"\r\n ]{1,8}";
    let kind = prop::sample::select(vec![Kind::Fast, Kind::Slow]);
    let route = (text, prop::option::of(0..=u16::MAX), kind).prop_map(|(host, port, kind)| Route { host, port, kind });
    prop::collection::btree_map(text, route, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn table_that_was_written_is_read_back(rows in table()) {
        for (format, separator) in [(Csv::new(), b','), (Csv::new(), b';'), (Tsv::new(), b'\t')] {
            let read = read::<String, Route>(&format, written(&rows, separator)).unwrap();
            prop_assert_eq!(read.into_iter().collect::<BTreeMap<_, _>>(), rows.clone());
        }
    }

    #[test]
    fn table_that_was_cut_is_its_beginning_or_refused(rows in table()) {
        let text = written(&rows, b',');
        let all: Vec<_> = rows.into_iter().collect();
        for end in 0..text.len() {
            if let Ok(read) = read::<String, Route>(&WholeLines(Csv::new()), &text[..end]) {
                prop_assert!(all.starts_with(&read), "{read:?}");
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = read::<String, Route>(&Csv::new(), &bytes);
        let _ = read::<u32, Vec<String>>(&Csv::new().columns(["a", "b"]), &bytes);
    }
}
