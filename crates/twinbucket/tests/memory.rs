//! How much memory the structure takes: after shrinking, and while old generations are held.

use std::hash::Hash;
use std::sync::{Arc, Weak};

use twinbucket::Store;

use crate::common::counting::traffic_of;

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod counting;
}

/// Makes a store of the keys 0 to `n` that `keep` keeps, and tells the bytes it takes from the allocator.
fn fresh<T: Hash + Eq + Clone>(n: u64, make: fn(u64) -> T, keep: fn(u64) -> bool) -> (Store<T, T>, i64) {
    let (store, traffic) = traffic_of(|| (0..n).filter(|key| keep(*key)).map(|key| (make(key), make(key))).collect());
    (store, traffic.live_bytes())
}

/// Asserts that `bytes` is at most so many percent of `whole`.
#[track_caller]
fn assert_share(story: &str, bytes: i64, percent: i64, whole: i64) {
    assert!(bytes * 100 <= whole * percent, "{story}: {bytes} bytes, more than {percent} % of {whole}");
}

/// The bytes that the store says its structure takes.
fn structure<K, V>(store: &Store<K, V>) -> i64 {
    i64::try_from(store.stats().bytes).expect("a structure is smaller than the address space")
}

/// Removes nine of ten entries, a thousand a publish, and compares with a fresh store of what is left.
fn shrinks_to_content<T: Hash + Eq + Clone>(make: fn(u64) -> T) {
    for n in [1_000, 5_000, 8_000, 11_000, 16_000, 20_000, 30_000, 60_000] {
        let (wanted, wanted_bytes) = fresh(n, make, |key| key % 10 == 0);
        let (store, mut bytes) = fresh(n, make, |_| true);
        let ((), traffic) = traffic_of(|| {
            for batch in 0..n / 1_000 {
                let mut write = store.write();
                for key in (batch * 1_000..(batch + 1) * 1_000).filter(|key| key % 10 != 0) {
                    write.remove(&make(key));
                }
                write.publish();
            }
            store.collect();
        });
        bytes += traffic.live_bytes();
        assert_eq!(store.len(), wanted.len());
        let story = format!("{n} entries less 90 %");
        assert_share(&story, structure(&store), 150, structure(&wanted));
        assert_share(&story, bytes, 150, wanted_bytes);
    }
}

#[test]
fn removal_of_nine_in_ten_gives_memory_back_with_u64() {
    shrinks_to_content::<u64>(|number| number);
}

#[test]
fn removal_of_nine_in_ten_gives_memory_back_with_strings() {
    shrinks_to_content::<String>(|number| number.to_string());
}

#[test]
fn retain_of_one_in_ten_gives_memory_back() {
    for n in [5_000, 20_000, 60_000] {
        let (wanted, wanted_bytes) = fresh(n, |key| key, |key| key % 10 == 0);
        let (store, bytes) = fresh(n, |key| key, |_| true);
        let ((), traffic) = traffic_of(|| {
            let mut write = store.write();
            write.retain(|key, _| key % 10 == 0);
            write.publish();
            store.collect();
        });
        assert_share("structure", structure(&store), 150, structure(&wanted));
        assert_share("allocator", bytes + traffic.live_bytes(), 150, wanted_bytes);
    }
}

#[test]
fn full_reload_leaves_one_copy() {
    let (store, bytes) = fresh(20_000, |key| key, |_| true);
    let ((), traffic) = traffic_of(|| {
        for round in 1..=5 {
            store.replace_all((0..20_000).map(|key| (key, key + round)));
        }
        store.collect();
    });
    assert_share("five reloads", bytes + traffic.live_bytes(), 150, bytes);
}

/// Publishes 100,000 single changes with one old read bucket held, and gives the bytes this adds and those of one copy.
fn extra_memory_of_a_pin(key_of: impl Fn(u64) -> u64) -> (i64, i64) {
    let (store, copy) = fresh(50_000, |key| key, |_| true);
    let pin = store.read();
    let ((), traffic) = traffic_of(|| {
        for round in 1..=100_000 {
            store.insert(key_of(round), round);
        }
        store.collect();
    });
    assert_eq!(store.stats().pinned_generations, 1);
    assert!(pin.iter().all(|(key, value)| key == value) && pin.len() == 50_000);
    let ((), end) = traffic_of(|| {
        drop(pin);
        store.collect();
    });
    assert_eq!((store.stats().retired_leaves, store.stats().retired_bytes), (0, 0));
    assert_share("once the pin is gone", copy + traffic.live_bytes() + end.live_bytes(), 110, copy);
    (traffic.live_bytes(), copy)
}

