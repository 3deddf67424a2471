//! The entry of one key in a write bucket.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use hashbrown::DefaultHashBuilder;

use crate::WriteBucket;
use crate::writer::Place;

/// The entry of one key in a write bucket, as [`WriteBucket::entry`] returns it.
///
/// # Examples
/// ```
/// use twinbucket::{Entry, Store};
///
/// let store = Store::from([("a", 1)]);
/// let mut write = store.write();
/// match write.entry("a") {
///     Entry::Occupied(mut entry) => *entry.get_mut() += 1,
///     Entry::Vacant(entry) => *entry.insert(0) += 1,
/// }
/// assert_eq!(write.get("a"), Some(&2));
/// ```
pub enum Entry<'e, 'a, K, V, S = DefaultHashBuilder> {
    /// The key is there.
    Occupied(OccupiedEntry<'e, 'a, K, V, S>),
    /// The key is not there.
    Vacant(VacantEntry<'e, 'a, K, V, S>),
}

/// An entry that is there. Changing it copies its leaf, if that is the first change of the leaf.
///
/// # Examples
/// ```
/// use twinbucket::{Entry, Store};
///
/// let store = Store::from([("a", 1)]);
/// let mut write = store.write();
/// if let Entry::Occupied(entry) = write.entry("a") {
///     entry.remove();
/// }
/// assert!(write.is_empty());
/// ```
pub struct OccupiedEntry<'e, 'a, K, V, S = DefaultHashBuilder> {
    /// The write bucket.
    pub(crate) bucket: &'e mut WriteBucket<'a, K, V, S>,
    /// The key that was asked for.
    pub(crate) key: K,
    /// Where it is.
    pub(crate) place: Place,
}

/// An entry that is not there.
///
/// # Examples
/// ```
/// use twinbucket::{Entry, Store};
///
/// let store = Store::new();
/// let mut write = store.write();
/// if let Entry::Vacant(entry) = write.entry("a") {
///     entry.insert(1);
/// }
/// assert_eq!(write.len(), 1);
/// ```
pub struct VacantEntry<'e, 'a, K, V, S = DefaultHashBuilder> {
    /// The write bucket.
    pub(crate) bucket: &'e mut WriteBucket<'a, K, V, S>,
    /// The key that was asked for.
    pub(crate) key: K,
    /// Its hash.
    pub(crate) hash: u64,
}

impl<'e, K, V, S> Entry<'e, '_, K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    /// Returns the value, which is set to `default` first if the key is not there.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// *write.entry("a").or_insert(0) += 1;
    /// *write.entry("b").or_insert(0) += 1;
    /// assert_eq!((write.get("a"), write.get("b")), (Some(&2), Some(&1)));
    /// ```
    pub fn or_insert(self, default: V) -> &'e mut V {
        self.or_insert_with(|| default)
    }

    /// Returns the value, which is set to what `default` makes first if the key is not there.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<_, Vec<u8>>::new();
    /// store.write().entry("a").or_insert_with(|| vec![1]).push(2);
    /// ```
    pub fn or_insert_with(self, default: impl FnOnce() -> V) -> &'e mut V {
        match self {
            Self::Occupied(entry) => entry.into_mut(),
            Self::Vacant(entry) => entry.insert(default()),
        }
    }

    /// Returns the value, which is set to its type's default first if the key is not there.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<_, Vec<u8>>::new();
    /// store.write().entry("a").or_default().push(2);
    /// ```
    pub fn or_default(self) -> &'e mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Calls `change` with the value if the key is there.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.entry("a").and_modify(|value| *value = 5).or_insert(0);
    /// assert_eq!(write.get("a"), Some(&5));
    /// ```
    pub fn and_modify(mut self, change: impl FnOnce(&mut V)) -> Self {
        if let Self::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }

    /// Returns the key that was asked for.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<_, u8>::new();
    /// assert_eq!(store.write().entry("a").key(), &"a");
    /// ```
    pub fn key(&self) -> &K {
        match self {
            Self::Occupied(entry) => &entry.key,
            Self::Vacant(entry) => &entry.key,
        }
    }
}

