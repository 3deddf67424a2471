//! Counts over a store.

use crate::Generation;

/// Counts over a store: the current read bucket's size, and what waits for holders of older ones.
///
/// # Examples
/// ```
/// let store: twinbucket::Store<u64, u64> = (0..1_000).map(|n| (n, n)).collect();
/// let stats = store.stats();
/// assert_eq!(stats.entries, 1_000);
/// assert!(stats.slots <= 8 * stats.leaves + 64);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Generation of the current read bucket.
    pub generation: Generation,
    /// Entries in the current read bucket.
    pub entries: usize,
    /// Leaves of the current read bucket.
    pub leaves: usize,
    /// Length of the directory, in slots.
    pub slots: usize,
    /// Bytes of the current read bucket's structure: the leaves' tables, chunks and top array. What keys and values
    /// point to is not counted.
    pub bytes: usize,
    /// Replaced leaves that a pin still sees, or that are not freed yet.
    pub retired_leaves: usize,
    /// Bytes of replaced leaves and chunks that a pin still sees, or that are not freed yet.
    pub retired_bytes: usize,
    /// Past generations that something outside the store still holds.
    pub pinned_generations: usize,
}