#[test]
fn pay_for_what_you_hold_when_few_entries_change() {
    let (extra, copy) = extra_memory_of_a_pin(|round| round % 20);
    assert_share("20 entries change 5,000 times each", extra, 25, copy);
}

#[test]
fn pay_for_what_you_hold_when_all_entries_change() {
    let (extra, copy) = extra_memory_of_a_pin(|round| round % 50_000);
    // All that the old read bucket refers to was replaced, so one copy it is, and what keeps account of it.
    assert_share("all entries change", extra, 105, copy);
}

#[test]
fn versions_in_between_are_gone() {
    let store = Store::<u64, Arc<u64>>::from_iter((0..2_000).map(|key| (key, Arc::new(0))));
    let pin = store.read();
    let mut between: Vec<Weak<u64>> = Vec::new();
    for round in 1..=1_000 {
        let value = Arc::new(round);
        between.push(Arc::downgrade(&value));
        store.insert(7, value);
    }
    let last = between.pop().expect("there was a last round");
    store.collect();
    assert!(between.iter().all(|value| value.upgrade().is_none()), "nobody holds what was in between");
    assert_eq!((pin.get(&7).map(|value| **value), last.upgrade().map(|value| *value)), (Some(0), Some(1_000)));
}

#[test]
fn versions_in_between_two_pins_are_gone() {
    let store = Store::<u64, Arc<u64>>::new();
    let mut values = Vec::new();
    let mut pins = Vec::new();
    for round in 0..100 {
        let value = Arc::new(round);
        values.push(Arc::downgrade(&value));
        store.insert(7, value);
        if round % 25 == 0 {
            pins.push(store.read());
        }
    }
    store.collect();
    let alive = |values: &[Weak<u64>]| {
        values.iter().filter_map(|value| value.upgrade().map(|value| *value)).collect::<Vec<_>>()
    };
    assert_eq!(alive(&values), [0, 25, 50, 75, 99]);
    drop(pins.remove(1));
    store.collect();
    assert_eq!(alive(&values), [0, 50, 75, 99]);
}

#[test]
fn garbage_is_gone_after_a_bounded_number_of_publishes_without_collect() {
    let store = Store::<u64, u64>::from_iter((0..50_000).map(|key| (key, key)));
    let pin = store.read();
    store.replace_all((0..50_000).map(|key| (key, key + 1)));
    drop(pin);
    let retired = store.stats().retired_leaves;
    assert!(retired > 100);
    for round in 0..=retired as u64 {
        store.insert(1, round);
    }
    let stats = store.stats();
    assert!(stats.retired_leaves < 10, "{stats:?}");
}

#[test]
fn publish_cost_does_not_grow_with_the_map() {
    let bytes_per_publish = |n: u64| {
        let (store, _) = fresh(n, |key| key, |_| true);
        let mut held = std::collections::VecDeque::new();
        let ((), traffic) = traffic_of(|| {
            for round in 0..500 {
                if round % 10 == 0 {
                    held.push_back(store.read());
                    held.truncate(10);
                }
                store.insert(round * (n / 500), round);
            }
        });
        traffic.allocated_bytes / 500
    };
    let (small, large) = (bytes_per_publish(10_000), bytes_per_publish(320_000));
    assert!(large < 2 * small + 2_000, "{small} bytes at 10,000 entries, {large} at 320,000");
}

#[test]
fn publish_with_nothing_held_takes_a_leaf_and_a_chunk_and_gives_as_much_back() {
    let (store, _) = fresh(100_000, |key| key, |_| true);
    (0..100).for_each(|round| assert_eq!(store.insert(round, round), Some(round)));
    let (replaced, traffic) = traffic_of(|| (0..1_000).filter_map(|round| store.insert(round * 97, round)).count());
    assert_eq!((replaced, traffic.live_bytes()), (1_000, 0));
    assert!(traffic.allocations <= 2_000, "arrays of versions that nobody holds are used again: {traffic:?}");
}
