//! Maps that many threads change in place: no point-in-time view, so nothing to hold.

use dashmap::DashMap;
use papaya::{Guard, HashMap};

use super::{DefaultHashBuilder, LookUp, Rival, View, names, sum, total};
use crate::item::Item;

/// Makes a papaya map.
pub(super) fn papaya<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    Box::new(HashMap::<T, T, DefaultHashBuilder>::from_iter(entries))
}

/// Makes a dashmap.
pub(super) fn dashmap<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    Box::new(DashMap::<T, T, DefaultHashBuilder>::from_iter(entries))
}

impl<T: Item> Rival<T> for HashMap<T, T, DefaultHashBuilder> {
    fn name(&self) -> &'static str {
        names::PAPAYA
    }

    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        let kept = self.pin();
        vec![
            (names::PAPAYA, Box::new(|keys| sum(keys, |key| self.pin().get(key).map(T::weigh)))),
            (names::PAPAYA_GUARD, Box::new(move |keys| sum(keys, |key| kept.get(key).map(T::weigh)))),
        ]
    }

    fn walk(&self) -> u64 {
        total(self.pin().values())
    }

    fn publish(&mut self, changes: &mut Vec<(T, T)>) {
        let map = self.pin();
        for (key, value) in changes.drain(..) {
            map.insert(key, value);
        }
    }

    fn settle(&mut self) {
        self.guard().flush();
    }

    fn hold(&self) -> Option<Box<dyn View<T>>> {
        None
    }

    fn contents(&self) -> Vec<(T, T)> {
        self.pin().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl<T: Item> Rival<T> for DashMap<T, T, DefaultHashBuilder> {
    fn name(&self) -> &'static str {
        names::DASHMAP
    }

    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        vec![(names::DASHMAP, Box::new(|keys| sum(keys, |key| self.get(key).map(|found| found.weigh()))))]
    }

    fn walk(&self) -> u64 {
        self.iter().fold(0, |sum, entry| sum.wrapping_add(entry.value().weigh()))
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
        self.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }
}
