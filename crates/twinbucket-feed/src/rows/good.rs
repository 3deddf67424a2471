//! The good rows of a load, beside what the table has.
//!
//! A row that the table has already is dropped as soon as it was compared; of it, the table's own key and the place stay.
//! Every key is in the index once.
//!
//! Rows come in batches, because a large table is not in the caches: first the batch is looked up as a whole, so that the
//! waits for memory overlap, and then each row is dealt with by itself.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::hint::black_box;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use twinbucket::{Changes, ReadBucket, WriteBucket};

/// The most rows of a batch.
pub(super) const BATCH: usize = 16;

/// What a table has, for rows to be compared with.
pub(crate) trait Present<K, V> {
    /// Returns for each row of a batch the table's own key, if the table has an entry with that key and that value.
    fn find(&self, rows: &[Row<K, V>]) -> Found<'_, K>;

    /// Returns how many entries there are.
    fn len(&self) -> usize;
}

impl<K: Hash + Eq, V: PartialEq, S: BuildHasher> Present<K, V> for ReadBucket<K, V, S> {
    fn find(&self, rows: &[Row<K, V>]) -> Found<'_, K> {
        let own_key = |row: &Row<K, V>, value: Option<&V>| {
            value.filter(|value| **value == row.value)?;
            self.get_key_value(&row.key).map(|(key, _)| key)
        };
        if let Ok(rows) = <&[Row<K, V>; BATCH]>::try_from(rows) {
            let values = self.get_many(rows.each_ref().map(|row| &row.key));
            return std::array::from_fn(|at| own_key(&rows[at], values[at]));
        }
        std::array::from_fn(|at| rows.get(at).and_then(|row| own_key(row, self.get(&row.key))))
    }

    fn len(&self) -> usize {
        self.len()
    }
}

/// The table's own keys for the rows of a batch.
pub(crate) type Found<'a, K> = [Option<&'a K>; BATCH];

/// A table without entries.
pub(crate) struct Nothing;

impl<K, V> Present<K, V> for Nothing {
    fn find(&self, _: &[Row<K, V>]) -> Found<'_, K> {
        [None; BATCH]
    }

    fn len(&self) -> usize {
        0
    }
}

/// The good rows of a load.
pub(super) struct Good<'a, K, V> {
    /// What the table has.
    present: &'a dyn Present<K, V>,
    /// Those that the table does not have like this.
    rows: Vec<Row<K, V>>,
    /// Those that it has.
    same: Vec<Same<'a, K>>,
    /// Where in the two the row of each key is, with the hash of the key.
    index: HashTable<(u64, At)>,
    /// Hashes the keys for `index`.
    hasher: DefaultHashBuilder,
}

/// A row that the table does not have like this.
#[derive(Debug)]
pub(crate) struct Row<K, V> {
    /// Its key.
    pub(super) key: K,
    /// The hash of the key, by [`Good::hash`].
    pub(super) hash: u64,
    /// Its value.
    pub(super) value: V,
    /// Where it stands.
    pub(super) line: Line,
}

/// A row that the table has.
struct Same<'a, K> {
    /// The table's own key.
    key: &'a K,
    /// Where the row stands.
    line: Line,
}

/// Where a row stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Number of the part.
    pub(super) part: u32,
    /// Number of the line.
    pub(super) line: u64,
}

/// Where a row is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// With those that the table does not have, at that place.
    Row(usize),
    /// With those that it has, at that place.
    Same(usize),
}

impl<'a, K: Hash + Eq, V> Good<'a, K, V> {
    pub(super) fn new(present: &'a dyn Present<K, V>) -> Self {
        // The new content is seldom much larger.
        let (same, index) = (Vec::with_capacity(present.len()), HashTable::with_capacity(present.len()));
        Self { present, rows: Vec::new(), same, index, hasher: DefaultHashBuilder::default() }
    }

