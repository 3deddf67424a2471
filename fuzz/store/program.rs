//! What an input stands for: a store and what is done with it.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::hashing::Hashing;

/// Number of keys.
pub(crate) const KEYS: u16 = 4096;

/// Most entries of a run.
const LONGEST: u16 = 1500;

/// Read buckets that can be held at once.
pub(crate) const SLOTS: usize = 6;

/// A store and what is done with it.
#[derive(Arbitrary)]
pub(crate) struct Program {
    /// Its hasher.
    pub(crate) hashing: Hashing,
    /// Generations that it keeps before the current one.
    #[arbitrary(with = up_to::<3>)]
    pub(crate) keep: usize,
    /// Single writes that make a publish, less one.
    #[arbitrary(with = up_to::<3>)]
    pub(crate) publish_every: usize,
    /// Entries that it has room for at the start.
    #[arbitrary(with = up_to::<4000>)]
    pub(crate) capacity: usize,
    /// Whether the read bucket of each publish is held, in the slot of as many zeros as its number ends with, for as long
    /// as that takes to come again: pins of every age, of which younger ones go first.
    pub(crate) holds_all: bool,
    /// Whether the store goes before what is held.
    pub(crate) outlived: bool,
    /// What is done.
    pub(crate) operations: Vec<Operation>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hashing, keep, publish_every, capacity, holds_all, outlived, operations } = self;
        let every = publish_every + 1;
        writeln!(f, "store: hasher {hashing:?}, keep({keep}), publish_every({every}), capacity({capacity})")?;
        if *holds_all {
            writeln!(f, "after each publish: Hold(zeros at the end of its number, 0)")?;
        }
        for operation in operations {
            writeln!(f, "{operation:?}")?;
        }
        f.write_str(if *outlived { "drop the store, then what is held" } else { "drop what is held, then the store" })
    }
}

/// Entries with consecutive keys and values; keys wrap, so that one may come twice.
#[derive(Clone, Copy, Arbitrary)]
pub(crate) struct Run {
    /// Key of the first entry.
    #[arbitrary(with = key)]
    pub(crate) start: u16,
    /// Number of entries.
    #[arbitrary(with = length)]
    pub(crate) len: u16,
    /// Value of the first entry.
    pub(crate) value: u8,
}

impl Run {
    /// The entries, as numbers.
    pub(crate) fn entries(self) -> impl Iterator<Item = (u16, u16)> {
        (0..self.len).map(move |step| ((self.start + step) % KEYS, u16::from(self.value) + step))
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, len, value } = self;
        write!(f, "{len} from {start} => {value}")
    }
}

/// One thing to do. A write bucket is opened where one is needed, and dropped before anything that needs another.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(crate) enum Operation {
    /// `WriteBucket::insert`.
    Insert(#[arbitrary(with = key)] u16, u8),
    /// `WriteBucket::remove`.
    Remove(#[arbitrary(with = key)] u16),
    /// `WriteBucket::modify`.
    Modify(#[arbitrary(with = key)] u16, u8),
    /// `WriteBucket::entry(..).or_insert(..)`.
    EntryOrInsert(#[arbitrary(with = key)] u16, u8),
    /// `WriteBucket::entry(..).and_modify(..).or_insert_with(..)`.
    EntryModify(#[arbitrary(with = key)] u16, u8),
    /// `WriteBucket::entry`: replaces what is there, and inserts nothing.
    EntryReplace(#[arbitrary(with = key)] u16, u8),
    /// `WriteBucket::entry`: removes what is there, else inserts.
    EntryFlip(#[arbitrary(with = key)] u16, u8),
    /// `WriteBucket::extend`.
    Extend(Run),
    /// `WriteBucket::remove` for each key of a run.
    RemoveRun(Run),
    /// `WriteBucket::retain`: drops each key with this rest modulo that number, which is one more than is said.
    Retain(#[arbitrary(with = up_to::<7>)] usize, #[arbitrary(with = up_to::<3>)] usize),
    /// `WriteBucket::clear`.
    Clear,
    /// `WriteBucket::sync`.
    Sync(Run),
    /// `WriteBucket::replace_all`.
    ReplaceAll(Run),
    /// `WriteBucket::iter`, `get` and `contains_key`.
    Look(#[arbitrary(with = key)] u16),
    /// `WriteBucket::publish`.
    Publish,
    /// `WriteBucket::stage`.
    Stage,
    /// `WriteBucket::discard`.
    Discard,
    /// Drops the write bucket.
    DropWriteBucket,
    /// `Store::try_write`, with and without an open write bucket.
    TryWrite,
    /// `Store::insert`.
    StoreInsert(#[arbitrary(with = key)] u16, u8),
    /// `Store::remove`.
    StoreRemove(#[arbitrary(with = key)] u16),
    /// `Store::extend`, which publishes at once.
    StoreExtend(Run),
    /// `Store::replace_all`.
    StoreReplaceAll(Run),
    /// `Store::publish`.
    StorePublish,
    /// `Store::rollback` by so many generations.
    Rollback(#[arbitrary(with = up_to::<5>)] usize),
    /// `Store::collect`.
    Collect,
    /// `Store::read`, held in that slot; goes so many entries into a walk of it.
    Hold(#[arbitrary(with = slot)] usize, u8),
    /// `Store::at`, so many generations back, held in that slot.
    HoldOlder(#[arbitrary(with = slot)] usize, #[arbitrary(with = up_to::<5>)] usize),
    /// Puts a clone of what one slot holds into another.
    CloneHeld(#[arbitrary(with = slot)] usize, #[arbitrary(with = slot)] usize),
    /// `ReadBucket::entry`: of what the slot holds, only that entry is held from now on.
    HoldEntry(#[arbitrary(with = slot)] usize, #[arbitrary(with = key)] u16),
    /// Looks at what a slot holds.
    LookAtHeld(#[arbitrary(with = slot)] usize),
    /// Drops what a slot holds.
    Release(#[arbitrary(with = slot)] usize),
    /// `ReadBucket::diff` and `==` between what two slots hold.
    Diff(#[arbitrary(with = slot)] usize, #[arbitrary(with = slot)] usize),
    /// `Reader::get`.
    ReaderGet(#[arbitrary(with = key)] u16),
    /// `Reader::release`.
    ReaderRelease,
    /// Replaces the reader by its clone.
    ReaderClone,
}

/// A key.
fn key(u: &mut Unstructured<'_>) -> Result<u16> {
    u.int_in_range(0..=KEYS - 1)
}

/// The length of a run.
fn length(u: &mut Unstructured<'_>) -> Result<u16> {
    u.int_in_range(0..=LONGEST)
}

/// A slot for what is held.
fn slot(u: &mut Unstructured<'_>) -> Result<usize> {
    u.int_in_range(0..=SLOTS - 1)
}

/// A small number.
fn up_to<const MOST: usize>(u: &mut Unstructured<'_>) -> Result<usize> {
    u.int_in_range(0..=MOST)
}
