//! Several threads on a sharded map whose shards are full: no key is lost, and none lives twice.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use twinbucket_alternatives::{ConcurrentMap, LoadFactor, Ring, Router, ShardedMap};

/// A map so small and uneven that most keys must pass over.
fn crowded(shards: usize, capacity: usize) -> ShardedMap<u32, u64, Ring> {
    let map = ShardedMap::with_router(Ring::with_nodes(shards, 1));
    map.load_aware(LoadFactor::default(), capacity)
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
fn contend<R: Router>(map: &ShardedMap<u32, u64, R>, keys: u32, steps: usize) -> Vec<i64> {
    let present: Vec<AtomicI64> = (0..keys).map(|_| AtomicI64::new(0)).collect();
    thread::scope(|scope| {
        for thread in 1..=4 {
            let present = &present;
            scope.spawn(move || {
                for number in numbers(thread).take(steps) {
                    let key = (number >> 1) as u32 % keys;
                    let change = if number % 2 == 0 {
                        i64::from(map.insert(key, number).is_none())
                    } else {
                        -i64::from(map.remove(&key).is_some())
                    };
                    present[key as usize].fetch_add(change, Ordering::Relaxed);
                }
            });
        }
    });
    present.into_iter().map(AtomicI64::into_inner).collect()
}

#[test]
fn contended_keys_come_and_go_in_turns_and_live_once() {
    for (shards, keys) in [(1, 5), (2, 12), (5, 40)] {
        for _ in 0..10 {
            let map = crowded(shards, keys as usize);
            let present = contend(&map, keys, 20_000);
            let mut seen = HashSet::new();
            map.for_each(|&key, _| assert!(seen.insert(key), "{key} lives twice"));
            for (key, present) in (0..).zip(present) {
                assert_eq!(
                    present,
                    i64::from(seen.contains(&key)),
                    "key {key}: it came that much oftener than it went"
                );
                assert_eq!(map.get(&key).is_some(), seen.contains(&key), "key {key}");
            }
        }
    }
}

#[test]
fn a_key_that_stays_is_found_whatever_comes_and_goes_around_it() {
    let map = crowded(6, 600);
    for key in 1_000..1_500 {
        map.insert(key, key.into());
    }
    let away: usize = map.loads().iter().map(|load| load.away).sum();
    assert!(away > 50, "that hardly tests keys away from home");

    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut found = 0_u64;
                    while !done.load(Ordering::Relaxed) {
                        for key in 1_000..1_500 {
                            assert_eq!(map.get(&key), Some(key.into()));
                            found += 1;
                        }
                    }
                    found
                })
            })
            .collect();
        contend(&map, 200, 50_000);
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("no key is missed") > 0);
        }
    });
}
