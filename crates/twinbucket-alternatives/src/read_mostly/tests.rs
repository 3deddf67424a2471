//! Each step of the protocol between the read map and the dirty map.

use std::hash::Hasher;
use std::sync::{Barrier, Weak, mpsc};
use std::thread;
use std::time::Duration;

use super::*;

/// A map whose read map has the keys of `entries`, and whose dirty map is empty.
fn promoted<const N: usize>(entries: [(u64, u64); N]) -> ReadMostlyMap<u64, u64> {
    let map = ReadMostlyMap::from(entries);
    assert!(!map.read.load().is_amended());
    map
}

/// The entry of a key in the read map.
fn read_entry(map: &ReadMostlyMap<u64, u64>, key: u64) -> Option<Arc<Entry<u64, u64>>> {
    map.read.load().entries.find(map.hasher.hash_one(key), &key).cloned()
}

/// The entry of a key in the dirty map.
fn dirty_entry(map: &ReadMostlyMap<u64, u64>, key: u64) -> Option<Arc<Entry<u64, u64>>> {
    map.dirty.lock().entries.find(map.hasher.hash_one(key), &key).cloned()
}

/// Tells whether `act` gets by without the lock: it runs on another thread while this one has it.
fn needs_no_lock(map: &ReadMostlyMap<u64, u64>, act: impl FnOnce() + Send) -> bool {
    thread::scope(|scope| {
        let lock = map.dirty.lock();
        let (done, is_done) = mpsc::channel();
        scope.spawn(move || {
            act();
            // The other end may have given up.
            let _ = done.send(());
        });
        let result = is_done.recv_timeout(Duration::from_millis(300)).is_ok();
        drop(lock);
        result
    })
}

#[test]
fn new_key_goes_to_the_dirty_map_and_amends() {
    let map = promoted([(1, 10)]);
    map.insert(2, 20);
    assert!(map.read.load().is_amended());
    assert!(read_entry(&map, 2).is_none());
    assert!(dirty_entry(&map, 2).is_some());
}

#[test]
fn dirty_map_shares_the_entries_of_the_read_map() {
    let map = promoted([(1, 10)]);
    map.insert(2, 20);
    assert!(Arc::ptr_eq(&read_entry(&map, 1).unwrap(), &dirty_entry(&map, 1).unwrap()));
    map.insert(1, 11);
    map.promoted();
    assert_eq!(map.get(&1), Some(11));
}

#[test]
fn as_many_misses_as_dirty_entries_promote() {
    let map = promoted([(1, 10)]);
    map.insert(2, 20);
    map.insert(3, 30);
    // A miss counts whether the key is in the dirty map or nowhere; a hit in the read map does not.
    assert_eq!((map.get(&2), map.get(&1), map.get(&9)), (Some(20), Some(10), None));
    assert!(map.read.load().is_amended());
    assert_eq!(map.get(&3), Some(30));
    assert!(!map.read.load().is_amended());
    assert!(read_entry(&map, 2).is_some());
    let dirty = map.dirty.lock();
    assert_eq!((dirty.entries.0.len(), dirty.misses), (0, 0));
}

#[test]
fn removal_from_the_dirty_map_is_a_miss() {
    let map = promoted([(1, 10)]);
    map.insert(2, 20);
    map.insert(3, 30);
    assert_eq!(map.remove(&2), Some(20));
    assert!(dirty_entry(&map, 2).is_none());
    assert_eq!(map.dirty.lock().misses, 1);
    assert_eq!(map.remove(&3), Some(30));
    assert!(!map.read.load().is_amended());
}

#[test]
fn a_missing_key_needs_no_lock_unless_amended() {
    let map = promoted([(1, 10)]);
    assert!(needs_no_lock(&map, || assert_eq!(map.get(&9), None)));
    assert!(needs_no_lock(&map, || assert_eq!(map.remove(&9), None)));
    map.insert(2, 20);
    assert!(!needs_no_lock(&map, || assert_eq!(map.get(&9), None)));
}

