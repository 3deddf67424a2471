//! The store, read in each of its three ways.

use twinbucket::{ReadBucket, Reader, Store};
use twinbucket_alternatives::ConcurrentMap;

use super::{IN_TABLE, Kind, Lookup, Lookups, OneByOne, Rival, Shared, View, Way, cloned, total};
use crate::item::Item;

/// The store as a rival.
pub(super) fn kind<T: Item>() -> Kind<T> {
    Kind {
        id: "store",
        name: "twinbucket",
        ways: &[
            Way { id: "store", name: "twinbucket", follows: true },
            Way { id: "reader", name: "twinbucket Reader", follows: true },
            Way { id: "bucket", name: "twinbucket ReadBucket", follows: false },
        ],
        promises: <Store<T, T> as ConcurrentMap<T, T>>::CAPABILITIES,
        all_at_once: true,
        concurrent: true,
        build: |entries| Box::new(Store::from_iter(entries)),
    }
}

/// Makes lookups of a reader of any store.
pub(crate) fn reader_of<'a, T: Item>(reader: Reader<T, T>) -> Box<dyn Lookups<T> + 'a> {
    Box::new(OneByOne(reader))
}

impl<T: Item> Rival<T> for Store<T, T> {
    fn reader(&self, way: usize) -> Box<dyn Lookups<T> + '_> {
        match way {
            0 => Box::new(OneByOne(Shared(self))),
            1 => reader_of(self.reader()),
            _ => Box::new(OneByOne(self.read())),
        }
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        let mut bucket = self.write();
        bucket.extend(changes.drain(..));
        staged();
        bucket.publish();
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        self.replace_all(entries);
    }

    fn walk(&self) -> u64 {
        total(self.read().values())
    }

    fn settle(&self) {
        self.collect();
    }

    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        Some(Box::new(self.read()))
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let bucket = self.read();
        bucket.get(key).expect(IN_TABLE);
        meanwhile();
        drop(bucket);
    }

    fn len(&self) -> usize {
        self.len()
    }
}

impl<T: Item> Lookup<T> for Reader<T, T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.get(key).map(look)
    }
}

impl<T: Item> Lookup<T> for ReadBucket<T, T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.get(key).map(look)
    }
}

impl<T: Item> View<T> for ReadBucket<T, T> {
    fn contents(&self) -> Vec<(T, T)> {
        cloned(self.iter())
    }
}
