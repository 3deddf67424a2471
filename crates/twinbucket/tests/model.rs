//! Replays random steps on several stores at once against `std::collections::HashMap`.
//!
//! Every generation that is held or kept has its own map beside it, and is compared with it when it goes. `PROPTEST_CASES`
//! sets the number of cases for a longer run.

use std::collections::HashMap;
use std::rc::Rc;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::TestRunner;
use twinbucket::{Change, Entry, Generation, IntoIter, ReadBucket, Store, WriteBucket};

use crate::common::hashing::Hashing;
use crate::replay::samples::{Page, Sample};
use crate::replay::steps::{Run, Step, step};

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod hashing;
}

/// The parts of this test that stand alone.
mod replay {
    pub(crate) mod samples;
    pub(crate) mod steps;
}

/// What a bucket should hold, by the seeds of its keys and values.
type Model = HashMap<u16, u16>;

/// A read bucket that is held, a walk of it that goes on over all that happens, and what both should give.
struct Held<K, V> {
    /// The read bucket.
    bucket: ReadBucket<K, V, Hashing>,
    /// Its generation when it was taken.
    generation: Generation,
    /// What it held when it was taken.
    model: Rc<Model>,
    /// A walk that has begun.
    walk: IntoIter<K, V, Hashing>,
    /// What the walk has given so far.
    walked: Model,
}

impl<K: Sample, V: Sample> Held<K, V> {
    /// Takes the current read bucket and goes `steps` entries into it.
    fn take(bench: &Bench<'_, K, V>, steps: usize) -> Self {
        let bucket = bench.store.read();
        let mut walk = bucket.clone().into_iter();
        let mut walked = Model::new();
        collect_into(&mut walked, walk.by_ref().take(steps));
        Self { generation: bucket.generation(), bucket, model: Rc::clone(&bench.published), walk, walked }
    }

    /// Ends the walk, and checks it and the bucket against what was there when it was taken.
    fn release(mut self, space: u16) {
        collect_into(&mut self.walked, self.walk);
        assert_eq!(self.walked, *self.model, "a walk gives what was there when it began");
        assert_eq!(self.bucket.generation(), self.generation);
        check(&self.bucket, &self.model, space);
    }
}

/// Puts owned entries into a model; none may come twice.
fn collect_into<K: Sample, V: Sample>(model: &mut Model, entries: impl Iterator<Item = (K, V)>) {
    for (key, value) in entries {
        assert_eq!(model.insert(key.seed(), value.seed()), None, "{key:?} comes once");
    }
}

/// The three ways to see all of a bucket agree with the model: `get`, `iter`, `len`.
fn check<K: Sample, V: Sample>(bucket: &ReadBucket<K, V, Hashing>, model: &Model, space: u16) {
    assert_eq!((bucket.len(), bucket.is_empty()), (model.len(), model.is_empty()));
    let mut walked = Model::new();
    collect_into(&mut walked, bucket.iter().map(|(key, value)| (key.clone(), value.clone())));
    assert_eq!(walked, *model);
    for key in (0..space).map(K::make) {
        assert_eq!(bucket.get(&key).map(V::seed), model.get(&key.seed()).copied(), "{key:?}");
    }
}

/// One store with its models.
struct Bench<'s, K, V> {
    /// The store.
    store: &'s Store<K, V, Hashing>,
    /// The open write bucket, if there is one.
    open: Option<WriteBucket<'s, K, V, Hashing>>,
    /// What the current read bucket holds.
    published: Rc<Model>,
    /// What the write bucket holds when none is open.
    staged: Rc<Model>,
    /// What the open write bucket holds.
    working: Rc<Model>,
    /// Every generation so far.
    history: Vec<(Generation, Rc<Model>)>,
    /// When the store publishes and what it keeps.
    policy: Policy,
    /// Single writes that changed something since the last publish.
    unpublished: usize,
    /// Number of keys in use.
    space: u16,
}

/// When a store publishes and what it keeps.
#[derive(Clone, Copy)]
struct Policy {
    /// How many generations before the current one it keeps.
    keep: usize,
    /// Single writes that make a publish.
    publish_every: usize,
    /// Entries that it has room for at the start.
    capacity: usize,
}

/// The stores that steps are taken on: one for each of these.
const POLICIES: [Policy; 3] = [
    Policy { keep: 3, publish_every: 1, capacity: 0 },
    Policy { keep: 0, publish_every: 4, capacity: 0 },
    Policy { keep: 1, publish_every: 2, capacity: 60_000 },
];

impl<'s, K: Sample, V: Sample> Bench<'s, K, V> {
    /// A bench for a store that is empty.
    fn new(store: &'s Store<K, V, Hashing>, policy: Policy, space: u16) -> Self {
        let empty = Rc::new(Model::new());
        let history = vec![(store.generation(), Rc::clone(&empty))];
        Self {
            store,
            open: None,
            published: Rc::clone(&empty),
            staged: Rc::clone(&empty),
            working: empty,
            history,
            policy,
            unpublished: 0,
            space,
        }
    }

