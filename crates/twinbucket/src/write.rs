//! The write bucket: the one private, mutable version of a store, and the only way to change it.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, Equivalent, HashTable};

use crate::Generation;
use crate::diff::unshared;
use crate::entry::{Entry, OccupiedEntry, VacantEntry};
use crate::observer::{News, Observers};
use crate::read::{Iter, ReadBucket};
use crate::shared::{Shared, Turn, TurnCell};
use crate::sync::lock::ReentrantMutexGuard;
use crate::writer::{Old, Writer};

/// The one mutable version of a store, private to the thread that holds it.
///
/// It sees its own changes and those staged before; nobody else does until [`publish`](Self::publish). Dropping it
/// undoes what it did: also on an early return, on `?`, and on a panic in user code.
///
/// While it is held, other writers of the store wait; readers never do. It costs what it touches: the first change of a
/// leaf copies that leaf (a few hundred entries at most, with a sound hasher), further changes are made in place.
///
/// # Examples
/// ```
/// use twinbucket::Store;
///
/// let store = Store::from([("a", 1), ("b", 2)]);
/// let mut write = store.write();
/// write.insert("c", 3);
/// write.remove("a");
/// assert_eq!(write.get("c"), Some(&3));
/// assert_eq!(store.get("c"), None);
///
/// write.publish();
/// assert_eq!(store.get("c"), Some(3));
/// assert_eq!(store.get("a"), None);
/// ```
///
/// Leaking it (`mem::forget`) keeps all writers out for good: others wait for ever, the thread that leaked it panics, and
/// [`try_write`](crate::Store::try_write) gives `None`. Readers go on. The memory of the store is left unfreed.
///
/// It belongs to its thread:
/// ```
/// let store = twinbucket::Store::from([(1, 2)]);
/// let write = store.write();
/// std::thread::scope(|scope| scope.spawn(|| store.len()).join().unwrap());
/// ```
/// ```compile_fail,E0277
/// let store = twinbucket::Store::from([(1, 2)]);
/// let write = store.write();
/// std::thread::scope(|scope| scope.spawn(|| write.len()).join().unwrap());
/// ```
#[must_use = "a write bucket that is dropped without `publish` or `stage` changes nothing"]
pub struct WriteBucket<'a, K, V, S = DefaultHashBuilder> {
    /// The store.
    shared: &'a Shared<K, V, S>,
    /// What only the writing thread has; goes back into the cell behind `lock` at the end.
    turn: Option<Box<Turn<K, V, S>>>,
    /// Keeps other threads out.
    lock: ReentrantMutexGuard<'a, TurnCell<K, V, S>>,
    /// What dropping this does.
    on_drop: OnDrop,
}

/// What dropping a write bucket does to the changes made since its savepoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnDrop {
    Discard,
    /// For single writes that are staged: they take effect at once or not at all, and are made in place.
    Stage,
}

/// What [`WriteBucket::sync`] found, in entries.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([("a", 1), ("b", 2)]);
/// let changes = store.write().sync([("a", 1), ("c", 3)]);
/// assert_eq!((changes.added, changes.changed, changes.removed, changes.unchanged), (1, 0, 1, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Keys that were not there.
    pub added: usize,
    /// Keys whose value was another.
    pub changed: usize,
    /// Keys that are gone.
    pub removed: usize,
    /// Keys whose value was equal; their leaves were not touched.
    pub unchanged: usize,
}

impl Changes {
    /// Tells whether nothing was added, changed or removed.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// assert!(store.write().sync([("a", 1)]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.added == 0 && self.changed == 0 && self.removed == 0
    }
}

impl<'a, K, V, S> WriteBucket<'a, K, V, S> {
    /// Waits for the writer's turn.
    #[track_caller]
    pub(crate) fn begin(shared: &'a Shared<K, V, S>) -> Self {
        Self::with_turn(shared, shared.turn.lock(), OnDrop::Discard).expect(NESTED)
    }

