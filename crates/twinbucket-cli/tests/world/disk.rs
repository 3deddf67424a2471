//! What the daemon writes cannot be written: its log and its lists of pins, on a disk that is full or to somebody who does
//! not read.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::life::{Life, home};
use crate::scale::{have_strace, is_root, skip};
use crate::trace::{Fault, strace};

/// The system's flag not to wait for room in a pipe, `O_NONBLOCK`.
const NONBLOCK: i32 = 0o4000;

/// Runs the program with its standard error in a file that the variable `LOG` names.
const INTO_LOG: &str = "exec \"$0\" \"$@\" 2>>\"$LOG\"";

/// The words that send the log into a file.
fn log_into(file: &str) -> [String; 4] {
    ["env".into(), format!("LOG={file}"), "sh".into(), "-c".into()]
}

/// Starts a life that logs into a file.
fn start(file: &str, flags: &[&str]) -> Life {
    let words = log_into(file);
    let words: Vec<&str> = words.iter().map(String::as_str).chain([INTO_LOG]).collect();
    Life::start(&words, flags)
}

/// How many log lines a daemon says that it lost.
fn lost(life: &Life) -> u64 {
    let metrics = life.get("/metrics").expect("it answers");
    let line = metrics.lines().find_map(|line| line.strip_prefix("twinbucket_log_lines_lost_total "));
    line.expect("it counts them").parse().unwrap()
}

/// Lives with a log of which every line is lost.
fn live_without_log(mut life: Life) {
    life.await_good();
    life.renew();
    life.spoil();
    life.renew();
    // One for each load at least.
    assert!(lost(&life) >= 3, "{}", lost(&life));
    life.go_on();
}

#[test]
fn log_lines_that_a_full_disk_refuses_are_dropped_and_counted() {
    live_without_log(start("/dev/full", &["--log-level", "debug"]));
}

#[test]
fn log_lines_whose_reader_is_gone_are_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = fifo(&dir);
    // With a reader there is a writer at once; then the reader goes.
    let reader = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let life = start(fifo.to_str().unwrap(), &["--log-level", "debug"]);
    drop(reader);
    live_without_log(life);
}

#[test]
fn log_that_nobody_reads_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = fifo(&dir);
    let mut reader = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let mut life = start(fifo.to_str().unwrap(), &["--log-level", "debug"]);
    let mut filler = OpenOptions::new().write(true).custom_flags(NONBLOCK).open(&fifo).unwrap();
    while filler.write_all(&[b'.'; 4096]).is_ok() {}
    life.renew();
    life.spoil();
    life.renew();
    assert!(lost(&life) >= 3, "{}", lost(&life));
    let reading = thread::spawn(move || {
        let (mut text, mut piece) = (String::new(), [0; 4096]);
        while !text.contains("stopped") {
            let count = reader.read(&mut piece).unwrap();
            text.push_str(std::str::from_utf8(&piece[..count]).unwrap().trim_matches('.'));
        }
        text
    });
    life.go_on();
    let text = reading.join().unwrap();
    assert!(text.lines().any(|line| line.contains("loaded")), "nothing is written any more: {text}");
}

/// Makes a FIFO.
fn fifo(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("log");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[test]
fn log_line_that_fails_with_an_error_of_the_device_is_dropped() {
    if !have_strace() {
        return;
    }
    for error in ["EIO", "EINTR", "ENOSPC", "EDQUOT"] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let fault = Fault::new("write", &format!("error={error}:when=1+2"));
        let log = log.to_str().unwrap();
        let wrapper = ["env", &format!("LOG={log}"), "sh", "-c", INTO_LOG];
        let mut life = fault.begin_within(home(), &["-P", log], &wrapper);
        assert!(life.is_up(), "{error}: it ended: {}", fs::read_to_string(log).unwrap());
        life.go_on();
        assert!(fault.happened(), "{error}: no line was refused");
    }
}

/// A small file system in memory, for as long as this lives.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// Mounts one of 256 KiB, if that is allowed.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(dir.path()).status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self(dir));
        }
        skip("a tmpfs may not be mounted here");
        None
    }

    /// Takes all the room there is; the file to delete.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filling");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
        path
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").args(["-l".as_ref(), self.0.path()]).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || thread::panicking());
    }
}

/// Tells whether a file has a line with that text.
fn has_line(file: &Path, text: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|log| log.lines().any(|line| line.contains(text)))
}

#[test]
fn full_tmpfs_costs_lines_and_lists_and_nothing_else() {
    if !is_root() {
        return;
    }
    let Some(disk) = Tmpfs::mount() else { return };
    let (log, pins) = (disk.0.path().join("log"), disk.0.path().join("pins"));
    let config = home();
    // A version that a stream holds for long is listed in a file.
    let text = fs::read_to_string(config.path().join("c.toml")).unwrap();
    let dump = format!("after = \"100ms\", dump = {:?}", pins.display().to_string());
    fs::write(config.path().join("c.toml"), text.replacen("after = \"10m\"", &dump, 1)).unwrap();
    let words = log_into(log.to_str().unwrap());
    let words: Vec<&str> = words.iter().map(String::as_str).chain([INTO_LOG]).collect();
    let mut life = Life::begin(config, &words, 0);
    assert!(life.is_up(), "it ended");
    life.await_good();
    assert!(has_line(&log, "serving"));
    let filling = disk.fill();
    // What was streamed is held for a while, in case the stream is gone on with.
    life.renew();
    assert!(life.get("/v1/tables/t/entries").is_some());
    life.renew();
    life.until("a list of pins could not be written", |life| {
        let metrics = life.get("/metrics").unwrap_or_default();
        metrics
            .lines()
            .any(|line| line.starts_with("twinbucket_pin_list_failures_total{table=\"t\"") && !line.ends_with(" 0"))
    });
    // The last page of the log has room for some more.
    for _ in 0..100 {
        if lost(&life) > 0 {
            break;
        }
        life.renew();
    }
    assert!(lost(&life) > 0, "the disk is not full");
    life.spoil();
    life.renew();
    assert!(!pins.exists() || fs::metadata(&pins).unwrap().len() > 0, "an empty list was left");
    fs::remove_file(filling).unwrap();
    life.renew();
    let generation = life.status("t").unwrap()["generation"].to_string();
    life.until("lines are written again", |_| has_line(&log, &format!("generation={generation}")));
    life.go_on();
}

#[test]
fn result_that_the_disk_refuses_is_told_and_the_one_before_stays() {
    if !have_strace() {
        return;
    }
    for (call, error) in [("fsync", "EIO"), ("fsync", "ENOSPC"), ("rename", "EIO"), ("rename", "ENOSPC")] {
        let dir = tempfile::tempdir().unwrap();
        let (result, trace) = (dir.path().join("result.json"), dir.path().join("trace"));
        fs::write(&result, "before").unwrap();
        let inject = format!("inject={call}:error={error}");
        let mut words = strace(&trace, &["-e", &inject]);
        words.extend([env!("CARGO_BIN_EXE_twinbucket"), "--seconds", "0.1", "--json"]);
        let output = Command::new(words[0]).args(&words[1..]).arg(&result).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{call} {error}: {said}");
        assert!(said.contains("cannot write the JSON file"), "{call} {error}: {said}");
        assert_eq!(fs::read_to_string(&result).unwrap(), "before", "{call} {error}");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{call} {error}: {left:?}");
    }
}
