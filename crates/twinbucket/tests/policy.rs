//! When writes are published, what is kept, and what is told about pins.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use twinbucket::{Generation, NotKept, Pin, Store};

use crate::common::eventually::eventually;

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod eventually;
}

#[test]
fn single_writes_publish_at_once_by_default() {
    let store = Store::new();
    assert_eq!((store.insert(1, 1), store.get(&1), store.generation().get()), (None, Some(1), 1));
    assert_eq!((store.remove(&1), store.get(&1), store.generation().get()), (Some(1), None, 2));
    assert_eq!((store.remove(&1), store.generation().get()), (None, 2));
}

#[test]
fn publish_every_collects_writes_up_to_the_threshold() {
    let store = Store::builder().publish_every(3).build();
    store.insert(1, 1);
    store.insert(2, 2);
    assert_eq!((store.len(), store.generation().get()), (0, 0));
    assert_eq!(store.insert(1, 10), Some(1), "a single write sees those before it");
    assert_eq!((store.len(), store.get(&1), store.generation().get()), (2, Some(10), 1));
    store.remove(&1);
    assert_eq!(store.len(), 2);
    store.publish();
    assert_eq!((store.len(), store.generation().get()), (1, 2));
}

#[test]
fn publish_every_counts_from_the_last_publish() {
    let store = Store::builder().publish_every(3).build();
    store.insert(1, 1);
    store.insert(2, 2);
    store.publish();
    store.insert(3, 3);
    store.insert(4, 4);
    assert_eq!(store.len(), 2);
    store.insert(5, 5);
    assert_eq!(store.len(), 5);
}

#[test]
fn publish_within_publishes_without_a_further_write() {
    let store = Store::builder().publish_every(1_000_000).publish_within(Duration::from_millis(20)).build();
    store.insert(1, 1);
    eventually("the write is published", || store.get(&1) == Some(1));
    store.remove(&1);
    eventually("the removal is published", || store.is_empty());
    let mut write = store.write();
    write.insert(2, 2);
    write.publish();
    assert_eq!(store.len(), 1);
}

#[test]
fn publish_within_alone_does_not_wait_for_ever() {
    let store = Store::builder().publish_within(Duration::from_millis(20)).build();
    for round in 0..50 {
        store.insert(round, round);
    }
    eventually("the writes are published", || store.len() == 50);
}

#[test]
fn publish_within_publishes_what_was_staged() {
    let store = Store::builder().publish_within(Duration::from_millis(20)).build();
    for round in 0..2 {
        let mut write = store.write();
        write.insert(round, round);
        write.stage();
        eventually("the staged write is published", || store.get(&round) == Some(round));
    }
}

#[test]
fn publish_within_lets_go_of_the_store_that_is_dropped() {
    let value = std::sync::Arc::new(());
    let store = Store::builder().publish_every(1_000_000).publish_within(Duration::from_secs(3_600)).build();
    store.insert(1, std::sync::Arc::clone(&value));
    drop(store);
    eventually("the value is dropped", || std::sync::Arc::strong_count(&value) == 1);
}

#[test]
fn staged_changes_wait_for_a_publish() {
    let store = Store::from([(1, 1)]);
    let generation = store.generation();
    let mut write = store.write();
    write.insert(2, 2);
    write.stage();
    assert_eq!((store.len(), store.generation()), (1, generation));
    assert_eq!(store.write().len(), 2);
    assert_eq!(store.publish().get(), generation.get() + 1);
    assert_eq!(store.get(&2), Some(2));
}

#[test]
fn publish_of_nothing_makes_no_generation() {
    let store = Store::from([(1, 1)]);
    let generation = store.generation();
    assert_eq!((store.publish(), store.write().publish()), (generation, generation));
}

#[test]
fn write_bucket_publishes_what_was_staged_before() {
    let store = Store::new();
    let mut write = store.write();
    write.insert(1, 1);
    write.stage();
    store.write().publish();
    assert_eq!(store.get(&1), Some(1));
}

