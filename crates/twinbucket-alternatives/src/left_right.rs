//! Two maps and a log, on the crate left-right.
//!
//! The other double-buffered design. Readers look at one side while the writer brings the other up to date from a log of
//! changes, then the sides trade places. Each change is made twice, once to each side, and a side may only be changed when
//! the last reader that knew it has left. This module turns the crate's one writer and many handles into a shared map: the
//! writer goes behind a lock, and each thread gets a handle of its own when it first looks.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};
use left_right::{Absorb, ReadGuard, ReadHandle, ReadHandleFactory, WriteHandle};
use parking_lot::Mutex;
use thread_local::ThreadLocal;

pub use self::reader::LeftRightReader;
use crate::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};

mod reader;
#[cfg(test)]
mod tests;

/// Two flat hash maps, of which one is read while the other is written.
///
/// A lookup never waits for a write: it notes in its thread's own counter that it has entered, looks at the current side,
/// and leaves. A walk sees one moment. Readers of different threads share no cache line that changes.
///
/// **A writer waits for slow readers.** A publish goes on while there are readers on the side that it takes away from them;
/// the next one must write to that very side, and waits, busily, until the last of those readers has left. So one slow walk
/// lets one publish pass and then holds up all writers. A thread that writes twice inside its own lookup or walk waits for
/// itself, for ever.
///
/// The first lookup of a thread registers it, and so does [`reader`](Self::reader): that takes a lock, which a publish holds
/// while it waits for readers. Handles of threads that ended are used again by later threads. Dropping the map waits for its
/// readers, too.
///
/// Costs: memory for two maps, and for the log of the last publish, which is kept until the next one; what was removed or
/// overwritten is dropped only then, too. A write makes a clone of key and value and changes both sides, one now and one at
/// the next publish. [`write`](Self::write) makes many changes for one publish.
///
/// # Panics
/// A panic in `Clone`, `Hash`, `Eq` or `Drop` of keys or values during a publish breaks the map: writers panic from then on,
/// and so do threads that look for the first time, [`reader`](Self::reader) and the destructor of a reader. Threads that have
/// looked before go on. **Dropping a broken map aborts the program.** A panic during the very first write instead leaves a
/// part of that write's changes to be published by the next one.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentMap, LeftRightMap};
///
/// let map = LeftRightMap::new();
/// assert_eq!(map.insert("a", 1), None);
/// assert_eq!(map.insert("a", 2), Some(1));
///
/// let reader = map.reader();
/// std::thread::spawn(move || assert_eq!(reader.get("a"), Some(2))).join().unwrap();
/// ```
pub struct LeftRightMap<K, V, S = DefaultHashBuilder>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    /// The one writer.
    writer: Mutex<Writer<K, V, S>>,
    /// Registers new readers.
    readers: ReadHandleFactory<Side<K, V, S>>,
    /// The readers of the threads that have looked so far.
    by_thread: ThreadLocal<ReadHandle<Side<K, V, S>>>,
}

/// The side that nobody looks at, and the log.
type Writer<K, V, S> = WriteHandle<Side<K, V, S>, Change<K, V>>;

/// One of the two maps.
#[derive(Clone)]
struct Side<K, V, S> {
    /// The table.
    entries: HashMap<K, V, S>,
}

/// What the log consists of.
enum Change<K, V> {
    /// Sets the value of a key.
    Insert(K, V),
    /// Removes a key.
    Remove(K),
}

impl<K, V, S> Absorb<Change<K, V>> for Side<K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher + Clone,
{
    fn absorb_first(&mut self, change: &mut Change<K, V>, _: &Self) {
        match change {
            Change::Insert(key, value) => drop(self.entries.insert(key.clone(), value.clone())),
            Change::Remove(key) => drop(self.entries.remove(key)),
        }
    }

    fn absorb_second(&mut self, change: Change<K, V>, _: &Self) {
        match change {
            Change::Insert(key, value) => drop(self.entries.insert(key, value)),
            Change::Remove(key) => drop(self.entries.remove(&key)),
        }
    }

    /// Copies what was published first, which went into one side only and into no log.
    fn sync_with(&mut self, first: &Self) {
        self.entries.clone_from(&first.entries);
    }
}

impl<K, V> LeftRightMap<K, V>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
{
    /// Creates an empty map with hashbrown's default hasher, seeded anew for each map.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<K, V, S> LeftRightMap<K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    /// Creates an empty map with the given hasher, of which each side has a clone.
    pub fn with_hasher(hasher: S) -> Self {
        Self::with_capacity_and_hasher(0, hasher)
    }

