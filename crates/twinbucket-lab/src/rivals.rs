//! The store and its rivals, behind one trait.
//!
//! All use the same hasher type, [`DefaultHashBuilder`], each with a seed of its own. Loops over keys run inside a rival, so
//! that each is compiled for its own types and the dynamic call costs nothing that counts.

pub use hashbrown::DefaultHashBuilder;
use twinbucket_alternatives::Capabilities;

use crate::item::Item;

/// One kind of rival: what it is called, how it is read, and how to make one.
#[derive(Debug, Clone, Copy)]
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
    /// Makes one that holds the given entries.
    pub build: Build<T>,
}

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
    /// one. Only one thread at a time calls this. Leaves `changes` empty.
    fn publish(&self, changes: &mut Vec<(T, T)>);

    /// Replaces the whole content, in the way that the design does it best.
    fn reload(&self, entries: &mut dyn Iterator<Item = (T, T)>);

    /// Visits all entries and sums up the weights of the values.
    fn walk(&self) -> u64;

    /// Frees what merely waits to be freed, where the rival can be told to.
    fn settle(&self) {}

    /// Returns a view of the current content that nobody waits for, or `None` if the design has none.
    fn hold(&self) -> Option<Box<dyn View<T>>>;

    /// Keeps a reader inside of the map, as a slow reader would, until the result is dropped: a guard, a lock, a pinned view,
    /// whatever this design's readers hold while they look at an entry.
    fn linger(&self) -> Box<dyn Lingering + '_>;

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

/// A reader that is inside of a map until this is dropped.
pub trait Lingering {}

/// What [`Lookups::sum`] adds for a key that is missing: more than all weights of strings together, and odd.
pub const MISSING: u64 = (1 << 50) + 1;
