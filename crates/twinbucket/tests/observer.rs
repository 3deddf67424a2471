//! What an observer is told, when, and what it may do.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use twinbucket::{Builder, Discarded, Freed, Observer, Pin, Published, Store};

use crate::common::eventually::eventually;

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod eventually;
}

/// Something that was told.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Told {
    Published(Published),
    Discarded(Discarded),
    PinnedTooLong(u64),
    Freed(Freed),
}

/// Writes down all that it is told.
#[derive(Default)]
struct Diary(Mutex<Vec<Told>>);

impl Diary {
    fn write(&self, told: Told) {
        self.0.lock().expect("no test panics here").push(told);
    }

    fn told(&self) -> Vec<Told> {
        self.0.lock().expect("no test panics here").clone()
    }

    fn publishes(&self) -> Vec<Published> {
        let published = |told| if let Told::Published(event) = told { Some(event) } else { None };
        self.told().into_iter().filter_map(published).collect()
    }

    fn generations(&self) -> Vec<u64> {
        self.publishes().iter().map(|event| event.generation.get()).collect()
    }

    fn discards(&self) -> Vec<Discarded> {
        let discarded = |told| if let Told::Discarded(event) = told { Some(event) } else { None };
        self.told().into_iter().filter_map(discarded).collect()
    }

    /// Leaves and bytes that were freed.
    fn frees(&self) -> (usize, usize) {
        let freed = |told| if let Told::Freed(event) = told { Some((event.leaves, event.bytes)) } else { None };
        self.told().into_iter().filter_map(freed).fold((0, 0), add)
    }
}

/// Adds leaves and bytes.
fn add(one: (usize, usize), other: (usize, usize)) -> (usize, usize) {
    (one.0 + other.0, one.1 + other.1)
}

impl Observer for Diary {
    fn published(&self, event: &Published) {
        self.write(Told::Published(*event));
    }

    fn discarded(&self, event: &Discarded) {
        self.write(Told::Discarded(*event));
    }

    fn pinned_too_long(&self, pin: &Pin) {
        self.write(Told::PinnedTooLong(pin.generation().get()));
    }

    fn freed(&self, event: &Freed) {
        self.write(Told::Freed(*event));
    }
}

/// Settings of a store that is observed, and what it is told.
fn observed<V>() -> (Builder<u64, V>, Arc<Diary>) {
    let diary = Arc::new(Diary::default());
    (Store::builder().observer(Arc::clone(&diary)), diary)
}

/// An observer that calls a closure at each publish.
struct AtPublish<F>(F);

impl<F: Fn(&Published) + Send + Sync> Observer for AtPublish<F> {
    fn published(&self, event: &Published) {
        (self.0)(event);
    }
}

/// Panics without a message on stderr.
fn panic_now() -> ! {
    resume_unwind(Box::new("injected"))
}

#[test]
fn each_publish_is_told_with_its_generation_and_size() {
    let (builder, diary) = observed();
    let store = builder.build();
    store.replace_all((0..5_000).map(|key| (key, key)));
    store.insert(1, 2);
    store.remove(&1);
    let events = diary.publishes();
    assert_eq!(diary.generations(), [1, 2, 3]);
    assert!(events.iter().map(|event| event.entries).eq([5_000, 5_000, 4_999]));
    assert_eq!(events[1].replaced_leaves, 1, "one leaf was copied");
    assert!(events[1].replaced_bytes > 16, "{events:?}");
    assert!(events.iter().all(|event| event.duration > Duration::ZERO), "{events:?}");
}

#[test]
fn what_publishes_nothing_is_not_told() {
    let (builder, diary) = observed::<u64>();
    let store = builder.publish_every(100).build();
    store.publish();
    store.write().publish();
    store.insert(1, 1);
    let mut write = store.write();
    write.insert(2, 2);
    write.stage();
    assert_eq!(diary.told(), []);
    store.publish();
    assert_eq!(diary.generations(), [1]);
}

#[test]
fn a_publish_is_told_when_it_is_visible_and_settled() {
    let store: Arc<OnceLock<Store<u64, u64>>> = Arc::default();
    /// A generation, what was read then, and the entries.
    type Seen = (u64, Option<u64>, usize);
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let observer = {
        let (store, seen) = (Arc::downgrade(&store), Arc::clone(&seen));
        AtPublish(move |event: &Published| {
            let store = store.upgrade().expect("the test keeps it");
            let store = store.get().expect("the store was built");
            let stats = store.stats();
            assert_eq!(stats.generation, event.generation);
            seen.lock().unwrap().push((event.generation.get(), store.get(&1), stats.retired_leaves));
        })
    };
    let store = store.get_or_init(|| Store::builder().observer(observer).build());
    store.insert(1, 10);
    let held = store.read();
    store.insert(1, 11);
    assert_eq!(*seen.lock().unwrap(), [(1, Some(10), 0), (2, Some(11), 1)]);
    drop(held);
}

#[test]
fn an_observer_may_write_to_the_store() {
    let store: Arc<OnceLock<Store<u64, u64>>> = Arc::default();
    let observer = {
        let store = Arc::downgrade(&store);
        AtPublish(move |event: &Published| {
            if event.generation.get() == 1 {
                store.upgrade().expect("the test keeps it").get().expect("the store was built").insert(2, 20);
            }
        })
    };
    let (builder, diary) = observed();
    let store = store.get_or_init(|| builder.observer(observer).build());
    store.insert(1, 10);
    assert_eq!((store.get(&2), store.generation().get()), (Some(20), 2));
    assert_eq!(diary.generations(), [1, 2]);
}

