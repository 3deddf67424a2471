//! Growth and shrinking of the directory and its leaves under every hasher, and entries of unusual shape.

use std::fmt::Debug;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::mpsc;
use std::thread;

use twinbucket::{IntoIter, ReadBucket, Stats, Store};

use crate::common::hashing::Hashing;

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod hashing;
}

/// The sizes a store goes through: up, down, up again, and down to nothing.
const SIZES: [u64; 14] = [1, 40, 500, 3_000, 12_000, 30_000, 9_000, 1_000, 90, 2_000, 20_000, 300, 3, 0];

/// A read bucket and the number of consecutive keys it must hold.
type Expectation = (ReadBucket<u64, u64, Hashing>, u64);

/// A walk that has begun, with the number of keys it must give and those seen so far.
struct Walk {
    /// The walk.
    entries: IntoIter<u64, u64, Hashing>,
    /// Which keys came.
    seen: Vec<bool>,
}

impl Walk {
    /// Begins a walk.
    fn begin((bucket, size): &Expectation) -> Self {
        let seen = vec![false; usize::try_from(*size).expect("sizes are small")];
        Self { entries: bucket.clone().into_iter(), seen }
    }

    /// Takes up to `steps` steps.
    fn advance(&mut self, steps: usize) {
        for (key, value) in self.entries.by_ref().take(steps) {
            let seen = &mut self.seen[usize::try_from(key).expect("keys are small")];
            assert!(!*seen, "key {key} comes once");
            *seen = true;
            assert_eq!(value, key * 3);
        }
    }

    /// Ends the walk; nothing may be missing.
    fn end(mut self) {
        self.advance(usize::MAX);
        assert!(self.seen.iter().all(|seen| *seen), "every key comes");
    }
}

/// Walks each read bucket it is sent, over and over until the next one comes.
fn walk_all(expectations: &mpsc::Receiver<Expectation>) {
    let Ok(mut expectation) = expectations.recv() else { return };
    loop {
        Walk::begin(&expectation).end();
        match expectations.try_recv() {
            Ok(next) => expectation = next,
            Err(mpsc::TryRecvError::Empty) => {}
            Err(mpsc::TryRecvError::Disconnected) => return,
        }
    }
}

/// Brings the store from keys 0 to `from` to keys 0 to `to`, in publishes of at most `step` changes.
fn resize(store: &Store<u64, u64, Hashing>, from: u64, to: u64, step: u64, mut between: impl FnMut()) {
    let mut size = from;
    while size != to {
        let mut write = store.write();
        let next = if to > size { to.min(size + step) } else { to.max(size.saturating_sub(step)) };
        write.extend((size..next).map(|key| (key, key * 3)));
        for key in next..size {
            assert_eq!(write.remove(&key), Some(key * 3));
        }
        write.publish();
        size = next;
        between();
    }
}

/// Asserts that the directory is no longer than the leaves justify.
#[track_caller]
fn assert_directory_bound(stats: &Stats, hashing: &Hashing) {
    assert!(stats.slots <= 8 * stats.leaves + 64, "{hashing:?}: {stats:?}");
}

#[test]
fn frozen_walks_are_complete_while_the_directory_grows_and_shrinks() {
    let store = Store::<u64, u64, Hashing>::default();
    thread::scope(|scope| {
        let walkers = [(); 3].map(|()| {
            let (send, expectations) = mpsc::channel();
            scope.spawn(move || walk_all(&expectations));
            send
        });
        let mut walks = std::collections::VecDeque::new();
        let mut size = 0;
        for (step, to) in SIZES.into_iter().enumerate() {
            let expectation = (store.read(), size);
            walkers[step % 3].send(expectation.clone()).expect("the walker finds nothing amiss");
            walks.push_back(Walk::begin(&expectation));
            resize(&store, size, to, 700, || walks.iter_mut().for_each(|walk| walk.advance(50)));
            size = to;
            if walks.len() > 3 {
                walks.pop_front().expect("there are four").end();
            }
        }
        walks.into_iter().for_each(Walk::end);
    });
    assert!(store.is_empty());
}