    /// As [`begin`](Self::begin), for one write that is staged rather than published.
    #[track_caller]
    pub(crate) fn begin_staged(shared: &'a Shared<K, V, S>) -> Self {
        Self::with_turn(shared, shared.turn.lock(), OnDrop::Stage).expect(NESTED)
    }

    /// Takes the writer's turn if nobody has it.
    pub(crate) fn try_begin(shared: &'a Shared<K, V, S>) -> Option<Self> {
        Self::with_turn(shared, shared.turn.try_lock()?, OnDrop::Discard)
    }

    fn with_turn(
        shared: &'a Shared<K, V, S>,
        lock: ReentrantMutexGuard<'a, TurnCell<K, V, S>>,
        on_drop: OnDrop,
    ) -> Option<Self> {
        let mut turn = lock.take()?;
        if on_drop == OnDrop::Discard {
            turn.writer.save();
        }
        Some(Self { shared, turn: Some(turn), lock, on_drop })
    }

    fn turn(&self) -> &Turn<K, V, S> {
        self.turn.as_deref().expect("it goes back only in `drop`")
    }

    fn turn_mut(&mut self) -> &mut Turn<K, V, S> {
        self.turn.as_deref_mut().expect("it goes back only in `drop`")
    }

    pub(crate) fn writer(&self) -> &Writer<K, V> {
        &self.turn().writer
    }

    pub(crate) fn writer_mut(&mut self) -> &mut Writer<K, V> {
        &mut self.turn_mut().writer
    }

    /// Returns the number of entries, with this write bucket's changes. O(1).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.insert("b", 2);
    /// assert_eq!((write.len(), store.len()), (2, 1));
    /// ```
    pub fn len(&self) -> usize {
        self.writer().tally().len
    }

    /// Tells whether there is no entry, with this write bucket's changes. O(1).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<u64, u64>::new();
    /// assert!(store.write().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over the entries in no particular order, with this write bucket's changes.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.insert("b", 2);
    /// assert_eq!(write.iter().map(|(_, value)| value).sum::<i32>(), 3);
    /// ```
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::new(self.writer().directory(), self.len())
    }

    /// Makes all changes, and those staged before, visible to every read that starts afterwards.
    ///
    /// Read buckets already taken keep what they hold. Never waits for readers. Costs O(leaves touched); where none of
    /// the last few versions is free to be filled again, also a copy of the directory's top array (8 bytes for each 64
    /// leaves or so). Frees a bounded number of leaves that nobody sees any more, and with them runs the destructors of
    /// the keys and values in their copies.
    ///
    /// If nothing was changed, nothing is published: returns the current generation.
    ///
    /// # Panics
    /// If a destructor of a key or value panics. The publish is then complete.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let before = store.generation();
    /// let mut write = store.write();
    /// write.insert("a", 2);
    /// assert!(write.publish() > before);
    /// assert_eq!(store.write().publish(), store.generation());
    /// ```
    pub fn publish(mut self) -> Generation {
        let shared = self.shared;
        let turn = self.turn_mut();
        if shared.observers.is_some() {
            turn.note_begin();
        }
        turn.commit();
        if turn.writer.staged > 0 { shared.publish(turn) } else { turn.generation() }
    }

    /// Leaves the changes in the write bucket for a later publish, whoever makes it.
    ///
    /// A later discard keeps them. They become visible with the next write bucket that is published, by
    /// [`Store::publish`], or by [`publish_within`](crate::Builder::publish_within).
    ///
    /// [`Store::publish`]: crate::Store::publish
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.insert("b", 2);
    /// write.stage();
    /// assert_eq!(store.get("b"), None);
    /// assert_eq!(store.write().get("b"), Some(&2));
    ///
    /// store.publish();
    /// assert_eq!(store.get("b"), Some(2));
    /// ```
    pub fn stage(mut self) {
        self.stage_changes();
    }

    /// Commits the changes, and starts the clock of `publish_within` if they are the first.
    fn stage_changes(&mut self) {
        let shared = self.shared;
        let turn = self.turn_mut();
        let first = turn.writer.staged == 0;
        turn.commit();
        if first && turn.writer.staged > 0 {
            shared.publish_later();
        }
    }

    /// Ends a single write as the store's policy has it.
    pub(crate) fn finish_single(mut self) {
        if self.on_drop == OnDrop::Discard {
            self.publish();
            return;
        }
        self.stage_changes();
        if self.writer().staged >= self.shared.policy.publish_every {
            self.publish();
        }
    }

    /// Undoes all changes of this write bucket; the same as dropping it. Staged changes of earlier ones stay.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.clear();
    /// write.discard();
    /// assert_eq!(store.write().len(), 1);
    /// ```
    pub fn discard(self) {
        drop(self);
    }
}

