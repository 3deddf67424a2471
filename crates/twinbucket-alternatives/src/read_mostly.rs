//! A map that is read without a lock, and one that is written under it.
//!
//! The design of Go's first `sync.Map`, by Bryan C. Mills: Go's `sync/map.go` from Go 1.9 until it was replaced by a hash
//! trie in Go 1.24. The read map is reached through an atomic pointer and its set of keys never changes; new keys go into
//! the dirty map, which has all the others, too, and is promoted to read map when enough lookups had to fall back to it.
//! What happens to one key is in `entry`, the two maps themselves are in `maps`.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::mem;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::{DefaultHashBuilder, Equivalent};
use parking_lot::Mutex;

use self::entry::{Entry, Expunged, State};
use self::maps::{Dirty, ReadMap, Table};
use crate::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};

mod entry;
mod maps;
#[cfg(test)]
mod tests;

/// A map for keys that are written once and read often, or that each thread has its own of: Go's first `sync.Map`.
///
/// There are two maps, which share their entries. Keys that are in the **read map** are looked up, overwritten and removed
/// without a lock. A key that is not there is looked for under the lock, in the **dirty map**, if that has keys that the read
/// map has not (it is then *amended*). Each such look counts as a miss; with as many misses as the dirty map has entries, it
/// becomes the read map.
///
/// Lookups wait for nobody as long as they find their keys in the read map; else for whoever has the lock, even if the key is
/// in neither map. The first new key after a promotion makes a new dirty map, under the lock, in O(n). So a steady trickle of
/// new keys costs O(n) again and again; and the more new keys there are, the more lookups meet at the lock. A write waits for
/// no closure and no walk. There is no view of one moment, and walks see some of the changes made meanwhile.
///
/// Costs: two atomic loads with arc-swap and a pointer to follow, per lookup; one allocation per value and one per key. Keys
/// removed from the read map stay in it, without their values, until the dirty map has been made and promoted.
/// [`len`](ConcurrentMap::len) is O(n), as there is no counter that all would have to change. The lookup that promotes, or
/// whoever used the old read map last, frees it, in O(n). A panic in user code leaves the map in order.
///
/// Writes need `V: Clone`, as what they return may still be looked at by somebody: then it is cloned, else moved.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentMap, ReadMostlyMap};
///
/// let map = ReadMostlyMap::new();
/// assert_eq!(map.get_or_insert("a", 1), None);
/// assert_eq!(map.get_or_insert("a", 2), Some(1));
/// assert_eq!(map.compare_and_swap("a", &1, 3), Ok(()));
/// assert_eq!(map.remove("a"), Some(3));
/// assert!(map.is_empty());
/// ```
pub struct ReadMostlyMap<K, V, S = DefaultHashBuilder> {
    /// The read map.
    read: ArcSwap<ReadMap<K, V>>,
    /// The dirty map, and the lock for all that is not an entry's own affair.
    dirty: Mutex<Dirty<K, V>>,
    /// Hashes the keys of both.
    hasher: S,
}

impl<K, V> ReadMostlyMap<K, V> {
    /// Creates an empty map with hashbrown's default hasher, seeded anew for each map.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<K, V, S> ReadMostlyMap<K, V, S> {
    /// Creates an empty map with the given hasher.
    pub fn with_hasher(hasher: S) -> Self {
        let dirty = Dirty { entries: Table::default(), misses: 0 };
        Self { read: ArcSwap::new(ReadMap::new(Table::default())), dirty: Mutex::new(dirty), hasher }
    }

    /// Calls `visit` for every entry, in no particular order, until it returns `false`.
    ///
    /// Promotes the dirty map first, so that the walk itself takes no lock: nobody waits for it, and `visit` may use the map.
    /// An entry that is there throughout is visited exactly once; one that changes meanwhile, with some value that it had
    /// meanwhile.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, ReadMostlyMap};
    ///
    /// let map = ReadMostlyMap::from([("a", 1), ("b", 2)]);
    /// let mut found = None;
    /// map.range(|key, value| {
    ///     found = (*value == 2).then_some(*key);
    ///     found.is_none()
    /// });
    /// assert_eq!(found, Some("b"));
    /// ```
    pub fn range(&self, mut visit: impl FnMut(&K, &V) -> bool) {
        let read = self.promoted();
        for entry in &read.entries.0 {
            let held = entry.load();
            let Some(value) = held.as_deref().and_then(State::value) else { continue };
            if !visit(&entry.key, value) {
                return;
            }
        }
    }