#[test]
fn directory_doubles_and_halves() {
    let store = Store::<u64, u64, Hashing>::default();
    let empty = store.stats();
    resize(&store, 0, 50_000, 5_000, || {});
    let full = store.stats();
    assert!(full.slots > 8 * empty.slots.max(1) && full.leaves > 50, "{full:?}");
    resize(&store, 50_000, 0, 5_000, || {});
    let emptied = store.stats();
    assert!(emptied.slots <= 64 && emptied.leaves <= 8, "{emptied:?}");
}

/// Grows and shrinks a store, one publish after another, and asserts content and directory bound all along.
fn keeps_directory_bound(hashing: Hashing, scale: u64) {
    let store = Store::<u64, u64, Hashing>::with_hasher(hashing.clone());
    let mut size = 0;
    for to in SIZES.map(|size| size.div_ceil(scale)) {
        resize(&store, size, to, 500, || assert_directory_bound(&store.stats(), &hashing));
        size = to;
        Walk::begin(&(store.read(), size)).end();
        let bucket = store.read();
        assert!((0..size + 9).all(|key| bucket.get(&key).copied() == (key < size).then_some(key * 3)), "{hashing:?}");
    }
}

#[test]
fn any_hasher_keeps_the_directory_bound() {
    for hashing in Hashing::all() {
        // Where most keys meet in one leaf, each copy of it costs as much as all of them.
        let scale = match hashing {
            Hashing::Normal(_) | Hashing::Identity => 1,
            Hashing::Crowded(_) => 5,
            _ => 25,
        };
        keeps_directory_bound(hashing, scale);
    }
}

#[test]
fn any_hasher_keeps_the_directory_bound_when_most_keys_share_a_prefix() {
    // Good keys make a directory worth its length; then they go, and what is left is one crowd.
    let store = Store::<u64, u64, Hashing>::with_hasher(Hashing::Skewed(Default::default()));
    store.replace_all((0..8_000).filter(|key| key % 4 == 0 || *key < 400).map(|key| (key, key)));
    assert_directory_bound(&store.stats(), &Hashing::Constant);
    for batch in 0..80 {
        let mut write = store.write();
        (batch * 100..batch * 100 + 100)
            .filter(|key| key % 4 == 0)
            .for_each(|key| assert_eq!(write.remove(&key), Some(key)));
        write.publish();
        assert_directory_bound(&store.stats(), &Hashing::Constant);
    }
    assert_eq!(store.len(), 300);
}

#[test]
fn attacked_hash_makes_a_leaf_large_and_never_the_directory() {
    let leaves = |hashing: Hashing| {
        let store = Store::<u64, u64, Hashing>::with_hasher(hashing.clone());
        resize(&store, 0, 8_000, 1_000, || assert_directory_bound(&store.stats(), &hashing));
        store.stats().leaves
    };
    assert!(leaves(Hashing::SharedPrefix) * 4 < leaves(Hashing::default()), "the attack succeeds");
}

#[test]
fn identity_hash_spreads_sequential_integers() {
    let store = Store::<u64, u64, Hashing>::with_hasher(Hashing::Identity);
    store.replace_all((0..30_000).map(|key| (key, key)));
    let normal = Store::<u64, u64>::from_iter((0..30_000).map(|key| (key, key)));
    let (identity, normal) = (store.stats(), normal.stats());
    assert!(identity.leaves * 3 > normal.leaves, "{identity:?} against {normal:?}");
}

