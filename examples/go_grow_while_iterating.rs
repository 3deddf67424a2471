//! Go's failures, replayed (3): the map grows in the middle of an iteration.
//!
//! A walk has taken half of the first bucket when an insert doubles the array. The old bucket is split: some of its
//! entries move ahead of the walk, which comes to them again, and others behind it, which it skips. The map with Go's
//! layout does this once without the runtime's detection and once with it; then the same happens to a store.
//!
//! Prints:
//!
//! ```text
//! the walk took 0, 8, 16, 24 of 52 keys; then one more key made 16 buckets of 8
//! unchecked walk: skipped 32, 48; repeated 8, 24
//! checked walk: the map was written to during the iteration
//! store: skipped none, repeated none
//! ```

use std::hash::{BuildHasherDefault, Hasher};

use twinbucket::Store;
use twinbucket_alternatives::{ConcurrentWrite, FailFastMap};

/// Passes keys on as their hashes: of 8 buckets, key n is in bucket n % 8.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("all keys are u32");
    }

    fn write_u32(&mut self, key: u32) {
        self.0 = key.into();
    }
}

/// A map in which one sees where the keys are.
type Map = FailFastMap<u32, (), BuildHasherDefault<Identity>>;

/// As many as fit into 8 buckets: 6.5 each.
const KEYS: u32 = 52;

fn main() -> Result<(), ConcurrentWrite> {
    let keys = || (0..KEYS).map(|key| (key, ()));

    let map: Map = keys().collect();
    let buckets = map.layout()?.buckets;
    let mut walk = map.walk_unchecked();
    let mut walked: Vec<u32> = walk.by_ref().take(4).map(|(key, ())| key).collect();
    map.insert(KEYS, ())?;
    println!(
        "the walk took {} of {KEYS} keys; then one more key made {} buckets of {buckets}",
        list(&walked),
        map.layout()?.buckets
    );
    walked.extend(walk.map(|(key, ())| key));
    let (skipped, repeated) = faults(&walked);
    assert!(!skipped.is_empty() && !repeated.is_empty());
    println!("unchecked walk: skipped {}; repeated {}", list(&skipped), list(&repeated));

    let map: Map = keys().collect();
    let mut walk = map.iter();
    assert_eq!(walk.by_ref().take(4).filter(Result::is_ok).count(), 4);
    map.insert(KEYS, ())?;
    let failure = walk.next().expect("most are left").expect_err("the map was changed");
    println!("checked walk: {failure}");

    let store: Store<u32, ()> = keys().collect();
    let bucket = store.read();
    let mut walk = bucket.keys().copied();
    let mut walked: Vec<u32> = walk.by_ref().take(4).collect();
    let leaves = store.stats().leaves;
    for key in KEYS..100 * KEYS {
        store.insert(key, ()); // one more would do: a hundred times as many make sure that the store grows
    }
    assert!(store.stats().leaves > leaves);
    walked.extend(walk);
    let (skipped, repeated) = faults(&walked);
    assert!(skipped.is_empty() && repeated.is_empty());
    assert_eq!(walked.len(), KEYS as usize);
    println!("store: skipped none, repeated none");
    Ok(())
}

/// Those of the first 52 keys that were not walked, and those that were walked twice.
fn faults(walked: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let times = |key: &u32| walked.iter().filter(|&walked| walked == key).count();
    ((0..KEYS).filter(|key| times(key) == 0).collect(), (0..KEYS).filter(|key| times(key) > 1).collect())
}

/// The keys, with commas between.
fn list(keys: &[u32]) -> String {
    keys.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
