//! The exact difference of two versions, found without looking at what they share.

use crate::directory::Directory;

/// One difference between two read buckets, as [`ReadBucket::diff`](crate::ReadBucket::diff) returns it.
///
/// # Examples
/// ```
/// use twinbucket::{Change, Store};
///
/// let store = Store::from([("a", 1), ("b", 2)]);
/// let older = store.read();
/// store.insert("a", 10);
/// let newer = store.read();
/// let changes: Vec<_> = newer.diff(&older).collect();
/// assert_eq!(changes, [Change::Changed { key: &"a", old: &1, new: &10 }]);
/// assert_eq!(changes[0].key(), &"a");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change<'a, K, V> {
    /// Only the newer one has the key.
    Added {
        /// The key.
        key: &'a K,
        /// Its value in the newer read bucket.
        value: &'a V,
    },
    /// Only the older one has the key.
    Removed {
        /// The key.
        key: &'a K,
        /// Its value in the older read bucket.
        value: &'a V,
    },
    /// Both have the key, with different values.
    Changed {
        /// The key, as the newer read bucket has it.
        key: &'a K,
        /// Its value in the older read bucket.
        old: &'a V,
        /// Its value in the newer read bucket.
        new: &'a V,
    },
}

impl<'a, K, V> Change<'a, K, V> {
    /// Returns the key.
    ///
    /// # Examples
    /// ```
    /// let change = twinbucket::Change::Added { key: &"a", value: &1 };
    /// assert_eq!(change.key(), &"a");
    /// ```
    pub fn key(&self) -> &'a K {
        match self {
            Self::Added { key, .. } | Self::Removed { key, .. } | Self::Changed { key, .. } => key,
        }
    }
}

/// Returns the first slot of each leaf of `one` that `other` has not, both being versions of the same store.
///
/// A leaf is told by its hash prefix, its depth and its birth stamp. Costs a step for each chunk and for each leaf in a
/// chunk that differs.
pub(crate) fn unshared<'d, K, V>(
    one: &'d Directory<K, V>,
    other: &'d Directory<K, V>,
) -> impl Iterator<Item = usize> + use<'d, K, V> {
    let mut next = 0;
    std::iter::from_fn(move || {
        while next < one.slots() {
            let slot = next;
            if let Some(end) = one.end_of_shared_chunk(other, slot) {
                next = end;
                continue;
            }
            let extent = one.extent(slot);
            next = extent.end;
            if !one.shares_leaf(other, slot) {
                return Some(slot);
            }
        }
        None
    })
}
