//! The store: a handle to the current read bucket and to the write bucket.

use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::Location;

use hashbrown::{DefaultHashBuilder, Equivalent};

use crate::shared::{Policy, Shared};
use crate::sync::Arc;
use crate::write::WriteBucket;
use crate::{Builder, Generation, Pin, ReadBucket, Reader, Stats, Watch};

/// A map with one private write bucket and one published read bucket; a cheap handle, to be cloned and shared.
///
/// Readers never wait and never free; writers wait for each other and for nobody else.
///
/// # Examples
/// ```
/// use std::thread;
/// use twinbucket::Store;
///
/// let store = Store::from([("retries", 3), ("workers", 8)]);
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut write = store.write();
///         write.insert("retries", 5);
///         write.insert("workers", 16);
///         write.publish();
///     });
///     scope.spawn(|| {
///         let config = store.read();
///         let both = (config["retries"], config["workers"]);
///         assert!(both == (3, 8) || both == (5, 16));
///     });
/// });
/// ```
///
/// It is as shareable as its keys and values:
/// ```
/// fn share(_: impl Send + Sync) {}
/// share(twinbucket::Store::<String, std::sync::Arc<str>>::new());
/// ```
/// ```compile_fail,E0277
/// fn share(_: impl Send + Sync) {}
/// share(twinbucket::Store::<String, std::rc::Rc<str>>::new());
/// ```
pub struct Store<K, V, S = DefaultHashBuilder> {
    /// What all handles share.
    shared: Arc<Shared<K, V, S>>,
}

/// The generation asked for is neither kept nor the current one.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([("a", 1)]);
/// let old = store.generation();
/// store.insert("a", 2);
/// let refused = store.rollback(old).unwrap_err();
/// assert_eq!(refused.generation(), old);
/// assert_eq!(refused.to_string(), "generation 1 is not kept (the oldest one at hand is 2)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotKept {
    /// The generation asked for.
    asked: Generation,
    /// The oldest one that could be had.
    oldest: Generation,
}

impl<K, V> Store<K, V> {
    /// Creates an empty store, at generation 0, with hashbrown's default hasher, seeded anew for each store.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<String, u64>::new();
    /// assert!(store.is_empty());
    /// ```
    pub fn new() -> Self {
        Self::with_hasher(DefaultHashBuilder::default())
    }

    /// Starts to set up a store that is not like [`new`](Self::new).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<u64, u64>::builder().keep(2).build();
    /// assert!(store.is_empty());
    /// ```
    pub fn builder() -> Builder<K, V> {
        Builder::new()
    }
}

impl<K, V, S> Store<K, V, S> {
    /// Creates an empty store, at generation 0, with the given hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::RandomState;
    ///
    /// let store = twinbucket::Store::with_hasher(RandomState::new());
    /// store.insert("a", 1);
    /// ```
    pub fn with_hasher(hasher: S) -> Self {
        Self::from_shared(Shared::new(hasher, Policy::DEFAULT, None, None, None))
    }

    pub(crate) fn from_shared(shared: Shared<K, V, S>) -> Self {
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<K, V, S>> {
        &self.shared
    }

    /// Takes the current read bucket: one point in time, for as long as it is held.
    ///
    /// Never waits. Costs some tens of nanoseconds; for many single reads, use a [`Reader`].
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let bucket = store.read();
    /// store.remove("a");
    /// assert_eq!(bucket.get("a"), Some(&1));
    /// ```
    #[track_caller]
    pub fn read(&self) -> ReadBucket<K, V, S> {
        self.shared.read(Location::caller())
    }

    /// As [`read`](Self::read), but the read bucket has no note of its own where
    /// [`on_long_pin`](crate::Builder::on_long_pin) keeps them: it is in no list of pins while it is current, and is
    /// never reported.
    ///
    /// For a writer that compares new content with what there is, which may take long, and lets go of it before it
    /// publishes.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<u64, u64>::builder().on_long_pin(std::time::Duration::MAX, |_| {}).build();
    /// let bucket = store.read_unnoted();
    /// assert!(bucket.is_empty() && store.pins().is_empty());
    /// ```
    pub fn read_unnoted(&self) -> ReadBucket<K, V, S> {
        ReadBucket::new(self.shared.slot.load(), None)
    }

    /// Creates a reader, for one thread that reads often.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut reader = store.reader();
    /// std::thread::spawn(move || assert_eq!(reader.get("a"), Some(&1))).join().unwrap();
    /// ```
    #[track_caller]
    pub fn reader(&self) -> Reader<K, V, S> {
        Reader::new(Arc::clone(&self.shared), Location::caller())
    }

    /// Creates a watch, which waits for what is published from now on.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut watch = store.watch();
    /// store.insert("a", 2);
    /// assert_eq!(watch.wait()["a"], 2);
    /// ```
    pub fn watch(&self) -> Watch<K, V, S> {
        Watch::new(Arc::clone(&self.shared))
    }

    /// Returns the current generation. Never waits.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::new();
    /// assert_eq!(store.generation().get(), 0);
    /// store.insert("a", 1);
    /// assert_eq!(store.generation().get(), 1);
    /// ```
    pub fn generation(&self) -> Generation {
        self.shared.slot.load().generation
    }

    /// Returns the number of entries in the current read bucket. Never waits.
    ///
    /// Two calls may see two generations: to ask more than one question, take a read bucket.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(twinbucket::Store::from([("a", 1)]).len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.slot.load().len
    }

