//! The five other designs of `twinbucket-alternatives`.
//!
//! The trait that they share serves for reading. It has single changes only, so what a design can do at once is added here.

use std::collections::HashSet;
use std::{mem, slice};

use twinbucket_alternatives::{
    ConcurrentMap, LeftRightMap, LeftRightReader, ReadMostlyMap, RwLockMap, ShardedMap, StripedMap,
};

use super::{IN_TABLE, Kind, Lookup, Lookups, OneByOne, Rival, Shared, View, Way, noted};
use crate::item::Item;

/// The other designs as rivals.
pub(super) fn kinds<T: Item>() -> Vec<Kind<T>> {
    vec![
        kind::<T, RwLockMap<T, T>>(&Way { id: "rwlock", name: "RwLock<HashMap>", follows: true }),
        kind::<T, ReadMostlyMap<T, T>>(&Way { id: "read-mostly", name: "read-mostly", follows: true }),
        kind::<T, ShardedMap<T, T>>(&Way { id: "sharded", name: "sharded", follows: true }),
        kind::<T, StripedMap<T, T>>(&Way { id: "striped", name: "striped", follows: true }),
        kind::<T, LeftRightMap<T, T>>(&Way { id: "left-right", name: "left-right", follows: true }),
    ]
}

/// One of them, with its only way to be read.
fn kind<T: Item, M: Alternative<T> + 'static>(way: &'static Way) -> Kind<T> {
    Kind {
        id: way.id,
        name: way.name,
        ways: slice::from_ref(way),
        promises: M::CAPABILITIES,
        all_at_once: M::ALL_AT_ONCE,
        concurrent: true,
        build: |entries| Box::new(Alternatively(M::holding(entries))),
    }
}

/// A map with what the shared trait leaves out.
trait Alternative<T: Item>: ConcurrentMap<T, T> + Sized {
    /// Whether many changes can become visible at once.
    const ALL_AT_ONCE: bool = false;

    /// Makes a map of the given entries.
    fn holding(entries: &mut dyn Iterator<Item = (T, T)>) -> Self;

    /// Makes a reader for the calling thread.
    fn reader(&self) -> Box<dyn Lookups<T> + '_> {
        Box::new(OneByOne(Shared(self)))
    }

    /// Applies changes; calls `staged` when it begins to show them.
    fn publish(&self, changes: impl Iterator<Item = (T, T)>, staged: &mut dyn FnMut()) {
        staged();
        changes.for_each(|(key, value)| drop(self.insert(key, value)));
    }

    /// Replaces the whole content.
    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let keys = noted(entries, |key, value| drop(self.insert(key, value)));
        for key in stale(self, &keys) {
            self.remove(&key);
        }
    }

    /// Frees what merely waits to be freed.
    fn settle(&self) {}
}

/// Returns the keys of a map that are not among those given.
fn stale<T: Item>(map: &impl ConcurrentMap<T, T>, keys: &HashSet<T>) -> Vec<T> {
    let mut stale = Vec::new();
    map.for_each(|key, _| {
        if !keys.contains(key) {
            stale.push(key.clone());
        }
    });
    stale
}

impl<T: Item> Alternative<T> for RwLockMap<T, T> {
    const ALL_AT_ONCE: bool = true;

    fn holding(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        entries.collect()
    }

    fn publish(&self, changes: impl Iterator<Item = (T, T)>, staged: &mut dyn FnMut()) {
        staged();
        self.write().extend(changes);
    }

    /// Makes the new table beforehand and drops the old one afterwards, so that readers hardly wait.
    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let table = entries.collect();
        let old = mem::replace(&mut *self.write(), table);
        drop(old);
    }
}

impl<T: Item> Alternative<T> for ReadMostlyMap<T, T> {
    fn holding(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        entries.collect()
    }
}

/// As many shards as the striped map has, placed by modulo: the two differ in what they pay for the choice of a shard.
impl<T: Item> Alternative<T> for ShardedMap<T, T> {
    fn holding(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        let mut map = Self::new(32);
        map.extend(entries);
        map
    }
}

impl<T: Item> Alternative<T> for StripedMap<T, T> {
    fn holding(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        entries.collect()
    }
}

impl<T: Item> Alternative<T> for LeftRightMap<T, T> {
    const ALL_AT_ONCE: bool = true;

    /// Publishes a second time, so that the other side is filled, too.
    fn holding(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        let map: Self = entries.collect();
        map.write().publish();
        map
    }

    fn reader(&self) -> Box<dyn Lookups<T> + '_> {
        Box::new(OneByOne(LeftRightMap::reader(self)))
    }

    fn publish(&self, changes: impl Iterator<Item = (T, T)>, staged: &mut dyn FnMut()) {
        let mut batch = self.write();
        batch.extend(changes);
        staged();
        batch.publish();
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let mut batch = self.write();
        let keys = noted(entries, |key, value| batch.insert(key, value));
        stale(self, &keys).into_iter().for_each(|key| batch.remove(key));
        batch.publish();
    }

    /// Publishes nothing new: that applies the log to the side that lags behind, and frees it.
    fn settle(&self) {
        self.write().publish();
    }
}

/// One of them as a rival.
struct Alternatively<M>(M);

impl<T: Item, M: Alternative<T>> Rival<T> for Alternatively<M> {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<T> + '_> {
        Alternative::reader(&self.0)
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        Alternative::publish(&self.0, changes.drain(..), staged);
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        Alternative::reload(&self.0, entries);
    }

    fn walk(&self) -> u64 {
        let mut sum = 0_u64;
        self.0.for_each(|_, value| sum = sum.wrapping_add(value.weigh()));
        sum
    }

    fn settle(&self) {
        Alternative::settle(&self.0);
    }

    /// There is none that nobody waits for.
    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        None
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        self.0.get_with(key, |_| meanwhile()).expect(IN_TABLE);
    }

    fn len(&self) -> usize {
        ConcurrentMap::len(&self.0)
    }
}

impl<T: Item> Lookup<T> for LeftRightReader<T, T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.get_with(key, look)
    }
}
