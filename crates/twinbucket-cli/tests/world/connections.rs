//! Very many connections at once, and very many that come at once.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use crate::daemon::try_connect;
use crate::level::Level;
use crate::life::Life;
use crate::scale::Scale;

/// Memory that may stay after all connections are gone, in KiB.
const MORE: u64 = 12 << 10;

/// Threads that connect.
const HANDS: usize = 4;

/// Raises the limit of open files of this process as far as it goes, and returns it.
fn raise_limit() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("Linux names it so");
    let hard: usize = line.split_whitespace().nth(4).unwrap().parse().unwrap_or(1 << 20);
    let pid = process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={hard}:{hard}")]).status();
    assert!(raised.is_ok_and(|status| status.success()), "prlimit is of util-linux");
    hard
}

/// Sends a request over a connection that stays, and checks the answer.
fn ask(stream: &mut TcpStream, is_http: bool, value: u32) {
    let (request, end) = match is_http {
        true => ("GET /v1/tables/t/entries/a HTTP/1.1\r\nHost: x\r\n\r\n", format!("\r\n\r\n\"{value}\"")),
        false => ("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", format!("\r\n{value}\r\n")),
    };
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(end.as_bytes()) {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend(&piece[..count]);
    }
}

#[test]
fn ten_thousand_connections_are_served_and_leave_nothing() {
    let wanted = Scale::get().choose(1000, 10_000, 10_000);
    let count = wanted.min(raise_limit().saturating_sub(500));
    if count < wanted {
        eprintln!("only {count} connections instead of {wanted}: the hard limit of open files allows no more");
    }
    let flags = ["--max-connections=20000", "--resp-max-connections=20000", "--idle-timeout=10m"];
    let mut life = Life::start(&["sh", "-c", "ulimit -n $(ulimit -Hn) && exec \"$0\" \"$@\""], &flags);
    life.await_good();
    let before = Level::of(&life.daemon);
    for _ in 0..2 {
        let (http, resp) = (life.daemon.address("http"), life.daemon.address("resp"));
        let good = life.good;
        let connect = |at: usize| {
            let mut stream = try_connect(if at % 2 == 0 { http } else { resp }).unwrap();
            ask(&mut stream, at % 2 == 0, good);
            stream
        };
        let mut clients: Vec<Vec<TcpStream>> = thread::scope(|scope| {
            let hands = (0..HANDS).map(|_| scope.spawn(|| (0..count / HANDS).map(connect).collect()));
            hands.collect::<Vec<_>>().into_iter().map(|hand| hand.join().unwrap()).collect()
        });
        let crowded = Level::of(&life.daemon);
        assert!(crowded.descriptors >= count / HANDS * HANDS, "{crowded:?}");
        assert_eq!(crowded.threads, before.threads);
        life.renew();
        for clients in &mut clients {
            for (at, client) in clients.iter_mut().enumerate() {
                ask(client, at % 2 == 0, life.good);
            }
        }
        drop(clients);
        // What they had is given back a little later.
        let after = before.await_return(&life.daemon, MORE);
        println!("{count} connections: from {before:?} to {crowded:?} and back to {after:?}");
    }
    life.go_on();
}

#[test]
fn burst_of_connections_while_the_daemon_stands_still_is_not_turned_away() {
    let most = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    let count = 1000.min(raise_limit() - 200).min(most);
    let mut life = Life::start(&[], &["--max-connections=5000"]);
    life.await_good();
    let before = Level::of(&life.daemon);
    life.daemon.signal("STOP");
    // The system takes them for the daemon. One that is turned away would come again after a second.
    let connect = |_| TcpStream::connect_timeout(&life.daemon.address("http"), Duration::from_millis(900)).unwrap();
    let mut clients: Vec<TcpStream> = (0..count).map(connect).collect();
    life.daemon.signal("CONT");
    clients.iter_mut().for_each(|client| ask(client, true, life.good));
    drop(clients);
    before.await_return(&life.daemon, MORE);
    life.go_on();
}