#[test]
fn keys_of_the_read_map_are_used_without_the_lock() {
    let map = promoted([(1, 10), (2, 20)]);
    map.insert(3, 30);
    assert!(needs_no_lock(&map, || assert_eq!(map.get(&1), Some(10))));
    assert!(needs_no_lock(&map, || assert_eq!(map.insert(1, 11), Some(10))));
    assert!(needs_no_lock(&map, || assert_eq!(map.compare_and_swap(&1, &11, 12), Ok(()))));
    assert!(needs_no_lock(&map, || assert_eq!(map.get_or_insert(1, 13), Some(12))));
    assert!(needs_no_lock(&map, || assert_eq!(map.remove(&1), Some(12))));
    assert!(needs_no_lock(&map, || assert_eq!(map.insert(1, 14), None)));
    assert!(!needs_no_lock(&map, || assert_eq!(map.insert(4, 40), None)));
    assert_eq!((map.get(&1), map.get(&4)), (Some(14), Some(40)));
}

#[test]
fn deleted_entries_are_expunged_when_the_dirty_map_is_made() {
    let map = promoted([(1, 10), (2, 20)]);
    map.remove(&1);
    map.insert(3, 30);
    assert!(dirty_entry(&map, 1).is_none() && dirty_entry(&map, 2).is_some());
    let expunged = read_entry(&map, 1).unwrap();
    assert!(matches!(expunged.load().as_deref(), Some(State::Expunged)));
    map.promoted();
    assert!(read_entry(&map, 1).is_none());
    assert_eq!((map.get(&1), map.len()), (None, 2));
}

#[test]
fn entries_deleted_after_the_dirty_map_was_made_are_revived_without_the_lock() {
    let map = promoted([(1, 10)]);
    map.insert(2, 20);
    map.remove(&1);
    assert!(needs_no_lock(&map, || assert_eq!(map.insert(1, 11), None)));
    map.promoted();
    assert_eq!(map.get(&1), Some(11));
}

#[test]
fn expunged_key_is_added_to_the_dirty_map_when_it_comes_back() {
    let map = promoted([(1, 10)]);
    map.remove(&1);
    map.insert(2, 20);
    assert!(!needs_no_lock(&map, || assert_eq!(map.insert(1, 11), None)));
    assert!(Arc::ptr_eq(&read_entry(&map, 1).unwrap(), &dirty_entry(&map, 1).unwrap()));
    assert_eq!(map.get(&1), Some(11));
    map.promoted();
    assert_eq!(map.get(&1), Some(11));
}

#[test]
fn expunged_key_is_seen_as_missing_by_all_operations() {
    let map = promoted([(1, 10)]);
    map.remove(&1);
    map.insert(2, 20);
    assert_eq!(map.get(&1), None);
    assert_eq!(map.remove(&1), None);
    assert_eq!(map.compare_and_swap(&1, &10, 11), Err(11));
    assert_eq!(map.get_or_insert(1, 12), None);
    assert_eq!(map.get(&1), Some(12));
}

#[test]
fn range_promotes_and_then_lets_go_of_the_lock() {
    let map = promoted([(1, 10)]);
    map.insert(2, 20);
    let mut keys = Vec::new();
    map.range(|key, _| {
        assert!(read_entry(&map, 1).is_some() && read_entry(&map, 2).is_some());
        assert_eq!(map.insert(key + 100, 0), None);
        keys.push(*key);
        true
    });
    keys.sort_unstable();
    assert_eq!(keys, [1, 2]);
    assert_eq!(map.len(), 4);
}

#[test]
fn range_stops_when_told_to() {
    let map = promoted([(1, 10), (2, 20), (3, 30)]);
    let mut visits = 0;
    map.range(|_, _| {
        visits += 1;
        visits < 2
    });
    assert_eq!(visits, 2);
}

#[test]
fn failed_compare_and_swap_changes_nothing() {
    let map = promoted([(1, 10)]);
    map.insert(2, 20);
    assert_eq!(map.compare_and_swap(&1, &11, 12), Err(12));
    assert_eq!(map.compare_and_swap(&2, &21, 22), Err(22));
    assert_eq!(map.compare_and_swap(&3, &0, 1), Err(1));
    assert_eq!((map.get(&1), map.get(&2), map.get(&3)), (Some(10), Some(20), None));
}