    /// The read map, with all keys in it.
    fn promoted(&self) -> Arc<ReadMap<K, V>> {
        let read = self.read.load_full();
        if !read.is_amended() {
            return read;
        }
        let mut dirty = self.dirty.lock();
        let retired = self.read.load().is_amended().then(|| self.promote(&mut dirty));
        let read = self.read.load_full();
        drop(dirty);
        // Not under the lock: it may free O(n), and call destructors.
        drop(retired);
        read
    }

    /// Makes the dirty map the read map, and returns the old one, to be let go after the lock.
    fn promote(&self, dirty: &mut Dirty<K, V>) -> Arc<ReadMap<K, V>> {
        dirty.misses = 0;
        self.read.swap(ReadMap::new(mem::take(&mut dirty.entries)))
    }

    /// Counts a lookup that had to take the lock; with enough of them, promotes.
    fn miss(&self, dirty: &mut Dirty<K, V>) -> Option<Arc<ReadMap<K, V>>> {
        dirty.misses += 1;
        (dirty.misses >= dirty.entries.0.len()).then(|| self.promote(dirty))
    }

    /// Looks for a key that was not in the read map: there again, and then, by `pick`, in the dirty map.
    fn find_locked<Q>(
        &self,
        hash: u64,
        key: &Q,
        pick: impl FnOnce(&mut Table<K, V>) -> Option<Arc<Entry<K, V>>>,
    ) -> Option<Arc<Entry<K, V>>>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let mut dirty = self.dirty.lock();
        // It may have been promoted while this thread waited for the lock.
        let read = self.read.load();
        if let Some(entry) = read.entries.find(hash, key) {
            return Some(Arc::clone(entry));
        }
        if !read.is_amended() {
            return None;
        }
        let found = pick(&mut dirty.entries);
        // Whether it was found or not: it costs the lock until the dirty map is promoted.
        let retired = self.miss(&mut dirty);
        drop(dirty);
        drop(retired);
        found
    }

    /// Puts a value in for a key, by `put`, into the key's entry if there is one, else into a new one.
    fn put<P>(&self, hash: u64, key: K, value: V, put: P) -> Option<Arc<State<V>>>
    where
        K: Eq,
        P: Fn(&Entry<K, V>, &Arc<State<V>>) -> Result<Option<Arc<State<V>>>, Expunged>,
    {
        let value = Arc::new(State::Value(value));
        if let Some(Ok(previous)) = self.read.load().entries.find(hash, &key).map(|entry| put(entry, &value)) {
            return previous;
        }
        let mut dirty = self.dirty.lock();
        let read = self.read.load();
        if let Some(entry) = read.entries.find(hash, &key) {
            if entry.unexpunge() {
                dirty.entries.add(Arc::clone(entry));
            }
            return put(entry, &value).expect("entries are expunged only under the lock");
        }
        if let Some(entry) = dirty.entries.find(hash, &key) {
            return put(entry, &value).expect("entries of the dirty map are not expunged");
        }
        if !read.is_amended() {
            read.amend(&mut dirty);
        }
        dirty.entries.add(Arc::new(Entry::new(key, hash, value)));
        None
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> ReadMostlyMap<K, V, S> {
    /// Returns the value of `key`, or else sets it to `value` and returns `None`. Go's `LoadOrStore`.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::ReadMostlyMap;
    ///
    /// let map = ReadMostlyMap::new();
    /// assert_eq!(map.get_or_insert("a", 1), None);
    /// assert_eq!(map.get_or_insert("a", 2), Some(1));
    /// ```
    pub fn get_or_insert(&self, key: K, value: V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        let there = self.look(hash, &key, V::clone);
        there.or_else(|| self.put(hash, key, value, Entry::swap_if_absent).and_then(into_value))
    }

    /// Sets the value of `key` to `new` if it is `expected`.
    ///
    /// # Errors
    /// If it is another one, or there is none. Then nothing is changed, and `new` is handed back.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, ReadMostlyMap};
    ///
    /// let map = ReadMostlyMap::from([("a", 1)]);
    /// assert_eq!(map.compare_and_swap("a", &1, 2), Ok(()));
    /// assert_eq!(map.compare_and_swap("a", &1, 3), Err(3));
    /// assert_eq!(map.get("a"), Some(2));
    /// ```
    pub fn compare_and_swap<Q>(&self, key: &Q, expected: &V, new: V) -> Result<(), V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: PartialEq,
    {
        let new = Arc::new(State::Value(new));
        let hash = self.hasher.hash_one(key);
        let swapped = self.at_entry(hash, key, |entry| entry.compare_and_swap(expected, &new));
        if swapped == Some(true) {
            return Ok(());
        }
        Err(into_value(new).expect("it was made from a value"))
    }
}

impl<K, V, S> ReadMostlyMap<K, V, S> {
    /// Calls `use_it` on the entry of a key.
    fn at_entry<Q, R>(&self, hash: u64, key: &Q, use_it: impl FnOnce(&Entry<K, V>) -> R) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let read = self.read.load();
        match read.entries.find(hash, key) {
            Some(entry) => Some(use_it(entry)),
            None if !read.is_amended() => None,
            None => {
                drop(read);
                let entry = self.find_locked(hash, key, |dirty| dirty.find(hash, key).cloned())?;
                Some(use_it(&entry))
            }
        }
    }

    /// Calls `look` on the value of a key.
    fn look<Q, R>(&self, hash: u64, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.at_entry(hash, key, |entry| entry.load().as_deref().and_then(State::value).map(look)).flatten()
    }
}

