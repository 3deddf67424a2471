//! left-right at its simplest: two maps, and a log of insertions that each of them gets in turn.

use left_right::{Absorb, ReadHandle, WriteHandle};

use super::{Bare, LookUp, Rival, View, names, sum, total};
use crate::item::Item;

/// One of the two maps.
#[derive(Clone)]
struct Side<T: Item>(Bare<T>);

/// An insertion.
struct Insert<T>(T, T);

impl<T: Item> Absorb<Insert<T>> for Side<T> {
    fn absorb_first(&mut self, insert: &mut Insert<T>, _other: &Self) {
        self.0.insert(insert.0.clone(), insert.1.clone());
    }

    fn absorb_second(&mut self, insert: Insert<T>, _other: &Self) {
        self.0.insert(insert.0, insert.1);
    }

    fn sync_with(&mut self, first: &Self) {
        self.0.clone_from(&first.0);
    }
}

/// Both maps.
struct Both<T: Item> {
    /// Where changes go.
    writer: WriteHandle<Side<T>, Insert<T>>,
    /// Where lookups go.
    reader: ReadHandle<Side<T>>,
}

/// Makes the two maps.
pub(super) fn left_right<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>> {
    let (mut writer, reader) = left_right::new_from_empty(Side(Bare::default()));
    writer.extend(entries.map(|(key, value)| Insert(key, value)));
    // The first publish shows the one map, the second brings the other up to date.
    writer.publish();
    writer.publish();
    Box::new(Both { writer, reader })
}

/// Why a reader always gets a guard.
const WRITER_LIVES: &str = "the writer lives as long as the reader";

impl<T: Item> Rival<T> for Both<T> {
    fn name(&self) -> &'static str {
        names::LEFT_RIGHT
    }

    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)> {
        let get = |key: &T| self.reader.enter().expect(WRITER_LIVES).0.get(key).map(T::weigh);
        vec![(names::LEFT_RIGHT, Box::new(move |keys| sum(keys, get)))]
    }

    fn walk(&self) -> u64 {
        total(self.reader.enter().expect(WRITER_LIVES).0.values())
    }

    fn publish(&mut self, changes: &mut Vec<(T, T)>) {
        self.writer.extend(changes.drain(..).map(|(key, value)| Insert(key, value)));
        self.writer.publish();
    }

    fn settle(&mut self) {
        self.writer.publish();
    }

    /// There is none: the writer would wait for it.
    fn hold(&self) -> Option<Box<dyn View<T>>> {
        None
    }

    fn contents(&self) -> Vec<(T, T)> {
        let guard = self.reader.enter().expect(WRITER_LIVES);
        guard.0.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
