//! A persistent map (a hash trie that shares structure between versions) behind an atomic pointer.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;

use super::{DefaultHashBuilder, LookUp, Rival, View, names, sum, total};
use crate::item::Item;

/// The persistent map with the hasher of all rivals.
type Trie<T> = GenericHashMap<T, T, DefaultHashBuilder, DefaultSharedPtr>;

/// Makes an imbl map behind an atomic pointer.
pub(super) fn imbl<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    Box::new(ArcSwap::from_pointee(Trie::from_iter(entries)))
}

impl<T: Item> Rival<T> for ArcSwap<Trie<T>> {
    fn name(&self) -> &'static str {
        names::IMBL
    }

    /// Reads through a cache, the fastest way there is.
    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        let mut cache = Cache::new(self);
        vec![(names::IMBL, Box::new(move |keys| sum(keys, |key| cache.load().get(key).map(T::weigh))))]
    }

    fn walk(&self) -> u64 {
        total(self.load().values())
    }

    fn publish(&mut self, changes: &mut Vec<(T, T)>) {
        let mut map = Trie::clone(&self.load());
        for (key, value) in changes.drain(..) {
            map.insert(key, value);
        }
        self.store(Arc::new(map));
    }

    fn hold(&self) -> Option<Box<dyn View<T>>> {
        Some(Box::new(self.load_full()))
    }

    fn contents(&self) -> Vec<(T, T)> {
        View::contents(&self.load_full())
    }
}

impl<T: Item> View<T> for Arc<Trie<T>> {
    fn contents(&self) -> Vec<(T, T)> {
        self.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
