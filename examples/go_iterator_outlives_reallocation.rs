//! Go's failures, replayed (2): an iterator outlives the array that it goes over.
//!
//! A walk has taken three entries when the map grows so far that its array is replaced seven times. The walk's position
//! now means another place. The map with Go's layout does this once without the runtime's detection and once with it;
//! then the same happens to a store, which is dropped on top of it.
//!
//! Prints:
//!
//! ```text
//! the walk took 0, 2, 4 and would go on with 6; meanwhile 2 buckets became 256
//! unchecked walk: went on with 768, and came to 2, 4 again
//! checked walk: the map was written to during the iteration
//! store: the walk went over its 13 entries, each once, and outlived the store
//! ```

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use twinbucket::Store;
use twinbucket_alternatives::{ConcurrentWrite, FailFastMap};

/// Passes keys on as their hashes: of 2 buckets, the even keys are in the first.
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

fn main() -> Result<(), ConcurrentWrite> {
    let small = || (0..13).map(|key| (key, ()));
    let large = || (13..1_000).map(|key| (key, ()));

    let map: Map = small().collect();
    let buckets = map.layout()?.buckets;
    let mut walk = map.walk_unchecked();
    let taken: Vec<u32> = walk.by_ref().take(3).map(|(key, ())| key).collect();
    for (key, ()) in large() {
        map.insert(key, ())?;
    }
    println!(
        "the walk took {} and would go on with 6; meanwhile {buckets} buckets became {}",
        list(&taken),
        map.layout()?.buckets
    );

    // The position was the fourth slot of the first bucket. It still is, but of another bucket.
    let went_on: Vec<u32> = walk.map(|(key, ())| key).collect();
    let again: Vec<u32> = taken.into_iter().filter(|key| went_on.contains(key)).collect();
    assert_ne!(went_on[0], 6);
    assert!(!again.is_empty());
    println!("unchecked walk: went on with {}, and came to {} again", went_on[0], list(&again));

    let map: Map = small().collect();
    let mut walk = map.iter();
    assert_eq!(walk.by_ref().take(3).filter(Result::is_ok).count(), 3);
    for (key, ()) in large() {
        map.insert(key, ())?;
    }
    let failure = walk.next().expect("ten are left").expect_err("the map was changed");
    println!("checked walk: {failure}");

    // A store's iterator keeps what it goes over.
    let store: Store<u32, ()> = small().collect();
    let mut walk = store.read().into_iter();
    let mut seen: HashSet<u32> = walk.by_ref().take(3).map(|(key, ())| key).collect();
    for (key, ()) in large() {
        store.insert(key, ());
    }
    drop(store);
    for (key, ()) in walk {
        assert!(seen.insert(key), "{key} came twice");
    }
    assert_eq!(seen, (0..13).collect());
    println!("store: the walk went over its {} entries, each once, and outlived the store", seen.len());
    Ok(())
}

/// The keys, with commas between.
fn list(keys: &[u32]) -> String {
    keys.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
