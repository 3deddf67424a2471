//! Tests of the front end over tables in memory: single commands without a network, and clients over TCP.

mod clients;
mod commands;
mod requests;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use twinbucket::Store;

use super::command::Flow;
use super::request::Requests;
use super::server::{Admitted, Server};
use super::session::Session;
use super::{RespLimits, Tables, View, Views};
use crate::serve::row::{Columns, Row};

/// Tables that the tests change as they like.
#[derive(Debug)]
struct Memory {
    /// Each by its name, in order.
    tables: Vec<(Arc<str>, Store<String, Row>)>,
}

impl Tables for Memory {
    fn lend<R>(&self, run: impl FnOnce(&mut Views) -> R) -> R {
        run(&mut Views::new(
            self.tables.iter().map(|(name, store)| View::new(Arc::clone(name), store.reader())).collect(),
        ))
    }
}

impl Memory {
    /// Two small tables: `ports`, with one column besides the key, and `cities`, with two.
    fn small() -> Self {
        let ports = rows(["port"], [("http", ["80"]), ("ssh", ["22"]), ("a:b", ["1"]), ("empty", [""])]);
        let cities = rows(["name", "land"], [("ber", ["Berlin", "DE"]), ("lon", ["\"London\"", "GB"])]);
        Self { tables: vec![("ports".into(), ports), ("cities".into(), cities)] }
    }

    /// One table `numbers` of that many entries, `key:000000000000` and so on, as redis-benchmark asks for.
    fn numbers(count: usize) -> Self {
        Self { tables: vec![("numbers".into(), numbered(count, ""))] }
    }
}

/// A table of these rows.
fn rows<const C: usize, const R: usize>(columns: [&str; C], rows: [(&str, [&str; C]); R]) -> Store<String, Row> {
    let columns = Columns::new(columns);
    rows.into_iter().map(|(key, fields)| (key.to_owned(), Row::from_texts(&columns, fields).unwrap())).collect()
}

/// A table of that many entries, whose values end in `tail`.
fn numbered(count: usize, tail: &str) -> Store<String, Row> {
    let columns = Columns::new(["number"]);
    let row = |number: usize| Row::from_texts(&columns, [&*format!("{number}{tail}")]).unwrap();
    (0..count).map(|number| (format!("key:{number:012}"), row(number))).collect()
}

/// A client without a network.
struct Local {
    /// The tables.
    tables: Memory,
    /// What is shared.
    server: Arc<Server>,
    /// The connection.
    session: Session,
    /// Finds the requests.
    requests: Requests,
    /// What became of the connection.
    flow: Flow,
    /// Keeps it on the server's list.
    _admitted: Admitted,
}

impl Local {
    fn new(tables: Memory) -> Self {
        Self::with_limits(tables, RespLimits::default())
    }

    fn with_limits(tables: Memory, limits: RespLimits) -> Self {
        let server = Arc::new(Server::new(limits));
        let address = SocketAddr::from(([127, 0, 0, 1], 6378));
        let admitted = server.admit(address, address).unwrap();
        let (session, requests) = (Session::new(Arc::clone(&admitted.client)), Requests::new(&server.limits));
        Self { tables, server, session, requests, flow: Flow::Continue, _admitted: admitted }
    }

    /// Sends whole requests and returns the answers.
    fn send(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let Self { tables, server, session, requests, flow, .. } = self;
        tables.lend(|views| {
            session.settle(views);
            while let Some(len) = requests.find(bytes).expect("the tests send requests") {
                *flow = session.run(requests.words(&bytes[..len]), views, server);
                bytes = &bytes[len..];
            }
        });
        assert_eq!(bytes, b"", "the tests send whole requests");
        let answers = session.replies.bytes().to_vec();
        session.replies.clear(usize::MAX);
        answers
    }

    /// Sends a line of words and returns the answers as text.
    fn ask(&mut self, line: &str) -> String {
        String::from_utf8(self.send(format!("{line}\r\n").as_bytes())).unwrap()
    }

    /// Checks what some lines are answered with, one after the other.
    fn check<const N: usize>(&mut self, lines: [(&str, &str); N]) {
        for (line, answer) in lines {
            assert_eq!(self.ask(line), answer, "{line}");
        }
    }
}

/// A request as clients send it.
fn request<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
