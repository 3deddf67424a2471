//! Models of the protocol between writer and readers, checked in every interleaving by loom.
//!
//! The slot is its oracle here (see [`slot`](crate::slot)), the ledger is the shipped one. A version carries a
//! [`Content`]: whoever looks up in it reads that, and the writer writes to it where it would fill a version again or
//! free a leaf. A read at the same time as such a write, or not ordered with it, fails the model.

use std::hash::{BuildHasher, BuildHasherDefault};

use loom::cell::UnsafeCell;
use loom::thread;

use crate::Store;
use crate::ledger::{Ledger, Retired, Stamp, is_unpinned};
use crate::slot::Slot;
use crate::sync::Arc;

/// Something whose reads and writes loom checks.
#[derive(Default)]
struct Content(UnsafeCell<()>);

// SAFETY: loom's cell checks at run time what this promises: no access at the same time as a write.
#[expect(unsafe_code, reason = "loom's cell is not `Sync`, so that models can show races")]
unsafe impl Sync for Content {}

impl Content {
    fn read(&self) {
        self.0.with(|_| ());
    }

    fn write(&self) {
        self.0.with_mut(|_| ());
    }
}

/// A version: its number, its own content, and a leaf that it shares with others.
struct Version {
    number: u64,
    content: Content,
    leaf: std::sync::Arc<Content>,
}

impl Version {
    fn new(number: u64, leaf: &std::sync::Arc<Content>) -> Arc<Self> {
        let version = Self { number, content: Content::default(), leaf: std::sync::Arc::clone(leaf) };
        // The writer fills it before the publish.
        version.content.write();
        Arc::new(version)
    }

    /// What a lookup does.
    fn look_up(&self) -> u64 {
        self.content.read();
        self.leaf.read();
        self.number
    }
}

/// A leaf that was replaced.
struct Leaf {
    born: Stamp,
    content: std::sync::Arc<Content>,
}

impl Retired for Leaf {
    fn born(&self) -> Stamp {
        self.born
    }

    fn size(&self) -> (usize, usize) {
        (1, 1)
    }
}

/// Frees what is doomed.
fn free(doomed: Vec<Leaf>) -> usize {
    doomed.iter().for_each(|leaf| leaf.content.write());
    doomed.len()
}

#[test]
fn a_reader_never_goes_back_and_sees_a_publish_that_returned() {
    loom::model(|| {
        let leaf = std::sync::Arc::default();
        let slot = std::sync::Arc::new(Slot::new(Version::new(0, &leaf)));
        let reader = {
            let slot = std::sync::Arc::clone(&slot);
            thread::spawn(move || {
                let mut seen = slot.load();
                let mut last = seen.look_up();
                for _ in 0..2 {
                    if !slot.is_current(&seen) {
                        seen = slot.load();
                    }
                    assert!(seen.look_up() >= last);
                    last = seen.number;
                }
                // Whatever way a newer version was seen, an older one is not current any more.
                let newer = slot.load();
                assert!(newer.number == seen.number || !slot.is_current(&seen));
            })
        };
        let seen = slot.load();
        slot.replace(Version::new(1, &leaf));
        assert!(!slot.is_current(&seen));
        slot.replace(Version::new(2, &leaf));
        assert_eq!(slot.load().look_up(), 2);
        reader.join().unwrap();
    });
}

#[test]
fn a_version_is_filled_again_only_when_nobody_holds_it() {
    loom::model(|| {
        let leaf = std::sync::Arc::default();
        let slot = std::sync::Arc::new(Slot::new(Version::new(0, &leaf)));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let slot = std::sync::Arc::clone(&slot);
                thread::spawn(move || slot.load().look_up())
            })
            .collect();
        let mut old = slot.replace(Version::new(1, &leaf));
        if is_unpinned(&mut old) {
            // Nobody can undo that: what is done with the version now is ordered after all that was done before.
            Arc::get_mut(&mut old).unwrap().content.write();
        }
        readers.into_iter().for_each(|reader| assert!(reader.join().unwrap() <= 1));
        assert!(is_unpinned(&mut old));
    });
}