/// Puts entries in, changes and removes them, and checks every way to look at them, with a read bucket of each state.
fn holds<K: Hash + Eq + Clone + Debug, V: PartialEq + Clone + Debug>(entries: &[(K, V)]) {
    let store = Store::<K, V>::new();
    let mut buckets = vec![store.read()];
    for (key, value) in entries {
        assert_eq!(store.insert(key.clone(), value.clone()), None);
        assert_eq!(store.insert(key.clone(), value.clone()), Some(value.clone()), "{key:?}");
        buckets.push(store.read());
    }
    for (key, value) in entries {
        assert_eq!(store.get(key), Some(value.clone()));
        assert_eq!(store.remove(key), Some(value.clone()));
        assert_eq!((store.remove(key), store.get(key)), (None, None));
    }
    assert!(store.is_empty());
    for (count, bucket) in buckets.iter().enumerate() {
        assert_eq!((bucket.len(), bucket.iter().count(), bucket.clone().into_iter().count()), (count, count, count));
        for (index, (key, value)) in entries.iter().enumerate() {
            assert_eq!(bucket.get(key), (index < count).then_some(value));
            assert_eq!(bucket.entry(key).map(|entry| entry.value().clone()), bucket.get(key).cloned());
        }
    }
}

#[test]
fn store_of_zero_or_one_entry_works() {
    holds::<u64, u64>(&[]);
    holds(&[(1_u64, 1_u64)]);
    holds(&[((), ())]);
    let empty = Store::<u64, u64>::from_iter([]);
    empty.write().retain(|_, _| true);
    empty.write().clear();
    assert_eq!(empty.replace_all([]).max(empty.publish()), empty.generation());
    assert_eq!((empty.read().iter().next(), empty.read().into_iter().next()), (None, None));
    assert_eq!(empty.read().diff(&empty.read()).count(), 0);
}

#[test]
fn values_with_a_niche_are_told_from_missing_ones() {
    holds(&(0..300).map(|key| (key, NonZeroU32::new(key))).collect::<Vec<_>>());
    let key = |number: u32| number.checked_sub(1).map(|number| number.to_string());
    holds(&(0..300).map(|number| (key(number), (number % 2 == 0).then(|| Box::new(number)))).collect::<Vec<_>>());
}

#[test]
fn keys_without_heap_work() {
    holds(&(0..=u8::MAX).map(|key| (key, key.wrapping_mul(7))).collect::<Vec<_>>());
    holds(&('a'..='z').map(|key| (key, key.to_string())).collect::<Vec<_>>());
}

/// A value that must start at a multiple of 128.
#[derive(Clone, Debug, PartialEq)]
#[repr(align(128))]
struct Aligned(u8);

#[test]
fn values_with_a_large_alignment_are_aligned() {
    let entries: Vec<_> = (0..200_u8).map(|key| (key, Aligned(key))).collect();
    holds(&entries);
    let bucket = Store::<u8, Aligned>::from_iter(entries).read();
    assert!(bucket.values().all(|value| std::ptr::from_ref(value).addr() % 128 == 0));
}

#[test]
fn values_of_64_kib_work() {
    let entries = || (0..20_u8).map(|key| (key, [key; 65_536])).collect::<Vec<_>>();
    // Without optimisation, each function on the way has some copies of them on the stack.
    let roomy = thread::Builder::new().stack_size(64 << 20).spawn(move || holds(&entries()));
    roomy.expect("the system can start a thread").join().expect("the other thread finds nothing amiss");
}

#[test]
fn texts_are_found_by_borrowed_keys() {
    let store = Store::<String, Vec<u8>>::from([("one".to_owned(), vec![1]), ("two".to_owned(), vec![2])]);
    assert_eq!(store.get("one"), Some(vec![1]));
    assert_eq!(store.read().get_key_value("two"), Some((&"two".to_owned(), &vec![2])));
    assert_eq!(store.read()["two"], [2]);
    assert_eq!(store.reader().get("three"), None);
    let mut write = store.write();
    assert!(write.modify("one", |value| value.push(9)) && !write.modify("three", Vec::clear));
    assert_eq!((write.remove("two"), write.get("one")), (Some(vec![2]), Some(&vec![1, 9])));
}

#[test]
fn capacity_asked_for_changes_no_content() {
    for capacity in [0, 1, 1_000, 100_000] {
        let store = Store::<u64, u64>::builder().capacity(capacity).build();
        assert!(store.is_empty() && store.read().iter().next().is_none());
        store.replace_all((0..2_000).map(|key| (key, key)));
        assert_eq!((store.len(), store.get(&1_999)), (2_000, Some(1_999)));
        let stats = store.stats();
        assert!(stats.slots <= 8 * stats.leaves + 64, "capacity {capacity}: {stats:?}");
    }
}

