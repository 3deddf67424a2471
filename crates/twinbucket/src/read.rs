//! The read bucket: one frozen, published version, and the ways to look at it.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::iter::FusedIterator;
use std::ops::{Deref, Index};

use hashbrown::{DefaultHashBuilder, Equivalent, hash_table};

use crate::Generation;
use crate::diff::{Change, unshared};
use crate::directory::Directory;
use crate::pin::Record;
use crate::shared::Frozen;
use crate::sync::Arc;

/// One frozen version of a store: it never changes, and it stays valid for as long as it is held, even after the store.
///
/// A clone costs one reference count. Taking, reading, iterating and dropping it never waits for anybody and frees
/// nothing while the store lives. Held or leaked, it keeps the leaves it refers to in memory, and holds up no one. Two are equal
/// if their entries are, whatever their generations.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([("a", 1), ("b", 2)]);
/// let bucket = store.read();
/// store.insert("a", 10);
/// drop(store);
///
/// assert_eq!(bucket["a"], 1);
/// let mut entries: Vec<(&str, i32)> = bucket.into_iter().collect();
/// entries.sort();
/// assert_eq!(entries, [("a", 1), ("b", 2)]);
/// ```
pub struct ReadBucket<K, V, S = DefaultHashBuilder> {
    /// The version.
    frozen: Arc<Frozen<K, V, S>>,
    /// The store's note of it, in a store with `on_long_pin`.
    record: Option<std::sync::Arc<Record>>,
}

impl<K, V, S> ReadBucket<K, V, S> {
    pub(crate) fn new(frozen: Arc<Frozen<K, V, S>>, record: Option<std::sync::Arc<Record>>) -> Self {
        Self { frozen, record }
    }

    #[inline]
    pub(crate) fn frozen(&self) -> &Arc<Frozen<K, V, S>> {
        &self.frozen
    }

    pub(crate) fn directory(&self) -> &Directory<K, V> {
        &self.frozen.directory
    }

    /// Returns the number of entries. O(1).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(twinbucket::Store::from([("a", 1)]).read().len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.frozen.len
    }

    /// Tells whether there is no entry. O(1).
    ///
    /// # Examples
    /// ```
    /// assert!(twinbucket::Store::<u64, u64>::new().read().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of the publish that made this read bucket.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// assert_eq!(store.read().generation(), store.generation());
    /// ```
    pub fn generation(&self) -> Generation {
        self.frozen.generation
    }

    /// Iterates over the entries in no particular order.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", 1), ("b", 2)]).read();
    /// assert_eq!(bucket.iter().map(|(_, value)| value).sum::<i32>(), 3);
    /// ```
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(self.directory(), self.len())
    }

    /// Iterates over the keys in no particular order.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", 1)]).read();
    /// assert_eq!(bucket.keys().collect::<Vec<_>>(), [&"a"]);
    /// ```
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> + FusedIterator {
        self.iter().map(|(key, _)| key)
    }

    /// Iterates over the values in no particular order.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", 1)]).read();
    /// assert_eq!(bucket.values().collect::<Vec<_>>(), [&1]);
    /// ```
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + FusedIterator {
        self.iter().map(|(_, value)| value)
    }

    /// Iterates over the entries in no particular order, on all threads of the current rayon pool.
    ///
    /// # Examples
    /// ```
    /// use rayon::iter::ParallelIterator;
    ///
    /// let bucket = twinbucket::Store::from([("a", 1), ("b", 2)]).read();
    /// assert_eq!(bucket.par_iter().map(|(_, value)| value).sum::<i32>(), 3);
    /// ```
    #[cfg(feature = "rayon")]
    pub fn par_iter(&self) -> impl rayon::iter::ParallelIterator<Item = (&K, &V)>
    where
        K: Send + Sync,
        V: Send + Sync,
    {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};

        let directory = self.directory();
        let firsts = (0..directory.slots()).into_par_iter().filter(|&slot| directory.extent(slot).start == slot);
        firsts.flat_map_iter(|slot| directory.table(slot)).map(|(key, value)| (key, value))
    }
}

