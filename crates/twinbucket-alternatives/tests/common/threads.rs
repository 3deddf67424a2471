//! What several threads may rely on, whatever the design.

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use twinbucket_alternatives::ConcurrentMap;

use crate::content::sorted;
use crate::design::Design;
use crate::hashing::Hashing;

pub(crate) fn threads_with_keys_of_their_own_lose_nothing<D: Design>() {
    let map = D::make(Hashing::default());
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let map = &map;
            scope.spawn(move || {
                for key in (0..2000).map(|n| n * 4 + thread) {
                    assert_eq!(map.insert(key, 0), None);
                    assert_eq!(map.insert(key, key), Some(0));
                    assert_eq!(map.get(&key), Some(key));
                }
                for key in (0..2000).map(|n| n * 4 + thread).step_by(2) {
                    assert_eq!(map.remove(&key), Some(key));
                }
            });
        }
    });
    let expected = (0..8000).filter(|key| key / 4 % 2 == 1).map(|key| (key, key));
    assert_eq!(sorted(&map), Vec::from_iter(expected));
}

pub(crate) fn every_value_is_taken_out_once<D: Design>() {
    let map = D::make(Hashing::default());
    let taken = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (map, taken) = (&map, &taken);
            scope.spawn(move || {
                for value in (0..3000).map(|n| n * 4 + thread) {
                    let out = if value % 3 == 0 { map.remove(&0) } else { map.insert(0, value) };
                    taken.fetch_add(out.unwrap_or(0), Ordering::Relaxed);
                }
            });
        }
    });
    let put_in: u64 = (0..12_000).filter(|value| value % 3 != 0).sum();
    assert_eq!(taken.into_inner() + map.get(&0).unwrap_or(0), put_in);
}

pub(crate) fn lookups_see_every_write_that_returned_before<D: Design>() {
    const LAST: u64 = 5000;
    let map = D::make(Hashing::default());
    let returned = AtomicU64::new(0);
    map.insert(0, 0);
    let write = || {
        for value in 1..=LAST {
            map.insert(0, value);
            // Others come and go, so that tables grow and are made anew.
            map.insert(LAST + value, value);
            map.remove(&(LAST + value / 2));
            // Release: pairs with the Acquire of the readers, who may see no older value from then on.
            returned.store(value, Ordering::Release);
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut newest = 0;
                while newest < LAST {
                    let at_least = returned.load(Ordering::Acquire);
                    let seen = map.get(&0).filter(|&value| value >= at_least.max(newest));
                    newest = seen.unwrap_or_else(|| panic!("older than {at_least} or {newest}, or gone"));
                }
            });
        }
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(write)) {
            // Lets the readers end, as nothing is that new.
            returned.store(u64::MAX, Ordering::Release);
            panic::resume_unwind(panic);
        }
    });
}

pub(crate) fn walks_see_what_stays_exactly_once<D: Design>() {
    const STABLE: u64 = 200;
    let map = D::make(Hashing::default());
    (0..STABLE).for_each(|key| assert_eq!(map.insert(key, 0), None));
    while_changing(
        |round| {
            // Enough come and go for tables to grow and shrink; of those that stay, some change.
            let extra = STABLE + round % 50 * 20..STABLE + round % 50 * 20 + 20;
            extra.clone().for_each(|key| assert_eq!(map.insert(key, round), None));
            map.insert(round % STABLE, round);
            extra.for_each(|key| assert_eq!(map.remove(&key), Some(round)));
        },
        || {
            let mut visits = HashMap::new();
            map.for_each(|&key, _| *visits.entry(key).or_insert(0) += 1);
            for key in 0..STABLE {
                assert_eq!(visits.get(&key), Some(&1), "visits of key {key}");
            }
        },
    );
}

/// Calls `change` with rising numbers on one thread and `walk` on another, until both have been called often.
pub(crate) fn while_changing(change: impl Fn(u64) + Sync, walk: impl Fn() + Sync) {
    const OFTEN: u64 = 300;
    let (changes, walks) = (AtomicU64::new(0), AtomicU64::new(0));
    let enough = || changes.load(Ordering::Relaxed).min(walks.load(Ordering::Relaxed)) >= OFTEN;
    let repeat = |done: &AtomicU64, act: &(dyn Fn(u64) + Sync)| {
        let acting = panic::catch_unwind(AssertUnwindSafe(|| {
            while !enough() {
                act(done.load(Ordering::Relaxed) + 1);
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
        if let Err(panic) = acting {
            // Lets the other thread end.
            changes.store(OFTEN, Ordering::Relaxed);
            walks.store(OFTEN, Ordering::Relaxed);
            panic::resume_unwind(panic);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| repeat(&changes, &change));
        repeat(&walks, &|_| walk());
    });
}
