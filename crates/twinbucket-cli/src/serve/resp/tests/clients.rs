//! The programs of Redis as clients: redis-cli and redis-benchmark, from Debian's package redis-tools.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::super::RespLimits;
use super::wire::Running;
use super::{Memory, numbered};

/// Tells whether a program is there; if it is not, says so, and fails where tests must not be skipped.
fn have(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{program} is missing; install redis-tools");
        eprintln!("skipped: {program} is missing; install redis-tools");
    }
    found
}

fn run(program: &str, running: &Running, arguments: &[&str]) -> Output {
    let port = running.address.port().to_string();
    let output = Command::new(program).args(["-h", "127.0.0.1", "-p", &port]).args(arguments).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {out}{err}");
    output
}

fn cli(running: &Running, arguments: &[&str]) -> String {
    String::from_utf8(run("redis-cli", running, arguments).stdout).unwrap()
}

#[test]
fn redis_cli_shows_both_versions() {
    if !have("redis-cli") {
        return;
    }
    let running = Running::new(Memory::small(), RespLimits::default());
    let cases: [(&[&str], &str, &str); 14] = [
        (&["PING"], "PONG\n", "PONG\n"),
        (&["GET", "http"], "\"80\"\n", "\"80\"\n"),
        (&["GET", "none"], "(nil)\n", "(nil)\n"),
        (&["MGET", "http", "none"], "1) \"80\"\n2) (nil)\n", "1) \"80\"\n2) (nil)\n"),
        (&["EXISTS", "http", "none"], "(integer) 1\n", "(integer) 1\n"),
        (&["HGET", "cities:ber", "name"], "\"Berlin\"\n", "\"Berlin\"\n"),
        (&["HMGET", "cities:ber", "name", "land"], "1) \"Berlin\"\n2) \"DE\"\n", "1) \"Berlin\"\n2) \"DE\"\n"),
        (
            &["HGETALL", "cities:ber"],
            "1) \"name\"\n2) \"Berlin\"\n3) \"land\"\n4) \"DE\"\n",
            "1# \"name\" => \"Berlin\"\n2# \"land\" => \"DE\"\n",
        ),
        (&["DBSIZE"], "(integer) 4\n", "(integer) 4\n"),
        (&["TYPE", "cities:ber"], "hash\n", "hash\n"),
        (
            &["-n", "1", "GET", "ber"],
            "\"{\\\"name\\\":\\\"Berlin\\\",\\\"land\\\":\\\"DE\\\"}\"\n",
            "\"{\\\"name\\\":\\\"Berlin\\\",\\\"land\\\":\\\"DE\\\"}\"\n",
        ),
        (&["SCAN", "0", "MATCH", "s*", "COUNT", "10"], "1) \"0\"\n2) 1) \"ssh\"\n", "1) \"0\"\n2) 1) \"ssh\"\n"),
        (&["CLIENT", "SETNAME", "x"], "OK\n", "OK\n"),
        (
            &["SET", "a", "b"],
            "(error) READONLY twinbucket tables are read-only; change their source instead\n",
            "(error) READONLY twinbucket tables are read-only; change their source instead\n",
        ),
    ];
    for (arguments, two, three) in cases {
        assert_eq!(cli(&running, &[&["--no-raw", "-2"], arguments].concat()), two, "{arguments:?}");
        assert_eq!(cli(&running, &[&["--no-raw", "-3"], arguments].concat()), three, "{arguments:?}");
    }
    for protocol in ["-2", "-3"] {
        assert!(cli(&running, &[protocol, "INFO", "keyspace"]).starts_with("# Keyspace\r\ndb0:keys=4,"));
        assert!(cli(&running, &[protocol, "COMMAND", "DOCS", "get"]).contains("Returns the value of a key"));
        assert!(cli(&running, &[protocol, "CLIENT", "LIST"]).contains(" resp="));
    }
}

/// Says that something is over, also if a test fails.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn redis_cli_scans_everything_while_the_table_is_reloaded() {
    if !have("redis-cli") {
        return;
    }
    let running = Running::new(Memory::numbers(20_000), RespLimits::default());
    let done = AtomicBool::new(false);
    let listed = thread::scope(|scope| {
        let store = running.tables.tables[0].1.clone();
        let done = &done;
        scope.spawn(move || {
            for round in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                store.replace_all(numbered(20_000, &format!(" of {round}")).read());
            }
        });
        let _ended = Ended(done);
        cli(&running, &["--scan", "--pattern", "key:*"])
    });
    let keys: Vec<&str> = listed.lines().collect();
    assert_eq!(keys.len(), 20_000);
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>().len(), 20_000);
}

#[test]
fn redis_benchmark_runs() {
    if !have("redis-benchmark") {
        return;
    }
    let running = Running::new(Memory::numbers(1000), RespLimits::default());
    for extra in [&[][..], &["-P", "16"], &["-3"]] {
        let arguments = [&["-n", "2000", "-c", "8", "-r", "1000", "-q"], extra, &["GET", "key:__rand_int__"]].concat();
        let output = run("redis-benchmark", &running, &arguments);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("requests per second"), "{text}");
        let output =
            run("redis-benchmark", &running, &[&["-t", "get,ping"], &arguments[..arguments.len() - 2]].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("GET: ") && text.contains("PING_INLINE: "), "{text}");
    }
}
