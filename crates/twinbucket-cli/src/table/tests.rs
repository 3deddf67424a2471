use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};

use super::*;

/// Parses `bytes` as a file called `t.csv` with a header.
fn parse(bytes: &[u8]) -> Result<Table, String> {
    Table::parse("t.csv", bytes, &Header::FirstLine, None).map_err(|error| error.to_string())
}

/// Keys of the table in `bytes`, in order.
fn keys(bytes: &[u8]) -> Vec<String> {
    parse(bytes).unwrap().rows.iter().map(|row| row.key.to_string()).collect()
}

/// The message for a table that must be refused.
fn refusal(bytes: &[u8]) -> String {
    parse(bytes).expect_err("the table has a fault")
}

#[test]
fn first_column_is_the_key_and_the_rest_are_fields() {
    let table = parse(b"id,name,unit\n7,mass,kg\n8,time,s\n").unwrap();
    assert_eq!(table.columns, ["id", "name", "unit"]);
    assert_eq!(&*table.rows[1].key, "8");
    assert_eq!(*table.rows[1].fields, Fields { text: "times".into(), ends: [4, 5].into() });
}

#[test]
fn line_ends_of_every_kind_give_the_same_rows() {
    for text in
        ["k,v\na,1\nb,2\n", "k,v\r\na,1\r\nb,2\r\n", "k,v\ra,1\rb,2\r", "k,v\na,1\nb,2", "\n\nk,v\n\na,1\n\n\nb,2\n\n"]
    {
        assert_eq!(keys(text.as_bytes()), ["a", "b"], "{text:?}");
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
        assert!(
            refusal(text.as_bytes()).starts_with(&format!("t.csv:{line}: the row has 1 field, the header has 2;")),
            "{text:?}"
        );
    }
}

#[test]
fn byte_order_mark_is_no_part_of_the_first_column() {
    let table = parse("\u{feff}k,v\na,1\n".as_bytes()).unwrap();
    assert_eq!(table.columns, ["k", "v"]);
    let quoted = parse("\u{feff}\"k\",v\na,1\n".as_bytes()).unwrap();
    assert_eq!(quoted.columns, ["k", "v"]);
}

#[test]
fn quoted_field_may_hold_separators_quotes_and_line_ends() {
    let table = parse(b"k,v\n\"a,b\",\"say \"\"x\"\"\r\ntwice\"\n").unwrap();
    assert_eq!(&*table.rows[0].key, "a,b");
    assert_eq!(&*table.rows[0].fields.text, "say \"x\"\r\ntwice");
}

#[test]
fn quoted_line_end_counts_as_a_line() {
    let text = b"k,v\na,\"one\ntwo\nthree\"\nb,2\na,3\n";
    assert_eq!(refusal(text), "t.csv:6: key \"a\" was already on line 2; keep one of the two rows");
}

#[test]
fn duplicate_key_names_both_lines() {
    assert_eq!(
        refusal(b"k,v\r\na,1\r\nb,2\r\n\r\na,3\r\n"),
        "t.csv:5: key \"a\" was already on line 2; keep one of the two rows"
    );
}

#[test]
fn long_key_is_cut_in_the_message() {
    let key = "ü".repeat(500);
    let message = refusal(format!("k\n{key}\n{key}\n").as_bytes());
    assert!(message.contains(&format!("key \"{}\" (cut) was", "ü".repeat(60))), "{message}");
}

#[test]
fn long_row_is_refused_with_its_line() {
    let expected = "the row has 3 fields, the header has 2; remove what is too much, or put fields that contain the separator in double quotes";
    assert_eq!(refusal(b"k,v\na,1\nb,2,3\n"), format!("t.csv:3: {expected}"));
}

#[test]
fn ragged_row_over_several_lines_hints_at_the_quote() {
    let message = refusal(b"k,v\na,1\n\"b,2\nc,3\nd,\"4\ne,5\n");
    assert_eq!(
        message,
        "t.csv:3: the row has 1 field, the header has 2; the row runs to line 5, so a quote may be missing"
    );
}

#[test]
fn open_quote_is_refused_with_the_line_of_its_row() {
    for text in
        ["k,v\na,1\nb,\"2\nc,3\n", "k,v\na,1\n\"b,2\nc,3", "k,v\na,1\n\"", "k,v\na,1\nb,\"", "k,v\na,1\nb,\"x\"\""]
    {
        assert!(
            refusal(text.as_bytes()).starts_with("t.csv:3: a quote in the row that begins here is never closed;"),
            "{text:?}"
        );
    }
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
        assert_eq!(keys(text.as_bytes()), ["a"], "{text:?}");
    }
}

#[test]
fn invalid_utf8_is_refused_with_line_and_column() {
    assert_eq!(
        refusal(b"k,v\r\na,1\r\nb\xc3\xbc,\xff\r\n"),
        "t.csv:3: not UTF-8: byte 0xff at column 4; save the file as UTF-8"
    );
    assert_eq!(refusal(b"\xff"), "t.csv:1: not UTF-8: byte 0xff at column 1; save the file as UTF-8");
    assert_eq!(refusal(b"k\na\xe2\x82"), "t.csv:2: not UTF-8: byte 0xe2 at column 2; save the file as UTF-8");
}

