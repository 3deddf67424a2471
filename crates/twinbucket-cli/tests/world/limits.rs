//! The system has no more descriptors or threads to give.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::{SOON, ask, try_connect};
use crate::level::Level;
use crate::life::{Life, home, rows};
use crate::remote::Server;
use crate::scale::{Scale, have_strace, is_root, skip, sweep};
use crate::trace::Fault;

/// Memory that may stay after something is over, in KiB.
const MORE: u64 = 16 << 10;

#[test]
fn daemon_without_descriptors_answers_again_when_it_has_some() {
    let mut life = Life::start(&["sh", "-c", "ulimit -n 64 && exec \"$0\" \"$@\""], &[]);
    life.await_good();
    let before = Level::of(&life.daemon);
    for protocol in ["http", "resp"] {
        // The system takes these connections, and the daemon cannot.
        let waiting: Vec<TcpStream> = (0..100).map(|_| try_connect(life.daemon.address(protocol)).unwrap()).collect();
        thread::sleep(Duration::from_millis(200));
        let crowded = Level::of(&life.daemon);
        assert!(crowded.descriptors >= 60, "{protocol}: {crowded:?} after {before:?}");
        // What is replaced meanwhile cannot be opened; the feed says so, or is lucky.
        life.daemon.write("t.csv", &rows(life.good + 1));
        thread::sleep(Duration::from_millis(200));
        drop(waiting);
        life.good += 1;
        life.await_good();
        before.await_return(&life.daemon, MORE);
    }
    life.go_on();
}

/// Tells whether a daemon answers a connection soon.
fn answers(life: &Life) -> bool {
    let ask = || {
        let mut stream = try_connect(life.daemon.address("http"))?;
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
        stream.read(&mut [0; 64])
    };
    ask().is_ok_and(|count| count > 0)
}

#[test]
fn start_with_too_few_descriptors_is_told() {
    let run = |count: &u32| {
        let limit = format!("ulimit -n {count} && exec \"$0\" \"$@\"");
        let mut life = Life::begin(home(), &["sh", "-c", &limit], 0);
        let deadline = Instant::now() + SOON;
        // With none left over, it cannot take a connection.
        let is_deaf = |life: &Life| life.daemon.log().contains("cannot accept connections");
        while life.daemon.ended().is_none() && !is_deaf(&life) && !answers(&life) {
            assert!(Instant::now() < deadline, "it says nothing:\n{}", life.daemon.log());
            thread::sleep(Duration::from_millis(10));
        }
        let is_refused = life.daemon.ended().is_some();
        if is_refused {
            life.assert_refused()
        } else {
            drop(life.finish())
        }
        is_refused
    };
    let refused = sweep((3..=40).collect(), Scale::get().choose(6, 12, usize::MAX), run);
    assert!(refused.contains(&true), "it starts with any number of descriptors");
}

#[test]
fn start_without_threads_is_refused_with_a_reason() {
    if !have_strace() {
        return;
    }
    // By their order: the runtime's two, then those that open tables, then the one for the configuration.
    for first in 1..=6 {
        let fault = Fault::new("clone3", &format!("error=EAGAIN:when={first}+"));
        let mut life = fault.begin(home());
        if life.is_up() {
            assert!(first > 2, "it serves without threads");
            life.await_good();
            life.finish();
        } else {
            life.assert_refused();
        }
        assert!(fault.happened() || first > 3);
    }
}

/// The user that a daemon runs as, with no other process.
const USER: &str = "61234";

/// Words that run a program as that user.
const AS_USER: [&str; 6] = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"];

/// Sets how many threads the user of a daemon may have.
fn limit_threads(life: &Life, threads: &str) {
    let pid = life.daemon.pid().to_string();
    let (set, arguments) = (&AS_USER[1..], ["prlimit", "--pid", &pid, &format!("--nproc={threads}:")]);
    let set = Command::new(AS_USER[0]).args(set).args(arguments).status();
    assert!(set.is_ok_and(|status| status.success()), "setpriv and prlimit are of util-linux");
}

#[test]
fn threads_that_run_out_are_told_and_got_over() {
    if !is_root() {
        return;
    }
    let (dir, server) = (home(), Server::start());
    let config = fs::read_to_string(dir.path().join("c.toml")).unwrap() + &server.table();
    fs::write(dir.path().join("c.toml"), &config).unwrap();
    // The program may be where only root may look.
    let program = dir.path().join("twinbucket");
    fs::copy(env!("CARGO_BIN_EXE_twinbucket"), &program).unwrap();
    for path in [dir.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let shell =
        format!("shift; exec setpriv --reuid {USER} --regid {USER} --clear-groups {} \"$@\"", program.display());
    let mut life = Life::begin(dir, &["sh", "-c", &shell, "sh"], 0);
    if !life.is_up() {
        skip(&format!("a daemon cannot be another user here: {}", life.daemon.log()));
        return;
    }
    life.await_good();
    let before = Level::of(&life.daemon);
    limit_threads(&life, "1");
    // What has its thread goes on.
    life.renew();
    life.spoil();
    life.renew();
    // What needs a new one says that there is none.
    let json = [("Content-Type", "application/json")];
    let reload = |life: &Life| ask(life.daemon.address("admin"), "POST", "/v1/tables/t/reload", &json, "");
    assert_eq!(reload(&life).problem(503), "busy");
    life.until("the web server is not asked for want of a thread", |life| {
        life.get("/v1/tables/h").is_some_and(|text| text.contains("the host cannot be looked up"))
    });
    life.daemon.write("c.toml", &format!("{config}\n[[table]]\nname = \"more\"\nsource = \"t.csv\"\n"));
    life.until("the configuration is refused for want of a thread", |life| {
        life.get("/v1/tables").is_some_and(|text| text.contains("table more: cannot start a thread"))
    });
    life.await_good();
    // A directory that was away needs another watch, which is tried with each look, and must leave nothing behind.
    let (directory, away) = (life.daemon.path("d"), life.daemon.path("away"));
    fs::rename(&directory, &away).unwrap();
    life.until("the directory is missed", |life| life.status("d").is_some_and(|status| !status["error"].is_null()));
    fs::rename(&away, &directory).unwrap();
    life.until("the directory is there", |life| life.status("d").is_some_and(|status| status["error"].is_null()));
    let crowded = Level::of(&life.daemon);
    let looks = |life: &Life| life.status("d").map_or(0, |status| status["counts"]["attempts"].as_u64().unwrap());
    let enough = looks(&life) + 10;
    life.until("ten more looks", |life| looks(life) >= enough);
    let later = Level::of(&life.daemon);
    assert!(later.descriptors <= crowded.descriptors + 2, "descriptors leak: from {crowded:?} to {later:?}");
    limit_threads(&life, "1000");
    assert_eq!(reload(&life).status, 200);
    life.until("the web server is asked again", |life| {
        life.status("h").is_some_and(|status| status["error"].is_null())
    });
    life.daemon.write("c.toml", &config);
    before.await_return(&life.daemon, MORE);
    life.go_on();
}
