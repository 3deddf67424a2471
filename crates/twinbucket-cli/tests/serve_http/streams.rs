//! Streams of entries and of changes while the tables change.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::Instant;

use crate::daemon::{Answer, Daemon, SOON, connect, directory, read};

/// Rows of the table.
const ROWS: usize = 20_000;

fn table(value: usize) -> String {
    let rows: String = (0..ROWS).map(|row| format!("key-{row},{value},some more text to make it long\n")).collect();
    format!("key,value,text\n{rows}")
}

fn daemon(args: &[&str]) -> Daemon {
    let dir = directory(&[("rows.csv", &table(0))]);
    Daemon::start(dir, &[&["--table", "rows=rows.csv", "--admin", "127.0.0.1:0"], args].concat())
}

/// Publishes a table with another value, and returns its generation.
fn publish(daemon: &Daemon, value: usize) -> u64 {
    let before = daemon.status("rows")["generation"].clone();
    daemon.write("rows.csv", &table(value));
    daemon.await_status("rows", |status| status["generation"] != before)["generation"].as_u64().unwrap()
}

/// Checks that the lines are all of one version, each key once; returns the keys in order.
fn keys(answer: &Answer, value: usize) -> Vec<String> {
    assert!(answer.status == 200 && answer.whole, "{}", answer.status);
    let lines = answer.lines();
    let of_value = |line: &serde_json::Value| line["value"]["value"].as_str() == Some(&value.to_string());
    assert!(lines.iter().all(of_value), "all of one version");
    lines.iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn stream_is_of_one_version_while_others_are_published() {
    let daemon = daemon(&[]);
    let mut stream = connect(daemon.address("http"));
    write!(stream, "GET /v1/tables/rows/entries HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut beginning = [0; 1000];
    stream.read_exact(&mut beginning).unwrap();
    // The client does not take the rest while two other versions come.
    publish(&daemon, 1);
    publish(&daemon, 2);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    let text = String::from_utf8([beginning.to_vec(), rest].concat()).unwrap();
    assert_eq!(text.matches("\"value\":\"0\"").count(), ROWS);
    assert!(text.ends_with("\r\n0\r\n\r\n") && text.contains("twinbucket-entries: 20000"));
    assert_eq!(keys(&daemon.get("/v1/tables/rows/entries"), 2).len(), ROWS);
}

#[test]
fn stream_goes_on_after_a_key_in_the_same_generation() {
    let daemon = daemon(&[]);
    let first = daemon.get("/v1/tables/rows/entries?limit=7000");
    let generation = first.header("twinbucket-generation").to_owned();
    let mut all = keys(&first, 0);
    assert_eq!(all.len(), 7000);
    for value in 1..=5 {
        publish(&daemon, value);
    }
    // With the number, and with the tag, which no other start has.
    let tag = first.header("etag").trim_matches('"').to_owned();
    for (named, limit) in [(generation.as_str(), "&limit=5000"), (tag.as_str(), "")] {
        let after = all.last().unwrap();
        let next = daemon.get(&format!("/v1/tables/rows/entries?generation={named}&after={after}{limit}"));
        assert_eq!(next.header("twinbucket-generation"), generation);
        all.extend(keys(&next, 0));
    }
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (ROWS, ROWS));
    let other = daemon.get(&format!("/v1/tables/rows/entries?generation={generation}-0"));
    assert_eq!(other.problem(410), "generation-gone");
}

#[test]
fn what_cannot_be_gone_on_with_is_a_problem() {
    let daemon = daemon(&[]);
    let generation = daemon.status("rows")["generation"].clone();
    let ask = |query: &str| daemon.get(&format!("/v1/tables/rows/entries?{query}"));
    assert_eq!(ask("after=key-1").problem(400), "bad-query");
    assert_eq!(ask("generation=x").problem(400), "bad-query");
    assert_eq!(ask("generation=99").problem(410), "generation-gone");
    assert_eq!(ask(&format!("generation={generation}&after=nope")).problem(404), "no-such-key");
    for value in 1..=4 {
        publish(&daemon, value);
    }
    // Nobody streamed it, and two are kept.
    assert_eq!(ask(&format!("generation={generation}")).problem(410), "generation-gone");
}

#[test]
fn changes_are_exact() {
    let daemon = daemon(&[]);
    let generation = daemon.status("rows")["generation"].clone();
    let rows =
        table(0).replace("key-5,0", "key-5,9").replace("key-7,0,some more text to make it long\n", "") + "new,1,x\n";
    daemon.write("rows.csv", &rows);
    daemon.await_status("rows", |status| status["generation"] != generation);
    let answer = daemon.get(&format!("/v1/tables/rows/changes?since={generation}"));
    let mut lines = answer.lines();
    lines.sort_by_key(|line| line["change"].to_string());
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(
        (&lines[0]["change"], &lines[0]["key"], &lines[0]["new"]["text"]),
        (&"added".into(), &"new".into(), &"x".into())
    );
    assert_eq!((&lines[1]["change"], &lines[1]["key"]), (&"changed".into(), &"key-5".into()));
    assert_eq!((&lines[1]["old"]["value"], &lines[1]["new"]["value"]), (&"0".into(), &"9".into()));
    assert_eq!(
        (&lines[2]["change"], &lines[2]["key"], &lines[2]["old"]["value"]),
        (&"removed".into(), &"key-7".into(), &"0".into())
    );
    let now = answer.header("twinbucket-generation");
    let none = daemon.get(&format!("/v1/tables/rows/changes?since={now}"));
    assert_eq!((none.status, none.body.len(), none.whole), (200, 0, true));
    assert_eq!(daemon.get("/v1/tables/rows/changes?since=77").problem(410), "generation-gone");
}

#[test]
fn streams_are_limited_and_a_slow_client_loses_its_version() {
    let daemon = daemon(&["--max-streams", "1", "--write-timeout", "300ms"]);
    // More than the buffers on the way can take.
    let wide: String = (0..ROWS).map(|row| format!("key-{row},{}\n", "x".repeat(2000))).collect();
    daemon.write("rows.csv", &format!("key,value\n{wide}"));
    daemon.await_status("rows", |status| status["generation"] != 1);
    let mut stream = connect(daemon.address("http"));
    write!(stream, "GET /v1/tables/rows/entries HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut beginning = [0; 1000];
    stream.read_exact(&mut beginning).unwrap();
    let refused = daemon.get("/v1/tables/rows/entries");
    assert_eq!((refused.problem(503), refused.header("retry-after")), ("busy".to_owned(), "1"));
    daemon.line(|line| line["message"].as_str().is_some_and(|text| text.contains("does not take")));
    // What comes now is what was on the way, and no end of it.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"));
    // Its place becomes free when its task has noticed.
    let deadline = Instant::now() + SOON;
    let again = loop {
        let again = daemon.get("/v1/tables/rows/entries?limit=1");
        if again.status != 503 {
            break again;
        }
        assert!(Instant::now() < deadline, "{}", daemon.log());
    };
    assert_eq!((again.status, again.lines().len()), (200, 1));
}

#[test]
fn head_of_a_stream_takes_no_part_in_the_limit() {
    let daemon = daemon(&["--max-streams", "1"]);
    for _ in 0..3 {
        let mut stream = connect(daemon.address("http"));
        write!(stream, "HEAD /v1/tables/rows/entries HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(read(&mut stream, true).status, 200);
    }
}

#[test]
fn version_that_a_stream_holds_for_long_is_logged_listed_and_counted() {
    let wide: String = (0..ROWS).map(|row| format!("key-{row},{}\n", "x".repeat(2000))).collect();
    let config =
        "[[table]]\nname = \"rows\"\nsource = \"rows.csv\"\nlong_pins = { after = \"100ms\", dump = \"pins.txt\" }\n";
    let dir = directory(&[("rows.csv", &format!("key,value\n{wide}")), ("serve.toml", config)]);
    let daemon = Daemon::start(dir, &["--config", "serve.toml"]);
    let mut stream = connect(daemon.address("http"));
    write!(stream, "GET /v1/tables/rows/entries HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    let line = daemon.message("a version is held for long");
    assert_eq!((&line["table"], &line["level"]), (&"rows".into(), &"WARN".into()));
    // The place is that of the stream, not of what all requests share.
    assert!(line["place"].as_str().is_some_and(|place| place.contains("entries.rs:")), "{line}");
    let list = std::fs::read_to_string(daemon.path("pins.txt")).unwrap();
    assert!(list.contains("held for") && list.contains("taken at"), "{list}");
    // It is counted after it was reported.
    let is_counted =
        |line: &str| line.starts_with("twinbucket_long_pins_total{table=\"rows\"}") && line.ends_with(" 1");
    let deadline = Instant::now() + SOON;
    while !daemon.get("/metrics").text().lines().any(is_counted) {
        assert!(Instant::now() < deadline, "{}", daemon.get("/metrics").text());
    }
}
