//! Tests of the front end over tables in memory: single commands without a network, and clients over TCP.

mod clients;
mod commands;
mod requests;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use twinbucket::Store;
use twinbucket_feed::ranges::{Range, RangeTable};
use twinbucket_feed::{Fetched, Format, Part, Revision, RowError, Rows, Source, SourceError, Table};

use super::command::Flow;
use super::request::Requests;
use super::server::{Admitted, Server};
use super::session::Session;
use super::views::{Reading, View, Views};
use super::{RespLimits, Tables};
use crate::serve::row::{Columns, Row};

/// Tables that the tests change as they like.
#[derive(Debug)]
struct Memory {
    /// Each by its name, in order.
    tables: Vec<(Arc<str>, Store<String, Row>)>,
    /// One more, after them: a table by range.
    zones: Option<RangeTable<Row>>,
}

impl Tables for Memory {
    fn lend<R>(&self, run: impl FnOnce(&mut Views) -> R) -> R {
        let view =
            |(name, store): &(Arc<str>, Store<String, Row>)| View::new(Arc::clone(name), Reading::Map(store.reader()));
        let zones = self.zones.iter().map(|zones| View::new("zones".into(), Reading::Ranges(zones.reader())));
        run(&mut Views::new(self.tables.iter().map(view).chain(zones).collect()))
    }
}

impl Memory {
    /// Two small tables: `ports`, with one column besides the key, and `cities`, with two.
    fn small() -> Self {
        let ports = rows(["port"], [("http", ["80"]), ("ssh", ["22"]), ("a:b", ["1"]), ("empty", [""])]);
        let cities = rows(["name", "land"], [("ber", ["Berlin", "DE"]), ("lon", ["\"London\"", "GB"])]);
        Self { tables: vec![("ports".into(), ports), ("cities".into(), cities)], zones: None }
    }

    /// One table `numbers` of that many entries, `key:000000000000` and so on, as redis-benchmark asks for.
    fn numbers(count: usize) -> Self {
        Self { tables: vec![("numbers".into(), numbered(count, ""))], zones: None }
    }
}

/// A table by range, and how to give it other content.
fn zones(content: &Arc<Mutex<&'static str>>) -> RangeTable<Row> {
    Table::builder().source(Zones(Arc::clone(content))).format(ZoneLines).open_ranges().unwrap()
}

/// Lines of a range and a zone.
struct ZoneLines;

impl Format<Range, Row> for ZoneLines {
    fn read(&self, part: &Part, rows: &mut Rows<'_, Range, Row>) -> Result<(), RowError> {
        let columns = Columns::new(["zone"]);
        for (line, text) in (1..).zip(String::from_utf8_lossy(&part.bytes).lines()) {
            let (range, zone) = text.split_once(' ').unwrap();
            let _ = rows.push(line, range.parse().unwrap(), Row::from_texts(&columns, [zone]).unwrap());
        }
        Ok(())
    }
}

/// A source of zones.
struct Zones(Arc<Mutex<&'static str>>);

impl Source for Zones {
    fn name(&self) -> String {
        "zones".into()
    }

    fn fetch(&mut self, _: Option<&Revision>) -> Result<Fetched, SourceError> {
        let text = *self.0.lock().unwrap();
        let part = Part { name: "zones".into(), bytes: text.into() };
        Ok(Fetched::New { parts: vec![part], revision: Revision::new(text) })
    }

    fn pause(&mut self) -> Duration {
        Duration::from_secs(3600)
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
