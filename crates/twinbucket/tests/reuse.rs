//! Addresses that are used again: of a version that was filled anew, and of a store made where another one was.
//!
//! Whoever compares addresses may take a new thing for an old one (arc-swap's issue 210 was of that kind).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use twinbucket::Store;

#[test]
fn reader_sees_a_version_that_is_where_an_older_one_was() {
    let store = Store::from([(0, 0)]);
    let mut readers = [store.reader(), store.reader(), store.reader()];
    for round in 1..2_000 {
        store.insert(0, round);
        for (reader, number) in readers.iter_mut().zip(1..) {
            // One looks at each version, the others skip some; each lets go, so that versions are filled again.
            if round % number == 0 {
                assert_eq!(reader.get(&0), Some(&round));
                if round % 3 != 0 {
                    reader.release();
                }
            }
        }
    }
}

#[test]
fn reader_that_holds_its_version_sees_all_newer_ones_in_whatever_place() {
    let store = Store::from([(0, 0)]);
    let mut reader = store.reader();
    for round in 1..500 {
        let held = reader.read().clone();
        for step in 1..=round % 7 + 1 {
            store.insert(0, 10 * round + step);
        }
        assert_eq!(reader.get(&0), Some(&(10 * round + round % 7 + 1)));
        assert!(reader.read().generation() > held.generation());
    }
}

#[test]
fn stores_that_come_and_go_in_the_same_place_are_not_mixed_up() {
    let fresh = |number: u64| (number, Store::from([(0, number)]));
    let (current, over) = (Mutex::new(fresh(0)), AtomicBool::new(false));
    let get = || {
        let current = current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.0, current.1.clone())
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let (number, store) = get();
                    let mut reader = store.reader();
                    for _ in 0..4 {
                        let (read, cached, found) = (store.read()[&0], reader.get(&0).copied(), store.get(&0));
                        let seen = [Some(read), cached, found];
                        assert!(seen.iter().all(|seen| *seen == Some(number)), "store {number}: {seen:?}");
                    }
                }
            });
        }
        for number in 1..20_000 {
            let (old, store) =
                std::mem::replace(&mut *current.lock().unwrap_or_else(PoisonError::into_inner), fresh(number));
            // Published under the eyes of those who still have it, then dropped, perhaps by one of them.
            for other in 1..4 {
                store.insert(other, old);
            }
            drop(store);
        }
        over.store(true, Ordering::Relaxed);
    });
}
