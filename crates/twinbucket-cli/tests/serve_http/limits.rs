//! What one client can cost at most.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, connect, directory, read};

fn daemon(args: &[&str]) -> Daemon {
    let dir = directory(&[("t.csv", "k,v\na,1\n")]);
    Daemon::start(dir, &[&["--table", "t=t.csv"], args].concat())
}

/// Sends the beginning of a request.
fn send(daemon: &Daemon, text: &str) -> TcpStream {
    let mut stream = connect(daemon.address("http"));
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

#[test]
fn body_and_keys_and_answer_are_limited() {
    let daemon = daemon(&["--max-body-bytes", "1000", "--max-keys", "3", "--max-answer-bytes", "40"]);
    let ask = |body: &str| daemon.ask("POST", "/v1/tables/t/lookup", &[], body);
    assert_eq!(ask(&format!("{{\"keys\":[\"{}\"]}}", "x".repeat(1000))).problem(413), "body-too-large");
    assert_eq!(ask("{\"keys\":[\"a\",\"b\",\"c\",\"d\"]}").problem(413), "too-many-keys");
    assert_eq!(ask("{\"keys\":[\"a\",\"a\",\"a\"]}").problem(413), "answer-too-long");
    assert_eq!(ask("{\"keys\":[\"x\",\"y\"]}").status, 200);
    // Without a length, it is counted as it comes.
    let head =
        "POST /v1/tables/t/lookup HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut stream = send(&daemon, &format!("{head}7d0\r\n{}\r\n0\r\n\r\n", " ".repeat(2000)));
    assert_eq!(read(&mut stream, false).problem(413), "body-too-large");
}

#[test]
fn head_is_limited() {
    let daemon = daemon(&["--max-header-bytes", "1000"]);
    let ask = |path: &str, value: usize| daemon.ask("GET", path, &[("X-Much", &"x".repeat(value))], "");
    assert_eq!(ask("/healthz", 1100).problem(431), "head-too-large");
    assert_eq!(ask(&format!("/{}", "x".repeat(1100)), 1).problem(414), "uri-too-long");
    assert_eq!(ask("/healthz", 500).status, 200);
    // Far too large a head is not even buffered.
    assert_eq!(ask("/healthz", 100_000).status, 431);
    let many: String = (0..200).map(|n| format!("a{n}: b\r\n")).collect();
    let mut stream = send(&daemon, &format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"));
    assert_eq!(read(&mut stream, false).status, 431);
}

#[test]
fn connections_are_limited_and_one_more_is_told() {
    let daemon = daemon(&["--max-connections", "2"]);
    let held: Vec<TcpStream> = (0..2).map(|_| send(&daemon, "GET /hea")).collect();
    let refused = daemon.get("/healthz");
    assert_eq!((refused.problem(503), refused.header("retry-after")), ("too-many-connections".to_owned(), "1"));
    drop(held);
    let deadline = Instant::now() + crate::daemon::SOON;
    while daemon.get("/healthz").status != 200 {
        assert!(Instant::now() < deadline, "places become free");
    }
    assert!(daemon.get("/metrics").text().contains("twinbucket_http_connections_refused_total"));
}

#[test]
fn slow_head_is_answered_408_and_an_idle_connection_is_closed() {
    let daemon = daemon(&["--header-timeout", "200ms", "--idle-timeout", "300ms"]);
    let mut slow = send(&daemon, "GET /healthz HTTP/1.1\r\nHo");
    assert_eq!(read(&mut slow, false).problem(408), "head-timeout");
    // A byte now and then does not help.
    let mut trickle = send(&daemon, "G");
    let began = Instant::now();
    while trickle.write_all(b"E").is_ok() && began.elapsed() < crate::daemon::SOON {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(began.elapsed() < crate::daemon::SOON);
    for said in ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let (mut stream, mut rest) = (send(&daemon, said), Vec::new());
        stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.starts_with(b"HTTP/1.1 200"), !said.is_empty());
        assert!(!String::from_utf8_lossy(&rest).contains("408"));
    }
}

#[test]
fn slow_body_is_answered_408() {
    let daemon = daemon(&["--body-timeout", "200ms"]);
    let mut slow =
        send(&daemon, "POST /v1/tables/t/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{\"keys\":");
    assert_eq!(read(&mut slow, false).problem(408), "body-timeout");
}

#[test]
fn connection_takes_one_request_after_another() {
    let daemon = daemon(&["--idle-timeout", "500ms"]);
    let mut stream = send(&daemon, &"GET /v1/tables/t/entries/a HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50));
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all.matches("HTTP/1.1 200").count(), 50);
}

#[test]
fn rubbish_is_answered_with_an_error_or_the_door() {
    let daemon = daemon(&[]);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..200 {
        let mut bytes =
            if round % 2 == 0 { b"GET /v1/tables/t/entries/a HTTP/1.1\r\nHost: x\r\n".to_vec() } else { Vec::new() };
        for _ in 0..round {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes.extend_from_slice(&random.to_le_bytes());
        }
        let mut stream = connect(daemon.address("http"));
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(daemon.get("/healthz").status, 200);
}
