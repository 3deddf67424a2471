//! One lock around one flat table.
//!
//! The map that everybody writes first, and the measure for the rest: nothing is faster for one thread, nothing is simpler
//! to reason about, and all readers write to one cache line.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::ops::{Deref, DerefMut};

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};
use parking_lot::RwLock;

use crate::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};

/// A flat hash map behind one reader-writer lock.
///
/// Readers run beside each other. A writer waits until the last reader and the last walk are gone, and everybody who comes
/// after it waits for it, so one slow walk can hold up all. A walk sees one moment. Each lookup changes the lock's counter:
/// on many cores, lookups wait for that cache line, however short they are.
///
/// Costs one table lookup and two atomic changes per operation; an insert that grows the table, O(n), holds everybody up.
/// A panic in user code leaves the lock usable and the map in order.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentMap, RwLockMap};
///
/// let map = RwLockMap::new();
/// assert_eq!(map.insert("a", 1), None);
/// assert_eq!(map.insert("a", 2), Some(1));
/// assert_eq!(map.get("a"), Some(2));
///
/// // Several changes that others see as one:
/// let mut write = map.write();
/// write.remove("a");
/// write.insert("b", 3);
/// drop(write);
/// assert_eq!(map.len(), 1);
/// ```
pub struct RwLockMap<K, V, S = DefaultHashBuilder> {
    /// The table.
    entries: RwLock<HashMap<K, V, S>>,
}

impl<K, V> RwLockMap<K, V> {
    /// Creates an empty map with hashbrown's default hasher, seeded anew for each map.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<K, V, S> RwLockMap<K, V, S> {
    /// Creates an empty map with the given hasher.
    pub fn with_hasher(hasher: S) -> Self {
        Self::with_capacity_and_hasher(0, hasher)
    }

    /// Creates an empty map with room for `capacity` entries before it grows.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { entries: RwLock::new(HashMap::with_capacity_and_hasher(capacity, hasher)) }
    }

    /// Locks the table for reading: as long as the result is held, nothing changes.
    ///
    /// Waits for writers. To use the map otherwise on the same thread meanwhile may wait for ever.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::RwLockMap;
    ///
    /// let map = RwLockMap::from([("a", 1), ("b", 2)]);
    /// let read = map.read();
    /// assert_eq!((read["a"], read["b"]), (1, 2));
    /// ```
    pub fn read(&self) -> impl Deref<Target = HashMap<K, V, S>> {
        self.entries.read()
    }

    /// Locks the table for writing: others see all of the changes, or none.
    ///
    /// Waits for readers and writers. To use the map otherwise on the same thread meanwhile waits for ever.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, RwLockMap};
    ///
    /// let map = RwLockMap::from([("a", 1), ("b", 2)]);
    /// map.write().retain(|_, value| *value > 1);
    /// assert_eq!(map.len(), 1);
    /// ```
    pub fn write(&self) -> impl DerefMut<Target = HashMap<K, V, S>> {
        self.entries.write()
    }
}

impl<K, V, S> ConcurrentMap<K, V> for RwLockMap<K, V, S>
where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const CAPABILITIES: Capabilities = Capabilities {
        view: View::WhileWritersWait,
        while_walking: WhileWalking::Waits,
        readers_wait_for: WaitsFor::Writers,
        writers_wait_for: WaitsFor::Readers,
    };

    fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.entries.read().get(key).map(look)
    }

    fn insert(&self, key: K, value: V) -> Option<V> {
        self.entries.write().insert(key, value)
    }

    fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        // The key that was stored is dropped after the lock, as its destructor is user code.
        let removed = self.entries.write().remove_entry(key);
        removed.map(|(_, value)| value)
    }

    fn len(&self) -> usize {
        self.entries.read().len()
    }

    fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        self.entries.read().iter().for_each(|(key, value)| visit(key, value));
    }
}

impl<K, V, S: Default> Default for RwLockMap<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> FromIterator<(K, V)> for RwLockMap<K, V, S>
where
    K: Hash + Eq,
    S: BuildHasher + Default,
{
    /// Makes a map of the given entries; of several with the same key, the last one stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { entries: RwLock::new(entries.into_iter().collect()) }
    }
}

impl<K: Hash + Eq, V, const N: usize> From<[(K, V); N]> for RwLockMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V, S> Extend<(K, V)> for RwLockMap<K, V, S>
where
    K: Hash + Eq,
    S: BuildHasher,
{
    /// Adds the given entries. Waits for nobody, as nobody else can have the map.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.entries.get_mut().extend(entries);
    }
}

impl<K, V, S> fmt::Debug for RwLockMap<K, V, S> {
    /// Shows the number of entries, unless a writer has the lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.entries.try_read().map(|entries| entries.len());
        f.debug_struct("RwLockMap").field("len", &len).finish_non_exhaustive()
    }
}
