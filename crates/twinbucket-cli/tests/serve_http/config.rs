//! Flags, the configuration file, `--check` and signals.

use std::fs;

use crate::daemon::{Daemon, SOON, connect, directory, program};

fn table(name: &str, source: &str) -> String {
    format!("[[table]]\nname = \"{name}\"\nsource = \"{source}\"\n")
}

/// Runs the program to its end.
fn run(dir: &tempfile::TempDir, args: &[&str]) -> (Option<i32>, String, String) {
    let output = program(dir, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn check_prints_a_line_for_each_table_and_names_every_error_with_its_place() {
    let files = [("a.csv", "k,v\na,1\nb,2\n"), ("b.csv", "k,v\na,1\nb\n"), ("serve.toml", &*table("d", "none.csv"))];
    let dir = directory(&files);
    let (code, out, err) = run(&dir, &["--check", "--table", "a=a.csv"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("table a: 2 entries from ") && out.ends_with("a.csv (csv)\n"), "{out}");
    fs::write(dir.path().join("serve.toml"), table("d", "none.csv") + "start = { wait = \"300ms\" }\n").unwrap();
    let (code, out, err) =
        run(&dir, &["--check", "--table", "a=a.csv", "--table", "b=b.csv", "--config", "serve.toml"]);
    assert_eq!((code, out.lines().count(), err.lines().count()), (Some(1), 1, 2), "{out}{err}");
    assert!(err.contains("twinbucket: table b: ") && err.contains("b.csv:3") && err.contains("table d: "), "{err}");
    fs::write(dir.path().join("serve.toml"), "[server]\nlistn = \"x\"\n").unwrap();
    let (code, _, err) = run(&dir, &["--check", "--config", "serve.toml"]);
    assert!(code == Some(1) && err.starts_with("twinbucket: serve.toml:2:1: unknown field `listn`"), "{err}");
}

#[test]
fn usage_that_makes_no_sense_is_refused() {
    let dir = directory(&[("a.csv", "k,v\na,1\n")]);
    for (args, part) in [
        (&[][..], "nothing to serve; name a table with --table"),
        (&["--table", "a"], "write it as NAME=SOURCE"),
        (&["--table", "a=a.dat"], "give one of csv, tsv"),
        (&["--table", "a=a.csv", "--table", "a=a.csv"], "there is a table \"a\" already"),
        (&["--table", "a=a.csv", "--key", "b=x"], "there is no table \"b\""),
        (&["--table", "a=a.csv", "--max-keys", "0"], "keys must be between 1"),
        (&["--table", "a=a.csv", "--idle-timeout", "5"], "write it as 250ms"),
        (&["--table", "a=a.csv", "--listen", "here"], "invalid socket address"),
    ] {
        let (code, _, err) = run(&dir, args);
        assert!(code == Some(2) && err.contains(part), "{args:?}: {code:?} {err}");
    }
}

#[test]
fn start_that_cannot_be_is_told_and_exits_1() {
    let dir = directory(&[("a.csv", "k,v\na,1\nb\n"), ("b.csv", "k,v\na,1\n")]);
    let (code, _, err) = run(&dir, &["--table", "a=a.csv", "--listen", "127.0.0.1:0"]);
    assert!(code == Some(1) && err.contains("a.csv:3") && err.contains("1 of 1 tables cannot be opened"), "{err}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, err) = run(&dir, &["--table", "b=b.csv", "--listen", &address]);
    assert!(code == Some(1) && err.contains(&format!("cannot bind {address} (http); choose another")), "{err}");
    let (code, _, err) = run(&dir, &["--config", "none.toml"]);
    assert!(code == Some(1) && err.starts_with("twinbucket: none.toml: cannot read the configuration"), "{err}");
}

#[test]
fn key_can_be_another_column() {
    let dir = directory(&[("a.csv", "x,y,z\n1,2,3\n"), ("b.csv", "x,y,z\n1,2,3\n")]);
    let daemon = Daemon::start(dir, &["--table", "a=a.csv", "--table", "b=b.csv", "--key", "a=y"]);
    assert_eq!(daemon.get("/v1/tables/a/entries/2").json(), serde_json::json!({ "x": "1", "z": "3" }));
    assert_eq!(daemon.get("/v1/tables/b/entries/1").json(), serde_json::json!({ "y": "2", "z": "3" }));
}

#[test]
fn new_configuration_changes_what_it_changes_and_nothing_else() {
    let files = [("a.csv", "k,v\na,1\n"), ("b.csv", "k,v\nb,2\n"), ("c.csv", "k,v\nc,3\n")];
    let dir = directory(&files);
    fs::write(dir.path().join("serve.toml"), table("a", "a.csv") + &table("b", "b.csv")).unwrap();
    let daemon = Daemon::start(dir, &["--config", "serve.toml"]);
    let (tag, changed) = (daemon.status("a")["etag"].clone(), daemon.status("b")["etag"].clone());
    let config = "[limits]\nkeys = 5\n".to_owned() + &table("c", "c.csv") + &table("a", "a.csv") + &table("b", "c.csv");
    daemon.write("serve.toml", &config);
    daemon.message("configuration taken");
    let all = daemon.get("/v1/tables").json();
    let names: Vec<&str> = all["tables"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["c", "a", "b"]);
    assert_eq!(
        (&all["config"]["state"], &all["config"]["needs_restart"]),
        (&"READY".into(), &serde_json::json!(["limits"]))
    );
    assert_eq!(daemon.status("a")["etag"], tag, "not opened again");
    assert_ne!(daemon.status("b")["etag"], changed);
    assert_eq!(daemon.get("/v1/tables/b/entries/c").text(), "\"3\"");
    daemon.write("serve.toml", &table("a", "a.csv"));
    daemon.line(|line| line["message"] == "no longer served" && line["table"] == "c");
    assert_eq!(daemon.get("/v1/tables/c").status, 404);
    assert_eq!(daemon.get("/v1/tables/a/entries/a").text(), "\"1\"");
}

#[test]
fn bad_configuration_is_refused_and_the_old_one_stays() {
    let dir = directory(&[("a.csv", "k,v\na,1\n"), ("serve.toml", &table("a", "a.csv"))]);
    let daemon = Daemon::start(dir, &["--config", "serve.toml"]);
    let none = table("a", "a.csv") + &table("b", "none.csv") + "start = { wait = \"300ms\" }\n";
    for (config, part) in [("[[table]]\nnme = \"a\"\n", "serve.toml:2:1: unknown field"), (&none, "table b: ")] {
        daemon.write("serve.toml", config);
        let line = daemon.line(|line| {
            line["message"] == "configuration refused; the old one stays"
                && line["error"].as_str().unwrap().contains(part)
        });
        let config = daemon.get("/v1/tables").json()["config"].clone();
        assert_eq!((&config["state"], &config["error"]["message"]), (&"ERROR".into(), &line["error"]));
        assert_eq!(daemon.get("/v1/tables/a/entries/a").text(), "\"1\"");
        assert_eq!(daemon.get("/v1/tables").json()["tables"].as_array().unwrap().len(), 1);
        let metrics = daemon.get("/metrics");
        assert!(metrics.text().contains("twinbucket_config_last_reload_successful 0"), "{}", metrics.text());
    }
    // What it lacked has come: asked again, it is taken.
    daemon.write("none.csv", "k,v\nb,2\n");
    daemon.signal("HUP");
    daemon.message("configuration taken");
    assert_eq!(daemon.get("/v1/tables/b/entries/b").text(), "\"2\"");
    // A table that came with the configuration is scraped like the others.
    assert!(daemon.get("/metrics").text().contains("twinbucket_entries{table=\"b\"} 1"));
}

#[test]
fn sighup_reloads_every_table() {
    let dir = directory(&[("a.csv", "k,v\na,1\n"), ("b.csv", "k,v\nb,2\n")]);
    let daemon = Daemon::start(dir, &["--table", "a=a.csv", "--table", "b=b.csv"]);
    let attempts = |table: &str| daemon.status(table)["counts"]["attempts"].as_u64().unwrap();
    let before = (attempts("a"), attempts("b"));
    daemon.signal("HUP");
    daemon.await_status("a", |status| status["counts"]["attempts"].as_u64().unwrap() > before.0);
    daemon.await_status("b", |status| status["counts"]["attempts"].as_u64().unwrap() > before.1);
}

#[test]
fn sigterm_lets_requests_end_and_exits_0() {
    use std::io::{Read, Write};

    let rows: String = (0..20_000).map(|row| format!("{row},{}\n", "x".repeat(1000))).collect();
    let dir = directory(&[("a.csv", &format!("k,v\n{rows}"))]);
    let mut daemon = Daemon::start(dir, &["--table", "a=a.csv", "--drain", "20s"]);
    let mut idle = connect(daemon.address("http"));
    let mut busy = connect(daemon.address("http"));
    write!(busy, "GET /v1/tables/a/entries HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    busy.read_exact(&mut [0; 100]).unwrap();
    daemon.signal("TERM");
    daemon.message("stopping");
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).unwrap(), 0, "an idle connection is closed at once");
    busy.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "the stream came whole");
    assert!(std::net::TcpStream::connect_timeout(&daemon.address("http"), SOON).is_err(), "nobody is let in any more");
    assert_eq!(daemon.end().code(), Some(0));
    daemon.message("stopped");
}

#[test]
fn drain_has_an_end() {
    use std::io::{Read, Write};

    let rows: String = (0..20_000).map(|row| format!("{row},{}\n", "x".repeat(1000))).collect();
    let dir = directory(&[("a.csv", &format!("k,v\n{rows}"))]);
    let mut daemon = Daemon::start(dir, &["--table", "a=a.csv", "--drain", "200ms"]);
    let mut busy = connect(daemon.address("http"));
    write!(busy, "GET /v1/tables/a/entries HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    busy.read_exact(&mut [0; 100]).unwrap();
    daemon.signal("INT");
    assert_eq!(daemon.end().code(), Some(0));
    daemon.message("stopped in the middle of requests");
}
