//! dashmap: shards of a flat table, each behind a reader-writer lock.

use dashmap::DashMap;

use super::super::{DefaultHashBuilder, IN_TABLE, Lookup, Lookups, OneByOne, Rival, View, noted};
use super::{Kind, LOCKED_BY_PART, Way, single};
use crate::item::Item;

/// The map with the hasher of all rivals.
type Map<T> = DashMap<T, T, DefaultHashBuilder>;

/// dashmap as a rival.
pub(super) fn kind<T: Item>() -> Kind<T> {
    const GET: Way = Way { id: "dashmap", name: "dashmap", follows: true };
    single(&GET, LOCKED_BY_PART, false, |entries| Box::new(Map::<T>::from_iter(entries)))
}

impl<T: Item> Rival<T> for Map<T> {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<T> + '_> {
        Box::new(OneByOne(self))
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        staged();
        changes.drain(..).for_each(|(key, value)| drop(self.insert(key, value)));
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let keys = noted(entries, |key, value| drop(self.insert(key, value)));
        self.retain(|key, _| keys.contains(key));
    }

    fn walk(&self) -> u64 {
        self.iter().fold(0, |sum, entry| sum.wrapping_add(entry.value().weigh()))
    }

    /// There is none.
    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        None
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let entry = self.get(key).expect(IN_TABLE);
        meanwhile();
        drop(entry);
    }

    fn len(&self) -> usize {
        self.len()
    }
}

impl<T: Item> Lookup<T> for &Map<T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.get(key).map(|entry| look(entry.value()))
    }
}
