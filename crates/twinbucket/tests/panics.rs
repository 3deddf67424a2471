//! Panics at the n-th `Clone`, `Hash`, `Eq` or `Drop`, for every n, in every operation that changes something.
//!
//! Each attempt starts from a fresh store. Afterwards the store equals the one before, or, where the operation had published
//! before it panicked, the one after; it works; and when all is gone, every key and value was dropped exactly once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use twinbucket::Store;

use crate::common::census::Census;
use crate::panicking::bench::{Bench, Setup, View, assert_same};
use crate::panicking::touchy::{FUSE, Fault, Injected};

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod census;
}

/// The parts of this test that stand alone.
mod panicking {
    pub(crate) mod bench;
    pub(crate) mod touchy;
}

/// Runs one operation with a panic at the n-th call of one kind of user code. Tells whether there was such a call.
///
/// `after` is what the operation leads to when nothing panics.
fn attempt(setup: Setup, operate: fn(&mut Bench), after: &View, (fault, n): (Fault, usize)) -> bool {
    let census = Census::open();
    let mut bench = Bench::new(census, setup);
    let (before, generation) = (bench.view(), bench.store.generation());

    FUSE.set(Some((fault, n)));
    let outcome = catch_unwind(AssertUnwindSafe(|| operate(&mut bench)));
    let fired = FUSE.take().is_none();
    let story = format!("panic in call {n} of {fault:?}");
    if let Err(panic) = outcome {
        assert!(panic.is::<Injected>(), "{story}: only the injected panic comes out");
        assert!(fired);
    }

    let view = bench.view();
    if fired && bench.store.generation() == generation {
        assert_same(&story, &view.published, &before.published);
        // A write that had been staged before it panicked stays staged, but whole.
        let staged = view.written == after.written;
        assert_same(&story, &view.written, if staged { &after.written } else { &before.written });
    } else {
        assert_same(&story, &view.published, &after.published);
        assert_same(&story, &view.written, &after.written);
    }
    bench.use_on();
    drop(bench);
    census.assert_settled(&story);
    fired
}

/// Runs one operation with a panic at every call of every kind of user code, on a store of so many entries.
fn survives(entries: u64, operate: fn(&mut Bench)) {
    survives_with(Setup::of(entries), operate);
}

/// As [`survives`], on a store of a certain kind.
fn survives_with(setup: Setup, operate: fn(&mut Bench)) {
    let mut bench = Bench::new(Census::open(), setup);
    operate(&mut bench);
    let after = bench.view();
    let mut calls = 0;
    for fault in [Fault::Clone, Fault::Hash, Fault::Eq, Fault::Drop] {
        calls += (1..).take_while(|&n| attempt(setup, operate, &after, (fault, n))).count();
    }
    assert!(calls > 0, "the operation runs user code");
}

#[test]
fn panic_in_insert_changes_nothing() {
    survives(600, |bench| {
        let mut write = bench.store.write();
        for key in [5, 17, 1_000, 1_001, 1_002] {
            write.insert(bench.touchy(key), bench.touchy(9));
        }
        write.publish();
    });
}

#[test]
fn panic_in_growth_changes_nothing() {
    survives(20, |bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(10..400, 9));
        write.publish();
    });
}

#[test]
fn panic_in_remove_changes_nothing() {
    survives(600, |bench| {
        let mut write = bench.store.write();
        for key in [5, 17, 300, 1_000] {
            write.remove(&bench.touchy(key));
        }
        write.publish();
    });
}

#[test]
fn panic_in_shrinking_changes_nothing() {
    survives(250, |bench| {
        let mut write = bench.store.write();
        for key in 10..240 {
            write.remove(&bench.touchy(key));
        }
        write.publish();
    });
}

#[test]
fn panic_in_modify_changes_nothing() {
    survives(600, |bench| {
        let mut write = bench.store.write();
        for key in [5, 17, 300, 1_000] {
            write.modify(&bench.touchy(key), |value| *value = bench.touchy(9));
        }
        write.publish();
    });
}

#[test]
fn panic_in_entry_changes_nothing() {
    survives(600, |bench| {
        let mut write = bench.store.write();
        for key in [5, 300, 1_000] {
            write.entry(bench.touchy(key)).or_insert(bench.touchy(9));
            drop(write.entry(bench.touchy(key + 1)).and_modify(|value| *value = bench.touchy(9)));
            write.entry(bench.touchy(key + 2)).or_insert_with(|| bench.touchy(9));
        }
        write.publish();
    });
}

