//! flashmap: two tables of entries that both share, and a log.

use flashmap::Builder;
use parking_lot::Mutex;

use super::super::{DefaultHashBuilder, IN_TABLE, Lookup, Lookups, OneByOne, Rival, View, noted, total};
use super::{Kind, PAIRED, Way, single};
use crate::item::Item;

/// flashmap as a rival.
pub(super) fn kind<T: Item>() -> Kind<T> {
    const GUARD: Way = Way { id: "flashmap", name: "flashmap", follows: true };
    single(&GUARD, PAIRED, true, |entries| Box::new(Flashmap::of(entries)))
}

/// The end where changes go.
type WriteHandle<T> = flashmap::WriteHandle<T, T, DefaultHashBuilder>;
/// The end where lookups go.
type ReadHandle<T> = flashmap::ReadHandle<T, T, DefaultHashBuilder>;

/// Both ends of the map.
struct Flashmap<T: Item> {
    /// Where changes go.
    writer: Mutex<WriteHandle<T>>,
    /// Where readers are cloned from.
    reader: ReadHandle<T>,
}

impl<T: Item> Flashmap<T> {
    /// Makes both tables.
    fn of(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        let (writer, reader) = hashed(Builder::new()).build();
        let map = Self { writer: Mutex::new(writer), reader };
        map.reload(entries);
        map.settle();
        map
    }
}

/// Gives the map the hasher that all rivals have.
#[expect(unsafe_code, reason = "flashmap takes another hasher than SipHash only so")]
fn hashed<S>(builder: Builder<S>) -> Builder<DefaultHashBuilder> {
    // SAFETY: the hasher and its clones have one seed and no other state, so they give the same hash for the same input.
    unsafe { builder.with_hasher(DefaultHashBuilder::default()) }
}

impl<T: Item> Rival<T> for Flashmap<T> {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<T> + '_> {
        Box::new(OneByOne(self.reader.clone()))
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        let mut writer = self.writer.lock();
        let mut guard = writer.guard();
        changes.drain(..).for_each(|(key, value)| _ = guard.insert(key, value));
        staged();
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

impl<T: Item> Lookup<T> for ReadHandle<T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.guard().get(key).map(look)
    }
}
