//! A map in several shards with a lock each: the design of dashmap and of sharded caches.
//!
//! A [`Router`] says from the hash which shard is a key's home. Without load-aware placement every key lives at home,
//! and each operation takes the lock of one shard, once. With it, a new key passes over shards that are full; this
//! module makes sure that it is found again and never lives twice. The router's answers, the account that a shard keeps,
//! and the move when shards come or go are left to the modules below.

mod load;
mod reshard;
mod ring;
mod router;
mod shard;
#[cfg(test)]
mod tests;

use std::fmt::{self, Debug};
use std::hash::{BuildHasher, Hash};
use std::iter;

use crossbeam_utils::CachePadded;
use hashbrown::{DefaultHashBuilder, Equivalent};
use parking_lot::Mutex;

use crate::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};

pub use self::load::{Load, LoadFactor};
pub use self::reshard::CannotRemove;
pub use self::ring::{Ring, Weighted};
pub use self::router::{Modulo, Router};
use self::shard::Shard;

/// A map whose entries are spread over shards, each a flat table behind a lock of its own.
///
/// A lookup waits for whoever writes to the same shard, a write also for whoever reads it; a walk holds the lock of one
/// shard after another. There is no view of one moment across shards.
///
/// The router is [`Modulo`], [`Ring`], [`Weighted`] or your own. On request placement is [load-aware](Self::load_aware).
///
/// # Adding and removing shards
/// [`add_shard`](Self::add_shard) and [`remove_shard`](Self::remove_shard) take `&mut self`: who wants to call them has
/// waited until nobody else uses the map, for example for the `RwLock` around it. Otherwise each operation would have to
/// ask, with a lock or a counted pointer, whether the shards are still the same.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ConcurrentMap, Ring, ShardedMap};
///
/// let mut map: ShardedMap<&str, u32, Ring> = ShardedMap::with_router(Ring::new(4));
/// map.insert("a", 1);
/// map.add_shard();
/// assert_eq!(map.get("a"), Some(1));
/// ```
pub struct ShardedMap<K, V, R = Modulo, S = DefaultHashBuilder> {
    /// Says which shard is a key's home.
    router: R,
    /// The shards, as the router numbers them; apart in memory, so that the lock of one does not slow down that of
    /// another.
    shards: Vec<CachePadded<Shard<K, V>>>,
    /// Hashes the keys.
    hasher: S,
    /// When shards are passed over; `None` without load-aware placement.
    bound: Option<Bound>,
}

/// When shards are passed over by new keys.
struct Bound {
    /// The share of its capacity that a shard fills with new keys.
    factor: LoadFactor,
    /// Number of entries that all shards together have room for; grows when none has room.
    capacity: Mutex<usize>,
}

impl<K, V> ShardedMap<K, V> {
    /// Creates an empty map with so many shards, where a key's home is the remainder of its hash.
    ///
    /// # Panics
    /// If there is no shard.
    pub fn new(shards: usize) -> Self {
        Self::with_router(Modulo::new(shards))
    }
}

impl<K, V, R: Router> ShardedMap<K, V, R> {
    /// Creates an empty map with the router's shards.
    pub fn with_router(router: R) -> Self {
        Self::with_router_and_hasher(router, DefaultHashBuilder::default())
    }
}

impl<K, V, R: Router, S> ShardedMap<K, V, R, S> {
    /// Creates an empty map with the router's shards, which hashes keys with `hasher`.
    ///
    /// Correct with any hasher; one that tells few keys apart also fills few shards.
    pub fn with_router_and_hasher(router: R, hasher: S) -> Self {
        let shards = iter::repeat_with(|| CachePadded::new(Shard::new(usize::MAX))).take(router.shards()).collect();
        Self { router, shards, hasher, bound: None }
    }

    /// Makes placement load-aware: a new key passes over shards that are full, on to the next one on the router's
    /// [detour](Router::detour).
    ///
    /// The shards share a capacity by weight: `capacity` entries at first, 0 if you do not know. A shard is full when its
    /// entries reach `factor` times its part. When all are full, the capacity grows by a quarter, or by one entry per
    /// shard if that is more. So when the map has outgrown `capacity`, no shard gets more than about 1.25 times its
    /// share, whatever the router. A key stays where it was placed until it is removed or its shard is.
    ///
    /// The price: the keys that live away from home are looked for in several shards, as are missing keys with the same
    /// home, and writes to them exclude each other per home. The write that makes the capacity grow waits for the readers of
    /// all shards. The fuller the shards, the more keys live away: give a `factor` well below 1, or much capacity.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, LoadFactor, Ring, ShardedMap};
    ///
    /// let ring = Ring::with_nodes(8, 1); // as unbalanced as can be
    /// let map: ShardedMap<u32, u32, _> = ShardedMap::with_router(ring).load_aware(LoadFactor::default(), 1_000);
    /// for n in 0..800 {
    ///     map.insert(n, n);
    /// }
    /// assert!(map.loads().iter().all(|load| load.entries <= 107)); // 0.85 of 125
    /// assert!((0..800).all(|n| map.get(&n) == Some(n)));
    /// ```
    pub fn load_aware(mut self, factor: LoadFactor, capacity: usize) -> Self {
        self.bound = Some(Bound { factor, capacity: Mutex::new(capacity) });
        for (shard, limit) in self.shards.iter_mut().zip(load::limits(&self.router, factor, capacity)) {
            shard.table.get_mut().limit = limit;
        }
        self
    }

