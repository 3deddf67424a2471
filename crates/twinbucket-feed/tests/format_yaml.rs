//! YAML as a format: how mappings become rows, and what becomes of bad ones.

#![cfg(feature = "yaml")]

use std::collections::BTreeMap;
use std::hash::Hash;

use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};
use serde_norway::Value;
use twinbucket_feed::format::{self, Content, WholeLines, Yaml};
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
    let part = Part { name: "t.yaml".into(), bytes: text.as_ref().to_vec() };
    format::read(format, &[part], policy, Overlaps::Error).map_err(|error| error.to_string())
}

/// A key as text.
fn key(text: &str) -> String {
    text.to_owned()
}

#[test]
fn mapping_is_a_table_in_its_own_order() {
    assert_eq!(read::<String, u8>(&Yaml, "b: 1\n\"a b\": 2\n").unwrap(), [(key("b"), 1), (key("a b"), 2)]);
    assert_eq!(read::<u32, bool>(&Yaml, "12: true\n").unwrap(), [(12, true)]);
    assert_eq!(read::<String, String>(&Yaml, "404: not found\n").unwrap(), [(key("404"), key("not found"))]);
    assert_eq!(read::<String, u8>(&Yaml, "{}").unwrap(), []);
    assert_eq!(read::<String, u8>(&Yaml, "# nothing\n").unwrap(), []);
}

#[test]
fn key_is_taken_out_of_the_mappings_of_a_sequence() {
    let text = "- {id: 7, host: a, weights: [1]}\n- host: b\n  id: 8\n  weights: []\n";
    let rows = read::<u32, Route>(&Yaml.key("id"), text).unwrap();
    assert_eq!(rows[0], (7, Route { host: key("a"), port: None, weights: vec![1] }));
    assert_eq!((rows[1].0, &*rows[1].1.host), (8, "b"));
    assert_eq!(read::<String, u8>(&Yaml.key("k"), "- {v: 1, k: a}\n").unwrap(), [(key("a"), 1)]);
    assert_eq!(read::<u32, Route>(&Yaml.key("id"), "[]").unwrap(), []);
}

#[test]
fn aliases_are_written_out() {
    let rows = read::<String, Vec<u8>>(&Yaml, "a: &x [1, 2]\nb: *x\n").unwrap();
    assert_eq!(rows[1], (key("b"), vec![1, 2]));
}

#[test]
fn aliases_do_not_blow_up() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    let long = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(10_000), "*a, ".repeat(10_000));
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(10_000));
    for text in [laughs, long, text] {
        let message = read::<String, Value>(&Yaml, text).unwrap_err();
        assert!(message.contains("aliases") || message.contains("repetition limit"), "{message}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, message) in [
        ("- 1\n", "t.yaml:1:1: invalid type: sequence, expected a mapping of keys and values"),
        ("a: 1\n b: 2\n", "t.yaml:2:3: mapping values are not allowed in this context"),
        ("a: [1\n", "t.yaml:2:1: did not find expected ',' or ']', while parsing a flow sequence at line 1 column 4"),
        ("a: 1\nü: x\n", "t.yaml:2:4: ü: invalid type: string \"x\", expected u8"),
        ("a: 1\nb: [\n1]\n", "t.yaml:2:4: b: invalid type: sequence, expected u8"),
        ("a: 1\na: 2\n", "t.yaml: key \"a\" was already at t.yaml; keep one of the two"),
        ("a: 1\n---\nb: 1\n", "t.yaml: deserializing from YAML containing more than one document is not supported"),
    ] {
        assert_eq!(read::<String, u8>(&Yaml, text).unwrap_err(), message, "{text}");
    }
    let message = read::<u8, u8>(&Yaml, b"a: \xff").unwrap_err();
    assert_eq!(message, "t.yaml:1:4: not UTF-8: byte 0xff; save the file as UTF-8");
}

#[test]
fn error_at_the_end_of_a_text_is_on_its_last_line() {
    let message = read::<String, u8>(&Yaml, "ü: 1\nb: [1").unwrap_err();
    assert_eq!(
        message,
        "t.yaml:2:6: did not find expected ',' or ']', while parsing a flow sequence at line 2 column 4"
    );
}

#[test]
fn lines_are_those_of_an_editor() {
    // The parser ends lines with U+0085 and U+2028, too.
    let message = read::<String, u8>(&Yaml, "a: 1\u{85}b: 2\u{2028}c: x\nd: 1\n").unwrap_err();
    assert_eq!(message, "t.yaml:1:14: c: invalid type: string \"x\", expected u8");
    let message = read::<String, u8>(&Yaml, "a: 1\r\nb: 2\rc: x\n").unwrap_err();
    assert_eq!(message, "t.yaml:3:4: c: invalid type: string \"x\", expected u8");
}

