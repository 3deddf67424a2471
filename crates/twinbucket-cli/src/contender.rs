//! The two stores that do the same job in one run: twinbucket, and clone-and-swap over a flat map.
//!
//! Both hold the same keys and entries, hash alike, and are read through the cheapest reader they have. A
//! clone of a key or of an entry costs one reference count, so the map that clone-and-swap copies is about as
//! cheap to copy as a map of rows can be.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use hashbrown::HashMap;
use twinbucket::{DefaultHashBuilder, ReadBucket, Reader, Store, WriteBucket};

use crate::table::{Fields, Row};

/// A key of the table.
pub(crate) type Key = Arc<str>;

/// What a store holds for a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    /// The row of the table.
    pub(crate) fields: Arc<Fields>,
    /// How often the row has changed since the table was loaded.
    pub(crate) revision: u64,
}

impl Entry {
    /// The entry of a row as loaded.
    pub(crate) fn loaded(row: &Row) -> (Key, Self) {
        (Arc::clone(&row.key), Self { fields: Arc::clone(&row.fields), revision: 0 })
    }
}

/// One change of a delta.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// Adds the entry, or puts it in the place of the one before.
    Put(Key, Entry),
    /// Takes the entry away.
    Remove(Key),
}

/// How a full reload reaches the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reload {
    /// Compares with what is there and changes only what differs.
    Sync,
    /// Puts everything in anew.
    ReplaceAll,
}

/// How many bytes the structure of a store takes; not what keys and entries point to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Footprint {
    /// The current version.
    pub(crate) current_bytes: usize,
    /// Older versions, beyond what they share with the current one.
    pub(crate) older_bytes: usize,
}

/// A store that can be read, published to and frozen.
pub(crate) trait Contender: Sync {
    /// What reports and messages call it.
    const NAME: &'static str;
    /// What a reader thread keeps.
    type Reader<'a>
    where
        Self: 'a;
    /// One version, held for as long as its owner likes.
    type Frozen: Send + Sync;

    /// Makes a reader for one thread.
    fn reader(&self) -> Self::Reader<'_>;

    /// Looks `key` up in the newest version.
    fn lookup<'r>(reader: &'r mut Self::Reader<'_>, key: &str) -> Option<&'r Entry>;

    /// Takes hold of the current version.
    fn freeze(&self) -> Self::Frozen;

    /// Number of a version; grows with each publish.
    fn generation(frozen: &Self::Frozen) -> u64;

    /// Calls `visit` for each entry of a version.
    fn walk(frozen: &Self::Frozen, visit: impl FnMut(&Key, &Entry));

    /// Looks `key` up in one version.
    fn get<'f>(frozen: &'f Self::Frozen, key: &str) -> Option<&'f Entry>;

    /// Applies `edits` and publishes them as one.
    fn publish(&self, edits: Vec<Edit>);

    /// Publishes `rows` as the whole content; returns how many entries that changed, where the store tells.
    fn reload(&self, how: Reload, rows: Vec<(Key, Entry)>) -> Option<usize>;

    /// Frees what no one can see any more.
    fn settle(&self);

    /// Measures the structure; `frozen` is the one older version that may be held.
    fn footprint(&self, frozen: Option<&Self::Frozen>) -> Footprint;
}

/// The library's store.
pub(crate) struct Twin(Store<Key, Entry>);

impl Twin {
    /// Publishes `rows` as the first content.
    pub(crate) fn new(rows: &[Row]) -> Self {
        let store = Store::builder().capacity(rows.len()).build();
        store.replace_all(rows.iter().map(Entry::loaded));
        Self(store)
    }
}

/// Applies one change to a write bucket.
fn apply(bucket: &mut WriteBucket<'_, Key, Entry, DefaultHashBuilder>, edit: Edit) {
    match edit {
        Edit::Put(key, entry) => drop(bucket.insert(key, entry)),
        Edit::Remove(key) => drop(bucket.remove(&*key)),
    }
}

impl Contender for Twin {
    const NAME: &'static str = "twinbucket";
    type Reader<'a> = Reader<Key, Entry, DefaultHashBuilder>;
    type Frozen = ReadBucket<Key, Entry, DefaultHashBuilder>;

