//! Read buckets, walks and entries whose store is gone.

use std::thread;

use twinbucket::{ReadBucket, Store};

use crate::common::census::{Census, Tracked};

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod census;
}

/// A store of tracked entries with a past of three generations, and a read bucket of each.
fn with_past(census: &'static Census) -> (Store<Tracked, Tracked>, [ReadBucket<Tracked, Tracked>; 3]) {
    let entry = |key: u64, value: u64| (census.tracked(key), census.tracked(value));
    let store = Store::builder().keep(1).build();
    let buckets = [1, 2, 3].map(|round| {
        let mut write = store.write();
        write.extend((0..400 * round).map(|key| entry(key, round)));
        write.publish();
        store.read()
    });
    let mut write = store.write();
    write.retain(|key, _| key.value % 2 == 0);
    write.publish();
    let mut write = store.write();
    write.extend((0..50).map(|key| entry(key, 9)));
    write.stage();
    (store, buckets)
}

/// Asserts that the bucket of this round is all there.
#[track_caller]
fn assert_whole(census: &'static Census, bucket: &ReadBucket<Tracked, Tracked>, round: u64) {
    assert_eq!((bucket.len() as u64, bucket.iter().count() as u64), (400 * round, 400 * round));
    for key in 0..400 * round {
        assert_eq!(bucket.get(&census.tracked(key)).map(|value| value.value), Some(round));
    }
}

#[test]
fn read_bucket_outlives_its_store() {
    let census = Census::open();
    let (store, buckets) = with_past(census);
    drop(store);
    for (bucket, round) in buckets.iter().zip(1..) {
        assert_whole(census, bucket, round);
        assert_eq!(bucket.diff(&buckets[0]).count() as u64, if round == 1 { 0 } else { 400 * round });
    }
}

#[test]
fn last_to_outlive_the_store_frees_the_rest() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let census = Census::open();
        let (store, buckets) = with_past(census);
        drop(store);
        let mut buckets = buckets.map(Some);
        let mut dropped_before = 0;
        for index in order {
            for (bucket, round) in buckets.iter().zip(1..) {
                bucket.iter().for_each(|bucket| assert_whole(census, bucket, round));
            }
            dropped_before = census.dropped_by(thread::current().id());
            buckets[index] = None;
        }
        assert!(dropped_before + 800 <= census.dropped_by(thread::current().id()), "the last one frees what is left");
        census.assert_settled("after the last read bucket");
    }
}

#[test]
fn owned_iterator_outlives_its_store() {
    let census = Census::open();
    let (store, [_, bucket, _]) = with_past(census);
    let mut walk = bucket.into_iter();
    let mut keys: Vec<u64> = walk.by_ref().take(300).map(|(key, _)| key.value).collect();
    drop(store);
    keys.extend(walk.map(|(key, value)| {
        assert_eq!(value.value, 2);
        key.value
    }));
    keys.sort_unstable();
    assert_eq!(keys, (0..800).collect::<Vec<_>>());
    census.assert_settled("after the walk");
}

#[test]
fn owned_iterator_dropped_halfway_loses_nothing() {
    let census = Census::open();
    let (store, [bucket, ..]) = with_past(census);
    let mut walk = bucket.into_iter();
    assert_eq!(walk.by_ref().take(100).count(), 100);
    drop(store);
    drop(walk);
    census.assert_settled("after the walk");
}

#[test]
fn entry_outlives_its_store() {
    let census = Census::open();
    let (store, buckets) = with_past(census);
    let entry = buckets[1].entry(&census.tracked(77)).expect("77 is there");
    drop((store, buckets));
    let entry = thread::spawn(move || {
        assert_eq!((entry.key().value, entry.value().value, entry.bucket().len()), (77, 2, 800));
        entry
    });
    let entry = entry.join().expect("the other thread finds the entry");
    assert_eq!(entry.value, 2);
    drop(entry);
    census.assert_settled("after the entry");
}

#[test]
fn reader_outlives_its_store() {
    let census = Census::open();
    let (store, _) = with_past(census);
    let mut reader = store.reader();
    assert_eq!(reader.read().len(), 600);
    drop(store);
    assert_eq!(reader.get(&census.tracked(4)).map(|value| value.value), Some(3));
    reader.release();
    assert_eq!(reader.read().len(), 600);
    drop(reader);
    census.assert_settled("after the reader");
}

#[test]
fn buckets_that_outlive_the_store_can_go_on_many_threads_at_once() {
    for _ in 0..50 {
        let census = Census::open();
        let (store, buckets) = with_past(census);
        thread::scope(|scope| {
            scope.spawn(move || drop(store));
            for bucket in buckets {
                let (walk, entry) = (bucket.clone().into_iter(), bucket.entry(&census.tracked(3)));
                scope.spawn(move || assert!(walk.count() >= 400));
                scope.spawn(move || assert_eq!(bucket.iter().count(), bucket.len()));
                scope.spawn(move || drop(entry));
            }
        });
        census.assert_settled("after the last of many threads");
    }
}

#[test]
fn store_lives_as_long_as_any_of_its_handles() {
    let census = Census::open();
    let (store, buckets) = with_past(census);
    let other = store.clone();
    drop((store, buckets));
    other.publish();
    assert_eq!(other.get(&census.tracked(8)).map(|value| value.value), Some(9));
    drop(other);
    census.assert_settled("after the last handle");
}

/// A leaked write bucket takes the current version along; what read buckets hold is not freed with the store.
#[test]
fn read_bucket_outlives_a_store_with_a_leaked_write_bucket() {
    let text = |number: u64| format!("a string on the heap, number {number}");
    let store: Store<u64, String> = (0..1_000).map(|number| (number, text(number))).collect();
    let held = store.read();
    store.insert(1, "b".into());
    std::mem::forget(store.write());
    drop(store);
    assert!((0..1_000).all(|number| held[&number] == text(number)));
}
