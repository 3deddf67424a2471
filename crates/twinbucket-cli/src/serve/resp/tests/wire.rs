//! The front end over TCP: limits, hostile input, clients that are slow, and the end.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::super::{RespLimits, Server, serve};
use super::{Memory, request};

/// How long anything may take at most, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server with tables in memory.
pub(super) struct Running {
    /// Its tables.
    pub(super) tables: Arc<Memory>,
    /// What its connections share.
    server: Arc<Server>,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Ends it.
    stop: CancellationToken,
    /// Runs it.
    runtime: Option<Runtime>,
    /// What it runs.
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    pub(super) fn new(tables: Memory, limits: RespLimits) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let (tables, server, stop) = (Arc::new(tables), Arc::new(Server::new(limits)), CancellationToken::new());
        let address = listener.local_addr().unwrap();
        let task = runtime.spawn(serve(listener, Arc::clone(&tables), Arc::clone(&server), stop.clone()));
        Self { tables, server, address, stop, runtime: Some(runtime), task: Some(task) }
    }

    fn small(limits: RespLimits) -> Self {
        Self::new(Memory::small(), limits)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes over a connection of its own, and returns all answers.
    fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let mut sender = stream.try_clone().unwrap();
        let bytes = bytes.to_vec();
        // Beside the reading: the server does not read while it waits for its answers to be taken.
        let sending = thread::spawn(move || {
            // It may cut us off before it has all.
            let _ = sender.write_all(&bytes);
            let _ = sender.shutdown(std::net::Shutdown::Write);
        });
        let answers = read_all(&mut stream);
        sending.join().unwrap();
        answers
    }

    /// Checks that it still answers.
    fn check_alive(&self) {
        assert_eq!(self.exchange(b"PING\r\n"), b"+PONG\r\n");
    }

    /// Waits until something is so.
    fn wait_until(&self, so: impl Fn(&Server) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(&self.server) {
            assert!(Instant::now() < end, "it never came to be");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.runtime.take().unwrap().shutdown_timeout(Duration::from_secs(1));
    }
}

/// Reads until the end; a connection that was reset has ended, too.
fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => bytes,
    }
}

/// Reads one line.
fn read_line(stream: &mut TcpStream) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while byte != *b"\n" {
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let running = Running::small(RespLimits::default());
    let count = 20_000;
    let bytes = [request(&["GET", "http"]), request(&["GET", "none"])].concat().repeat(count);
    assert_eq!(running.exchange(&bytes), b"$2\r\n80\r\n$-1\r\n".repeat(count));
    running.wait_until(|server| server.counts.commands.get() == 2 * count as u64);
}

#[test]
fn long_answers_are_sent_in_between_and_in_order() {
    let value = |at: usize| at.to_string().repeat(100_000);
    let fields: Vec<(String, String)> = (0..10).map(|at| (format!("k{at}"), value(at))).collect();
    let columns = crate::serve::row::Columns::new(["value"]);
    let row = |text: &str| crate::serve::row::Row::from_texts(&columns, [text]).unwrap();
    let table = fields.iter().map(|(key, text)| (key.clone(), row(text))).collect();
    let running = Running::new(Memory { tables: vec![("long".into(), table)], zones: None }, RespLimits::default());
    let asked: Vec<usize> = (0..200).map(|at| at * 7 % 10).collect();
    let bytes: Vec<u8> = asked.iter().flat_map(|at| request(&["GET", &format!("k{at}")])).collect();
    // A request that is not there as a whole comes after them.
    let answers = running.exchange(&[bytes, b"*1\r\n$4\r\nPI".to_vec()].concat());
    let expected: Vec<u8> = asked.iter().flat_map(|&at| format!("$100000\r\n{}\r\n", value(at)).into_bytes()).collect();
    assert!(answers == expected, "{} bytes", answers.len());
    running.wait_until(|server| server.counts.commands.get() == 200);
}