#[test]
fn control_character_is_told_with_its_place() {
    let message = read::<String, String>(&Yaml, "a: 1\nü: \u{1}\n").unwrap_err();
    assert_eq!(message, "t.yaml:2:4: control characters are not allowed; write them as escapes");
}

#[test]
fn what_is_wrong_in_a_sequence_is_said_with_its_place() {
    for (text, message) in [
        ("a: 1", "t.yaml:1:1: invalid type: map, expected a sequence of mappings with a field \"k\""),
        ("- 1\n", "t.yaml:1:3: [0]: invalid type: integer `1`, expected a mapping that holds its key"),
        ("- {k: 1, v: 2}\n- v: 1\n", "t.yaml:2:3: [1]: the row has no field \"k\", which is to be its key"),
        ("- {k: 1, v: x}\n", "t.yaml:1:3: [0]: invalid type: string \"x\", expected u8"),
    ] {
        assert_eq!(read::<u8, u8>(&Yaml.key("k"), text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn bad_rows_are_left_out_where_some_may_be() {
    let quarantine = RowPolicy::Quarantine { max: 5 };
    let text = "1: 1\nx: 2\n3: y\n4: 4\n1: 5\n6: {}\n";
    let mapping = content::<u8, u8>(&Yaml, text, quarantine).unwrap();
    assert_eq!(mapping.entries, [(1, 1), (4, 4)]);
    assert_eq!(mapping.bad.iter().map(|error| error.place.line).collect::<Vec<_>>(), [2, 3, 0, 6]);
    let text = "- {k: 1, v: 1}\n- {k: x, v: 1}\n- 7\n- {k: 2, v: 2}\n- {k: 3}\n";
    let sequence = content::<u8, u8>(&Yaml.key("k"), text, quarantine).unwrap();
    assert_eq!(sequence.entries, [(1, 1), (2, 2)]);
    assert_eq!(sequence.bad.iter().map(|error| error.place.line).collect::<Vec<_>>(), [2, 3, 5]);
}

#[test]
fn more_bad_rows_than_may_be_walked_through_fail_the_load() {
    let text: String = (0..200).map(|number| format!("{number}: x\n")).collect();
    let message = content::<u8, u8>(&Yaml, text, RowPolicy::Quarantine { max: 1000 }).unwrap_err();
    assert!(message.contains("more than 100 rows are wrong"), "{message}");
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow_of_the_stack() {
    let blocks: String = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let (arrays, maps) = (format!("a: {}", "[".repeat(1_000_000)), format!("a: {}", "{a: ".repeat(20_000)));
    for text in [arrays, maps, blocks] {
        assert!(read::<String, Value>(&Yaml, text).is_err());
    }
    let message = read::<String, Value>(&Yaml, format!("a: {}", "[".repeat(1001))).unwrap_err();
    assert_eq!(message, "t.yaml:1:1004: more than 1000 brackets are open here; nest less deeply, or close them");
}

/// A table.
fn table() -> impl Strategy<Value = BTreeMap<String, Route>> {
    let text = "[a-zü\"\\\\\r\n =#:\u{1}]{0,8}";
    let weights = prop::collection::vec(proptest::num::i32::ANY, 0..3);
    let route = (text, prop::option::of(0..=u16::MAX), weights);
    let route = route.prop_map(|(host, port, weights)| Route { host, port, weights });
    prop::collection::btree_map(text, route, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn table_that_was_written_is_read_back(table in table()) {
        let text = serde_norway::to_string(&table).unwrap();
        prop_assert_eq!(read(&Yaml, text).unwrap().into_iter().collect::<BTreeMap<String, Route>>(), table.clone());

        let row = |(id, route): (&String, &Route)| {
            let mut row = serde_norway::to_value(route).unwrap();
            row["id"] = Value::from(id.as_str());
            row
        };
        let text = serde_norway::to_string(&table.iter().map(row).collect::<Vec<_>>()).unwrap();
        let rows = read(&Yaml.key("id"), text).unwrap();
        prop_assert_eq!(rows.into_iter().collect::<BTreeMap<String, Route>>(), table);
    }

    #[test]
    fn values_that_were_cut_are_the_first_of_them_or_refused(
        table in prop::collection::btree_map("[a-zü]{1,8}", proptest::num::i64::ANY, 0..8),
    ) {
        let text = serde_norway::to_string(&table).unwrap();
        let all: Vec<_> = table.into_iter().collect();
        for end in 0..text.len() {
            if let Ok(rows) = read::<String, i64>(&WholeLines(Yaml), &text.as_bytes()[..end]) {
                prop_assert!(all.starts_with(&rows), "{rows:?}");
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        text in prop::collection::vec(prop::sample::select(b"[]{},:-?!&*|>\"'\\1a\n\t%# \xc3\xbc\xff".to_vec()), 0..60),
    ) {
        let _ = read::<String, Value>(&Yaml, &text);
        let _ = content::<String, u8>(&Yaml.key("a"), &text, RowPolicy::Quarantine { max: 100 });
    }
}
