//! Runs the daemon and looks at what Redis clients see of it: redis-cli and redis-benchmark, from Debian's package
//! redis-tools, and some that mean no good.

#![cfg(feature = "serve")]

/// Helpers for tests of the daemon.
mod common {
    #[expect(dead_code, reason = "most of it is for HTTP")]
    pub(crate) mod daemon;
}

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use common::daemon::{Daemon, SOON, connect, directory};

/// Two columns.
const PORTS: &str = "name,port\nhttp,80\nssh,22\n";

/// Three columns.
const CITIES: &str = "id,name,land\nber,Berlin,DE\nlon,London,GB\n";

/// Rows in files whose keys count up, all with one value.
fn numbers(count: usize, value: usize) -> String {
    let mut text = "key,value\n".to_owned();
    (0..count).for_each(|at| writeln!(text, "key:{at:012},{value}").unwrap());
    text
}

/// A daemon with both small tables.
fn small(args: &[&str]) -> Daemon {
    let dir = directory(&[("ports.csv", PORTS), ("cities.csv", CITIES)]);
    let tables = ["--table", "ports=ports.csv", "--table", "cities=cities.csv", "--resp", "127.0.0.1:0"];
    Daemon::start(dir, &[&tables, args].concat())
}

/// Sends lines over a connection of their own, and returns all answers.
fn exchange(daemon: &Daemon, lines: &str) -> String {
    let mut stream = connect(daemon.address("resp"));
    stream.write_all(format!("{lines}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    answers.strip_suffix("+OK\r\n").unwrap_or_else(|| panic!("no end: {answers}")).to_owned()
}

/// Waits until lines are answered in a way.
fn await_answer(daemon: &Daemon, lines: &str, expected: &str) {
    let deadline = Instant::now() + SOON;
    loop {
        let answer = exchange(daemon, lines);
        if answer == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{answer}\n{}", daemon.log());
        thread::sleep(Duration::from_millis(10));
    }
}

/// Tells whether a program is there; if it is not, says so, and fails where tests must not be skipped.
fn have(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{program} is missing; install redis-tools");
        eprintln!("skipped: {program} is missing; install redis-tools");
    }
    found
}

/// Runs a program of Redis against the daemon.
fn run(address: SocketAddr, program: &str, args: &[&str]) -> String {
    let port = address.port().to_string();
    let output = Command::new(program).args(["-h", "127.0.0.1", "-p", &port]).args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{program} {args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn tables_are_there_by_number_and_by_name() {
    let daemon = small(&[]);
    let answers = exchange(&daemon, "GET http\r\nGET cities:ber\r\nSELECT 1\r\nHGET lon name\r\nDBSIZE\r\nSELECT 2");
    let expected = "$2\r\n80\r\n$29\r\n{\"name\":\"Berlin\",\"land\":\"DE\"}\r\n+OK\r\n$6\r\nLondon\r\n:2\r\n\
                    -ERR DB index is out of range\r\n";
    assert_eq!(answers, expected);
}

#[test]
fn another_column_can_be_the_key() {
    let daemon = small(&["--key", "cities=land"]);
    assert_eq!(exchange(&daemon, "HGETALL cities:DE"), "*4\r\n$2\r\nid\r\n$3\r\nber\r\n$4\r\nname\r\n$6\r\nBerlin\r\n");
}

#[test]
fn reload_is_seen_and_idle_threads_hold_nothing_old() {
    let daemon = small(&[]);
    let mut idle = connect(daemon.address("resp"));
    idle.write_all(b"GET http\r\n").unwrap();
    idle.read_exact(&mut [0; 8]).unwrap();
    daemon.write("ports.csv", "name,port\nhttp,8080\n");
    // No Redis client wakes the thread that read the old version.
    let is_let_go = |status: &Value| status["generation"] == 2 && status["store"]["pinned_generations"] == 0;
    daemon.await_status("ports", is_let_go);
    assert_eq!(exchange(&daemon, "GET http\r\nGET ssh"), "$4\r\n8080\r\n$-1\r\n");
}

#[test]
fn table_by_range_answers_addresses() {
    let dir = directory(&[("zones.csv", "range,zone\n10.0.0.0/8,inside\n10.9.0.0/16,guests\n2001:db8::/32,docs\n")]);
    let daemon = Daemon::start(dir, &["--table", "zones=zones.csv:cidr", "--resp", "127.0.0.1:0"]);
    let answers = exchange(&daemon, "GET 10.9.1.1\r\nGET 10.1.1.1\r\nHGET 2001:db8::1 zone\r\nGET 11.0.0.1\r\nKEYS *");
    let expected = "$6\r\nguests\r\n$6\r\ninside\r\n$4\r\ndocs\r\n$-1\r\n\
                    *3\r\n$10\r\n10.0.0.0/8\r\n$11\r\n10.9.0.0/16\r\n$13\r\n2001:db8::/32\r\n";
    assert_eq!(answers, expected);
}

#[test]
fn tables_come_and_go_under_a_connection() {
    let config = |tables: &str| format!("[server]\nresp = \"127.0.0.1:0\"\n{tables}");
    let ports = "[[table]]\nname = \"ports\"\nsource = \"ports.csv\"\n";
    let cities = "[[table]]\nname = \"cities\"\nsource = \"cities.csv\"\n";
    let both = config(&format!("{ports}{cities}"));
    let dir = directory(&[("ports.csv", PORTS), ("cities.csv", CITIES), ("serve.toml", &both)]);
    let daemon = Daemon::start(dir, &["--config", "serve.toml"]);
    await_answer(&daemon, "GET http\r\nGET cities:ber", "$2\r\n80\r\n$29\r\n{\"name\":\"Berlin\",\"land\":\"DE\"}\r\n");
    daemon.write("serve.toml", &config(cities));
    await_answer(
        &daemon,
        "EXISTS ber\r\nSELECT ports",
        ":1\r\n-ERR no table has this number or name; INFO keyspace lists them\r\n",
    );
}

#[test]
fn limits_are_those_of_the_command_line() {
    let daemon = small(&["--resp-max-keys", "2", "--resp-max-connections", "1", "--resp-max-request-bytes", "100"]);
    assert_eq!(exchange(&daemon, "MGET a b c"), "-ERR a command has at most 2 keys; send several\r\n");
    let mut first = connect(daemon.address("resp"));
    let mut told = String::new();
    let deadline = Instant::now() + SOON;
    while !told.contains("PONG") {
        // The connection before may not be over yet.
        told.clear();
        first = connect(daemon.address("resp"));
        first.write_all(b"PING\r\n").unwrap();
        let mut bytes = [0; 64];
        let read = first.read(&mut bytes).unwrap_or(0);
        told += std::str::from_utf8(&bytes[..read]).unwrap();
        assert!(Instant::now() < deadline, "{told}");
    }
    let mut second = connect(daemon.address("resp"));
    let mut refusal = String::new();
    second.read_to_string(&mut refusal).unwrap();
    assert_eq!(refusal, "-ERR max number of clients reached\r\n");
    first.write_all(b"*2\r\n$4\r\nECHO\r\n$200\r\n").unwrap();
    let mut error = String::new();
    first.read_to_string(&mut error).unwrap();
    assert_eq!(error, "-ERR Protocol error: invalid bulk length\r\n");
}

#[test]
fn scrape_has_what_redis_clients_did() {
    let daemon = small(&[]);
    exchange(&daemon, "GET http\r\nGET none\r\nSET a b\r\nSCAN 0 COUNT 1");
    let answer = daemon.get("/metrics");
    for line in [
        "twinbucket_resp_commands_total 5\n",
        "twinbucket_resp_errors_total 1\n",
        "twinbucket_resp_keys_found_total 1\n",
        "twinbucket_resp_keys_missed_total 1\n",
        "twinbucket_resp_scans 1\n",
    ] {
        assert!(answer.text().contains(line), "{line} is missing in\n{}", answer.text());
    }
}

#[test]
fn sigterm_ends_it_with_connections_open() {
    let mut daemon = small(&[]);
    let mut stream = connect(daemon.address("resp"));
    stream.write_all(b"PING\r\n").unwrap();
    stream.read_exact(&mut [0; 7]).unwrap();
    daemon.signal("TERM");
    assert_eq!(daemon.end().code(), Some(0));
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn redis_cli_works() {
    if !have("redis-cli") {
        return;
    }
    let daemon = small(&[]);
    for version in ["-2", "-3"] {
        let cli = |args: &[&str]| run(daemon.address("resp"), "redis-cli", &[&[version], args].concat());
        assert_eq!(cli(&["GET", "http"]), "80\n");
        assert_eq!(cli(&["MGET", "http", "none", "cities:ber"]), "80\n\n{\"name\":\"Berlin\",\"land\":\"DE\"}\n");
        assert_eq!(cli(&["-n", "1", "HMGET", "ber", "land", "name"]), "DE\nBerlin\n");
        assert_eq!(cli(&["DBSIZE"]), "2\n");
        assert_eq!(cli(&["--scan"]).lines().collect::<BTreeSet<_>>(), BTreeSet::from(["http", "ssh"]));
        assert!(cli(&["SET", "http", "81"]).starts_with("READONLY "));
        assert!(cli(&["INFO", "tables"]).contains("table1:name=cities,"));
        let hash = if version == "-3" { "name Berlin\nland DE\n" } else { "name\nBerlin\nland\nDE\n" };
        assert_eq!(cli(&["HGETALL", "cities:ber"]), hash);
    }
}

#[test]
fn redis_cli_scans_everything_once_while_the_file_is_replaced() {
    if !have("redis-cli") {
        return;
    }
    const COUNT: usize = 20_000;
    let dir = directory(&[("numbers.csv", &numbers(COUNT, 0))]);
    let daemon = Daemon::start(dir, &["--table", "numbers=numbers.csv", "--resp", "127.0.0.1:0"]);
    let address = daemon.address("resp");
    let listing = thread::spawn(move || run(address, "redis-cli", &["--scan"]));
    let mut round = 0;
    while !listing.is_finished() {
        round += 1;
        // One half of the keys comes and goes.
        let count = COUNT / (1 + round % 2);
        daemon.write("numbers.csv", &numbers(count, round));
        daemon.await_status("numbers", |status| status["entries"] == count);
    }
    let listed = listing.join().unwrap();
    let keys: BTreeSet<&str> = listed.lines().collect();
    assert_eq!(keys.len(), listed.lines().count(), "no key comes twice");
    assert!(keys.len() == COUNT || keys.len() == COUNT / 2, "{}", keys.len());
}

#[test]
fn redis_benchmark_works() {
    if !have("redis-benchmark") {
        return;
    }
    let dir = directory(&[("numbers.csv", &numbers(1000, 7))]);
    let daemon = Daemon::start(dir, &["--table", "numbers=numbers.csv", "--resp", "127.0.0.1:0"]);
    let common = ["-n", "3000", "-c", "20", "-r", "1000", "-q"];
    for depth in ["1", "16"] {
        for command in [&["GET", "key:__rand_int__"][..], &["MGET", "key:__rand_int__", "key:__rand_int__"]] {
            let text = run(daemon.address("resp"), "redis-benchmark", &[&common[..], &["-P", depth], command].concat());
            assert!(text.contains("requests per second"), "{text}");
        }
    }
    let text = run(daemon.address("resp"), "redis-benchmark", &[&common[..], &["-t", "ping,get"]].concat());
    assert!(text.contains("PING_MBULK: ") && text.contains("GET: "), "{text}");
    let stats = exchange(&daemon, "INFO stats");
    assert!(stats.contains("keyspace_misses:0\r\n") && !stats.contains("keyspace_hits:0\r\n"), "{stats}");
}

#[test]
fn hostile_clients_leave_it_alive_and_small() {
    let daemon = small(&[]);
    let info = exchange(&daemon, "INFO server");
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap().to_owned();
    let before = resident(&pid);
    let mut waiting = Vec::new();
    for bytes in [
        b"*2147483647\r\n".to_vec(),
        b"*2\r\n$3\r\nGET\r\n$1000000\r\n".to_vec(),
        b"*1\r\n".repeat(200_000),
        vec![b'$'; 1 << 20],
        vec![0xff; 1 << 20],
        b"*16384\r\n".iter().copied().chain(b"$0\r\n\r\n".repeat(16_384)).collect(),
        b"COMMAND DOCS\r\n".repeat(5000),
        b"SCAN 0 COUNT 1\r\n".repeat(5000),
    ] {
        for _ in 0..8 {
            let mut stream = connect(daemon.address("resp"));
            stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
            // Whatever it does not take is its limit; nobody reads its answers.
            let _ = stream.write_all(&bytes);
            waiting.push(stream);
        }
    }
    assert_eq!(exchange(&daemon, "PING"), "+PONG\r\n");
    let grown = resident(&pid).saturating_sub(before);
    assert!(grown < 150 << 10, "{grown} KiB for {} clients", waiting.len());
}

/// Memory of a process, in KiB.
fn resident(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
