//! The daemon is killed at any moment. It keeps nothing but what is on disk, and starts again with that.

use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::life::{Life, home, rows};
use crate::scale::{Scale, Stop, have_strace, sweep};
use crate::trace::{Fault, calls};

/// The call at which a thread is killed, and with it the daemon.
struct Case {
    /// The call.
    call: String,
    /// Which one of a thread, from one.
    at: u32,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:signal=SIGKILL:when={}", self.call, self.at)
    }
}

/// Replaces the table again and again, sometimes by a bad version, until told to stop. Returns the last version, which is
/// good.
fn replace(path: &std::path::Path, stop: &AtomicBool, done: &AtomicU32) -> u32 {
    let beside = path.with_file_name("beside~");
    let put = |text: &str| {
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, path).unwrap();
    };
    let mut version = 0;
    loop {
        version += 1;
        put("k,v\na\n");
        thread::sleep(Duration::from_millis(2));
        put(&rows(version));
        done.store(version, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) {
            return version;
        }
        thread::sleep(Duration::from_millis(13));
    }
}

/// Starts the daemon anew where one was killed, and sees that it has what is on disk and lives.
fn rise(dir: TempDir, good: u32) -> TempDir {
    let mut life = Life::begin(dir, &[], good);
    assert!(life.is_up(), "it does not start again:\n{}", life.daemon.log());
    life.await_good();
    life.renew();
    life.finish()
}

/// Has a daemon killed at a call while its table is replaced; tells whether it was.
fn die(case: &Case) -> bool {
    let fault = Fault::new(&case.call, &format!("signal=SIGKILL:when={}", case.at));
    let mut life = fault.begin(home());
    let (path, stop, done) = (life.daemon.path("t.csv"), AtomicBool::new(false), AtomicU32::new(0));
    let (dir, good) = thread::scope(|scope| {
        let (stopping, replacing) = (Stop(&stop), scope.spawn(|| replace(&path, &stop, &done)));
        while life.daemon.ended().is_none() && done.load(Ordering::Relaxed) < 40 {
            // It may end in the middle of an answer.
            let _ = life.status("t");
            thread::sleep(Duration::from_millis(10));
        }
        if life.daemon.ended().is_none() {
            life.daemon.signal("TERM");
        }
        let dir = life.daemon.into_dir();
        drop(stopping);
        (dir, replacing.join().unwrap())
    });
    rise(dir, good);
    fault.happened()
}

#[test]
fn daemon_killed_at_any_system_call_starts_again_with_what_is_on_disk() {
    if !have_strace() {
        return;
    }
    let most = u32::try_from(Scale::get().choose(5, 10, 60)).unwrap();
    let calls = calls().into_iter().filter(|(call, _)| call != "execve");
    let cases = calls.flat_map(|(call, count)| (1..=count.min(most)).map(move |at| Case { call: call.clone(), at }));
    let killed = sweep(cases.collect(), Scale::get().choose(6, 80, usize::MAX), die);
    let hit = killed.iter().filter(|&&killed| killed).count();
    println!("{hit} of {} were killed, the others had no such call", killed.len());
    assert!(hit > 0);
}

#[test]
fn daemon_killed_while_its_files_are_replaced_starts_again_with_the_last() {
    let rounds = Scale::get().choose(3, 15, 100);
    let (mut dir, mut pause) = (home(), 0);
    for _ in 0..rounds {
        let mut life = Life::begin(dir, &[], 0);
        let (path, stop, done) = (life.daemon.path("t.csv"), AtomicBool::new(false), AtomicU32::new(0));
        pause = (pause + 37) % 100;
        let (left, good) = thread::scope(|scope| {
            let (stopping, replacing) = (Stop(&stop), scope.spawn(|| replace(&path, &stop, &done)));
            // It may be bad at the start, which then fails; or be killed before, while or after it loads.
            thread::sleep(Duration::from_millis(pause));
            if life.daemon.ended().is_none() {
                life.daemon.signal("KILL");
            }
            let left = life.daemon.into_dir();
            drop(stopping);
            (left, replacing.join().unwrap())
        });
        dir = rise(left, good);
        // Where `rise` left off.
        fs::write(dir.path().join("t.csv"), rows(0)).unwrap();
    }
}
