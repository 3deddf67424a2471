//! What is sent to whom, and what is never shown.

use std::fs;
use std::time::Duration;

use twinbucket_feed::{Http, HttpSetupError, Source};

use crate::server::{Server, answer, ok};
use crate::{failure, new, source};

/// A source with secrets of all kinds.
fn secretive(server: &Server) -> Http {
    let url = format!("http://somebody:s3cret@{}/table", server.address);
    Http::poll(&url, Duration::from_secs(30)).unwrap().header("X-Key", "s3cret").unwrap()
}

#[test]
fn user_name_and_password_are_sent_and_shown_nowhere() {
    let server = Server::start([ok(&[], "one"), answer("401 Unauthorized", &[], "")]);
    let mut source = secretive(&server);
    new(&mut source, None);
    assert_eq!(server.sent("authorization").unwrap(), "Basic c29tZWJvZHk6czNjcmV0");
    assert!(!server.requests()[0].contains('@'));
    let error = source.fetch(None).unwrap_err();
    for shown in [source.name(), error.to_string(), format!("{error:?}"), format!("{source:?}")] {
        assert!(!shown.contains("s3cret") && !shown.contains("somebody") && !shown.contains("c29tZWJv"), "{shown}");
    }
    assert_eq!(source.name(), server.url("/table"));
}

#[test]
fn an_address_that_is_refused_shows_no_password() {
    for address in ["ftp://me:s3cret@host/x", "http://me:s3cret@ho st/x", "http://me:s3cret@/x", "me:s3cret@host"] {
        let error = Http::poll(address, Duration::from_secs(1)).map(drop).unwrap_err();
        assert!(!error.to_string().contains("s3cret") && !format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn headers_are_sent() {
    let server = Server::start([ok(&[], "one")]);
    let mut source = source(&server).header("Authorization", "Bearer a").unwrap().header("Accept", "text/csv").unwrap();
    new(&mut source, None);
    assert_eq!(server.sent("authorization").unwrap(), "Bearer a");
    assert_eq!(server.sent("accept").unwrap(), "text/csv");
}

#[test]
fn a_header_that_cannot_be_sent_is_refused() {
    let refused = |name, value| match source(&Server::start([])).header(name, value).map(drop) {
        Err(HttpSetupError::Header { name: shown, problem }) if &*shown == name => problem,
        other => panic!("{name}: {other:?}"),
    };
    assert!(refused("X Key", "a").contains("its name"));
    assert!(refused("X-Key", "a\r\nb").contains("its value"));
    assert!(refused("if-none-match", "a").contains("by itself"));
    assert!(refused("Accept-Encoding", "br").contains("by itself"));
}

#[test]
fn a_redirect_to_another_server_takes_no_secrets_along() {
    let target = Server::start([ok(&[], "one")]);
    let away = answer("302 Found", &[&format!("location: {}", target.url("/x"))], "");
    let server = Server::start([away]);
    new(&mut secretive(&server).header("Accept", "text/csv").unwrap(), None);
    assert_eq!(server.sent("x-key").unwrap(), "s3cret");
    assert_eq!(target.sent("x-key"), None);
    assert_eq!(target.sent("authorization"), None);
    assert_eq!(target.sent("accept").unwrap(), "text/csv");
}

#[test]
fn a_redirect_on_the_same_server_takes_secrets_along() {
    let server = Server::start([answer("302 Found", &["location: /x"], ""), ok(&[], "one")]);
    new(&mut secretive(&server), None);
    assert!(server.sent("x-key").is_some() && server.sent("authorization").is_some());
}

#[test]
fn the_bearer_token_is_read_anew_for_each_look() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, "first\n").unwrap();
    let server = Server::start([ok(&[], "one"), ok(&[], "two")]);
    let mut source = source(&server).bearer_file(&path);
    new(&mut source, None);
    assert_eq!(server.sent("authorization").unwrap(), "Bearer first");
    fs::write(&path, "second").unwrap();
    new(&mut source, None);
    assert_eq!(server.sent("authorization").unwrap(), "Bearer second");
}

#[test]
fn a_look_without_its_bearer_token_fails_and_shows_nothing_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let server = Server::start([ok(&[], "one")]);
    let mut source = source(&server).bearer_file(&path);
    assert!(failure(&mut source).contains(&format!("cannot be read from {}", path.display())));
    fs::write(&path, " \n").unwrap();
    assert!(failure(&mut source).contains("has no bearer token"));
    fs::write(&path, "s3cret\nwith a line break").unwrap();
    let message = failure(&mut source);
    assert!(message.contains("other characters") && !message.contains("s3cret"), "{message}");
    assert!(server.requests().is_empty());
    fs::write(&path, "good").unwrap();
    assert_eq!(new(&mut source, None).0, "one");
}
