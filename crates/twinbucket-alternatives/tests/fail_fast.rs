//! The teaching map: it is a correct map on one thread, grows step by step as Go's did, and reports every overlap.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::thread;

use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;
use twinbucket_alternatives::{ConcurrentIteration, ConcurrentWrite, FailFastMap};

#[path = "common/weak.rs"]
mod weak;

use weak::{Constant, Identity};

/// A map in which one sees where the keys are.
type Plain<V = u32> = FailFastMap<u32, V, BuildHasherDefault<Identity>>;

/// A map of the keys from 0 to `end`.
fn filled(end: u32) -> Plain {
    (0..end).map(|key| (key, key)).collect()
}

/// The keys of an unchecked walk from here on.
fn rest(walk: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    walk.map(|(key, _)| key).collect()
}

/// One step against the model.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Inserts this key and value.
    Insert(u32, u32),
    /// Removes this key.
    Remove(u32),
    /// Changes the value of this key.
    Update(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..300_u32, any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => (0..300_u32).prop_map(Step::Remove),
        1 => (0..300_u32).prop_map(Step::Update),
    ]
}

/// Replays steps on the map and on a plain one; both must always agree, also on a walk.
fn replay<H: Hasher + Default>(steps: &[Step]) -> Result<(), ConcurrentWrite> {
    let map = FailFastMap::with_hasher(BuildHasherDefault::<H>::new());
    let mut model = HashMap::new();
    for &step in steps {
        match step {
            Step::Insert(key, value) => assert_eq!(map.insert(key, value)?, model.insert(key, value)),
            Step::Remove(key) => assert_eq!(map.remove(&key)?, model.remove(&key)),
            Step::Update(key) => {
                let change = |value: &mut u32| std::mem::replace(value, 1);
                assert_eq!(map.update(&key, change)?, model.get_mut(&key).map(change));
            }
        }
        assert_eq!(map.len()?, model.len());
        let mut seen = HashMap::new();
        for entry in map.iter() {
            let (key, value) = entry.expect("nobody writes");
            assert_eq!(seen.insert(key, value), None, "{key} came twice");
        }
        assert_eq!(seen, model);
        assert!(map.walk_unchecked().eq(map.iter().flatten()), "on a map at rest, both walks are the same");
    }
    for key in 0..300 {
        assert_eq!(map.get(&key)?, model.get(&key).copied());
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 40, failure_persistence: None, ..Config::default() })]

    #[test]
    fn on_one_thread_it_agrees_with_the_model_at_each_step_of_growth(steps in proptest::collection::vec(step(), 1..400)) {
        replay::<DefaultHasher>(&steps).expect("nobody else is there");
        replay::<Identity>(&steps).expect("nobody else is there");
        replay::<Constant>(&steps).expect("nobody else is there");
    }
}

#[test]
fn the_array_doubles_above_six_and_a_half_entries_per_bucket() -> Result<(), ConcurrentWrite> {
    let map = Plain::default();
    for key in 0..1_000_u32 {
        map.insert(key, key)?;
        let buckets = map.layout()?.buckets;
        let expected = if key < 8 { 1 } else { (f64::from(key + 1) / 6.5).ceil() as usize };
        assert_eq!(buckets, expected.next_power_of_two(), "{} entries", key + 1);
    }
    Ok(())
}

#[test]
fn growth_goes_on_by_two_old_buckets_per_write_and_none_per_read() -> Result<(), ConcurrentWrite> {
    let map = filled(52);
    assert_eq!((map.layout()?.buckets, map.layout()?.old_buckets), (8, 0));

    // Key 52 belongs to bucket 4; bucket 0 is the first in order.
    map.insert(52, 52)?;
    assert_eq!((map.layout()?.buckets, map.layout()?.old_buckets), (16, 6));
    assert!((0..=52).all(|key| map.get(&key) == Ok(Some(key))));
    assert_eq!(map.layout()?.old_buckets, 6);

    // Key 4's bucket is moved already, so that only the next in order is; then key 7's and the one after.
    map.insert(4, 0)?;
    assert_eq!(map.layout()?.old_buckets, 5);
    map.remove(&7)?;
    assert_eq!(map.layout()?.old_buckets, 3);
    map.insert(3, 0)?;
    map.insert(5, 0)?;
    assert_eq!((map.layout()?.buckets, map.layout()?.old_buckets), (16, 0));
    Ok(())
}