#[test]
fn request_may_come_byte_by_byte() {
    let running = Running::small(RespLimits::default());
    let mut stream = running.connect();
    stream.set_nodelay(true).unwrap();
    for byte in request(&["GET", "http"]) {
        stream.write_all(&[byte]).unwrap();
    }
    assert_eq!((read_line(&mut stream), read_line(&mut stream)), ("$2\r\n".to_owned(), "80\r\n".to_owned()));
}

#[test]
fn protocol_error_is_the_last_answer() {
    let running = Running::small(RespLimits::default());
    let answers = running.exchange(b"PING\r\n*1\r\n:1\r\nPING\r\n");
    assert_eq!(answers, b"+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
    running.check_alive();
    assert_eq!(running.server.counts.cut.get(), 1);
}

#[test]
fn announced_lengths_are_refused_at_once() {
    let running = Running::small(RespLimits::default());
    for header in ["*2147483647\r\n", "*1\r\n$536870912\r\n", "*1\r\n$9223372036854775807\r\n"] {
        let mut stream = running.connect();
        stream.write_all(header.as_bytes()).unwrap();
        assert!(read_line(&mut stream).starts_with("-ERR Protocol error: invalid"), "{header:?}");
    }
}

#[test]
fn nested_arrays_are_refused_at_their_first_byte() {
    let running = Running::small(RespLimits::default());
    let answers = running.exchange(&b"*1\r\n".repeat(100_000));
    assert_eq!(answers, b"-ERR Protocol error: expected '$', got '*'\r\n");
    running.check_alive();
}

#[test]
fn long_requests_are_refused() {
    let running = Running::small(RespLimits { request_bytes: 1000, arguments: 50, ..RespLimits::default() });
    let long = request(&["ECHO", &"x".repeat(980)]);
    assert_eq!(
        running.exchange(&long),
        b"-ERR Protocol error: a request has at most 1000 bytes; ask for fewer keys at once\r\n"
    );
    assert_eq!(running.exchange(&request(&["x"; 51])), b"-ERR Protocol error: invalid multibulk length\r\n");
    assert_eq!(running.exchange(&vec![b'x'; 100_000]), b"-ERR Protocol error: too big inline request\r\n");
}

#[test]
fn many_commands_at_once_are_refused() {
    let running = Running::small(RespLimits { pipeline: 100, ..RespLimits::default() });
    let answers = running.exchange(&b"PING\r\n".repeat(2000));
    assert!(answers.starts_with(b"+PONG\r\n"));
    assert!(answers.ends_with(b"-ERR more than 100 commands at once; wait for answers in between\r\n"));
    let mut stream = running.connect();
    for _ in 0..10 {
        stream.write_all(&b"PING\r\n".repeat(50)).unwrap();
        (0..50).for_each(|_| assert_eq!(read_line(&mut stream), "+PONG\r\n"));
    }
}

#[test]
fn connections_are_counted_and_refused() {
    let running = Running::small(RespLimits { connections: 2, ..RespLimits::default() });
    let mut first = running.connect();
    let second = running.connect();
    running.wait_until(|server| server.clients().len() == 2);
    assert_eq!(read_all(&mut running.connect()), b"-ERR max number of clients reached\r\n");
    first.write_all(b"PING\r\n").unwrap();
    assert_eq!(read_line(&mut first), "+PONG\r\n");
    drop(second);
    running.wait_until(|server| server.clients().len() == 1);
    running.check_alive();
    assert_eq!(running.server.counts.refused.get(), 1);
}

#[test]
fn client_that_says_nothing_is_cut_off() {
    let running = Running::small(RespLimits { idle_timeout: Duration::from_millis(50), ..RespLimits::default() });
    let mut stream = running.connect();
    stream.write_all(b"PING\r\n").unwrap();
    assert_eq!(read_all(&mut stream), b"+PONG\r\n");
}

#[test]
fn request_that_does_not_end_is_cut_off() {
    let running = Running::small(RespLimits { request_timeout: Duration::from_millis(100), ..RespLimits::default() });
    let mut stream = running.connect();
    stream.write_all(b"*2\r\n$3\r\nGET\r\n$100000\r\n").unwrap();
    // What comes in the meantime does not help.
    let mut dripping = stream.try_clone().unwrap();
    let dripping = thread::spawn(move || {
        // For longer than anybody waits for the answer.
        let end = Instant::now() + 2 * PATIENCE;
        while Instant::now() < end && dripping.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let answers = String::from_utf8(read_all(&mut stream)).unwrap();
    assert_eq!(answers, "-ERR the request did not arrive within 100ms; send it at once\r\n");
    stream.shutdown(std::net::Shutdown::Both).ok();
    dripping.join().unwrap();
}

#[test]
fn scan_goes_on_over_another_connection() {
    let running = Running::small(RespLimits::default());
    let (mut cursor, mut pages) = ("0".to_owned(), 0);
    loop {
        let answer = String::from_utf8(running.exchange(format!("SCAN {cursor} COUNT 1\r\n").as_bytes())).unwrap();
        assert!(answer.starts_with("*2\r\n"), "{answer}");
        cursor = answer.split("\r\n").nth(2).unwrap().to_owned();
        pages += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(pages, 4);
}

#[test]
fn client_that_takes_no_answers_is_cut_off() {
    let running = Running::small(RespLimits { write_timeout: Duration::from_millis(100), ..RespLimits::default() });
    let mut stream = running.connect();
    let mut sender = stream.try_clone().unwrap();
    let bytes = request(&["ECHO", &"x".repeat(10_000)]).repeat(100);
    let sending = thread::spawn(move || while sender.write_all(&bytes).is_ok() {});
    running.wait_until(|server| server.counts.cut.get() == 1);
    running.wait_until(|server| server.clients().is_empty());
    // Else the sender would wait for a window.
    let _ = stream.shutdown(std::net::Shutdown::Both);
    let _ = stream.read(&mut [0; 1]);
    sending.join().unwrap();
    running.check_alive();
}

#[test]
fn stop_answers_what_has_arrived_and_ends() {
    let mut running = Running::small(RespLimits::default());
    let (mut idle, mut busy) = (running.connect(), running.connect());
    busy.write_all(b"PING\r\n").unwrap();
    assert_eq!(read_line(&mut busy), "+PONG\r\n");
    running.wait_until(|server| server.clients().len() == 2);
    running.stop.cancel();
    let task = running.task.take().unwrap();
    let runtime = running.runtime.as_ref().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, task).await }).unwrap().unwrap();
    assert_eq!((read_all(&mut idle), read_all(&mut busy)), (vec![], vec![]));
    assert!(TcpStream::connect(running.address).is_err());
}

#[test]
fn request_cut_short_anywhere_is_answered_by_the_end() {
    let running = Running::small(RespLimits::default());
    let whole = [request(&["HMGET", "cities:ber", "name"]), b"GET \"http\"\r\n".to_vec()].concat();
    for cut in 0..whole.len() {
        running.exchange(&whole[..cut]);
    }
    running.check_alive();
    running.wait_until(|server| server.clients().is_empty());
}

#[test]
fn random_bytes_do_no_harm() {
    let running = Running::small(RespLimits::default());
    let pieces = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[*$][0-9]{1,12}\r\n".prop_map(String::into_bytes),
        r"(GET|SCAN|HELLO|CLIENT|MGET|KEYS|INFO|COMMAND) [a-z0-9* ]{0,20}\r\n".prop_map(String::into_bytes),
        proptest::collection::vec("[a-zA-Z0-9*]{0,9}", 1..6).prop_map(|words| request(&words)),
    ];
    let sent = proptest::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    runner
        .run(&sent, |bytes| {
            running.exchange(&bytes);
            Ok(())
        })
        .unwrap();
    running.check_alive();
}

#[test]
fn half_requests_of_many_clients_take_no_memory_for_what_they_announce() {
    let running = Running::small(RespLimits { request_bytes: 1 << 30, ..RespLimits::default() });
    let before = resident();
    let clients: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = running.connect();
            stream.write_all(b"PING\r\n*2\r\n$3\r\nGET\r\n$1000000000\r\n").unwrap();
            assert_eq!(read_line(&mut stream), "+PONG\r\n");
            stream
        })
        .collect();
    running.check_alive();
    let grown = resident().saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes for {} clients", clients.len());
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