#[test]
fn a_panicking_observer_loses_no_publish_and_silences_no_other() {
    let (builder, diary) = observed();
    let told = Arc::new(AtomicUsize::new(0));
    let panicking = AtPublish(|_: &Published| panic_now());
    let counting = {
        let told = Arc::clone(&told);
        AtPublish(move |_: &Published| {
            told.fetch_add(1, Ordering::Relaxed);
        })
    };
    let store = builder.observer(panicking).observer(counting).build();
    store.insert(1, 1);
    let mut write = store.write();
    write.insert(2, 2);
    assert_eq!(write.publish().get(), 2);
    assert_eq!((store.get(&1), store.get(&2)), (Some(1), Some(2)));
    assert!(store.try_write().is_some(), "the turn is back");
    assert_eq!((diary.generations().len(), told.load(Ordering::Relaxed)), (2, 2));
}

/// A value that panics when it is dropped, once.
#[derive(Clone)]
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) == Ok(1) {
            panic_now();
        }
    }
}

#[test]
fn a_publish_whose_destructors_panic_is_told() {
    let (builder, diary) = observed();
    let store = builder.build();
    let fuse = Arc::new(AtomicUsize::new(0));
    store.insert(1, Bomb(Arc::clone(&fuse)));
    let mut write = store.write();
    write.modify(&1, |_| ());
    // The copy in the replaced leaf is the next to be dropped.
    fuse.store(1, Ordering::Relaxed);
    assert!(catch_unwind(AssertUnwindSafe(|| write.publish())).is_err(), "the destructor ran in the publish");
    assert_eq!(diary.generations(), [1, 2]);
    // The empty leaf of the new store, and the one that was replaced.
    assert_eq!(diary.frees().0, 2);
    assert!(diary.discards().is_empty(), "{:?}", diary.told());
}

#[test]
fn only_what_undoes_a_change_is_told_as_discarded() {
    let (builder, diary) = observed();
    let store = builder.build();
    store.insert(1, 1);
    store.write().discard();
    drop(store.write());
    assert!(diary.discards().is_empty());

    let mut write = store.write();
    write.insert(2, 2);
    write.discard();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut write = store.write();
        write.insert(3, 3);
        panic_now();
    }));
    assert!(panicked.is_err());
    let events = diary.discards();
    assert!(events.iter().map(|event| (event.generation.get(), event.leaves)).eq([(1, 1), (1, 1)]), "{events:?}");
    assert_eq!(store.len(), 1);
}

#[test]
fn all_that_was_replaced_is_told_as_freed_or_is_still_retired() {
    let (builder, diary) = observed();
    let store = builder.build();
    store.replace_all((0..20_000).map(|key| (key, key)));
    let mut pins = Vec::new();
    for round in 0..300_u64 {
        let mut write = store.write();
        write.extend((0..round % 7).map(|n| (n * 2_741 % 20_000, round)));
        if round % 3 == 1 {
            // The next write copies what is staged here: copies that nobody ever saw, freed with the publish.
            write.stage();
            write = store.write();
            write.extend((0..round % 7).map(|n| (n * 2_741 % 20_000, round + 1)));
        }
        if round % 5 == 0 {
            write.discard()
        } else {
            write.publish();
        };
        match round % 11 {
            0 => pins.push(store.read()),
            5 => pins.truncate(2),
            7 => store.collect(),
            _ => {}
        }
        let publishes = diary.publishes().into_iter();
        let replaced = publishes.map(|event| (event.replaced_leaves, event.replaced_bytes)).fold((0, 0), add);
        let (stats, freed) = (store.stats(), diary.frees());
        assert_eq!(replaced, (freed.0 + stats.retired_leaves, freed.1 + stats.retired_bytes), "round {round}");
    }
    assert!(store.stats().retired_leaves > 0, "something is held");
    pins.clear();
    store.collect();
    assert_eq!(store.stats().retired_leaves, 0);
}

#[test]
fn events_come_in_the_order_of_the_generations() {
    let (builder, diary) = observed();
    let store = builder.build();
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || (0..250).for_each(|n| assert_eq!(store.insert(writer, n).is_none(), n == 0)));
        }
    });
    assert_eq!(diary.generations(), (1..=1_000).collect::<Vec<_>>());
}

#[test]
fn long_pins_are_told_after_the_report_even_if_that_panics() {
    let (builder, diary) = observed();
    let store = builder.on_long_pin(Duration::from_millis(1), |_| panic_now()).build();
    store.insert(1, 1);
    let held = store.read();
    eventually("the pin is told", || diary.told().contains(&Told::PinnedTooLong(1)));
    drop(held);
}

#[test]
fn a_publish_in_time_is_told_from_the_stores_own_thread() {
    let (builder, diary) = observed();
    let threads: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let observer = {
        let threads = Arc::clone(&threads);
        AtPublish(move |_: &Published| threads.lock().unwrap().push(thread::current().name().map(str::to_owned)))
    };
    let store = builder.publish_every(100).publish_within(Duration::from_millis(1)).observer(observer).build();
    store.insert(1, 1);
    eventually("the publish is told", || diary.generations() == [1]);
    eventually("by that thread", || *threads.lock().unwrap() == [Some("twinbucket".to_owned())]);
}
