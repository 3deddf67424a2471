//! What the HTTP source promises, against a server that answers from a script.
#![cfg(feature = "http")]

mod conditions;
mod faults;
mod pauses;
mod secrets;
mod server;
mod table;

use std::time::Duration;

use twinbucket_feed::{Fetched, Http, Revision, Source};

use crate::server::Server;

/// A source that asks for a table on `server`.
pub(crate) fn source(server: &Server) -> Http {
    // Far longer than an answer takes, and longer than a test that fails should take.
    Http::poll(&server.url("/table"), Duration::from_secs(30)).unwrap().timeout(Duration::from_secs(20))
}

/// Fetches what must be other content.
pub(crate) fn new(source: &mut Http, known: Option<&Revision>) -> (String, Revision) {
    match source.fetch(known).unwrap() {
        Fetched::New { mut parts, revision } => {
            assert_eq!(parts.len(), 1);
            (String::from_utf8(parts.remove(0).bytes).unwrap(), revision)
        }
        Fetched::Same => panic!("the content is other content, and was called the same"),
    }
}

/// Fetches what must be the same content.
pub(crate) fn assert_same(source: &mut Http, known: &Revision) {
    assert!(matches!(source.fetch(Some(known)).unwrap(), Fetched::Same));
}

/// Fetches what must fail; returns the message.
pub(crate) fn failure(source: &mut Http) -> String {
    source.fetch(None).unwrap_err().to_string()
}
