//! papaya: a map of entries behind pointers, changed in place; what was replaced is freed when no guard can see it.

use papaya::{Guard, HashMap, HashMapRef, LocalGuard};
use twinbucket_alternatives::{Capabilities, View as Views, WaitsFor, WhileWalking};

use super::super::{DefaultHashBuilder, IN_TABLE, Lookup, Lookups, OneByOne, Rival, View, noted, total};
use super::{Kind, Way};
use crate::item::Item;

/// The map with the hasher of all rivals.
type Map<T> = HashMap<T, T, DefaultHashBuilder>;

/// papaya as a rival, read with a guard for each lookup, as its documentation shows it first, or with one that is kept.
pub(super) fn kind<T: Item>() -> Kind<T> {
    Kind {
        id: "papaya",
        name: "papaya",
        ways: &[
            Way { id: "papaya", name: "papaya", follows: true },
            Way { id: "papaya-guard", name: "papaya, guard kept", follows: true },
        ],
        promises: Capabilities {
            view: Views::None,
            while_walking: WhileWalking::Mixes,
            readers_wait_for: WaitsFor::Nobody,
            writers_wait_for: WaitsFor::Nobody,
        },
        all_at_once: false,
        concurrent: true,
        build: |entries| Box::new(Map::<T>::from_iter(entries)),
    }
}

impl<T: Item> Rival<T> for Map<T> {
    fn reader(&self, way: usize) -> Box<dyn Lookups<T> + '_> {
        match way {
            0 => Box::new(OneByOne(self)),
            _ => Box::new(OneByOne(self.pin())),
        }
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        staged();
        let map = self.pin();
        changes.drain(..).for_each(|(key, value)| _ = map.insert(key, value));
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let map = self.pin();
        let keys = noted(entries, |key, value| _ = map.insert(key, value));
        map.retain(|key, _| keys.contains(key));
    }

    fn walk(&self) -> u64 {
        total(self.pin().values())
    }

    fn settle(&self) {
        self.guard().flush();
    }

    /// There is none.
    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        None
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let map = self.pin();
        map.get(key).expect(IN_TABLE);
        meanwhile();
        drop(map);
    }

    fn len(&self) -> usize {
        self.len()
    }
}

impl<T: Item> Lookup<T> for &Map<T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.pin().get(key).map(look)
    }
}

impl<T: Item> Lookup<T> for HashMapRef<'_, T, T, DefaultHashBuilder, LocalGuard<'_>> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.get(key).map(look)
    }
}
