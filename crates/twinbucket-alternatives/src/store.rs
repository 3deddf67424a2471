//! The store itself behind the shared trait, so that all that is asked of the other designs is asked of it, too.

use std::hash::{BuildHasher, Hash};

use hashbrown::Equivalent;
use twinbucket::Store;

use crate::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};

/// A store as its own users have it. Its writes are visible on return only where single writes publish at once, as they do
/// unless [`publish_every`](twinbucket::Builder::publish_every) says otherwise.
impl<K, V, S> ConcurrentMap<K, V> for Store<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Send + Sync,
{
    const CAPABILITIES: Capabilities = Capabilities {
        view: View::Held,
        while_walking: WhileWalking::GoesOn,
        readers_wait_for: WaitsFor::Nobody,
        writers_wait_for: WaitsFor::Nobody,
    };

    fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.read().get(key).map(look)
    }

    fn insert(&self, key: K, value: V) -> Option<V> {
        Store::insert(self, key, value)
    }

    fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        Store::remove(self, key)
    }

    fn len(&self) -> usize {
        Store::len(self)
    }

    fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        self.read().iter().for_each(|(key, value)| visit(key, value));
    }
}
