//! How connections end: whoever asked gets the answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::daemon::{Daemon, connect, directory, read};

fn daemon() -> Daemon {
    let dir = directory(&[("t.csv", "k,v\na,1\n")]);
    Daemon::start(dir, &["--table", "t=t.csv", "--admin", "127.0.0.1:0", "--max-body-bytes", "1000"])
}

/// A connection on which `bytes` were sent.
fn send(daemon: &Daemon, protocol: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(daemon.address(protocol));
    stream.write_all(bytes).unwrap();
    stream
}

#[test]
fn client_that_has_said_all_it_has_to_say_still_gets_its_answer() {
    let daemon = daemon();
    let head = "POST /v1/tables/t/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let mut stream = send(&daemon, "admin", format!("{head}Content-Length: 0\r\n\r\n").as_bytes());
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream, false).status, 200);
}

#[test]
fn answer_to_a_body_that_is_not_read_says_that_it_is_the_last() {
    let daemon = daemon();
    for (path, status) in [("/v1/tables/t/lookup", 413), ("/v1/tables/nope/lookup", 404)] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n");
        let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut stream = send(&daemon, "http", &[head.as_bytes(), &[b' '; 2000], request.as_bytes()].concat());
        let answer = read(&mut stream, false);
        assert_eq!((answer.status, answer.header("connection")), (status, "close"), "{path}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "{path}: {}", rest.escape_ascii());
    }
    let body = "{\"keys\":[\"a\"]}";
    let head = format!("POST /v1/tables/t/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n", body.len());
    let requests = format!("{head}\r\n{body}{head}Connection: close\r\n\r\n{body}");
    let (mut stream, mut answers) = (send(&daemon, "http", requests.as_bytes()), String::new());
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!((answers.matches("HTTP/1.1 200").count(), answers.matches("connection: close").count()), (2, 1));
}

#[test]
fn answer_is_not_taken_back_by_what_the_client_still_sends() {
    let daemon = daemon();
    // More than fits into the buffers on the way, so that some of it comes after the answer.
    for _ in 0..20 {
        let head = "POST /v1/tables/t/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n";
        let mut stream = send(&daemon, "http", head.as_bytes());
        let sent = stream.write_all(&vec![b' '; 20_000_000]);
        assert!(sent.is_ok(), "{sent:?}");
        assert_eq!(read(&mut stream, false).problem(413), "body-too-large");
    }
}
