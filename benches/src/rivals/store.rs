//! The store itself.

use twinbucket::{ReadBucket, Store};

use super::{LookUp, Rival, View, names, sum, total};
use crate::item::Item;

/// Makes the store.
pub(super) fn store<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    Box::new(Store::from_iter(entries))
}

impl<T: Item> Rival<T> for Store<T, T> {
    fn name(&self) -> &'static str {
        names::STORE
    }

    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        let mut reader = self.reader();
        let bucket = self.read();
        vec![
            (names::READER, Box::new(move |keys| sum(keys, |key| reader.get(key).map(T::weigh)))),
            (names::BUCKET, Box::new(move |keys| sum(keys, |key| bucket.get(key).map(T::weigh)))),
        ]
    }

    fn walk(&self) -> u64 {
        total(self.read().values())
    }

    fn publish(&mut self, changes: &mut Vec<(T, T)>) {
        let mut bucket = self.write();
        for (key, value) in changes.drain(..) {
            bucket.insert(key, value);
        }
        bucket.publish();
    }

    fn settle(&mut self) {
        self.collect();
    }

    fn hold(&self) -> Option<Box<dyn View<T>>> {
        Some(Box::new(self.read()))
    }

    fn contents(&self) -> Vec<(T, T)> {
        self.read().contents()
    }
}

impl<T: Item> View<T> for ReadBucket<T, T> {
    fn contents(&self) -> Vec<(T, T)> {
        self.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
