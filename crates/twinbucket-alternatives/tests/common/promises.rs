//! What a design says of itself in its `CAPABILITIES`, held against what it does.
//!
//! An operation is stopped half-way, in the user's code that it calls, while others are tried on threads of their own. How
//! many of these come back tells who waits for whom. A promise that is too large fails, and so does one that is too small.

use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use twinbucket_alternatives::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};

use crate::design::{Design, Key, Value};
use crate::eventually::eventually;
use crate::hashing::Hashing;
use crate::threads::while_changing;

/// Number of keys, and of operations that are tried meanwhile, one for each key.
const KEYS: usize = 16;
/// Some operations come back, and some do not; two at least, as one does where readers let one writer pass.
const SOME: RangeInclusive<usize> = 2..=KEYS - 1;
/// All operations come back.
const ALL: RangeInclusive<usize> = KEYS..=KEYS;
/// How long those that should have to wait are given to prove the contrary. Those that should not get much longer.
const A_WHILE: Duration = Duration::from_millis(200);

/// What the design says of itself.
pub(crate) fn promised<D: Design>() -> Capabilities {
    <D::Map<u64, u64> as ConcurrentMap<u64, u64>>::CAPABILITIES
}

/// A map with value 0 for each of the keys.
fn prepared<D: Design, K: Key, V: Value + Default>(key: impl Fn(u64) -> K) -> Arc<D::Map<K, V>> {
    let map = D::make(Hashing::default());
    (0..KEYS as u64).for_each(|id| assert!(map.insert(key(id), V::default()).is_none()));
    Arc::new(map)
}

/// Operations on threads of their own.
struct Attempts {
    /// The threads.
    threads: Vec<JoinHandle<()>>,
    /// Number of operations that came back.
    finished: Arc<AtomicUsize>,
}

impl Attempts {
    /// Starts `act` for each key.
    fn start(act: impl Fn(u64) + Clone + Send + 'static) -> Self {
        let finished = Arc::new(AtomicUsize::new(0));
        let attempt = |id| {
            let (act, finished) = (act.clone(), Arc::clone(&finished));
            thread::spawn(move || {
                act(id);
                finished.fetch_add(1, Ordering::Relaxed);
            })
        };
        let threads = (0..KEYS as u64).map(attempt).collect();
        Self { threads, finished }
    }

    /// Checks that so many come back, and no more.
    fn assert_finished(&self, expected: RangeInclusive<usize>) {
        let finished = || self.finished.load(Ordering::Relaxed);
        eventually("operations that should not have to wait", || finished() >= *expected.start());
        if *expected.end() < KEYS {
            thread::sleep(A_WHILE);
        }
        assert!(expected.contains(&finished()), "{} operations went on, not {expected:?}", finished());
    }

    /// Waits for all: what was stopped goes on by now.
    fn join(self) {
        self.threads.into_iter().for_each(|thread| thread.join().expect("operations do not panic"));
    }
}

pub(crate) fn writes_during_a_walk_fare_as_promised<D: Design>() {
    let promised = promised::<D>();
    let expected = match promised.while_walking {
        WhileWalking::Waits => 0..=0,
        WhileWalking::GoesOnOnce => 1..=1,
        WhileWalking::WaitsForPart => SOME,
        WhileWalking::Mixes | WhileWalking::GoesOn => ALL,
    };
    let map = prepared::<D, u64, u64>(|id| id);
    let (mut attempts, mut seen) = (None, 0);
    map.for_each(|_, value| {
        seen += value;
        attempts.get_or_insert_with(|| {
            let map = Arc::clone(&map);
            let attempts = Attempts::start(move |id| assert_eq!(map.insert(id, 1), Some(0)));
            attempts.assert_finished(expected.clone());
            attempts
        });
    });
    attempts.expect("the map is not empty").join();

    let view = match promised.while_walking {
        WhileWalking::Waits | WhileWalking::GoesOnOnce => View::WhileWritersWait,
        WhileWalking::GoesOn => View::Held,
        WhileWalking::WaitsForPart | WhileWalking::Mixes => View::None,
    };
    assert_eq!(promised.view, view);
    // The first entry was visited before the writes; the rest of them after some, if the walk let any pass.
    assert_eq!(seen > 0, view == View::None, "the walk saw {seen} writes");
    (0..KEYS as u64).for_each(|key| assert_eq!(map.get(&key), Some(1)));
}

pub(crate) fn writes_during_a_lookup_fare_as_promised<D: Design>() {
    let expected = match promised::<D>().writers_wait_for {
        WaitsFor::Nobody => ALL,
        WaitsFor::ReadersOfPart => SOME,
        // A reader may let one writer pass before the next has to wait.
        WaitsFor::Readers => 0..=1,
        other => panic!("{other:?} is no answer for writers"),
    };
    let map = prepared::<D, u64, u64>(|id| id);
    let attempts = map.get_with(&0, |_| {
        let map = Arc::clone(&map);
        let attempts = Attempts::start(move |id| assert_eq!(map.insert(id, 1), Some(0)));
        attempts.assert_finished(expected);
        attempts
    });
    attempts.expect("the key is there").join();
    (0..KEYS as u64).for_each(|key| assert_eq!(map.get(&key), Some(1)));
}

pub(crate) fn lookups_during_a_write_fare_as_promised<D: Design>() {
    let expected = match promised::<D>().readers_wait_for {
        WaitsFor::Nobody => ALL,
        WaitsFor::WritersOfPart => SOME,
        WaitsFor::Writers => 0..=0,
        other => panic!("{other:?} is no answer for readers"),
    };
    let map = prepared::<D, Interrupting, u64>(Interrupting);
    let attempts = Rc::new(Cell::new(None));
    let interruption = {
        let (map, attempts) = (Arc::clone(&map), Rc::clone(&attempts));
        move || {
            let started = Attempts::start(move |id| assert!(map.get(&Interrupting(id)).is_some()));
            started.assert_finished(expected);
            attempts.set(Some(started));
        }
    };
    INTERRUPTION.set(Some(Box::new(interruption)));
    assert_eq!(map.insert(Interrupting(0), 1), Some(0));
    attempts.take().expect("the write compared its key").join();
}

pub(crate) fn walks_see_one_moment<D: Design>() {
    let map = D::make::<u64, u64>(Hashing::default());
    // Between the two in question are many others, so that a walk takes a while from one to the other.
    (0..500).for_each(|key| assert_eq!(map.insert(key, 0), None));
    while_changing(
        |round| {
            map.insert(0, round);
            map.insert(499, round);
        },
        || {
            let (mut first, mut second) = (0, 0);
            map.for_each(|key, &value| match key {
                0 => first = value,
                499 => second = value,
                // Lets the writer run in the middle of a walk, however busy the machine is.
                key if key % 100 == 50 => thread::yield_now(),
                _ => {}
            });
            assert!(first == second || first == second + 1, "{first} and {second} were never together");
        },
    );
}

thread_local! {
    /// What is to be done at this thread's next comparison of keys.
    static INTERRUPTION: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// A key whose comparison with another one can be interrupted: whatever the map does at that moment stands still.
#[derive(Clone)]
struct Interrupting(u64);

impl PartialEq for Interrupting {
    fn eq(&self, other: &Self) -> bool {
        if let Some(interruption) = INTERRUPTION.take() {
            interruption();
        }
        self.0 == other.0
    }
}

impl Eq for Interrupting {}

impl Hash for Interrupting {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
