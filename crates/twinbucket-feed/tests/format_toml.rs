//! TOML as a format: how tables become rows, and what becomes of bad ones.

#![cfg(feature = "toml")]

use std::collections::BTreeMap;
use std::hash::Hash;

use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};
use toml::Value;
use twinbucket_feed::format::{self, Content, Toml, WholeLines};
use twinbucket_feed::{Format, Overlaps, Part, RowPolicy};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    host: String,
    port: Option<u16>,
    weights: Vec<i32>,
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
    let part = Part { name: "t.toml".into(), bytes: text.as_ref().to_vec() };
    format::read(format, &[part], policy, Overlaps::Error).map_err(|error| error.to_string())
}

/// A key as text.
fn key(text: &str) -> String {
    text.to_owned()
}

#[test]
fn top_level_names_are_keys_in_the_order_of_the_file() {
    let rows = read::<String, u8>(&Toml, "b = 1\n\"a b\" = 2\n").unwrap();
    assert_eq!(rows, [(key("b"), 1), (key("a b"), 2)]);
    let rows = read::<u32, BTreeMap<String, u8>>(&Toml, "12.x = 1\n\n[7]\ny = 2\n").unwrap();
    assert_eq!(rows, [(12, BTreeMap::from([(key("x"), 1)])), (7, BTreeMap::from([(key("y"), 2)]))]);
    assert_eq!(read::<String, u8>(&Toml, "# nothing\n").unwrap(), []);
}

#[test]
fn error_at_a_line_end_of_two_characters_is_no_column_too_far() {
    for end in ["\n", "\r\n"] {
        let message = read::<String, u8>(&Toml, &format!("a = 1{end}\"b{end}")).unwrap_err();
        assert!(message.starts_with("t.toml:2:3: "), "{message}");
    }
}

#[test]
fn key_is_taken_out_of_the_tables_of_an_array() {
    let text = "title = \"x\"\n[[route]]\nid = 7\nhost = \"a\"\nweights = [1]\n[[route]]\nhost = \"b\"\nid = 8\nweights = []\n";
    let rows = read::<u32, Route>(&Toml::array("route").key("id"), text).unwrap();
    assert_eq!(rows[0], (7, Route { host: key("a"), port: None, weights: vec![1] }));
    assert_eq!((rows[1].0, &*rows[1].1.host), (8, "b"));
    assert_eq!(read::<u32, Route>(&Toml::array("none").key("id"), text).unwrap(), []);
}

#[test]
fn value_without_fields_is_that_of_the_only_other_field() {
    let rows =
        read::<String, u8>(&Toml::array("r").key("k"), "r = [{ k = \"a\", v = 1 }, { v = 2, k = \"b\" }]").unwrap();
    assert_eq!(rows, [(key("a"), 1), (key("b"), 2)]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, message) in [
        ("[ü", "t.toml:1:3: unclosed table, expected `]`"),
        ("[a]\nhost = \"x\nport = 1\n", "t.toml:2:10: invalid basic string, expected `\"`"),
        ("[a]\n[a]\n", "t.toml:2:2: duplicate key"),
        ("a = 1\n", "t.toml:1:5: invalid type: integer `1`, expected struct Route"),
        ("[a]\nhost = \"ü\"\nport = \"x\"\nweights = []", "t.toml:3:8: invalid type: string \"x\", expected u16"),
        ("[a]\nhost = \"x\"\nweights = [1, # one\n \"ü\"]", "t.toml:4:2: invalid type: string \"ü\", expected i32"),
        ("\n[a]\nhost = \"x\"\n", "t.toml:2:2: missing field `weights`"),
    ] {
        assert_eq!(read::<String, Route>(&Toml, text).unwrap_err(), message, "{text}");
    }
    let message = read::<u8, u8>(&Toml, "\n256 = 1").unwrap_err();
    assert_eq!(message, "t.toml:2:1: invalid value: string \"256\", expected a number from 0 to 255");
    let message = read::<u8, u8>(&Toml, b"a = \"\xff\"").unwrap_err();
    assert_eq!(message, "t.toml:1:6: not UTF-8: byte 0xff; save the file as UTF-8");
}

