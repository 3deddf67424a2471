//! What is asked for, and how old content is told from new.

use crate::server::{Server, answer, not_modified, ok};
use crate::{assert_same, new, source};

/// A date, and the dates a second and an hour later.
const CHANGED: &str = "last-modified: Tue, 03 Mar 2026 10:00:00 GMT";
const A_SECOND_LATER: &str = "date: Tue, 03 Mar 2026 10:00:01 GMT";
const AN_HOUR_LATER: &str = "date: Tue, 03 Mar 2026 11:00:00 GMT";
const AT_ONCE: &str = "date: Tue, 03 Mar 2026 10:00:00 GMT";

#[test]
fn the_revision_is_the_etag_as_sent() {
    let server = Server::start([ok(&["etag: \"abc\""], "one"), ok(&["etag: W/\"abc\""], "two")]);
    let mut source = source(&server);
    assert_eq!(new(&mut source, None).1.as_str(), "etag:\"abc\"");
    assert_eq!(new(&mut source, None).1.as_str(), "etag:W/\"abc\"");
}

#[test]
fn the_revision_without_an_etag_is_the_hash_of_the_content() {
    let server = Server::start([ok(&[CHANGED, AN_HOUR_LATER], "abc"), ok(&[], "abc")]);
    let mut source = source(&server);
    let hash = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(new(&mut source, None).1.as_str(), hash);
    assert_eq!(new(&mut source, None).1.as_str(), hash);
}

#[test]
fn etag_and_time_of_change_are_sent_back_and_304_is_the_same_content() {
    let told = ["etag: W/\"1\"", CHANGED, AN_HOUR_LATER];
    let server = Server::start([ok(&told, "one"), not_modified(), not_modified()]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    assert_eq!(server.sent("if-none-match"), None);
    assert_eq!(server.sent("if-modified-since"), None);
    for _ in 0..2 {
        assert_same(&mut source, &revision);
        assert_eq!(server.sent("if-none-match").unwrap(), "W/\"1\"");
        assert_eq!(server.sent("if-modified-since").unwrap(), "Tue, 03 Mar 2026 10:00:00 GMT");
        assert_eq!(server.sent("cache-control"), None);
    }
}

#[test]
fn a_forced_look_asks_for_all_content_past_caches() {
    let server = Server::start([ok(&["etag: \"1\""], "one"), ok(&["etag: \"1\""], "one")]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    assert_eq!(new(&mut source, None), ("one".to_owned(), revision));
    assert_eq!(server.sent("if-none-match"), None);
    assert_eq!(server.sent("cache-control").unwrap(), "no-cache");
}

#[test]
fn one_that_has_other_content_than_was_given_gets_all_of_it() {
    let (one, two) = (ok(&["etag: \"1\""], "one"), ok(&["etag: \"2\""], "two"));
    let server = Server::start([one, two.clone(), two]);
    let mut source = source(&server);
    let (_, first) = new(&mut source, None);
    let (_, second) = new(&mut source, Some(&first));
    assert_eq!(new(&mut source, Some(&first)), ("two".to_owned(), second));
    assert_eq!(server.sent("if-none-match"), None);
}

#[test]
fn a_304_that_was_not_asked_for_is_an_error() {
    let server = Server::start([not_modified()]);
    let message = crate::failure(&mut source(&server));
    assert!(message.ends_with("/table: the answer is 304 Not Modified"), "{message}");
}

#[test]
fn equal_bytes_are_the_same_content_where_a_server_knows_no_conditions() {
    let server = Server::start([ok(&[], "one"), ok(&[], "one"), ok(&[], "two")]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    assert_same(&mut source, &revision);
    assert_eq!(new(&mut source, Some(&revision)).0, "two");
}

#[test]
fn a_new_etag_for_equal_bytes_is_the_same_content_and_is_asked_with() {
    let server = Server::start([ok(&["etag: \"1\""], "one"), ok(&["etag: \"2\""], "one"), not_modified()]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    assert_same(&mut source, &revision);
    assert_same(&mut source, &revision);
    assert_eq!(server.sent("if-none-match").unwrap(), "\"2\"");
}

#[test]
fn other_bytes_under_the_same_etag_are_new_content_under_another_name() {
    for known in [true, false] {
        let server = Server::start([ok(&["etag: W/\"1\""], "one"), ok(&["etag: W/\"1\""], "two")]);
        let mut source = source(&server);
        let (_, first) = new(&mut source, None);
        let (content, second) = new(&mut source, Some(&first).filter(|_| known));
        assert_eq!(content, "two");
        assert_ne!(first, second);
        assert!(second.as_str().starts_with("sha256:"));
    }
}

#[test]
fn an_etag_that_stood_for_two_contents_is_not_asked_with() {
    let tagged = |body| ok(&["etag: W/\"1\""], body);
    let server = Server::start([tagged("one"), tagged("two"), tagged("two"), tagged("three")]);
    let mut source = source(&server);
    let (_, first) = new(&mut source, None);
    let (_, second) = new(&mut source, Some(&first));
    assert_same(&mut source, &second);
    assert_eq!(server.sent("if-none-match"), None);
    assert_eq!(new(&mut source, Some(&second)).0, "three");
    assert_eq!(server.sent("if-none-match"), None);
}

#[test]
fn content_fetched_in_the_second_of_its_change_is_fetched_whole_once_more() {
    let server = Server::start([
        ok(&["etag: \"1\"", CHANGED, AT_ONCE], "one"),
        ok(&["etag: \"1\"", CHANGED, A_SECOND_LATER], "two"),
    ]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    assert_eq!(new(&mut source, Some(&revision)).0, "two");
    assert_eq!(server.sent("if-none-match"), None);
    assert_eq!(server.sent("if-modified-since"), None);
}

#[test]
fn a_second_after_its_change_content_is_asked_for_with_conditions() {
    let server = Server::start([ok(&[CHANGED, A_SECOND_LATER], "one"), not_modified()]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    assert_same(&mut source, &revision);
    assert!(server.sent("if-modified-since").is_some());
}

#[test]
fn a_time_of_change_without_a_date_is_not_asked_with() {
    let server = Server::start([ok(&[CHANGED, "etag: \"1\""], "one"), not_modified()]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    assert_same(&mut source, &revision);
    assert_eq!(server.sent("if-modified-since"), None);
    assert_eq!(server.sent("if-none-match").unwrap(), "\"1\"");
}

#[test]
fn conditions_go_only_to_where_the_content_was() {
    let to = |path: &str| answer("302 Found", &[&format!("location: {path}")], "");
    let tagged = |body| ok(&["etag: \"1\""], body);
    let server = Server::start([to("/x"), tagged("one"), to("/y"), tagged("two")]);
    let mut source = source(&server);
    let (_, first) = new(&mut source, None);
    let (content, second) = new(&mut source, Some(&first));
    assert_eq!(
        (content.as_str(), second.as_str()),
        ("two", "sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3")
    );
    assert!(server.requests().iter().all(|request| !request.contains("if-none-match")));
}

#[test]
fn conditions_are_kept_over_a_failure() {
    let server = Server::start([ok(&["etag: \"1\""], "one"), crate::server::raw("nonsense"), not_modified()]);
    let mut source = source(&server);
    let (_, revision) = new(&mut source, None);
    crate::failure(&mut source);
    assert_same(&mut source, &revision);
}
