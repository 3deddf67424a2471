//! Operations on a single key take effect at one moment between call and return, in all designs.
//!
//! Several threads work on a few keys and note what each operation returned and when it was under way. Each key's history is
//! then checked: some order must explain it. An insert returns the value before and no value is inserted twice, so that
//! there is little an order could hide.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use twinbucket_alternatives::ConcurrentMap;

#[path = "common/design.rs"]
mod design;
#[path = "../../twinbucket/tests/common/hashing.rs"]
mod hashing;
#[path = "common/linearizability.rs"]
mod linearizability;

use design::Design;
use hashing::Hashing;
use linearizability::{Event, NotLinearizable, Operation, check};

use Operation::{Get, Insert, Remove};

/// Threads that work at the same time.
const THREADS: u64 = 4;
/// Keys that they work on.
const KEYS: u64 = 3;

/// A source of moments.
#[derive(Default)]
struct Clock {
    /// The next moment.
    next: AtomicU64,
}

impl Clock {
    /// Returns a moment later than all that were returned before.
    fn tick(&self) -> u64 {
        // SeqCst: moments are to be in the order that an observer of all threads would see.
        self.next.fetch_add(1, Ordering::SeqCst)
    }
}

/// A generator of choices (xorshift), so that a failure can be repeated as far as threads allow.
struct Choices(u64);

impl Choices {
    /// Chooses a number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) % end
    }
}

/// What one thread did to each key.
type Record = Vec<Vec<Event>>;

/// Lets one thread work on the map for so many operations.
fn work(map: &impl ConcurrentMap<u64, u64>, clock: &Clock, thread: u64, seed: u64, operations: u64) -> Record {
    let mut choices = Choices(seed * THREADS + thread + 1);
    let mut record = vec![Vec::new(); KEYS as usize];
    for n in 0..operations {
        let (key, choice) = (choices.below(KEYS), choices.below(10));
        let value = n * THREADS + thread;
        let called = clock.tick();
        let operation = match choice {
            0..4 => Get(map.get(&key)),
            4..8 => Insert(value, map.insert(key, value)),
            _ => Remove(map.remove(&key)),
        };
        let returned = clock.tick();
        record[key as usize].push(Event { operation, called, returned });
        if choices.below(8) == 0 {
            thread::yield_now();
        }
    }
    record
}

/// Records histories of one map and checks them.
fn histories_of_one_map(map: &impl ConcurrentMap<u64, u64>, seed: u64, operations: u64) {
    let (clock, start) = (Clock::default(), Barrier::new(THREADS as usize));
    let records: Vec<Record> = thread::scope(|scope| {
        let start_thread = |thread| {
            let (clock, start) = (&clock, &start);
            scope.spawn(move || {
                start.wait();
                work(map, clock, thread, seed, operations)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(start_thread).collect();
        threads.into_iter().map(|thread| thread.join().expect("the work does not panic")).collect()
    });
    for key in 0..KEYS {
        let history: Vec<_> = records.iter().map(|record| record[key as usize].clone()).collect();
        check(&history).unwrap_or_else(|failure| panic!("key {key} of round {seed}: {failure}"));
    }
}

/// Many short histories, so that maps are met when they are young, and some long ones.
fn is_linearizable<D: Design>() {
    for (round, hashing) in (0..300).zip(Hashing::all().into_iter().cycle()) {
        histories_of_one_map(&D::make(hashing), round, 60);
    }
    for round in 300..305 {
        histories_of_one_map(&D::make(Hashing::default()), round, 5000);
    }
}

#[test]
fn rw_lock_is_linearizable() {
    is_linearizable::<design::RwLocked>();
}

#[test]
fn read_mostly_is_linearizable() {
    is_linearizable::<design::ReadMostly>();
}

#[test]
fn striped_is_linearizable() {
    is_linearizable::<design::Striped>();
}

#[test]
fn left_right_is_linearizable() {
    is_linearizable::<design::LeftRight>();
}

#[test]
fn store_is_linearizable() {
    is_linearizable::<design::TheStore>();
}

#[test]
fn sharded_by_modulo_is_linearizable() {
    is_linearizable::<design::ShardedModulo>();
}

#[test]
fn sharded_by_ring_is_linearizable() {
    is_linearizable::<design::ShardedRing>();
}

#[test]
fn sharded_by_weight_is_linearizable() {
    is_linearizable::<design::ShardedWeighted>();
}

#[test]
fn sharded_by_load_is_linearizable() {
    is_linearizable::<design::ShardedLoadAware>();
}

/// An operation that was under way between two moments.
fn event(called: u64, operation: Operation, returned: u64) -> Event {
    Event { operation, called, returned }
}

#[test]
fn overlapping_operations_may_have_happened_in_any_order() {
    let history = [
        vec![event(0, Insert(1, None), 5), event(6, Get(Some(2)), 7)],
        vec![event(1, Insert(2, Some(1)), 4)],
        // Each value is seen while its insert is still under way.
        vec![event(2, Get(Some(1)), 3), event(8, Remove(Some(2)), 9), event(10, Get(None), 11)],
    ];
    assert_eq!(check(&history), Ok(()));
}

#[test]
fn search_goes_back_when_its_first_choice_was_wrong() {
    // The first insert may come first by what it returned, but then the others cannot follow.
    let (late, early) = (vec![event(0, Insert(1, None), 9)], vec![event(1, Insert(2, None), 8)]);
    let rest = vec![event(2, Remove(Some(2)), 7), event(10, Get(Some(1)), 11)];
    assert_eq!(check(&[late.clone(), early.clone(), rest.clone()]), Ok(()));
    assert_eq!(check(&[rest, early, late]), Ok(()));
}

#[test]
fn stale_read_is_refused() {
    let history =
        [vec![event(0, Insert(1, None), 1), event(2, Insert(2, Some(1)), 3)], vec![event(4, Get(Some(1)), 5)]];
    assert!(check(&history).is_err());
    // It would do if the lookup had begun before the second insert returned.
    let history = [history[0].clone(), vec![event(3, Get(Some(1)), 5)]];
    assert_eq!(check(&history), Ok(()));
}

#[test]
fn lost_update_is_refused() {
    // Both inserts claim to have replaced the same value.
    let history =
        [vec![event(0, Insert(1, None), 1), event(2, Insert(2, Some(1)), 5)], vec![event(3, Insert(3, Some(1)), 4)]];
    assert!(check(&history).is_err());
}

#[test]
fn value_removed_twice_is_refused() {
    let history =
        [vec![event(0, Insert(1, None), 1), event(2, Remove(Some(1)), 5)], vec![event(3, Remove(Some(1)), 4)]];
    assert!(check(&history).is_err());
}

#[test]
fn lookups_that_go_back_in_time_are_refused() {
    // Both values are there at some moment of the inserts, but the second reader saw the newer one first.
    let history = [
        vec![event(0, Insert(1, None), 1), event(2, Insert(2, Some(1)), 9)],
        vec![event(3, Get(Some(2)), 4), event(5, Get(Some(1)), 6)],
    ];
    assert!(check(&history).is_err());
}

#[test]
fn a_failure_says_how_far_it_got() {
    let history = [vec![event(0, Insert(1, None), 1), event(2, Get(None), 3)]];
    let failure: NotLinearizable = check(&history).unwrap_err();
    assert_eq!(failure.to_string(), "with Some(1) as the value, none of these can come next: [Get(None)]");
}