#[test]
fn utf16_is_named() {
    for text in [&b"\xff\xfek\0\n\0"[..], b"\xfe\xff\0k\0\n"] {
        assert_eq!(refusal(text), "t.csv:1: the file looks like UTF-16; save it as UTF-8");
    }
}

#[test]
fn empty_file_is_refused() {
    for text in ["", "\n", "\r\n\r\n", "\u{feff}"] {
        assert_eq!(
            refusal(text.as_bytes()),
            "t.csv:1: the file is empty; it needs at least one row, and a header unless the columns are given",
            "{text:?}"
        );
    }
    let given = Table::parse("t.csv", b"\n", &Header::Given(vec!["k".to_owned()]), None).unwrap_err();
    assert!(given.to_string().starts_with("t.csv:1: the file is empty"));
}

#[test]
fn header_without_rows_is_refused() {
    assert!(refusal(b"\nk,v\n").starts_with("t.csv:2: no row follows the header;"));
}

#[test]
fn column_named_twice_is_refused() {
    assert_eq!(refusal(b"k,v, k\na,1,2\n"), "t.csv:1: the header names column \"k\" twice; rename one");
}

#[test]
fn single_column_is_a_table_of_keys() {
    let table = parse(b"word\nalpha\nbeta\n").unwrap();
    assert_eq!(table.columns, ["word"]);
    assert_eq!(table.rows.len(), 2);
    assert_eq!(table.rows[0].fields.text_bytes(), 0);
    assert!(refusal(b"word\nalpha\nbeta\nalpha\n").contains(":4: key \"alpha\" was already on line 2"));
}

#[test]
fn given_columns_make_the_first_line_a_row() {
    let header = Header::Given(vec!["k".to_owned(), "v".to_owned()]);
    let table = Table::parse("t.csv", b"a,1\nb,2\n", &header, None).unwrap();
    assert_eq!(table.rows.len(), 2);
    let error = Table::parse("t.csv", b"a,1\nb,2,3\n", &header, None).unwrap_err();
    assert!(error.to_string().starts_with("t.csv:2: the row has 3 fields, the given columns are 2;"));
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
        assert_eq!(Separator::find(Path::new(name), text), expected, "{name}: {text:?}");
    }
}

#[test]
fn missing_file_is_named_without_a_line() {
    let error = Table::open(Path::new("no/such/table.csv"), &Header::FirstLine).unwrap_err();
    assert_eq!(error.to_string(), "no/such/table.csv: no such file; check the path");
}

#[test]
fn folder_is_refused_as_unreadable() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let message = Table::open(folder, &Header::FirstLine).unwrap_err().to_string();
    assert!(message.contains(": cannot read the file: "), "{message}");
}

/// The text of a field, often one that has to stand in quotes.
fn field() -> impl Strategy<Value = String> {
    prop::string::string_regex("[a-cü,;\t\"\r\n]{0,6}").expect("the pattern is constant and valid")
}

/// `field` in quotes, as a file holds it.
fn quoted(field: &str) -> String {
    format!("\"{}\"", field.replace('"', "\"\""))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_are_those_an_editor_shows(
        rows in prop::collection::vec((field(), field(), 0..3_usize), 1..20),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        repeated in any::<prop::sample::Index>(),
    ) {
        let mut text = format!("key,value{line_end}");
        let mut lines = Vec::new();
        let key = |number: usize, field: &str| format!("{number}{field}");
        for (number, (first, second, blank_lines)) in rows.iter().enumerate() {
            text.push_str(&line_end.repeat(*blank_lines));
            lines.push(1 + line_ends(&text));
            text.push_str(&format!("{},{}{line_end}", quoted(&key(number, first)), quoted(second)));
        }
        let table = parse(text.as_bytes()).unwrap();
        let seen: Vec<_> = table.rows.iter().map(|row| row.key.to_string()).collect();
        let expected: Vec<_> = rows.iter().enumerate().map(|(number, row)| key(number, &row.0)).collect();
        prop_assert_eq!(seen, expected);

        let again = repeated.index(rows.len());
        let last = 1 + line_ends(&text);
        text.push_str(&format!("{},", quoted(&key(again, &rows[again].0))));
        let error = Table::parse("t.csv", text.as_bytes(), &Header::FirstLine, None).unwrap_err();
        prop_assert_eq!(error.line, Some(last));
        let Problem::DuplicateKey { first, .. } = error.problem else { panic!("{error}") };
        prop_assert_eq!(first, lines[again]);
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error_on_a_line_of_the_file(
        bytes in prop::collection::vec(prop::sample::select(b"a,;\t\"\r\n\xff\xc3\xbc\xef\xbb\xbf".to_vec()), 0..40),
    ) {
        let lines = bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count() as u64 + 1;
        for header in [Header::FirstLine, Header::Given(vec!["k".to_owned(), "v".to_owned()])] {
            if let Err(error) = Table::parse("t.dat", &bytes, &header, None) {
                let line = error.line.expect("the bytes were there");
                assert!((1..=lines).contains(&line), "{error}");
            }
        }
    }
}
