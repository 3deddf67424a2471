//! A reader registered by hand, instead of by the thread that looks.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, Equivalent};
use left_right::ReadHandle;

use super::Side;

/// A registered reader of a [`LeftRightMap`](crate::LeftRightMap), to be sent to the thread that uses it.
///
/// It may outlive the map, and finds nothing any more then.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentMap, LeftRightMap};
///
/// let map = LeftRightMap::from([("a", 1)]);
/// let reader = map.reader();
/// map.insert("a", 2);
/// assert_eq!(reader.get("a"), Some(2));
/// drop(map);
/// assert_eq!(reader.get("a"), None);
/// ```
pub struct LeftRightReader<K, V, S = DefaultHashBuilder> {
    /// Its registration.
    pub(super) handle: ReadHandle<Side<K, V, S>>,
}

impl<K, V, S> LeftRightReader<K, V, S> {
    /// Looks `key` up and returns what `look` makes of its value. Waits for nobody; writers may wait until `look` is over.
    ///
    /// `look` must not write to the map, as the second write would wait for it.
    pub fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Hash + Eq,
        S: BuildHasher,
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.handle.enter()?.entries.get(key).map(look)
    }

    /// Returns a clone of the value of `key`.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Hash + Eq,
        V: Clone,
        S: BuildHasher,
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_with(key, V::clone)
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.handle.enter().map_or(0, |side| side.entries.len())
    }

    /// Tells whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` for every entry of one moment. Waits for nobody; writers may wait until it is over.
    ///
    /// `visit` must not write to the map, as the second write would wait for it.
    pub fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        if let Some(side) = self.handle.enter() {
            side.entries.iter().for_each(|(key, value)| visit(key, value));
        }
    }
}

impl<K, V, S> Clone for LeftRightReader<K, V, S> {
    /// Registers one more reader, at the cost of [`LeftRightMap::reader`](crate::LeftRightMap::reader).
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<K, V, S> fmt::Debug for LeftRightReader<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftRightReader").field("len", &self.len()).finish_non_exhaustive()
    }
}
