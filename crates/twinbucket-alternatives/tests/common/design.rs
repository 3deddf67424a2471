//! The designs, each as a way to make an empty map for any key, any value and any hasher.

use std::hash::Hash;

use twinbucket::Store;
use twinbucket_alternatives::{
    ConcurrentMap, LeftRightMap, LoadFactor, Modulo, ReadMostlyMap, Ring, RwLockMap, ShardedMap, StripedMap, Weighted,
};

use crate::hashing::Hashing;

/// What the keys of all designs can do.
pub(crate) trait Key: Hash + Eq + Clone + Send + Sync + 'static {}
impl<T: Hash + Eq + Clone + Send + Sync + 'static> Key for T {}

/// What the values of all designs can do.
pub(crate) trait Value: Clone + Send + Sync + 'static {}
impl<T: Clone + Send + Sync + 'static> Value for T {}

/// One design.
pub(crate) trait Design {
    /// Its map.
    type Map<K: Key, V: Value>: ConcurrentMap<K, V> + Extend<(K, V)> + 'static;

    /// Makes an empty map.
    fn make<K: Key, V: Value>(hashing: Hashing) -> Self::Map<K, V>;
}

/// Declares a design: its name, its map, and what makes one from a hasher.
macro_rules! design {
    ($name:ident, $map:ty, $make:expr) => {
        pub(crate) struct $name;
        impl Design for $name {
            type Map<K: Key, V: Value> = $map;
            fn make<K: Key, V: Value>(hashing: Hashing) -> $map {
                $make(hashing)
            }
        }
    };
}

/// A name of its own: the map of a router.
type Sharded<K, V, R> = ShardedMap<K, V, R, Hashing>;

design!(RwLocked, RwLockMap<K, V, Hashing>, RwLockMap::with_hasher);
design!(ReadMostly, ReadMostlyMap<K, V, Hashing>, ReadMostlyMap::with_hasher);
design!(Striped, StripedMap<K, V, Hashing>, StripedMap::with_hasher);
design!(LeftRight, LeftRightMap<K, V, Hashing>, LeftRightMap::with_hasher);
design!(TheStore, Store<K, V, Hashing>, Store::with_hasher);
design!(ShardedModulo, Sharded<K, V, Modulo>, |hashing| ShardedMap::with_router_and_hasher(Modulo::new(6), hashing));
design!(ShardedRing, Sharded<K, V, Ring>, |hashing| ShardedMap::with_router_and_hasher(Ring::new(6), hashing));
design!(ShardedWeighted, Sharded<K, V, Weighted>, |hashing| {
    ShardedMap::with_router_and_hasher(Weighted::new(&[1, 2, 1, 4, 2]), hashing)
});
// Two virtual nodes for each shard make a poor balance, and there is no room to begin with: many keys live away from home.
design!(ShardedLoadAware, Sharded<K, V, Ring>, |hashing| {
    ShardedMap::with_router_and_hasher(Ring::with_nodes(6, 2), hashing).load_aware(LoadFactor::default(), 0)
});
