//! Runs the built program and looks at what a user sees: exit code, output and messages.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::common::program::{file, path, program, run, text};

/// Helpers shared with the other test binary.
mod common {
    pub(crate) mod program;
}

/// Time that most runs here measure for, in seconds.
const SHORT: &str = "0.3";

/// Runs the program on a table and returns its only message, after checking that it failed with exit code 1.
fn refusal(name: &str, content: impl AsRef<[u8]>) -> String {
    failure(&["--seconds", SHORT, "--table", &file(name, content)])
}

/// Runs the program and returns its only message, after checking that it failed with exit code 1.
fn failure(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    let message = text(&output.stderr).strip_suffix('\n').expect("a message ends its line");
    assert!(!message.contains('\n'), "one message only: {message}");
    message.to_owned()
}

/// Runs the program on a table and returns its report.
fn report(args: &[&str]) -> String {
    let output = run(&[&["--seconds", SHORT], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "no progress bar without a terminal: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn run_without_a_table_reports_on_the_built_in_one_in_80_columns() {
    let report = report(&[]);
    assert!(report.contains("34,924 rows, 15 columns, key \"code_point\""), "{report}");
    for part in ["Publish of 8 changes", "Full reload", "One lookup", "Lookups per second", "frozen", "Structure"] {
        assert!(report.contains(part), "{part} is missing in:\n{report}");
    }
    for line in report.lines() {
        assert!(line.chars().count() <= 80, "too wide: {line}");
        assert_eq!(line, line.trim_end(), "blanks at the end");
    }
}

#[test]
fn missing_table_is_one_message_with_its_file() {
    let message = failure(&["--table", "no-such.csv"]);
    assert_eq!(message, "twinbucket: no-such.csv: no such file; check the path");
}

#[test]
fn empty_table_is_one_message_with_file_and_line() {
    let message = refusal("empty.csv", "");
    assert!(message.starts_with("twinbucket: empty.csv:1: the file is empty; "), "{message}");
}

#[test]
fn table_of_a_header_alone_is_one_message_with_file_and_line() {
    let message = refusal("header-only.csv", "key,value\n");
    assert!(message.starts_with("twinbucket: header-only.csv:1: the table has no rows; "), "{message}");
}

#[test]
fn ragged_row_is_one_message_with_file_and_line() {
    let message = refusal("ragged.csv", "key,value\na,1\nb\n");
    assert_eq!(message, "twinbucket: ragged.csv:3: the row has 1 field, the header has 2; add what is missing");
}

#[test]
fn invalid_utf8_is_one_message_with_file_and_line() {
    let message = refusal("latin1.csv", b"key,value\na,1\nb,caf\xe9\n");
    assert_eq!(message, "twinbucket: latin1.csv:3:6: not UTF-8: byte 0xe9; save the file as UTF-8");
}

#[test]
fn duplicate_key_is_one_message_with_file_and_both_lines() {
    let message = refusal("duplicate.csv", "key,value\na,1\nb,2\na,3\n");
    let expected = "duplicate.csv:4: key \"a\" was already at duplicate.csv:2; keep one of the two";
    assert_eq!(message, format!("twinbucket: {expected}"));
}

#[test]
fn folder_as_a_table_is_one_message_with_its_path() {
    let message = failure(&["--table", "."]);
    assert!(message.starts_with("twinbucket: .: cannot read the file: "), "{message}");
}

#[test]
fn bad_usage_is_exit_code_2_and_shows_the_usage() {
    let usages: &[&[&str]] = &[
        &["--no-such-option"],
        &["table.csv"],
        &["--seconds", "soon"],
        &["--seconds", "0"],
        &["--seconds", "nan"],
        &["--readers", "0"],
        &["--readers", "-1"],
        &["--delta", "0"],
        &["--rate", "x"],
        &["--table"],
        &["--columns", "a,b"],
        &["--table", "t.csv", "--columns", "a,,b"],
        &["--table", "t.csv", "--columns", "a,b,a"],
    ];
    for usage in usages {
        let output = run(usage);
        assert_eq!(output.status.code(), Some(2), "{usage:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{usage:?}");
        assert!(text(&output.stderr).starts_with("error: "), "{usage:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("--help"), "{usage:?}: {}", text(&output.stderr));
    }
}

#[cfg(not(feature = "lab"))]
#[test]
fn bench_without_the_lab_says_which_build_has_it() {
    for args in [&["bench"][..], &["bench", "--help"], &["bench", "swap", "--entries", "1k"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let expected = "twinbucket: this build has no bench; `cargo run --release --features peers -- bench ...` has\n";
        assert_eq!(text(&output.stderr), expected, "{args:?}");
    }
}

#[test]
fn help_and_version_are_success_on_standard_output() {
    for args in [["--help"], ["-h"], ["--version"]] {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
        assert!(text(&output.stdout).contains("twinbucket"));
    }
    let help = run(&["--help"]);
    for option in ["--table", "--columns", "--seconds", "--readers", "--delta", "--rate", "--json"] {
        assert!(text(&help.stdout).contains(option), "{option}");
    }
}

#[test]
fn closed_pipe_is_success() {
    for args in [&["--seconds", SHORT][..], &["--help"]] {
        let mut child = program(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut messages = String::new();
        child.stderr.take().expect("it was piped").read_to_string(&mut messages).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}: {messages}");
        assert_eq!(messages, "", "{args:?}");
    }
}

#[test]
fn error_without_anyone_to_read_it_still_has_its_exit_code() {
    for (args, code) in [(&["--table", "no-such.csv"][..], 1), (&["--no-such-option"], 2)] {
        let mut child = program(args).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{args:?}");
    }
}

#[test]
fn csv_tsv_and_headerless_tables_are_loaded() {
    let csv = file("small.csv", "id,name,note\r\n1,one,\"a, b\"\r\n2,two,\r\n3,three,x\r\n");
    let tsv = file("small.tsv", "id\tname\n1\tone, uno\n2\ttwo\n");
    let sniffed = file("small.dat", "\u{feff}id;name\n1;one\n2;two\n");
    let bare = file("bare.csv", "1,one\n2,two\n3,three\n4,four\n");
    let keys = file("keys.txt", "word\nalpha\nbeta\n");
    for (args, expected) in [
        (&["--table", &csv][..], "3 rows, 3 columns, key \"id\""),
        (&["--table", &tsv], "2 rows, 2 columns, key \"id\""),
        (&["--table", &sniffed], "2 rows, 2 columns, key \"id\""),
        (&["--table", &bare, "--columns", "number,word"], "4 rows, 2 columns, key \"number\""),
        (&["--table", &keys], "2 rows, 1 column, key \"word\""),
    ] {
        let report = report(args);
        assert!(report.contains(expected), "{args:?}:\n{report}");
    }
}

#[test]
fn columns_that_do_not_fit_the_rows_are_one_message_with_file_and_line() {
    let bare = file("misfit.csv", "1,one\n2,two\n");
    let message = failure(&["--table", &bare, "--columns", "number"]);
    assert!(
        message.starts_with("twinbucket: misfit.csv:1: the row has 2 fields, the given columns are 1; "),
        "{message}"
    );
}

#[test]
fn json_holds_the_figures_with_units_in_their_names() {
    let name = file("figures.json", "{ this was here before");
    report(&["--json", &name, "--readers", "2", "--delta", "3", "--rate", "0"]);
    let json: Value = serde_json::from_slice(&fs::read(path(&name)).unwrap()).unwrap();
    for pointer in [
        "/twinbucket/publish/p50_ns",
        "/twinbucket/publish/p99_ns",
        "/twinbucket/publish/p99_9_ns",
        "/twinbucket/publish/max_ns",
        "/twinbucket/reads_alone/single_lookup/p99_9_ns",
        "/twinbucket/reads_while_publishing/single_lookup/p99_9_ns",
        "/twinbucket/reads_while_publishing/lookups_per_second_per_reader",
        "/twinbucket/frozen_walk/walk/count",
        "/twinbucket/structure_with_frozen_version_held/current_bytes",
        "/clone_and_swap/publish/p50_ns",
        "/clone_and_swap/structure_with_frozen_version_held/current_bytes",
        "/clone_and_swap_to_twinbucket/publish_p50_ratio",
        "/cpus",
    ] {
        let figure = json.pointer(pointer).and_then(Value::as_f64);
        assert!(figure.is_some_and(|figure| figure > 0.0), "{pointer} is {figure:?}");
    }
    assert_eq!(json["plan"]["readers"], 2);
    assert_eq!(json["plan"]["changes_per_publish"], 3);
    assert_eq!(json["table"]["rows"], 34_924);
    assert_eq!(json["twinbucket"]["frozen_walk"]["entries"], 34_924);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    let command_line = json["command_line"].as_array().unwrap();
    assert!(command_line.contains(&Value::from("--json")));
}

#[test]
fn json_that_cannot_be_written_is_told_before_the_run() {
    for target in ["no-such-folder/out.json", "."] {
        // A day of measuring would follow if it were told at the end.
        let message = failure(&["--seconds", "86400", "--json", target]);
        let expected = format!(
            "twinbucket: cannot write the JSON file {target}; name a file in a folder that can be written to: "
        );
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn json_leaves_no_other_file_behind() {
    let folder = path("json-alone");
    fs::create_dir_all(&folder).unwrap();
    let target = folder.join("out.json");
    report(&["--json", target.to_str().expect("the build folder has a plain name")]);
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["out.json"]);
}

#[cfg(unix)]
#[test]
fn json_through_a_link_replaces_the_file_and_keeps_the_link() {
    let folder = path("json-link");
    fs::create_dir_all(&folder).unwrap();
    let (target, link) = (folder.join("out.json"), folder.join("link.json"));
    fs::write(&target, "").unwrap();
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink("out.json", &link).unwrap();
    report(&["--json", link.to_str().expect("the build folder has a plain name")]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(serde_json::from_slice::<Value>(&fs::read(&target).unwrap()).unwrap().is_object());
}
