//! Answers that are no content, each an error that says what is wrong.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use twinbucket_feed::{Http, HttpSetupError};

use crate::server::{Answer, Server, answer, ok, raw};
use crate::{failure, new, source};

/// Asserts that one answer gives an error with that text in it.
#[track_caller]
fn assert_fails(answer: Answer, part: &str) {
    let server = Server::start([answer]);
    assert_says(&failure(&mut source(&server)), &server, part);
}

/// Asserts that a message names the address and says that.
#[track_caller]
fn assert_says(message: &str, server: &Server, part: &str) {
    assert!(message.starts_with(&server.url("/table: ")), "does not begin with the address: {message}");
    assert!(message.contains(part), "does not say {part:?}: {message}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn another_status_is_an_error_that_names_it() {
    assert_fails(answer("500 Internal Server Error", &[], "sorry"), "the answer is 500 Internal Server Error");
    assert_fails(answer("404 Not Found", &[], ""), "the answer is 404 Not Found");
    assert_fails(answer("206 Partial Content", &["content-range: bytes 0-2/9"], "one"), "the answer is 206");
    assert_fails(answer("204 No Content", &[], ""), "the answer is 204");
}

#[test]
fn garbage_is_an_error() {
    assert_fails(raw("\x00\x01 this is not HTTP \r\n\r\n"), "not HTTP");
    assert_fails(raw("SSH-2.0-OpenSSH_9.2\r\n"), "no");
}

#[test]
fn a_server_that_closes_at_once_is_an_error() {
    assert_fails(raw(""), "no answer");
}

#[test]
fn a_body_shorter_than_its_length_is_an_error() {
    assert_fails(raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\none"), "cut off or broken after 3 bytes");
}

#[test]
fn chunks_without_an_end_are_an_error() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_fails(raw(format!("{head}3\r\none\r\n")), "cut off or broken after 3 bytes");
    assert_fails(raw(format!("{head}9\r\none")), "cut off or broken");
    assert_fails(raw(format!("{head}zz\r\none")), "cut off or broken");
}

#[test]
fn chunks_with_an_end_are_content() {
    let server = Server::start([raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n")]);
    assert_eq!(new(&mut source(&server), None).0, "one");
}

#[test]
fn a_server_that_hangs_meets_the_time_limit() {
    let server = Server::start([Answer::Hang]);
    let message = failure(&mut source(&server).timeout(Duration::from_millis(100)));
    assert_says(&message, &server, "no complete answer within 100ms");
}

#[test]
fn a_server_that_trickles_meets_the_time_limit() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\n";
    for begin in ["", "HTTP/1.1 200 OK\r\nx: ", head, chunked] {
        let server = Server::start([Answer::Trickle(begin.into())]);
        let began = Instant::now();
        let message = failure(&mut source(&server).timeout(Duration::from_millis(200)));
        assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
        // A head that never comes to an end may also be refused for what it is.
        assert_says(&message, &server, if begin.is_empty() { "no" } else { "no complete answer within 200ms" });
    }
}

#[test]
fn redirects_share_one_time_limit() {
    let away = b"HTTP/1.1 302 Found\r\nlocation: /table\r\ncontent-length: 0\r\n\r\n";
    let one = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none";
    let late = |bytes: &[u8]| Answer::Late(Duration::from_millis(150), bytes.to_vec());
    let server = Server::start([late(away), late(away), late(one)]);
    let message = failure(&mut source(&server).timeout(Duration::from_millis(400)));
    assert_says(&message, &server, "no complete answer within 400ms");
}

#[test]
fn content_may_have_the_length_that_is_allowed_and_no_more() {
    let chunked = |body: &str| {
        let size = body.len();
        raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n"))
    };
    let packed = |body: &str| ok(&["content-encoding: gzip"], gzip(body.as_bytes()));
    let unframed = |body: &str| raw(format!("HTTP/1.1 200 OK\r\n\r\n{body}"));
    for form in [&(|body: &str| ok(&[], body)) as &dyn Fn(&str) -> Answer, &chunked, &packed, &unframed] {
        let server = Server::start([form("12345"), form("123456")]);
        let mut source = source(&server).max_bytes(5);
        assert_eq!(new(&mut source, None).0, "12345");
        assert_says(&failure(&mut source), &server, "longer than the 5 bytes that are allowed");
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_body() {
    let server = Server::start([Answer::Trickle(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n".into())]);
    assert_says(&failure(&mut source(&server)), &server, "longer than");
}

#[test]
fn packed_content_that_unpacks_to_much_more_meets_the_limit() {
    let bomb = gzip(&vec![0; 20_000_000]);
    assert!(bomb.len() < 100_000);
    let server = Server::start([ok(&["content-encoding: gzip"], bomb)]);
    assert_says(&failure(&mut source(&server).max_bytes(1_000_000)), &server, "longer than the 1000000 bytes");
}

#[test]
fn packed_content_is_asked_for_and_unpacked() {
    let text = "one two ".repeat(50_000);
    let server = Server::start([ok(&["content-encoding: gzip", "etag: \"z\""], gzip(text.as_bytes()))]);
    let (content, revision) = new(&mut source(&server), None);
    assert!(content == text);
    assert_eq!(revision.as_str(), "etag:\"z\"");
    assert_eq!(server.sent("accept-encoding").unwrap(), "gzip");
}

#[test]
fn packed_content_that_is_cut_off_is_an_error() {
    let packed = gzip("one two three".repeat(1_000).as_bytes());
    assert_fails(ok(&["content-encoding: gzip"], &packed[..packed.len() - 6]), "cut off or broken");
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n";
    assert_fails(raw([head.as_bytes(), &packed[..packed.len() - 6]].concat()), "cut off or broken");
}

#[test]
fn content_packed_in_another_way_is_an_error() {
    assert_fails(ok(&["content-encoding: br"], "xyz"), "packed as \"br\", and gzip was asked for");
}

#[test]
fn a_redirect_is_followed() {
    let server = Server::start([
        answer("302 Found", &["location: ../elsewhere?x=1"], "gone"),
        answer("308 Permanent Redirect", &["location: //127.0.0.1/nowhere"], ""),
    ]);
    let target = Server::start([ok(&[], "one")]);
    let away = answer("307 Temporary Redirect", &[&format!("location: {}", target.url("/x"))], "");
    let chain = Server::start([answer("301 Moved Permanently", &["location: /a/b/../c?d"], ""), away]);
    assert_eq!(new(&mut source(&chain), None).0, "one");
    assert!(chain.requests()[1].starts_with("GET /a/c?d HTTP/1.1\r\n"));
    assert!(target.requests()[0].starts_with("GET /x HTTP/1.1\r\n"));
    failure(&mut source(&server).max_redirects(1));
    assert!(server.requests()[1].starts_with("GET /elsewhere?x=1 HTTP/1.1\r\n"));
}

#[test]
fn a_redirect_loop_ends_in_an_error() {
    let away = answer("302 Found", &["location: /table"], "");
    let server = Server::start(vec![away; 10]);
    assert_says(&failure(&mut source(&server)), &server, "more than 5 redirects");
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn a_redirect_that_cannot_be_followed_is_an_error() {
    assert_fails(answer("302 Found", &[], ""), "302 Found, without the address to go to");
    assert_fails(answer("302 Found", &["location: file:///etc/passwd"], ""), "no address for HTTP");
}

#[test]
fn an_error_after_a_redirect_names_both_places_but_no_signature() {
    let away = answer("302 Found", &["location: /signed?signature=s3cret"], "");
    let server = Server::start([away, answer("403 Forbidden", &[], "")]);
    let message = failure(&mut source(&server));
    assert_says(&message, &server, &format!("the answer from {} is 403 Forbidden", server.url("/signed")));
    assert!(!message.contains("s3cret"));
}

#[test]
fn a_server_that_is_away_is_an_error_until_it_is_back() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut source = Http::poll(&format!("http://{address}/table"), Duration::from_secs(30)).unwrap();
    assert!(failure(&mut source).contains("no answer"));
    assert!(failure(&mut source).contains("no answer"));
    let _server = Server::start_at(address, [ok(&[], "one")]);
    assert_eq!(new(&mut source, None).0, "one");
}

#[test]
fn a_host_without_an_address_is_an_error() {
    let mut source = Http::poll("http://no-such-host.invalid/table", Duration::from_secs(30)).unwrap();
    assert!(failure(&mut source).starts_with("http://no-such-host.invalid/table: "));
}

#[test]
fn an_address_that_cannot_be_asked_is_an_error_at_once() {
    let refused = |address: &str| Http::poll(address, Duration::from_secs(30)).map(drop).unwrap_err().to_string();
    assert_eq!(refused("ftp://host/x"), "ftp://host/x: the address must begin with http:// or https://");
    assert!(refused("host/x").starts_with("the address is not a URL: "));
    assert!(refused("http://").starts_with("the address is not a URL: "));
    assert!(refused("").starts_with("the address is not a URL: "));
    assert_eq!(Http::poll("http://host", Duration::ZERO).map(drop), Err(HttpSetupError::NoInterval));
    assert_eq!(Http::poll("https://host", Duration::from_secs(1)).is_ok(), cfg!(feature = "https"));
}
