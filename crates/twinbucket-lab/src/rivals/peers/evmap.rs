//! evmap: two maps and a log, of several values to a key; here there is one.

use evmap::Options;
use evmap::handles;
use parking_lot::Mutex;

use super::super::{DefaultHashBuilder, IN_TABLE, Lookup, Lookups, OneByOne, Rival, View};
use super::{Kind, PAIRED, Way, single};
use crate::item::Item;

/// evmap as a rival.
pub(super) fn kind<T: Item>() -> Kind<T> {
    const GET: Way = Way { id: "evmap", name: "evmap", follows: true };
    single(&GET, PAIRED, true, |entries| Box::new(Evmap::of(entries)))
}

/// The end where changes go.
type WriteHandle<T> = handles::WriteHandle<T, T, (), DefaultHashBuilder>;
/// The end where lookups go.
type ReadHandle<T> = handles::ReadHandle<T, T, (), DefaultHashBuilder>;

/// Both ends of the map.
struct Evmap<T: Item> {
    /// Where changes go.
    writer: Mutex<WriteHandle<T>>,
    /// Where readers are cloned from; no two threads may look at one.
    reader: Mutex<ReadHandle<T>>,
}

impl<T: Item> Evmap<T> {
    /// Makes both maps; the first publish shows the one, the second brings the other up to date.
    fn of(entries: &mut dyn Iterator<Item = (T, T)>) -> Self {
        let (mut writer, reader) = options().construct();
        writer.extend(entries);
        writer.publish();
        writer.publish();
        Self { writer: Mutex::new(writer), reader: Mutex::new(reader) }
    }

    /// Registers a reader.
    fn handle(&self) -> ReadHandle<T> {
        self.reader.lock().clone()
    }
}

/// Returns options with the hasher that all rivals have.
#[expect(unsafe_code, reason = "evmap takes another hasher than SipHash only so")]
fn options() -> Options<(), DefaultHashBuilder> {
    // SAFETY: the hasher and its clones have one seed and no other state, so they give the same hash for the same input.
    unsafe { Options::default().with_hasher(DefaultHashBuilder::default()) }
}

/// Why there is always a map to enter.
const WRITER_LIVES: &str = "the writer lives as long as the readers";

impl<T: Item> Rival<T> for Evmap<T> {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<T> + '_> {
        Box::new(OneByOne(self.handle()))
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        let mut writer = self.writer.lock();
        changes.drain(..).for_each(|(key, value)| _ = writer.update(key, value));
        staged();
        writer.publish();
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let mut writer = self.writer.lock();
        writer.purge();
        writer.extend(entries);
        writer.publish();
    }

    fn walk(&self) -> u64 {
        let reader = self.handle();
        let map = reader.enter().expect(WRITER_LIVES);
        map.values().flatten().fold(0, |sum, value| sum.wrapping_add(value.weigh()))
    }

    /// Publishes nothing new: that applies the log to the map that lags behind, and frees it.
    fn settle(&self) {
        self.writer.lock().publish();
    }

    /// There is none that the writer would not wait for.
    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        None
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let reader = self.handle();
        let value = reader.get_one(key).expect(IN_TABLE);
        meanwhile();
        drop(value);
    }

    fn len(&self) -> usize {
        self.handle().len()
    }
}

impl<T: Item> Lookup<T> for ReadHandle<T> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.get_one(key).map(|value| look(&value))
    }
}