#[test]
fn panic_in_retain_changes_nothing() {
    survives(250, |bench| {
        let mut write = bench.store.write();
        write.retain(|key, _| key.0.value % 5 == 0);
        write.publish();
    });
}

#[test]
fn panic_in_clear_changes_nothing() {
    survives(250, |bench| {
        let mut write = bench.store.write();
        write.clear();
        write.insert(bench.touchy(1), bench.touchy(1));
        write.publish();
    });
}

#[test]
fn panic_in_sync_changes_nothing() {
    survives(150, |bench| {
        let mut write = bench.store.write();
        write.sync(bench.entries(0..40, 0).chain(bench.entries(80..180, 1)));
        write.publish();
    });
}

#[test]
fn panic_in_replace_all_changes_nothing() {
    survives(150, |bench| {
        let mut write = bench.store.write();
        write.insert(bench.touchy(3), bench.touchy(3));
        write.replace_all(bench.entries(100..250, 1));
        write.publish();
    });
}

#[test]
fn panic_in_replace_all_of_the_store_changes_nothing() {
    survives(150, |bench| {
        bench.store.replace_all(bench.entries(100..250, 1));
    });
}

#[test]
fn panic_in_publish_is_before_or_after_it() {
    survives(600, |bench| {
        bench.pins.clear();
        bench.store.publish();
        bench.store.collect();
    });
}

#[test]
fn panic_on_the_way_to_stage_keeps_what_was_staged_before() {
    survives(600, |bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(590..640, 3));
        write.remove(&bench.touchy(1));
        write.stage();
    });
}

#[test]
fn panic_in_discard_changes_nothing() {
    survives(300, |bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(290..400, 3));
        write.remove(&bench.touchy(1));
        write.discard();
    });
}

#[test]
fn panic_in_dropping_a_write_bucket_changes_nothing() {
    survives(300, |bench| {
        let mut write = bench.store.write();
        write.retain(|key, _| key.0.value % 2 == 0);
        write.insert(bench.touchy(7), bench.touchy(7));
    });
}

#[test]
fn panic_in_rollback_changes_nothing() {
    survives_with(Setup { keep: 4, ..Setup::of(300) }, |bench| {
        bench.store.rollback(bench.origin).expect("the store keeps four generations");
    });
}

#[test]
fn panic_in_single_insert_changes_nothing() {
    survives(600, |bench| {
        bench.store.insert(bench.touchy(3), bench.touchy(9));
    });
}

#[test]
fn panic_in_single_remove_changes_nothing() {
    survives(600, |bench| {
        bench.store.remove(&bench.touchy(3));
    });
}

#[test]
fn panic_in_a_single_write_below_the_threshold_changes_nothing() {
    let setup = Setup { publish_every: 1_000, ..Setup::of(600) };
    survives_with(setup, |bench| drop(bench.store.insert(bench.touchy(3), bench.touchy(9))));
    survives_with(setup, |bench| drop(bench.store.insert(bench.touchy(3_000), bench.touchy(9))));
    survives_with(setup, |bench| drop(bench.store.remove(&bench.touchy(3))));
}

#[test]
fn panic_in_a_single_write_that_splits_or_merges_changes_nothing() {
    // Enough single writes to get past every size at which a leaf splits or merges, each one all or nothing by itself.
    let census = Census::open();
    let bench = Bench::new(census, Setup { publish_every: 1_000_000, ..Setup::of(20) });
    let mut expected = bench.view().written;
    let single = |key: u64, value: Option<u64>| match value {
        Some(value) => drop(bench.store.insert(bench.touchy(key), bench.touchy(value))),
        None => drop(bench.store.remove(&bench.touchy(key))),
    };
    let writes = (100..300).map(|key| (key, Some(key))).chain((100..300).map(|key| (key, None)));
    for (key, value) in writes {
        for fault in [Fault::Clone, Fault::Hash, Fault::Eq] {
            for n in [1, 2, 5, 20, 33, 40] {
                FUSE.set(Some((fault, n)));
                let outcome = catch_unwind(AssertUnwindSafe(|| single(key, value)));
                FUSE.set(None);
                if outcome.is_err() {
                    let story = format!("panic in call {n} of {fault:?} at key {key}");
                    assert_same(&story, &bench.view().written, &expected);
                    continue;
                }
                match value {
                    Some(value) => drop(expected.insert(key, value)),
                    None => drop(expected.remove(&key)),
                }
            }
        }
    }
    assert_same("in the end", &bench.view().written, &expected);
    drop(bench);
    census.assert_settled("single writes that panic");
}