    /// The entries of a run, as keys and values.
    fn entries(&self, run: &Run) -> impl Iterator<Item = (K, V)> + use<K, V> {
        let (start, seed, space) = (run.start % self.space, run.seed, self.space);
        let len = run.len.min(2 * space);
        (0..len).map(move |step| (K::make((start + step) % space), V::make(seed + step)))
    }

    /// The map that holds the entries of a run; a later one wins.
    fn model_of(&self, run: &Run) -> Model {
        self.entries(run).map(|(key, value)| (key.seed(), value.seed())).collect()
    }

    /// The open write bucket, opened if need be, with its model.
    fn writing(&mut self) -> (&mut WriteBucket<'s, K, V, Hashing>, &mut Model) {
        let open = self.open.get_or_insert_with(|| {
            self.working = Rc::clone(&self.staged);
            self.store.write()
        });
        (open, Rc::make_mut(&mut self.working))
    }

    /// Takes a step on the write bucket or on the store.
    fn step(&mut self, step: &Step) {
        match step {
            Step::Publish | Step::Stage | Step::Discard | Step::DropWriteBucket => self.finish(step),
            Step::StoreInsert(..) | Step::StoreRemove(_) => self.write_singly(step),
            Step::StoreExtend(_)
            | Step::StoreReplaceAll(_)
            | Step::StorePublish
            | Step::Rollback(_)
            | Step::Collect => self.order(step),
            Step::Extend(_) | Step::RemoveRun(_) | Step::Sync(_) | Step::ReplaceAll(_) => self.write_runs(step),
            _ => self.write(step),
        }
        if let Some(open) = &self.open {
            assert_eq!((open.len(), open.is_empty()), (self.working.len(), self.working.is_empty()));
        }
        assert_eq!((self.store.len(), self.store.is_empty()), (self.published.len(), self.published.is_empty()));
        let stats = self.store.stats();
        assert!(stats.slots <= 8 * stats.leaves + 64, "the directory stays small: {stats:?}");
    }

    /// Takes a step on the write bucket that concerns one entry, or all of them.
    fn write(&mut self, step: &Step) {
        let space = self.space;
        let sample = |key: u16, value: u16| (K::make(key % space), V::make(value));
        let (open, model) = self.writing();
        match *step {
            Step::Insert(key, value) => {
                let (key, value) = sample(key, value);
                let old = model.insert(key.seed(), value.seed());
                assert_eq!(open.insert(key, value).map(|value| value.seed()), old);
            }
            Step::Remove(key) => {
                let (key, _) = sample(key, 0);
                assert_eq!(open.remove(&key).map(|value| value.seed()), model.remove(&key.seed()));
                assert!(!open.contains_key(&key));
            }
            Step::Modify(key, value) => {
                let (key, value) = sample(key, value);
                let old = model.get_mut(&key.seed()).map(|old| *old = value.seed());
                assert_eq!(open.modify(&key, |old| *old = value.clone()), old.is_some());
                assert_eq!(open.get(&key), old.map(|()| &value));
            }
            Step::EntryOrInsert(key, value) => {
                let (key, value) = sample(key, value);
                let held = *model.entry(key.seed()).or_insert(value.seed());
                assert_eq!(open.entry(key).or_insert(value).seed(), held);
            }
            Step::EntryModify(key, value) => {
                let (key, value) = sample(key, value);
                let other = V::make(7);
                let held = *model.entry(key.seed()).and_modify(|old| *old = value.seed()).or_insert(other.seed());
                let entry = open.entry(key).and_modify(|old| *old = value);
                assert_eq!(entry.or_insert_with(|| other).seed(), held);
            }
            Step::EntryFlip(key, value) => {
                let (key, value) = sample(key, value);
                let old = model.remove(&key.seed());
                if old.is_none() {
                    model.insert(key.seed(), value.seed());
                }
                let removed = match open.entry(key) {
                    Entry::Occupied(entry) => Some(entry.remove().seed()),
                    Entry::Vacant(entry) => {
                        entry.insert(value);
                        None
                    }
                };
                assert_eq!(removed, old);
            }
            Step::Retain(modulus, rest) => {
                model.retain(|key, _| key % modulus != rest);
                open.retain(|key, _| key.seed() % modulus != rest);
            }
            Step::Clear => {
                model.clear();
                open.clear();
            }
            _ => unreachable!("{step:?} is not for the write bucket"),
        }
    }

