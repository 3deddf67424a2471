//! Delimited text: where records and fields stand, and what users are told about those that are wrong.

#![cfg(feature = "csv")]

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};
use twinbucket_feed::Part;
use twinbucket_feed::format::delimited::Separator;
use twinbucket_feed::format::{Csv, Tsv};

/// A file called `t.csv`.
fn part(text: impl AsRef<[u8]>) -> Part {
    Part { name: "t.csv".into(), bytes: text.as_ref().to_vec() }
}

/// What each record of `text` is: its line and fields, or a message.
fn records_of(layout: &Csv, text: impl AsRef<[u8]>) -> Vec<Result<(u64, Vec<String>), String>> {
    let part = part(text);
    let mut records = match layout.records(&part) {
        Ok(records) => records,
        Err(error) => return vec![Err(error.to_string())],
    };
    let mut all = Vec::new();
    while let Some(record) = records.next() {
        let fields = record.map(|record| (record.line(), record.fields().map(str::to_owned).collect()));
        all.push(fields.map_err(|error| error.to_string()));
    }
    all
}

/// First fields of the records of `text`, none of which may be wrong.
fn keys(text: impl AsRef<[u8]>) -> Vec<String> {
    records_of(&Csv::new(), text).into_iter().map(|record| record.unwrap().1.swap_remove(0)).collect()
}

/// The first message about `text`.
fn refusal(text: impl AsRef<[u8]>) -> String {
    records_of(&Csv::new(), text).into_iter().find_map(Result::err).expect("the text has a fault")
}

#[test]
fn line_ends_of_every_kind_give_the_same_records() {
    for text in
        ["k,v\na,1\nb,2\n", "k,v\r\na,1\r\nb,2\r\n", "k,v\ra,1\rb,2\r", "k,v\na,1\nb,2", "\n\nk,v\n\na,1\n\n\nb,2\n\n"]
    {
        assert_eq!(keys(text), ["a", "b"], "{text:?}");
    }
}

#[test]
fn line_ends_of_every_kind_give_the_right_line() {
    for (text, line) in [
        ("k,v\na,1\nb\n", 3),
        ("k,v\r\na,1\r\nb\r\n", 3),
        ("k,v\ra,1\rb\r", 3),
        ("k,v\na,1\nb", 3),
        ("\r\n\r\nk,v\r\n\r\na,1\r\n\r\n\r\nb\r\n", 8),
        ("k,v\n\"a\nb\r\nc\",1\nb\n", 5),
    ] {
        let expected = format!("t.csv:{line}: the row has 1 field, the header has 2; add what is missing");
        assert_eq!(refusal(text), expected, "{text:?}");
    }
}

#[test]
fn byte_order_mark_is_no_part_of_the_first_column() {
    for text in ["\u{feff}k,v\na,1\n", "\u{feff}\"k\",v\na,1\n"] {
        let part = part(text);
        assert_eq!(Csv::new().records(&part).unwrap().columns().names()[0], "k".into());
    }
}

#[test]
fn quoted_field_may_hold_separators_quotes_and_line_ends() {
    let records = records_of(&Csv::new(), "k,v\n\"a,b\",\"say \"\"x\"\"\r\ntwice\"\n");
    assert_eq!(records, [Ok((2, vec!["a,b".to_owned(), "say \"x\"\r\ntwice".to_owned()]))]);
}

