//! Panics at the n-th call of user code, for every n and every kind of user code, in every operation that runs any.
//!
//! Each test names the kinds of user code that its operation runs: it fails if one of them is never called, or another is.
//! Each attempt starts from a fresh store. Afterwards the store equals the one before, or, where the operation had published
//! before it panicked, the one after; it works; and when all is gone, every key and value was dropped exactly once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use twinbucket::{Entry, Store};

use crate::common::census::Census;
use crate::panicking::around::TouchyState;
use crate::panicking::bench::{Bench, Setup, View, assert_same};
use crate::panicking::touchy::Fault::{Build, Clone, Drop, Eq, Given, Hash, Observer};
use crate::panicking::touchy::{FUSE, Fault, Injected, Touchy, call};

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod census;
}

/// The parts of this test that stand alone.
mod panicking {
    pub(crate) mod around;
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
        assert_ne!(fault, Observer, "{story}: the store goes on");
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
///
/// `faults` are the kinds that the operation runs, in the order of [`Fault`].
fn survives(entries: u64, faults: &[Fault], operate: fn(&mut Bench)) {
    survives_with(Setup::of(entries), faults, operate);
}

/// As [`survives`], on a store of a certain kind.
fn survives_with(setup: Setup, faults: &[Fault], operate: fn(&mut Bench)) {
    let mut bench = Bench::new(Census::open(), setup);
    operate(&mut bench);
    let after = bench.view();
    let panics = |fault| (1..).take_while(|&n| attempt(setup, operate, &after, (fault, n))).count();
    let seen: Vec<_> = Fault::ALL.into_iter().filter(|&fault| panics(fault) > 0).collect();
    assert_eq!(seen, faults, "kinds of user code that the operation runs");
}

#[test]
fn panic_in_insert_changes_nothing() {
    survives(600, &[Clone, Hash, Eq, Drop, Build, Observer], |bench| {
        let mut write = bench.store.write();
        for key in [5, 17, 1_000, 1_001, 1_002] {
            write.insert(bench.touchy(key), bench.touchy(9));
        }
        write.publish();
    });
}

#[test]
fn panic_in_growth_changes_nothing() {
    survives(20, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(10..400, 9));
        write.publish();
    });
}

#[test]
fn panic_in_remove_changes_nothing() {
    survives(600, &[Clone, Hash, Eq, Drop, Build, Observer], |bench| {
        let mut write = bench.store.write();
        for key in [5, 17, 300, 1_000] {
            write.remove(&bench.touchy(key));
        }
        write.publish();
    });
}

#[test]
fn panic_in_shrinking_changes_nothing() {
    survives(250, &[Clone, Hash, Eq, Drop, Build, Observer], |bench| {
        let mut write = bench.store.write();
        for key in 10..240 {
            write.remove(&bench.touchy(key));
        }
        write.publish();
    });
}

#[test]
fn panic_in_modify_changes_nothing() {
    survives(600, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        for key in [5, 17, 300, 1_000] {
            write.modify(&bench.touchy(key), |value| {
                call(Given);
                *value = bench.touchy(9);
                call(Given);
            });
        }
        write.publish();
    });
}

#[test]
fn panic_in_entry_changes_nothing() {
    survives(600, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        for key in [5, 300, 1_000] {
            write.entry(bench.touchy(key)).or_insert(bench.touchy(9));
            drop(write.entry(bench.touchy(key + 1)).and_modify(|value| {
                *value = bench.touchy(9);
                call(Given);
            }));
            write.entry(bench.touchy(key + 2)).or_insert_with(|| {
                call(Given);
                bench.touchy(9)
            });
        }
        write.publish();
    });
}

#[test]
fn panic_in_retain_changes_nothing() {
    survives(250, &[Clone, Hash, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        write.retain(|key, _| {
            call(Given);
            key.0.value % 5 == 0
        });
        write.publish();
    });
}

