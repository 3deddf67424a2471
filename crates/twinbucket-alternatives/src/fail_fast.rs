//! A map that fails where two operations overlap and one of them writes: for teaching what goes wrong there.
//!
//! The layout, Go's before version 1.24, is in `table`. This module adds the detection: a lock that nobody waits for,
//! and a count of changes by which an iterator notices that its position means nothing any more.

mod table;

use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, Equivalent};
use parking_lot::RwLock;

pub use self::table::FailFastLayout;
use self::table::{Position, Table};

/// A hash map with Go's bucket layout, whose operations fail instead of waiting for each other.
///
/// Go's map is not made for concurrent use. Its runtime sets a flag during a write, and ends the program when another
/// operation meets it: `concurrent map writes`, `concurrent map read and map write`, `concurrent map iteration and map
/// write`. What it misses is undefined behaviour. This map detects every such overlap and reports it as an error to
/// whoever comes second. No operation waits, and none leaves anything half done.
///
/// An iterator holds a position, not a borrow, so the map may change under it; then the iterator fails. Go allows that
/// within one goroutine, where its iterator takes a detour around growth. [`walk_unchecked`](Self::walk_unchecked) does
/// neither, and shows what then happens: it skips some entries and repeats others.
///
/// It is no [`ConcurrentMap`](crate::ConcurrentMap), whose operations cannot fail. To share a map, take one of those, or
/// a twinbucket store.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentIteration, ConcurrentWrite, FailFastMap};
///
/// let map: FailFastMap<_, _> = [("a", 1), ("b", 2)].into_iter().collect();
/// let mut iter = map.iter();
/// assert!(matches!(iter.next(), Some(Ok(_))));
/// map.insert("c", 3)?;
/// assert_eq!(iter.next(), Some(Err(ConcurrentIteration)));
///
/// // A write is going on for as long as this closure runs.
/// let read = map.update("a", |_| map.get("b"))?;
/// assert_eq!(read, Some(Err(ConcurrentWrite)));
/// # Ok::<_, ConcurrentWrite>(())
/// ```
pub struct FailFastMap<K, V, S = DefaultHashBuilder> {
    /// Hashes the keys.
    hasher: S,
    /// The entries; the lock is tried, and never waited for except by `walk_unchecked`.
    table: RwLock<Table<K, V>>,
}

impl<K, V> FailFastMap<K, V> {
    /// Creates an empty map.
    pub fn new() -> Self {
        Self::with_hasher(DefaultHashBuilder::default())
    }
}

impl<K, V, S> FailFastMap<K, V, S> {
    /// Creates an empty map that hashes keys with `hasher`. The low bits of a hash pick the bucket.
    pub fn with_hasher(hasher: S) -> Self {
        Self { hasher, table: RwLock::new(Table::new()) }
    }

    /// Returns the number of entries.
    ///
    /// # Errors
    /// If a write is going on.
    pub fn len(&self) -> Result<usize, ConcurrentWrite> {
        Ok(self.table.try_read().ok_or(ConcurrentWrite)?.len())
    }

    /// Tells whether there is no entry.
    ///
    /// # Errors
    /// If a write is going on.
    pub fn is_empty(&self) -> Result<bool, ConcurrentWrite> {
        Ok(self.len()? == 0)
    }

    /// Returns how the entries lie in memory, and how far growth has come.
    ///
    /// # Errors
    /// If a write is going on.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::FailFastMap;
    ///
    /// let map: FailFastMap<_, _> = (0..13).map(|n| (n, n)).collect();
    /// assert_eq!(map.layout()?.buckets, 2);
    /// map.insert(13, 13)?; // more than 6.5 for each of 2 buckets
    /// assert_eq!(map.layout()?.buckets, 4);
    /// # Ok::<_, twinbucket_alternatives::ConcurrentWrite>(())
    /// ```
    pub fn layout(&self) -> Result<FailFastLayout, ConcurrentWrite> {
        Ok(self.table.try_read().ok_or(ConcurrentWrite)?.layout())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> FailFastMap<K, V, S> {
    /// Returns a clone of the value of `key`.
    ///
    /// # Errors
    /// If a write is going on.
    pub fn get<Q>(&self, key: &Q) -> Result<Option<V>, ConcurrentWrite>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        let hash = self.hasher.hash_one(key);
        let table = self.table.try_read().ok_or(ConcurrentWrite)?;
        Ok(table.get(hash, key).cloned())
    }

    /// Sets the value of `key` and returns the one before. While the map grows, that also moves one or two old buckets.
    ///
    /// # Errors
    /// If another operation is going on. The entry is dropped: this is a fault of the program, and trying again would
    /// only hide it.
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, ConcurrentWrite> {
        let hash = self.hasher.hash_one(&key);
        let mut table = self.table.try_write().ok_or(ConcurrentWrite)?;
        Ok(table.insert(hash, key, value, |key| self.hasher.hash_one(key)))
    }

    /// Removes `key` and returns the value it had. While the map grows, that also moves one or two old buckets, unless the
    /// key is missing: then nothing changes.
    ///
    /// # Errors
    /// If another operation is going on.
    pub fn remove<Q>(&self, key: &Q) -> Result<Option<V>, ConcurrentWrite>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let mut table = self.table.try_write().ok_or(ConcurrentWrite)?;
        Ok(table.remove(hash, key, |key| self.hasher.hash_one(key)).map(|(_, value)| value))
    }

