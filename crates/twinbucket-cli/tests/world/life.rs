//! The life that a daemon is put through: its start, lookups, reloads good and bad, a new configuration, its end.
//!
//! Single requests may fail while something is wrong with the world; what is expected must come about in the end.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, SOON, directory, try_ask, try_connect, under};

/// Settings and two tables; looks are so frequent that a change without an event is soon found.
const CONFIG: &str = r#"
[server]
threads = 2
drain = "2s"

[[table]]
name = "t"
source = "t.csv"
settle = "5ms"
recheck = "300ms"
poll = "100ms"
start = { wait = "5s" }
long_pins = { after = "10m" }

[[table]]
name = "d"
source = "d/*.toml"
settle = "5ms"
recheck = "300ms"
poll = "100ms"
"#;

/// A further table for [`CONFIG`].
const MORE: &str = r#"
[[table]]
name = "more"
source = "t.csv"
"#;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// The content of the table `t`.
pub(crate) fn rows(value: u32) -> String {
    format!("k,v\na,{value}\nb,{value}\n")
}

/// A directory with the configuration and the tables.
pub(crate) fn home() -> TempDir {
    let dir = directory(&[("c.toml", CONFIG), ("t.csv", &rows(0))]);
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("d/one.toml"), "x = 0\n").unwrap();
    dir
}

/// A daemon, and what it must have.
pub(crate) struct Life {
    /// The daemon.
    pub(crate) daemon: Daemon,
    /// The last good version of the table `t`.
    pub(crate) good: u32,
}

/// Addresses that nobody else uses: all of 127.0.0.0/8 is this machine's.
fn addresses() -> Vec<(String, SocketAddr)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (number, [.., high, low]) = (NEXT.fetch_add(1, Ordering::Relaxed), process::id().to_be_bytes());
    let last = u8::try_from(number % 250).expect("it is less") + 1;
    let port = 10_000 + u16::try_from(number / 250).expect("there are fewer") * 3;
    let ip = Ipv4Addr::new(127, 100 + high % 100, low, last);
    let address = |(at, protocol): (u16, &str)| (protocol.to_owned(), SocketAddr::from((ip, port + at)));
    (0..).zip(["http", "admin", "resp"]).map(address).collect()
}

impl Life {
    /// Starts a daemon by way of another program, and does not wait for it.
    pub(crate) fn begin(dir: TempDir, wrapper: &[&str], good: u32) -> Self {
        Self::begin_with(dir, wrapper, &[], good)
    }

    /// As [`begin`](Self::begin), with more flags.
    pub(crate) fn begin_with(dir: TempDir, wrapper: &[&str], flags: &[&str], good: u32) -> Self {
        let addresses = addresses();
        let [http, admin, resp] = [0, 1, 2].map(|at: usize| addresses[at].1.to_string());
        let own = ["--config", "c.toml", "--listen", &http, "--admin", &admin, "--resp", &resp];
        let command = under(&dir, wrapper, &[&own, flags].concat());
        Self { daemon: Daemon::launch(dir, command, addresses), good }
    }

    /// Starts a daemon, and waits until it serves.
    pub(crate) fn start(wrapper: &[&str], flags: &[&str]) -> Self {
        let mut life = Self::begin_with(home(), wrapper, flags, 0);
        assert!(life.is_up(), "it ended:\n{}", life.daemon.log());
        life
    }