#[test]
fn panic_in_clear_changes_nothing() {
    survives(250, &[Hash, Drop, Build, Observer], |bench| {
        let mut write = bench.store.write();
        write.clear();
        write.insert(bench.touchy(1), bench.touchy(1));
        write.publish();
    });
}

#[test]
fn panic_in_sync_changes_nothing() {
    survives(150, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        write.sync(bench.entries(0..40, 0).chain(bench.entries(80..180, 1)));
        write.publish();
    });
}

#[test]
fn panic_in_replace_all_changes_nothing() {
    survives(150, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        write.insert(bench.touchy(3), bench.touchy(3));
        write.replace_all(bench.entries(100..250, 1));
        write.publish();
    });
}

#[test]
fn panic_in_replace_all_of_the_store_changes_nothing() {
    survives(150, &[Hash, Eq, Drop, Build, Given, Observer], |bench| {
        bench.store.replace_all(bench.entries(100..250, 1));
    });
}

#[test]
fn panic_in_publish_is_before_or_after_it() {
    survives(600, &[Drop, Observer], |bench| {
        bench.pins.clear();
        bench.store.publish();
        bench.store.collect();
    });
}

#[test]
fn panic_on_the_way_to_stage_keeps_what_was_staged_before() {
    survives(600, &[Clone, Hash, Eq, Drop, Build, Given], |bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(590..640, 3));
        write.remove(&bench.touchy(1));
        write.stage();
    });
}

#[test]
fn panic_in_discard_changes_nothing() {
    survives(300, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(290..400, 3));
        write.remove(&bench.touchy(1));
        write.discard();
    });
}

#[test]
fn panic_in_dropping_a_write_bucket_changes_nothing() {
    survives(300, &[Clone, Hash, Drop, Build, Observer], |bench| {
        let mut write = bench.store.write();
        write.retain(|key, _| key.0.value % 2 == 0);
        write.insert(bench.touchy(7), bench.touchy(7));
    });
}

#[test]
fn panic_in_rollback_changes_nothing() {
    survives_with(Setup { keep: 4, ..Setup::of(300) }, &[Clone, Hash, Eq, Drop, Build, Observer], |bench| {
        bench.store.rollback(bench.origin).expect("the store keeps four generations");
    });
}

#[test]
fn panic_in_single_insert_changes_nothing() {
    survives(600, &[Clone, Hash, Eq, Drop, Build, Observer], |bench| {
        bench.store.insert(bench.touchy(3), bench.touchy(9));
    });
}

#[test]
fn panic_in_single_remove_changes_nothing() {
    survives(600, &[Clone, Hash, Eq, Drop, Build, Observer], |bench| {
        bench.store.remove(&bench.touchy(3));
    });
}

#[test]
fn panic_in_a_single_write_below_the_threshold_changes_nothing() {
    let setup = Setup { publish_every: 1_000, ..Setup::of(600) };
    survives_with(setup, &[Clone, Hash, Eq, Drop, Build], |bench| {
        drop(bench.store.insert(bench.touchy(3), bench.touchy(9)))
    });
    survives_with(setup, &[Clone, Hash, Build], |bench| drop(bench.store.insert(bench.touchy(3_000), bench.touchy(9))));
    survives_with(setup, &[Clone, Hash, Eq, Drop, Build], |bench| drop(bench.store.remove(&bench.touchy(3))));
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
    survives(300, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        bench.put(0..50, 5);
        bench.pins.remove(1);
        bench.store.collect();
        bench.pins.clear();
        bench.store.collect();
    });
}

#[test]
fn panic_in_building_a_store_from_entries_loses_nothing() {
    survives(3, &[Hash, Eq, Drop, Build, Given], |bench| {
        let other: Store<Touchy, Touchy, TouchyState> =
            bench.entries(0..300, 0).chain(bench.entries(0..20, 1)).collect();
        assert_eq!(other.len(), 300);
    });
}

