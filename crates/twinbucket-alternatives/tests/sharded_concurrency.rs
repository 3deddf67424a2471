//! Several threads on a sharded map whose shards are full: no key is lost, and none lives twice.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use twinbucket_alternatives::{ConcurrentMap, LoadFactor, Ring, ShardedMap};

/// A key that gives way to other threads now and then, while it is compared, and so while a lock is held.
#[derive(Debug, Clone, Copy, Eq)]
struct Key(u32);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        static COMPARED: AtomicU32 = AtomicU32::new(0);
        if COMPARED.fetch_add(1, Ordering::Relaxed) % 5 == 0 {
            thread::yield_now();
        }
        self.0 == other.0
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// A hasher that tells no two keys apart, so that all have one home.
#[derive(Clone, Copy, Default)]
struct Constant;

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _bytes: &[u8]) {}
}

/// A map whose keys all have one home, which has room for `per_shard` of them, as has each other shard.
fn crowded(shards: usize, per_shard: usize) -> ShardedMap<Key, u64, Ring, BuildHasherDefault<Constant>> {
    let map = ShardedMap::with_router_and_hasher(Ring::new(shards), BuildHasherDefault::new());
    map.load_aware(LoadFactor::new(1.0).expect("it may be 1"), per_shard * shards)
}

/// A cheap sequence of numbers, different for each seed.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 8
    })
}

/// Has threads insert and remove a few keys, and counts for each how often it came and went by what was returned.
fn contend(map: &impl ConcurrentMap<Key, u64>, keys: u32, steps: usize) -> Vec<i64> {
    let present: Vec<AtomicI64> = (0..keys).map(|_| AtomicI64::new(0)).collect();
    thread::scope(|scope| {
        for thread in 1..=4 {
            let present = &present;
            scope.spawn(move || {
                for number in numbers(thread).take(steps) {
                    let key = Key((number >> 1) as u32 % keys);
                    let change = if number % 2 == 0 {
                        i64::from(map.insert(key, number).is_none())
                    } else {
                        -i64::from(map.remove(&key).is_some())
                    };
                    present[key.0 as usize].fetch_add(change, Ordering::Relaxed);
                }
            });
        }
    });
    present.into_iter().map(AtomicI64::into_inner).collect()
}

#[test]
fn contended_keys_come_and_go_in_turns_and_live_once() {
    for (shards, per_shard, keys) in [(1, 1, 3), (2, 1, 2), (4, 1, 3), (3, 2, 5), (5, 4, 20)] {
        let map = crowded(shards, per_shard);
        let present = contend(&map, keys, 30_000);
        let mut seen = HashSet::new();
        map.for_each(|&key, _| assert!(seen.insert(key), "{key:?} lives twice"));
        for (key, present) in (0..).map(Key).zip(present) {
            assert_eq!(present, i64::from(seen.contains(&key)), "{key:?}: as much oftener it came than it went");
            assert_eq!(map.get(&key).is_some(), seen.contains(&key), "{key:?}");
        }
        for load in map.loads() {
            assert!(load.away <= seen.len(), "the account of keys away from home is off");
        }
    }
}

#[test]
fn a_key_that_stays_is_found_whatever_comes_and_goes_around_it() {
    let map = crowded(6, 2);
    let all: Vec<_> = (0..8).map(Key).collect();
    let (_, stay) = all.split_at(4);
    for key in &all {
        map.insert(*key, key.0.into());
    }
    let away: usize = map.loads().iter().map(|load| load.away).sum();
    assert_eq!(away, 6, "of those that stay, all live away from home");

    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = || {
            let mut found = 0;
            while !done.load(Ordering::Relaxed) {
                for key in stay {
                    assert_eq!(map.get(key), Some(key.0.into()));
                    found += 1;
                }
            }
            found
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        let contended = catch_unwind(AssertUnwindSafe(|| contend(&map, 4, 30_000)));
        // Whatever came of it, or the readers would go on for ever.
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = contended {
            resume_unwind(panic);
        }
        for reader in readers {
            assert!(reader.join().expect("no key is missed") > 0);
        }
    });
}

/// A map of keys that use the map when they are dropped.
type Recursive = ShardedMap<WritesOnDrop, (), Ring, BuildHasherDefault<Constant>>;

thread_local! {
    /// The map that the next key dropped by this thread inserts another one into.
    static TO_WRITE: Cell<Option<Arc<Recursive>>> = const { Cell::new(None) };
}

/// A key that inserts another one when it is dropped, once.
#[derive(PartialEq, Eq, Hash)]
struct WritesOnDrop(u32);

impl Drop for WritesOnDrop {
    fn drop(&mut self) {
        if let Some(map) = TO_WRITE.take() {
            map.insert(Self(self.0 + 100), ());
        }
    }
}

#[test]
fn a_key_removed_away_from_home_may_use_the_map_when_it_is_dropped() {
    let map: Recursive = ShardedMap::with_router_and_hasher(Ring::new(2), BuildHasherDefault::new());
    let map = Arc::new(map.load_aware(LoadFactor::new(1.0).expect("it may be 1"), 2));
    map.insert(WritesOnDrop(0), ());
    map.insert(WritesOnDrop(1), ());
    assert_eq!(map.loads().iter().map(|load| load.away).sum::<usize>(), 1);

    let (done, is_done) = mpsc::channel();
    let remover = Arc::clone(&map);
    thread::spawn(move || {
        let keys = [WritesOnDrop(0), WritesOnDrop(1)];
        for key in &keys {
            TO_WRITE.set(Some(Arc::clone(&remover)));
            assert_eq!(remover.remove(key), Some(()));
        }
        done.send(()).expect("the test waits");
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("it does not wait for itself");
    assert_eq!([0, 1, 100, 101].map(|key| map.get(&WritesOnDrop(key))), [None, None, Some(()), Some(())]);
}
