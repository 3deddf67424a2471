//! The store that a panicking operation starts from, and what can be seen of it.

use std::collections::BTreeMap;
use std::ops::Range;

use twinbucket::{Generation, ReadBucket, Store};

use crate::common::census::Census;
use crate::panicking::around::{TouchyObserver, TouchyState};
use crate::panicking::touchy::{Fault, Touchy, call};

/// What a bucket holds, as plain numbers.
pub(crate) type Content = BTreeMap<u64, u64>;

/// Puts entries into plain numbers; none may come twice.
fn content<'a>(entries: impl Iterator<Item = (&'a Touchy, &'a Touchy)>) -> Content {
    let mut content = Content::new();
    for (key, value) in entries {
        assert_eq!(content.insert(key.0.value, value.0.value), None, "key {} comes once", key.0.value);
    }
    content
}

/// Asserts that two contents are the same; tells the first keys in which they differ.
#[track_caller]
pub(crate) fn assert_same(story: &str, found: &Content, wanted: &Content) {
    let keys = found.keys().chain(wanted.keys());
    let differing: Vec<_> = keys.filter(|key| found.get(key) != wanted.get(key)).take(5).collect();
    assert!(differing.is_empty(), "{story}: {} entries instead of {}, keys {differing:?}", found.len(), wanted.len());
}

/// What a test can see of a store.
#[derive(Debug)]
pub(crate) struct View {
    /// The content of the current read bucket.
    pub(crate) published: Content,
    /// The content of the write bucket, that is with what is staged.
    pub(crate) written: Content,
}

/// What a store is like before the operation.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    /// Number of entries.
    pub(crate) entries: u64,
    /// Number of single writes that make a publish.
    pub(crate) publish_every: usize,
    /// Number of past generations that are kept.
    pub(crate) keep: usize,
}

impl Setup {
    /// A store of so many entries that publishes every write and keeps nothing.
    pub(crate) fn of(entries: u64) -> Self {
        Self { entries, publish_every: 1, keep: 0 }
    }
}

/// A store with its past, ready for an operation.
pub(crate) struct Bench {
    /// The register of all keys and values.
    pub(crate) census: &'static Census,
    /// The store.
    pub(crate) store: Store<Touchy, Touchy, TouchyState>,
    /// Its generation when the bench was made.
    pub(crate) origin: Generation,
    /// Read buckets of earlier generations, so that what is replaced has someone to see it.
    pub(crate) pins: Vec<ReadBucket<Touchy, Touchy, TouchyState>>,
}

impl Bench {
    /// Makes a store with three held generations and some staged changes.
    pub(crate) fn new(census: &'static Census, Setup { entries, publish_every, keep }: Setup) -> Self {
        let builder = Store::builder().hasher(TouchyState).observer(TouchyObserver);
        let store = builder.keep(keep).publish_every(publish_every).build();
        let bench = Self { census, origin: store.generation(), store, pins: Vec::new() };
        bench.put(0..entries, 0);
        let mut bench = Self { origin: bench.store.generation(), ..bench };
        for round in 1..=3 {
            bench.pins.push(bench.store.read());
            bench.put(round..round + 4, round);
        }
        let mut staged = bench.store.write();
        staged.insert(bench.touchy(1), bench.touchy(100));
        staged.insert(bench.touchy(1_000_000), bench.touchy(100));
        staged.remove(&bench.touchy(2));
        staged.stage();
        bench
    }

    /// Makes a key or value.
    pub(crate) fn touchy(&self, value: u64) -> Touchy {
        Touchy(self.census.tracked(value))
    }

    /// Makes entries, each with its key plus `shift` as its value. The iterator may panic.
    pub(crate) fn entries(&self, keys: Range<u64>, shift: u64) -> impl Iterator<Item = (Touchy, Touchy)> + use<> {
        let census = self.census;
        keys.map(move |key| {
            call(Fault::Given);
            (Touchy(census.tracked(key)), Touchy(census.tracked(key + shift)))
        })
    }

    /// Publishes these entries.
    pub(crate) fn put(&self, keys: Range<u64>, shift: u64) {
        let mut write = self.store.write();
        write.extend(self.entries(keys, shift));
        write.publish();
    }

    /// What can be seen of the store now.
    pub(crate) fn view(&self) -> View {
        let published = content(self.store.read().iter());
        let write = self.store.write();
        let written = content(write.iter());
        assert_eq!(write.len(), written.len());
        write.discard();
        View { published, written }
    }

    /// Uses the store in earnest, to see that it still works.
    pub(crate) fn use_on(&self) {
        let mut expected = self.view().written;
        self.put(50..90, 7);
        expected.extend((50..90).map(|key| (key, key + 7)));
        self.store.remove(&self.touchy(60));
        expected.remove(&60);
        self.store.publish();
        let bucket = self.store.read();
        assert_same("used on", &content(bucket.iter()), &expected);
        for (key, value) in &expected {
            assert_eq!(bucket.get(&self.touchy(*key)).map(|value| value.0.value), Some(*value));
        }
    }
}