#[test]
fn iterators_tell_how_many_entries_are_left() {
    let bucket = Store::<u64, u64>::from_iter((0..1_000).map(|key| (key, key))).read();
    let (mut borrowed, mut owned) = (bucket.iter(), bucket.clone().into_iter());
    for left in (0..=1_000).rev() {
        assert_eq!((borrowed.len(), owned.len()), (left, left));
        assert_eq!((borrowed.next().is_some(), owned.next().is_some()), (left > 0, left > 0));
    }
    assert_eq!((borrowed.next(), owned.next()), (None, None));
    assert_eq!((bucket.keys().len(), bucket.values().len()), (1_000, 1_000));
}

#[test]
fn all_ways_to_walk_a_bucket_give_the_same() {
    let bucket = Store::<u64, u64>::from_iter((0..1_000).map(|key| (key, key * key))).read();
    let walked: Vec<(u64, u64)> = bucket.iter().map(|(key, value)| (*key, *value)).collect();
    let mut looped = Vec::new();
    for (key, value) in &bucket {
        looped.push((*key, *value));
    }
    assert_eq!(looped, walked);
    assert_eq!(bucket.keys().copied().zip(bucket.values().copied()).collect::<Vec<_>>(), walked);
    assert_eq!(bucket.clone().into_iter().collect::<Vec<_>>(), walked);
    for skipped in [0, 1, 500, 999, 1_000] {
        let mut iter = bucket.iter();
        assert_eq!(iter.by_ref().take(skipped).count(), skipped);
        let rest = iter.clone().fold(Vec::new(), |mut rest, (key, value)| {
            rest.push((*key, *value));
            rest
        });
        assert_eq!(rest, walked[skipped..], "a walk goes on where it was");
    }
}

#[test]
fn buckets_of_different_stores_compare_by_content() {
    let entries = || (0..1_000_u64).map(|key| (key, key));
    let (one, two) = (Store::<u64, u64>::from_iter(entries()), Store::<u64, u64>::from_iter(entries()));
    assert_eq!(one.read(), two.read());
    assert_eq!(one.read().diff(&two.read()).count(), 0);
    two.insert(5, 6);
    assert_ne!(one.read(), two.read());
    assert_eq!(one.read().diff(&two.read()).count(), 1);
    two.remove(&5);
    assert_ne!(one.read(), two.read());
    assert_eq!(format!("{:?}", Store::from([(1, "one")]).read()), r#"{1: "one"}"#);
}

/// A value that counts how often it is cloned, on this thread.
#[derive(Debug)]
struct Counted;

thread_local! {
    /// How often a [`Counted`] was cloned on this thread.
    static CLONES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.set(CLONES.get() + 1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {}
}

#[test]
fn publish_of_one_change_clones_one_leaf_whatever_the_size_of_the_map() {
    for n in [100, 1_000, 10_000, 100_000] {
        let store = Store::<u64, Counted>::from_iter((0..n).map(|key| (key, Counted)));
        let _pin = store.read();
        let worst = (0..100).map(|round| {
            CLONES.set(0);
            store.insert(round * (n / 100), Counted);
            CLONES.get()
        });
        let worst = worst.max().expect("there are 100 rounds");
        assert!(worst <= 64, "{worst} clones for one change among {n} entries");
    }
}

#[test]
fn growth_staged_before_the_first_publish_is_in_all_later_versions() {
    let store: Store<u64, u64> = Store::builder().publish_every(usize::MAX).build();
    for number in 0..1_000 {
        store.insert(number, number);
    }
    store.publish();
    for round in 0..5 {
        store.insert(round, 0);
        store.publish();
        let bucket = store.read();
        assert_eq!(bucket.iter().count(), 1_000);
        assert!((round + 1..1_000).all(|number| bucket.get(&number) == Some(&number)));
    }
}