    /// Creates an empty map with room for `capacity` entries, in each side, before it grows.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let side = Side { entries: HashMap::with_capacity_and_hasher(capacity, hasher) };
        let (writer, reader) = left_right::new_from_empty(side);
        Self { writer: Mutex::new(writer), readers: reader.factory(), by_thread: ThreadLocal::new() }
    }

    /// Registers a reader of its own, for one thread that looks often: it saves the search for the thread's own handle.
    ///
    /// Waits for a publish that is under way, and so for slow readers.
    pub fn reader(&self) -> LeftRightReader<K, V, S> {
        LeftRightReader { handle: self.readers.handle() }
    }

    /// Begins a batch: several changes that become visible at once, by one publish.
    ///
    /// Waits for nobody, and holds nobody up before its publish.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, LeftRightMap};
    ///
    /// let map = LeftRightMap::from([("a", 1)]);
    /// let mut batch = map.write();
    /// batch.insert("b", 2);
    /// batch.remove("a");
    /// assert_eq!(map.get("a"), Some(1)); // nobody sees it yet
    /// batch.publish();
    /// assert_eq!((map.get("a"), map.get("b")), (None, Some(2)));
    /// ```
    pub fn write(&self) -> LeftRightBatch<'_, K, V, S> {
        LeftRightBatch { map: self, changes: Vec::new() }
    }

    /// Enters the current side with this thread's handle.
    fn enter(&self) -> ReadGuard<'_, Side<K, V, S>> {
        let handle = self.by_thread.get_or(|| self.readers.handle());
        handle.enter().expect("the writer lives as long as the map")
    }
}

impl<K, V, S> ConcurrentMap<K, V> for LeftRightMap<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Clone + Send + Sync,
{
    /// Holds from a thread's second lookup on: the first one registers it, and may have to wait for a publish.
    const CAPABILITIES: Capabilities = Capabilities {
        view: View::WhileWritersWait,
        while_walking: WhileWalking::GoesOnOnce,
        readers_wait_for: WaitsFor::Nobody,
        writers_wait_for: WaitsFor::Readers,
    };

    fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.enter().entries.get(key).map(look)
    }

    /// Sets the value of `key`, publishes that and returns a clone of the one before.
    fn insert(&self, key: K, value: V) -> Option<V> {
        let mut writer = self.writer.lock();
        let previous = published(&writer, &key).map(|(_, value)| value);
        writer.append(Change::Insert(key, value)).publish();
        previous
    }

    /// Removes `key`, publishes that and returns a clone of the value it had. Publishes nothing if there was none.
    fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let mut writer = self.writer.lock();
        let (key, value) = published(&writer, key)?;
        writer.append(Change::Remove(key)).publish();
        Some(value)
    }

    fn len(&self) -> usize {
        self.enter().entries.len()
    }

    fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        self.enter().entries.iter().for_each(|(key, value)| visit(key, value));
    }
}

/// Clones the published entry of `key`, which is the newest where the log is published before the writer is let go.
fn published<K, V, S, Q>(writer: &Writer<K, V, S>, key: &Q) -> Option<(K, V)>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher + Clone,
    Q: Hash + Equivalent<K> + ?Sized,
{
    let side = writer.enter().expect("the map has not been dropped");
    side.entries.get_key_value(key).map(|(key, value)| (key.clone(), value.clone()))
}

/// Changes of a [`LeftRightMap`] that are to be published together. Dropping it discards them.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentMap, LeftRightMap};
///
/// let map = LeftRightMap::new();
/// let mut batch = map.write();
/// batch.extend([("a", 1), ("b", 2)]);
/// batch.publish();
/// assert_eq!(map.len(), 2);
/// ```
#[must_use = "dropping a batch discards its changes"]
pub struct LeftRightBatch<'a, K, V, S = DefaultHashBuilder>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    /// The map to change.
    map: &'a LeftRightMap<K, V, S>,
    /// The changes so far, in order.
    changes: Vec<Change<K, V>>,
}

impl<K, V, S> LeftRightBatch<'_, K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    /// Notes that `key` is to get this value.
    pub fn insert(&mut self, key: K, value: V) {
        self.changes.push(Change::Insert(key, value));
    }

    /// Notes that `key` is to be removed, if it is there by then.
    pub fn remove(&mut self, key: K) {
        self.changes.push(Change::Remove(key));
    }

    /// Makes all changes visible at once, to every lookup that starts afterwards.
    ///
    /// Waits for other writers, and for readers that have been in there since before the last publish. Costs O(changes of
    /// this batch and of the last publish).
    pub fn publish(self) {
        let mut writer = self.map.writer.lock();
        writer.extend(self.changes);
        writer.publish();
    }
}

impl<K, V, S> Extend<(K, V)> for LeftRightBatch<'_, K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    /// Notes that these keys are to get these values.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.changes.extend(entries.into_iter().map(|(key, value)| Change::Insert(key, value)));
    }
}

impl<K, V, S> Default for LeftRightMap<K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Default + Sync,
{
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> FromIterator<(K, V)> for LeftRightMap<K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Default + Sync,
{
    /// Makes a map of the given entries, published; of several with the same key, the last one stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, const N: usize> From<[(K, V); N]> for LeftRightMap<K, V>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
{
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V, S> Extend<(K, V)> for LeftRightMap<K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    /// Adds the given entries, by one publish.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut batch = self.write();
        batch.extend(entries);
        batch.publish();
    }
}

impl<K, V, S> fmt::Debug for LeftRightMap<K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftRightMap").field("len", &self.enter().entries.len()).finish_non_exhaustive()
    }
}

impl<K, V, S> fmt::Debug for LeftRightBatch<'_, K, V, S>
where
    K: Hash + Eq + Clone + Sync,
    V: Clone + Sync,
    S: BuildHasher + Clone + Sync,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftRightBatch").field("changes", &self.changes.len()).finish_non_exhaustive()
    }
}
