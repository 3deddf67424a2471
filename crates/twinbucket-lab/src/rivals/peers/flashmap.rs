//! flashmap: two tables of entries that both share, and a log.
//!
//! It takes another hasher than SipHash only where `unsafe` vouches for that one, so it has SipHash.

use flashmap::{ReadHandle, WriteHandle};
use parking_lot::Mutex;

use super::super::{IN_TABLE, Lookup, Lookups, OneByOne, Rival, View, noted, total};
use super::{Kind, PAIRED, Way, single};
use crate::item::Item;

/// flashmap as a rival.
pub(super) fn kind<T: Item>() -> Kind<T> {
    const GUARD: Way = Way { id: "flashmap", name: "flashmap (SipHash)", follows: true };
    single(&GUARD, PAIRED, true, |entries| Box::new(Flashmap::of(entries)))
}

/// Both ends of the map.
struct Flashmap<T: Item> {
    /// Where changes go.
    writer: Mutex<WriteHandle<T, T>>,
    /// Where readers are cloned from.
    reader: ReadHandle<T, T>,
}

impl<T: Item> Flashmap<T> {
    /// Makes both tables.
    fn of(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        let (writer, reader) = flashmap::new();
        let map = Self { writer: Mutex::new(writer), reader };
        map.reload(entries);
        map.settle();
        map
    }
}

impl<T: Item> Rival<T> for Flashmap<T> {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<T> + '_> {
        Box::new(OneByOne(self.reader.clone()))
    }

    fn publish(&self, changes: &mut Vec<(T, T)>) {
        let mut writer = self.writer.lock();
        let mut guard = writer.guard();
        changes.drain(..).for_each(|(key, value)| _ = guard.insert(key, value));
        guard.publish();
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let mut writer = self.writer.lock();
        let mut guard = writer.guard();
        let keys = noted(entries, |key, value| _ = guard.insert(key, value));
        let stale: Vec<T> = guard.keys().filter(|key| !keys.contains(*key)).cloned().collect();
        stale.into_iter().for_each(|key| _ = guard.remove(key));
        guard.publish();
    }

    fn walk(&self) -> u64 {
        total(self.reader.guard().values())
    }

    /// Publishes nothing new: that applies the log to the table that lags behind, and frees what both have left.
    fn settle(&self) {
        self.writer.lock().guard().publish();
    }

    /// There is none that the writer would not wait for.
    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        None
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let reader = self.reader.clone();
        let guard = reader.guard();
        guard.get(key).expect(IN_TABLE);
        meanwhile();
        drop(guard);
    }

    fn len(&self) -> usize {
        self.reader.guard().len()
    }
}

impl<T: Item> Lookup<T> for ReadHandle<T, T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.guard().get(key).map(look)
    }
}
