//! scc's hash map: buckets of some entries, each behind a reader-writer lock, and resized step by step.

use scc::HashMap;

use super::super::{DefaultHashBuilder, IN_TABLE, Lookup, Lookups, OneByOne, Rival, View, noted};
use super::{Kind, LOCKED_BY_PART, Way, single};
use crate::item::Item;

/// The map with the hasher of all rivals.
type Map<T> = HashMap<T, T, DefaultHashBuilder>;

/// scc's map as a rival.
pub(super) fn kind<T: Item>() -> Kind<T> {
    const READ: Way = Way { id: "scc", name: "scc", follows: true };
    single(&READ, LOCKED_BY_PART, false, |entries| {
        let map = Map::<T>::with_hasher(DefaultHashBuilder::default());
        entries.for_each(|(key, value)| _ = map.upsert_sync(key, value));
        Box::new(map)
    })
}

impl<T: Item> Rival<T> for Map<T> {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<T> + '_> {
        Box::new(OneByOne(self))
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        staged();
        changes.drain(..).for_each(|(key, value)| _ = self.upsert_sync(key, value));
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let keys = noted(entries, |key, value| _ = self.upsert_sync(key, value));
        self.retain_sync(|key, _| keys.contains(key));
    }

    fn walk(&self) -> u64 {
        let mut sum = 0_u64;
        self.iter_sync(|_, value| {
            sum = sum.wrapping_add(value.weigh());
            true
        });
        sum
    }

    /// There is none.
    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        None
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        self.read_sync(key, |_, _| meanwhile()).expect(IN_TABLE);
    }

    fn len(&self) -> usize {
        self.len()
    }
}

impl<T: Item> Lookup<T> for &Map<T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.read_sync(key, |_, value| look(value))
    }
}
