//! What the optional features add.

#![cfg(any(feature = "serde", feature = "rayon"))]

use std::collections::BTreeMap;

use twinbucket::Store;

/// A store whose leaves have split, and what it holds.
fn sample() -> (Store<String, u64>, BTreeMap<String, u64>) {
    let entries = || (0..3_000).map(|key| (key.to_string(), key * key));
    (entries().collect(), entries().collect())
}

#[cfg(feature = "serde")]
#[test]
fn read_bucket_serializes_as_a_map() {
    let (store, expected) = sample();
    let bucket = store.read();
    store.replace_all([]);
    let text = serde_json::to_string(&bucket).expect("texts and numbers can be written");
    let read: BTreeMap<String, u64> = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(read, expected);
    assert_eq!(serde_json::to_string(&store.read()).expect("nothing can be written"), "{}");
}

#[cfg(feature = "rayon")]
#[test]
fn parallel_iteration_gives_what_iteration_gives() {
    use rayon::iter::ParallelIterator;

    let (store, expected) = sample();
    let bucket = store.read();
    store.replace_all([]);
    let walked: Vec<(&String, &u64)> = bucket.par_iter().collect();
    assert_eq!(walked.len(), bucket.iter().count());
    assert_eq!(walked.into_iter().collect::<BTreeMap<_, _>>(), expected.iter().collect());
    assert_eq!(store.read().par_iter().count(), 0);
}
