//! Steps of the wall clock, which `libfaketime` makes for the daemon alone, while its table is replaced by files whose
//! time stamps step as well.

use std::fs::{self, FileTimes};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::level::Level;
use crate::life::{Life, rows};
use crate::scale::{Scale, skip};

/// The library, if it is installed.
fn library() -> Option<PathBuf> {
    let all = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    let found = all.into_iter().find(|path| path.exists());
    if found.is_none() {
        skip("libfaketime is not installed (Debian's package faketime has it)");
    }
    found
}

#[test]
fn steps_of_the_clock_leave_the_table_the_last_good_one() {
    let Some(library) = library() else { return };
    let aside = tempfile::tempdir().unwrap();
    let clock = aside.path().join("clock");
    fs::write(&clock, "+0").unwrap();
    let settings = [
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    let wrapper: Vec<&str> = ["env"].into_iter().chain(settings.iter().map(String::as_str)).collect();
    let mut life = Life::start(&wrapper, &["--log-level", "debug"]);
    life.await_good();
    let before = Level::of(&life.daemon);
    let steps = ["+400d", "-400d", "+3s", "-3s", "+20000d", "-20000d", "+0"];
    let seen = |life: &Life| life.status("t").map(|status| status["last_success"].to_string());
    for round in 0..Scale::get().choose(1, 3, 20) {
        for (at, step) in steps.into_iter().enumerate() {
            let last = seen(&life);
            fs::write(&clock, step).unwrap();
            // Of the file as well, and with a size that says nothing.
            life.good += 1;
            let beside = life.daemon.path("beside~");
            fs::write(&beside, rows(life.good)).unwrap();
            let days = Duration::from_secs(86_400 * 300);
            let time = if at % 2 == 0 { SystemTime::now() + days } else { SystemTime::now() - days };
            fs::File::options()
                .write(true)
                .open(&beside)
                .unwrap()
                .set_times(FileTimes::new().set_modified(time))
                .unwrap();
            fs::rename(beside, life.daemon.path("t.csv")).unwrap();
            life.await_good();
            life.until("the step is seen", |life| seen(life) != last);
            let status = life.status("t").unwrap();
            let age = status["age_seconds"].as_f64().unwrap();
            assert!(status["state"] == "READY" && (0.0..30.0).contains(&age), "round {round}, {step}: {status}");
            life.spoil();
        }
    }
    life.renew();
    before.await_return(&life.daemon, 16 << 10);
    life.go_on();
}