#[test]
fn a_replaced_leaf_is_freed_only_when_no_version_that_sees_it_is_held() {
    loom::model(|| {
        let (old_leaf, new_leaf) = (std::sync::Arc::default(), std::sync::Arc::default());
        let slot = std::sync::Arc::new(Slot::new(Version::new(0, &old_leaf)));
        let reader = {
            let slot = std::sync::Arc::clone(&slot);
            thread::spawn(move || {
                let held = slot.load();
                held.look_up();
                // Held while the writer goes on.
                thread::yield_now();
                held.look_up();
            })
        };
        let mut ledger = Ledger::new(0);
        let mut freed = 0;
        for (number, stamp) in [(1, Stamp(0)), (2, Stamp(1))] {
            let last = slot.replace(Version::new(number, &new_leaf));
            let mut retired = Vec::new();
            if number == 1 {
                retired.push(Leaf { born: Stamp(0), content: std::sync::Arc::clone(&old_leaf) });
            }
            let mut doomed = Vec::new();
            let mut spares = Vec::new();
            ledger.retire(last, stamp, &mut retired, &mut doomed, &mut spares);
            freed += free(doomed);
            for spare in &mut spares {
                Arc::get_mut(spare).expect("nobody holds it").content.write();
            }
        }
        reader.join().unwrap();
        let mut doomed = Vec::new();
        ledger.collect(&mut doomed);
        freed += free(doomed);
        assert_eq!(freed, 1, "freed exactly once");
    });
}

#[test]
fn the_estate_is_freed_only_when_the_last_reader_is_gone() {
    loom::model(|| {
        let leaf = std::sync::Arc::default();
        let slot = std::sync::Arc::new(Slot::new(Version::new(0, &leaf)));
        let reader = {
            let slot = std::sync::Arc::clone(&slot);
            thread::spawn(move || {
                let held = slot.load();
                held.look_up();
                held
            })
        };
        let mut ledger = Ledger::new(0);
        let last = slot.replace(Version::new(1, &std::sync::Arc::default()));
        let (mut retired, mut doomed) = (vec![Leaf { born: Stamp(0), content: leaf }], Vec::new());
        ledger.retire(last, Stamp(0), &mut retired, &mut doomed, &mut Vec::new());
        let (estate, versions) = ledger.close(&mut doomed);
        drop(versions);
        let freed = free(doomed);
        let held = reader.join().unwrap();
        held.look_up();
        drop(held);
        assert_eq!(freed + free(estate), 1, "freed exactly once, by the ledger or with the last reader");
    });
}

/// A store of few keys with the same hash each time, so that every run of a model does the same.
type SmallStore<V = u64> = Store<u64, V, BuildHasherDefault<std::hash::DefaultHasher>>;

/// A value whose free loom sees.
struct Value {
    number: u64,
    content: Content,
}

impl Value {
    fn new(number: u64) -> Self {
        Self { number, content: Content::default() }
    }

    fn look_up(&self) -> u64 {
        self.content.read();
        self.number
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self::new(self.look_up())
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.content.write();
    }
}

/// Waits for the writer's turn so that loom sees the wait; the lock itself is a real one.
fn write<V: Clone>(
    store: &SmallStore<V>,
) -> crate::WriteBucket<'_, u64, V, BuildHasherDefault<std::hash::DefaultHasher>> {
    loop {
        match store.try_write() {
            Some(bucket) => return bucket,
            None => thread::yield_now(),
        }
    }
}

#[test]
fn a_publish_is_seen_whole_or_not_at_all() {
    loom::model(|| {
        let store = std::sync::Arc::new(SmallStore::default());
        store.replace_all([(1, 0), (2, 0)]);
        let reader = {
            let mut reader = store.reader();
            thread::spawn(move || {
                let mut last = 0;
                for _ in 0..2 {
                    let bucket = reader.read();
                    let (one, two) = (bucket[&1], bucket[&2]);
                    assert_eq!(one, two);
                    assert!(one >= last);
                    last = one;
                }
            })
        };
        for value in 1..=2 {
            let mut bucket = store.write();
            bucket.insert(1, value);
            bucket.insert(2, value);
            bucket.publish();
            assert_eq!(store.get(&1), Some(value));
        }
        reader.join().unwrap();
    });
}

#[test]
fn the_last_pin_may_go_while_the_writer_sweeps() {
    loom::model(|| {
        let store = SmallStore::default();
        store.insert(1, Value::new(0));
        let held = store.read();
        let reader = thread::spawn(move || {
            assert_eq!(held[&1].look_up(), 0);
            drop(held);
        });
        store.insert(1, Value::new(1));
        store.insert(1, Value::new(2));
        store.collect();
        reader.join().unwrap();
        store.collect();
        assert_eq!((store.stats().retired_leaves, store.read()[&1].look_up()), (0, 2));
    });
}

