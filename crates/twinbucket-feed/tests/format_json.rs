//! JSON and NDJSON as formats: how values become rows, and what becomes of bad ones.

#![cfg(feature = "json")]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::Hash;

use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use twinbucket_feed::format::{self, Content, Json, Ndjson};
use twinbucket_feed::{Format, Overlaps, Part, RowPolicy};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    host: String,
    port: Option<u16>,
    weights: Vec<i32>,
}

#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
enum Kind {
    Fast,
}

/// The rows of `text`, or the message for it.
fn read<K: Hash + Eq, V>(format: &impl Format<K, V>, text: impl AsRef<[u8]>) -> Result<Vec<(K, V)>, String> {
    content(format, text, RowPolicy::AllOrNothing).map(|content| content.entries)
}

/// What is read of `text`, or the message for it.
fn content<K: Hash + Eq, V>(
    format: &impl Format<K, V>,
    text: impl AsRef<[u8]>,
    policy: RowPolicy,
) -> Result<Content<K, V>, String> {
    let part = Part { name: "t.json".into(), bytes: text.as_ref().to_vec() };
    format::read(format, &[part], policy, Overlaps::Error).map_err(|error| error.to_string())
}

/// The messages for the bad rows of `text`, and the good rows.
fn quarantine<K: Hash + Eq + Debug, V: Debug>(
    format: &impl Format<K, V>,
    text: impl AsRef<[u8]>,
) -> (Vec<String>, Vec<(K, V)>) {
    let content = content(format, text, RowPolicy::Quarantine { max: 50 }).unwrap();
    (content.bad.iter().map(ToString::to_string).collect(), content.entries)
}

/// A key as text.
fn key(text: &str) -> String {
    text.to_owned()
}

