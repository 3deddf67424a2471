//! Consistent hashing: shards own arcs of a ring, and a new shard takes a part of some of them.
//!
//! David Karger et al., "Consistent Hashing and Random Trees", STOC 1997. Each shard has many points, called virtual
//! nodes, so that its arcs add up to about its share: with m nodes per shard, the shares differ by a factor of about
//! 1 ± 1/√m.

use super::router::{Router, usual_shards};

/// Virtual nodes of a shard of weight 1, unless told otherwise: shares within about 10 %, and a ring of 16 shards is
/// 32 KiB.
const NODES: u32 = 128;

/// Consistent hashing on a ring of virtual nodes: a key's home is the shard whose point comes next after the key's hash.
///
/// When a shard is added to k others, about one key in k + 1 moves, all of them to the new shard; when one is removed,
/// only its keys move. Finding the home is a binary search among all points.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{Ring, ShardedMap};
///
/// let mut map: ShardedMap<u32, u32, Ring> = ShardedMap::with_router(Ring::new(4));
/// map.extend((0..1_000).map(|n| (n, n)));
/// let moved = map.add_shard();
/// assert!((100..300).contains(&moved));
/// ```
#[derive(Debug, Clone)]
pub struct Ring {
    /// The ring.
    points: Points,
    /// Number of shards.
    shards: usize,
}

impl Ring {
    /// Creates a ring of so many shards, with 128 virtual nodes each.
    ///
    /// # Panics
    /// If there is no shard.
    pub fn new(shards: usize) -> Self {
        Self::with_nodes(shards, NODES)
    }

    /// Creates a ring of so many shards, with `nodes` virtual nodes each: the more, the better the balance, and the
    /// larger the ring.
    ///
    /// # Panics
    /// If there is no shard, or no node.
    pub fn with_nodes(shards: usize, nodes: u32) -> Self {
        assert!(shards > 0, "a map needs at least one shard");
        let mut points = Points::new(nodes);
        for shard in 0..shards {
            points.add(shard, 1);
        }
        Self { points, shards }
    }
}

/// As many shards as [`Modulo`](super::Modulo) has by default.
impl Default for Ring {
    fn default() -> Self {
        Self::new(usual_shards())
    }
}

impl Router for Ring {
    fn shards(&self) -> usize {
        self.shards
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        self.points.next(hash)
    }

    fn detour(&self, hash: u64) -> impl Iterator<Item = usize> {
        self.points.others(hash, self.shards)
    }

    fn add(&mut self) {
        self.points.add(self.shards, 1);
        self.shards += 1;
    }

    fn remove(&mut self, shard: usize) {
        self.points.remove(shard);
        self.shards -= 1;
    }
}

/// A ring where each shard has virtual nodes in proportion to its weight, and so gets keys in proportion to it.
///
/// Otherwise like [`Ring`]. A shard of weight w has w times 128 nodes; take small weights.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{ShardedMap, Weighted};
///
/// let mut map: ShardedMap<u32, u32, Weighted> = ShardedMap::with_router(Weighted::new(&[1, 3]));
/// map.extend((0..1_000).map(|n| (n, n)));
/// let loads = map.loads();
/// assert!(loads[1].entries > 2 * loads[0].entries);
/// ```
#[derive(Debug, Clone)]
pub struct Weighted {
    /// The ring.
    points: Points,
    /// Weight of each shard.
    weights: Vec<u32>,
}

impl Weighted {
    /// Creates a ring with one shard for each weight, with 128 virtual nodes per unit of weight.
    ///
    /// # Panics
    /// If there is no weight, or one is zero.
    pub fn new(weights: &[u32]) -> Self {
        Self::with_nodes(weights, NODES)
    }

    /// Creates a ring with one shard for each weight, with `nodes` virtual nodes per unit of weight.
    ///
    /// # Panics
    /// If there is no weight, or one is zero, or `nodes` is.
    pub fn with_nodes(weights: &[u32], nodes: u32) -> Self {
        assert!(!weights.is_empty(), "a map needs at least one shard");
        let mut ring = Self { points: Points::new(nodes), weights: Vec::new() };
        for &weight in weights {
            ring.add_weighing(weight);
        }
        ring
    }

    /// Adds a shard of this weight.
    ///
    /// # Panics
    /// If the weight is zero.
    pub(super) fn add_weighing(&mut self, weight: u32) {
        assert!(weight > 0, "a shard's weight must not be zero");
        self.points.add(self.weights.len(), weight);
        self.weights.push(weight);
    }
}

impl Router for Weighted {
    fn shards(&self) -> usize {
        self.weights.len()
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        self.points.next(hash)
    }

    fn detour(&self, hash: u64) -> impl Iterator<Item = usize> {
        self.points.others(hash, self.weights.len())
    }

    fn weight(&self, shard: usize) -> u32 {
        self.weights[shard]
    }

    fn add(&mut self) {
        self.add_weighing(1);
    }

    fn remove(&mut self, shard: usize) {
        self.points.remove(shard);
        self.weights.remove(shard);
    }
}

/// One virtual node.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// Where on the ring of all `u64` it lies.
    at: u64,
    /// The shard that it belongs to.
    shard: usize,
}

/// The points of all shards.
#[derive(Debug, Clone)]
struct Points {
    /// Sorted by position; no two have the same.
    sorted: Vec<Point>,
    /// Virtual nodes per unit of weight.
    nodes: u32,
    /// Number of points made so far, also of shards that are gone.
    made: u64,
}

impl Points {
    /// A ring without shards.
    fn new(nodes: u32) -> Self {
        assert!(nodes > 0, "a shard needs at least one virtual node");
        Self { sorted: Vec::new(), nodes, made: 0 }
    }

    /// Adds the points of a shard.
    fn add(&mut self, shard: usize, weight: u32) {
        let end = self.made + u64::from(weight) * u64::from(self.nodes);
        self.sorted.extend((self.made..end).map(|serial| Point { at: position(serial), shard }));
        self.sorted.sort_unstable_by_key(|point| point.at);
        self.made = end;
    }

    /// Removes the points of a shard; those behind it move up by one number.
    fn remove(&mut self, shard: usize) {
        self.sorted.retain(|point| point.shard != shard);
        for point in &mut self.sorted {
            point.shard -= usize::from(point.shard > shard);
        }
    }

    /// Index of the first point at or after `hash`, going round.
    #[inline]
    fn index(&self, hash: u64) -> usize {
        let index = self.sorted.partition_point(|point| point.at < hash);
        if index == self.sorted.len() { 0 } else { index }
    }

    /// The shard whose point comes next.
    #[inline]
    fn next(&self, hash: u64) -> usize {
        self.sorted[self.index(hash)].shard
    }

    /// All shards but the next, in the order in which their first points come. Allocates a note of those seen.
    fn others(&self, hash: u64, shards: usize) -> impl Iterator<Item = usize> {
        let (before, from) = self.sorted.split_at(self.index(hash));
        let mut seen = vec![false; shards];
        seen[from[0].shard] = true;
        let round = from.iter().chain(before).map(|point| point.shard);
        round.filter(move |&shard| !std::mem::replace(&mut seen[shard], true)).take(shards - 1)
    }
}

/// Position of the point with this serial number.
///
/// The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): one to one, so no two points coincide.
fn position(serial: u64) -> u64 {
    let mut mixed = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