#[test]
fn discard_is_exact_and_keeps_what_was_staged_before() {
    let store = Store::<u64, i32>::from_iter((0..1_000).map(|key| (key, 0)));
    let mut write = store.write();
    write.extend((0..10).map(|key| (key, 1)));
    write.remove(&999);
    write.stage();

    let mut write = store.write();
    write.retain(|key, _| key % 2 == 0);
    write.extend((2_000..4_000).map(|key| (key, 2)));
    write.insert(0, 2);
    write.discard();
    let mut write = store.write();
    write.clear();
    drop(write);

    assert_eq!(store.read().values().max(), Some(&0), "nothing is published yet");
    store.publish();
    let bucket = store.read();
    assert_eq!((bucket.len(), bucket.contains_key(&999)), (999, false));
    assert!((0..999).all(|key| bucket[&key] == i32::from(key < 10)));
}

#[test]
fn discard_is_exact_after_an_early_return() {
    fn load(store: &Store<String, u32>, rows: &[&str]) -> Result<Generation, std::num::ParseIntError> {
        let mut write = store.write();
        write.clear();
        for row in rows {
            write.insert((*row).to_owned(), row.parse()?);
        }
        Ok(write.publish())
    }
    let store = Store::new();
    let generation = load(&store, &["1", "2"]).expect("both are numbers");
    load(&store, &["3", "four"]).expect_err("four is no number");
    assert_eq!((store.generation(), store.get("1"), store.get("3")), (generation, Some(1), None));
    assert_eq!(store.write().len(), 2);
}

#[test]
fn keep_makes_old_generations_available() {
    let store = Store::builder().keep(2).build();
    let generations: Vec<_> = (0..5)
        .map(|round| {
            store.insert(1, round);
            store.generation()
        })
        .collect();
    let kept = |generation: &Generation| store.at(*generation).map(|bucket| bucket[&1]);
    assert_eq!(generations.iter().map(kept).collect::<Vec<_>>(), [None, None, Some(2), Some(3), Some(4)]);
    assert_eq!(store.at(generations[2]).map(|bucket| bucket.generation()), Some(generations[2]));
}

#[test]
fn kept_generation_is_available_while_a_publish_replaces_it() {
    let store = Store::<u64, u64>::builder().keep(1_000_000).build();
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..20_000).filter_map(|round| store.insert(round % 1_000, round)).count());
        while !writer.is_finished() {
            let generation = store.generation();
            assert_eq!(store.at(generation).map(|bucket| bucket.generation()), Some(generation));
        }
    });
}

#[test]
fn rollback_publishes_an_old_content_as_a_new_generation() {
    let store = Store::builder().keep(3).build();
    store.replace_all((0..2_000).map(|key| (key, 0)));
    let good = store.generation();
    store.replace_all((1_000..1_100).map(|key| (key, 1)));
    store.insert(5, 2);
    let bad = store.read();
    let now = store.rollback(good).expect("three generations are kept");
    assert_eq!((now.get(), store.generation()), (bad.generation().get() + 1, now));
    assert_eq!(store.read(), store.at(good).expect("it is still kept"));
    assert_eq!((bad.len(), bad.get(&5)), (101, Some(&2)));
    store.rollback(bad.generation()).expect("a rollback can be rolled back");
    assert_eq!(store.read(), bad);
}

#[test]
fn rollback_to_what_is_not_kept_is_an_error() {
    let store = Store::builder().keep(1).build();
    let first = store.generation();
    for round in 0..3 {
        store.insert(1, round);
    }
    let before = store.generation();
    let error: NotKept = store.rollback(first).expect_err("it is two generations too old");
    let text = error.to_string();
    assert!(
        text.contains(&first.to_string()) && text.starts_with(char::is_lowercase) && !text.ends_with('.'),
        "{text}"
    );
    assert_eq!((store.generation(), store.get(&1)), (before, Some(2)));
    let source: &dyn std::error::Error = &error;
    assert!(source.source().is_none());
}