#[test]
fn object_is_a_table_in_its_own_order() {
    let rows = read::<String, i32>(&Json, r#" {"b": 1, "\u0061": 2, "": -3} "#).unwrap();
    assert_eq!(rows, [(key("b"), 1), (key("a"), 2), (key(""), -3)]);
    assert_eq!(read::<String, i32>(&Json, "{}").unwrap(), []);
}

#[test]
fn names_of_an_object_become_numbers_where_those_are_the_keys() {
    assert_eq!(read::<u32, bool>(&Json, r#"{"12": true}"#).unwrap(), [(12, true)]);
}

#[test]
fn key_is_taken_out_of_the_objects_of_an_array() {
    let text = r#"[{"port": 1, "id": 7, "host": "a", "weights": []}, {"id": 8, "host": "b", "weights": [2]}]"#;
    let rows = read::<u32, Route>(&Json.key("id"), text).unwrap();
    assert_eq!(rows[0], (7, Route { host: key("a"), port: Some(1), weights: vec![] }));
    assert_eq!(rows[1], (8, Route { host: key("b"), port: None, weights: vec![2] }));
}

#[test]
fn value_without_fields_is_that_of_the_only_other_field() {
    assert_eq!(read::<String, u8>(&Json.key("k"), r#"[{"k": "a", "v": 1}]"#).unwrap(), [(key("a"), 1)]);
    assert_eq!(read::<String, Kind>(&Json.key("k"), r#"[{"v": "Fast", "k": "a"}]"#).unwrap(), [(key("a"), Kind::Fast)]);
    assert_eq!(read::<String, Vec<u8>>(&Json.key("k"), r#"[{"k": "a", "v": [1]}]"#).unwrap(), [(key("a"), vec![1])]);
    assert_eq!(read::<String, ()>(&Json.key("k"), r#"[{"k": "a"}]"#).unwrap(), [(key("a"), ())]);
    assert_eq!(read::<String, Option<u8>>(&Json.key("k"), r#"[{"k": "a"}]"#).unwrap(), [(key("a"), None)]);
}

#[test]
fn type_that_takes_anything_gets_an_object() {
    let rows = read::<String, Value>(&Json.key("k"), r#"[{"k": "a", "v": 1}, {"k": "b"}]"#).unwrap();
    assert_eq!(rows, [(key("a"), json!({"v": 1})), (key("b"), json!({}))]);
    let option = read::<String, Option<HashMap<String, u8>>>(&Json.key("k"), r#"[{"k": "a", "v": 1}]"#).unwrap();
    assert_eq!(option[0].1, Some(HashMap::from([(key("v"), 1)])));
}

#[test]
fn lines_are_pairs_or_objects() {
    let pairs = read::<String, u8>(&Ndjson, "[\"a\", 1]\r\n\n  \n[\"b\", 2]").unwrap();
    assert_eq!(pairs, [(key("a"), 1), (key("b"), 2)]);
    let objects = read::<u8, u8>(&Ndjson.key("k"), "{\"k\": 1, \"v\": 1}\n{\"v\": 2, \"k\": 2}\n").unwrap();
    assert_eq!(objects, [(1, 1), (2, 2)]);
    assert_eq!(read::<String, u8>(&Ndjson, "").unwrap(), []);
}

#[test]
fn what_is_wrong_in_a_document_is_said_with_its_place() {
    for (text, message) in [
        ("", "t.json:1:1: EOF while parsing a value"),
        ("{\n  \"a\": 1,\n", "t.json:3:1: EOF while parsing a value"),
        ("{\"ü\": 1 \"b\"", "t.json:1:9: expected `,` or `}`"),
        ("{\"a\": 1} x", "t.json:1:10: trailing characters"),
        ("[1]", "t.json:1:1: invalid type: sequence, expected an object of keys and values"),
        ("{\"a\": 1, \"ü\": \"x\"}", "t.json:1:15: invalid type: string \"x\", expected u8"),
        ("{\"a\": 1,\r\n \"b\": [\n1]}", "t.json:2:7: invalid type: sequence, expected u8"),
        ("{\"a\": 1,\n\"a\": 2}", "t.json:2: key \"a\" was already at t.json:1; keep one of the two"),
    ] {
        assert_eq!(read::<String, u8>(&Json, text).unwrap_err(), message, "{text}");
    }
    let message = read::<u8, u8>(&Json, "{\n\"256\": 1}").unwrap_err();
    assert_eq!(message, "t.json:2:1: invalid value: string \"256\", expected a number from 0 to 255");
    let message = read::<u8, u8>(&Json, b"{\"\xff\": 1}").unwrap_err();
    assert_eq!(message, "t.json:1:3: not UTF-8: byte 0xff; save the file as UTF-8");
}

#[test]
fn what_is_wrong_in_an_array_is_said_with_its_place() {
    for (text, message) in [
        ("{}", "t.json:1:1: invalid type: map, expected an array of objects with a field \"k\""),
        ("[\n1]", "t.json:2:1: invalid type: integer `1`, expected an object that holds its key"),
        ("[\n {}]", "t.json:2:2: the row has no field \"k\", which is to be its key"),
        ("[{\"k\":1,\"k\":2}]", "t.json:1:2: the row has two fields \"k\", which is to be its key; keep one"),
        ("[{\"k\":\"x\"}]", "t.json:1:7: invalid type: string \"x\", expected u8"),
        ("[{\"k\":1}]", "t.json:1:2: missing field `host`"),
        ("[{\"k\":1, \"x\":2}]", "t.json:1:2: unknown field `x`, expected one of `host`, `port`, `weights`"),
        ("[{\"k\":1, \"host\":\n [2]}]", "t.json:2:2: invalid type: sequence, expected a string"),
        ("[{\"k\":1, \"weights\":[2,\n \"ü\", 3]}]", "t.json:2:2: invalid type: string \"ü\", expected i32"),
    ] {
        assert_eq!(read::<u8, Route>(&Json.key("k"), text).unwrap_err(), message, "{text}");
    }
    let single = read::<u8, u8>(&Json.key("k"), "[{\"k\": 1, \"v\": 2, \"w\": 3}]").unwrap_err();
    assert!(single.starts_with("t.json:1:2: the row has 2 fields besides its key; "), "{single}");
    let none = read::<u8, u8>(&Json.key("k"), "[{\"k\": 1}]").unwrap_err();
    assert_eq!(none, "t.json:1:2: the row has no field besides its key");
}

#[test]
fn bad_rows_of_a_document_are_left_out_where_some_may_be() {
    let (bad, good) = quarantine::<u8, u8>(&Json, r#"{"1": 1, "x": 2, "3": "y", "4": 4, "1": 5}"#);
    assert_eq!(
        bad,
        [
            "t.json:1:10: invalid value: string \"x\", expected a number from 0 to 255",
            "t.json:1:23: invalid type: string \"y\", expected u8",
            "t.json:1: key \"1\" was already at t.json:1; keep one of the two",
        ]
    );
    assert_eq!(good, [(1, 1), (4, 4)]);
}

#[test]
fn bad_lines_are_left_out_where_some_may_be() {
    let text = b"[\"a\", 1]\n{\"k\": 1}\n[\"b\"]\n[\"c\", 1, 2]\n\xff\n[\"d\", \"x\"]\n]\n[\"e\", 2]\n[\"f\", 3";
    let (bad, good) = quarantine::<String, u8>(&Ndjson, text);
    assert_eq!(
        bad,
        [
            "t.json:2:1: invalid type: map, expected an array of a key and a value",
            "t.json:3:5: invalid length 1, expected an array of a key and a value",
            "t.json:4:11: invalid length 3, expected an array of a key and a value",
            "t.json:5:1: not UTF-8: byte 0xff; save the file as UTF-8",
            "t.json:6:7: invalid type: string \"x\", expected u8",
            "t.json:7:1: expected value",
            "t.json:9:7: EOF while parsing a list",
        ]
    );
    assert_eq!(good, [(key("a"), 1), (key("e"), 2)]);
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow_of_the_stack() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let (bad, good) = quarantine::<String, Value>(&Json, format!("{{\"a\": {deep}, \"b\": 1}}"));
    assert!(bad[0].contains("recursion limit exceeded"), "{bad:?}");
    assert_eq!(good, [(key("b"), json!(1))]);
    let (bad, _) = quarantine::<String, Value>(&Ndjson, format!("[\"a\", {deep}]\n{deep}\n"));
    assert_eq!(bad.len(), 2);
}

/// A table.
fn table() -> impl Strategy<Value = BTreeMap<String, Route>> {
    let text = "[a-zü\"\\\\\r\n \u{1}]{0,8}";
    let weights = prop::collection::vec(proptest::num::i32::ANY, 0..3);
    let route = (text, prop::option::of(0..=u16::MAX), weights);
    let route = route.prop_map(|(host, port, weights)| Route { host, port, weights });
    prop::collection::btree_map(text, route, 0..8)
}

/// `table` as rows that hold their keys.
fn objects(table: &BTreeMap<String, Route>) -> Vec<Value> {
    let object = |(id, route): (&String, &Route)| {
        let mut object = serde_json::to_value(route).unwrap();
        object["id"] = id.as_str().into();
        object
    };
    table.iter().map(object).collect()
}

/// One value per line.
fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().map(|value| format!("{value}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn table_that_was_written_is_read_back(table in table()) {
        let pairs = lines(table.iter().map(|row| json!(row)));
        let pretty = serde_json::to_string_pretty(&table).unwrap();
        for rows in [
            read(&Json, serde_json::to_string(&table).unwrap()),
            read(&Json, pretty),
            read(&Json.key("id"), Value::from(objects(&table)).to_string()),
            read(&Ndjson, pairs),
            read(&Ndjson.key("id"), lines(objects(&table))),
        ] {
            prop_assert_eq!(rows.unwrap().into_iter().collect::<BTreeMap<String, Route>>(), table.clone());
        }
    }

    #[test]
    fn document_that_was_cut_is_refused(table in table()) {
        let document = serde_json::to_string(&table).unwrap();
        let array = Value::from(objects(&table)).to_string();
        for end in 0..document.len() {
            prop_assert!(read::<String, Route>(&Json, &document.as_bytes()[..end]).is_err());
        }
        for end in 0..array.len() {
            prop_assert!(read::<String, Route>(&Json.key("id"), &array.as_bytes()[..end]).is_err());
        }
    }

    #[test]
    fn lines_that_were_cut_are_the_first_of_them_or_refused(table in table()) {
        let text = lines(table.iter().map(|row| json!(row)));
        let all: Vec<_> = table.into_iter().collect();
        for end in 0..text.len() {
            if let Ok(rows) = read::<String, Route>(&Ndjson, &text.as_bytes()[..end]) {
                prop_assert!(all.starts_with(&rows), "{rows:?}");
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        text in prop::collection::vec(prop::sample::select(b"[]{},:\"\\1ue\n \xc3\xbc\xff".to_vec()), 0..60),
    ) {
        let _ = read::<String, Value>(&Json, &text);
        let _ = read::<String, Value>(&Json.key("1"), &text);
        let _ = content::<String, Value>(&Ndjson, &text, RowPolicy::Quarantine { max: 100 }).unwrap();
        let _ = content::<String, u8>(&Ndjson.key("1"), &text, RowPolicy::Quarantine { max: 100 });
    }
}
