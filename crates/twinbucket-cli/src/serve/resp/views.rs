//! The tables as one worker thread sees them: in order, each with a reader of its own.
//!
//! A batch of commands runs with the thread's [`Views`] lent to it, from the first command to the last, without a pause
//! in between. Each command answers from one read bucket per table; commands of one batch may see different ones.

use std::sync::Arc;

use twinbucket::{Generation, ReadBucket, Reader};

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
    reader: Reader<String, Row>,
}

/// One version of a table.
#[derive(Clone, Debug)]
pub(crate) struct Version(ReadBucket<String, Row>);

/// A walk through one version of a table, with its place in it.
#[derive(Debug)]
pub(crate) struct Walk(twinbucket::IntoIter<String, Row>);

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
            view.reader.release();
        }
    }
}

impl View {
    /// Takes a table and a reader of it.
    pub(crate) fn new(name: Arc<str>, reader: Reader<String, Row>) -> Self {
        Self { name, reader }
    }

    /// Returns the row of a key. A key that is not UTF-8 is in no table.
    #[inline]
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<&Row> {
        self.reader.get(std::str::from_utf8(key).ok()?)
    }

    /// Returns the rows of several keys, all of one version. Waits for the memory of all of them at once.
    #[inline]
    pub(crate) fn find_many<const N: usize>(&mut self, keys: [&[u8]; N]) -> [Option<&Row>; N] {
        find_many(self.reader.read(), keys)
    }

    /// Returns how many entries there are.
    pub(crate) fn len(&mut self) -> usize {
        self.reader.read().len()
    }

    /// Returns the generation of the current version.
    pub(crate) fn generation(&mut self) -> Generation {
        self.reader.read().generation()
    }

    /// Returns the current version, to be held.
    pub(crate) fn version(&mut self) -> Version {
        Version(self.reader.read().clone())
    }
}

impl Version {
    /// Returns the row of a key.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Row> {
        self.0.get(std::str::from_utf8(key).ok()?)
    }

    /// Returns the rows of several keys. Waits for the memory of all of them at once.
    pub(crate) fn find_many<const N: usize>(&self, keys: [&[u8]; N]) -> [Option<&Row>; N] {
        find_many(&self.0, keys)
    }

    /// Begins a walk through all entries.
    pub(crate) fn into_walk(self) -> Walk {
        Walk(self.0.into_iter())
    }

    /// Iterates over all keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Walk {
    /// Returns whether there is nothing left.
    pub(crate) fn is_over(&self) -> bool {
        self.0.len() == 0
    }

    /// Returns the next key and its row.
    pub(crate) fn next(&mut self) -> Option<(String, Row)> {
        self.0.next()
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
