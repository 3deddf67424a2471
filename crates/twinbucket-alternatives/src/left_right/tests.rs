//! What is this design's own: the two sides, batches, readers that hold writers up.

use std::cell::Cell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

/// How long a write is given that should have to wait.
const A_WHILE: Duration = Duration::from_millis(200);
/// How long a write is given that should not.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_slow_reader_lets_one_write_pass_and_holds_up_the_next() {
    let map = LeftRightMap::from([("a", 0)]);
    thread::scope(|scope| {
        let (wrote, written) = mpsc::channel();
        let (map, reader) = (&map, map.reader());
        let waiting = reader.get_with("a", |value| {
            scope.spawn(move || {
                for new in 1..=2 {
                    map.insert("a", new);
                    wrote.send(new).expect("the test waits for both");
                }
            });
            assert_eq!(written.recv_timeout(PATIENCE), Ok(1));
            assert_eq!(written.recv_timeout(A_WHILE), Err(mpsc::RecvTimeoutError::Timeout));
            assert_eq!(*value, 0);
            written
        });
        assert_eq!(waiting.expect("the key is there").recv_timeout(PATIENCE), Ok(2));
    });
    assert_eq!(map.get("a"), Some(2));
}

#[test]
fn lookups_inside_a_lookup_wait_for_nobody() {
    let map = LeftRightMap::from([("a", 1), ("b", 2)]);
    let sum = map.get_with("a", |a| map.get_with("b", |b| a + b));
    assert_eq!(sum, Some(Some(3)));
}

#[test]
fn dropped_batch_changes_nothing() {
    let map = LeftRightMap::from([("a", 1)]);
    let mut batch = map.write();
    batch.insert("b", 2);
    batch.remove("a");
    drop(batch);
    assert_eq!((map.get("a"), map.get("b"), map.len()), (Some(1), None, 1));
}

#[test]
fn later_changes_of_a_batch_win() {
    let map = LeftRightMap::from([("a", 1)]);
    let mut batch = map.write();
    batch.remove("a");
    batch.insert("a", 2);
    batch.insert("b", 3);
    batch.remove("b");
    batch.publish();
    assert_eq!((map.get("a"), map.get("b")), (Some(2), None));
    // And on the other side, too:
    map.insert("c", 4);
    assert_eq!((map.get("a"), map.get("b"), map.len()), (Some(2), None, 2));
}

#[test]
fn single_writes_return_what_a_batch_published() {
    let map = LeftRightMap::new();
    let mut batch = map.write();
    batch.extend([("a", 1), ("b", 2)]);
    batch.publish();
    assert_eq!((map.insert("a", 3), map.remove("b"), map.remove("b")), (Some(1), Some(2), None));
}

#[test]
fn handles_of_ended_threads_hold_up_nobody() {
    let map = LeftRightMap::from([("a", 0)]);
    for new in 1..=20 {
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(map.get("a"), Some(new - 1)));
        });
        assert_eq!(map.insert("a", new), Some(new - 1));
    }
}

#[test]
fn handles_of_ended_threads_are_used_again() {
    let mut map = LeftRightMap::from([("a", 0)]);
    for _ in 0..500 {
        thread::scope(|scope| scope.spawn(|| map.get("a")).join().expect("lookups do not panic"));
    }
    // As many as there were threads at the same time, with those of other tests.
    let handles = map.by_thread.iter_mut().count();
    assert!(handles < 100, "{handles} handles for one thread at a time");
}

thread_local! {
    /// Whether this thread's clones of [`Fragile`] panic.
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

/// A value whose clone panics on demand.
#[derive(Debug, PartialEq, Eq)]
struct Fragile(u64);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!PANICS.get(), "a clone was to panic");
        Self(self.0)
    }
}

#[test]
fn a_panic_in_a_publish_stops_writers_and_new_readers_but_not_known_ones() {
    let map = LeftRightMap::from([("a", Fragile(0))]);
    let reader = map.reader();
    assert_eq!(map.get("a"), Some(Fragile(0)));
    PANICS.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| map.insert("b", Fragile(1)))).is_err());
    PANICS.set(false);

    assert_eq!((map.get("a"), reader.get("a"), map.get("b")), (Some(Fragile(0)), Some(Fragile(0)), None));
    assert!(catch_unwind(AssertUnwindSafe(|| map.insert("c", Fragile(2)))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| map.remove("a"))).is_err());
    assert!(thread::scope(|scope| scope.spawn(|| map.get("a")).join()).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(reader))).is_err());
    // To drop it would abort.
    mem::forget(map);
}
