//! A store, and beside it what it should hold: the content of each generation, and of the write bucket between turns.
//!
//! Who writes notes what it is about to publish while it has the turn, so that a reader that sees a generation finds what
//! it should be; only the generation of a rollback is known afterwards, and compared in the end. The notes are under a lock that shuttle does not see: no thread is stopped while it holds it.

use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shuttle::rand::rngs::ThreadRng;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use twinbucket::{Builder, Change, ReadBucket, Store, WriteBucket};

use crate::scenarios::token::{Mint, Token};

/// A hasher that is the same in each run, so that a schedule can be replayed.
pub(crate) type Hashing = BuildHasherDefault<DefaultHasher>;
/// A read bucket of the store.
pub(crate) type Bucket = ReadBucket<Token, Token, Hashing>;
/// What a bucket holds, as plain numbers.
pub(crate) type Content = BTreeMap<u64, u64>;

/// Keys below this number come and go.
const KEYS: u64 = 90;

/// What was done to the store.
#[derive(Default)]
pub(crate) struct Notes {
    /// What the write bucket holds when nobody has it.
    written: Content,
    /// What each generation holds.
    published: BTreeMap<u64, Content>,
    /// The newest generation whose publish has returned.
    returned: u64,
    /// What was seen of generations that were not noted at that time.
    seen: Vec<(u64, Content)>,
}

/// A store and its notes, shared by the threads of a scenario.
pub(crate) struct World {
    /// The store.
    pub(crate) store: Store<Token, Token, Hashing>,
    /// What was done to it.
    notes: Arc<Mutex<Notes>>,
    /// Who makes its keys and values.
    pub(crate) mint: &'static Mint,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), notes: Arc::clone(&self.notes), mint: self.mint }
    }
}

/// Stops for a moment: other threads may run in it.
pub(crate) fn pause() {
    thread::sleep(Duration::ZERO);
}

/// Returns what there is, each key once.
fn content<'a>(entries: impl Iterator<Item = (&'a Token, &'a Token)>) -> Content {
    let mut content = Content::new();
    for (key, value) in entries {
        assert_eq!(content.insert(key.number(), value.number()), None, "a key comes once");
    }
    content
}