    /// Waits until the daemon is ready; `false` if it ends.
    pub(crate) fn is_up(&mut self) -> bool {
        let deadline = Instant::now() + SOON;
        loop {
            if self.daemon.ended().is_some() {
                return false;
            }
            if self.get("/readyz").is_some() {
                return true;
            }
            assert!(Instant::now() < deadline, "it neither serves nor ends:\n{}", self.daemon.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Checks that the daemon, which did not start, said why.
    pub(crate) fn assert_refused(mut self) {
        let status = self.daemon.end();
        // Its last words may be on their way from it to here.
        thread::sleep(Duration::from_millis(50));
        let log = self.daemon.log();
        assert!(status.code().is_some_and(|code| code != 0), "{status}:\n{log}");
        assert!(log.lines().last().is_some_and(|line| line.contains(": ")), "{status}, and no reason:\n{log}");
    }

    /// The text of an answer of 200, or nothing.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let answer = try_ask(self.daemon.address("http"), "GET", path, &[], "").ok()?;
        (answer.status == 200 && answer.whole).then(|| answer.text().to_owned())
    }

    /// The answer to a Redis client.
    fn redis(&self, line: &str) -> Option<String> {
        let mut stream = try_connect(self.daemon.address("resp")).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        stream.write_all(format!("{line}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut answers = String::new();
        stream.read_to_string(&mut answers).ok()?;
        answers.strip_suffix("+OK\r\n").map(str::to_owned)
    }

    /// Waits until something is so.
    pub(crate) fn until(&mut self, what: &str, mut is_it: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + SOON;
        while !is_it(self) {
            let ended = self.daemon.ended();
            assert!(ended.is_none(), "{what}: it ended with {ended:?}\n{}", self.daemon.log());
            assert!(Instant::now() < deadline, "not so in time: {what}\n{}", self.daemon.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Tells whether the table `t` answers over both protocols with the last good version.
    pub(crate) fn is_good(&self) -> bool {
        let value = self.good.to_string();
        self.get("/v1/tables/t/entries/a").is_some_and(|text| text == format!("\"{value}\""))
            && self.redis("GET a").is_some_and(|text| text == format!("${}\r\n{value}\r\n", value.len()))
    }

    /// Waits until the table `t` answers with the last good version.
    pub(crate) fn await_good(&mut self) {
        self.until("the last good version is served", Self::is_good);
    }

    /// The status of a table, if it can be had.
    pub(crate) fn status(&self, table: &str) -> Option<Value> {
        serde_json::from_str(&self.get(&format!("/v1/tables/{table}"))?).ok()
    }

    /// Writes a new good version of the table `t`, and waits for it.
    pub(crate) fn renew(&mut self) {
        self.good += 1;
        self.daemon.write("t.csv", &rows(self.good));
        self.await_good();
    }

    /// Writes a bad version of the table `t`, and sees that the good one stays.
    pub(crate) fn spoil(&mut self) {
        self.daemon.write("t.csv", "k,v\na\n");
        self.until("the bad version is told", |life| {
            let told = |status: Value| status["error"]["message"].as_str().is_some_and(|text| text.contains("t.csv:2"));
            life.status("t").is_some_and(told)
        });
        assert!(self.get("/v1/tables/t/entries/b").is_none_or(|text| text == format!("\"{}\"", self.good)));
        self.await_good();
    }

    /// Changes the table `d`, and waits for it.
    fn renew_directory(&mut self) {
        let value = self.good;
        self.daemon.write("d/one.toml", &format!("x = {value}\n"));
        self.until("the directory is read", |life| {
            life.get("/v1/tables/d/entries/x").is_some_and(|text| text == value.to_string())
        });
    }

    /// Asks for a reload by hand until one succeeds.
    fn reload(&mut self) {
        self.until("a reload by hand succeeds", |life| {
            let json = [("Content-Type", "application/json")];
            let answer = try_ask(life.daemon.address("admin"), "POST", "/v1/tables/t/reload", &json, "");
            answer.is_ok_and(|answer| answer.status == 200)
        });
    }

    /// Adds a table and takes it away again. A configuration that could not be taken is written again, as one does.
    fn reconfigure(&mut self) {
        for (with, name) in [(true, "a table is added"), (false, "a table is taken away")] {
            let mut since = None;
            self.until(name, |life| {
                let now = Instant::now();
                if since.is_none_or(|since: Instant| now - since > Duration::from_secs(3)) {
                    let comment = format!("# {:?}\n", (with, since.is_some(), now));
                    life.daemon.write("c.toml", &(comment + CONFIG + if with { MORE } else { "" }));
                    since = Some(now);
                }
                let tables = life.get("/v1/tables");
                tables.is_some_and(|tables| tables.contains("\"name\":\"more\"") == with)
            });
        }
    }

    /// Asks the daemon to end, and sees that it does.
    pub(crate) fn finish(mut self) -> TempDir {
        self.daemon.signal("TERM");
        let status = self.daemon.end();
        assert!(status.success(), "{status}:\n{}", self.daemon.log());
        self.daemon.into_dir()
    }

    /// The whole life, from when the daemon is up.
    pub(crate) fn go_on(mut self) {
        self.await_good();
        self.renew();
        self.spoil();
        self.renew();
        self.renew_directory();
        self.reload();
        self.reconfigure();
        self.renew();
        self.finish();
    }
}
