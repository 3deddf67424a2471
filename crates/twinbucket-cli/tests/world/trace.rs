//! Which system calls a life takes, as strace sees them, and how to have one fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::daemon::SOON;
use crate::life::{Life, home};

/// How many calls of each name a thread made, at most: strace counts them by thread.
pub(crate) fn calls() -> BTreeMap<String, u32> {
    let aside = tempfile::tempdir().unwrap();
    let file = aside.path().join("trace");
    let mut life = Life::begin(home(), &strace(&file, &[]), 0);
    assert!(life.is_up(), "it ended:\n{}", life.daemon.log());
    life.go_on();
    let (text, mut counts) = (await_end(&file), BTreeMap::<(&str, &str), u32>::new());
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            *counts.entry((thread, name)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::<String, u32>::new();
    for ((_, name), count) in counts {
        let most = most.entry(name.to_owned()).or_default();
        *most = (*most).max(count);
    }
    most
}

/// The words that run a program under strace, which writes to `file` and leaves the process its place.
pub(crate) fn strace<'a>(file: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let file = file.to_str().expect("it is a name of ours");
    [&["strace", "-D", "-f", "-q", "-o", file], more].concat()
}

/// A fault: what strace is told about a call.
pub(crate) struct Fault {
    /// The call.
    trace: String,
    /// What becomes of it.
    inject: String,
    /// Where the trace goes; out of the way of what is watched.
    aside: TempDir,
}

impl Fault {
    /// Has `call` end as `how` says, in strace's words.
    pub(crate) fn new(call: &str, how: &str) -> Self {
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{how}"));
        Self { trace, inject, aside: tempfile::tempdir().unwrap() }
    }

    /// Starts a life that has it.
    pub(crate) fn begin(&self, dir: TempDir) -> Life {
        self.begin_within(dir, &[], &[])
    }

    /// As [`begin`](Self::begin), with more flags of strace and by way of another program.
    pub(crate) fn begin_within(&self, dir: TempDir, more: &[&str], wrapper: &[&str]) -> Life {
        let file = self.aside.path().join("trace");
        let faults = [more, &["-e", &self.trace, "-e", &self.inject], wrapper].concat();
        Life::begin(dir, &strace(&file, &faults), 0)
    }

    /// Tells whether it happened, once the life is over.
    pub(crate) fn happened(&self) -> bool {
        let text = await_end(&self.aside.path().join("trace"));
        text.contains("(INJECTED)") || text.contains("+++ killed by SIGKILL +++")
    }
}

/// The trace, once strace, which ends a little later than the daemon, has written all of it.
fn await_end(file: &Path) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        let end = text.lines().last().unwrap_or_default();
        if end.contains("+++ exited with") || end.contains("+++ killed by") {
            return text;
        }
        assert!(Instant::now() < deadline, "strace does not end, but with {end:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
