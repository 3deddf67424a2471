//! What the daemon answers to a scrape: just the metrics that are listed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::names::listed;
use crate::repository;

/// A daemon with the sample's tables, and its address over HTTP.
struct Daemon(Child, String);

impl Daemon {
    /// Starts it, and waits until it serves.
    fn start() -> Self {
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_twinbucket"));
        daemon.args(["serve", "--listen", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--log", "json", "--config"]);
        let mut child = daemon.arg(repository("deploy/serve.toml")).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut daemon = Self(child, String::new());
        let mut log = String::new();
        for line in lines {
            let json: Value = serde_json::from_str(&line).unwrap_or_default();
            match json["message"].as_str() {
                Some("listening") if json["protocol"] == "http" => {
                    daemon.1 = json["address"].as_str().unwrap().to_owned()
                }
                Some("serving") => return daemon,
                _ => log += &line,
            }
        }
        panic!("the daemon ended: {log}");
    }

    /// Gets a path, and returns the body of the answer.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.1).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        body.to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("it was started, and nobody else waits for it");
    }
}

#[test]
fn daemon_has_just_the_metrics_that_are_listed() {
    let daemon = Daemon::start();
    daemon.get("/v1/tables");
    let body = daemon.get("/metrics");
    let types = body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let ours = types.filter(|(name, _)| name.starts_with("twinbucket_"));
    let full = |(name, kind): (&str, &str)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
    let scraped: BTreeSet<String> = ours.map(full).collect();
    assert_eq!(scraped, listed());
}