impl<K, V, S: BuildHasher> ReadBucket<K, V, S> {
    /// Returns the value of a key.
    ///
    /// Never waits. Costs a lookup in a flat table, and two loads to find that table.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a".to_string(), 1)]).read();
    /// assert_eq!(bucket.get("a"), Some(&1));
    /// assert_eq!(bucket.get("b"), None);
    /// ```
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key).map(|(_, value)| value)
    }

    /// Returns the stored key and the value of a key.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a".to_string(), 1)]).read();
    /// assert_eq!(bucket.get_key_value("a"), Some((&"a".to_string(), &1)));
    /// ```
    #[inline]
    pub fn get_key_value<Q>(&self, key: &Q) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key).map(|(key, value)| (key, value))
    }

    /// Tells whether a key is there.
    ///
    /// # Examples
    /// ```
    /// assert!(twinbucket::Store::from([("a", 1)]).read().contains_key("a"));
    /// ```
    #[inline]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key).is_some()
    }

    /// Returns the values of several keys, all of the same moment.
    ///
    /// Hashes all keys before it looks up the first, so that waiting for memory overlaps.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", 1), ("b", 2)]).read();
    /// assert_eq!(bucket.get_many(["a", "x", "b"]), [Some(&1), None, Some(&2)]);
    /// ```
    pub fn get_many<Q, const N: usize>(&self, keys: [&Q; N]) -> [Option<&V>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let directory = self.directory();
        let hashed = keys.map(|key| (key, self.frozen.home.hash(key)));
        let located = hashed.map(|(key, hash)| (key, hash, directory.table_for(hash)));
        located.map(|(key, hash, table)| table.find(hash, |(other, _)| key.equivalent(other)).map(|(_, value)| value))
    }

    /// Returns an owned reference to one entry, which keeps this version alive.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", vec![1, 2])]).read();
    /// let entry = bucket.entry("a").unwrap();
    /// let sum = std::thread::spawn(move || entry.iter().sum::<i32>());
    /// assert_eq!(sum.join().unwrap(), 3);
    /// ```
    pub fn entry<Q>(&self, key: &Q) -> Option<EntryRef<K, V, S>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.frozen.home.hash(key);
        let slot = self.directory().slot_of(hash);
        let at = self.directory().table(slot).find_bucket_index(hash, |(other, _)| key.equivalent(other))?;
        Some(EntryRef { bucket: self.clone(), slot, at })
    }

    /// Iterates over what is different in this read bucket compared to an older one, in no particular order.
    ///
    /// Looks only at leaves that the two do not share, so between near generations of one store it costs about as much
    /// as the changes did, and a step for each 64 leaves. Read buckets of different stores can be compared too, at the
    /// cost of looking at all entries. With the two exchanged, it tells the way back.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Change, Store};
    ///
    /// let store = Store::from([("a", 1), ("b", 2)]);
    /// let older = store.read();
    /// store.insert("c", 3);
    /// store.remove("a");
    /// let newer = store.read();
    ///
    /// let mut changes: Vec<_> = newer.diff(&older).collect();
    /// changes.sort_by_key(|change| *change.key());
    /// assert_eq!(
    ///     changes,
    ///     [Change::Removed { key: &"a", value: &1 }, Change::Added { key: &"c", value: &3 }]
    /// );
    /// ```
    pub fn diff<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = Change<'a, K, V>>
    where
        K: Hash + Eq,
        V: PartialEq,
    {
        let added_or_changed = self.entries_not_shared_with(older).filter_map(|(key, new)| match older.get(key) {
            None => Some(Change::Added { key, value: new }),
            Some(old) => (*old != *new).then_some(Change::Changed { key, old, new }),
        });
        let removed = older.entries_not_shared_with(self).filter(|(key, _)| !self.contains_key(*key));
        added_or_changed.chain(removed.map(|(key, value)| Change::Removed { key, value }))
    }

    /// Iterates over the entries in leaves that `other` has not.
    fn entries_not_shared_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a K, &'a V)> {
        let (ours, theirs) = (self.directory(), other.directory());
        let related = Arc::ptr_eq(&self.frozen.home, &other.frozen.home);
        let some = related.then(|| unshared(ours, theirs)).into_iter().flatten();
        let all = (!related).then(|| ours.firsts()).into_iter().flatten();
        some.chain(all).flat_map(|slot| ours.table(slot)).map(|(key, value)| (key, value))
    }

    // Always: with string keys it is just large enough to be left out of line, which cost 6 to 9 % of a lookup.
    #[inline(always)]
    fn find<Q>(&self, key: &Q) -> Option<&(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let Frozen { directory, home, .. } = &*self.frozen;
        let hash = home.hash(key);
        directory.table_for(hash).find(hash, |(other, _)| key.equivalent(other))
    }
}

