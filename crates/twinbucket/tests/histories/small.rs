//! Short histories of any operations on a store, for stateright's general tester: what a store should do, one operation
//! at a time, and how to record what it did.

use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use twinbucket::{Reader, Store};

/// A store of few entries, with the same hasher each time.
pub(crate) type SmallStore = Store<u8, u8, BuildHasherDefault<DefaultHasher>>;
/// Its reader.
pub(crate) type SmallReader = Reader<u8, u8, BuildHasherDefault<DefaultHasher>>;
/// What it holds.
type Content = BTreeMap<u8, u8>;

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    /// `Store::get`, or `Reader::get`, which is to do the same.
    Get(u8),
    /// All entries of a read bucket.
    Read,
    /// `Store::insert`.
    Insert(u8, u8),
    /// `Store::remove`.
    Remove(u8),
    /// A write bucket that sets these keys to this value and is published.
    Publish([u8; 2], u8),
    /// As `Publish`, but staged.
    Stage([u8; 2], u8),
    /// As `Publish`, but discarded.
    Discard([u8; 2], u8),
}

/// What an operation returns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ret {
    /// The value found, or the one there was before.
    Value(Option<u8>),
    /// All entries.
    Entries(Content),
    /// Nothing.
    Done,
}

/// What a store is, without threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// The read bucket.
    published: Content,
    /// The write bucket.
    written: Content,
}

impl SequentialSpec for Model {
    type Op = Op;
    type Ret = Ret;

    fn invoke(&mut self, op: &Op) -> Ret {
        let ret = match op {
            Op::Get(key) => Ret::Value(self.published.get(key).copied()),
            Op::Read => Ret::Entries(self.published.clone()),
            Op::Insert(key, value) => Ret::Value(self.written.insert(*key, *value)),
            Op::Remove(key) => Ret::Value(self.written.remove(key)),
            Op::Publish(keys, value) | Op::Stage(keys, value) => {
                self.written.extend(keys.map(|key| (key, *value)));
                Ret::Done
            }
            Op::Discard(..) => Ret::Done,
        };
        if matches!(op, Op::Insert(..) | Op::Remove(_) | Op::Publish(..)) {
            self.published.clone_from(&self.written);
        }
        ret
    }
}

/// Does an operation, reads through the reader if `cached`.
pub(crate) fn perform(store: &SmallStore, reader: &mut SmallReader, op: &Op, cached: bool) -> Ret {
    match *op {
        Op::Get(key) if cached => Ret::Value(reader.get(&key).copied()),
        Op::Get(key) => Ret::Value(store.get(&key)),
        Op::Read if cached => Ret::Entries(reader.read().iter().map(|(&key, &value)| (key, value)).collect()),
        Op::Read => Ret::Entries(store.read().into_iter().collect()),
        Op::Insert(key, value) => Ret::Value(store.insert(key, value)),
        Op::Remove(key) => Ret::Value(store.remove(&key)),
        Op::Publish(keys, value) | Op::Stage(keys, value) | Op::Discard(keys, value) => {
            let mut write = store.write();
            write.extend(keys.map(|key| (key, value)));
            match op {
                Op::Publish(..) => drop(write.publish()),
                Op::Stage(..) => write.stage(),
                _ => write.discard(),
            }
            Ret::Done
        }
    }
}

/// Makes an operation of a random number.
pub(crate) fn draw(number: u64) -> Op {
    let [kind, key, other, value, ..] = number.to_le_bytes();
    let (key, keys) = (key % 3, [key % 3, other % 3]);
    match kind % 16 {
        0..4 => Op::Get(key),
        4..8 => Op::Read,
        8..10 => Op::Insert(key, value),
        10 => Op::Remove(key),
        11..14 => Op::Publish(keys, value),
        14 => Op::Stage(keys, value),
        _ => Op::Discard(keys, value),
    }
}

/// One operation that a thread has done.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// The operation.
    pub(crate) op: Op,
    /// What it returned.
    pub(crate) ret: Ret,
    /// Points in time before and after it.
    pub(crate) span: [u64; 2],
}

/// A clock that all threads of a history share. It ticks at each look.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn tick(&self) -> u64 {
        // SeqCst: no operation moves out of its span, and what ended before another began is known to it.
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    /// Does something and notes when.
    pub(crate) fn note(&self, op: Op, perform: impl FnOnce(&Op) -> Ret) -> Done {
        let start = self.tick();
        let ret = perform(&op);
        Done { op, ret, span: [start, self.tick()] }
    }
}

/// Tells whether these operations, of some threads, can be put in a row in which each does what [`Model`] does.
pub(crate) fn is_linearizable(threads: &[Vec<Done>]) -> bool {
    let mut events = Vec::new();
    for (thread, done) in threads.iter().enumerate() {
        for Done { op, ret, span: [start, end] } in done {
            events.push((*start, thread, Err(op)));
            events.push((*end, thread, Ok(ret)));
        }
    }
    events.sort_unstable_by_key(|&(at, ..)| at);
    let mut tester = LinearizabilityTester::new(Model::default());
    for (_, thread, event) in events {
        let outcome = match event {
            Err(op) => tester.on_invoke(thread, op.clone()).map(drop),
            Ok(ret) => tester.on_return(thread, ret.clone()).map(drop),
        };
        outcome.expect("each thread does one operation after the other");
    }
    tester.is_consistent()
}
