//! Readers and writers on several threads: what each sees of the other, and that none waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use twinbucket::{Generation, ReadBucket, Store};

use crate::common::eventually::eventually;
use crate::common::finishes::finishes;

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod eventually;
    pub(crate) mod finishes;
}

/// Keys, far from each other, that hold the number of the generation.
const MARKS: [u64; 6] = [0, 1, 777, 500_000, 1 << 40, u64::MAX];

/// Publishes the next generation: its number under every mark, and filler that comes and goes.
fn publish_marked(store: &Store<u64, u64>, generation: u64) {
    let mut write = store.write();
    for key in MARKS {
        write.insert(key, generation);
    }
    match generation % 16 {
        5 => write.extend((1_000..3_000).map(|key| (key, generation))),
        11 => write.retain(|key, _| MARKS.contains(key)),
        _ => write.extend((generation % 90..generation % 90 + 9).map(|key| (2_000 + key, generation))),
    }
    assert_eq!(write.publish().get(), generation);
}

/// Asserts that a read bucket holds one generation, and gives its number.
#[track_caller]
fn mark_of(bucket: &ReadBucket<u64, u64>) -> u64 {
    let generation = bucket.generation().get();
    assert_eq!(bucket.get_many(MARKS.each_ref()), [Some(&generation); MARKS.len()]);
    generation
}

/// Runs `read` on three threads, over and over, while one thread publishes `rounds` marked generations.
fn while_publishing(rounds: u64, read: impl Fn(&Store<u64, u64>, &AtomicU64, &AtomicBool) + Sync) {
    let store = Store::new();
    publish_marked(&store, 1);
    let (published, over, start) = (AtomicU64::new(1), AtomicBool::new(false), Barrier::new(4));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                read(&store, &published, &over);
            });
        }
        start.wait();
        for generation in 2..=rounds {
            publish_marked(&store, generation);
            // Release: pairs with the Acquire of the readers, so that what they read afterwards starts after this publish.
            published.store(generation, Ordering::Release);
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(mark_of(&store.read()), rounds);
}

#[test]
fn all_or_nothing_for_read_buckets() {
    while_publishing(4_000, |store, published, over| {
        let mut last = 0;
        while !over.load(Ordering::Relaxed) {
            let returned = published.load(Ordering::Acquire);
            let mark = mark_of(&store.read());
            assert!(mark >= returned, "generation {returned} was published, then {mark} read");
            assert!(mark >= last, "generation {mark} after {last}");
            last = mark;
        }
    });
}

#[test]
fn all_or_nothing_for_readers() {
    while_publishing(4_000, |store, published, over| {
        let mut reader = store.reader();
        let mut last = 0;
        while !over.load(Ordering::Relaxed) {
            for key in MARKS {
                let returned = published.load(Ordering::Acquire);
                let mark = *reader.get(&key).expect("the marks are always there");
                assert!(mark >= returned && mark >= last, "{mark} after {last}, {returned} published");
                last = mark;
            }
            let mark = mark_of(reader.read());
            assert!(mark >= last, "{mark} after {last}");
            last = mark;
            if last % 32 == 0 {
                reader.release();
            }
        }
    });
}

#[test]
fn all_or_nothing_for_single_lookups() {
    while_publishing(4_000, |store, published, over| {
        let mut last = Generation::default();
        while !over.load(Ordering::Relaxed) {
            let returned = published.load(Ordering::Acquire);
            let mark = store.get(&777).expect("the marks are always there");
            assert!(mark >= returned, "generation {returned} was published, then {mark} read");
            let generation = store.generation();
            assert!(generation >= last && generation.get() >= mark, "{generation} after {last} and {mark}");
            last = generation;
        }
    });
}

#[test]
fn frozen_read_buckets_give_the_same_at_every_look() {
    while_publishing(2_000, |store, _, over| {
        let mut held: Vec<(ReadBucket<u64, u64>, u64, u64)> = Vec::new();
        let sum = |bucket: &ReadBucket<u64, u64>| {
            bucket.iter().fold(0, |sum: u64, (key, value)| sum.wrapping_add(key ^ value))
        };
        while !over.load(Ordering::Relaxed) {
            let bucket = store.read();
            held.push((bucket.clone(), mark_of(&bucket), sum(&bucket)));
            for (bucket, mark, expected) in &held {
                assert_eq!((mark_of(bucket), sum(bucket), bucket.iter().count()), (*mark, *expected, bucket.len()));
            }
            if held.len() > 8 {
                held.remove(3);
            }
        }
    });
}

#[test]
fn several_writers_lose_no_update() {
    let store = Store::<u64, u64>::new();
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..500 {
                    let mut write = store.write();
                    *write.entry(0).or_insert(0) += 1;
                    write.insert(1 + writer * 500 + round, writer);
                    if round % 2 == 0 {
                        write.publish();
                    } else {
                        write.stage();
                    }
                }
            });
        }
    });
    store.publish();
    assert_eq!((store.get(&0), store.len()), (Some(2_000), 2_001));
}

