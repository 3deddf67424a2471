//! A fixed number of flat tables with a lock each.
//!
//! The design of orcaman's concurrent-map for Go: some bits of a key's hash choose one of 32 stripes, and only that stripe
//! is locked. There is no moment at which the map as a whole stands still.

use std::array;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::iter::{Flatten, FusedIterator};
use std::mem;

use crossbeam_utils::CachePadded;
use hashbrown::hash_table::{Entry, HashTable};
use hashbrown::{DefaultHashBuilder, Equivalent};
use parking_lot::RwLock;

use crate::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};

/// Number of stripes.
const STRIPES: usize = 32;

/// A hash map in 32 stripes, each behind a lock of its own.
///
/// Operations on different stripes do not meet; on one stripe, readers run beside each other and a writer waits for them,
/// as in [`RwLockMap`](crate::RwLockMap). A walk locks one stripe at a time: writers to that stripe wait, all others go on,
/// so a walk may see a change and miss an earlier one. There is no view of one moment.
///
/// Costs one hash, one table lookup and two atomic changes per operation; an insert that grows a stripe, O(n/32), holds up
/// that stripe. The stripe is chosen by five upper bits of the hash: a hasher that leaves them alike puts all keys into one
/// stripe, which is then one lock for all. A panic in user code leaves the locks usable and the map in order.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentMap, StripedMap};
///
/// let hits = StripedMap::new();
/// for page in ["home", "about", "home"] {
///     hits.upsert(page, |count| count.map_or(1, |count| count + 1));
/// }
/// assert_eq!(hits.get("home"), Some(2));
/// assert_eq!(hits.set_if_absent("home", 0), Err(0));
/// assert_eq!(hits.pop("about"), Some(("about", 1)));
/// assert_eq!(hits.snapshot().collect::<Vec<_>>(), [("home", 2)]);
/// ```
pub struct StripedMap<K, V, S = DefaultHashBuilder> {
    /// The parts.
    stripes: [Stripe<K, V>; STRIPES],
    /// Hashes the keys of all stripes.
    hasher: S,
}

/// One part: a table, on cache lines of its own, so that locks do not slow each other down.
type Stripe<K, V> = CachePadded<RwLock<HashTable<(K, V)>>>;

impl<K, V> StripedMap<K, V> {
    /// Creates an empty map with hashbrown's default hasher, seeded anew for each map.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<K, V, S> StripedMap<K, V, S> {
    /// Creates an empty map with the given hasher.
    pub fn with_hasher(hasher: S) -> Self {
        Self::with_capacity_and_hasher(0, hasher)
    }

