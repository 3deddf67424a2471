//! Random writes, some of which panic, against a model: in a write bucket that goes on after the panic was caught, and in
//! single writes that are staged.
//!
//! Each write is all or nothing by itself, whatever it was doing to leaves and directory when user code panicked, and
//! held read buckets stay as they are.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::test_runner::TestRunner;
use twinbucket::{ReadBucket, Store, WriteBucket};

use crate::common::census::Census;
use crate::common::hashing::Hashing;
use crate::panicking::plain::Plain;
use crate::panicking::touchy::{FUSE, Fault, Injected, Touchy};

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod census;
    pub(crate) mod hashing;
}

/// Parts shared with the test of single panics.
mod panicking {
    pub(crate) mod plain;
    pub(crate) mod touchy;
}

/// What a bucket should hold, as plain numbers.
type Content = BTreeMap<u64, u64>;

/// A number whose use may panic.
trait Volatile: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// Makes one; what has something to drop is registered.
    fn make(census: &'static Census, number: u64) -> Self;

    /// The number.
    fn number(&self) -> u64;
}

impl Volatile for Touchy {
    fn make(census: &'static Census, number: u64) -> Self {
        Self(census.tracked(number))
    }

    fn number(&self) -> u64 {
        self.0.value
    }
}

impl Volatile for Plain {
    fn make(_: &'static Census, number: u64) -> Self {
        Self(number)
    }

    fn number(&self) -> u64 {
        self.0
    }
}

/// How the writes of a round reach the store.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Through one write bucket, which is published.
    Publish,
    /// Through one write bucket, which is staged.
    Stage,
    /// Through one write bucket, which is discarded.
    Discard,
    /// One by one, published by policy and at the end.
    Single,
}

/// A number of writes, some of which panic.
#[derive(Clone, Debug)]
struct Round {
    /// How the writes reach the store.
    way: Way,
    /// How many writes.
    writes: u16,
    /// How many of eight are insertions, the others removals.
    insertions: u64,
    /// Where the draw of keys and panics begins.
    seed: u64,
}

/// Any round.
fn round() -> impl Strategy<Value = Round> {
    let way = prop_oneof![Just(Way::Publish), Just(Way::Stage), Just(Way::Discard), Just(Way::Single)];
    let insertions = prop_oneof![Just(1), Just(4), Just(7)];
    let parts = (way, 1..900_u16, insertions, any::<u64>());
    parts.prop_map(|(way, writes, insertions, seed)| Round { way, writes, insertions, seed })
}

/// Draws numbers, the same ones from the same seed.
struct Draw(Cell<u64>);

impl Draw {
    /// A number below `end`.
    fn below(&self, end: u64) -> u64 {
        let state = self.0.get().wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.0.set(state);
        (state >> 33) % end
    }

    /// A key: three of four are even, which some hashers crowd together.
    fn key(&self) -> u64 {
        let key = 2 * self.below(500);
        if self.below(4) == 0 { key + 1 } else { key }
    }

    /// Now and then, a panic in one of the next calls of user code.
    fn fuse(&self) -> Option<(Fault, usize)> {
        // Four of the kinds are called in the writes of this test.
        let fault = *Fault::ALL.get(usize::try_from(self.below(12)).expect("at most 11"))?;
        Some((fault, usize::try_from(1 + self.below(130)).expect("at most 130")))
    }
}

/// A store, what it should hold, and read buckets that are held.
struct Bench<T> {
    /// The register of what has something to drop.
    census: &'static Census,
    /// The store.
    store: Store<T, T, Hashing>,
    /// What the write bucket should hold when none is open.
    staged: Content,
    /// Read buckets, with what they held when they were taken.
    held: Vec<(ReadBucket<T, T, Hashing>, Content)>,
}

impl<T: Volatile> Bench<T> {
    /// Makes the writes of a round: `write` inserts or removes, `look` tells what is there.
    fn write_all(
        &self,
        round: &Round,
        content: &mut Content,
        write: impl Fn(T, Option<T>) -> Option<T>,
        look: impl Fn(&T) -> Option<u64>,
    ) {
        let (draw, census) = (Draw(Cell::new(round.seed)), self.census);
        for _ in 0..round.writes {
            let (number, drawn) = (draw.key(), draw.below(1_000));
            let wanted = (draw.below(8) < round.insertions).then_some(drawn);
            let (key, value) = (T::make(census, number), wanted.map(|value| T::make(census, value)));
            let before = content.get(&number).copied();
            FUSE.set(draw.fuse());
            let outcome = catch_unwind(AssertUnwindSafe(|| write(key, value).map(|old| old.number())));
            FUSE.set(None);
            let found = look(&T::make(census, number));
            match outcome {
                Ok(old) => assert_eq!((old, found), (before, wanted), "key {number}"),
                Err(panic) => {
                    assert!(panic.is::<Injected>(), "only the injected panic comes out");
                    assert!(found == before || found == wanted, "key {number}: {before:?} to {wanted:?} is {found:?}");
                }
            }
            match found {
                Some(value) => content.insert(number, value),
                None => content.remove(&number),
            };
        }
    }

