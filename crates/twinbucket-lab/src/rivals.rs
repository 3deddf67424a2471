//! The store and its rivals, behind one trait.
//!
//! All use the same hasher type, [`DefaultHashBuilder`], each with a seed of its own; where one cannot, its name says so.
//! Loops over keys run inside a rival, so that each is compiled for its own types and the dynamic call costs nothing that
//! counts.
//!
//! [`kinds`] lists all there are, [`select`] those that were asked for. This file fixes what a rival is; each of the others
//! makes one design, or several alike, into one.

mod alternatives;
mod bare;
#[cfg(feature = "peers")]
mod peers;
mod registry;
mod store;

use std::collections::HashSet;
use std::hint::black_box;

pub use hashbrown::DefaultHashBuilder;
use twinbucket_alternatives::{Capabilities, ConcurrentMap};

pub(crate) use self::registry::every;
pub use self::registry::{Selected, UnknownRival, kinds, select};
pub(crate) use self::store::reader_of;
use crate::item::Item;

/// One kind of rival: what it is called, how it is read, and how to make one.
#[derive(Debug)]
pub struct Kind<T> {
    /// What the command line and files call it: `store`, `left-right`.
    pub id: &'static str,
    /// What tables and charts call it.
    pub name: &'static str,
    /// The ways to read it, the most usual one first; at least one.
    pub ways: &'static [Way],
    /// What the design promises.
    pub promises: Capabilities,
    /// Whether [`Rival::publish`] shows all of a delta at once.
    pub all_at_once: bool,
    /// Whether it is meant for several threads; of the others, all calls come from one.
    pub concurrent: bool,
    /// Makes one that holds the given entries.
    pub build: Build<T>,
}

impl<T> Clone for Kind<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kind<T> {}

/// One way to read a rival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// What the command line and files call it; no two ways of any rivals have the same.
    pub id: &'static str,
    /// What tables and charts call it.
    pub name: &'static str,
    /// Whether a reader sees what is published after it was made; a frozen view does not.
    pub follows: bool,
}

/// Makes a rival of entries.
pub type Build<T> = fn(&mut dyn Iterator<Item = (T, T)>) -> Box<dyn Rival<T>>;

/// One way to do the store's job, shared by threads.
pub trait Rival<T: Item>: Send + Sync {
    /// Makes a reader for the calling thread; `way` is an index into [`Kind::ways`].
    fn reader(&self, way: usize) -> Box<dyn Lookups<T> + '_>;

    /// Applies all changes and makes them visible to whoever reads next: all at once where the design can, or else one by
    /// one. Leaves `changes` empty.
    ///
    /// Any thread may call this at any time; where the design has one writer, they wait for each other.
    fn publish(&self, changes: &mut Vec<(T, T)>) {
        self.publish_staged(changes, &mut || ());
    }

    /// Does what [`publish`](Self::publish) does and calls `staged` once on the way: when the changes are made in private and
    /// the design begins to show them. Where it makes them in place, that is before the first.
    fn publish_staged(&self, changes: &mut Vec<(T, T)>, staged: &mut dyn FnMut());

    /// Replaces the whole content, in the way that the design does it best.
    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>);

    /// Visits all entries and sums up the weights of the values.
    fn walk(&self) -> u64;

    /// Frees what merely waits to be freed, where the rival can be told to.
    fn settle(&self) {}

    /// Returns a view of the current content that nobody waits for, or `None` if the design has none.
    fn hold(&self) -> Option<Box<dyn View<T> + '_>>;

    /// Looks `key` up and calls `meanwhile` while still inside of the map, as a slow reader is: with whatever this design's
    /// readers hold while they look at an entry, be it a guard, a lock or a view.
    ///
    /// `meanwhile` must not publish: where writers wait for readers, that would wait for ever.
    ///
    /// # Panics
    /// If the key is missing.
    fn linger(&self, key: &T, meanwhile: &mut dyn FnMut());

    /// Returns the number of entries.
    fn len(&self) -> usize;

    /// Tells whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The reader of one thread.
pub trait Lookups<T> {
    /// Looks each key up and sums up the weights of what is found; a missing key adds [`MISSING`].
    fn sum(&mut self, keys: &[T]) -> u64;

    /// Looks one key up and returns the [mark](Item::mark) of its value.
    fn mark(&mut self, key: &T) -> Option<u64>;
}

/// A point-in-time view that is held: whatever is published meanwhile, it tells the content from when it was taken.
pub trait View<T>: Send {
    /// Returns all entries, in any order.
    fn contents(&self) -> Vec<(T, T)>;
}

/// What [`Lookups::sum`] adds for a key that is missing: more than all weights of strings together, and odd.
pub const MISSING: u64 = (1 << 50) + 1;

/// Runs the loop of [`Lookups::sum`] with no lookup in it, to be taken off.
pub fn empty_loop<T: Item>(keys: &[T]) -> u64 {
    sum(keys, |key| Some(key.touch()))
}

/// What hands out values one by one.
trait Lookup<T> {
    /// Looks `key` up and returns what `look` makes of its value.
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R>;
}

/// A map of the shared trait, looked at by one thread.
struct Shared<'a, M>(&'a M);

impl<T: Item, M: ConcurrentMap<T, T>> Lookup<T> for Shared<'_, M> {
    #[inline]
    fn with<R>(&mut self, key: &T, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.get_with(key, look)
    }
}

/// A reader made of what hands out values one by one.
struct OneByOne<L>(L);

impl<T: Item, L: Lookup<T>> Lookups<T> for OneByOne<L> {
    fn sum(&mut self, keys: &[T]) -> u64 {
        sum(keys, |key| self.0.with(key, T::weigh))
    }

    fn mark(&mut self, key: &T) -> Option<u64> {
        self.0.with(key, T::mark)
    }
}

/// Looks each key up and sums up the weights that `get` finds.
#[inline]
fn sum<'a, T>(keys: &'a [T], mut get: impl FnMut(&'a T) -> Option<u64>) -> u64 {
    keys.iter().fold(0, |sum, key| sum.wrapping_add(get(black_box(key)).unwrap_or(MISSING)))
}

/// Sums up the weights of values.
#[inline]
fn total<'a, T: Item>(values: impl Iterator<Item = &'a T>) -> u64 {
    values.fold(0, |sum, value| sum.wrapping_add(value.weigh()))
}

/// Inserts entries and returns their keys.
fn noted<T: Item>(entries: &mut dyn Iterator<Item = (T, T)>, mut insert: impl FnMut(T, T)) -> HashSet<T> {
    entries
        .map(|(key, value)| {
            insert(key.clone(), value);
            key
        })
        .collect()
}

/// Returns clones of entries.
fn cloned<'a, T: Item>(entries: impl Iterator<Item = (&'a T, &'a T)>) -> Vec<(T, T)> {
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Why [`Rival::linger`] finds its key.
const IN_TABLE: &str = "the caller vouches for the key";
