//! The content of a served table: rows by key, looked at in the same way whatever the keys are.

use std::net::IpAddr;
use std::time::Duration;

use twinbucket::{Change, Generation, Pin, ReadBucket, Reader, Stats};
use twinbucket_feed::ranges::{Range, RangeBucket, RangeReader, RangeTable, RangeVersion};
use twinbucket_feed::{Gauge, ReloadError, RollbackError, Status, Table};

use super::row::Row;

/// The table behind a name.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Rows by a text.
    Map(Table<String, Row>),
    /// Rows by a range of addresses, looked up by an address.
    Ranges(RangeTable<Row>),
}

/// A thread's reader of a table.
#[derive(Debug)]
pub(crate) enum ContentReader {
    /// Of rows by a text.
    Map(Reader<String, Row>),
    /// Of rows by a range of addresses; and the table, for what the index does not have.
    Ranges(RangeReader<Row>, RangeTable<Row>),
}

/// One frozen version of a table.
#[derive(Clone, Debug)]
pub(crate) enum Bucket {
    /// Of rows by a text.
    Map(ReadBucket<String, Row>),
    /// Of rows by a range of addresses; older ones have no index.
    Ranges(ReadBucket<Range, Row>, Option<RangeBucket<Row>>),
}

/// A key and its row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// The key.
    pub(crate) key: Key<'a>,
    /// The row.
    pub(crate) row: &'a Row,
}

/// A key as a table has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'a> {
    /// A text.
    Text(&'a str),
    /// A range of addresses.
    Range(Range),
}

/// A difference between two versions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Difference<'a> {
    /// Only the newer one has the entry.
    Added(Entry<'a>),
    /// Only the older one has the entry.
    Removed(Entry<'a>),
    /// Both have the key; the entry as the newer one has it, and the row of the older one.
    Changed(Entry<'a>, &'a Row),
}

/// Why a text cannot be looked up in a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BadKey(pub(crate) String);

/// Calls a method that all kinds of content have.
macro_rules! each {
    ($content:expr, $table:ident => $call:expr) => {
        match $content {
            Content::Map($table) => $call,
            Content::Ranges(ranges) => {
                let $table = ranges.table();
                $call
            }
        }
    };
}

impl Content {
    /// Makes a reader, for one thread.
    #[track_caller]
    pub(crate) fn reader(&self) -> ContentReader {
        match self {
            Self::Map(table) => ContentReader::Map(table.reader()),
            Self::Ranges(table) => ContentReader::Ranges(table.reader(), table.clone()),
        }
    }

    /// Takes the current version, to be held: the caller's place is what an account of long pins names.
    #[track_caller]
    pub(crate) fn read(&self) -> Bucket {
        match self {
            Self::Map(table) => Bucket::Map(table.read()),
            Self::Ranges(table) => ranges_of_one_version(table),
        }
    }

    /// Takes an older version, if it is kept, or the current one.
    #[track_caller]
    pub(crate) fn at(&self, generation: Generation) -> Option<Bucket> {
        match self {
            Self::Map(table) => table.at(generation).map(Bucket::Map),
            Self::Ranges(table) => table.table().at(generation).map(|rows| Bucket::Ranges(rows, None)),
        }
    }

    /// Returns what is known of content and source.
    pub(crate) fn status(&self) -> Status {
        each!(self, table => table.status())
    }

    /// Makes what reads the metrics, under that name.
    pub(crate) fn gauge(&self, name: &str) -> Gauge {
        each!(self, table => table.gauge(name))
    }

    /// Returns the name of the source.
    pub(crate) fn source(&self) -> &str {
        each!(self, table => table.source())
    }

    /// Returns counts over the store.
    pub(crate) fn stats(&self) -> Stats {
        each!(self, table => table.stats())
    }

    /// Returns who holds versions.
    pub(crate) fn pins(&self) -> Vec<Pin> {
        each!(self, table => table.pins())
    }

    /// Asks for a look at the source, and does not wait.
    pub(crate) fn request_reload(&self) {
        each!(self, table => table.request_reload());
    }

    /// Looks at the source, and waits until that is done; without the guard, if so wished.
    pub(crate) fn reload(&self, unguarded: bool, timeout: Duration) -> Result<Status, ReloadError> {
        each!(self, table => if unguarded { table.reload_unguarded(timeout) } else { table.reload(timeout) })
    }

    /// Brings the content of an older generation back. May wait for a load, and costs O(entries).
    pub(crate) fn rollback(&self, generation: Generation) -> Result<Generation, RollbackError> {
        each!(self, table => table.rollback(generation))
    }
}

impl ContentReader {
    /// Takes the current version out of the reader, with one more reference to it.
    pub(crate) fn bucket(&mut self) -> Bucket {
        match self {
            Self::Map(reader) => Bucket::Map(reader.read().clone()),
            Self::Ranges(_, table) => ranges_of_one_version(table),
        }
    }

    /// Looks up one key in the current version, and returns its generation along with what was found.
    pub(crate) fn find<'a>(&'a mut self, key: &str) -> Result<(Generation, Option<Entry<'a>>), BadKey> {
        match self {
            Self::Map(reader) => {
                let bucket = reader.read();
                Ok((bucket.generation(), find_text(bucket, key)))
            }
            Self::Ranges(reader, _) => {
                let version = reader.read();
                Ok((version.generation(), find_range(version, Sought::parse(key)?)))
            }
        }
    }
}

