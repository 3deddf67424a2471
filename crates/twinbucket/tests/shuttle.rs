//! The whole API under shuttle: four to eight threads each, their steps in an order drawn at random or by priorities
//! (PCT: Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010).
//!
//! ```text
//! RUSTFLAGS='--cfg shuttle' cargo test -p twinbucket --features async --test shuttle
//! ```
//!
//! Without `--cfg shuttle` there is nothing in here. Fifty thousand schedules in all; `TWINBUCKET_SCHEDULES` sets another
//! number. A scenario that fails prints the schedule that led there. With that one in `TWINBUCKET_REPLAY`, the same command
//! and the name of the test run just this schedule again.
//!
//! A thread may be stopped at each lock, event, channel and atomic of the store, and where a scenario pauses. All that
//! is sequentially consistent here: orderings are loom's and ThreadSanitizer's business.

#![cfg(shuttle)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, Runner, thread};
use twinbucket::{Observer, Published};

use crate::histories::small::{Clock, Done, SmallStore, draw, is_linearizable, perform};
use crate::scenarios::world::{Bucket, World, pause};

/// The checker of short histories.
mod histories {
    pub(crate) mod small;
}

/// What the scenarios are made of.
mod scenarios {
    pub(crate) mod token;
    pub(crate) mod world;
}

/// Number of tests in this file.
const SCENARIOS: usize = 11;
/// Changes of priority in a run by priorities: bugs that take so many steps in a certain order are found.
const DEPTH: usize = 4;

/// Runs a scenario on its share of the schedules, or on the one asked for.
fn explore(scenario: fn()) {
    let mut config = Config::new();
    config.stack_size = 0x4_0000;
    config.silence_warnings = true;
    if let Ok(schedule) = std::env::var("TWINBUCKET_REPLAY") {
        Runner::new(ReplayScheduler::new_from_encoded(&schedule), config).run(scenario);
        return;
    }
    let all = std::env::var("TWINBUCKET_SCHEDULES").map_or(50_000, |number| {
        number.parse::<NonZeroUsize>().expect("TWINBUCKET_SCHEDULES is a number of schedules, at least 1").get()
    });
    let share = all.div_ceil(2 * SCENARIOS);
    Runner::new(RandomScheduler::new(share), config.clone()).run(scenario);
    Runner::new(PctScheduler::new(DEPTH, share), config).run(scenario);
}

/// What one thread does.
type Work = Box<dyn FnOnce() + Send>;

/// Runs all this at the same time, and waits for it.
fn together(work: Vec<Work>) {
    let threads: Vec<_> = work.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
}

/// Makes work for one thread of a scenario.
fn work(world: &World, work: impl FnOnce(&World) + Send + 'static) -> Work {
    let world = world.clone();
    Box::new(move || work(&world))
}

/// Looks at the newest read bucket, a few times.
fn look(world: &World) {
    let mut last = 0;
    for _ in 0..4 {
        let bucket = world.read(&mut last);
        pause();
        world.check(&bucket);
    }
}

/// As [`look`], through a reader, and once past it: what was seen on either way is not gone on the other.
fn look_through_reader(world: &World) {
    let (mut reader, mut last) = (world.store.reader(), 0);
    for round in 0..4 {
        let returned = world.returned();
        let bucket = reader.read();
        world.follow(bucket, returned, &mut last);
        pause();
        world.check(bucket);
        match round {
            1 => drop(world.read(&mut last)),
            2 => reader.release(),
            _ => {}
        }
    }
}

/// Writes a few times.
fn write(world: &World) {
    (0..3).for_each(|_| world.write());
}

#[test]
fn readers_see_whole_publishes_in_order_and_at_once() {
    explore(|| {
        let world = World::new(|builder| builder);
        together(vec![
            work(&world, write),
            work(&world, write),
            work(&world, look),
            work(&world, look),
            work(&world, look_through_reader),
            work(&world, look_through_reader),
        ]);
        world.end();
    });
}

#[test]
fn writers_take_turns_and_discards_are_exact() {
    explore(|| {
        let world = World::new(|builder| builder);
        let mut all: Vec<_> = (0..4).map(|_| work(&world, write)).collect();
        all.push(work(&world, look));
        together(all);
        world.end();
    });
}

