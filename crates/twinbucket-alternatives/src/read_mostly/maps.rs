//! The read map and the dirty map: tables of shared entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::Equivalent;
use hashbrown::hash_table::HashTable;

use super::entry::Entry;

/// A map whose entries change, but not the set of them.
pub(super) struct ReadMap<K, V> {
    /// The entries.
    pub(super) entries: Table<K, V>,
    /// Whether the dirty map has keys that are not in here. Goes from false to true, once, under the lock.
    amended: AtomicBool,
}

/// What is under the lock.
pub(super) struct Dirty<K, V> {
    /// Once amended: all entries, but for the expunged ones. Empty before.
    pub(super) entries: Table<K, V>,
    /// Lookups that had to take the lock since the last promotion.
    pub(super) misses: usize,
}

/// A table of shared entries.
pub(super) struct Table<K, V>(pub(super) HashTable<Arc<Entry<K, V>>>);

impl<K, V> Table<K, V> {
    /// Finds the entry of a key.
    pub(super) fn find<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<&Arc<Entry<K, V>>> {
        self.0.find(hash, |entry| key.equivalent(&entry.key))
    }

    /// Takes the entry of a key out.
    pub(super) fn take<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<Arc<Entry<K, V>>> {
        let found = self.0.find_entry(hash, |entry| key.equivalent(&entry.key)).ok()?;
        Some(found.remove().0)
    }

    /// Adds an entry whose key is not there.
    pub(super) fn add(&mut self, entry: Arc<Entry<K, V>>) {
        self.0.insert_unique(entry.hash, entry, |entry| entry.hash);
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(HashTable::new())
    }
}

impl<K, V> ReadMap<K, V> {
    /// Makes a read map that has all keys.
    pub(super) fn new(entries: Table<K, V>) -> Arc<Self> {
        Arc::new(Self { entries, amended: AtomicBool::new(false) })
    }

    /// Tells whether the dirty map has more keys.
    ///
    /// If not, a key that is not in here is nowhere at this moment, even if this is not the read map any more: it was amended
    /// before it was replaced.
    pub(super) fn is_amended(&self) -> bool {
        // Acquire: pairs with the Release in `amend`, though the entries themselves are handed over by the lock.
        self.amended.load(Ordering::Acquire)
    }

    /// Makes the dirty map, of all entries that have a value. Only under the lock.
    pub(super) fn amend(&self, dirty: &mut Dirty<K, V>) {
        dirty.entries.0.reserve(self.entries.0.len() + 1, |entry| entry.hash);
        let alive = self.entries.0.iter().filter(|entry| !entry.expunge());
        alive.for_each(|entry| dirty.entries.add(Arc::clone(entry)));
        // Release: pairs with the Acquire in `is_amended`.
        self.amended.store(true, Ordering::Release);
    }
}
