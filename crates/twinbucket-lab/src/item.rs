//! What the tables hold: `u64` to `u64`, and `String` to `String`.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

use crate::rivals::{self, Kind};
use crate::rng::scramble;

/// A type that serves as key and as value.
pub trait Item: Clone + Eq + Ord + Hash + Debug + Display + FromStr + Send + Sync + Steady + 'static {
    /// The name in reports.
    const NAME: &'static str;

    /// Returns every kind of rival that holds such items, see [`kinds`](crate::rivals::kinds).
    ///
    /// It is here so that they are compiled with this crate, and not once more with each program that asks for them.
    fn kinds() -> Vec<Kind<Self>>;

    /// Returns the item of a number; no two numbers have the same.
    fn nth(number: u64) -> Self;

    /// Returns a number that takes a read of the item itself, though not of what it points to.
    fn weigh(&self) -> u64;

    /// Reads what the item points to, as any lookup of it has to.
    fn touch(&self) -> u64;

    /// Returns a number that tells the item from others, so that a reader can say which version of a value it saw.
    fn mark(&self) -> u64;

    /// Returns the bytes on the heap that belong to a clone of the item.
    fn heap_bytes(&self) -> usize;
}

/// What peers ask of a key whose clones lie in two of their maps: it hashes and compares the same each time.
#[cfg(feature = "peers")]
pub trait Steady: evmap::StableHashEq + flashmap::TrustedHashEq {}

#[cfg(feature = "peers")]
impl<T: evmap::StableHashEq + flashmap::TrustedHashEq> Steady for T {}

/// What peers ask of a key; nothing, as this build has none.
#[cfg(not(feature = "peers"))]
pub trait Steady {}

#[cfg(not(feature = "peers"))]
impl<T> Steady for T {}

impl Item for u64 {
    const NAME: &'static str = "u64";

    fn kinds() -> Vec<Kind<Self>> {
        rivals::every()
    }

    fn nth(number: u64) -> Self {
        scramble(number)
    }

    #[inline]
    fn weigh(&self) -> u64 {
        *self
    }

    #[inline]
    fn touch(&self) -> u64 {
        *self
    }

    #[inline]
    fn mark(&self) -> u64 {
        *self
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Item for String {
    const NAME: &'static str = "String";

    fn kinds() -> Vec<Kind<Self>> {
        rivals::every()
    }

    /// Returns 20 to 23 bytes, so that lengths differ, and no spare capacity.
    fn nth(number: u64) -> Self {
        let number = scramble(number);
        let mut item = format!("{:.*}/{number:016x}", 3 + (number % 4) as usize, "client");
        item.shrink_to_fit();
        item
    }

    #[inline]
    fn weigh(&self) -> u64 {
        self.len() as u64
    }

    #[inline]
    fn touch(&self) -> u64 {
        self.as_bytes().first().copied().map_or(0, u64::from)
    }

    /// Folds the last 16 bytes; of items made by [`nth`](Item::nth), these are the scrambled number. Shorter ones have 0.
    #[inline]
    fn mark(&self) -> u64 {
        let folded = |last: &[u8; 16]| {
            let last = u128::from_le_bytes(*last);
            scramble(last as u64).wrapping_add((last >> 64) as u64)
        };
        self.as_bytes().last_chunk().map_or(0, folded)
    }

    fn heap_bytes(&self) -> usize {
        self.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn distinct<T: Item>() {
        let marks: HashSet<u64> = (0..500_000).map(|number| T::nth(number).mark()).collect();
        assert_eq!(marks.len(), 500_000, "{}", T::NAME);
    }

    #[test]
    fn marks_tell_items_apart() {
        distinct::<u64>();
        distinct::<String>();
    }
}
