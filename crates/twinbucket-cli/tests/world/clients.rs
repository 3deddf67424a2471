//! Clients that are slow, say half of something, do not read, or go away in the middle.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::{SOON, try_connect};
use crate::level::Level;
use crate::life::Life;
use crate::scale::Scale;

/// Limits that a test can wait for.
const SHORT: &[&str] = &[
    "--header-timeout=500ms",
    "--body-timeout=500ms",
    "--idle-timeout=700ms",
    "--write-timeout=500ms",
    "--resp-request-timeout=500ms",
    "--resp-idle-timeout=700ms",
    "--resp-write-timeout=500ms",
];

/// Memory that may stay after all clients are gone, in KiB.
const MORE: u64 = 32 << 10;

/// What clients begin with, by protocol; after that, single bytes follow.
const BEGINNINGS: &[(&str, &str)] = &[
    ("http", ""),
    ("http", "GET /v1/tables/t/entries/a HT"),
    ("http", "GET /v1/tables/t/entries/a HTTP/1.1\r\nHost: x\r\nX: "),
    ("http", "POST /v1/tables/t/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n[\""),
    ("admin", "POST /v1/tables/t/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Ty"),
    ("resp", ""),
    ("resp", "*2\r\n$3\r\nGET\r\n$1000\r\n"),
    ("resp", "*1000\r\n$3\r\nGET\r\n$1"),
    ("resp", "GET "),
];

/// Connects clients, each with one of the beginnings.
fn connect(life: &Life, count: usize) -> Vec<TcpStream> {
    let client = |&(protocol, beginning): &(&str, &str)| {
        let mut stream = try_connect(life.daemon.address(protocol)).unwrap();
        // One that may not be served is closed at once.
        let _ = stream.write_all(beginning.as_bytes());
        stream
    };
    BEGINNINGS.iter().cycle().take(count).map(client).collect()
}

/// Tells whether the other side has closed a connection; takes in what it says before that.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut sink = [0; 4096];
    loop {
        match stream.read(&mut sink) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

/// Waits until the daemon has closed all connections; `nudge` does something with each meanwhile.
fn await_closed(life: &mut Life, mut clients: Vec<TcpStream>, mut nudge: impl FnMut(&mut TcpStream)) {
    let deadline = Instant::now() + SOON;
    while !clients.is_empty() {
        clients.iter_mut().for_each(&mut nudge);
        clients.retain_mut(|client| !is_closed(client));
        assert!(Instant::now() < deadline, "{} clients are still there", clients.len());
        life.await_good();
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn clients_that_send_a_byte_now_and_then_are_cut_off() {
    let mut life = Life::start(&[], SHORT);
    life.await_good();
    let before = Level::of(&life.daemon);
    for _ in 0..Scale::get().choose(1, 2, 10) {
        let clients = connect(&life, 300);
        life.renew();
        // To one that is closed already, nothing can be sent.
        await_closed(&mut life, clients, |client| _ = client.write(b"x"));
        before.await_return(&life.daemon, MORE);
    }
    life.go_on();
}

#[test]
fn clients_that_say_half_and_close_their_side_or_vanish_leave_nothing() {
    let mut life = Life::start(&[], SHORT);
    life.await_good();
    let before = Level::of(&life.daemon);
    for round in 0..Scale::get().choose(2, 6, 20) {
        let clients = connect(&life, 300);
        life.renew();
        if round % 2 == 0 {
            for client in &clients {
                // Not if it is closed already.
                let _ = client.shutdown(Shutdown::Write);
            }
            await_closed(&mut life, clients, |_| ());
        } else {
            // Where something was answered and not read, the connection is reset.
            drop(clients);
        }
        before.await_return(&life.daemon, MORE);
    }
    life.go_on();
}

#[test]
fn clients_that_ask_and_do_not_read_are_cut_off() {
    let mut life = Life::start(&[], SHORT);
    life.await_good();
    let before = Level::of(&life.daemon);
    let asking = |(protocol, request): (&str, String)| {
        let mut stream = try_connect(life.daemon.address(protocol)).unwrap();
        stream.set_nonblocking(true).unwrap();
        let piece = request.repeat(100);
        let (mut sent, deadline) = (0_usize, Instant::now() + SOON);
        // Until the daemon takes no more, or has enough of it.
        loop {
            match stream.write(&piece.as_bytes()[sent % request.len()..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(20));
                    if !matches!(stream.write(&piece.as_bytes()[sent % request.len()..][..1]), Ok(1)) {
                        break;
                    }
                    sent += 1;
                }
                Err(_) => break,
            }
            assert!(Instant::now() < deadline, "{protocol}: it takes everything");
        }
        stream
    };
    let http = || ("http", "GET /v1/tables HTTP/1.1\r\nHost: x\r\n\r\n".to_owned());
    let redis = || ("resp", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n".to_owned());
    let clients: Vec<_> = [http(), redis(), http(), redis()].into_iter().map(asking).collect();
    life.renew();
    // They are not read from here either: the daemon's side must go by itself.
    before.await_return(&life.daemon, MORE);
    drop(clients);
    life.go_on();
}