#[test]
fn panic_in_collect_loses_nothing() {
    survives(300, |bench| {
        bench.put(0..50, 5);
        bench.pins.remove(1);
        bench.store.collect();
        bench.pins.clear();
        bench.store.collect();
    });
}

#[test]
fn panic_in_building_a_store_from_entries_loses_nothing() {
    survives(3, |bench| {
        let other: Store<_, _> = bench.entries(0..300, 0).chain(bench.entries(0..20, 1)).collect();
        assert_eq!(other.len(), 300);
    });
}

#[test]
fn panic_while_the_last_read_bucket_goes_loses_nothing() {
    survives(3, |bench| {
        let other: Store<_, _> = bench.entries(0..100, 0).collect();
        let pin = other.read();
        other.insert(bench.touchy(3), bench.touchy(9));
        let last = other.read();
        drop(other);
        drop(pin);
        drop(last);
    });
}

/// Runs an operation whose closure or iterator panics, and checks that the store stays as it was.
fn survives_closure(operate: impl FnOnce(&Bench)) {
    let census = Census::open();
    let bench = Bench::new(census, Setup::of(300));
    let before = bench.view();
    let outcome = catch_unwind(AssertUnwindSafe(|| operate(&bench)));
    assert!(outcome.expect_err("the closure panics").is::<Injected>());
    let view = bench.view();
    assert_same("published", &view.published, &before.published);
    assert_same("staged", &view.written, &before.written);
    bench.use_on();
    drop(bench);
    census.assert_settled("a panic in a closure");
}

/// Panics as user code does.
fn panic_now() -> ! {
    resume_unwind(Box::new(Injected))
}

#[test]
fn panic_in_the_closure_of_modify_changes_nothing() {
    survives_closure(|bench| {
        let mut write = bench.store.write();
        write.modify(&bench.touchy(3), |value| {
            *value = bench.touchy(9);
            panic_now()
        });
    });
}

#[test]
fn panic_in_the_closure_of_retain_changes_nothing() {
    survives_closure(|bench| {
        let mut seen = 0;
        bench.store.write().retain(|key, _| {
            seen += 1;
            if seen == 200 { panic_now() } else { key.0.value % 2 == 0 }
        });
    });
}

#[test]
fn panic_in_the_closure_of_and_modify_changes_nothing() {
    survives_closure(|bench| {
        bench.store.write().entry(bench.touchy(3)).and_modify(|_| panic_now()).or_insert(bench.touchy(9));
    });
}

#[test]
fn panic_in_the_closure_of_or_insert_with_changes_nothing() {
    survives_closure(|bench| {
        bench.store.write().entry(bench.touchy(5_000)).or_insert_with(|| panic_now());
    });
}

#[test]
fn panic_in_an_iterator_given_to_extend_changes_nothing() {
    survives_closure(|bench| {
        let entries = bench.entries(200..400, 1).inspect(|(key, _)| {
            if key.0.value == 399 {
                panic_now()
            }
        });
        bench.store.write().extend(entries);
    });
}

#[test]
fn panic_in_an_iterator_given_to_sync_changes_nothing() {
    survives_closure(|bench| {
        let entries = bench.entries(200..400, 1).inspect(|(key, _)| {
            if key.0.value == 399 {
                panic_now()
            }
        });
        bench.store.write().sync(entries);
    });
}

#[test]
fn panic_in_an_iterator_given_to_replace_all_changes_nothing() {
    survives_closure(|bench| {
        let entries = bench.entries(200..400, 1).inspect(|(key, _)| {
            if key.0.value == 399 {
                panic_now()
            }
        });
        bench.store.replace_all(entries);
    });
}

#[test]
fn panic_between_writes_changes_nothing() {
    survives_closure(|bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(200..400, 1));
        panic_now()
    });
}