impl<K, V, S> Clone for ReadBucket<K, V, S> {
    fn clone(&self) -> Self {
        Self { frozen: Arc::clone(&self.frozen), record: self.record.clone() }
    }
}

impl<Q, K, V, S> Index<&Q> for ReadBucket<K, V, S>
where
    Q: Hash + Equivalent<K> + ?Sized,
    S: BuildHasher,
{
    type Output = V;

    /// Returns the value of a key.
    ///
    /// # Panics
    /// If the key is not there.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry for this key")
    }
}

impl<K: Hash + Eq, V: PartialEq, S: BuildHasher> PartialEq for ReadBucket<K, V, S> {
    /// Tells whether both have the same entries, whatever their generations. Looks only at what they do not share.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.diff(other).next().is_none()
    }
}

impl<K: Hash + Eq, V: Eq, S: BuildHasher> Eq for ReadBucket<K, V, S> {}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for ReadBucket<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(feature = "serde")]
impl<K: serde::Serialize, V: serde::Serialize, S> serde::Serialize for ReadBucket<K, V, S> {
    /// Serializes as a map, in no particular order.
    fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_map(self)
    }
}

/// Iterator over the entries of a read bucket or a write bucket, in no particular order.
///
/// # Examples
/// ```
/// let bucket = twinbucket::Store::from([("a", 1)]).read();
/// let mut entries = bucket.iter();
/// assert_eq!(entries.len(), 1);
/// assert_eq!(entries.next(), Some((&"a", &1)));
/// assert_eq!(entries.next(), None);
/// ```
pub struct Iter<'a, K, V> {
    /// The version.
    directory: &'a Directory<K, V>,
    /// First slot of the leaf after the current one.
    next: usize,
    /// What is left of the current leaf.
    leaf: hash_table::Iter<'a, (K, V)>,
    /// Entries in the leaves from `next` on.
    after: usize,
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(crate) fn new(directory: &'a Directory<K, V>, len: usize) -> Self {
        Self { directory, next: 0, leaf: hash_table::Iter::default(), after: len }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                return Some((key, value));
            }
            if self.next == self.directory.slots() {
                return None;
            }
            let table = self.directory.table(self.next);
            self.after -= table.len();
            self.leaf = table.iter();
            self.next = self.directory.extent(self.next).end;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.leaf.len() + self.after;
        (left, Some(left))
    }

    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut fold: F) -> B {
        let mut fold = |all, (key, value): &'a (K, V)| fold(all, (key, value));
        let mut all = self.leaf.fold(init, &mut fold);
        let mut slot = self.next;
        while slot < self.directory.slots() {
            all = self.directory.table(slot).iter().fold(all, &mut fold);
            slot = self.directory.extent(slot).end;
        }
        all
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<K, V> FusedIterator for Iter<'_, K, V> {}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { directory: self.directory, next: self.next, leaf: self.leaf.clone(), after: self.after }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

impl<'a, K, V, S> IntoIterator for &'a ReadBucket<K, V, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

/// Iterator that owns its read bucket and gives out copies of the entries; it has no lifetime and can outlive the store.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([("a", 1)]);
/// let entries = store.read().into_iter();
/// drop(store);
/// assert_eq!(std::thread::spawn(move || entries.collect::<Vec<_>>()).join().unwrap(), [("a", 1)]);
/// ```
pub struct IntoIter<K, V, S = DefaultHashBuilder> {
    /// The version.
    bucket: ReadBucket<K, V, S>,
    /// First slot of the current leaf.
    slot: usize,
    /// Next place to look at in its table.
    at: usize,
    /// Entries left in all.
    left: usize,
}

impl<K: Clone, V: Clone, S> Iterator for IntoIter<K, V, S> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        let directory = self.bucket.directory();
        while self.left > 0 {
            let table = directory.table(self.slot);
            while self.at < table.num_buckets() {
                let entry = table.get_bucket(self.at);
                self.at += 1;
                if let Some((key, value)) = entry {
                    self.left -= 1;
                    return Some((key.clone(), value.clone()));
                }
            }
            self.slot = directory.extent(self.slot).end;
            self.at = 0;
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K: Clone, V: Clone, S> ExactSizeIterator for IntoIter<K, V, S> {}

impl<K: Clone, V: Clone, S> FusedIterator for IntoIter<K, V, S> {}

impl<K, V, S> fmt::Debug for IntoIter<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoIter").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<K: Clone, V: Clone, S> IntoIterator for ReadBucket<K, V, S> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V, S>;

    fn into_iter(self) -> IntoIter<K, V, S> {
        IntoIter { left: self.len(), bucket: self, slot: 0, at: 0 }
    }
}

/// Owned reference to one entry of a read bucket, which it keeps alive; dereferences to the value.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([("a", vec![1])]);
/// let entry = store.read().entry("a").unwrap();
/// store.remove("a");
/// assert_eq!(entry.key(), &"a");
/// assert_eq!(entry.len(), 1);
/// ```
pub struct EntryRef<K, V, S = DefaultHashBuilder> {
    /// The version.
    bucket: ReadBucket<K, V, S>,
    /// A slot of the entry's leaf.
    slot: usize,
    /// Its place in the leaf's table.
    at: usize,
}

impl<K, V, S> EntryRef<K, V, S> {
    fn entry(&self) -> &(K, V) {
        self.bucket.directory().table(self.slot).get_bucket(self.at).expect("found there, and the version is frozen")
    }

    /// Returns the key.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", 1)]).read();
    /// assert_eq!(bucket.entry("a").unwrap().key(), &"a");
    /// ```
    pub fn key(&self) -> &K {
        &self.entry().0
    }

    /// Returns the value.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", 1)]).read();
    /// assert_eq!(bucket.entry("a").unwrap().value(), &1);
    /// ```
    pub fn value(&self) -> &V {
        &self.entry().1
    }

    /// Returns the read bucket that the entry is in.
    ///
    /// # Examples
    /// ```
    /// let bucket = twinbucket::Store::from([("a", 1)]).read();
    /// assert_eq!(bucket.entry("a").unwrap().bucket().generation(), bucket.generation());
    /// ```
    pub fn bucket(&self) -> &ReadBucket<K, V, S> {
        &self.bucket
    }
}

impl<K, V, S> Deref for EntryRef<K, V, S> {
    type Target = V;

    fn deref(&self) -> &V {
        self.value()
    }
}

impl<K, V, S> Clone for EntryRef<K, V, S> {
    fn clone(&self) -> Self {
        Self { bucket: self.bucket.clone(), slot: self.slot, at: self.at }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for EntryRef<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = self.entry();
        f.debug_struct("EntryRef").field("key", key).field("value", value).finish()
    }
}