#[test]
fn readers_never_wait_for_an_open_write_bucket() {
    let store = Store::from([(1, 1)]);
    let mut write = store.write();
    write.extend((0..5_000).map(|key| (key, 2)));
    let other = store.clone();
    finishes("reading while a write bucket is open", move || {
        let (bucket, mut reader) = (other.read(), other.reader());
        for _ in 0..1_000 {
            assert_eq!((other.get(&1), reader.get(&1), other.read().len()), (Some(1), Some(&1), 1));
            assert_eq!(bucket.iter().chain(&other.read()).count(), 2);
            drop((bucket.clone().into_iter(), reader.clone(), other.watch()));
            reader.release();
        }
        assert_eq!((other.len(), other.is_empty(), other.at(bucket.generation()).is_some()), (1, false, true));
    });
    write.publish();
    assert_eq!(store.len(), 5_000);
}

#[test]
fn readers_never_wait_in_a_store_that_reports_long_pins() {
    let store = Store::builder().on_long_pin(std::time::Duration::ZERO, |_| {}).build();
    let write: twinbucket::WriteBucket<'_, u64, u64> = store.write();
    let other = store.clone();
    finishes("taking and dropping while a write bucket is open", move || {
        for _ in 0..1_000 {
            let bucket = other.read();
            drop((bucket.clone(), other.reader(), bucket.into_iter()));
        }
    });
    drop(write);
}