impl Bucket {
    /// Returns the generation.
    pub(crate) fn generation(&self) -> Generation {
        match self {
            Self::Map(bucket) => bucket.generation(),
            Self::Ranges(bucket, _) => bucket.generation(),
        }
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Map(bucket) => bucket.len(),
            Self::Ranges(bucket, _) => bucket.len(),
        }
    }

    /// Looks up a key.
    ///
    /// # Errors
    /// If the key is not one that such a table can have.
    pub(crate) fn find(&self, key: &str) -> Result<Option<Entry<'_>>, BadKey> {
        match self {
            Self::Map(bucket) => Ok(find_text(bucket, key)),
            Self::Ranges(_, Some(index)) => Ok(find_range(index, Sought::parse(key)?)),
            Self::Ranges(bucket, None) => Ok(find_without_index(bucket, Sought::parse(key)?)),
        }
    }

    /// Tells whether there is an entry with exactly the key that `text` says.
    pub(crate) fn has(&self, text: &str) -> bool {
        match self {
            Self::Map(bucket) => bucket.contains_key(text),
            Self::Ranges(bucket, _) => text.parse().is_ok_and(|range: Range| bucket.contains_key(&range)),
        }
    }

    /// Iterates over the entries, in an order that is the same each time for this version.
    pub(crate) fn entries(&self) -> Box<dyn Iterator<Item = Entry<'_>> + Send + '_> {
        match self {
            Self::Map(bucket) => Box::new(bucket.iter().map(|(key, row)| Entry { key: Key::Text(key), row })),
            Self::Ranges(bucket, _) => {
                Box::new(bucket.iter().map(|(range, row)| Entry { key: Key::Range(*range), row }))
            }
        }
    }

    /// Iterates over what is different in this version compared to an older one of the same table.
    pub(crate) fn diff<'a>(&'a self, older: &'a Self) -> Box<dyn Iterator<Item = Difference<'a>> + Send + 'a> {
        match (self, older) {
            (Self::Map(newer), Self::Map(older)) => {
                Box::new(newer.diff(older).map(|change| Difference::of(change, |key| Key::Text(key))))
            }
            (Self::Ranges(newer, _), Self::Ranges(older, _)) => {
                Box::new(newer.diff(older).map(|change| Difference::of(change, |range| Key::Range(*range))))
            }
            _ => unreachable!("both are of one table, and a table has one kind of keys"),
        }
    }
}

/// What is looked up in a table of ranges.
#[derive(Clone, Copy)]
enum Sought {
    /// The innermost range with that address.
    Address(IpAddr),
    /// Just that range.
    Range(Range),
}

