//! The routers: which shard is the home of a hash, and which come after it.
//!
//! A router knows numbers of shards, not shards. What it is given is mixed already ([`spread`]), so that it may use any
//! bits of it.

use std::fmt::Debug;
use std::thread;

/// Says which shard is a key's home, from the key's hash.
///
/// Shards are numbered from 0. A new shard takes the next number; when one goes, those behind it move up by one. As long
/// as the shards stay the same, so do the answers.
///
/// The hash is mixed before a router sees it: all its bits depend on all bits of the hasher's, and none is one that the
/// table within the shard uses.
pub trait Router: Clone + Debug + Send + Sync {
    /// Returns the number of shards, at least one.
    fn shards(&self) -> usize;

    /// Returns the home of the keys with this hash, a number below [`shards`](Self::shards).
    fn home(&self, hash: u64) -> usize;

    /// Returns all other shards, each once, in the order in which a key with this hash passes over to them.
    ///
    /// By default, in the order of their numbers, from the home's on and round.
    fn detour(&self, hash: u64) -> impl Iterator<Item = usize> {
        let (home, shards) = (self.home(hash), self.shards());
        (1..shards).map(move |step| (home + step) % shards)
    }

    /// Returns what a shard's share of the keys is in proportion to: for the router's shards all the same, by default.
    fn weight(&self, shard: usize) -> u32 {
        let _ = shard;
        1
    }

    /// Adds a shard, of weight 1 where there are weights.
    fn add(&mut self);

    /// Removes a shard; there are at least two, and it is one of them.
    fn remove(&mut self, shard: usize);
}

/// The remainder of the hash divided by the number of shards; a mask where that is a power of two.
///
/// The fastest and the best balanced, but when the number of shards changes from k to k + 1, all keys but one in k + 1
/// move.
///
/// # Examples
/// ```
/// use twinbucket_alternatives::{Modulo, Router};
///
/// assert_eq!(Modulo::new(8).home(17), 1);
/// assert_eq!(Modulo::new(10).home(17), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modulo {
    /// Number of shards.
    shards: usize,
}

impl Modulo {
    /// Creates a router for so many shards.
    ///
    /// # Panics
    /// If there are none.
    pub fn new(shards: usize) -> Self {
        assert!(shards > 0, "a map needs at least one shard");
        Self { shards }
    }
}

/// Four shards for each thread that the machine runs at once, made a power of two.
impl Default for Modulo {
    fn default() -> Self {
        Self::new(usual_shards())
    }
}

impl Router for Modulo {
    fn shards(&self) -> usize {
        self.shards
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        let shards = self.shards as u64;
        let home = if shards.is_power_of_two() { hash & (shards - 1) } else { hash % shards };
        home as usize
    }

    fn add(&mut self) {
        self.shards += 1;
    }

    fn remove(&mut self, _shard: usize) {
        self.shards -= 1;
    }
}

/// Four times the number of threads that this machine runs at once, made a power of two: even if all of them are in the
/// map, it is seldom that two want the same shard.
pub(super) fn usual_shards() -> usize {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    (4 * threads).next_power_of_two()
}

/// Makes of a hash one for the router.
///
/// A shard's table takes its positions from the low bits of the hash and its tags from the top ones. If the router took
/// the same bits, the keys of one shard would agree in them and collide. So both halves of a product with an odd number
/// without pattern (2^64 divided by the golden ratio) are folded into one another; that also spreads the hashes of a
/// hasher which hardly mixes.
#[inline]
pub(super) fn spread(hash: u64) -> u64 {
    let product = u128::from(hash) * 0x9e37_79b9_7f4a_7c15;
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often each of 16 values comes.
    fn counts(values: impl Iterator<Item = u64>) -> [u32; 16] {
        let mut counts = [0; 16];
        for value in values {
            counts[value as usize] += 1;
        }
        counts
    }

    #[test]
    fn keys_of_one_shard_differ_in_the_bits_that_its_table_uses() {
        let router = Modulo::new(16);
        let hashes = (0..160_000_u64).map(|n| n.wrapping_mul(0xd134_2543_de82_ef95));
        let of_one_shard: Vec<u64> = hashes.filter(|&hash| router.home(spread(hash)) == 5).collect();
        let even = 400..850; // 625 is even
        let low = counts(of_one_shard.iter().map(|hash| hash & 15));
        let top = counts(of_one_shard.iter().map(|hash| hash >> 60));
        assert!(low.iter().chain(&top).all(|count| even.contains(count)), "low bits {low:?}, top bits {top:?}");
    }
}