#[test]
fn held_buckets_stay_frozen_while_others_write_and_collect() {
    explore(|| {
        let world = World::new(|builder| builder);
        let hold = |world: &World| {
            let (mut held, mut last): (Vec<Bucket>, _) = (Vec::new(), 0);
            for _ in 0..4 {
                held.push(world.read(&mut last));
                if thread_rng().gen_bool(0.5) {
                    let released = held.swap_remove(thread_rng().gen_range(0..held.len()));
                    world.check(&released);
                    pause();
                }
                held.iter().for_each(|bucket| world.check(bucket));
            }
            pause();
            held.windows(2).for_each(|pair| world.check_difference(&pair[1], &pair[0]));
        };
        let collect = |world: &World| {
            for _ in 0..3 {
                world.store.collect();
                assert!(world.store.pins().len() <= 16);
                pause();
            }
        };
        together(vec![
            work(&world, write),
            work(&world, write),
            work(&world, hold),
            work(&world, hold),
            work(&world, hold),
            work(&world, collect),
        ]);
        world.end();
    });
}

#[test]
fn owned_walks_and_entries_stay_as_they_were_taken() {
    explore(|| {
        let world = World::new(|builder| builder);
        let walk = |world: &World| {
            let bucket = world.read(&mut 0);
            let (count, last) = (bucket.len(), bucket.entry(&world.mint.token(69)));
            let value = last.as_ref().map(|entry| entry.value().number());
            let mut walk = bucket.into_iter();
            for _ in 0..count / 2 {
                walk.next().expect("half of them").0.number();
            }
            pause();
            assert_eq!(last.as_ref().map(|entry| entry.value().number()), value);
            assert_eq!(
                walk.inspect(|(key, value)| assert!(key.number().max(value.number()) < 2_000_000)).count(),
                count - count / 2
            );
            pause();
            assert_eq!(last.map(|entry| entry.number()), value);
        };
        together(vec![work(&world, write), work(&world, write), work(&world, walk), work(&world, walk)]);
        world.end();
    });
}

#[test]
fn watches_miss_no_newest_generation() {
    explore(|| {
        let world = World::new(|builder| builder);
        let writers = Arc::new(AtomicUsize::new(2));
        // The last publish adds an entry. If a watch missed it, it would wait for ever, which shuttle calls a deadlock.
        let is_last = |bucket: &Bucket| bucket.len() > 70;
        let mut all = Vec::new();
        for _ in 0..2 {
            let writers = Arc::clone(&writers);
            all.push(work(&world, move |world| {
                for value in 0..3 {
                    world.store.insert(world.mint.token(5), world.mint.token(value));
                    pause();
                }
                if writers.fetch_sub(1, Ordering::Relaxed) == 1 {
                    world.store.insert(world.mint.token(1_000), world.mint.token(0));
                }
            }));
        }
        for mut watch in [world.store.watch(), world.store.watch()] {
            all.push(Box::new(move || while !is_last(&watch.wait()) {}));
        }
        let mut watch = world.store.watch();
        all.push(Box::new(move || {
            while !watch.wait_timeout(Duration::from_secs(1)).is_some_and(|bucket| is_last(&bucket)) {
                thread::yield_now();
            }
        }));
        #[cfg(feature = "async")]
        {
            let mut watch = world.store.watch();
            all.push(Box::new(move || while !is_last(&shuttle::future::block_on(watch.changed())) {}));
        }
        together(all);
        world.vanish();
    });
}

#[test]
fn single_writes_are_published_by_threshold_or_in_time() {
    explore(|| {
        let world = World::new(|builder| builder.publish_every(4).publish_within(Duration::ZERO));
        let mut all = Vec::new();
        for thread in 0..3 {
            all.push(work(&world, move |world| {
                for number in 0..3 {
                    let key = 1_000 + 10 * thread + number;
                    assert_eq!(world.store.insert(world.mint.token(key), world.mint.token(number)), None);
                }
            }));
        }
        for _ in 0..2 {
            let (mut watch, mut last) = (world.store.watch(), 0);
            all.push(Box::new(move || {
                // If no one published the rest, this would wait for ever.
                while last < 79 {
                    let bucket = watch.wait();
                    assert!(bucket.len() >= last, "{} entries after {last}", bucket.len());
                    last = bucket.len();
                }
            }));
        }
        together(all);
        assert_eq!(world.store.len(), 79);
        world.vanish();
    });
}

#[test]
fn rollbacks_restore_what_they_name() {
    explore(|| {
        const KEEP: u64 = 2;
        let world = World::new(|builder| builder.keep(2));
        let write = |world: &World| (0..3).for_each(|_| world.write_between_rollbacks());
        let roll_back = |world: &World| (0..2).for_each(|_| world.roll_back(KEEP));
        let look_back = |world: &World| {
            let mut last = 0;
            for _ in 0..3 {
                let bucket = world.read(&mut last);
                pause();
                match world.store.at(bucket.generation()) {
                    Some(again) => assert!(again == bucket),
                    None => assert!(world.store.generation().get() > last + KEEP, "it is kept"),
                }
            }
        };
        together(vec![
            work(&world, write),
            work(&world, write),
            work(&world, roll_back),
            work(&world, roll_back),
            work(&world, look_back),
            work(&world, look_through_reader),
        ]);
        world.settle();
        world.vanish();
    });
}