    /// Changes the value of `key` in place and returns what `change` returns, or `None` if the key is missing.
    ///
    /// The write goes on for as long as `change` runs: every other operation fails meanwhile, also one that `change`
    /// itself tries.
    ///
    /// # Errors
    /// If another operation is going on.
    pub fn update<Q, T>(&self, key: &Q, change: impl FnOnce(&mut V) -> T) -> Result<Option<T>, ConcurrentWrite>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let mut table = self.table.try_write().ok_or(ConcurrentWrite)?;
        Ok(table.get_mut(hash, key).map(change))
    }

    /// Iterates over clones of the entries, bucket by bucket (Go starts at a random one).
    ///
    /// The iterator fails at its next step after any change of the map, or during one, and is over then.
    pub fn iter(&self) -> FailFastIter<'_, K, V, S> {
        let changes = self.table.try_read().map(|table| table.changes());
        FailFastIter { map: self, at: Position::default(), changes, over: false }
    }

    /// Walks over clones of the entries without detection, whatever happens to the map: entries may be skipped, and come
    /// twice. For showing just that.
    ///
    /// Each step waits until a write that is going on is over, so do not call it within [`update`](Self::update).
    ///
    /// # Examples
    /// ```
    /// use std::collections::HashSet;
    ///
    /// use twinbucket_alternatives::FailFastMap;
    ///
    /// let map: FailFastMap<_, _> = (0..52).map(|n| (n, n)).collect();
    /// let mut walk = map.walk_unchecked();
    /// let mut seen: Vec<i32> = walk.by_ref().take(40).map(|(key, _)| key).collect();
    /// for n in 52..60 {
    ///     map.insert(n, n)?; // the map grows from 8 buckets to 16
    /// }
    /// seen.extend(walk.map(|(key, _)| key));
    /// let distinct: HashSet<_> = seen.iter().collect();
    /// assert!(distinct.len() < seen.len()); // some came twice
    /// # Ok::<_, twinbucket_alternatives::ConcurrentWrite>(())
    /// ```
    pub fn walk_unchecked(&self) -> FailFastWalk<'_, K, V, S> {
        FailFastWalk { map: self, at: Position::default() }
    }
}

impl<K, V, S: Default> Default for FailFastMap<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

/// Of several entries with one key, the last stays.
impl<K: Hash + Eq, V, S: BuildHasher + Default> FromIterator<(K, V)> for FailFastMap<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        let (hasher, table) = (&map.hasher, map.table.get_mut());
        for (key, value) in entries {
            table.insert(hasher.hash_one(&key), key, value, |key| hasher.hash_one(key));
        }
        map
    }
}

/// Shows the layout, or that a write is going on.
impl<K, V, S> Debug for FailFastMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailFastMap").field("layout", &self.layout()).finish_non_exhaustive()
    }
}

/// An iterator over a [`FailFastMap`] which fails when the map has changed, or is changing.
pub struct FailFastIter<'a, K, V, S = DefaultHashBuilder> {
    /// The map.
    map: &'a FailFastMap<K, V, S>,
    /// The slot that comes next.
    at: Position,
    /// The map's count of changes when the iterator was made; `None` if it was being written to then.
    changes: Option<u64>,
    /// Nothing comes any more.
    over: bool,
}

impl<K: Hash + Clone, V: Clone, S: BuildHasher> FailFastIter<'_, K, V, S> {
    /// The next entry, if the map is as it was.
    fn step(&mut self) -> Result<Option<(K, V)>, ConcurrentIteration> {
        let table = self.map.table.try_read().ok_or(ConcurrentIteration)?;
        if self.changes != Some(table.changes()) {
            return Err(ConcurrentIteration);
        }
        Ok(table.step(&mut self.at, |key| self.map.hasher.hash_one(key)).cloned())
    }
}

impl<K: Hash + Clone, V: Clone, S: BuildHasher> Iterator for FailFastIter<'_, K, V, S> {
    type Item = Result<(K, V), ConcurrentIteration>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.step().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

impl<K, V, S> Debug for FailFastIter<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailFastIter").field("at", &self.at).field("over", &self.over).finish_non_exhaustive()
    }
}

/// A walk over a [`FailFastMap`] that takes no notice of changes.
pub struct FailFastWalk<'a, K, V, S = DefaultHashBuilder> {
    /// The map.
    map: &'a FailFastMap<K, V, S>,
    /// The slot that comes next.
    at: Position,
}

impl<K: Hash + Clone, V: Clone, S: BuildHasher> Iterator for FailFastWalk<'_, K, V, S> {
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        self.map.table.read().step(&mut self.at, |key| self.map.hasher.hash_one(key)).cloned()
    }
}

impl<K, V, S> Debug for FailFastWalk<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailFastWalk").field("at", &self.at).finish_non_exhaustive()
    }
}

/// An operation met another on the same map, and one of the two writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConcurrentWrite;

impl Display for ConcurrentWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two operations on the map overlap, and one of them writes")
    }
}

impl Error for ConcurrentWrite {}

/// An iterator met a write to its map, or a map that was changed since the iterator was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConcurrentIteration;

impl Display for ConcurrentIteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the map was written to during the iteration")
    }
}

impl Error for ConcurrentIteration {}