impl Sought {
    /// Takes the text of a request.
    ///
    /// # Errors
    /// If it is neither an address nor a range.
    fn parse(text: &str) -> Result<Self, BadKey> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let bad = |error| BadKey(format!("{text:?} is neither an address nor a range: {error}"));
        text.parse().map(Self::Range).map_err(bad)
    }
}

/// Takes the current version of a table of ranges: its rows, and the index of the same generation.
#[track_caller]
fn ranges_of_one_version(table: &RangeTable<Row>) -> Bucket {
    loop {
        let index = table.read();
        // The index follows the rows at once; between the two, the rows that it belongs to may be gone already.
        if let Some(rows) = table.table().at(index.generation()) {
            return Bucket::Ranges(rows, Some(index));
        }
        std::thread::yield_now();
    }
}

fn find_range(version: &RangeVersion<Row>, sought: Sought) -> Option<Entry<'_>> {
    match sought {
        Sought::Address(address) => version.find(address).map(|(range, row)| Entry { key: Key::Range(*range), row }),
        Sought::Range(range) => version.get(&range).map(|row| Entry { key: Key::Range(range), row }),
    }
}

/// Looks up in a version whose index is gone. Costs O(entries) for an address.
fn find_without_index(bucket: &ReadBucket<Range, Row>, sought: Sought) -> Option<Entry<'_>> {
    let (range, row) = match sought {
        Sought::Range(range) => bucket.get_key_value(&range)?,
        Sought::Address(address) => {
            let with_it = bucket.iter().filter(|(range, _)| range.contains(address));
            with_it.reduce(|inner, other| if inner.0.contains_range(other.0) { other } else { inner })?
        }
    };
    Some(Entry { key: Key::Range(*range), row })
}

fn find_text<'a>(bucket: &'a ReadBucket<String, Row>, key: &str) -> Option<Entry<'a>> {
    bucket.get_key_value(key).map(|(key, row)| Entry { key: Key::Text(key), row })
}

impl Key<'_> {
    /// Tells whether this is the key that `text` says.
    pub(crate) fn is(&self, text: &str) -> bool {
        match self {
            Self::Text(key) => *key == text,
            Self::Range(range) => text.parse() == Ok(*range),
        }
    }

    /// Appends the key as a JSON string.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(key) => write_text(key, out),
            Self::Range(range) => write_text(&range.to_string(), out),
        }
    }
}

impl Entry<'_> {
    /// Appends the entry as `{"key":...,"value":...}`.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"key\":");
        self.key.write_json(out);
        out.extend_from_slice(b",\"value\":");
        self.row.write_json(out);
        out.push(b'}');
    }
}

impl<'a> Difference<'a> {
    /// Takes a change of a store whose keys are `key`.
    fn of<K>(change: Change<'a, K, Row>, key: impl Fn(&'a K) -> Key<'a>) -> Self {
        let entry = |of, row| Entry { key: key(of), row };
        match change {
            Change::Added { key, value } => Self::Added(entry(key, value)),
            Change::Removed { key, value } => Self::Removed(entry(key, value)),
            Change::Changed { key, old, new } => Self::Changed(entry(key, new), old),
        }
    }

    /// Appends the difference as a JSON object with `change`, `key`, and `old` or `new` or both.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        let (change, entry, old, new) = match self {
            Self::Added(entry) => ("added", entry, None, Some(entry.row)),
            Self::Removed(entry) => ("removed", entry, Some(entry.row), None),
            Self::Changed(entry, old) => ("changed", entry, Some(*old), Some(entry.row)),
        };
        out.extend_from_slice(b"{\"change\":\"");
        out.extend_from_slice(change.as_bytes());
        out.extend_from_slice(b"\",\"key\":");
        entry.key.write_json(out);
        for (name, row) in [(",\"old\":", old), (",\"new\":", new)] {
            if let Some(row) = row {
                out.extend_from_slice(name.as_bytes());
                row.write_json(out);
            }
        }
        out.push(b'}');
    }
}

/// Appends a text as a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is valid JSON, and a vector takes all of it");
}