#[test]
fn what_is_wrong_in_an_array_is_said_with_its_place() {
    for (text, message) in [
        ("r = 1", "t.toml:1:5: \"r\" is to be an array of tables"),
        ("r = [1]", "t.toml:1:6: \"r\" is to be an array of tables"),
        ("[[r]]\nv = 1", "t.toml:1:1: the row has no field \"k\", which is to be its key"),
        ("[[r]]\nk = 1", "t.toml:2:5: invalid type: integer `1`, expected a string"),
        ("[[r]]\nk = \"a\"\nv = \"x\"", "t.toml:3:5: invalid type: string \"x\", expected u8"),
        (
            "[[r]]\nk = \"a\"\nv = 1\n[[r]]\nk = \"a\"\nv = 1\n",
            "t.toml:4: key \"a\" was already at t.toml:1; keep one of the two",
        ),
    ] {
        assert_eq!(read::<String, u8>(&Toml::array("r").key("k"), text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn bad_rows_are_left_out_where_some_may_be() {
    let content =
        content::<u8, u8>(&Toml, "1 = 1\nx = 2\n3 = \"y\"\n4 = 4\n", RowPolicy::Quarantine { max: 2 }).unwrap();
    assert_eq!(content.entries, [(1, 1), (4, 4)]);
    assert_eq!(content.bad.iter().map(|error| error.place.line).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow_of_the_stack() {
    let arrays = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let tables = format!("a = {}1{}", "{a=".repeat(100_000), "}".repeat(100_000));
    let dotted = format!("a{} = 1", ".a".repeat(100_000));
    for text in [arrays, tables, dotted] {
        let message = read::<String, Value>(&Toml, &text).unwrap_err();
        assert!(message.contains("recurs"), "{message}");
    }
}

/// A table.
fn table() -> impl Strategy<Value = BTreeMap<String, Route>> {
    let text = "[a-zü\"\\\\\r\n =#\u{1}]{0,8}";
    let weights = prop::collection::vec(proptest::num::i32::ANY, 0..3);
    let route = (text, prop::option::of(0..=u16::MAX), weights);
    let route = route.prop_map(|(host, port, weights)| Route { host, port, weights });
    prop::collection::btree_map(text, route, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn table_that_was_written_is_read_back(table in table()) {
        let text = toml::to_string(&table).unwrap();
        prop_assert_eq!(read(&Toml, text).unwrap().into_iter().collect::<BTreeMap<String, Route>>(), table.clone());

        let row = |(id, route): (&String, &Route)| {
            let mut row = toml::Table::try_from(route).unwrap();
            row.insert("id".to_owned(), id.as_str().into());
            Value::Table(row)
        };
        let array = BTreeMap::from([("route", table.iter().map(row).collect::<Vec<_>>())]);
        let rows = read(&Toml::array("route").key("id"), toml::to_string(&array).unwrap()).unwrap();
        prop_assert_eq!(rows.into_iter().collect::<BTreeMap<String, Route>>(), table);
    }

    #[test]
    fn values_that_were_cut_are_the_first_of_them_or_refused(table in prop::collection::btree_map("[a-zü\"\\\\\n]{1,8}", proptest::num::i64::ANY, 0..8)) {
        let text = toml::to_string(&table).unwrap();
        let all: Vec<_> = table.into_iter().collect();
        for end in 0..text.len() {
            if let Ok(rows) = read::<String, i64>(&WholeLines(Toml), &text.as_bytes()[..end]) {
                prop_assert!(all.starts_with(&rows), "{rows:?}");
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        text in prop::collection::vec(prop::sample::select(b"[]{},.=\"'\\1ae\n# \xc3\xbc\xff".to_vec()), 0..60),
    ) {
        let _ = read::<String, Value>(&Toml, &text);
        let _ = read::<String, Value>(&Toml::array("a").key("e"), &text);
    }
}