#[test]
fn rollback_survives_the_pins_of_both_sides() {
    let store = Store::builder().keep(4).build();
    let mut held = vec![store.read()];
    for round in 0..20 {
        store.replace_all((0..300 + round * 20).map(|key| (key, round)));
        held.push(store.read());
        if round % 3 == 2 {
            let back = held[held.len() - 3].generation();
            store.rollback(back).expect("four generations are kept");
            held.push(store.read());
        }
        if held.len() > 6 {
            held.remove(1);
        }
        for bucket in &held {
            let round = bucket.get(&0).copied().unwrap_or_default();
            assert!(bucket.iter().all(|(_, value)| *value == round));
            assert_eq!(bucket.len(), if bucket.is_empty() { 0 } else { 300 + round * 20 });
        }
    }
}

#[test]
fn pins_tell_generation_age_and_number_of_holders() {
    let store = Store::from([(1, 1)]);
    assert!(store.pins().is_empty());
    let bucket = store.read();
    let others = [bucket.clone(), store.read()];
    store.insert(1, 2);
    let mut reader = store.reader();
    assert_eq!(reader.get(&1), Some(&2));
    let mut pins = store.pins();
    pins.sort_by_key(Pin::generation);
    let told: Vec<_> = pins.iter().map(|pin| (pin.generation(), pin.holders())).collect();
    assert_eq!(told, [(bucket.generation(), 3), (store.generation(), 1)]);
    assert!(pins.iter().all(|pin| pin.location().is_none()), "only a store with on_long_pin looks at the caller");
    thread::sleep(Duration::from_millis(2));
    assert!(store.pins().iter().all(|pin| pin.age() >= Duration::from_millis(1)));
    drop((bucket, others));
    reader.release();
    assert!(store.pins().is_empty());
}

#[test]
fn kept_generations_are_no_pins() {
    let store = Store::builder().keep(3).build();
    for round in 0..5 {
        store.insert(1, round);
    }
    assert!(store.pins().is_empty());
}

/// What a report says of a pin.
type Report = (Generation, Duration, Option<(&'static str, u32)>);

/// A store that reports what is held longer than 20 ms, and its reports.
fn reporting() -> (Store<u64, u64>, mpsc::Receiver<Report>) {
    let (report, reports) = mpsc::channel();
    let store = Store::builder()
        .on_long_pin(Duration::from_millis(20), move |pin: &Pin| {
            let place = pin.location().map(|location| (location.file(), location.line()));
            report.send((pin.generation(), pin.age(), place)).expect("the test listens");
        })
        .build();
    (store, reports)
}

/// Publishes until so many reports have come, and some time longer, so that one too many would come too.
fn gather(store: &Store<u64, u64>, reports: &mpsc::Receiver<Report>, wanted: usize) -> Vec<Report> {
    let mut told = Vec::new();
    eventually("the reports come", || {
        store.insert(0, 0);
        told.extend(reports.try_iter());
        told.len() >= wanted
    });
    for _ in 0..60 {
        store.insert(0, 0);
        store.collect();
        thread::sleep(Duration::from_millis(1));
    }
    told.extend(reports.try_iter());
    told
}

#[test]
fn on_long_pin_reports_each_read_bucket_once_with_its_place() {
    let (store, reports) = reporting();
    store.insert(1, 1);
    let (bucket, place) = (store.read(), (file!(), line!()));
    let told = gather(&store, &reports, 1);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0, told[0].2), (bucket.generation(), Some(place)));
    assert!(told[0].1 >= Duration::from_millis(20), "{told:?}");
}

#[test]
fn on_long_pin_reports_each_of_several_pins_once() {
    let (store, reports) = reporting();
    let mut held = Vec::new();
    let mut places = Vec::new();
    for round in 0..3 {
        store.insert(1, round);
        held.push(store.read());
        places.push((held[held.len() - 1].generation(), line!() - 1));
        held.push(store.read());
        places.push((held[held.len() - 1].generation(), line!() - 1));
    }
    let mut told: Vec<_> =
        gather(&store, &reports, 6).into_iter().map(|(generation, _, place)| (generation, place)).collect();
    told.sort();
    let expected: Vec<_> = places.into_iter().map(|(generation, line)| (generation, Some((file!(), line)))).collect();
    assert_eq!(told, expected);
}

