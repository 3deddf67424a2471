//! The flat map: bare, behind a lock, and behind an atomic pointer.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use parking_lot::RwLock;

use super::{Bare, LookUp, Rival, View, names, sum, total};
use crate::item::Item;

/// Makes a bare map.
pub(super) fn bare<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    Box::new(entries.collect::<Bare<T>>())
}

/// Makes a map behind a lock.
pub(super) fn locked<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    Box::new(RwLock::new(entries.collect::<Bare<T>>()))
}

/// Makes a map behind an atomic pointer.
pub(super) fn swapped<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    Box::new(ArcSwap::from_pointee(entries.collect::<Bare<T>>()))
}

/// Returns clones of the entries of a map.
fn cloned<T: Item>(map: &Bare<T>) -> Vec<(T, T)> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl<T: Item> Rival<T> for Bare<T> {
    fn name(&self) -> &'static str {
        names::BARE
    }

    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        vec![(names::BARE, Box::new(|keys| sum(keys, |key| self.get(key).map(T::weigh))))]
    }

    fn walk(&self) -> u64 {
        total(self.values())
    }

    fn publish(&mut self, changes: &mut Vec<(T, T)>) {
        for (key, value) in changes.drain(..) {
            self.insert(key, value);
        }
    }

    fn hold(&self) -> Option<Box<dyn View<T>>> {
        None
    }

    fn contents(&self) -> Vec<(T, T)> {
        cloned(self)
    }
}

impl<T: Item> Rival<T> for RwLock<Bare<T>> {
    fn name(&self) -> &'static str {
        names::LOCKED
    }

    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        vec![(names::LOCKED, Box::new(|keys| sum(keys, |key| self.read().get(key).map(T::weigh))))]
    }

    fn walk(&self) -> u64 {
        total(self.read().values())
    }

    fn publish(&mut self, changes: &mut Vec<(T, T)>) {
        let mut map = self.write();
        for (key, value) in changes.drain(..) {
            map.insert(key, value);
        }
    }

    fn hold(&self) -> Option<Box<dyn View<T>>> {
        None
    }

    fn contents(&self) -> Vec<(T, T)> {
        cloned(&self.read())
    }
}

impl<T: Item> Rival<T> for ArcSwap<Bare<T>> {
    fn name(&self) -> &'static str {
        names::SWAPPED
    }

    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        let mut cache = Cache::new(self);
        vec![
            (names::SWAPPED_LOAD, Box::new(|keys| sum(keys, |key| self.load().get(key).map(T::weigh)))),
            (names::SWAPPED_CACHE, Box::new(move |keys| sum(keys, |key| cache.load().get(key).map(T::weigh)))),
        ]
    }

    fn walk(&self) -> u64 {
        total(self.load().values())
    }

    fn publish(&mut self, changes: &mut Vec<(T, T)>) {
        let mut map = Bare::clone(&self.load());
        for (key, value) in changes.drain(..) {
            map.insert(key, value);
        }
        self.store(Arc::new(map));
    }

    fn hold(&self) -> Option<Box<dyn View<T>>> {
        Some(Box::new(self.load_full()))
    }

    fn contents(&self) -> Vec<(T, T)> {
        cloned(&self.load())
    }
}

impl<T: Item> View<T> for Arc<Bare<T>> {
    fn contents(&self) -> Vec<(T, T)> {
        cloned(self)
    }
}