#[test]
fn what_outlives_the_store_is_freed_once() {
    explore(|| {
        let world = World::new(|builder| builder);
        let mint = world.mint;
        world.write();
        let old = world.store.read();
        world.write();
        let mut all: Vec<Work> = Vec::new();
        let (bucket, entry, walk) = (old.clone(), old.entry(&mint.token(3)), world.store.read().into_iter());
        let (mut reader, watch) = (world.store.reader(), world.store.watch());
        let wanted = old.len();
        all.push(Box::new(move || {
            pause();
            assert_eq!(bucket.iter().inspect(|(key, _)| assert!(key.number() < 100)).count(), wanted);
        }));
        all.push(Box::new(move || {
            pause();
            assert!(entry.is_none_or(|entry| entry.number() < 2_000_000));
        }));
        all.push(Box::new(move || walk.for_each(|(key, _)| assert!(key.number() < 100))));
        // Enters while the store is being dropped.
        all.push(Box::new(move || {
            reader.release();
            assert!(reader.read().iter().all(|(key, value)| key.number() < 2_000_000 && value.number() < 2_000_000));
        }));
        all.push(work(&world, World::write));
        all.push(work(&world, |world| drop(world.store.reader())));
        all.push(Box::new(move || drop(watch)));
        all.push(Box::new(move || drop((old, world))));
        together(all);
        assert_eq!(mint.left(), 0);
    });
}

#[test]
fn readers_come_and_read_while_a_writer_has_the_turn_and_others_wait() {
    explore(|| {
        let world = World::new(|builder| builder);
        let readers = Arc::new(shuttle::sync::Barrier::new(4));
        let mut all: Vec<_> = (0..2).map(|_| work(&world, World::write)).collect();
        for _ in 0..3 {
            let readers = Arc::clone(&readers);
            all.push(work(&world, move |world| {
                look(world);
                look_through_reader(world);
                readers.wait();
            }));
        }
        all.push(work(&world, move |world| {
            let mut write = world.store.write();
            write.clear();
            // If a reader waited for this write bucket, all would wait for ever.
            readers.wait();
            assert!(world.store.try_write().is_none());
            write.discard();
        }));
        together(all);
        world.end();
    });
}

/// Notes whether publishes are told one at a time and in order. The store catches its panics, so it counts instead.
#[derive(Default)]
struct InOrder {
    /// The last generation told.
    last: AtomicUsize,
    /// How often it was not the next one, or another was told meanwhile.
    wrong: AtomicUsize,
}

impl Observer for InOrder {
    fn published(&self, event: &Published) {
        let last = self.last.load(Ordering::Relaxed);
        pause();
        let next = usize::try_from(event.generation.get()).expect("a small number");
        if next != last + 1 || self.last.swap(next, Ordering::Relaxed) != last {
            self.wrong.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn publishes_are_told_in_order_and_long_pins_once_each() {
    explore(|| {
        let (told, long) = (Arc::new(InOrder::default()), Arc::new(AtomicUsize::new(0)));
        let reports = Arc::clone(&long);
        let world = World::new(|builder| {
            let builder = builder.observer(Arc::clone(&told));
            builder.on_long_pin(Duration::ZERO, move |_| {
                reports.fetch_add(1, Ordering::Relaxed);
            })
        });
        let hold = |world: &World| {
            for _ in 0..3 {
                let bucket = world.store.read();
                pause();
                assert!(world.store.pins().iter().any(|pin| pin.generation() == bucket.generation()));
                world.check(&bucket);
            }
        };
        together(vec![work(&world, write), work(&world, write), work(&world, hold), work(&world, hold)]);
        assert_eq!(told.last.load(Ordering::Relaxed) as u64, world.store.generation().get());
        assert_eq!(told.wrong.load(Ordering::Relaxed), 0);
        assert!(long.load(Ordering::Relaxed) <= 6, "one report at most for each read bucket taken");
        world.vanish();
    });
}

#[test]
fn short_histories_of_any_operations_can_be_put_in_a_row() {
    explore(|| {
        let (store, clock) = (SmallStore::default(), Arc::new(Clock::default()));
        let threads = [0, 1, 2, 3].map(|_| {
            let (store, clock) = (store.clone(), Arc::clone(&clock));
            thread::spawn(move || {
                let mut reader = store.reader();
                let operate =
                    |turn| clock.note(draw(thread_rng().r#gen()), |op| perform(&store, &mut reader, op, turn % 2 == 0));
                (0..3).map(operate).collect::<Vec<Done>>()
            })
        });
        let history = threads.map(|thread| thread.join().expect("no operation panics"));
        assert!(is_linearizable(&history), "{history:#?}");
    });
}