#[test]
fn on_long_pin_reports_a_reader_that_holds_an_old_generation() {
    let (store, reports) = reporting();
    store.insert(1, 1);
    let (mut reader, place) = (store.reader(), (file!(), line!()));
    let generation = reader.read().generation();
    let told = gather(&store, &reports, 1);
    assert_eq!(told.iter().map(|report| (report.0, report.2)).collect::<Vec<_>>(), [(generation, Some(place))]);
    assert_eq!(reader.get(&1), Some(&1));
}

#[test]
fn on_long_pin_is_silent_about_what_is_let_go_in_time() {
    let (report, reports) = mpsc::channel();
    let limit = Duration::from_secs(3_600);
    let store = Store::builder()
        .on_long_pin(limit, move |pin| report.send(pin.generation()).expect("the test listens"))
        .build();
    let held = store.read();
    for round in 0..100 {
        store.insert(1, round);
        drop(store.read());
        store.collect();
    }
    assert_eq!((reports.try_iter().count(), held.len()), (0, 0));
}

#[test]
fn on_long_pin_may_read_the_store() {
    let (send, receive) = mpsc::channel::<Store<u64, u64>>();
    let (report, reports) = mpsc::channel();
    let receive = std::sync::Mutex::new(receive);
    let store = Store::builder()
        .on_long_pin(Duration::ZERO, move |pin| {
            let store = receive.lock().expect("no report panics").try_recv();
            report.send((pin.generation(), store.map(|store| store.read().len()))).expect("the test listens");
        })
        .build();
    store.insert(1, 1);
    let _held = store.read();
    send.send(store.clone()).expect("the store listens");
    eventually("the report comes", || {
        store.insert(2, 2);
        reports.try_iter().any(|(_, len)| len.is_ok_and(|len| len > 0))
    });
}

#[test]
fn stats_tell_what_is_there() {
    let store = Store::<u64, u64>::from_iter((0..5_000).map(|key| (key, key)));
    let stats = store.stats();
    assert_eq!((stats.generation, stats.entries), (store.generation(), 5_000));
    assert_eq!((stats.retired_leaves, stats.retired_bytes, stats.pinned_generations), (0, 0, 0));
    assert!(stats.leaves > 1 && stats.slots >= stats.leaves && stats.bytes >= 5_000 * 16, "{stats:?}");
    let pin = store.read();
    store.insert(1, 2);
    let stats = store.stats();
    assert_eq!((stats.retired_leaves, stats.pinned_generations, stats.entries), (1, 1, 5_000));
    assert!(stats.retired_bytes > 16, "{stats:?}");
    drop(pin);
    store.collect();
    let stats = store.stats();
    assert_eq!((stats.retired_leaves, stats.retired_bytes, stats.pinned_generations), (0, 0, 0));
}

#[test]
fn generations_are_numbers_in_order() {
    let store = Store::new();
    let zero = store.generation();
    store.insert(1, 1);
    let one = store.generation();
    assert!((zero.get(), one.get()) == (0, 1) && zero < one);
    assert!(one.to_string().contains('1'));
}

#[test]
fn a_time_that_never_comes_is_no_time() {
    let store: Store<u64, u64> = Store::builder().publish_every(10).publish_within(Duration::MAX).build();
    store.insert(1, 1);
    assert_eq!(store.get(&1), None);
    assert_eq!(store.publish().get(), 1);
}

#[test]
#[should_panic(expected = "capacity overflow")]
fn a_capacity_that_no_memory_holds_is_a_clear_panic() {
    Store::<u64, u64>::builder().capacity(usize::MAX).build();
}

#[test]
fn long_pins_are_reported_while_a_write_bucket_is_held_and_a_publish_is_due() {
    let (sender, pins) = mpsc::channel();
    let store = Store::builder()
        .publish_every(usize::MAX)
        .publish_within(Duration::from_millis(1))
        .on_long_pin(Duration::from_millis(20), move |pin| sender.send(pin.generation()).unwrap_or_default())
        .build();
    store.insert(1, 1);
    let write = store.write();
    let held = store.read();
    assert_eq!(pins.recv_timeout(Duration::from_secs(10)), Ok(held.generation()));
    write.discard();
    let mut watch = store.watch();
    if store.get(&1).is_none() {
        watch.wait_timeout(Duration::from_secs(10)).expect("the publish was only put off");
    }
    assert_eq!(store.get(&1), Some(1));
}