    fn reader(&self) -> Self::Reader<'_> {
        self.0.reader()
    }

    fn lookup<'r>(reader: &'r mut Self::Reader<'_>, key: &str) -> Option<&'r Entry> {
        reader.get(key)
    }

    fn freeze(&self) -> Self::Frozen {
        self.0.read()
    }

    fn generation(frozen: &Self::Frozen) -> u64 {
        frozen.generation().get()
    }

    fn walk(frozen: &Self::Frozen, mut visit: impl FnMut(&Key, &Entry)) {
        for (key, entry) in frozen {
            visit(key, entry);
        }
    }

    fn get<'f>(frozen: &'f Self::Frozen, key: &str) -> Option<&'f Entry> {
        frozen.get(key)
    }

    fn publish(&self, edits: Vec<Edit>) {
        let mut bucket = self.0.write();
        for edit in edits {
            apply(&mut bucket, edit);
        }
        bucket.publish();
    }

    fn reload(&self, how: Reload, rows: Vec<(Key, Entry)>) -> Option<usize> {
        let mut bucket = self.0.write();
        let changed = match how {
            Reload::Sync => {
                let changes = bucket.sync(rows);
                Some(changes.added + changes.changed + changes.removed)
            }
            Reload::ReplaceAll => {
                bucket.replace_all(rows);
                None
            }
        };
        bucket.publish();
        changed
    }

    fn settle(&self) {
        self.0.collect();
    }

    fn footprint(&self, _: Option<&Self::Frozen>) -> Footprint {
        let stats = self.0.stats();
        Footprint { current_bytes: stats.bytes, older_bytes: stats.retired_bytes }
    }
}

/// Clone-and-swap: each publish copies the whole map, changes the copy and swaps a pointer.
pub(crate) struct Swap(ArcSwap<Flat>);

/// One version of the flat map.
#[derive(Clone)]
pub(crate) struct Flat {
    /// Number of the version.
    generation: u64,
    /// Its content.
    map: HashMap<Key, Entry>,
}

impl Swap {
    /// Publishes `rows` as the first content.
    pub(crate) fn new(rows: &[Row]) -> Self {
        Self(ArcSwap::from_pointee(Flat { generation: 1, map: rows.iter().map(Entry::loaded).collect() }))
    }
}

impl Contender for Swap {
    const NAME: &'static str = "clone-and-swap";
    type Reader<'a> = Cache<&'a ArcSwap<Flat>, Arc<Flat>>;
    type Frozen = Arc<Flat>;

    fn reader(&self) -> Self::Reader<'_> {
        Cache::new(&self.0)
    }

    fn lookup<'r>(reader: &'r mut Self::Reader<'_>, key: &str) -> Option<&'r Entry> {
        reader.load().map.get(key)
    }

    fn freeze(&self) -> Self::Frozen {
        self.0.load_full()
    }

    fn generation(frozen: &Self::Frozen) -> u64 {
        frozen.generation
    }

    fn walk(frozen: &Self::Frozen, mut visit: impl FnMut(&Key, &Entry)) {
        for (key, entry) in &frozen.map {
            visit(key, entry);
        }
    }

    fn get<'f>(frozen: &'f Self::Frozen, key: &str) -> Option<&'f Entry> {
        frozen.map.get(key)
    }

    fn publish(&self, edits: Vec<Edit>) {
        let mut flat = Flat::clone(&self.0.load());
        flat.generation += 1;
        for edit in edits {
            match edit {
                Edit::Put(key, entry) => drop(flat.map.insert(key, entry)),
                Edit::Remove(key) => drop(flat.map.remove(&*key)),
            }
        }
        self.0.store(Arc::new(flat));
    }

    fn reload(&self, _: Reload, rows: Vec<(Key, Entry)>) -> Option<usize> {
        let generation = self.0.load().generation + 1;
        self.0.store(Arc::new(Flat { generation, map: rows.into_iter().collect() }));
        None
    }

    fn settle(&self) {
        // Whoever let go of a version last has freed it.
    }

    fn footprint(&self, frozen: Option<&Self::Frozen>) -> Footprint {
        let older_bytes = frozen.map_or(0, |flat| flat.map.allocation_size());
        Footprint { current_bytes: self.0.load().map.allocation_size(), older_bytes }
    }
}