    /// Takes a step on the write bucket that concerns a run of entries.
    fn write_runs(&mut self, step: &Step) {
        let (Step::Extend(run) | Step::RemoveRun(run) | Step::Sync(run) | Step::ReplaceAll(run)) = step else {
            unreachable!("{step:?} has no run");
        };
        let (entries, incoming) = (self.entries(run), self.model_of(run));
        let (open, model) = self.writing();
        match step {
            Step::Extend(_) => {
                model.extend(incoming);
                open.extend(entries);
            }
            Step::RemoveRun(_) => {
                for (key, _) in entries {
                    assert_eq!(open.remove(&key).map(|value| value.seed()), model.remove(&key.seed()));
                }
            }
            Step::Sync(_) => {
                let unchanged = incoming.iter().filter(|(key, value)| model.get(key) == Some(value)).count();
                let common = incoming.keys().filter(|key| model.contains_key(key)).count();
                let changes = open.sync(entries);
                assert_eq!((changes.changed, changes.unchanged), (common - unchanged, unchanged));
                assert_eq!((changes.added, changes.removed), (incoming.len() - common, model.len() - common));
                assert_eq!(changes.is_empty(), incoming == *model);
                *model = incoming;
            }
            _ => {
                *model = incoming;
                open.replace_all(entries);
            }
        }
    }

    /// Ends the write bucket.
    fn finish(&mut self, step: &Step) {
        self.writing();
        let Some(open) = self.open.take() else { unreachable!("it was opened just now") };
        let mut walked = Model::new();
        collect_into(&mut walked, open.iter().map(|(key, value)| (key.clone(), value.clone())));
        assert_eq!(walked, *self.working, "the write bucket sees its own writes");
        match step {
            Step::Publish => {
                let generation = open.publish();
                self.staged = Rc::clone(&self.working);
                self.published_now(generation);
            }
            Step::Stage => {
                open.stage();
                self.staged = Rc::clone(&self.working);
            }
            Step::Discard => open.discard(),
            _ => drop(open),
        }
    }

    /// Takes a step that writes without a write bucket; an open one is dropped first.
    fn write_singly(&mut self, step: &Step) {
        self.open = None;
        let model = Rc::make_mut(&mut self.staged);
        let is_change = match step {
            Step::StoreInsert(key, value) => {
                let (key, value) = (K::make(key % self.space), V::make(*value));
                let old = model.insert(key.seed(), value.seed());
                assert_eq!(self.store.insert(key, value).map(|value| value.seed()), old);
                true
            }
            Step::StoreRemove(key) => {
                let key = K::make(key % self.space);
                let old = model.remove(&key.seed());
                assert_eq!(self.store.remove(&key).map(|value| value.seed()), old);
                old.is_some()
            }
            _ => unreachable!("{step:?} is not a single write"),
        };
        self.unpublished += usize::from(is_change);
        let generation = self.store.generation();
        if self.policy.publish_every == 1 || generation > self.history[self.history.len() - 1].0 {
            self.published_now(generation);
        }
        assert!(self.unpublished < self.policy.publish_every, "it is time to publish");
    }

    /// Takes a step that concerns the whole store; an open write bucket is dropped first.
    fn order(&mut self, step: &Step) {
        self.open = None;
        match step {
            Step::StoreExtend(run) => {
                let incoming = self.model_of(run);
                Rc::make_mut(&mut self.staged).extend(incoming);
                self.store.clone().extend(self.entries(run));
                self.published_now(self.store.generation());
            }
            Step::StoreReplaceAll(run) => {
                self.staged = Rc::new(self.model_of(run));
                let generation = self.store.replace_all(self.entries(run));
                self.published_now(generation);
            }
            Step::StorePublish => {
                let generation = self.store.publish();
                self.published_now(generation);
            }
            Step::Rollback(back) => self.rollback(*back),
            _ => self.store.collect(),
        }
    }

    /// Goes `back` generations back, if the store still keeps them.
    fn rollback(&mut self, back: usize) {
        let Some(index) = (self.history.len() - 1).checked_sub(back) else { return };
        let (generation, model) = self.history[index].clone();
        if back > self.policy.keep {
            assert!(self.store.at(generation).is_none());
            self.store.rollback(generation).expect_err("too old to be kept");
            return;
        }
        let kept = self.store.at(generation).expect("young enough to be kept");
        assert_eq!(kept.generation(), generation);
        check(&kept, &model, self.space);
        let generation = self.store.rollback(generation).expect("young enough to be kept");
        self.staged = model;
        self.published_now(generation);
    }

    /// Notes that what was staged is published now, and checks the current read bucket.
    fn published_now(&mut self, generation: Generation) {
        let (last, before) = self.history.last().expect("a store begins with one generation");
        let grown = generation.get() - last.get();
        assert!(grown == 1 || (grown == 0 && **before == *self.staged), "{last} to {generation}");
        self.published = Rc::clone(&self.staged);
        self.unpublished = 0;
        if grown == 1 {
            self.history.push((generation, Rc::clone(&self.staged)));
        }
        assert_eq!(self.store.generation(), generation);
        check(&self.store.read(), &self.published, self.space);
    }
}