#[test]
fn overflow_buckets_are_counted_through_growth() -> Result<(), ConcurrentWrite> {
    let map = Plain::default();
    for entries in 1..200_u32 {
        map.insert(entries * 1_024, 0)?; // all in bucket 0, which moves with the first write of each growth
        assert_eq!(map.layout()?.overflow, entries.div_ceil(8) as usize - 1, "{entries} entries");
    }
    Ok(())
}

#[test]
fn an_emptied_slot_is_used_again() -> Result<(), ConcurrentWrite> {
    let map = filled(8);
    map.remove(&3)?;
    map.insert(8, 8)?;
    assert_eq!((map.layout()?.buckets, map.layout()?.overflow), (1, 0));
    assert_eq!(rest(map.walk_unchecked()), [0, 1, 2, 8, 4, 5, 6, 7]);
    Ok(())
}

#[test]
fn an_array_with_many_overflow_buckets_is_made_anew_in_its_size() -> Result<(), ConcurrentWrite> {
    let map = filled(52);
    for key in 0..52 {
        map.remove(&key)?;
    }
    // Nine keys in each of the 8 buckets take an overflow bucket; eight of them go again.
    for bucket in 0..8 {
        for key in 0..9 {
            map.insert(bucket + 8 * key, 0)?;
        }
        for key in 0..8 {
            map.remove(&(bucket + 8 * key))?;
        }
    }
    assert_eq!((map.layout()?.buckets, map.layout()?.overflow), (8, 8));
    for key in 0..10 {
        map.insert(key, 0)?;
    }
    let layout = map.layout()?;
    assert_eq!((layout.buckets, layout.overflow, layout.old_buckets), (8, 0, 0));
    assert_eq!(map.len()?, 18);
    Ok(())
}

#[test]
fn everything_that_meets_a_write_on_another_thread_fails_and_changes_nothing() -> Result<(), ConcurrentWrite> {
    let map = filled(10);
    let mut iter = map.iter();
    assert!(matches!(iter.next(), Some(Ok(_))));
    let (begun, done) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            map.update(&3, |value| {
                begun.wait();
                done.wait();
                *value = 33;
            })
        });
        begun.wait();
        assert_eq!(map.get(&1), Err(ConcurrentWrite));
        assert_eq!(map.len(), Err(ConcurrentWrite));
        assert_eq!(map.layout(), Err(ConcurrentWrite));
        assert_eq!(map.insert(10, 10), Err(ConcurrentWrite));
        assert_eq!(map.remove(&1), Err(ConcurrentWrite));
        assert_eq!(map.update(&1, |_| unreachable!("it must not run")), Err::<Option<()>, _>(ConcurrentWrite));
        assert_eq!(iter.next(), Some(Err(ConcurrentIteration)));
        assert_eq!(iter.next(), None);
        let begun_meanwhile: Vec<_> = map.iter().collect();
        assert_eq!(begun_meanwhile, [Err(ConcurrentIteration)]);
        assert_eq!(format!("{map:?}"), "FailFastMap { layout: Err(ConcurrentWrite), .. }");
        done.wait();
        assert_eq!(writer.join().expect("it does not panic"), Ok(Some(())));
    });
    assert_eq!((map.len()?, map.get(&1)?, map.get(&3)?, map.get(&10)?), (10, Some(1), Some(33), None));
    Ok(())
}

#[test]
fn a_write_that_meets_a_read_fails_and_another_read_does_not() -> Result<(), ConcurrentWrite> {
    /// A value whose clone takes as long as the other thread wants.
    struct Slow(Arc<(Barrier, Barrier)>);
    impl Clone for Slow {
        fn clone(&self) -> Self {
            self.0.0.wait();
            self.0.1.wait();
            Self(self.0.clone())
        }
    }

    let barriers = Arc::new((Barrier::new(2), Barrier::new(2)));
    let map = Plain::default();
    map.insert(1, Slow(barriers.clone()))?;
    thread::scope(|scope| {
        let reader = scope.spawn(|| map.get(&1).map(|value| value.is_some()));
        barriers.0.wait();
        assert_eq!(map.insert(2, Slow(barriers.clone())).map(|_| ()), Err(ConcurrentWrite));
        assert_eq!(map.len(), Ok(1));
        barriers.1.wait();
        assert_eq!(reader.join().expect("it does not panic"), Ok(true));
    });
    Ok(())
}