    /// Creates an empty map with room for about `capacity` entries, spread evenly, before stripes grow.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let each = capacity.div_ceil(STRIPES);
        let stripe = |_| CachePadded::new(RwLock::new(HashTable::with_capacity(each)));
        Self { stripes: array::from_fn(stripe), hasher }
    }

    /// Clones all entries, stripe by stripe, and iterates over the clones.
    ///
    /// The clones are **not of one moment**: each stripe is, but between two stripes anything may happen. Locks one stripe at
    /// a time, and none once it has returned. Costs O(n) time and memory at once.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, StripedMap};
    ///
    /// let map = StripedMap::from([("a", 1), ("b", 2)]);
    /// for (key, value) in map.snapshot() {
    ///     map.insert(key, value * 10); // no lock is held
    /// }
    /// assert_eq!(map.get("b"), Some(20));
    /// ```
    pub fn snapshot(&self) -> Snapshot<K, V>
    where
        K: Clone,
        V: Clone,
    {
        let buffers = self.stripes.each_ref().map(|stripe| stripe.read().iter().cloned().collect::<Vec<_>>());
        let left = buffers.iter().map(Vec::len).sum();
        Snapshot { entries: buffers.into_iter().flatten(), left }
    }

    /// The stripe of a hash: five bits just below the seven that the table itself keeps as a tag.
    fn stripe(&self, hash: u64) -> &RwLock<HashTable<(K, V)>> {
        let at = (hash << 7) >> (u64::BITS - STRIPES.ilog2());
        &self.stripes[at as usize]
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> StripedMap<K, V, S> {
    /// Sets the value of `key` to what `make` makes of the one before, and returns that.
    ///
    /// Nobody else sees or changes the key's stripe meanwhile: `make` must not use the map, as that would wait for ever. If
    /// it panics, nothing is changed.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, StripedMap};
    ///
    /// let longest = StripedMap::new();
    /// for word in ["ant", "bee", "antelope"] {
    ///     let first = word.chars().next();
    ///     longest.upsert(first, |old: Option<&&str>| old.map_or(word, |old| if old.len() < word.len() { word } else { old }));
    /// }
    /// assert_eq!(longest.get(&Some('a')), Some("antelope"));
    /// ```
    pub fn upsert(&self, key: K, make: impl FnOnce(Option<&V>) -> V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        let mut entries = self.stripe(hash).write();
        match entries.entry(hash, |(other, _)| *other == key, |(other, _)| self.hasher.hash_one(other)) {
            Entry::Occupied(mut entry) => {
                let (_, value) = entry.get_mut();
                let new = make(Some(value));
                Some(mem::replace(value, new))
            }
            Entry::Vacant(entry) => {
                let value = make(None);
                entry.insert((key, value));
                None
            }
        }
    }

    /// Sets the value of `key` if there is none.
    ///
    /// # Errors
    /// If there is one. Then nothing is changed, and `value` is handed back.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::StripedMap;
    ///
    /// let map = StripedMap::new();
    /// assert_eq!(map.set_if_absent("a", 1), Ok(()));
    /// assert_eq!(map.set_if_absent("a", 2), Err(2));
    /// ```
    pub fn set_if_absent(&self, key: K, value: V) -> Result<(), V> {
        let hash = self.hasher.hash_one(&key);
        let mut entries = self.stripe(hash).write();
        match entries.entry(hash, |(other, _)| *other == key, |(other, _)| self.hasher.hash_one(other)) {
            Entry::Occupied(_) => Err(value),
            Entry::Vacant(entry) => {
                entry.insert((key, value));
                Ok(())
            }
        }
    }

    /// Removes `key` and returns the whole entry, with the key as it was stored.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::StripedMap;
    ///
    /// let map = StripedMap::from([("a".to_string(), 1)]);
    /// assert_eq!(map.pop("a"), Some(("a".to_string(), 1)));
    /// assert_eq!(map.pop("a"), None);
    /// ```
    pub fn pop<Q>(&self, key: &Q) -> Option<(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let mut entries = self.stripe(hash).write();
        let found = entries.find_entry(hash, |(other, _)| key.equivalent(other)).ok()?;
        Some(found.remove().0)
    }
}

impl<K, V, S> ConcurrentMap<K, V> for StripedMap<K, V, S>
where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const CAPABILITIES: Capabilities = Capabilities {
        view: View::None,
        while_walking: WhileWalking::WaitsForPart,
        readers_wait_for: WaitsFor::WritersOfPart,
        writers_wait_for: WaitsFor::ReadersOfPart,
    };

    fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let entries = self.stripe(hash).read();
        entries.find(hash, |(other, _)| key.equivalent(other)).map(|(_, value)| look(value))
    }

    fn insert(&self, key: K, value: V) -> Option<V> {
        self.upsert(key, |_| value)
    }

    fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.pop(key).map(|(_, value)| value)
    }

    fn len(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.read().len()).sum()
    }

    fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        for stripe in &self.stripes {
            stripe.read().iter().for_each(|(key, value)| visit(key, value));
        }
    }
}

/// The clones that [`StripedMap::snapshot`] made. Holds no lock, and may outlive the map.
pub struct Snapshot<K, V> {
    /// One buffer for each stripe.
    entries: Flatten<array::IntoIter<Vec<(K, V)>, STRIPES>>,
    /// Number of entries not yet handed out.
    left: usize,
}

impl<K, V> Iterator for Snapshot<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        let entry = self.entries.next()?;
        self.left -= 1;
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> ExactSizeIterator for Snapshot<K, V> {}

impl<K, V> FusedIterator for Snapshot<K, V> {}

