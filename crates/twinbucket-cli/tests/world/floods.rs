//! Floods of requests, sensible and senseless, while the table is replaced.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::daemon::try_connect;
use crate::level::Level;
use crate::life::Life;
use crate::scale::{Scale, Stop};

/// Requests that are sent at once.
const AT_ONCE: usize = 64;

/// Clients of each kind.
const CLIENTS: usize = 3;

/// Asks for the entry `a` again and again until told to stop, many times at once; returns how many answers came.
///
/// The values must be versions that were written, and never an older one after a newer.
fn flood(address: SocketAddr, request: &str, mark: &str, stop: &AtomicBool) -> u64 {
    let mut stream = try_connect(address).unwrap();
    let (requests, mut text, mut newest, mut answers) = (request.repeat(AT_ONCE), String::new(), 0, 0);
    let mut piece = [0; 16 << 10];
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(requests.as_bytes()).unwrap();
        let mut missing = AT_ONCE;
        while missing > 0 {
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "closed in the middle of a flood, after {text:?}");
            text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
            // A value is whole once what follows it is there.
            while let Some((value, rest)) = text.split_once(mark).and_then(|(_, rest)| {
                let length = rest.find(|c: char| !c.is_ascii_digit())?;
                Some((rest[..length].parse::<u32>().unwrap(), rest[length..].to_owned()))
            }) {
                assert!(value >= newest, "{value} after {newest}");
                newest = value;
                text = rest;
                missing -= 1;
                answers += 1;
            }
        }
    }
    answers
}

/// Sends nonsense on new connections until told to stop; returns how many.
fn babble(address: SocketAddr, stop: &AtomicBool) -> u64 {
    let nonsense: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"*99999999\r\n$3\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/tables/t/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"\0\0\0\0\0\0\0\0",
        b"*1\r\n$-5\r\n",
    ];
    let mut count = 0;
    for bytes in nonsense.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Ok(mut stream) = try_connect(address) else { continue };
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        // What becomes of it does not matter.
        let _ = stream.write_all(bytes).and_then(|()| stream.read(&mut [0; 512]));
        count += 1;
    }
    count
}

#[test]
fn floods_of_requests_are_answered_with_ever_newer_versions_and_leave_nothing() {
    let mut life = Life::start(&[], &[]);
    life.await_good();
    let before = Level::of(&life.daemon);
    let (http, resp) = (life.daemon.address("http"), life.daemon.address("resp"));
    let stop = AtomicBool::new(false);
    let (asked, babbled) = thread::scope(|scope| {
        let (stop, stopping) = (&stop, Stop(&stop));
        let mut floods = Vec::new();
        for _ in 0..CLIENTS {
            let request = "GET /v1/tables/t/entries/a HTTP/1.1\r\nHost: x\r\n\r\n";
            floods.push(scope.spawn(move || flood(http, request, "\r\n\r\n\"", stop)));
            floods.push(scope.spawn(move || flood(resp, "*2\r\n$4\r\nMGET\r\n$1\r\na\r\n", "*1\r\n$1\r\n", stop)));
        }
        let babbles: Vec<_> = [http, resp].map(|address| scope.spawn(move || babble(address, stop))).into();
        // One digit each: an answer begins in the same way all along.
        for _ in 0..9.min(Scale::get().choose(4, 9, 9)) {
            life.renew();
            thread::sleep(Duration::from_millis(Scale::get().choose(50, 400, 2000) as u64));
        }
        drop(stopping);
        let sum = |threads: Vec<thread::ScopedJoinHandle<'_, u64>>| -> u64 {
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        };
        (sum(floods), sum(babbles))
    });
    println!("{asked} requests and {babbled} times nonsense");
    assert!(asked > 1000 && babbled > 10, "{asked} requests and {babbled} times nonsense");
    before.await_return(&life.daemon, 32 << 10);
    life.go_on();
}
