//! One shard: a flat table behind a lock, and its account of the keys that live elsewhere although it is their home.

use std::hash::Hash;
use std::mem;

use hashbrown::hash_table::Entry;
use hashbrown::{Equivalent, HashTable};
use parking_lot::{Mutex, RwLock};

/// One shard.
///
/// Whoever holds a `placing` may take a table, and another after that, but nobody who holds a table takes another lock.
/// So there is no circle of threads that wait for each other.
#[derive(Debug)]
pub(super) struct Shard<K, V> {
    /// Held by whoever places, replaces or removes a key of this home that may live elsewhere: for such keys, only one
    /// may do so at a time.
    pub(super) placing: Mutex<()>,
    /// The entries that live here.
    pub(super) table: RwLock<Table<K, V>>,
}

impl<K, V> Shard<K, V> {
    /// An empty shard which takes new keys as long as it has fewer entries than `limit`.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            placing: Mutex::new(()),
            table: RwLock::new(Table { entries: HashTable::new(), limit, away: Away::default() }),
        }
    }
}

/// What the lock of a shard guards.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    /// The entries that live here, whatever their home.
    pub(super) entries: HashTable<(K, V)>,
    /// With so many entries or more, the shard is passed over by new keys.
    pub(super) limit: usize,
    /// The keys that live elsewhere although this is their home.
    pub(super) away: Away,
}

impl<K, V> Table<K, V> {
    /// Tells whether new keys may come here.
    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < self.limit
    }

    /// The value of a key that lives here.
    #[inline]
    pub(super) fn get<Q>(&self, hash: u64, key: &Q) -> Option<&V>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.entries.find(hash, |(found, _)| key.equivalent(found)).map(|(_, value)| value)
    }

    /// Sets the value of a key whose home this is, if it lives here, or is new and may live here; else hands back the
    /// entry.
    #[inline]
    pub(super) fn set_at_home(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        hasher: impl Fn(&K) -> u64,
    ) -> Result<Option<V>, (K, V)>
    where
        K: Eq,
    {
        let open = self.away.reach() == 0 && self.has_room();
        match self.entries.entry(hash, |(found, _)| *found == key, |(key, _)| hasher(key)) {
            Entry::Occupied(mut entry) => Ok(Some(mem::replace(&mut entry.get_mut().1, value))),
            Entry::Vacant(entry) if open => {
                entry.insert((key, value));
                Ok(None)
            }
            Entry::Vacant(_) => Err((key, value)),
        }
    }

    /// Sets the value of a key.
    pub(super) fn set(&mut self, hash: u64, key: K, value: V, hasher: impl Fn(&K) -> u64) -> Option<V>
    where
        K: Eq,
    {
        match self.entries.entry(hash, |(found, _)| *found == key, |(key, _)| hasher(key)) {
            Entry::Occupied(mut entry) => Some(mem::replace(&mut entry.get_mut().1, value)),
            Entry::Vacant(entry) => {
                entry.insert((key, value));
                None
            }
        }
    }

    /// Sets the value of a key that lives here and returns the one before; else hands back the value as an error.
    pub(super) fn replace(&mut self, hash: u64, key: &K, value: V) -> Result<V, V>
    where
        K: Eq,
    {
        match self.entries.find_mut(hash, |(found, _)| found == key) {
            Some((_, place)) => Ok(mem::replace(place, value)),
            None => Err(value),
        }
    }

    /// Removes a key that lives here.
    #[inline]
    pub(super) fn remove<Q>(&mut self, hash: u64, key: &Q) -> Option<(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let entry = self.entries.find_entry(hash, |(found, _)| key.equivalent(found)).ok()?;
        Some(entry.remove().0)
    }
}

/// A shard's account of the keys that live elsewhere although it is their home.
#[derive(Debug, Clone, Default)]
pub(super) struct Away {
    /// For each distance from 1 on, how many keys live at that place of their detour.
    ///
    /// Its length is how far lookups go. It ends with a zero only while a key is being placed.
    keys: Vec<usize>,
}

impl Away {
    /// Number of shards of its detour that a key must be looked for in.
    #[inline]
    pub(super) fn reach(&self) -> usize {
        self.keys.len()
    }

    /// Number of keys.
    pub(super) fn keys(&self) -> usize {
        self.keys.iter().sum()
    }

    /// Makes lookups go over `reach` shards, until the next change.
    pub(super) fn extend(&mut self, reach: usize) {
        self.keys.resize(reach, 0);
    }

    /// Notes that a key came to live at `distance`, where 0 is at home.
    pub(super) fn note(&mut self, distance: usize) {
        if let Some(place) = distance.checked_sub(1) {
            self.keys.resize(self.keys.len().max(distance), 0);
            self.keys[place] += 1;
        }
        self.trim();
    }

    /// Notes that a key no longer lives at `distance`, which is not 0.
    pub(super) fn forget(&mut self, distance: usize) {
        self.keys[distance - 1] -= 1;
        self.trim();
    }

    /// Makes lookups go no farther than they must.
    pub(super) fn trim(&mut self) {
        let reach = self.keys.iter().rposition(|&keys| keys > 0).map_or(0, |last| last + 1);
        self.keys.truncate(reach);
    }
}
