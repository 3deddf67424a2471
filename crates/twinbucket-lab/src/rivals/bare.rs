//! The bare flat table that everything is compared to.

use hashbrown::HashMap;
use parking_lot::RwLock;
use twinbucket_alternatives::{Capabilities, View as Views, WaitsFor, WhileWalking};

use super::{DefaultHashBuilder, IN_TABLE, Kind, Lookups, Rival, View, Way, sum, total};
use crate::item::Item;

/// The table; the lock is taken once for a whole loop over keys, so that a lookup pays nothing for it.
type Bare<T> = RwLock<HashMap<T, T, DefaultHashBuilder>>;

/// The bare table as a rival.
pub(super) fn kind<T: Item>() -> Kind<T> {
    Kind {
        id: "bare",
        name: "bare HashMap",
        ways: &[Way { id: "bare", name: "bare HashMap", follows: true }],
        promises: Capabilities {
            view: Views::WhileWritersWait,
            while_walking: WhileWalking::Waits,
            readers_wait_for: WaitsFor::Writers,
            writers_wait_for: WaitsFor::Readers,
        },
        all_at_once: true,
        concurrent: false,
        build: |entries| Box::new(Bare::<T>::new(entries.collect())),
    }
}

impl<T: Item> Rival<T> for Bare<T> {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<T> + '_> {
        Box::new(Reader(self))
    }

    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut()) {
        staged();
        self.write().extend(changes.drain(..));
    }

    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>) {
        let mut map = self.write();
        map.clear();
        map.extend(entries);
    }

    fn walk(&self) -> u64 {
        total(self.read().values())
    }

    fn hold(&self) -> Option<Box<dyn View<T> + '_>> {
        None
    }

    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut()) {
        let map = self.read();
        map.get(key).expect(IN_TABLE);
        meanwhile();
        drop(map);
    }

    fn len(&self) -> usize {
        self.read().len()
    }
}

/// The reader of the one thread.
struct Reader<'a, T>(&'a Bare<T>);

impl<T: Item> Lookups<T> for Reader<'_, T> {
    fn sum(&mut self, keys: &[T]) -> u64 {
        let map = self.0.read();
        sum(keys, |key| map.get(key).map(T::weigh))
    }

    fn mark(&mut self, key: &T) -> Option<u64> {
        self.0.read().get(key).map(T::mark)
    }
}
