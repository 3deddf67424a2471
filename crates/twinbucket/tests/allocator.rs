//! What the store takes from the allocator and gives back, thread by thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use twinbucket::{ReadBucket, Reader, Store};

use crate::common::census::{Census, Tracked};
use crate::common::counting::{Traffic, traffic_of};

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod census;
    pub(crate) mod counting;
}

/// A store whose every key and value owns a block of its own.
type Texts = Store<String, String>;

/// Entries whose keys and values own blocks of their own.
fn texts(keys: std::ops::Range<u64>, round: u64) -> impl Iterator<Item = (String, String)> {
    keys.map(move |key| (key.to_string(), format!("value {round} of entry {key}")))
}

/// Publishes these entries at once.
fn publish_all(store: &Texts, entries: impl Iterator<Item = (String, String)>) {
    let mut write = store.write();
    write.extend(entries);
    write.publish();
}

/// Publishes changes until told to stop: small ones, growth, shrinking, full reloads.
fn keep_publishing(store: &Texts, stop: &AtomicBool) {
    for round in 0.. {
        let mut write = store.write();
        match round % 8 {
            3 => write.extend(texts(0..3_000, round)),
            5 => write.retain(|key, _| key.len() < 4),
            7 => write.replace_all(texts(0..500, round)),
            _ => write.extend(texts(round % 400..round % 400 + 3, round)),
        }
        write.publish();
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Everything a reader does, once, in the way a careless reader would: taking, holding, walking, dropping.
fn read_everything(
    store: &Texts,
    reader: &mut Reader<String, String>,
    held: &mut [Option<ReadBucket<String, String>>],
    round: usize,
) {
    let bucket = store.read();
    assert!(bucket.iter().all(|(key, value)| value.ends_with(key.as_str())));
    assert_eq!(bucket.get("1").is_some(), bucket.contains_key("1"));
    let mut other = reader.clone();
    assert!(other.get("2").is_none_or(|value| value.ends_with("entry 2")));
    drop(other);
    let entry = bucket.entry("3");
    if round % 7 == 0 {
        reader.release();
    }
    assert_eq!(reader.read().len(), reader.read().iter().count());
    let slot = round % held.len();
    held[slot] = Some(bucket);
    drop(entry);
    assert!(held.iter().flatten().all(|bucket| bucket.len() == bucket.keys().count()));
}

#[test]
fn readers_never_free() {
    let store = Texts::from_iter(texts(0..2_000, 0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| keep_publishing(&store, &stop));
        let read = || {
            let mut held = [const { None }; 5];
            traffic_of(|| {
                let mut reader = store.reader();
                for round in 0..300 {
                    read_everything(&store, &mut reader, &mut held, round);
                }
                held.fill(None);
            })
            .1
        };
        let readers = [scope.spawn(read), scope.spawn(read), scope.spawn(read)];
        let traffic = readers.map(|reader| reader.join().expect("a reader finds nothing amiss"));
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("the writer finds nothing amiss");
        assert_eq!(traffic.map(|traffic| traffic.frees), [0; 3]);
    });
}

#[test]
fn reader_that_holds_the_last_count_of_an_old_generation_frees_nothing() {
    let store = Texts::from_iter(texts(0..2_000, 0));
    let bucket = store.read();
    let (walk, entry) = (bucket.clone().into_iter(), bucket.entry("7"));
    let mut reader = store.reader();
    assert_eq!(reader.read().len(), 2_000);
    store.replace_all(texts(0..10, 1));
    store.publish();
    store.collect();
    let (_, traffic) = traffic_of(|| {
        drop(bucket);
        drop(walk);
        drop(entry);
        reader.release();
        drop(reader);
    });
    assert_eq!(traffic, Traffic::NONE);
}

#[test]
fn publish_frees_a_bounded_number_however_much_waits() {
    let store = Store::<u64, u64>::from_iter((0..100_000).map(|key| (key, key)));
    let pin = store.read();
    store.replace_all((0..100_000).map(|key| (key, key + 1)));
    drop(pin);
    let waiting = store.stats().retired_leaves;
    assert!(waiting > 200, "{waiting} leaves wait");
    let publish = |round| traffic_of(|| store.insert(1, round)).1.frees;
    let frees: Vec<_> = (0..waiting as u64).map(publish).collect();
    assert!(frees.iter().all(|&frees| frees < 100), "{frees:?}");
    assert!(frees.iter().sum::<u64>() > waiting as u64, "all that waited is freed in the end");
}

#[test]
fn owned_iterator_frees_nothing_but_what_it_gives() {
    let store = Store::<u64, u64>::from_iter((0..2_000).map(|key| (key, key)));
    let walk = store.read().into_iter();
    store.replace_all([]);
    let (count, traffic) = traffic_of(|| walk.map(|(key, value)| assert_eq!(key, value)).count());
    assert_eq!((count, traffic.frees), (2_000, 0));
}

#[test]
fn readers_never_drop_an_entry_of_a_store_that_reports_long_pins() {
    let census = Census::open();
    let (report, reports) = mpsc::channel();
    let store = Store::<Tracked, Tracked>::builder()
        .on_long_pin(Duration::ZERO, move |pin| report.send(pin.generation()).expect("the test listens"))
        .build();
    let entry = |key: u64, value: u64| (census.tracked(key), census.tracked(value));
    store.replace_all((0..1_000).map(|key| entry(key, 0)));
    let stop = AtomicBool::new(false);
    let reader = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reader = store.reader();
            while !stop.load(Ordering::Relaxed) {
                let bucket = store.read();
                assert_eq!(bucket.len(), bucket.iter().count());
                assert_eq!(reader.read().len(), bucket.values().count());
            }
            thread::current().id()
        });
        for round in 0..100_000 {
            let mut write = store.write();
            write.extend((round % 900..round % 900 + 20).map(|key| entry(key, round)));
            write.publish();
            if round >= 300 && reports.try_iter().count() > 0 {
                break;
            }
            assert!(round < 99_999, "the reader is never reported");
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().expect("the reader finds nothing amiss")
    });
    assert_eq!(census.dropped_by(reader), 0);
    drop(store);
    census.assert_settled("after the store is gone");
}