impl World {
    /// Makes a store of 70 entries, enough for several leaves, at generation 1.
    pub(crate) fn new(settings: impl FnOnce(Builder<Token, Token, Hashing>) -> Builder<Token, Token, Hashing>) -> Self {
        let mint = Mint::open();
        let store = settings(Store::builder().hasher(Hashing::default())).build();
        store.replace_all((0..70).map(|key| (mint.token(key), mint.token(0))));
        let first: Content = (0..70).map(|key| (key, 0)).collect();
        let notes =
            Notes { written: first.clone(), published: BTreeMap::from([(1, first)]), returned: 1, seen: Vec::new() };
        Self { store, notes: Arc::new(Mutex::new(notes)), mint }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the newest generation whose publish has returned.
    pub(crate) fn returned(&self) -> u64 {
        self.notes().returned
    }

    /// Takes the turn, changes something, and publishes, stages or discards it.
    pub(crate) fn write(&self) {
        let rng = &mut thread_rng();
        let write = if rng.gen_bool(0.2) { self.store.try_write() } else { Some(self.store.write()) };
        let Some(mut write) = write else { return };
        let mut wanted = content(write.iter());
        assert_eq!(wanted, self.notes().written, "begins with what is staged");
        pause();
        self.change(rng, &mut write, &mut wanted);
        pause();
        assert_eq!(content(write.iter()), wanted, "sees its own changes");
        match rng.gen_range(0..4) {
            0 => write.discard(),
            1 => {
                self.notes().written = wanted;
                write.stage();
            }
            _ => self.publish(write, wanted),
        }
    }

    /// Publishes a write bucket that was changed and holds this.
    pub(crate) fn publish(&self, write: WriteBucket<'_, Token, Token, Hashing>, wanted: Content) {
        // Nobody else publishes while this thread has the turn.
        let next = self.store.generation().get() + 1;
        let mut notes = self.notes();
        notes.published.insert(next, wanted.clone());
        notes.written = wanted;
        drop(notes);
        assert_eq!(write.publish().get(), next);
        self.note_returned(next);
    }

    fn note_returned(&self, generation: u64) {
        let mut notes = self.notes();
        notes.returned = notes.returned.max(generation);
    }

    /// Makes one to three changes, the same to the write bucket and to what it should hold.
    fn change(&self, rng: &mut ThreadRng, write: &mut WriteBucket<'_, Token, Token, Hashing>, wanted: &mut Content) {
        for _ in 0..rng.gen_range(1..4) {
            let (key, value) = (rng.gen_range(0..KEYS), rng.gen_range(1..1_000_000));
            match rng.gen_range(0..12) {
                0..5 => {
                    let old = write.insert(self.mint.token(key), self.mint.token(value));
                    assert_eq!(old.map(|old| old.number()), wanted.insert(key, value));
                }
                5..8 => {
                    let old = write.remove(&self.mint.token(key));
                    assert_eq!(old.map(|old| old.number()), wanted.remove(&key));
                }
                8 => {
                    write.retain(|key, _| key.number() % 3 != value % 3);
                    wanted.retain(|key, _| key % 3 != value % 3);
                }
                9 => {
                    write.extend((0..KEYS).map(|key| (self.mint.token(key), self.mint.token(value))));
                    wanted.extend((0..KEYS).map(|key| (key, value)));
                }
                10 => {
                    write.sync((0..60).map(|key| (self.mint.token(key), self.mint.token(value))));
                    *wanted = (0..60).map(|key| (key, value)).collect();
                }
                _ => {
                    write.modify(&self.mint.token(key), |old| *old = self.mint.token(value));
                    wanted.entry(key).and_modify(|old| *old = value);
                }
            }
        }
        // One that is a change whatever those before were.
        let value = rng.gen_range(1_000_000..2_000_000);
        write.insert(self.mint.token(KEYS), self.mint.token(value));
        wanted.insert(KEYS, value);
    }

    /// Takes the turn, changes something and publishes it, where others roll back and nobody stages.
    pub(crate) fn write_between_rollbacks(&self) {
        let mut write = self.store.write();
        let mut wanted = content(write.iter());
        assert_eq!(wanted, content(self.store.read().iter()), "begins with what was published or restored last");
        self.change(&mut thread_rng(), &mut write, &mut wanted);
        self.publish(write, wanted);
    }

    /// Publishes an older generation again, if it is still kept.
    pub(crate) fn roll_back(&self, keep: u64) {
        let asked = self.store.read();
        pause();
        match self.store.rollback(asked.generation()) {
            Ok(restored) => {
                // Where it is the current one, there is nothing to publish.
                assert!(restored >= asked.generation());
                self.notes().published.insert(restored.get(), content(asked.iter()));
                self.note_returned(restored.get());
            }
            Err(_) => assert!(self.store.generation().get() > asked.generation().get() + keep, "it is kept"),
        }
    }

    /// Takes the newest read bucket: what was returned is seen, nothing older than `last`.
    pub(crate) fn read(&self, last: &mut u64) -> Bucket {
        let returned = self.returned();
        let bucket = self.store.read();
        self.follow(&bucket, returned, last);
        bucket
    }

    /// Checks that a read bucket is one generation, not older than what had returned nor than the last one seen.
    pub(crate) fn follow(&self, bucket: &Bucket, returned: u64, last: &mut u64) {
        let generation = bucket.generation().get();
        assert!(generation >= returned, "{returned} had returned, and {generation} is read");
        assert!(generation >= *last, "{generation} after {last}");
        *last = generation;
        self.check(bucket);
    }

    /// Checks that a read bucket holds what its generation should, each entry where it can be found.
    pub(crate) fn check(&self, bucket: &Bucket) {
        let (generation, found) = (bucket.generation().get(), content(bucket.iter()));
        assert_eq!(bucket.len(), found.len());
        for key in [0, 33, 69, KEYS] {
            let value = bucket.get(&self.mint.token(key));
            assert_eq!(value.map(Token::number), found.get(&key).copied(), "key {key}");
        }
        let mut notes = self.notes();
        match notes.published.get(&generation) {
            Some(wanted) => assert_eq!(found, *wanted, "generation {generation}"),
            None => notes.seen.push((generation, found)),
        }
    }

    /// Checks the difference of two read buckets.
    pub(crate) fn check_difference(&self, newer: &Bucket, older: &Bucket) {
        let mut found = content(older.iter());
        for change in newer.diff(older) {
            let is_one = match change {
                Change::Added { key, value } => found.insert(key.number(), value.number()).is_none(),
                Change::Removed { key, value } => found.remove(&key.number()) == Some(value.number()),
                Change::Changed { key, old, new } => {
                    assert_ne!(old.number(), new.number());
                    found.insert(key.number(), new.number()) == Some(old.number())
                }
            };
            assert!(is_one, "{change:?} is no difference");
        }
        assert_eq!(found, content(newer.iter()));
    }

    /// Ends a scenario: all is as it should be, and gone once the last handle is.
    pub(crate) fn end(self) {
        self.settle();
        assert_eq!(self.store.stats().retired_leaves, 0);
        self.vanish();
    }

    /// Publishes and frees all there is, and compares what was left for the end.
    pub(crate) fn settle(&self) {
        self.check(&self.store.read());
        let notes = std::mem::take(&mut *self.notes());
        for (generation, content) in &notes.seen {
            assert_eq!(notes.published.get(generation), Some(content), "generation {generation}");
        }
        self.store.publish();
        self.store.collect();
        assert_eq!((self.store.stats().pinned_generations, self.store.pins().len()), (0, 0));
    }

    /// Drops the last handle, and waits for the store's own thread to let go of it, if there is one.
    pub(crate) fn vanish(self) {
        let mint = self.mint;
        drop(self);
        while mint.left() > 0 {
            thread::yield_now();
        }
    }
}