/// The difference of two held read buckets is that of their maps.
fn check_diff<K: Sample, V: Sample>(new: &Held<K, V>, old: &Held<K, V>) {
    let mut found = HashMap::new();
    for change in new.bucket.diff(&old.bucket) {
        let (key, seeds) = match change {
            Change::Added { key, value } => (key, (None, Some(value.seed()))),
            Change::Removed { key, value } => (key, (Some(value.seed()), None)),
            Change::Changed { key, old, new } => (key, (Some(old.seed()), Some(new.seed()))),
        };
        assert_eq!(found.insert(key.seed(), seeds), None, "{key:?} comes once");
    }
    let keys = new.model.keys().chain(old.model.keys());
    let seeds = |key: &u16| (old.model.get(key).copied(), new.model.get(key).copied());
    let expected = keys.map(|key| (*key, seeds(key))).filter(|(_, (old, new))| old != new).collect();
    assert_eq!(found, expected);
    assert_eq!(new.bucket == old.bucket, new.model == old.model);
}

/// Replays steps on several stores at once.
fn replay_all<K: Sample, V: Sample>(steps: &[(usize, Step)], hashing: &Hashing, space: u16) {
    let stores = POLICIES.map(|Policy { keep, publish_every, capacity }| {
        let builder = Store::<K, V>::builder().hasher(hashing.clone()).capacity(capacity);
        builder.keep(keep).publish_every(publish_every).build()
    });
    let mut benches: Vec<_> =
        stores.iter().zip(POLICIES).map(|(store, policy)| Bench::new(store, policy, space)).collect();
    let mut held = Vec::new();
    for (index, step) in steps {
        match step {
            Step::Hold(steps) => held.push(Held::take(&benches[*index], *steps)),
            Step::Release(_) | Step::Diff(..) if held.is_empty() => {}
            Step::Release(which) => {
                let which = which % held.len();
                held.swap_remove(which).release(space);
            }
            Step::Diff(new, old) => check_diff(&held[new % held.len()], &held[old % held.len()]),
            _ => benches[*index].step(step),
        }
    }
    drop(benches);
    drop(stores);
    held.into_iter().for_each(|held| held.release(space));
}

/// Checks random steps with keys and values of one type; `space` is the number of keys, `cases` how often to try.
fn agrees_with_hash_map<K: Sample, V: Sample>(hashing: &Hashing, space: u16, cases: u32) {
    let mut config =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    let steps = proptest::collection::vec((0..3_usize, step()), 1..80);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        replay_all::<K, V>(&steps, hashing, space);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("with {hashing:?}: {failure}");
    }
}

#[test]
fn u64_agrees_with_hash_map_under_the_default_hasher() {
    agrees_with_hash_map::<u64, u64>(&Hashing::default(), 2000, 500);
}

#[test]
fn u64_agrees_with_hash_map_under_an_identity_hasher() {
    agrees_with_hash_map::<u64, u64>(&Hashing::Identity, 2000, 500);
}

#[test]
fn u64_agrees_with_hash_map_under_a_constant_hasher() {
    agrees_with_hash_map::<u64, u64>(&Hashing::Constant, 300, 300);
}

#[test]
fn strings_agree_with_hash_map_under_the_default_hasher() {
    agrees_with_hash_map::<String, String>(&Hashing::default(), 4000, 200);
}

#[test]
fn strings_agree_with_hash_map_under_an_identity_hasher() {
    agrees_with_hash_map::<String, String>(&Hashing::Identity, 4000, 200);
}

#[test]
fn strings_agree_with_hash_map_under_a_constant_hasher() {
    agrees_with_hash_map::<String, String>(&Hashing::Constant, 200, 300);
}

#[test]
fn zero_sized_values_agree_with_hash_map_under_every_hasher() {
    for hashing in Hashing::all() {
        agrees_with_hash_map::<u64, ()>(&hashing, 300, 60);
    }
}

#[test]
fn zero_sized_keys_agree_with_hash_map_under_every_hasher() {
    for hashing in Hashing::all() {
        agrees_with_hash_map::<(), u64>(&hashing, 1, 60);
    }
}

#[test]
fn pages_of_4_kib_agree_with_hash_map_under_every_hasher() {
    for hashing in Hashing::all() {
        agrees_with_hash_map::<u64, Page>(&hashing, 400, 12);
    }
}

#[test]
fn u64_agrees_with_hash_map_under_attacked_hashers() {
    for hashing in Hashing::all().into_iter().skip(3) {
        agrees_with_hash_map::<u64, u64>(&hashing, 500, 100);
    }
}