#[test]
fn reader_path_allocates_nothing_when_nothing_was_published() {
    let store = Texts::from_iter(texts(0..2_000, 0));
    let mut reader = store.reader();
    assert!(reader.get("1").is_some());
    let (found, traffic) = traffic_of(|| {
        let texts = ["1", "77", "1999", "missing"];
        texts.iter().cycle().take(1_000).filter(|key| reader.get(**key).is_some()).count()
    });
    assert_eq!((found, traffic), (750, Traffic::NONE));
}

#[test]
fn reading_allocates_nothing() {
    let store = Texts::from_iter(texts(0..2_000, 0));
    let mut reader = store.reader();
    // The first read of a thread may set up what later reads use.
    drop((store.read(), reader.read().clone()));
    let (_, traffic) = traffic_of(|| {
        let bucket = store.read();
        assert_eq!((bucket.len(), bucket.iter().count(), bucket.clone().keys().count()), (2_000, 2_000, 2_000));
        assert_eq!(bucket.get_many(["1", "2", "none"]).map(|value| value.is_some()), [true, true, false]);
        assert_eq!(bucket.entry("5").map(|entry| entry.len()), bucket.get("5").map(String::len));
        reader.release();
        assert_eq!(reader.read().get("6"), bucket.get("6"));
    });
    assert_eq!(traffic, Traffic::NONE);
}

/// A life of a store with all that can happen to it, on one thread.
fn live() {
    let store = Texts::builder().keep(2).build();
    let mut held = Vec::new();
    for round in 0..40 {
        let mut write = store.write();
        match round % 10 {
            2 => write.extend(texts(0..3_000, round)),
            4 => write.retain(|key, _| key.len() < 4),
            6 => write.replace_all(texts(0..800, round)),
            8 => drop(write.sync(texts(0..700, round / 10))),
            _ => write.extend(texts(round..round + 9, round)),
        }
        match round % 5 {
            0 => write.stage(),
            1 => write.discard(),
            _ => drop(write.publish()),
        }
        held.push((store.read(), store.read().into_iter(), store.reader()));
        if round % 3 == 0 {
            held.swap_remove(held.len() / 2);
        }
        if round % 7 == 0 {
            store.rollback(store.generation()).expect("the current generation is kept");
            store.insert(round.to_string(), "single".to_owned());
        }
    }
    drop(store);
    while let Some((bucket, walk, mut reader)) = held.pop() {
        let walked: HashMap<_, _> = walk.collect();
        assert_eq!((walked.len(), reader.read().is_empty()), (bucket.len(), false));
    }
}

#[test]
fn no_loss_of_any_byte() {
    // What a thread sets up once stays, so the first life does not count.
    live();
    let (_, traffic) = traffic_of(live);
    assert_eq!((traffic.live_bytes(), traffic.allocations - traffic.frees), (0, 0));
    assert!(traffic.frees > 10_000, "a life is worth counting");
}

#[test]
fn no_loss_of_any_byte_when_another_thread_drops_the_store() {
    live();
    let (store, built) = traffic_of(|| {
        let store = Texts::from_iter(texts(0..1_000, 0));
        let pin = store.read();
        publish_all(&store, texts(500..1_500, 1));
        drop(pin);
        store
    });
    let used_up = move || {
        publish_all(&store, texts(1_000..2_000, 2));
        drop(store);
    };
    let other = thread::spawn(|| {
        live();
        traffic_of(used_up).1
    });
    let sum = built + other.join().expect("the other thread finds nothing amiss");
    assert_eq!((sum.live_bytes(), sum.allocations - sum.frees), (0, 0));
}

#[test]
fn no_loss_of_any_key_or_value() {
    let census = Census::open();
    let entry = |key: u64, value: u64| (census.tracked(key), census.tracked(value));
    let store = Store::<Tracked, Tracked>::builder().keep(3).build();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut held = std::collections::VecDeque::new();
                while !stop.load(Ordering::Relaxed) {
                    let bucket = store.read();
                    held.push_back((bucket.entry(&census.tracked(3)), bucket.into_iter()));
                    if held.len() > 20 {
                        held.pop_front();
                    }
                }
            });
        }
        for round in 0..400 {
            let mut write = store.write();
            match round % 10 {
                2 => write.extend((0..600).map(|key| entry(key, round))),
                4 => write.retain(|key, _| key.value % 3 == 0),
                6 => write.replace_all((0..100).map(|key| entry(key, round))),
                8 => write.clear(),
                _ => write.extend((round..round + 30).map(|key| entry(key, round))),
            }
            match round % 7 {
                0 => write.stage(),
                1 => write.discard(),
                _ => drop(write.publish()),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(store);
    census.assert_settled("after the store is gone");
}