#[test]
fn panic_while_the_last_read_bucket_goes_loses_nothing() {
    survives(3, &[Clone, Hash, Eq, Drop, Build, Given], |bench| {
        let other: Store<Touchy, Touchy, TouchyState> = bench.entries(0..100, 0).collect();
        let pin = other.read();
        other.insert(bench.touchy(3), bench.touchy(9));
        let last = other.read();
        drop(other);
        drop(pin);
        drop(last);
    });
}

#[test]
fn panic_in_an_entry_that_is_there_or_not_changes_nothing() {
    survives(300, &[Clone, Hash, Eq, Drop, Build, Observer], |bench| {
        let mut write = bench.store.write();
        for key in [3, 1_000, 5] {
            match write.entry(bench.touchy(key)) {
                Entry::Occupied(mut entry) if key == 3 => {
                    entry.insert(bench.touchy(9));
                    *entry.get_mut() = bench.touchy(10);
                }
                Entry::Occupied(entry) => drop(entry.remove()),
                Entry::Vacant(entry) => *entry.insert(bench.touchy(9)) = bench.touchy(10),
            }
        }
        if let Entry::Vacant(entry) = write.entry(bench.touchy(1_001)) {
            drop(entry.into_key());
        }
        write.publish();
    });
}

#[test]
fn panic_in_extending_the_store_changes_nothing() {
    survives(150, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let entries = bench.entries(140..160, 1);
        bench.store.extend(entries);
    });
}

#[test]
fn panic_in_looking_things_up_changes_nothing() {
    survives(150, &[Clone, Hash, Eq, Drop, Build], |bench| {
        let (bucket, older) = (bench.store.read(), &bench.pins[0]);
        let keys = [3, 4, 1_000].map(|key| bench.touchy(key));
        assert!(bucket.get(&keys[0]).is_some() && !bucket.contains_key(&keys[2]));
        assert_eq!(bucket.get_many(keys.each_ref()).iter().flatten().count(), 2);
        assert_eq!(bench.store.reader().get(&keys[1]), bucket.get(&keys[1]));
        assert!(bench.store.get(&keys[0]).is_some());
        drop(bucket.entry(&keys[0]));
        assert_eq!(bucket.diff(older).count(), 6);
        assert!(bucket != *older);
        assert_eq!(older.clone().into_iter().count(), 150);
        assert!(bench.store.write().contains_key(&keys[0]));
    });
}

#[test]
fn panic_in_dropping_a_store_with_staged_changes_loses_nothing() {
    survives(3, &[Clone, Hash, Eq, Drop, Build, Given], |bench| {
        let other = Store::builder().hasher(TouchyState).keep(2).build();
        for round in 0..4 {
            let mut write = other.write();
            write.extend(bench.entries(10 * round..10 * round + 30, round));
            if round == 3 {
                write.stage();
            } else {
                write.publish();
            }
        }
        drop(other);
    });
}

#[test]
fn panic_between_writes_changes_nothing() {
    survives(300, &[Clone, Hash, Eq, Drop, Build, Given, Observer], |bench| {
        let mut write = bench.store.write();
        write.extend(bench.entries(200..300, 1));
        call(Given);
        write.publish();
    });
}

#[test]
fn panic_in_dropping_the_key_of_a_staged_insert_changes_nothing() {
    let census = Census::open();
    let bench = Bench::new(census, Setup { publish_every: 1_000, ..Setup::of(100) });
    let before = bench.view();
    let (key, value) = (bench.touchy(3), bench.touchy(9));
    FUSE.set(Some((Drop, 1)));
    let outcome = catch_unwind(AssertUnwindSafe(|| bench.store.insert(key, value)));
    assert!(outcome.is_err() && FUSE.take().is_none(), "the key that was asked for is dropped first");
    assert_same("staged", &bench.view().written, &before.written);
    bench.use_on();
    drop((outcome, bench));
    census.assert_settled("a panicking destructor");
}