impl<K, V> fmt::Debug for Snapshot<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<K, V, S: Default> Default for StripedMap<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> FromIterator<(K, V)> for StripedMap<K, V, S>
where
    K: Hash + Eq,
    S: BuildHasher + Default,
{
    /// Makes a map of the given entries; of several with the same key, the last one stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Hash + Eq, V, const N: usize> From<[(K, V); N]> for StripedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V, S> Extend<(K, V)> for StripedMap<K, V, S>
where
    K: Hash + Eq,
    S: BuildHasher,
{
    /// Adds the given entries. Waits for nobody, as nobody else can have the map.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.upsert(key, |_| value)));
    }
}

impl<K, V, S> fmt::Debug for StripedMap<K, V, S> {
    /// Shows the number of entries, unless a writer has one of the locks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len =
            self.stripes.iter().map(|stripe| stripe.try_read().map(|entries| entries.len())).sum::<Option<usize>>();
        f.debug_struct("StripedMap").field("len", &len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn keys_are_spread_over_all_stripes() {
        // SipHash with secret keys: as good as 32,000 independent draws. By Chernoff a stripe gets 1.5 times its 1,000 with
        // a probability below e^-108, or half of them with one below e^-153, so a false alarm is below 1e-44.
        let map = StripedMap::<_, _, RandomState>::from_iter((0..32_000_u64).map(|key| (key, ())));
        let fullest = map.stripes.iter().map(|stripe| stripe.read().len()).max();
        let emptiest = map.stripes.iter().map(|stripe| stripe.read().len()).min();
        assert!(emptiest > Some(500) && fullest < Some(1500), "{emptiest:?} to {fullest:?} of 1,000 on average");
    }

    #[test]
    fn upserts_of_many_threads_all_count() {
        let map = StripedMap::new();
        let together = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    for n in 0..3000 {
                        map.upsert(n % 3, |count| count.map_or(1, |count| count + 1));
                    }
                });
            }
        });
        assert_eq!([0, 1, 2].map(|key| map.get(&key)), [Some(4000); 3]);
    }

    #[test]
    fn only_one_of_many_threads_sets_what_is_absent() {
        let map = StripedMap::new();
        let together = Barrier::new(4);
        // Who is behind finds all set, and so catches up with who is ahead.
        let set = || {
            together.wait();
            (0..100_000).filter(|&key| map.set_if_absent(key, ()).is_ok()).count()
        };
        let total: usize = thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(set));
            threads.map(|thread| thread.join().expect("setting does not panic")).iter().sum()
        });
        assert_eq!((total, map.len()), (100_000, 100_000));
    }

    #[test]
    fn a_panic_in_upsert_changes_nothing() {
        let map = StripedMap::from([("a", 1)]);
        let panicked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| map.upsert("a", |_| panic!("no value"))));
        assert!(panicked.is_err());
        assert_eq!((map.get("a"), map.len()), (Some(1), 1));
    }

    #[test]
    fn snapshot_keeps_what_it_cloned() {
        let map = StripedMap::<_, _>::from_iter((0..100_u64).map(|key| (key, key)));
        let snapshot = map.snapshot();
        for key in 0..=100 {
            map.insert(key, 1000);
        }
        drop(map);
        assert_eq!(snapshot.len(), 100);
        let mut cloned: Vec<_> = snapshot.collect();
        cloned.sort_unstable();
        assert_eq!(cloned, Vec::from_iter((0..100).map(|key| (key, key))));
    }

    #[test]
    fn snapshot_knows_how_many_are_left() {
        let map = StripedMap::<_, _>::from_iter((0..100_u64).map(|key| (key, ())));
        let mut snapshot = map.snapshot();
        for left in (0..100).rev() {
            snapshot.next();
            assert_eq!((snapshot.len(), snapshot.size_hint()), (left, (left, Some(left))));
        }
        assert_eq!((snapshot.next(), snapshot.len()), (None, 0));
    }

    #[test]
    fn what_is_present_is_not_set_and_the_value_handed_back() {
        let map = StripedMap::from([("a", 1)]);
        assert_eq!(map.set_if_absent("a", 2), Err(2));
        assert_eq!((map.get("a"), map.len()), (Some(1), 1));
    }
}