    /// Returns what each shard holds; waits for the writers of each in turn, so it is of no one moment.
    pub fn loads(&self) -> Vec<Load> {
        let load = |(number, shard): (usize, &CachePadded<Shard<K, V>>)| {
            let table = shard.table.read();
            Load {
                entries: table.entries.len(),
                weight: self.router.weight(number),
                limit: self.bound.as_ref().map(|_| table.limit),
                away: table.away.keys(),
            }
        };
        self.shards.iter().enumerate().map(load).collect()
    }

    /// Returns how many times its share the fullest shard holds, where shares are by weight: 1 is perfect. Without
    /// weights that is the maximum divided by the mean. 1 for an empty map. Waits like [`loads`](Self::loads).
    pub fn balance(&self) -> f64 {
        let loads = self.loads();
        let entries: usize = loads.iter().map(|load| load.entries).sum();
        let weight: f64 = loads.iter().map(|load| f64::from(load.weight)).sum();
        if entries == 0 {
            return 1.0;
        }
        let share = |load: &Load| entries as f64 * f64::from(load.weight) / weight;
        loads.iter().map(|load| load.entries as f64 / share(load)).fold(0.0, f64::max)
    }

    /// The shard where keys with this hash live, unless it is full.
    #[inline]
    fn home(&self, hash: u64) -> &Shard<K, V> {
        &self.shards[self.router.home(router::spread(hash))]
    }

    /// The other shards, in the order in which keys with this hash pass over to them.
    fn detour(&self, hash: u64) -> impl Iterator<Item = &Shard<K, V>> {
        self.router.detour(router::spread(hash)).map(|number| &*self.shards[number])
    }

    /// The capacity that all shards share; 0 without load-aware placement, where nobody asks.
    fn capacity(&self) -> usize {
        self.bound.as_ref().map_or(0, |bound| *bound.capacity.lock())
    }

    /// Grows the capacity, unless it is no longer what it was when the caller found no room.
    fn grow(&self, seen: usize) {
        let bound = self.bound.as_ref().expect("without a bound, there is room at home");
        let mut capacity = bound.capacity.lock();
        if *capacity == seen {
            *capacity = load::grown(&self.router, seen);
            for (shard, limit) in self.shards.iter().zip(load::limits(&self.router, bound.factor, *capacity)) {
                shard.table.write().limit = limit;
            }
        }
    }
}

