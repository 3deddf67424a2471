//! Runs `twinbucket bench` and looks at what a user sees: exit code, tables, files and messages.
//!
//! The runs are tiny: what they measure is the lab's business, and tested there.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::common::program::{file, path, program, run, text};

/// Helpers shared with the other test binary.
mod common {
    pub(crate) mod program;
}

/// Makes a run tiny.
const TINY: [&str; 4] = ["--rounds", "2", "--turn", "1ms"];
/// Makes tables tiny.
const SMALL: [&str; 2] = ["--entries", "200"];
/// Measures few rivals.
const FEW: [&str; 2] = ["--rivals", "reader,rwlock"];
/// A bench that takes little time.
const SWAP: [&str; 5] = ["swap", "--delta", "1", "--hold", "none"];

/// Runs a bench.
fn bench(words: &[&[&str]]) -> Output {
    run(&[&["bench"][..], &words.concat()].concat())
}

/// Runs a bench of a tiny table with few rivals, and returns its standard output, after checking that it succeeded.
fn tables(words: &[&str]) -> String {
    let output = bench(&[words, &TINY, &SMALL, &FEW]);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// Makes an empty folder that only this test uses.
fn folder(name: &str) -> PathBuf {
    let folder = path(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The names in a folder, sorted.
fn names(folder: &PathBuf) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// A file in the working directory, read as JSON.
fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(path(name)).unwrap()).unwrap()
}

/// The measurements in results.
fn measurements(results: &Value) -> &[Value] {
    results["measurements"].as_array().unwrap()
}

/// The different values that measurements have for a field, as text.
fn values(results: &Value, pointer: &str) -> Vec<String> {
    let value = |measurement: &Value| measurement.pointer(pointer).map_or("-".to_owned(), Value::to_string);
    let mut values: Vec<String> = measurements(results).iter().map(value).collect();
    values.sort();
    values.dedup();
    values
}

#[test]
fn each_bench_measures_what_it_is_called_after() {
    for (words, metrics) in [
        (&SWAP[..], &["publish", "visible"][..]),
        (&["read", "--threads", "1", "--finds", "hits", "--keys", "zipf"], &["lookup", "throughput"]),
        (&["mixed", "--mix", "95/5", "--tasks", "3", "--keys", "uniform"], &["lookup", "throughput", "write"]),
        (&["scan"], &["walk"]),
        (&["memory"], &["resident", "structure"]),
        (&["pause", "--keys", "uniform"], &["lookup"]),
    ] {
        let name = format!("{}.json", words[0]);
        let report = tables(&[words, &["--json", &name]].concat());
        assert!(report.contains("\nRwLock<HashMap> "), "{words:?}:\n{report}");
        let results = json(&name);
        assert_eq!(values(&results, "/bench"), [format!("\"{}\"", words[0])]);
        let expected: Vec<String> = metrics.iter().map(|metric| format!("\"{metric}\"")).collect();
        assert_eq!(values(&results, "/metric"), expected, "{words:?}");
        assert_eq!(values(&results, "/case/n"), ["200"], "{words:?}");
        assert_eq!(results["complete"], true);
        assert_eq!(results["command"].as_array().unwrap()[..2], ["twinbucket", "bench"]);
    }
}

#[test]
fn report_runs_every_bench() {
    let grid = ["--delta", "1", "--hold", "none", "--threads", "1", "--finds", "hits", "--keys", "uniform"];
    let more = ["--mix", "95/5", "--tasks", "1", "--json", "everything.json", "--choosing", "everything.md"];
    tables(&[&["report"][..], &grid, &more].concat());
    let benches = ["balance", "memory", "mixed", "pause", "read", "scan", "swap"].map(|bench| format!("\"{bench}\""));
    assert_eq!(values(&json("everything.json"), "/bench"), benches);
    assert!(fs::read_to_string(path("everything.md")).unwrap().starts_with("# "));
}

#[test]
fn every_output_is_whole_and_nothing_else_is_left() {
    let folder = folder("outputs");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (json, csv, html, hdr) = (at("all.json"), at("all.csv"), at("all.html"), at("logs"));
    tables(&[&SWAP[..], &["--json", &json, "--csv", &csv, "--html", &html, "--hdr", &hdr]].concat());
    assert_eq!(names(&folder), ["all.csv", "all.html", "all.json", "logs"]);
    let results: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let rows = csv::Reader::from_path(csv).unwrap().into_records().map(Result::unwrap).count();
    assert_eq!(rows, measurements(&results).len());
    let page = fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    let logs = names(&folder.join("logs"));
    assert!(!logs.is_empty());
    for log in logs {
        assert!(fs::read_to_string(folder.join("logs").join(&log)).unwrap().starts_with('#'), "{log}");
    }
}

#[test]
fn results_from_a_file_give_the_outputs_of_their_run() {
    tables(&[&SWAP[..], &["--json", "kept.json", "--csv", "kept.csv"]].concat());
    let again = bench(&[&["report", "--from", "kept.json", "--json", "again.json", "--csv", "again.csv"]]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert!(text(&again.stdout).contains("\nRwLock<HashMap> "), "{}", text(&again.stdout));
    for (first, second) in [("kept.json", "again.json"), ("kept.csv", "again.csv")] {
        assert_eq!(fs::read(path(first)).unwrap(), fs::read(path(second)).unwrap(), "{second}");
    }
}

#[test]
fn results_of_several_runs_make_one_report() {
    tables(&[&SWAP[..], &["--json", "first.json"]].concat());
    tables(&["scan", "--json", "second.json"]);
    let both = bench(&[&["report", "--from", "first.json,second.json", "--json", "both.json"]]);
    assert_eq!(both.status.code(), Some(0), "{}", text(&both.stderr));
    let benches = values(&json("both.json"), "/bench");
    assert_eq!(benches, ["\"scan\"", "\"swap\""]);
    let missing = bench(&[&["report", "--from", "first.json,nowhere.json"]]);
    assert_eq!(missing.status.code(), Some(2), "{}", text(&missing.stderr));
    assert!(text(&missing.stderr).contains("nowhere.json"), "{}", text(&missing.stderr));
}

#[test]
fn bad_usage_is_told_before_anything_is_measured_and_leaves_nothing() {
    let folder = folder("refused");
    let target = folder.join("out.json");
    file("other.json", r#"{"format": 999, "measurements": []}"#);
    file("no.json", "not at all");
    let long = ["--turn", "100ms", "--json", target.to_str().unwrap()];
    for (words, part) in [
        (&["swap", "--rivals", "store,btree"][..], "unknown rival \"btree\"; known: store, reader"),
        (&["swap", "--entries", "1,000"], "write 1000, 1_000, 1k or 1M"),
        (&["swap", "--entries", "many"], "'--entries <N,..>'"),
        (&["swap", "--delta", "0"], "'--delta <N,..>'"),
        (&["swap", "--delta", "1k", "--entries", "10"], "every delta has more changes"),
        (&["swap", "--entries", "100G", "--rivals", "bare"], "takes up to 6400.0 GB, where"),
        (&["mixed", "--rivals", "bare"], "leaves out all rivals"),
        (&["swap", "--hold", "hands"], "none, slow-reader, snapshot"),
        (&["swap", "--items", "f64"], "u64, string"),
        (&["read", "--keys", "normal"], "uniform, zipf"),
        (&["read", "--finds", "both"], "hits, misses"),
        (&["read", "--threads", "0"], "from 1 to 1024"),
        (&["mixed", "--mix", "95/6"], "that make 100"),
        (&["mixed", "--tasks", "none"], "'--tasks <N,..>'"),
        (&["pause", "--lookup-rate", "0"], "above 0"),
        (&["scan", "--rounds", "0"], "'--rounds <N>'"),
        (&["scan", "--allocator", "jemalloc"], "system, mimalloc"),
        (&["scan", "--budget", "scan.p99"], "--budget"),
        (&["scan", "--baseline", "other.json"], "format 999"),
        (
            &["scan", "--baseline", "no.json"],
            "no.json: this is not JSON (expected ident at line 1 column 2); give a file that --json wrote\n",
        ),
        (&["scan", "--baseline", "missing.json"], "missing.json: cannot read the file"),
        (&["scan", "--csv", target.to_str().unwrap()], "both JSON file and CSV file"),
        (&["scan", "--csv", "two.out", "--html", "./two.out"], "./two.out is to be both CSV file and HTML file"),
        (&["swap", "--hdr", target.to_str().unwrap()], "both JSON file and folder"),
        (&["scan", "--table", "t.csv", "--entries", "10"], "--entries"),
        (&["report", "--from", "other.json", "--csv", "out.csv"], "cannot be used with"),
        (&["speed"], "unrecognized subcommand"),
    ] {
        let output = bench(&[words, if words[0] == "speed" { &[] } else { &long }]);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {message}");
        assert!(message.contains(part), "{words:?}: {message}");
        assert!(output.stdout.is_empty(), "{words:?}");
        assert_eq!(names(&folder), [""; 0], "{words:?}");
    }
}

#[test]
fn results_of_another_format_are_not_shown() {
    file("future.json", r#"{"format": 999, "measurements": []}"#);
    let output = bench(&[&["report", "--from", "future.json", "--csv", "future.csv"]]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("twinbucket: future.json: "), "{}", text(&output.stderr));
    assert!(!path("future.csv").exists());
}

#[cfg(feature = "peers")]
#[test]
fn peers_are_measured() {
    let output = bench(&[&["scan", "--rivals", "store,papaya,dashmap"], &TINY, &SMALL]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("papaya") && text(&output.stdout).contains("dashmap"));
}

#[test]
fn output_that_cannot_be_written_is_told_before_the_run() {
    let folder = folder("full");
    fs::write(folder.join("here"), "before").unwrap();
    for (option, target, kind) in [
        ("--json", "no-such-folder/out", "JSON file"),
        ("--csv", ".", "CSV file"),
        ("--html", "no-such-folder/out", "HTML file"),
        ("--hdr", "full", "folder"),
        ("--hdr", "full/here", "folder"),
        ("--hdr", "no-such-folder/out", "folder"),
    ] {
        // A minute of measuring would follow if it were told at the end.
        let output = bench(&[&["swap", "--rounds", "1", "--turn", "1s", option, target]]);
        assert_eq!(output.status.code(), Some(1), "{option}");
        let message = text(&output.stderr);
        assert!(message.starts_with(&format!("twinbucket: cannot write the {kind} {target}; ")), "{option}: {message}");
    }
    assert_eq!(names(&folder), ["here"]);
}

#[test]
fn budgets_decide_the_exit_code() {
    tables(&[&SWAP[..], &["--json", "judged.json"]].concat());
    let judge = |budgets: &[&str]| {
        let budgets: Vec<&str> = budgets.iter().flat_map(|budget| ["--budget", budget]).collect();
        bench(&[&["report", "--from", "judged.json"], &budgets])
    };
    let (kept, broken) = ("swap.max<1000s@n=200", "swap.p50<1ns@n=200");
    assert_eq!(judge(&[kept]).status.code(), Some(0));
    assert_eq!(judge(&[broken]).status.code(), Some(3));
    let both = judge(&[broken, kept]);
    assert_eq!(both.status.code(), Some(3));
    assert!(text(&both.stdout).contains(kept) && text(&both.stdout).contains(broken), "{}", text(&both.stdout));
    let nothing = judge(&[kept, "swap.p50<1s@n=1M"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", text(&nothing.stdout));
    assert!(text(&nothing.stdout).contains("n=1M"));
}

#[test]
fn run_can_be_compared_with_one_before() {
    tables(&["scan", "--json", "before.json"]);
    let report = tables(&["scan", "--baseline", "before.json"]);
    let alone = tables(&["scan"]);
    assert!(report.lines().count() > alone.lines().count(), "{report}");
    assert!(report.to_lowercase().contains("baseline"), "{report}");
}

#[test]
fn keys_of_a_table_are_measured() {
    let table = file("own.csv", "word,meaning\nalpha,1\nbeta,2\ngamma,3\n");
    let output = bench(&[&["scan", "--table", &table, "--json", "own.json"], &TINY, &FEW]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let results = json("own.json");
    assert_eq!(values(&results, "/case/item"), ["\"table\""]);
    assert_eq!(values(&results, "/case/n"), ["3"]);
}

#[test]
fn table_that_cannot_be_loaded_is_one_message() {
    let table = file("twice.csv", "word\nalpha\nalpha\n");
    let output = bench(&[&["scan", "--table", &table]]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("twinbucket: twice.csv:3: key \"alpha\""), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn allocator_is_the_one_asked_for() {
    // What the results say is what a new block was found to come from.
    for allocator in ["system", "mimalloc"] {
        let name = format!("{allocator}.json");
        tables(&["scan", "--allocator", allocator, "--json", &name]);
        assert_eq!(json(&name)["environment"]["allocator"], allocator);
    }
    let words = [&["bench", "scan", "--json", "variable.json"][..], &TINY, &SMALL, &FEW].concat();
    let output = program(&words).env("TWINBUCKET_ALLOCATOR", "mimalloc").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(json("variable.json")["environment"]["allocator"], "mimalloc");
}

#[cfg(unix)]
#[test]
fn ctrl_c_shows_what_is_there_so_far() {
    let words = ["bench", "scan", "--rounds", "1000", "--turn", "50ms", "--json", "partial.json"];
    let child =
        program(&[&words[..], &SMALL, &FEW].concat()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // 1,000 rounds of two rivals take well over a minute; the first is over long before this.
    thread::sleep(Duration::from_secs(2));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\nRwLock<HashMap> "), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("stopped early"), "{}", text(&output.stdout));
    let results = json("partial.json");
    assert_eq!(results["complete"], false);
    assert!(measurements(&results).iter().all(|one| !one["rounds"].as_array().unwrap().is_empty()));
    assert!(!measurements(&results).is_empty());
}

#[test]
fn closed_pipe_is_success() {
    let words = [&["bench", "scan"][..], &TINY, &SMALL, &FEW].concat();
    let mut child = program(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut messages = String::new();
    child.stderr.take().expect("it was piped").read_to_string(&mut messages).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{messages}");
    assert_eq!(messages, "");
}

#[test]
fn help_of_each_bench_names_its_options() {
    for (words, options) in [
        (&["bench", "swap", "--help"], &["--entries", "--delta", "--hold", "--publish-rate", "--hdr"][..]),
        (&["bench", "read", "--help"], &["--threads", "--keys", "--finds", "--table", "--columns"]),
        (&["bench", "mixed", "--help"], &["--mix", "--tasks", "--lookup-rate", "--rounds", "--turn"]),
        (&["bench", "report", "--help"], &["--from", "--choosing", "--full", "--baseline", "--budget"]),
    ] {
        let help = run(words);
        assert_eq!(help.status.code(), Some(0));
        for option in options {
            assert!(text(&help.stdout).contains(option), "{words:?}: {option}");
        }
    }
}