#[test]
fn values_nobody_looks_at_are_moved_out() {
    #[derive(Debug)]
    struct Unclonable;
    impl Clone for Unclonable {
        fn clone(&self) -> Self {
            panic!("cloned")
        }
    }

    let map = ReadMostlyMap::new();
    map.insert(1, Unclonable);
    assert!(map.insert(1, Unclonable).is_some());
    assert!(map.remove(&1).is_some());
}

#[test]
fn compare_and_swaps_of_many_threads_all_count() {
    let map = promoted([(0, 0)]);
    map.insert(1, 0);
    let increment = |key: u64| {
        while map.get(&key).is_none_or(|count| map.compare_and_swap(&key, &count, count + 1).is_err()) {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2000).for_each(|n| increment(n % 2)));
        }
    });
    assert_eq!((map.get(&0), map.get(&1)), (Some(4000), Some(4000)));
}

#[test]
fn only_one_of_many_threads_inserts_what_is_absent() {
    let map = ReadMostlyMap::new();
    let together = Barrier::new(4);
    // Who is behind finds all inserted, and so catches up with who is ahead.
    let insert = |value: u64| {
        together.wait();
        (0..20_000).filter(|&key| map.get_or_insert(key, value).is_none()).count()
    };
    let total: usize = thread::scope(|scope| {
        let threads = [1, 2, 3, 4].map(|value| scope.spawn(move || insert(value)));
        threads.map(|thread| thread.join().expect("inserting does not panic")).iter().sum()
    });
    assert_eq!((total, map.len()), (20_000, 20_000));
}

#[test]
fn a_key_promoted_while_an_operation_waits_for_the_lock_is_found() {
    let after_promotion = |act: fn(&ReadMostlyMap<u64, u64>) -> Option<u64>| {
        let map = promoted([(1, 10)]);
        map.insert(2, 20);
        let mut dirty = map.dirty.lock();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| act(&map));
            // Not needed for the test to pass, only for it to fail.
            thread::sleep(Duration::from_millis(50));
            map.promote(&mut dirty);
            drop(dirty);
            waiting.join().expect("it does not panic")
        })
    };
    assert_eq!(after_promotion(|map| map.get(&2)), Some(20));
    assert_eq!(after_promotion(|map| map.remove(&2)), Some(20));
    assert_eq!(after_promotion(|map| map.insert(2, 21)), Some(20));
    assert_eq!(after_promotion(|map| map.get_or_insert(2, 22)), Some(20));
    assert_eq!(after_promotion(|map| map.compare_and_swap(&2, &20, 23).err()), None);
}

/// A key that sees, when it is dropped, whether its map's lock is free.
struct Witness {
    /// Stands for the key.
    id: u64,
    /// The map that it is in.
    map: Weak<ReadMostlyMap<Witness, ()>>,
    /// What it saw is sent here.
    saw: mpsc::Sender<(u64, bool)>,
}

impl PartialEq for Witness {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Witness {}

impl Hash for Witness {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(map) = self.map.upgrade() {
            // The other end may be gone when the test has failed.
            let _ = self.saw.send((self.id, map.dirty.is_locked()));
        }
    }
}

#[test]
fn keys_of_a_replaced_read_map_are_dropped_after_the_lock() {
    type Promotion = fn(&ReadMostlyMap<Witness, ()>, &Witness);
    let promotions: [Promotion; 2] = [|map, key| assert_eq!(map.get(key), Some(())), |map, _| assert!(!map.is_empty())];
    for promote in promotions {
        let map = Arc::new(ReadMostlyMap::new());
        let (saw, seen) = mpsc::channel();
        let key = |id| Witness { id, map: Arc::downgrade(&map), saw: saw.clone() };
        let (gone, there) = (key(1), key(2));
        map.insert(key(1), ());
        map.promoted();
        map.remove(&gone);
        map.insert(key(2), ());
        assert_eq!(seen.try_recv(), Err(mpsc::TryRecvError::Empty));
        promote(&map, &there);
        assert_eq!(seen.try_recv(), Ok((1, false)));
    }
}
