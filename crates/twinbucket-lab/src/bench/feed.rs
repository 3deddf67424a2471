//! A table with a feed, beside the rivals where full reloads are measured: what it reloads is text, as from a file.

use std::sync::Arc;
use std::time::Duration;

use twinbucket_feed::{Fetched, Format, Part, Revision, RowError, Rows, Source, SourceError, Start, Table};

use super::contestant::Contestant;
use crate::item::Item;
use crate::rivals::{Lookups, reader_of};
use crate::run::Stop;
use crate::workload::Keys;

/// The feed among the contestants.
pub(super) const CONTESTANT: Contestant = Contestant { table: None, way: 0, id: "feed", name: "twinbucket-feed Table" };

/// Longer than any reload.
const AGES: Duration = Duration::from_secs(3_600);

/// A table that reloads text from memory.
pub(super) struct Feed<T> {
    /// The table.
    table: Table<T, T>,
}

/// Two versions of a file, one after the other.
struct Versions {
    /// The texts.
    texts: [Arc<[u8]>; 2],
    /// How often the file was read.
    reads: usize,
}

/// Lines of a key, a tab and a value.
struct Tabbed;

impl<T: Item> Feed<T> {
    /// Opens a table of these keys.
    pub(super) fn new(keys: &Keys<T>) -> Self {
        let texts = [0, 1].map(|version| text(keys, version));
        let source = Versions { texts, reads: 0 };
        let table = Table::builder().source(source).format(Tabbed).start(Start::wait(AGES)).open();
        Self { table: table.expect("the text is what the format reads") }
    }

    /// Makes a reader.
    pub(super) fn reader(&self) -> Box<dyn Lookups<T> + '_> {
        reader_of(self.table.reader())
    }

    /// Reloads until it is over, and waits for the end of each.
    pub(super) fn reload(&self, over: &Stop) {
        while !over.asked() {
            self.table.reload(AGES).expect("each version is what the format reads");
        }
    }
}

/// Writes a version of the entries down.
fn text<T: Item>(keys: &Keys<T>, version: u64) -> Arc<[u8]> {
    let lines = keys.revised(version).map(|(key, value)| format!("{key}\t{value}\n"));
    lines.collect::<String>().into_bytes().into()
}

impl Source for Versions {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn fetch(&mut self, _: Option<&Revision>) -> Result<Fetched, SourceError> {
        let read = self.reads;
        self.reads += 1;
        let part = Part { name: "memory".into(), bytes: self.texts[read % 2].to_vec() };
        Ok(Fetched::New { parts: vec![part], revision: Revision::new(read.to_string()) })
    }

    fn pause(&mut self) -> Duration {
        AGES
    }
}

impl<T: Item> Format<T, T> for Tabbed {
    fn read(&self, part: &Part, rows: &mut Rows<'_, T, T>) -> Result<(), RowError> {
        let text = std::str::from_utf8(&part.bytes).map_err(|_| RowError::new(rows.place(0, 0), "not UTF-8"))?;
        for (line, row) in (1..).zip(text.lines()) {
            let parsed = row.split_once('\t').and_then(|(key, value)| Some((key.parse().ok()?, value.parse().ok()?)));
            let flow = match parsed {
                Some((key, value)) => rows.push(line, key, value),
                None => rows.reject(RowError::new(rows.place(line, 1), "no key, tab and value")),
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}
