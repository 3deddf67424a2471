//! The store and its rivals, behind one trait.
//!
//! All use the same hasher type, [`DefaultHashBuilder`], each with a seed of its own. A rival runs whole loops, so that
//! each is compiled for its own types and the dynamic call costs nothing that counts.

mod concurrent;
mod maps;
mod oplog;
mod persistent;
mod store;

use std::hint::black_box;

pub use hashbrown::DefaultHashBuilder;

use crate::item::Item;

/// The bare table that everything is compared to.
pub type Bare<T> = hashbrown::HashMap<T, T, DefaultHashBuilder>;

/// Names that reports and targets refer to.
pub mod names {
    /// The bare `hashbrown::HashMap`, for one thread.
    pub const BARE: &str = "bare HashMap";
    /// The store.
    pub const STORE: &str = "twinbucket";
    /// The store's reader, one look at the current generation per lookup.
    pub const READER: &str = "twinbucket Reader";
    /// The store's read bucket.
    pub const BUCKET: &str = "twinbucket ReadBucket";
    /// papaya, one guard per lookup, as its documentation shows it first.
    pub const PAPAYA: &str = "papaya";
    /// papaya, one guard for the whole loop.
    pub const PAPAYA_GUARD: &str = "papaya, guard kept";
    /// dashmap.
    pub const DASHMAP: &str = "dashmap";
    /// A map behind a reader-writer lock.
    pub const LOCKED: &str = "RwLock<HashMap>";
    /// A map behind an atomic pointer; a change clones it.
    pub const SWAPPED: &str = "clone-and-swap";
    /// The same, `load` for each lookup.
    pub const SWAPPED_LOAD: &str = "ArcSwap::load + HashMap";
    /// The same, through `arc_swap::Cache`.
    pub const SWAPPED_CACHE: &str = "arc_swap::Cache + HashMap";
    /// A persistent map behind an atomic pointer.
    pub const IMBL: &str = "imbl in ArcSwap";
    /// left-right: two maps and a log of operations.
    pub const LEFT_RIGHT: &str = "left-right";
}

/// A loop over keys that looks each up and sums up what it finds, see `sum`.
pub type LookUp<'a, T> = Box<dyn FnMut(&[T]) -> u64 + 'a>;

/// A point-in-time view that is held: whatever is published meanwhile, it tells the content from when it was taken.
pub trait View<T> {
    /// Returns all entries, in any order.
    fn contents(&self) -> Vec<(T, T)>;
}

/// One way to do the store's job.
pub trait Rival<T: Item> {
    /// Returns the name in reports.
    fn name(&self) -> &'static str;

    /// Returns each way to look keys up with its name.
    fn readers(&self) -> Vec<(&'static str, LookUp<'_, T>)>;

    /// Visits all entries and sums up the weights of the values.
    fn walk(&self) -> u64;

    /// Applies all changes and makes them visible to whoever reads next, all at once where the rival can.
    fn publish(&mut self, changes: &mut Vec<(T, T)>);

    /// Frees what merely waits to be freed, where the rival can be told to.
    fn settle(&mut self) {}

    /// Returns a view of the current content, or `None` if the rival has none, or none that a writer does not wait for.
    fn hold(&self) -> Option<Box<dyn View<T>>>;

    /// Returns all entries, in any order.
    fn contents(&self) -> Vec<(T, T)>;
}

/// Makes a rival of entries.
pub type Build<T> = fn(&mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>>;

/// The bare table and the store, which every comparison has.
pub fn anchors<T: Item>() -> Vec<Build<T>> {
    vec![maps::bare, store::store]
}

/// The rivals proper.
pub fn others<T: Item>() -> Vec<Build<T>> {
    vec![maps::locked, maps::swapped, concurrent::papaya, concurrent::dashmap, persistent::imbl, oplog::left_right]
}

/// The anchors and the rivals.
pub fn all<T: Item>() -> Vec<Build<T>> {
    let mut all = anchors();
    all.extend(others());
    all
}

/// What `sum` adds for a key that is missing: more than all weights of strings together, and odd.
const MISSING: u64 = (1 << 50) + 1;

/// Looks up each key and sums up the weights of what is found.
#[inline]
pub(crate) fn sum<'a, T>(keys: &'a [T], mut get: impl FnMut(&'a T) -> Option<u64>) -> u64 {
    keys.iter().fold(0, |sum, key| sum.wrapping_add(get(black_box(key)).unwrap_or(MISSING)))
}

/// The loop of `sum` with no lookup in it, to be taken off.
pub fn empty_loop<T: Item>(keys: &[T]) -> u64 {
    sum(keys, |key| Some(key.touch()))
}

/// Sums up the weights of values.
#[inline]
pub(crate) fn total<'a, T: Item>(values: impl Iterator<Item = &'a T>) -> u64 {
    values.fold(0, |sum, value| sum.wrapping_add(value.weigh()))
}
