//! A race whose window is too narrow to be met from outside.

use std::hash::{BuildHasherDefault, Hasher};
use std::thread;
use std::time::Duration;

use super::*;

/// A hasher that tells no two keys apart, so that all have one home.
#[derive(Clone, Copy, Default)]
struct Constant;

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _bytes: &[u8]) {}
}

#[test]
fn a_key_on_its_way_to_another_shard_cannot_be_inserted_at_home() {
    let factor = LoadFactor::new(1.0).expect("it may be 1");
    let hasher = BuildHasherDefault::<Constant>::new();
    let map = ShardedMap::with_router_and_hasher(Modulo::new(2), hasher).load_aware(factor, 2);
    map.insert("settler", 0);
    let home = map.shard_of("settler").expect("it has just been inserted");

    // The first insertion finds the home full and waits for the other shard. Then the home gets room, and the second
    // must not take it. Neither sleep is needed for the test to pass, only for it to fail.
    let other = map.shards[1 - home].table.write();
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| map.insert("nomad", 1));
        while !map.shards[home].placing.is_locked() {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(50));
        assert_eq!(map.remove("settler"), Some(0));
        let second = scope.spawn(|| map.insert("nomad", 2));
        thread::sleep(Duration::from_millis(50));
        drop(other);
        (first.join().expect("it does not panic"), second.join().expect("it does not panic"))
    });

    assert!(matches!((first, second), (None, Some(1)) | (Some(2), None)), "{first:?}, {second:?}");
    assert_eq!(map.len(), 1, "{map:?}");
}

/// A map of three shards whose keys all have one home, each with room for one key at first.
fn crowded() -> ShardedMap<u32, u32, Modulo, BuildHasherDefault<Constant>> {
    let factor = LoadFactor::new(1.0).expect("it may be 1");
    ShardedMap::with_router_and_hasher(Modulo::new(3), BuildHasherDefault::new()).load_aware(factor, 3)
}

#[test]
fn lookups_go_no_farther_than_the_farthest_key() {
    let map = crowded();
    let reach = || map.shards.iter().map(|shard| shard.table.read().away.reach()).sum::<usize>();
    let mut reaches = vec![reach()];
    let mut after = |change: &dyn Fn()| {
        change();
        reaches.push(reach());
    };
    after(&|| assert_eq!(map.insert(0, 0), None));
    after(&|| assert_eq!(map.insert(1, 0), None));
    after(&|| assert_eq!(map.insert(1, 1), Some(0)));
    after(&|| assert_eq!(map.insert(2, 0), None));
    after(&|| assert_eq!(map.remove(&1), Some(1)));
    after(&|| assert_eq!(map.remove(&2), Some(0)));
    after(&|| assert_eq!(map.remove(&2), None));
    assert_eq!(reaches, [0, 0, 1, 1, 2, 2, 0, 0]);
}

#[test]
fn capacity_grows_once_for_all_who_found_no_room() {
    let map = crowded();
    let capacities = [3, 3, 6, 3].map(|seen| {
        map.grow(seen);
        map.capacity()
    });
    assert_eq!(capacities, [6, 6, 9, 9]);
}
