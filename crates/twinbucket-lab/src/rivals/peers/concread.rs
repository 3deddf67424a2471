//! concread's hash map: a B+ tree over hashes, copied on write, in transactions.
//!
//! Its hasher is foldhash's, as everybody's here, though it cannot be given one. A reader that is held keeps this version
//! and all later ones alive.

use concread::hashmap::{HashMap, HashMapReadTxn};

use super::super::{IN_TABLE, Lookup, Lookups, OneByOne, Rival, View, cloned, total};
use super::{Kind, VERSIONED, Way};
use crate::item::Item;

/// concread's map as a rival, read in a transaction for each lookup, which is always the newest, or in one that is kept.
pub(super) fn kind<T: Item>() -> Kind<T> {
    Kind {
        id: "concread",
        name: "concread",
        ways: &[
            Way { id: "concread", name: "concread", follows: true },
            Way { id: "concread-read", name: "concread, read kept", follows: false },
        ],
        promises: VERSIONED,
        all_at_once: true,
        concurrent: true,
        build: |entries| Box::new(HashMap::from_iter(entries)),
    }
}

impl<T: Item> Rival<T> for HashMap<T, T> {
    fn reader(&self, way: usize) -> Box<dyn Lookups<T> + '_> {
        match way {
            0 => Box::new(OneByOne(self)),
            _ => Box::new(OneByOne(self.read())),
        }
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        let mut write = self.write();
        write.extend(changes.drain(..));
        staged();
        write.commit();
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let mut write = self.write();
        write.clear();
        write.extend(entries);
        write.commit();
    }

    fn walk(&self) -> u64 {
        total(self.read().values())
    }

    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        Some(Box::new(self.read()))
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let read = self.read();
        read.get(key).expect(IN_TABLE);
        meanwhile();
        drop(read);
    }

    fn len(&self) -> usize {
        self.read().len()
    }
}

impl<T: Item> Lookup<T> for &HashMap<T, T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.read().get(key).map(look)
    }
}

impl<T: Item> Lookup<T> for HashMapReadTxn<'_, T, T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.get(key).map(look)
    }
}

impl<T: Item> View<T> for HashMapReadTxn<'_, T, T> {
    fn contents(&self) -> Vec<(T, T)> {
        cloned(self.iter())
    }
}
