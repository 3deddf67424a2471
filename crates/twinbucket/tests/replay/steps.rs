//! The steps that the model test replays, and how to draw one.

use proptest::prelude::{Just, Strategy, any, prop_oneof};

/// Entries with consecutive keys and values; keys wrap at the end of the key space, so that one may come twice.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Key of the first entry.
    pub(crate) start: u16,
    /// Number of entries.
    pub(crate) len: u16,
    /// Value of the first entry.
    pub(crate) seed: u16,
}

/// One step on one store.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// `WriteBucket::insert`.
    Insert(u16, u16),
    /// `WriteBucket::remove`.
    Remove(u16),
    /// `WriteBucket::modify`.
    Modify(u16, u16),
    /// `WriteBucket::entry(..).or_insert`.
    EntryOrInsert(u16, u16),
    /// `WriteBucket::entry(..).and_modify(..).or_insert_with(..)`.
    EntryModify(u16, u16),
    /// `WriteBucket::entry`: removes what is there, else inserts.
    EntryFlip(u16, u16),
    /// `WriteBucket::extend`.
    Extend(Run),
    /// `WriteBucket::remove` for each key of a run.
    RemoveRun(Run),
    /// `WriteBucket::retain`: drops each key with this rest modulo that number.
    Retain(u16, u16),
    /// `WriteBucket::clear`.
    Clear,
    /// `WriteBucket::sync`.
    Sync(Run),
    /// `WriteBucket::replace_all`.
    ReplaceAll(Run),
    /// `WriteBucket::publish`.
    Publish,
    /// `WriteBucket::stage`.
    Stage,
    /// `WriteBucket::discard`.
    Discard,
    /// Drops the write bucket.
    DropWriteBucket,
    /// `Store::insert`.
    StoreInsert(u16, u16),
    /// `Store::remove`.
    StoreRemove(u16),
    /// `Store::extend`, which publishes at once.
    StoreExtend(Run),
    /// `Store::replace_all`.
    StoreReplaceAll(Run),
    /// `Store::publish`.
    StorePublish,
    /// `Store::rollback` by so many generations.
    Rollback(usize),
    /// `Store::collect`.
    Collect,
    /// `Store::read`, and goes so many entries into a walk of it.
    Hold(usize),
    /// Drops the held read bucket of this number, modulo how many there are.
    Release(usize),
    /// `ReadBucket::diff` between two held read buckets, be they of one store or of two.
    Diff(usize, usize),
}

/// Any run; most are short.
fn run() -> impl Strategy<Value = Run> {
    let len = prop_oneof![5 => 1..400_u16, 1 => 400..4_000_u16];
    (any::<u16>(), len, 0..1_000_u16).prop_map(|(start, len, seed)| Run { start, len, seed })
}

/// Any step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let entry = || (any::<u16>(), any::<u16>());
    prop_oneof![
        4 => entry().prop_map(|(key, value)| Step::Insert(key, value)),
        3 => any::<u16>().prop_map(Step::Remove),
        2 => entry().prop_map(|(key, value)| Step::Modify(key, value)),
        1 => entry().prop_map(|(key, value)| Step::EntryOrInsert(key, value)),
        1 => entry().prop_map(|(key, value)| Step::EntryModify(key, value)),
        1 => entry().prop_map(|(key, value)| Step::EntryFlip(key, value)),
        4 => run().prop_map(Step::Extend),
        3 => run().prop_map(Step::RemoveRun),
        1 => (2..5_u16, 0..2_u16).prop_map(|(modulus, rest)| Step::Retain(modulus, rest)),
        1 => Just(Step::Clear),
        2 => run().prop_map(Step::Sync),
        1 => run().prop_map(Step::ReplaceAll),
        6 => Just(Step::Publish),
        2 => Just(Step::Stage),
        2 => Just(Step::Discard),
        1 => Just(Step::DropWriteBucket),
        2 => entry().prop_map(|(key, value)| Step::StoreInsert(key, value)),
        1 => any::<u16>().prop_map(Step::StoreRemove),
        1 => run().prop_map(Step::StoreExtend),
        1 => run().prop_map(Step::StoreReplaceAll),
        1 => Just(Step::StorePublish),
        2 => (0..5_usize).prop_map(Step::Rollback),
        1 => Just(Step::Collect),
        4 => (0..300_usize).prop_map(Step::Hold),
        3 => any::<usize>().prop_map(Step::Release),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(new, old)| Step::Diff(new, old)),
    ]
}
