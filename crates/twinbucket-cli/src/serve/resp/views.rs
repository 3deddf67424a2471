//! The tables as one worker thread sees them: in order, each with a reader of its own.
//!
//! A batch of commands runs with the thread's [`Views`] lent to it, from the first command to the last, without a pause
//! in between. Each command answers from one read bucket per table; commands of one batch may see different ones.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use twinbucket::{Generation, ReadBucket, Reader};
use twinbucket_feed::ranges::{Range, RangeBucket, RangeReader, RangeVersion};

use crate::serve::row::Row;

/// Where the tables are kept.
pub(crate) trait Tables: Send + Sync + 'static {
    /// Lends this thread's views to `run`. Waits for nobody.
    fn lend<R>(&self, run: impl FnOnce(&mut Views) -> R) -> R;
}

/// All tables, as one thread sees them.
#[derive(Debug, Default)]
pub(crate) struct Views {
    /// The tables, in the order in which SELECT counts them.
    tables: Vec<View>,
}

/// One table, as one thread sees it.
#[derive(Debug)]
pub(crate) struct View {
    /// Name of the table.
    pub(crate) name: Arc<str>,
    /// The thread's reader of it.
    reader: Reading,
}

/// A reader of one kind of table.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Rows by a text.
    Map(Reader<String, Row>),
    /// Rows by a range of addresses.
    Ranges(RangeReader<Row>),
}

/// One version of a table.
#[derive(Clone, Debug)]
pub(crate) enum Version {
    /// Of rows by a text.
    Map(ReadBucket<String, Row>),
    /// Of rows by a range of addresses.
    Ranges(RangeBucket<Row>),
}

/// A walk through one version of a table, with its place in it.
#[derive(Debug)]
pub(crate) enum Walk {
    /// Through rows by a text.
    Map(twinbucket::IntoIter<String, Row>),
    /// Through rows by a range of addresses: the version, and where the walk was last.
    Ranges(RangeBucket<Row>, Option<Range>),
}

impl Views {
    /// Takes the tables, in order.
    pub(crate) fn new(tables: Vec<View>) -> Self {
        Self { tables }
    }

    /// Returns all tables, in order.
    pub(crate) fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut View> {
        self.tables.iter_mut()
    }

    /// Returns how many tables there are.
    pub(crate) fn len(&self) -> usize {
        self.tables.len()
    }

    /// Returns the name of the table with that number.
    pub(crate) fn name(&self, at: usize) -> Option<&Arc<str>> {
        self.tables.get(at).map(|view| &view.name)
    }

    /// Returns the table with that number.
    #[inline]
    pub(crate) fn get(&mut self, at: usize) -> Option<&mut View> {
        self.tables.get_mut(at)
    }

    /// Returns the number of the table of that name.
    pub(crate) fn named(&self, name: &[u8]) -> Option<usize> {
        self.tables.iter().position(|view| view.name.as_bytes() == name)
    }

    /// Returns the number of the table that a key is in, and the key without the table's name; without such a name it is
    /// in the table that is selected.
    #[inline]
    pub(crate) fn locate<'k>(&self, key: &'k [u8], selected: usize) -> (usize, &'k [u8]) {
        if let Some(at) = key.iter().position(|&byte| byte == b':') {
            if let Some(table) = self.named(&key[..at]) {
                return (table, &key[at + 1..]);
            }
        }
        (selected, key)
    }

    /// Lets go of the read buckets that the readers hold, for a thread that goes to sleep.
    pub(crate) fn release(&mut self) {
        for view in &mut self.tables {
            view.release();
        }
    }
}

impl View {
    /// Takes a table and a reader of it.
    pub(crate) fn new(name: Arc<str>, reader: Reading) -> Self {
        Self { name, reader }
    }

    /// Returns the row of a key; of an address, that of the innermost range. A key that is not UTF-8 is in no table.
    #[inline]
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<&Row> {
        let key = std::str::from_utf8(key).ok()?;
        match &mut self.reader {
            Reading::Map(reader) => reader.get(key),
            Reading::Ranges(reader) => find_range(reader.read(), key),
        }
    }

    /// Returns the rows of several keys, all of one version. Waits for the memory of all of them at once.
    #[inline]
    pub(crate) fn find_many<const N: usize>(&mut self, keys: [&[u8]; N]) -> [Option<&Row>; N] {
        match &mut self.reader {
            Reading::Map(reader) => find_many(reader.read(), keys),
            Reading::Ranges(reader) => find_ranges(reader.read(), keys),
        }
    }

