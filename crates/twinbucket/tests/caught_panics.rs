//! Panics in user code that the user catches while a write bucket is open: it goes on as if the call had not been made.
//!
//! Most keys share the top bits of their hash, so that leaves grow oversize and the directory doubles and halves: there
//! a panic can come between two steps that belong together.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use twinbucket::{ReadBucket, Store};

type Model = BTreeMap<u64, u64>;
type Hashed = BuildHasherDefault<Direct>;

thread_local! {
    /// Calls of `Hash` or `Clone` until one panics; none does at `None`.
    static CALLS_LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

fn count_down() {
    CALLS_LEFT.set(CALLS_LEFT.get().map(|left| left.checked_sub(1).unwrap_or_else(|| panic!("injected"))));
}

/// A number on the heap, so that a copy that was freed or never made shows.
#[derive(PartialEq, Eq, Debug)]
struct Key(Box<u64>);

impl Clone for Key {
    fn clone(&self) -> Self {
        count_down();
        Self(self.0.clone())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        count_down();
        self.0.hash(hasher);
    }
}

/// Gives the hash whose place in the directory the key itself tells: its top bits.
#[derive(Default)]
struct Direct(u64);

impl Hasher for Direct {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, number: u64) {
        // The inverse of the golden ratio by which the directory multiplies.
        self.0 = number.wrapping_mul(0xF1DE_83E1_9937_733D);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A small generator (xorshift64) that makes each case repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    /// One in four keys is somewhere, the others share their top bits.
    fn key(&mut self) -> u64 {
        if self.below(4) == 0 { self.below(64) << 58 | self.below(8) } else { self.below(600) | self.below(2) << 50 }
    }
}

/// Runs `call` with a panic in one of the next calls of user code, now and then.
fn perhaps_panicking<R>(random: &mut Random, call: impl FnOnce() -> R) -> Option<R> {
    CALLS_LEFT.set((random.below(6) == 0).then(|| random.below(130)));
    let result = catch_unwind(AssertUnwindSafe(call));
    CALLS_LEFT.set(None);
    result.ok()
}

fn contents<S>(bucket: &ReadBucket<Key, u64, S>) -> Model {
    bucket.iter().map(|(key, &value)| (*key.0, value)).collect()
}

/// One random change through `insert` and `remove`, which may panic.
fn change(
    random: &mut Random,
    model: &mut Model,
    grows: bool,
    insert: impl FnOnce(Key, u64) -> Option<u64>,
    remove: impl FnOnce(&Key) -> Option<u64>,
) {
    let (number, value) = (random.key(), random.below(1_000));
    let key = Key(Box::new(number));
    if (random.below(8) > 0) == grows {
        if let Some(old) = perhaps_panicking(random, || insert(key, value)) {
            assert_eq!(old, model.insert(number, value));
        }
    } else if let Some(old) = perhaps_panicking(random, || remove(&key)) {
        assert_eq!(old, model.remove(&number));
    }
}

/// Grows and shrinks a store, and compares it and the read buckets held meanwhile with the model.
fn goes_on(
    seed: u64,
    round: impl Fn(&Store<Key, u64, Hashed>, &mut Random, &mut Model, bool),
    store: Store<Key, u64, Hashed>,
) {
    let mut random = Random(seed);
    let mut model = Model::new();
    let mut held = Vec::new();
    for number in 0..10 {
        round(&store, &mut random, &mut model, number % 3 != 2);
        held.push((store.read(), model.clone()));
        assert!(model.iter().all(|(&key, value)| held.last().unwrap().0.get(&Key(Box::new(key))) == Some(value)));
        if held.len() > 3 {
            held.swap_remove(random.below(3) as usize);
            store.collect();
        }
        assert!(held.iter().all(|(bucket, model)| contents(bucket) == *model), "seed {seed}: a frozen one changed");
    }
    drop(store);
    assert!(held.iter().all(|(bucket, model)| contents(bucket) == *model), "seed {seed}: changed with the store's end");
}

#[test]
fn write_bucket_goes_on_after_panics_that_were_caught() {
    for seed in 1..60 {
        let round = |store: &Store<Key, u64, Hashed>, random: &mut Random, model: &mut Model, grows| {
            let saved = model.clone();
            let mut write = store.write();
            for _ in 0..random.below(600) {
                let cell = std::cell::RefCell::new(&mut write);
                let insert = |key, value| cell.borrow_mut().insert(key, value);
                change(random, model, grows, insert, |key| cell.borrow_mut().remove(key));
                assert_eq!(write.len(), model.len());
            }
            if random.below(3) == 0 {
                write.discard();
                *model = saved;
            } else {
                write.publish();
            }
        };
        goes_on(seed, round, Store::with_hasher(Hashed::default()));
    }
}

#[test]
fn staged_writes_go_on_after_panics_that_were_caught() {
    for seed in 1..60 {
        let round = |store: &Store<Key, u64, Hashed>, random: &mut Random, model: &mut Model, grows| {
            for _ in 0..random.below(600) {
                change(random, model, grows, |key, value| store.insert(key, value), |key| store.remove(key));
            }
            store.publish();
        };
        goes_on(seed, round, Store::builder().hasher(Hashed::default()).publish_every(usize::MAX).build());
    }
}