    /// Tells whether there is no entry in the current read bucket. Never waits.
    ///
    /// # Examples
    /// ```
    /// assert!(twinbucket::Store::<u64, u64>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the read bucket of a generation, if it is the current one or is [kept](Builder::keep).
    ///
    /// May wait for the short time in which a publish settles its account.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::builder().keep(1).build();
    /// store.insert("a", 1);
    /// let first = store.generation();
    /// store.insert("a", 2);
    /// assert_eq!(store.at(first).unwrap()["a"], 1);
    /// store.insert("a", 3);
    /// assert!(store.at(first).is_none());
    /// ```
    #[track_caller]
    pub fn at(&self, generation: Generation) -> Option<ReadBucket<K, V, S>> {
        self.find(generation, Location::caller()).ok()
    }

    fn find(
        &self,
        generation: Generation,
        location: &'static Location<'static>,
    ) -> Result<ReadBucket<K, V, S>, NotKept> {
        let ledger = self.shared.ledger.lock();
        let current = self.shared.slot.load();
        let oldest = ledger.kept().next().map_or(current.generation, |version| version.generation);
        let found = ledger.kept().chain([&current]).find(|version| version.generation == generation);
        let found = found.ok_or(NotKept { asked: generation, oldest })?;
        Ok(self.shared.give_out(Arc::clone(found), location))
    }

    /// Makes the staged changes visible. If there are none, returns the current generation.
    ///
    /// Waits for another writer, never for readers. The cost is that of [`WriteBucket::publish`].
    ///
    /// # Panics
    /// If this thread holds the write bucket of this store already, or as [`WriteBucket::publish`] does.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::builder().publish_every(100).build();
    /// store.insert("a", 1);
    /// store.publish();
    /// assert_eq!(store.get("a"), Some(1));
    /// ```
    #[track_caller]
    pub fn publish(&self) -> Generation {
        WriteBucket::begin(&self.shared).publish()
    }

    /// Returns counts over the store.
    ///
    /// Waits for no write bucket, only for the short time in which a publish settles its account; a publish may wait for
    /// it too. O(generations held or kept).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// assert_eq!(store.stats().entries, 1);
    /// ```
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Returns who holds read buckets, also of the current generation: see [`Pin`].
    ///
    /// Waits for no write bucket, only for the short time in which a publish settles its account; a publish may wait for
    /// it too. O(generations held or kept), or, with [`on_long_pin`](Builder::on_long_pin), O(read buckets held).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// assert!(store.pins().is_empty());
    /// let held = store.read();
    /// assert_eq!(store.pins()[0].generation(), held.generation());
    /// ```
    pub fn pins(&self) -> Vec<Pin> {
        self.shared.pins()
    }

    /// Frees all that nobody holds any more, on this thread, without waiting for the next publish.
    ///
    /// Waits for no write bucket. A publish at the same time may wait for it to look at what is retired, but not for
    /// the destructors.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let held = store.read();
    /// store.insert("a", 2);
    /// assert_eq!(store.stats().retired_leaves, 1);
    /// drop(held);
    /// store.collect();
    /// assert_eq!(store.stats().retired_leaves, 0);
    /// ```
    pub fn collect(&self) {
        self.shared.collect();
    }
}

impl<K, V, S: BuildHasher> Store<K, V, S> {
    /// Returns a copy of a key's value in the current read bucket.
    ///
    /// Never waits. For convenience: a [`Reader`] is faster, and needs no copy.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a".to_string(), 1)]);
    /// assert_eq!(store.get("a"), Some(1));
    /// ```
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        ReadBucket::new(self.shared.slot.load(), None).get(key).cloned()
    }
}