#[test]
fn threads_that_write_at_once_lose_nothing_that_was_not_refused() {
    let map: FailFastMap<u32, u32> = FailFastMap::new();
    let inserted: usize = thread::scope(|scope| {
        let insert = |from: u32| (from..from + 20_000).filter(|&key| map.insert(key, key).is_ok()).count();
        let writers: Vec<_> = (0..4).map(|thread| scope.spawn(move || insert(thread * 20_000))).collect();
        writers.into_iter().map(|writer| writer.join().expect("it does not panic")).sum()
    });
    assert!(inserted > 0);
    assert_eq!(map.len(), Ok(inserted));
    assert_eq!(map.iter().filter(Result::is_ok).count(), inserted);
}

#[test]
fn an_iterator_fails_after_any_change_and_is_over() -> Result<(), ConcurrentWrite> {
    type Change = fn(&Plain) -> Result<(), ConcurrentWrite>;
    let changes: [Change; 4] = [
        |map| map.insert(100, 0).map(drop),
        |map| map.insert(1, 0).map(drop),
        |map| map.remove(&1).map(drop),
        |map| map.update(&1, |_| ()).map(drop),
    ];
    for change in changes {
        let map = filled(10);
        let mut iter = map.iter();
        assert_eq!(iter.by_ref().take(3).filter(Result::is_ok).count(), 3);
        change(&map)?;
        assert_eq!(iter.next(), Some(Err(ConcurrentIteration)));
        assert_eq!(iter.next(), None);
    }
    Ok(())
}

#[test]
fn an_iterator_goes_on_after_reads_and_writes_that_changed_nothing() -> Result<(), ConcurrentWrite> {
    let map = filled(52);
    map.insert(52, 52)?; // so that it is growing
    let mut iter = map.iter();
    assert!(matches!(iter.next(), Some(Ok(_))));
    map.get(&1)?;
    map.remove(&100)?;
    map.update(&100, |_| ())?;
    assert_eq!(iter.filter(Result::is_ok).count(), 52);
    Ok(())
}

#[test]
fn an_unchecked_walk_repeats_entries_that_growth_moves_ahead_of_it() -> Result<(), ConcurrentWrite> {
    let map = filled(52);
    let mut walk = map.walk_unchecked();
    let before = rest(walk.by_ref().take(7));
    assert_eq!(before, [0, 8, 16, 24, 32, 40, 48]); // bucket 0
    map.insert(52, 52)?;

    // Bucket 0 of 8 is now buckets 0 and 8 of 16.
    let after = rest(walk);
    let repeated: Vec<_> = after.iter().filter(|key| before.contains(key)).collect();
    assert_eq!(repeated, [&8, &24, &40]);
    assert_eq!(before.iter().chain(&after).collect::<HashSet<_>>().len(), 53);
    Ok(())
}

#[test]
fn an_unchecked_walk_skips_entries_that_growth_moves_behind_it() -> Result<(), ConcurrentWrite> {
    let map = filled(52);
    let mut walk = map.walk_unchecked();
    let before = rest(walk.by_ref().take(4));
    assert_eq!(before, [0, 8, 16, 24]); // half of bucket 0
    map.insert(52, 52)?;

    // Of 0, 16, 32 and 48, which stay in bucket 0, the last two now lie in the slots that the walk has passed.
    let after = rest(walk);
    let skipped: Vec<_> = (0..=52).filter(|key| !before.contains(key) && !after.contains(key)).collect();
    assert_eq!(skipped, [32, 48]);
    Ok(())
}

#[test]
fn a_panic_during_a_write_ends_the_write() -> Result<(), ConcurrentWrite> {
    let map = filled(10);
    let panicked = catch_unwind(AssertUnwindSafe(|| map.update(&1, |_| panic!("in the middle of a write"))));
    assert!(panicked.is_err());
    assert_eq!(map.insert(1, 11)?, Some(1));
    Ok(())
}

#[test]
fn every_value_is_dropped_once() -> Result<(), ConcurrentWrite> {
    let value = Arc::new(());
    let map: Plain<Arc<()>> = (0..53).map(|key| (key, value.clone())).collect();
    assert_ne!(map.layout()?.old_buckets, 0);
    map.remove(&1)?;
    map.insert(2, value.clone())?;
    assert_eq!(Arc::strong_count(&value), 53);
    drop(map);
    assert_eq!(Arc::strong_count(&value), 1);
    Ok(())
}

#[test]
fn errors_say_what_met_what() {
    assert_eq!(ConcurrentWrite.to_string(), "two operations on the map overlap, and one of them writes");
    assert_eq!(ConcurrentIteration.to_string(), "the map was written to during the iteration");
}