impl<K, V, S: BuildHasher> WriteBucket<'_, K, V, S> {
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.turn().home.hash(key)
    }

    /// Returns the value of a key, with this write bucket's changes.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a".to_string(), 1)]);
    /// assert_eq!(store.write().get("a"), Some(&1));
    /// ```
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.writer().find(self.hash(key), |other| key.equivalent(other)).map(|(_, value)| value)
    }

    /// Tells whether a key is there, with this write bucket's changes.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.remove("a");
    /// assert!(!write.contains_key("a"));
    /// ```
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get(key).is_some()
    }
}

impl<'a, K, V, S> WriteBucket<'a, K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    /// Sets the value of a key and returns the one it had. As in the standard map, the old key stays.
    ///
    /// # Panics
    /// If `Hash`, `Eq`, `Clone` or `Drop` of user code panics; then nothing is changed.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::new();
    /// let mut write = store.write();
    /// assert_eq!(write.insert("a", 1), None);
    /// assert_eq!(write.insert("a", 2), Some(1));
    /// write.publish();
    /// ```
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.entry(key) {
            Entry::Occupied(entry) => Some(entry.replace(value)),
            Entry::Vacant(entry) => {
                entry.insert(value);
                None
            }
        }
    }

    /// Removes a key and returns its value.
    ///
    /// # Panics
    /// If `Hash`, `Eq` or `Clone` of user code panics; then nothing is changed. If `Drop` of the key panics; then it is
    /// removed.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// assert_eq!(write.remove("a"), Some(1));
    /// assert_eq!(write.remove("a"), None);
    /// write.publish();
    /// ```
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hash(key);
        let Turn { writer, home, .. } = self.turn_mut();
        let (key, value) = writer.remove(hash, |other| key.equivalent(other), &|key| home.hash(key))?;
        // Before the value is moved out: if this panics, a value on its way to the caller would leak.
        drop(key);
        Some(value)
    }

    /// Calls `change` with the value of a key, and tells whether the key is there.
    ///
    /// `change` may read the store, which does not show this write bucket's changes; it must not write to it.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("hits", 1)]);
    /// let mut write = store.write();
    /// assert!(write.modify("hits", |hits| *hits += 1));
    /// assert!(!write.modify("misses", |misses| *misses += 1));
    /// write.publish();
    /// assert_eq!(store.get("hits"), Some(2));
    /// ```
    pub fn modify<Q>(&mut self, key: &Q, change: impl FnOnce(&mut V)) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hash(key);
        let writer = self.writer_mut();
        let place = writer.locate(hash, |other| key.equivalent(other));
        place.map(|place| change(&mut writer.entry_mut(place).1)).is_some()
    }

    /// Returns the entry of a key, to look at it and to change it with one lookup.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::new();
    /// let mut write = store.write();
    /// for word in ["a", "b", "a"] {
    ///     *write.entry(word).or_insert(0) += 1;
    /// }
    /// write.publish();
    /// assert_eq!(store.get("a"), Some(2));
    /// ```
    pub fn entry(&mut self, key: K) -> Entry<'_, 'a, K, V, S> {
        let hash = self.hash(&key);
        match self.writer().locate(hash, |other| key == *other) {
            Some(place) => Entry::Occupied(OccupiedEntry { bucket: self, key, place }),
            None => Entry::Vacant(VacantEntry { bucket: self, key, hash }),
        }
    }

    /// Removes every entry that `keep` rejects. Copies only leaves in which there is one.
    ///
    /// # Examples
    /// ```
    /// let store: twinbucket::Store<u64, u64> = (0..10).map(|n| (n, n)).collect();
    /// let mut write = store.write();
    /// write.retain(|key, _| key % 2 == 0);
    /// write.publish();
    /// assert_eq!(store.len(), 5);
    /// ```
    pub fn retain(&mut self, keep: impl FnMut(&K, &V) -> bool) {
        let Turn { writer, home, .. } = self.turn_mut();
        writer.retain(keep, &|key| home.hash(key));
    }

    /// Removes everything. O(leaves).
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut write = store.write();
    /// write.clear();
    /// write.publish();
    /// assert!(store.is_empty());
    /// ```
    pub fn clear(&mut self) {
        if !self.is_empty() {
            self.writer_mut().reset(0);
        }
    }

    /// Replaces everything by the given entries; of several with the same key, the last one stays.
    ///
    /// All leaves are new afterwards, so the publish costs O(entries). [`sync`](Self::sync) touches only what differs.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1), ("b", 2)]);
    /// let mut write = store.write();
    /// write.replace_all([("c", 3)]);
    /// write.publish();
    /// assert_eq!(store.read().keys().collect::<Vec<_>>(), [&"c"]);
    /// ```
    pub fn replace_all(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        let entries = entries.into_iter();
        let capacity = entries.size_hint().0;
        if !self.is_empty() || capacity > 0 {
            self.writer_mut().reset(capacity);
        }
        self.extend(entries);
    }

    /// Makes the contents equal to the given entries, and touches only what differs: a full reload as a delta.
    ///
    /// Of several entries with the same key, the last one counts. Needs memory for all given entries at a time, and
    /// looks at each entry once.
    ///
    /// # Examples
    /// ```
    /// let store: twinbucket::Store<u64, u64> = (0..1_000).map(|n| (n, n)).collect();
    /// let mut write = store.write();
    /// let changes = write.sync((0..1_001).map(|n| (n, n)));
    /// assert_eq!((changes.added, changes.unchanged), (1, 1_000));
    /// write.publish();
    /// ```
    pub fn sync(&mut self, entries: impl IntoIterator<Item = (K, V)>) -> Changes
    where
        V: PartialEq,
    {
        let mut given = self.last_of_each(entries);
        let before = self.len();
        let Turn { writer, home, .. } = self.turn_mut();
        let hash_of = |key: &K| home.hash(key);
        if before == 0 && !given.is_empty() {
            writer.reset(given.len());
        }
        let mut changes = Changes::default();
        let mut differing = Vec::new();
        for at in given.iter_buckets() {
            let (hash, key, value) = given.get_bucket(at).expect("the table is not changed meanwhile");
            match writer.locate(*hash, |other| key == other) {
                Some(place) if writer.entry(place).1 == *value => {
                    changes.unchanged += 1;
                    continue;
                }
                Some(_) => changes.changed += 1,
                None => changes.added += 1,
            }
            differing.push(at);
        }
        // An `Eq` that contradicts itself may find one entry twice.
        changes.removed = before.saturating_sub(changes.unchanged + changes.changed);
        if changes.removed > 0 {
            writer.retain(|key, _| given.find(hash_of(key), |(_, other, _)| other == key).is_some(), &hash_of);
        }
        for at in differing {
            let entry = given.get_bucket_entry(at).ok().expect("each place is taken once");
            let (hash, key, value) = entry.remove().0;
            match writer.locate(hash, |other| key == *other) {
                Some(place) => writer.entry_mut(place).1 = value,
                None => {
                    writer.add(hash, key, value, &hash_of);
                }
            }
        }
        // One by one: a table leaks what is left if a destructor panics, its iterator does not.
        given.into_iter().for_each(drop);
        changes
    }

    /// Makes the contents those of an older read bucket of the same store, by copies of the leaves that differ.
    pub(crate) fn revert_to(&mut self, old: &ReadBucket<K, V, S>) {
        let Turn { writer, home, .. } = self.turn_mut();
        let hash_of = |key: &K| home.hash(key);
        let (now, then) = (writer.directory(), old.directory());
        // Both before the first change, which would hide what is shared.
        let ours = unshared(now, then).flat_map(|slot| now.table(slot)).map(|(key, _)| key);
        let stale: Vec<K> = ours.filter(|&key| !old.contains_key(key)).cloned().collect();
        let theirs: Vec<usize> = unshared(then, now).collect();
        for key in stale {
            drop(writer.remove(hash_of(&key), |other| *other == key, &hash_of));
        }
        for (key, value) in theirs.into_iter().flat_map(|slot| then.table(slot)) {
            let hash = hash_of(key);
            match writer.locate(hash, |other| other == key) {
                Some(place) => writer.entry_mut(place).1 = value.clone(),
                None => {
                    writer.add(hash, key.clone(), value.clone(), &hash_of);
                }
            }
        }
    }

    /// Adds an entry whose key is not there, and returns its value.
    pub(crate) fn add(&mut self, hash: u64, key: K, value: V) -> &mut V {
        let Turn { writer, home, .. } = self.turn_mut();
        let place = writer.add(hash, key, value, &|key| home.hash(key));
        &mut writer.entry_mut(place).1
    }

    /// Gathers entries with their hashes; of several with the same key, the last one.
    fn last_of_each(&self, entries: impl IntoIterator<Item = (K, V)>) -> HashTable<(u64, K, V)> {
        let entries = entries.into_iter();
        let mut gathered = HashTable::with_capacity(entries.size_hint().0);
        for (key, value) in entries {
            let hash = self.hash(&key);
            let entry = gathered.entry(hash, |(_, other, _)| *other == key, |&(hash, ..)| hash);
            match entry {
                hashbrown::hash_table::Entry::Occupied(mut entry) => entry.get_mut().2 = value,
                hashbrown::hash_table::Entry::Vacant(entry) => drop(entry.insert((hash, key, value))),
            }
        }
        gathered
    }
}

