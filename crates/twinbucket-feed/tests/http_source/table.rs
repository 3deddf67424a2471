//! A table over the source.

use std::time::{Duration, Instant};

use twinbucket_feed::{Format, Http, Part, RowError, Rows, State, Table};

use crate::server::{Server, answer, not_modified, ok};

/// Reads each line as a key.
struct Lines;

impl Format<String, ()> for Lines {
    fn read(&self, part: &Part, rows: &mut Rows<'_, String, ()>) -> Result<(), RowError> {
        for (line, key) in (1..).zip(String::from_utf8_lossy(&part.bytes).lines()) {
            if rows.push(line, key.to_owned(), ()).is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[test]
fn a_table_follows_its_server_and_keeps_the_last_good_content_when_that_fails() {
    let broken = answer("500 Internal Server Error", &[], "");
    let server = Server::start([ok(&["etag: \"1\""], "one"), not_modified(), ok(&["etag: \"2\""], "two"), broken]);
    let source = Http::poll(&server.url("/table"), Duration::from_millis(20)).unwrap();
    let table: Table<String, ()> = Table::builder().source(source).format(Lines).open().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while table.status().error().is_none() {
        assert!(Instant::now() < deadline, "the failure has not shown");
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = table.status();
    assert_eq!(status.state(), State::Error);
    assert_eq!(table.read().keys().collect::<Vec<_>>(), ["two"]);
    assert_eq!(status.revision().unwrap().as_str(), "etag:\"2\"");
    assert!(status.error().unwrap().to_string().starts_with(&server.url("/table: ")));
}