impl<'e, K, V, S> OccupiedEntry<'e, '_, K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    /// Returns the key in the map.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// let Entry::Occupied(entry) = write.entry("a") else { panic!() };
    /// assert_eq!((entry.key(), entry.get()), (&"a", &1));
    /// ```
    pub fn key(&self) -> &K {
        &self.bucket.writer().entry(self.place).0
    }

    /// Returns the value. [`key`](Self::key) shows it in use.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// let Entry::Occupied(entry) = write.entry("a") else { panic!() };
    /// assert_eq!(entry.get(), &1);
    /// ```
    pub fn get(&self) -> &V {
        &self.bucket.writer().entry(self.place).1
    }

    /// Returns the value to change; counts as a change even if it is left as it is.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// let Entry::Occupied(mut entry) = write.entry("a") else { panic!() };
    /// *entry.get_mut() += 1;
    /// assert_eq!(entry.get(), &2);
    /// ```
    pub fn get_mut(&mut self) -> &mut V {
        &mut self.bucket.writer_mut().entry_mut(self.place).1
    }

    /// Returns the value to change, for as long as the write bucket is borrowed.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// let Entry::Occupied(entry) = write.entry("a") else { panic!() };
    /// *entry.into_mut() += 1;
    /// assert_eq!(write.get("a"), Some(&2));
    /// ```
    pub fn into_mut(self) -> &'e mut V {
        &mut self.bucket.writer_mut().entry_mut(self.place).1
    }

    /// Sets the value and returns the one that was there.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// let Entry::Occupied(mut entry) = write.entry("a") else { panic!() };
    /// assert_eq!(entry.insert(5), 1);
    /// ```
    pub fn insert(&mut self, value: V) -> V {
        std::mem::replace(self.get_mut(), value)
    }

    /// Removes the entry and returns its value.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// let Entry::Occupied(entry) = write.entry("a") else { panic!() };
    /// assert_eq!(entry.remove(), 1);
    /// assert!(write.is_empty());
    /// ```
    pub fn remove(self) -> V {
        let Self { bucket, key, .. } = self;
        let value = bucket.remove(&key).expect("an occupied entry is there");
        // While the value is in a variable: if this panics, a value on its way to the caller would leak.
        drop(key);
        value
    }

    /// As [`insert`](Self::insert), and drops the key that was asked for before anything changes.
    pub(crate) fn replace(self, value: V) -> V {
        let Self { bucket, key, place } = self;
        let old = &mut bucket.writer_mut().entry_mut(place).1;
        drop(key);
        std::mem::replace(old, value)
    }
}

impl<'e, K, V, S> VacantEntry<'e, '_, K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    /// Returns the key that was asked for.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::<_, u8>::new();
    /// let mut write = store.write();
    /// let Entry::Vacant(entry) = write.entry("a") else { panic!() };
    /// assert_eq!(entry.key(), &"a");
    /// ```
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Returns the key that was asked for, and adds nothing.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::<_, u8>::new();
    /// let mut write = store.write();
    /// let Entry::Vacant(entry) = write.entry("a") else { panic!() };
    /// assert_eq!(entry.into_key(), "a");
    /// ```
    pub fn into_key(self) -> K {
        self.key
    }

    /// Adds the entry and returns its value to change.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Entry, Store};
    ///
    /// let store = Store::new();
    /// let mut write = store.write();
    /// let Entry::Vacant(entry) = write.entry("a") else { panic!() };
    /// *entry.insert(1) += 1;
    /// assert_eq!(write.get("a"), Some(&2));
    /// ```
    pub fn insert(self, value: V) -> &'e mut V {
        let Self { bucket, key, hash } = self;
        bucket.add(hash, key, value)
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Entry<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(entry) => entry.fmt(f),
            Self::Vacant(entry) => entry.fmt(f),
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for OccupiedEntry<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = self.bucket.writer().entry(self.place);
        f.debug_struct("OccupiedEntry").field("key", key).field("value", value).finish()
    }
}

impl<K: fmt::Debug, V, S> fmt::Debug for VacantEntry<'_, '_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(&self.key).finish()
    }
}
