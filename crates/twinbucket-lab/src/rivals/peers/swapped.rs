//! Whole maps behind an atomic pointer, on arc-swap: a change is made to a clone, which is then stored.
//!
//! Of a flat map the clone costs O(n); of imbl's, a trie that shares structure between versions, next to nothing.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use hashbrown::HashMap;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use parking_lot::Mutex;

use super::super::{DefaultHashBuilder, IN_TABLE, Lookup, Lookups, OneByOne, Rival, View, cloned};
use super::{Kind, VERSIONED, Way};
use crate::item::Item;

/// The flat map.
type Flat<T> = HashMap<T, T, DefaultHashBuilder>;
/// The trie.
type Trie<T> = GenericHashMap<T, T, DefaultHashBuilder, DefaultSharedPtr>;

/// The flat map as a rival.
pub(super) fn clone_swap<T: Item>() -> Kind<T> {
    kind::<T, Flat<T>>(&[
        Way { id: "clone-swap", name: "clone-and-swap", follows: true },
        Way { id: "clone-swap-cache", name: "clone-and-swap, Cache", follows: true },
    ])
}

/// The trie as a rival.
pub(super) fn imbl<T: Item>() -> Kind<T> {
    kind::<T, Trie<T>>(&[
        Way { id: "imbl", name: "imbl in ArcSwap", follows: true },
        Way { id: "imbl-cache", name: "imbl in ArcSwap, Cache", follows: true },
    ])
}

/// A map as a rival; it is read by a load for each lookup, or through a cache.
fn kind<T: Item, M: Version<T>>(ways: &'static [Way; 2]) -> Kind<T> {
    Kind {
        id: ways[0].id,
        name: ways[0].name,
        ways,
        promises: VERSIONED,
        all_at_once: true,
        concurrent: true,
        build: |entries| {
            Box::new(Swapped { current: ArcSwap::from_pointee(M::from_iter(entries)), writer: Mutex::new(()) })
        },
    }
}

/// A map behind an atomic pointer.
struct Swapped<M> {
    /// The newest version.
    current: ArcSwap<M>,
    /// Held from load to store, so that no change is lost.
    writer: Mutex<()>,
}

/// One version of a map.
trait Version<T>: Clone + FromIterator<(T, T)> + Extend<(T, T)> + Send + Sync + 'static {
    /// Finds the value of a key.
    fn find(&self, key: &T) -> Option<&T>;

    /// Walks over all entries.
    fn entries<'a>(&'a self) -> impl ExactSizeIterator<Item = (&'a T, &'a T)>
    where
        T: 'a;
}

impl<T: Item> Version<T> for Flat<T> {
    #[inline]
    fn find(&self, key: &T) -> Option<&T> {
        self.get(key)
    }

    fn entries<'a>(&'a self) -> impl ExactSizeIterator<Item = (&'a T, &'a T)>
    where
        T: 'a,
    {
        self.iter()
    }
}

impl<T: Item> Version<T> for Trie<T> {
    #[inline]
    fn find(&self, key: &T) -> Option<&T> {
        self.get(key)
    }

    fn entries<'a>(&'a self) -> impl ExactSizeIterator<Item = (&'a T, &'a T)>
    where
        T: 'a,
    {
        self.iter()
    }
}

impl<T: Item, M: Version<T>> Rival<T> for Swapped<M> {
    fn reader(&self, way: usize) -> Box<dyn Lookups<T> + '_> {
        match way {
            0 => Box::new(OneByOne(&self.current)),
            _ => Box::new(OneByOne(Cache::new(&self.current))),
        }
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        let _writer = self.writer.lock();
        let mut map = M::clone(&self.current.load());
        map.extend(changes.drain(..));
        let map = Arc::new(map);
        staged();
        self.current.store(map);
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let _writer = self.writer.lock();
        self.current.store(Arc::new(entries.collect()));
    }

    fn walk(&self) -> u64 {
        self.current.load().entries().fold(0, |sum, (_, value)| sum.wrapping_add(value.weigh()))
    }

    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        Some(Box::new(self.current.load_full()))
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let map = self.current.load();
        map.find(key).expect(IN_TABLE);
        meanwhile();
        drop(map);
    }

    fn len(&self) -> usize {
        self.current.load().entries().len()
    }
}

impl<T: Item, M: Version<T>> Lookup<T> for &ArcSwap<M> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.load().find(key).map(look)
    }
}

impl<T: Item, M: Version<T>> Lookup<T> for Cache<&ArcSwap<M>, Arc<M>> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.load().find(key).map(look)
    }
}

impl<T: Item, M: Version<T>> View<T> for Arc<M> {
    fn contents(&self) -> Vec<(T, T)> {
        cloned(self.entries())
    }
}