#[test]
fn closed_quote_at_the_end_is_accepted() {
    for text in [
        "k,v\na,\"1\"",
        "k,v\na,\"1\"\n",
        "k,v\na,\"\"",
        "k,v\na,\"1\"\"\"",
        "k,v\na,\"1\n\"\n",
        "k,v\na,5\" disk",
        "k,v\na,5\" disk\n",
    ] {
        assert_eq!(keys(text), ["a"], "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let not_closed = "a quote in the row that begins here is never closed; close it, or double it as text";
    let too_much = "remove what is too much, or put fields that contain the separator in double quotes";
    let cases: &[(&[u8], &str)] = &[
        (b"k,v\na\n", "t.csv:2: the row has 1 field, the header has 2; add what is missing"),
        (b"k,v\na,1\nb,2,3\n", &format!("t.csv:3: the row has 3 fields, the header has 2; {too_much}")),
        (
            b"k,v\na,1\n\"b,2\nc,3\nd,\"4\ne,5\n",
            "t.csv:3: the row has 1 field, the header has 2; the row runs to line 5, so a quote may be missing",
        ),
        (b"k,v\na,1\nb,\"2\nc,3\n", &format!("t.csv:3: {not_closed}")),
        (b"k,v\na,1\n\"b,2\nc,3", &format!("t.csv:3: {not_closed}")),
        (b"k,v\na,1\n\"", &format!("t.csv:3: {not_closed}")),
        (b"k,v\na,1\nb,\"", &format!("t.csv:3: {not_closed}")),
        (b"k,v\na,1\nb,\"x\"\"", &format!("t.csv:3: {not_closed}")),
        (b"k,v\r\na,1\r\nb\xc3\xbc,\xff\r\n", "t.csv:3:4: not UTF-8: byte 0xff; save the file as UTF-8"),
        (b"\xff", "t.csv:1:1: not UTF-8: byte 0xff; save the file as UTF-8"),
        (b"k\na\xe2\x82", "t.csv:2:2: not UTF-8: byte 0xe2; save the file as UTF-8"),
        (b"\xff\xfek\0\n\0", "t.csv:1: the file looks like UTF-16; save it as UTF-8"),
        (b"\xfe\xff\0k\0\n", "t.csv:1: the file looks like UTF-16; save it as UTF-8"),
        (b"k,v, k\na,1,2\n", "t.csv:1: the header names column \"k\" twice; rename one"),
        (b"", "t.csv:1: the file is empty; it needs a header, unless the columns are given"),
        (b"\r\n\n", "t.csv:1: the file is empty; it needs a header, unless the columns are given"),
        (b"\xef\xbb\xbf", "t.csv:1: the file is empty; it needs a header, unless the columns are given"),
    ];
    for (text, message) in cases {
        assert_eq!(refusal(text), *message, "{}", text.escape_ascii());
    }
}

#[test]
fn key_that_is_no_column_is_refused_with_the_columns_there_are() {
    let message = records_of(&Csv::new().key("id"), "\nk,v\n").swap_remove(0).unwrap_err();
    assert_eq!(message, "t.csv:2: the header names no column for the key's, \"id\"; name one of \"k, v\"");
}

#[test]
fn given_columns_make_the_first_line_a_record() {
    let layout = Csv::new().columns(["k", "v"]);
    let records = records_of(&layout, "a,1\nb,2,3\n");
    assert_eq!(records[0], Ok((1, vec!["a".to_owned(), "1".to_owned()])));
    let message = records[1].as_ref().unwrap_err();
    assert!(message.starts_with("t.csv:2: the row has 3 fields, the given columns are 2; "), "{message}");
    assert_eq!(records_of(&layout, ""), []);
}

#[test]
fn records_after_a_bad_one_are_still_found() {
    let text = b"k,v\na\nb,2\n\"c\n,3\nd\",4,5\ne,\xff\nf,6\n\"g";
    let good: Vec<_> = records_of(&Csv::new(), text).into_iter().flatten().map(|(line, _)| line).collect();
    assert_eq!(good, [3, 8]);
}

#[test]
fn separator_follows_extension_then_first_line() {
    for (name, text, expected) in [
        ("a.tsv", "k,l\tv", Separator::Tab),
        ("a.TSV", "k", Separator::Tab),
        ("a.csv", "k;l,v,w", Separator::Comma),
        ("a.csv", "k;l;v", Separator::Semicolon),
        ("a.csv", "\"k;l;m\",v", Separator::Comma),
        ("a.csv", "k\tl", Separator::Comma),
        ("a.txt", "k\tl,v\n;;;;", Separator::Tab),
        ("a.txt", "\nk,v", Separator::Comma),
        ("a", "k;v", Separator::Semicolon),
    ] {
        let part = part(text);
        assert_eq!(Csv::of_file(name).records(&part).unwrap().separator(), expected, "{name}: {text:?}");
    }
}

#[test]
fn tabs_are_set_whatever_the_first_line_holds() {
    assert_eq!(records_of(&Tsv::new(), "a,b\tc\n1,2\t3\n"), [Ok((2, vec!["1,2".to_owned(), "3".to_owned()]))]);
}

#[test]
fn key_may_be_any_column_and_the_others_keep_their_order() {
    for (key, others) in [("a", ["b", "c"]), ("b", ["a", "c"]), ("c", ["a", "b"])] {
        let part = part("a,b,c\na,b,c\n");
        let mut records = Csv::new().key(key).records(&part).unwrap();
        assert_eq!(records.columns().values().collect::<Vec<_>>(), others);
        let record = records.next().unwrap().unwrap();
        assert_eq!(record.key(), key);
        assert_eq!(record.values().len(), 2);
        assert_eq!(record.values().collect::<Vec<_>>(), others);
    }
}

#[test]
fn fields_have_places_in_characters() {
    let part = part("k,v,w\nü,\"ä\n,\"\"\",x\n");
    let mut records = Csv::new().records(&part).unwrap();
    let record = records.next().unwrap().unwrap();
    let places: Vec<_> = (0..3).map(|column| record.place(column).to_string()).collect();
    assert_eq!(places, ["t.csv:2:1", "t.csv:2:3", "t.csv:3:6"]);
}

/// The text of a field, often one that has to stand in quotes.
fn field() -> impl Strategy<Value = String> {
    prop::string::string_regex("[a-cü,;\t\"\r\n]{0,6}").expect("the pattern is constant and valid")
}

/// `field` in quotes, as a file holds it.
fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

/// Counts the line ends in `text`, in another way than the code does.
fn line_ends(text: &str) -> u64 {
    text.replace("\r\n", "\n").matches(['\r', '\n']).count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_and_columns_are_those_an_editor_shows(
        rows in prop::collection::vec((field(), field(), 0..3_usize), 1..20),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let mut text = format!("key,value{line_end}");
        let mut expected = Vec::new();
        for (first, second, blank_lines) in &rows {
            text.push_str(&line_end.repeat(*blank_lines));
            let line = 1 + line_ends(&text);
            text.push_str(&format!("{},", quoted(first)));
            let column = text.rsplit(['\r', '\n']).next().map_or(0, |line| line.chars().count()) + 1;
            expected.push((line, format!("t.csv:{}:{column}", 1 + line_ends(&text)), first.clone(), second.clone()));
            text.push_str(&format!("{}{line_end}", quoted(second)));
        }
        let part = part(&text);
        let mut records = Csv::new().records(&part).unwrap();
        let mut seen = Vec::new();
        while let Some(record) = records.next() {
            let record = record.unwrap();
            let field = |column| record.get(column).unwrap().to_owned();
            seen.push((record.line(), record.place(1).to_string(), field(0), field(1)));
        }
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn any_bytes_are_records_or_errors_on_lines_of_the_file(
        bytes in prop::collection::vec(prop::sample::select(b"a,;\t\"\r\n\xff\xc3\xbc\xef\xbb\xbf".to_vec()), 0..40),
        column in any::<prop::sample::Index>(),
    ) {
        let lines = bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count() as u64 + 1;
        let part = part(&bytes);
        for layout in [Csv::of_file("t.dat"), Csv::new().columns(["k", "v"]).key("v")] {
            let Ok(mut records) = layout.records(&part) else { continue };
            while let Some(record) = records.next() {
                let place = match record {
                    Ok(record) => record.place(column.index(record.columns().names().len())),
                    Err(error) => error.place,
                };
                assert!((1..=lines).contains(&place.line), "{place}");
            }
        }
    }
}