impl<K: Hash + Eq, V, R: Router, S: BuildHasher> ShardedMap<K, V, R, S> {
    /// Returns the number of the shard that a key lives in.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, ShardedMap};
    ///
    /// let map = ShardedMap::new(4);
    /// map.insert("a", 1);
    /// assert!(map.shard_of("a").is_some_and(|shard| shard < 4));
    /// assert_eq!(map.shard_of("b"), None);
    /// ```
    pub fn shard_of<Q>(&self, key: &Q) -> Option<usize>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        self.shards.iter().position(|shard| shard.table.read().get(hash, key).is_some())
    }

    /// Looks up a key that does not live at home, in the first `reach` shards of its detour.
    ///
    /// Takes one lock after another, none together. That a key is nowhere is true at some moment meanwhile: it moves
    /// only by being removed first, and `reach` covers all keys that lived elsewhere when it was read.
    #[cold]
    fn get_away<Q, T>(&self, hash: u64, key: &Q, reach: usize, look: impl FnOnce(&V) -> T) -> Option<T>
    where
        Q: Equivalent<K> + ?Sized,
    {
        for shard in self.detour(hash).take(reach) {
            let table = shard.table.read();
            if let Some(value) = table.get(hash, key) {
                return Some(look(value));
            }
        }
        None
    }

    /// Sets the value of a key that lives elsewhere, or is new and may have to.
    ///
    /// While `placing` is held and lookups go over all shards, nobody else places or removes a key of this home, except
    /// one that lives at home. So a key that is not found is nowhere, and stays so until it is placed.
    #[cold]
    fn insert_away(&self, hash: u64, key: K, mut value: V) -> Option<V> {
        let home = self.home(hash);
        let hasher = |key: &K| self.hasher.hash_one(key);
        let _placing = home.placing.lock();

        let mut table = home.table.write();
        let (key, back) = match table.set_at_home(hash, key, value, hasher) {
            Ok(old) => return old,
            Err(entry) => entry,
        };
        value = back;
        let reach = table.away.reach();
        table.away.extend(self.shards.len() - 1);
        drop(table);

        for shard in self.detour(hash).take(reach) {
            let replaced = shard.table.write().replace(hash, &key, value);
            match replaced {
                Ok(old) => {
                    home.table.write().away.trim();
                    return Some(old);
                }
                Err(back) => value = back,
            }
        }
        loop {
            let capacity = self.capacity();
            for (distance, shard) in iter::once(home).chain(self.detour(hash)).enumerate() {
                let mut table = shard.table.write();
                if table.has_room() {
                    let old = table.set(hash, key, value, hasher);
                    drop(table);
                    home.table.write().away.note(distance);
                    return old;
                }
            }
            self.grow(capacity);
        }
    }

    /// Removes a key that may live elsewhere; the key is handed out, too, so that no lock is held when it is dropped.
    #[cold]
    fn remove_away<Q>(&self, hash: u64, key: &Q) -> Option<(K, V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let home = self.home(hash);
        let _placing = home.placing.lock();
        let mut table = home.table.write();
        let reach = table.away.reach();
        let removed = table.remove(hash, key);
        drop(table);
        if removed.is_some() {
            return removed;
        }
        for (place, shard) in self.detour(hash).take(reach).enumerate() {
            let removed = shard.table.write().remove(hash, key);
            if removed.is_some() {
                home.table.write().away.forget(place + 1);
                return removed;
            }
        }
        None
    }
}

impl<K, V, R, S> ConcurrentMap<K, V> for ShardedMap<K, V, R, S>
where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    R: Router,
    S: BuildHasher + Send + Sync,
{
    const CAPABILITIES: Capabilities = Capabilities {
        view: View::None,
        while_walking: WhileWalking::WaitsForPart,
        readers_wait_for: WaitsFor::WritersOfPart,
        writers_wait_for: WaitsFor::ReadersOfPart,
    };

    #[inline]
    fn get_with<Q, T>(&self, key: &Q, look: impl FnOnce(&V) -> T) -> Option<T>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let table = self.home(hash).table.read();
        if let Some(value) = table.get(hash, key) {
            return Some(look(value));
        }
        let reach = table.away.reach();
        drop(table);
        if reach == 0 { None } else { self.get_away(hash, key, reach, look) }
    }

    #[inline]
    fn insert(&self, key: K, value: V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        let set = self.home(hash).table.write().set_at_home(hash, key, value, |key| self.hasher.hash_one(key));
        set.unwrap_or_else(|(key, value)| self.insert_away(hash, key, value))
    }

    #[inline]
    fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let mut table = self.home(hash).table.write();
        let mut removed = table.remove(hash, key);
        let reach = table.away.reach();
        drop(table);
        if removed.is_none() && reach > 0 {
            removed = self.remove_away(hash, key);
        }
        removed.map(|(_, value)| value)
    }

    /// Counts shard by shard: of no one moment.
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.table.read().entries.len()).sum()
    }

    /// Holds the lock of one shard at a time. Costs O(capacity).
    fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        for shard in &self.shards {
            for (key, value) in &shard.table.read().entries {
                visit(key, value);
            }
        }
    }
}

/// An empty map with the router's usual number of shards.
impl<K, V, R: Router + Default, S: Default> Default for ShardedMap<K, V, R, S> {
    fn default() -> Self {
        Self::with_router_and_hasher(R::default(), S::default())
    }
}

/// A map with the router's usual number of shards. Of several entries with one key, the last stays.
impl<K, V, R, S> FromIterator<(K, V)> for ShardedMap<K, V, R, S>
where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    R: Router + Default,
    S: BuildHasher + Default + Send + Sync,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K, V, R, S> Extend<(K, V)> for ShardedMap<K, V, R, S>
where
    K: Hash + Eq + Send + Sync,
    V: Send + Sync,
    R: Router,
    S: BuildHasher + Send + Sync,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

/// Shows the entries; waits for the writers of each shard in turn.
impl<K: Debug, V: Debug, R, S> Debug for ShardedMap<K, V, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for shard in &self.shards {
            map.entries(shard.table.read().entries.iter().map(|(key, value)| (key, value)));
        }
        map.finish()
    }
}
