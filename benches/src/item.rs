//! What the tables hold: `u64` to `u64`, and `String` to `String`.

use std::fmt::Debug;
use std::hash::Hash;

use crate::rng::scramble;

/// A type that serves as key and as value.
pub trait Item: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static {
    /// The name in reports.
    const NAME: &'static str;

    /// Returns the item of a number; no two numbers have the same.
    fn nth(number: u64) -> Self;

    /// Returns a number that takes a read of the item itself, though not of what it points to.
    fn weigh(&self) -> u64;

    /// Reads what the item points to, as any lookup of it has to.
    fn touch(&self) -> u64;

    /// Returns the bytes on the heap that belong to a clone of the item.
    fn heap_bytes(&self) -> usize;
}

impl Item for u64 {
    const NAME: &'static str = "u64";

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

    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Item for String {
    const NAME: &'static str = "String";

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
        u64::from(self.as_bytes()[0])
    }

    fn heap_bytes(&self) -> usize {
        self.len()
    }
}