    /// Returns how many entries there are.
    pub(crate) fn len(&mut self) -> usize {
        match &mut self.reader {
            Reading::Map(reader) => reader.read().len(),
            Reading::Ranges(reader) => reader.read().len(),
        }
    }

    /// Returns the generation of the current version.
    pub(crate) fn generation(&mut self) -> Generation {
        match &mut self.reader {
            Reading::Map(reader) => reader.read().generation(),
            Reading::Ranges(reader) => reader.read().generation(),
        }
    }

    /// Returns the current version, to be held.
    pub(crate) fn version(&mut self) -> Version {
        match &mut self.reader {
            Reading::Map(reader) => Version::Map(reader.read().clone()),
            Reading::Ranges(reader) => Version::Ranges(reader.bucket()),
        }
    }

    fn release(&mut self) {
        match &mut self.reader {
            Reading::Map(reader) => reader.release(),
            Reading::Ranges(reader) => reader.release(),
        }
    }
}

impl Version {
    /// Returns the row of a key, as [`View::find`] does.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Row> {
        let key = std::str::from_utf8(key).ok()?;
        match self {
            Self::Map(bucket) => bucket.get(key),
            Self::Ranges(bucket) => find_range(bucket, key),
        }
    }

    /// Returns the rows of several keys. Waits for the memory of all of them at once.
    pub(crate) fn find_many<const N: usize>(&self, keys: [&[u8]; N]) -> [Option<&Row>; N] {
        match self {
            Self::Map(bucket) => find_many(bucket, keys),
            Self::Ranges(bucket) => find_ranges(bucket, keys),
        }
    }

    /// Begins a walk through all entries.
    pub(crate) fn into_walk(self) -> Walk {
        match self {
            Self::Map(bucket) => Walk::Map(bucket.into_iter()),
            Self::Ranges(bucket) => Walk::Ranges(bucket, None),
        }
    }

    /// Iterates over all keys.
    pub(crate) fn keys(&self) -> Box<dyn Iterator<Item = Cow<'_, str>> + '_> {
        match self {
            Self::Map(bucket) => Box::new(bucket.keys().map(|key| Cow::Borrowed(&**key))),
            Self::Ranges(bucket) => Box::new(bucket.iter().map(|(range, _)| Cow::Owned(range.to_string()))),
        }
    }
}

impl Walk {
    /// Returns the next key and its row.
    pub(crate) fn next(&mut self) -> Option<(String, Row)> {
        match self {
            Self::Map(entries) => entries.next(),
            Self::Ranges(bucket, last) => {
                let next = match last {
                    None => bucket.iter().next(),
                    Some(last) => bucket.iter_after(last).next(),
                };
                let (range, row) = next?;
                *last = Some(*range);
                Some((range.to_string(), row.clone()))
            }
        }
    }

    /// Tells whether nothing is left.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Map(entries) => entries.len() == 0,
            Self::Ranges(bucket, last) => match last {
                None => bucket.is_empty(),
                Some(last) => bucket.iter_after(last).len() == 0,
            },
        }
    }
}

/// Looks up several keys.
#[inline]
fn find_many<'a, const N: usize>(bucket: &'a ReadBucket<String, Row>, keys: [&[u8]; N]) -> [Option<&'a Row>; N] {
    let texts = keys.map(|key| std::str::from_utf8(key).ok());
    let rows = bucket.get_many(texts.map(|text| text.unwrap_or_default()));
    // A key that is not UTF-8 was looked up as the empty one, which may be there.
    std::array::from_fn(|at| rows[at].filter(|_| texts[at].is_some()))
}

/// Looks up several addresses or ranges.
fn find_ranges<'a, const N: usize>(version: &'a RangeVersion<Row>, keys: [&[u8]; N]) -> [Option<&'a Row>; N] {
    keys.map(|key| find_range(version, std::str::from_utf8(key).ok()?))
}

/// Looks up an address in the innermost range that has it, or exactly that range.
fn find_range<'a>(version: &'a RangeVersion<Row>, key: &str) -> Option<&'a Row> {
    match key.parse::<IpAddr>() {
        Ok(address) => version.find(address).map(|(_, row)| row),
        Err(_) => version.get(&key.parse().ok()?),
    }
}
