//! Reads a text under several policies, and checks what comes of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use twinbucket_feed::format::{self, Content, Csv, Json, Ndjson, Toml, Tsv, WholeLines, Yaml};
use twinbucket_feed::ranges::{FirstLast, Range};
use twinbucket_feed::{Format, LoadError, Overlaps, Part, Place, RowPolicy};

use crate::input::{Input, Kind, Row};
use crate::ranges;

/// Most errors that a load keeps.
const KEPT: usize = 100;

/// Bad rows that the stricter of two quarantines takes.
const SOME: usize = 2;

/// A row with fields, of which some may be missing.
#[expect(dead_code, reason = "it is printed, to be compared")]
#[derive(Debug, Deserialize)]
struct Fields {
    /// A text.
    host: String,
    /// A number.
    port: u16,
    /// One with a point.
    weight: Option<f64>,
    /// Several.
    #[serde(default)]
    tags: Vec<String>,
}

/// Reads the text of `input` as it says.
pub(crate) fn run(input: &Input<'_>) {
    match input.row {
        Row::Any => read_as::<String, serde_json::Value>(input),
        Row::Map => read_as::<u32, BTreeMap<String, u8>>(input),
        Row::Number => read_as::<String, i64>(input),
        Row::Struct => read_as::<String, Fields>(input),
    }
}

/// Reads it into keys and values of these types, or values alone where the keys are ranges.
fn read_as<K: DeserializeOwned + Hash + Eq + Debug, V: DeserializeOwned + Debug>(input: &Input<'_>) {
    let text = input.text;
    match input.kind {
        Kind::Csv => check::<K, V>(&Csv::new(), text),
        Kind::CsvKey => check::<K, V>(&Csv::new().key("id"), text),
        Kind::CsvColumns => check::<K, V>(&Csv::of_file("table.txt").columns(["id", "host", "port"]), text),
        Kind::Tsv => check::<K, V>(&Tsv::new(), text),
        Kind::WholeLines => check::<K, V>(&WholeLines(Csv::new()), text),
        Kind::Json => check::<K, V>(&Json, text),
        Kind::JsonKey => check::<K, V>(&Json.key("id"), text),
        Kind::Ndjson => check::<K, V>(&Ndjson, text),
        Kind::NdjsonKey => check::<K, V>(&Ndjson.key("id"), text),
        Kind::Toml => check::<K, V>(&Toml, text),
        Kind::TomlKey => check::<K, V>(&Toml::array("rows").key("id"), text),
        Kind::Yaml => check::<K, V>(&Yaml, text),
        Kind::YamlKey => check::<K, V>(&Yaml.key("id"), text),
        Kind::Ranges => check_ranges::<V>(&Csv::new(), text),
        Kind::FirstLast => check_ranges::<V>(&FirstLast(Csv::new().columns(["range", "name"])), text),
        Kind::JsonRanges => check_ranges::<V>(&Json, text),
    }
}

/// Reads it into keys and values of these types.
fn check<K: Hash + Eq + Debug, V: Debug>(format: &impl Format<K, V>, text: &[u8]) {
    compare(format, text);
}

/// Reads it into ranges and values of this type, and makes an index of them.
fn check_ranges<V: Debug>(format: &impl Format<Range, V>, text: &[u8]) {
    if let Some(content) = compare(format, text) {
        ranges::check(content.entries.into_iter().map(|(range, _)| range).collect());
    }
}

/// Reads `text` under several policies, checks how the outcomes are related, and returns what the most lenient one gives.
fn compare<K: Hash + Eq + Debug, V: Debug>(format: &impl Format<K, V>, text: &[u8]) -> Option<Content<K, V>> {
    let part = Part { name: "text".into(), bytes: text.to_vec() };
    let read = |parts: &[Part], policy| format::read(format, parts, policy, Overlaps::LaterWins);
    let once = std::slice::from_ref(&part);
    let lenient = read(once, RowPolicy::Quarantine { max: usize::MAX });
    let again = read(once, RowPolicy::Quarantine { max: usize::MAX });
    assert_eq!(format!("{lenient:?}"), format!("{again:?}"), "what is read twice is the same");
    let strict = read(once, RowPolicy::AllOrNothing);
    let some = read(once, RowPolicy::Quarantine { max: SOME });
    for error in [lenient.as_ref().err(), strict.as_ref().err(), some.as_ref().err()].into_iter().flatten() {
        check_error(text, error);
    }
    let content = match lenient {
        Ok(content) => content,
        Err(_) => {
            // What cannot be read at all cannot be read by halves.
            assert!(strict.is_err() && some.is_err());
            return None;
        }
    };
    content.bad.iter().for_each(|error| check_place(text, &error.place));
    assert_eq!(content.bad.len(), content.bad_count.min(KEPT), "of the bad rows the first {KEPT} are kept");
    match strict {
        Ok(strict) => {
            assert_eq!((content.bad_count, strict.bad_count), (0, 0));
            assert_eq!(format!("{:?}", content.entries), format!("{:?}", strict.entries));
        }
        Err(LoadError::Row(error)) => assert_eq!(Some(&error), content.bad.first(), "the first bad row is told"),
        Err(error) => panic!("no other error comes of rows alone: {error:?}"),
    }
    match some {
        Ok(some) => assert!(content.bad_count <= SOME && some.bad == content.bad),
        Err(LoadError::TooManyBadRows { max, first }) => {
            assert!(max == SOME && content.bad_count > SOME && first == content.bad[0]);
        }
        Err(error) => panic!("no other error comes of rows alone: {error:?}"),
    }
    check_twice(&content, read(&[part.clone(), part.clone()], RowPolicy::Quarantine { max: usize::MAX }));
    Some(content)
}

/// Of two parts with the same text, the second has the same rows, good and bad, and wins.
fn check_twice<K: Debug, V: Debug>(once: &Content<K, V>, twice: Result<Content<K, V>, LoadError>) {
    let twice = twice.expect("both parts can be read");
    assert_eq!(format!("{:?}", once.entries), format!("{:?}", twice.entries));
    assert_eq!(2 * once.bad_count, twice.bad_count);
}

/// The place that an error tells is in the text.
fn check_error(text: &[u8], error: &LoadError) {
    assert!(!error.to_string().is_empty());
    match error {
        LoadError::Row(error) | LoadError::TooManyBadRows { first: error, .. } => check_place(text, &error.place),
        error => panic!("nothing else can be wrong with a text: {error:?}"),
    }
}

/// The line and the column of `place` are in the text, as an editor shows it; the end of a line is a place, too.
fn check_place(text: &[u8], place: &Place) {
    assert_eq!(&*place.file, "text");
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let lines = lines(text);
    if place.line == 0 {
        assert_eq!(place.column, 0, "a column without a line");
        return;
    }
    let line = usize::try_from(place.line).ok().and_then(|line| lines.get(line - 1));
    let Some(line) = line else { panic!("{place} is none of {} lines", lines.len()) };
    let characters = line.iter().filter(|&byte| byte & 0b1100_0000 != 0b1000_0000).count();
    assert!(place.column <= characters as u64 + 1, "{place} is past the end of its line, {characters} characters long");
}

/// The lines of a text; they end with `\n`, `\r\n` or a lone `\r`, which is not part of them.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.push(&rest[..end]);
        let length = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[end + length..];
    }
    lines.push(rest);
    lines
}