    /// Makes the writes of a round through one write bucket.
    fn write_through_bucket(&self, round: &Round, content: &mut Content) -> WriteBucket<'_, T, T, Hashing> {
        let bucket = RefCell::new(self.store.write());
        let write = |key: T, value: Option<T>| match value {
            Some(value) => bucket.borrow_mut().insert(key, value),
            None => {
                let old = bucket.borrow_mut().remove(&key);
                // A panic here must find `old` in a variable: what is on its way out of a function is leaked.
                drop(key);
                old
            }
        };
        self.write_all(round, content, write, |key| bucket.borrow().get(key).map(T::number));
        let bucket = bucket.into_inner();
        assert_eq!(bucket.len(), content.len());
        assert_eq!(numbers(bucket.iter()), *content);
        bucket
    }

    /// Makes the writes of a round one by one.
    fn write_singly(&self, round: &Round, content: &mut Content) {
        let write = |key: T, value: Option<T>| match value {
            Some(value) => self.store.insert(key, value),
            None => {
                let old = self.store.remove(&key);
                drop(key);
                old
            }
        };
        self.write_all(round, content, write, |key| self.store.write().get(key).map(T::number));
        self.store.publish();
    }

    /// Runs one round and checks what is held.
    fn run(&mut self, round: &Round) {
        let mut content = self.staged.clone();
        match round.way {
            Way::Publish => drop(self.write_through_bucket(round, &mut content).publish()),
            Way::Stage => self.write_through_bucket(round, &mut content).stage(),
            Way::Discard => self.write_through_bucket(round, &mut self.staged.clone()).discard(),
            Way::Single => self.write_singly(round, &mut content),
        }
        self.staged = content;
        if matches!(round.way, Way::Publish | Way::Single) {
            self.held.push((self.store.read(), self.staged.clone()));
        }
        if self.held.len() > 4 {
            self.held.swap_remove(usize::try_from(round.seed % 5).expect("0 to 4"));
        }
        for (bucket, content) in &self.held {
            check(self.census, bucket, content);
        }
    }
}

/// Checks a read bucket against what it should hold.
fn check<T: Volatile>(census: &'static Census, bucket: &ReadBucket<T, T, Hashing>, content: &Content) {
    assert_eq!(bucket.len(), content.len());
    assert_eq!(numbers(bucket.iter()), *content);
    for (key, value) in content {
        assert_eq!(bucket.get(&T::make(census, *key)).map(T::number), Some(*value), "key {key}");
    }
}

/// Puts entries into plain numbers; none may come twice.
fn numbers<'a, T: Volatile>(entries: impl Iterator<Item = (&'a T, &'a T)>) -> Content {
    let mut content = Content::new();
    for (key, value) in entries {
        assert_eq!(content.insert(key.number(), value.number()), None, "{key:?} comes once");
    }
    content
}

/// Runs random rounds on stores of several kinds.
fn goes_on_after_panics<T: Volatile>(hashing: Hashing) {
    let mut config = ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 30;
    }
    let rounds = (proptest::collection::vec(round(), 1..8), prop_oneof![Just(1), Just(3), Just(usize::MAX)]);
    let outcome = TestRunner::new(config).run(&rounds, |(rounds, publish_every)| {
        let census = Census::open();
        let store = Store::builder().hasher(hashing.clone()).publish_every(publish_every).build();
        let mut bench = Bench::<T> { census, store, staged: Content::new(), held: Vec::new() };
        rounds.iter().for_each(|round| bench.run(round));
        let Bench { store, held, .. } = bench;
        drop(store);
        held.iter().for_each(|(bucket, content)| check(census, bucket, content));
        drop(held);
        census.assert_settled("after all rounds");
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn writes_of_things_to_drop_are_all_or_nothing_each() {
    Hashing::all().into_iter().for_each(goes_on_after_panics::<Touchy>);
}

#[test]
fn writes_of_plain_data_are_all_or_nothing_each() {
    Hashing::all().into_iter().for_each(goes_on_after_panics::<Plain>);
}
