//! What is never dropped (`mem::forget`): costs the memory that it holds, and breaks nothing.

use std::mem::forget;
use std::thread;
use std::time::Duration;

use twinbucket::{Entry, Store};

use crate::common::census::{Census, Tracked};

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod census;
}

/// A store of so many tracked entries.
fn store_of(census: &'static Census, entries: u64) -> Store<Tracked, Tracked> {
    (0..entries).map(|key| (census.tracked(key), census.tracked(0))).collect()
}

/// Publishes a change of each of these entries, and that a hundred times over.
fn write_on(census: &'static Census, store: &Store<Tracked, Tracked>, entries: u64) {
    for round in 1..=100 {
        let mut write = store.write();
        write.extend((0..entries).map(|key| (census.tracked(key), census.tracked(round))));
        write.publish();
    }
    store.collect();
}

/// Asserts that what the store's past costs is one generation of so many leaves.
#[track_caller]
fn assert_one_pin(store: &Store<Tracked, Tracked>, leaves: usize) {
    let stats = store.stats();
    assert_eq!((stats.pinned_generations, stats.retired_leaves), (1, leaves));
    assert_eq!(store.pins().len(), 1);
}

#[test]
fn forgotten_write_bucket_keeps_writers_out_and_nobody_else() {
    let store = Store::from([(1, 1), (2, 2)]);
    let mut reader = store.reader();
    let mut write = store.write();
    write.insert(1, 10);
    forget(write);

    assert!(store.try_write().is_none());
    thread::scope(|scope| {
        scope.spawn(|| assert!(store.try_write().is_none()));
    });
    assert_eq!((store.get(&1), reader.get(&2)), (Some(1), Some(&2)));
    assert_eq!(store.read().into_iter().count(), 2);
    assert_eq!(store.stats().entries, 2);
    assert!(store.at(store.generation()).is_some());
    assert!(store.watch().wait_timeout(Duration::ZERO).is_none());
    store.collect();
    assert!(store.pins().len() <= 1, "the reader's");
}

#[test]
#[should_panic(expected = "this thread already holds a write bucket of this store")]
fn thread_that_forgot_its_write_bucket_is_told_when_it_writes_again() {
    let store = Store::from([(1, 1)]);
    forget(store.write());
    store.insert(2, 2);
}

#[test]
fn thread_that_forgot_its_write_bucket_and_ended_leaves_the_turn_taken() {
    let store = Store::from([(1, 1)]);
    thread::scope(|scope| {
        scope.spawn(|| forget(store.write()));
    });
    // Also for a thread that gets the place of the ended one.
    for _ in 0..8 {
        thread::scope(|scope| {
            scope.spawn(|| assert!(store.try_write().is_none()));
        });
    }
    assert_eq!(store.get(&1), Some(1));
}

#[test]
fn forgotten_entry_leaves_the_write_bucket_as_it_was() {
    let census = Census::open();
    let store = store_of(census, 100);
    let mut write = store.write();
    // A key that was asked for is part of the entry, and forgotten with it.
    for key in [3, 1_000] {
        match write.entry(census.tracked(key)) {
            Entry::Occupied(entry) => forget(entry),
            Entry::Vacant(entry) => forget(entry),
        }
    }
    write.insert(census.tracked(3), census.tracked(9));
    assert_eq!(write.len(), 100);
    write.publish();
    assert_eq!(store.get(&census.tracked(3)).map(|value| value.value), Some(9));
    drop(store);
    census.assert_left(2, "the keys that were asked for");
}

#[test]
fn forgotten_read_bucket_costs_what_it_holds_and_no_more() {
    let census = Census::open();
    let store = store_of(census, 500);
    let leaves = store.stats().leaves;
    forget(store.read());
    write_on(census, &store, 500);
    assert_one_pin(&store, leaves);
    drop(store);
    census.assert_left(2 * 500, "keys and values of the generation that is held");
}

#[test]
fn forgotten_owned_iterator_costs_what_it_holds_and_no_more() {
    let census = Census::open();
    let store = store_of(census, 500);
    let leaves = store.stats().leaves;
    let mut walk = store.read().into_iter();
    assert_eq!(walk.by_ref().take(100).count(), 100);
    forget(walk);
    write_on(census, &store, 500);
    assert_one_pin(&store, leaves);
    drop(store);
    census.assert_left(2 * 500, "keys and values of one generation");
}

#[test]
fn forgotten_entry_reference_costs_its_generation_and_no_more() {
    let census = Census::open();
    let store = store_of(census, 500);
    let leaves = store.stats().leaves;
    forget(store.read().entry(&census.tracked(7)));
    write_on(census, &store, 500);
    assert_one_pin(&store, leaves);
    drop(store);
    census.assert_left(2 * 500, "keys and values of one generation");
}

#[test]
fn forgotten_reader_costs_its_generation_and_the_store() {
    let census = Census::open();
    let store = store_of(census, 500);
    let leaves = store.stats().leaves;
    forget(store.reader());
    write_on(census, &store, 500);
    assert_one_pin(&store, leaves);
    drop(store);
    census.assert_left(4 * 500, "what the reader holds, and what is current in the store that it keeps alive");
}

#[test]
fn forgotten_watch_costs_the_store_and_no_generation() {
    let census = Census::open();
    let store = store_of(census, 500);
    forget(store.watch());
    write_on(census, &store, 500);
    assert_eq!((store.stats().retired_leaves, store.pins().len()), (0, 0));
    drop(store);
    census.assert_left(2 * 500, "keys and values of one generation");
}

#[test]
fn forgotten_borrowing_iterators_cost_nothing() {
    let census = Census::open();
    let store = store_of(census, 200);
    let older = store.read();
    store.insert(census.tracked(3), census.tracked(9));
    let newer = store.read();
    forget(newer.keys());
    forget(newer.values());
    let mut changes = newer.diff(&older);
    assert!(changes.next().is_some());
    forget(changes);
    let mut write = store.write();
    write.remove(&census.tracked(4));
    write.publish();
    drop((older, newer));
    store.collect();
    assert_eq!(store.stats().retired_leaves, 0);
    drop(store);
    census.assert_settled("after the store");
}

#[test]
fn forgotten_read_bucket_is_a_long_pin_with_its_place() {
    let (sender, pins) = std::sync::mpsc::channel();
    let store = Store::<u64, u64>::builder()
        .on_long_pin(Duration::from_millis(1), move |pin| drop(sender.send(pin.clone())))
        .build();
    forget(store.read());
    let line = line!() - 1;
    let pin = pins.recv_timeout(Duration::from_secs(30)).expect("the pin is reported");
    assert_eq!(pin.location().map(|location| (location.file(), location.line())), Some((file!(), line)));
    assert_eq!(store.pins().len(), 1);
}

#[cfg(feature = "async")]
#[test]
fn forgotten_future_of_a_watch_costs_a_listener_and_the_watch_works_on() {
    use std::task::{Context, Poll, Waker};

    let store = Store::from([(1, 1)]);
    let mut watch = store.watch();
    let mut context = Context::from_waker(Waker::noop());
    let mut future = Box::pin(watch.changed());
    assert!(future.as_mut().poll(&mut context).is_pending());
    forget(future);
    store.insert(1, 2);
    let mut future = Box::pin(watch.changed());
    let Poll::Ready(newest) = future.as_mut().poll(&mut context) else { panic!("something was published") };
    assert_eq!(newest[&1], 2);
    drop(future);
    drop((store, watch));
    assert_eq!(newest[&1], 2);
}
