//! How full shards are, and how full they may get before new keys pass over them.
//!
//! Consistent hashing with bounded loads: Vahab Mirrokni, Mikkel Thorup, Morteza Zadimoghaddam, SODA 2018 (arXiv
//! 1608.01350, 2016). There the bound follows the number of keys; here a capacity follows it, in steps of a quarter, so
//! that no count is shared by all writers.

use super::router::Router;

/// The share of its capacity above which a shard takes no new keys: from 0.01 to 1, and 0.85 by default.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::LoadFactor;
///
/// assert_eq!(LoadFactor::default().get(), 0.85);
/// assert!(LoadFactor::new(1.5).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct LoadFactor(f64);

impl LoadFactor {
    /// Returns the load factor of this value, or `None` unless it is at least 0.01 and at most 1.
    ///
    /// With a smaller one, the capacity that few entries need would be beyond what can be counted.
    pub fn new(factor: f64) -> Option<Self> {
        (0.01..=1.0).contains(&factor).then_some(Self(factor))
    }

    /// Returns the value.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// 0.85.
impl Default for LoadFactor {
    fn default() -> Self {
        Self(0.85)
    }
}

/// What one shard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Entries that live in the shard.
    pub entries: usize,
    /// What its share of the entries is in proportion to.
    pub weight: u32,
    /// Entries from which on new keys pass over it; `None` without load-aware placement.
    pub limit: Option<usize>,
    /// Keys that live elsewhere although this is their home.
    pub away: usize,
}

/// The limit of every shard, where they share `capacity` by weight: at least one entry.
pub(super) fn limits<R: Router>(router: &R, factor: LoadFactor, capacity: usize) -> Vec<usize> {
    let weights: Vec<_> = (0..router.shards()).map(|shard| f64::from(router.weight(shard))).collect();
    let per_weight = factor.get() * capacity as f64 / weights.iter().sum::<f64>();
    weights.iter().map(|weight| (per_weight * weight).ceil().max(1.0) as usize).collect()
}

/// The next capacity, for when no shard has room: a quarter more, and more by at least one for each shard.
pub(super) fn grown<R: Router>(router: &R, capacity: usize) -> usize {
    capacity + (capacity / 4).max(router.shards())
}
