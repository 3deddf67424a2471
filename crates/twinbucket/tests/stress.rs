//! Everything at once, on real threads: readers with pins of random age, writers that publish, stage and discard, and
//! collections between them.
//!
//! Runs for a second, or for `STRESS_SECONDS`: verification/sanitizer.sh runs it longer, with each access to memory
//! watched.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use twinbucket::{ReadBucket, Store};

/// Values alive.
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// Keys of each store: enough for several leaves, so that versions share some.
const KEYS: u64 = 600;
/// Keys that have the same value in every version.
const MARKS: u64 = 8;
/// Read buckets that a reader holds at most.
const HELD: usize = 24;

/// A value in memory of its own, so that one that is used after its free is noticed.
struct Value(Box<u64>);

impl Value {
    fn new(number: u64) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self(Box::new(number))
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self::new(*self.0)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        *self.0 = u64::MAX;
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 33) % end
    }
}

/// The mark of a version; its marks must agree.
fn mark(bucket: &ReadBucket<u64, Value>) -> u64 {
    let mark = *bucket[&0].0;
    assert!((1..MARKS).all(|key| *bucket[&key].0 == mark), "a version is torn");
    mark
}

fn sum(bucket: &ReadBucket<u64, Value>) -> u64 {
    bucket.values().fold(0, |sum, value| sum.wrapping_mul(31).wrapping_add(*value.0))
}

/// Reads, and holds what it read for a random time.
fn read(store: &Store<u64, Value>, seed: u64, over: &AtomicBool) {
    let (mut random, mut reader) = (Random(seed), store.reader());
    let mut held: Vec<(ReadBucket<u64, Value>, u64, u64)> = Vec::new();
    let mut last = store.generation();
    while !over.load(Ordering::Relaxed) {
        let bucket = reader.read().clone();
        assert!(bucket.generation() >= last, "generations go backwards");
        last = bucket.generation();
        let (mark, sum) = (mark(&bucket), sum(&bucket));
        held.push((bucket, mark, sum));
        let at = random.below(held.len() as u64) as usize;
        let (old, old_mark, old_sum) = &held[at];
        assert_eq!((self::mark(old), self::sum(old)), (*old_mark, *old_sum), "a read bucket has changed");
        if held.len() > random.below(HELD as u64) as usize {
            held.swap_remove(at);
        }
        if random.below(50) == 0 {
            reader.release();
            held.clear();
        }
    }
}

/// Writes, and publishes, stages or discards it.
fn write(store: &Store<u64, Value>, seed: u64, marks: &AtomicU64, over: &AtomicBool) {
    let mut random = Random(seed);
    while !over.load(Ordering::Relaxed) {
        let mut bucket = store.write();
        for _ in 0..random.below(12) {
            let key = MARKS + random.below(KEYS - MARKS);
            if random.below(3) == 0 { drop(bucket.remove(&key)) } else { drop(bucket.insert(key, Value::new(key))) }
        }
        let mark = marks.fetch_add(1, Ordering::Relaxed);
        bucket.extend((0..MARKS).map(|key| (key, Value::new(mark))));
        match random.below(8) {
            0 => bucket.stage(),
            1 => bucket.discard(),
            2 => bucket.retain(|key, _| *key < MARKS || key % 7 != 0),
            _ => drop(bucket.publish()),
        }
        if random.below(20) == 0 {
            store.collect();
        }
    }
}

#[test]
fn stress_of_readers_writers_and_pins_finds_nothing() {
    let seconds = std::env::var("STRESS_SECONDS").map_or(1, |text| text.parse().expect("a number of seconds"));
    let (over, marks) = (AtomicBool::new(false), AtomicU64::new(1));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = 0;
    while Instant::now() < end {
        let store: Store<u64, Value> = (0..KEYS).map(|key| (key, Value::new(0))).collect();
        over.store(false, Ordering::Relaxed);
        let last = thread::scope(|scope| {
            let (store, over, marks) = (&store, &over, &marks);
            for thread in 0..2 {
                scope.spawn(move || read(store, seed + thread, over));
                scope.spawn(move || write(store, seed + 10 + thread, marks, over));
            }
            thread::sleep(Duration::from_millis(300));
            over.store(true, Ordering::Relaxed);
            store.read()
        });
        seed += 100;
        drop(store);
        mark(&last);
    }
    assert_eq!(ALIVE.load(Ordering::Relaxed), 0, "values are lost, or dropped twice");
}