/// Gets the value out: by moving it if nobody else looks at it.
fn into_value<V: Clone>(held: Arc<State<V>>) -> Option<V> {
    match Arc::unwrap_or_clone(held) {
        State::Value(value) => Some(value),
        State::Expunged => None,
    }
}

impl<K, V, S> ConcurrentMap<K, V> for ReadMostlyMap<K, V, S>
where
    K: Hash + Eq + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const CAPABILITIES: Capabilities = Capabilities {
        view: View::None,
        while_walking: WhileWalking::Mixes,
        readers_wait_for: WaitsFor::Writers,
        writers_wait_for: WaitsFor::Nobody,
    };

    fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.look(self.hasher.hash_one(key), key, look)
    }

    fn insert(&self, key: K, value: V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        self.put(hash, key, value, Entry::swap).and_then(into_value)
    }

    fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let read = self.read.load();
        let held = match read.entries.find(hash, key) {
            Some(entry) => entry.take(),
            None if !read.is_amended() => None,
            None => self.find_locked(hash, key, |dirty| dirty.take(hash, key))?.take(),
        };
        held.and_then(into_value)
    }

    /// Counts the entries, in O(n); promotes first, as [`range`](ReadMostlyMap::range) does.
    fn len(&self) -> usize {
        let mut len = 0;
        self.for_each(|_, _| len += 1);
        len
    }

    /// Looks for the first entry: O(1) unless many were removed; promotes first, as [`range`](ReadMostlyMap::range) does.
    fn is_empty(&self) -> bool {
        let mut empty = true;
        self.range(|_, _| {
            empty = false;
            false
        });
        empty
    }

    fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        self.range(|key, value| {
            visit(key, value);
            true
        });
    }
}

impl<K, V, S: Default> Default for ReadMostlyMap<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> FromIterator<(K, V)> for ReadMostlyMap<K, V, S>
where
    K: Hash + Eq,
    S: BuildHasher + Default,
{
    /// Makes a map of the given entries, all in the read map; of several with the same key, the last one stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Hash + Eq, V, const N: usize> From<[(K, V); N]> for ReadMostlyMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V, S> Extend<(K, V)> for ReadMostlyMap<K, V, S>
where
    K: Hash + Eq,
    S: BuildHasher,
{
    /// Adds the given entries, and promotes the dirty map. Waits for nobody, as nobody else can have the map.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            let hash = self.hasher.hash_one(&key);
            self.put(hash, key, value, Entry::swap);
        }
        self.promoted();
    }
}

impl<K, V, S> fmt::Debug for ReadMostlyMap<K, V, S> {
    /// Shows the number of keys in the read map, with the deleted ones, and whether there are more in the dirty map.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = self.read.load();
        f.debug_struct("ReadMostlyMap")
            .field("read", &read.entries.0.len())
            .field("amended", &read.is_amended())
            .finish_non_exhaustive()
    }
}