/// Three generations see the same leaf, which is replaced; a thread holds one of them, and the others go before that.
fn replace_under_three_pins(last: usize) {
    // Room for several leaves, so that one is not replaced when another is.
    let store: SmallStore<Value> = Store::builder().hasher(BuildHasherDefault::default()).capacity(100).build();
    store.insert(1, Value::new(0));
    let oldest = store.read();
    let hash = |key: u64| BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(key);
    let slot = |key| oldest.directory().slot_of(hash(key));
    let elsewhere = (2..).find(|&key| slot(key) != slot(1)).expect("there are several leaves");
    store.insert(elsewhere, Value::new(0));
    let middle = store.read();
    store.insert(elsewhere, Value::new(1));
    let newest = store.read();
    assert!(std::ptr::eq(&oldest[&1], &newest[&1]), "all three generations see the same leaf");

    let mut others = vec![oldest, middle, newest];
    let held = others.remove(last);
    let reader = thread::spawn(move || {
        assert_eq!(held[&1].look_up(), 0);
        thread::yield_now();
        assert_eq!(held[&1].look_up(), 0);
    });
    store.insert(1, Value::new(1));
    while let Some(newer) = others.pop() {
        assert_eq!(newer[&1].look_up(), 0);
        drop(newer);
        store.collect();
    }
    reader.join().unwrap();
    store.collect();
    assert_eq!((store.stats().retired_leaves, store.read()[&1].look_up()), (0, 1));
}

#[test]
fn a_replaced_leaf_waits_for_the_oldest_pin_that_sees_it() {
    loom::model(|| replace_under_three_pins(0));
}

#[test]
fn a_replaced_leaf_waits_for_a_pin_in_the_middle() {
    loom::model(|| replace_under_three_pins(1));
}

#[test]
fn a_reader_may_refresh_while_the_store_is_dropped() {
    loom::model(|| {
        let store = SmallStore::default();
        store.insert(1, Value::new(0));
        let mut reader = store.reader();
        assert_eq!(reader.get(&1).map(Value::look_up), Some(0));
        let reading = thread::spawn(move || {
            let number = reader.get(&1).map(Value::look_up);
            assert!(number == Some(0) || number == Some(1), "{number:?}");
            let bucket = reader.read().clone();
            drop(reader);
            assert!(bucket[&1].look_up() <= 1);
        });
        store.insert(1, Value::new(1));
        drop(store);
        reading.join().unwrap();
    });
}

#[test]
fn a_read_bucket_outlives_the_store() {
    loom::model(|| {
        let store = SmallStore::default();
        store.insert(1, Value::new(0));
        let held = store.read();
        let reader = thread::spawn(move || assert_eq!(held[&1].look_up(), 0));
        store.insert(1, Value::new(1));
        let last = store.read();
        drop(store);
        assert_eq!(last[&1].look_up(), 1);
        drop(last);
        reader.join().unwrap();
    });
}

#[test]
fn a_writer_hands_over_all_that_it_did() {
    loom::model(|| {
        let store = SmallStore::default();
        let other = store.clone();
        let writer = thread::spawn(move || {
            let mut bucket = write(&other);
            bucket.insert(1, Value::new(1));
            bucket.publish()
        });
        let mut bucket = write(&store);
        bucket.insert(2, Value::new(2));
        let (mine, theirs) = (bucket.publish(), writer.join().unwrap());
        assert_ne!(mine, theirs);
        let bucket = store.read();
        assert_eq!((bucket[&1].look_up(), bucket[&2].look_up(), bucket.generation()), (1, 2, mine.max(theirs)));
    });
}

#[test]
fn a_discard_leaves_what_others_staged() {
    loom::model(|| {
        let store = SmallStore::default();
        store.insert(1, Value::new(0));
        let other = store.clone();
        let writer = thread::spawn(move || {
            let mut bucket = write(&other);
            bucket.insert(1, Value::new(1));
            bucket.stage();
        });
        let mut bucket = write(&store);
        let before = bucket.get(&1).map(Value::look_up);
        bucket.insert(1, Value::new(2));
        bucket.insert(3, Value::new(3));
        bucket.discard();
        assert_eq!(store.read()[&1].look_up(), 0, "nothing is published");
        writer.join().unwrap();
        write(&store).publish();
        let bucket = store.read();
        assert_eq!((bucket[&1].look_up(), bucket.len()), (1, 1), "before: {before:?}");
    });
}