impl<K, V, S> Store<K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    /// Takes the write bucket. It begins with what is staged.
    ///
    /// Waits for another writer, never for readers.
    ///
    /// # Panics
    /// If this thread holds the write bucket of this store already.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.insert("b", 2);
    /// write.publish();
    /// assert_eq!(store.len(), 2);
    /// ```
    #[track_caller]
    pub fn write(&self) -> WriteBucket<'_, K, V, S> {
        WriteBucket::begin(&self.shared)
    }

    /// Takes the write bucket, unless a writer has it; also `None` if it is this thread that has it.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let write = store.write();
    /// assert!(store.try_write().is_none());
    /// drop(write);
    /// assert!(store.try_write().is_some());
    /// ```
    pub fn try_write(&self) -> Option<WriteBucket<'_, K, V, S>> {
        WriteBucket::try_begin(&self.shared)
    }

    /// Sets the value of a key and returns the one it had (staged or published).
    ///
    /// Publishes at once, or as [`publish_every`](Builder::publish_every) has it. Waits for another writer, never for
    /// readers. The cost is that of one leaf's copy and of [`WriteBucket::publish`].
    ///
    /// # Panics
    /// If this thread holds the write bucket of this store already. If user code panics; then nothing is changed, unless
    /// it was a destructor of what the publish freed.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::new();
    /// assert_eq!(store.insert("a", 1), None);
    /// assert_eq!(store.insert("a", 2), Some(1));
    /// ```
    #[track_caller]
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.write_one(|bucket| bucket.insert(key, value))
    }

    /// Removes a key and returns its value. As [`insert`](Self::insert) in all else, but for one case: where single writes
    /// are staged and `Drop` of the key panics, it is removed.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// assert_eq!(store.remove("a"), Some(1));
    /// assert_eq!(store.remove("a"), None);
    /// ```
    #[track_caller]
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.write_one(|bucket| bucket.remove(key))
    }

    #[track_caller]
    fn write_one<R>(&self, write: impl FnOnce(&mut WriteBucket<'_, K, V, S>) -> R) -> R {
        let mut bucket = match self.shared.policy.publish_every {
            1 => WriteBucket::begin(&self.shared),
            _ => WriteBucket::begin_staged(&self.shared),
        };
        let result = write(&mut bucket);
        bucket.finish_single();
        result
    }

    /// Replaces everything by the given entries and publishes that, all at once.
    ///
    /// Waits for another writer, never for readers. See [`WriteBucket::replace_all`] for the cost.
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// store.replace_all([("b", 2), ("c", 3)]);
    /// assert_eq!(store.len(), 2);
    /// ```
    #[track_caller]
    pub fn replace_all(&self, entries: impl IntoIterator<Item = (K, V)>) -> Generation {
        let mut bucket = self.write();
        bucket.replace_all(entries);
        bucket.publish()
    }

    /// Publishes the contents of an older generation again, as a new one. Staged changes are undone with the rest; a key
    /// that both have stays the one that it is now, should equal keys be distinguishable.
    ///
    /// Waits for another writer, never for readers. Costs O(leaves that differ).
    ///
    /// # Errors
    /// If the generation is neither [kept](Builder::keep) nor the current one. Then nothing is changed.
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::builder().keep(1).build();
    /// store.insert("a", 1);
    /// let good = store.generation();
    /// store.insert("a", -1);
    /// let restored = store.rollback(good)?;
    /// assert!(restored > good);
    /// assert_eq!(store.get("a"), Some(1));
    /// # Ok::<(), twinbucket::NotKept>(())
    /// ```
    #[track_caller]
    pub fn rollback(&self, generation: Generation) -> Result<Generation, NotKept> {
        let location = Location::caller();
        let mut bucket = self.write();
        let old = self.find(generation, location)?;
        bucket.revert_to(&old);
        drop(old);
        Ok(bucket.publish())
    }
}

impl NotKept {
    /// Returns the generation that was asked for.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let old = store.generation();
    /// store.insert("a", 2);
    /// assert_eq!(store.rollback(old).unwrap_err().generation(), old);
    /// ```
    pub fn generation(&self) -> Generation {
        self.asked
    }
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "generation {} is not kept (the oldest one at hand is {})", self.asked, self.oldest)
    }
}

impl Error for NotKept {}

impl<K, V, S> Clone for Store<K, V, S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, V, S: Default> Default for Store<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> FromIterator<(K, V)> for Store<K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher + Default,
{
    /// Makes a store of the given entries, published; of several with the same key, the last one stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let store = Self::default();
        store.replace_all(entries);
        store
    }
}

impl<K, V, const N: usize> From<[(K, V); N]> for Store<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V, S> Extend<(K, V)> for Store<K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    /// Adds the given entries and publishes them, all at once.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut bucket = self.write();
        bucket.extend(entries);
        bucket.publish();
    }
}

impl<K, V, S> fmt::Debug for Store<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.shared.slot.load();
        f.debug_struct("Store")
            .field("generation", &current.generation)
            .field("len", &current.len)
            .finish_non_exhaustive()
    }
}