    /// Makes the content of `new`, which has what `old` has, that of these rows, and touches only what differs.
    pub(super) fn apply<S: BuildHasher>(self, old: &ReadBucket<K, V, S>, new: &mut WriteBucket<'_, K, V, S>) -> Changes
    where
        K: Clone,
        V: Clone + PartialEq,
    {
        if old.is_empty() {
            return new.sync(self.into_entries());
        }
        let mut changes = Changes::default();
        for row in &self.rows {
            match old.get(&row.key) {
                None => changes.added += 1,
                Some(value) if *value != row.value => changes.changed += 1,
                // A later part made of the row what the table has.
                Some(_) => {}
            }
        }
        changes.unchanged = self.len() - changes.added - changes.changed;
        // An `Eq` that contradicts itself may find one entry twice.
        changes.removed = old.len().saturating_sub(changes.unchanged + changes.changed);
        if changes.removed > 0 {
            new.retain(|key, _| self.has(key));
        }
        let differing = self.rows.into_iter().filter(|row| old.get(&row.key) != Some(&row.value));
        differing.for_each(|row| drop(new.insert(row.key, row.value)));
        changes
    }

    /// Returns the hash of a key.
    pub(super) fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Looks up a batch in the table, and has the places for it in the index fetched from memory.
    pub(super) fn find(&self, batch: &[Row<K, V>]) -> Found<'a, K> {
        for row in batch {
            black_box(self.index.find(row.hash, |_| false));
        }
        self.present.find(batch)
    }

    /// Takes in a row unless there is one of its key; then returns where that is kept, and the row. `own` is what
    /// [`find`](Self::find) found for it.
    pub(super) fn take(&mut self, row: Row<K, V>, own: Option<&'a K>) -> Result<(), (At, Row<K, V>)> {
        let hash = row.hash;
        let (rows, same) = (&mut self.rows, &mut self.same);
        let is_key = |&(other, at): &(u64, At)| other == hash && row.key == *at.key(rows, same);
        let place = match self.index.entry(hash, is_key, |&(hash, _)| hash) {
            Entry::Occupied(place) => return Err((place.get().1, row)),
            Entry::Vacant(place) => place,
        };
        match own {
            Some(key) => {
                place.insert((hash, At::Same(same.len())));
                same.push(Same { key, line: row.line });
            }
            None => {
                place.insert((hash, At::Row(rows.len())));
                rows.push(row);
            }
        }
        Ok(())
    }

    /// Puts a row in the place of the one of its key.
    pub(super) fn replace(&mut self, at: At, row: Row<K, V>) {
        match at {
            At::Row(at) => self.rows[at] = row,
            At::Same(_) => {
                let place = self.index.find_mut(row.hash, |&(_, other)| other == at);
                place.expect("the row was found there").1 = At::Row(self.rows.len());
                self.rows.push(row);
            }
        }
    }

    /// Tells whether there is a row of that key.
    fn has(&self, key: &K) -> bool {
        let is_key = |&(_, at): &(u64, At)| *key == *at.key(&self.rows, &self.same);
        self.index.find(self.hash(key), is_key).is_some()
    }
}

impl<K, V> Good<'_, K, V> {
    /// Returns how many rows there are.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns where a row stands.
    pub(super) fn line(&self, at: At) -> Line {
        match at {
            At::Row(at) => self.rows[at].line,
            At::Same(at) => self.same[at].line,
        }
    }

    /// Returns the rows that the table does not have.
    pub(super) fn into_entries(self) -> impl ExactSizeIterator<Item = (K, V)> {
        self.rows.into_iter().map(|row| (row.key, row.value))
    }
}

impl<K, V> fmt::Debug for Good<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Good").field("rows", &self.rows.len()).field("same", &self.same.len()).finish_non_exhaustive()
    }
}

impl At {
    /// Returns the key of the row that is kept there.
    fn key<'k, K, V>(self, rows: &'k [Row<K, V>], same: &'k [Same<'_, K>]) -> &'k K {
        match self {
            Self::Row(at) => &rows[at].key,
            Self::Same(at) => same[at].key,
        }
    }
}