#[test]
fn writers_never_wait_for_readers() {
    let store = Store::<u64, u64>::from_iter((0..5_000).map(|key| (key, 0)));
    let (begun, has_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let stuck = {
        let store = store.clone();
        thread::spawn(move || {
            let mut walk = store.read().into_iter();
            let mut reader = store.reader();
            let cached = reader.read().generation();
            walk.next().expect("there are 5,000 entries");
            begun.send(()).expect("the test listens");
            may_go_on.recv().expect("the test sends");
            (walk.map(|(_, value)| value).max(), cached, reader.get(&1).copied())
        })
    };
    has_begun.recv().expect("the reader begins");
    let writer = store.clone();
    finishes("publishing while a reader is stuck and read buckets are held", move || {
        let held: Vec<_> = (1..=1_000)
            .map(|round| {
                writer.insert(round % 5_000, round);
                writer.read()
            })
            .collect();
        writer.replace_all((0..5_000).map(|key| (key, 9)));
        writer.collect();
        held.len()
    });
    go_on.send(()).expect("the reader listens");
    let (newest_value, cached, current) = stuck.join().expect("the reader finds nothing amiss");
    assert_eq!((newest_value, current), (Some(0), Some(9)));
    assert!(cached < store.generation());
}

#[test]
fn second_writer_waits_for_the_first() {
    let store = Store::<u64, u64>::new();
    let mut write = store.write();
    write.insert(1, 1);
    let (report, reports) = mpsc::channel();
    let second = {
        let store = store.clone();
        thread::spawn(move || {
            assert!(store.try_write().is_none(), "another thread writes");
            report.send("refused").expect("the test listens");
            let mut write = store.write();
            report.send("writing").expect("the test listens");
            assert_eq!(write.get(&1), Some(&1), "the first writer was done");
            write.insert(2, 2);
            write.publish();
        })
    };
    assert_eq!(reports.recv(), Ok("refused"));
    assert!(reports.try_recv().is_err(), "the second writer waits");
    write.publish();
    assert_eq!(reports.recv(), Ok("writing"));
    second.join().expect("the second writer finds nothing amiss");
    assert_eq!(store.len(), 2);
    assert!(store.try_write().is_some(), "nobody writes");
}

#[test]
fn reads_of_the_same_store_work_inside_closures() {
    let store = Store::from([(1, 10), (2, 20)]);
    finishes("reading inside closures of writes", {
        let store = store.clone();
        move || {
            let mut reader = store.reader();
            let mut look = || {
                assert_eq!((store.get(&1), reader.get(&2), store.read().iter().count()), (Some(10), Some(&20), 2));
                assert_eq!((store.len(), store.at(store.generation()).is_some()), (2, true));
            };
            let mut write = store.write();
            write.modify(&1, |value| {
                look();
                *value = 11;
            });
            write.retain(|_, _| {
                look();
                true
            });
            write.entry(3).or_insert_with(|| {
                look();
                30
            });
            write.extend((4..6).map(|key| {
                look();
                (key, key)
            }));
            write.sync((1..9).map(|key| {
                look();
                (key, key)
            }));
            write.publish();
        }
    });
    assert_eq!(store.len(), 8);
}

/// A value that reads the store it is in, whenever it is cloned or dropped.
struct Nosy(Arc<Store<u64, Nosy>>);

impl Nosy {
    /// Reads the store in every way.
    fn look(&self) {
        let bucket = self.0.read();
        assert_eq!(bucket.iter().count(), bucket.len());
        assert_eq!(self.0.reader().get(&1).is_some(), bucket.contains_key(&1));
    }
}

impl Clone for Nosy {
    fn clone(&self) -> Self {
        self.look();
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn reads_of_the_same_store_work_inside_clone_and_drop() {
    finishes("reading inside Clone and Drop", || {
        let store = Arc::new(Store::new());
        for round in 0..20 {
            let mut write = store.write();
            write.extend((0..100).map(|key| (key + round, Nosy(Arc::clone(&store)))));
            write.remove(&round);
            write.publish();
        }
        // Values that hold their store keep it alive, so they have to go before it can.
        store.write().discard();
        store.replace_all([]);
        store.publish();
        store.collect();
        assert_eq!((store.len(), Arc::strong_count(&store)), (0, 1));
    });
}

#[test]
fn nested_write_is_a_clear_panic() {
    let store = Store::from([(1, 1)]);
    let mut write = store.write();
    write.insert(2, 2);
    for nested in [
        (|store| drop(store.write())) as fn(&Store<i32, i32>),
        |store| {
            store.insert(3, 3);
        },
        |store| {
            store.remove(&1);
        },
        |store| {
            store.publish();
        },
        |store| {
            store.replace_all([]);
        },
        |store| {
            store.rollback(store.generation()).expect("the current generation is kept");
        },
    ] {
        let panic = catch_unwind(AssertUnwindSafe(|| nested(&store))).expect_err("a nested write panics");
        let message =
            panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or(panic.downcast_ref::<String>().cloned());
        let message = message.expect("the panic has a message");
        assert!(message.contains("write"), "{message}");
    }
    write.publish();
    assert_eq!(store.len(), 2, "the outer write bucket is unharmed");
    store.insert(3, 3);
    assert_eq!(store.len(), 3);
}

#[test]
fn write_buckets_of_two_stores_nest() {
    let (one, two) = (Store::<u64, u64>::new(), Store::<u64, u64>::new());
    let mut outer = one.write();
    outer.insert(1, 1);
    let mut inner = two.write();
    inner.extend(outer.iter().map(|(key, value)| (*key, value + 1)));
    inner.publish();
    drop(outer);
    assert_eq!((one.get(&1), two.get(&1)), (None, Some(2)));
}

#[test]
fn write_bucket_dropped_by_a_panicking_thread_frees_the_writer_for_others() {
    let store = Store::from([(1, 1)]);
    let other = store.clone();
    let outcome = thread::spawn(move || {
        let mut write = other.write();
        write.clear();
        std::panic::resume_unwind(Box::new(()));
    });
    outcome.join().expect_err("the writer panics");
    let writer = store.clone();
    finishes("writing after a writer panicked", move || writer.insert(2, 2));
    assert_eq!((store.get(&1), store.get(&2)), (Some(1), Some(2)));
}

#[test]
fn handles_can_go_from_thread_to_thread() {
    let store = Store::<u64, u64>::from_iter((0..100).map(|key| (key, key)));
    let mut walk = store.read().into_iter();
    let (mut reader, entry) = (store.reader(), store.read().entry(&5).expect("5 is there"));
    let first = walk.next().expect("there are 100 entries");
    let rest = thread::spawn(move || {
        let rest: Vec<_> = walk.collect();
        assert_eq!((reader.get(&7), *entry), (Some(&7), 5));
        rest
    });
    store.insert(100, 100);
    let rest = rest.join().expect("the other thread finds nothing amiss");
    assert!(rest.len() == 99 && !rest.contains(&first));
}

#[test]
fn every_thread_may_come_and_go() {
    let store = Store::from([(0, 0)]);
    for round in 1..200 {
        thread::scope(|scope| {
            scope.spawn(|| {
                let (seen, later) = (store.reader().get(&0).copied(), store.get(&0));
                assert!(seen >= Some(round - 1) && later >= seen, "{later:?} after {seen:?} in round {round}");
            });
            scope.spawn(|| store.insert(0, round));
        });
        assert_eq!(store.get(&0), Some(round));
    }
    drop(store.read());
    store.collect();
    eventually("no pins are left", || store.pins().is_empty());
}

#[test]
fn reader_never_falls_behind_what_its_thread_has_read_otherwise() {
    let store: Store<u64, u64> = Store::from([(1, 0)]);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..100_000).for_each(|value| assert!(store.insert(1, value).is_some())));
        let mut reader = store.reader();
        while !writer.is_finished() {
            let seen = store.read().generation();
            assert!(reader.read().generation() >= seen);
        }
    });
}