impl<K, V, S> Extend<(K, V)> for WriteBucket<'_, K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'b, K, V, S> IntoIterator for &'b WriteBucket<'_, K, V, S> {
    type Item = (&'b K, &'b V);
    type IntoIter = Iter<'b, K, V>;

    fn into_iter(self) -> Iter<'b, K, V> {
        self.iter()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for WriteBucket<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K, V, S> WriteBucket<'_, K, V, S> {
    /// Frees what is left to be freed, and tells the observers. They may write: the turn is back. The lock is not, so
    /// that they are told in order.
    #[cold]
    fn tell(&self, observers: &Observers, doomed: Vec<Old<K, V>>) {
        let mut turn = self.lock.take().expect("it was just put back");
        let news = News::new(observers, turn.take_notes(&doomed));
        self.lock.set(Some(turn));
        drop(doomed);
        drop(news);
    }
}

impl<K, V, S> Drop for WriteBucket<'_, K, V, S> {
    /// Undoes what was not published or staged, and lets the next writer go on.
    fn drop(&mut self) {
        match self.on_drop {
            OnDrop::Discard => {
                if self.shared.observers.is_some() {
                    self.turn_mut().note_discard();
                }
                self.writer_mut().discard();
            }
            OnDrop::Stage => self.stage_changes(),
        }
        let mut turn = self.turn.take().expect("it is here until now");
        let doomed = turn.take_doomed();
        turn.writer.trim();
        // The turn goes back first: destructors of user code may panic.
        self.lock.set(Some(turn));
        match self.shared.observers.as_deref() {
            None => drop(doomed),
            Some(observers) => self.tell(observers, doomed),
        }
    }
}

/// What a thread is told that would wait for itself.
const NESTED: &str = "this thread already holds a write bucket of this store: publish, stage or drop it first";
