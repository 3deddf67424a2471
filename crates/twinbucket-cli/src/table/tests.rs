use super::*;

/// Parses `text` as a file called `t.csv` with a header.
fn parse(text: &str) -> Result<Table, String> {
    Table::parse("t.csv", text, Csv::of_file("t.csv")).map_err(|error| error.to_string())
}

#[test]
fn first_column_is_the_key_and_the_rest_are_fields() {
    let table = parse("id,name,unit\n7,mass,kg\n8,time,s\n").unwrap();
    assert_eq!(table.columns, ["id", "name", "unit"]);
    assert_eq!(&*table.rows[1].key, "8");
    assert_eq!(*table.rows[1].fields, Fields { text: "times".into(), ends: [4, 5].into() });
}

#[test]
fn rows_keep_the_order_of_the_file() {
    let text: String = (0..1000).map(|number| format!("{},x\n", number * 7919 % 1000)).collect();
    let table = parse(&format!("k,v\n{text}")).unwrap();
    assert!(table.rows.iter().enumerate().all(|(at, row)| *row.key == *(at * 7919 % 1000).to_string()));
}

#[test]
fn single_column_is_a_table_of_keys() {
    let table = parse("word\nalpha\nbeta\n").unwrap();
    assert_eq!(table.columns, ["word"]);
    assert_eq!(table.rows.len(), 2);
    assert_eq!(table.rows[0].fields.text_bytes(), 0);
}

#[test]
fn first_bad_row_fails_the_table() {
    let message = parse("k,v\na,1\nb\n\"").unwrap_err();
    assert_eq!(message, "t.csv:3: the row has 1 field, the header has 2; add what is missing");
}

#[test]
fn repeated_key_names_both_lines() {
    let message = parse("k,v\r\na,1\r\nb,2\r\n\r\na,3\r\n").unwrap_err();
    assert_eq!(message, "t.csv:5: key \"a\" was already at t.csv:2; keep one of the two");
}

#[test]
fn table_without_rows_is_refused() {
    let problem = "the table has no rows; add one, or give the column names if this line is one";
    assert_eq!(parse("\nk,v\n").unwrap_err(), format!("t.csv:2: {problem}"));
    let given = Table::parse("t.csv", "\n", Csv::new().columns(["k"])).unwrap_err();
    assert_eq!(given.to_string(), format!("t.csv:1: {problem}"));
}

#[test]
fn missing_file_is_named_without_a_line() {
    let error = Table::open(Path::new("no/such/table.csv"), None).unwrap_err();
    assert_eq!(error.to_string(), "no/such/table.csv: no such file; check the path");
}

#[test]
fn folder_is_refused_as_unreadable() {
    let message = Table::open(Path::new(env!("CARGO_MANIFEST_DIR")), None).unwrap_err().to_string();
    assert!(message.contains(": cannot read the file: "), "{message}");
}
