//! Steps of the wall clock, which `libfaketime` makes for the daemon alone.

use std::fs;
use std::path::PathBuf;

use crate::daemon::{Daemon, directory, program};

/// The library, if it is installed (Debian's package faketime).
fn library() -> Option<PathBuf> {
    let all = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    let found = all.into_iter().find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "libfaketime is missing: install Debian's package faketime");
        eprintln!("skipped: libfaketime is not installed (Debian's package faketime has it)");
    }
    found
}

#[test]
fn steps_of_the_clock_neither_stall_a_table_nor_make_it_stale() {
    let Some(library) = library() else { return };
    let dir = directory(&[("t.csv", "k,v\na,0\n"), ("clock", "+0")]);
    let mut command = program(&dir, &["--table", "t=t.csv"]);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", dir.path().join("clock"));
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let daemon = Daemon::run(dir, command);
    let seen = |status: &serde_json::Value| status["last_success"].to_string();
    let mut before = seen(&daemon.status("t"));
    for (value, step) in ["+400d", "-400d", "+3s", "-3s", "+0"].into_iter().enumerate() {
        daemon.write("clock", step);
        daemon.write("t.csv", &format!("k,v\na,{}\n", value + 1));
        let generation = value as u64 + 2;
        let status = daemon.await_status("t", |status| status["generation"] == generation);
        assert_eq!(daemon.get("/v1/tables/t/entries/a").text(), format!("\"{}\"", value + 1));
        assert_eq!(status["state"], "READY", "{step}: {status}");
        let age = status["age_seconds"].as_f64().unwrap_or_else(|| panic!("no age in {status}"));
        assert!((0.0..30.0).contains(&age), "{step}: {status}");
        assert_ne!(seen(&status), before, "the daemon has not seen the step {step}");
        before = seen(&status);
    }
}
