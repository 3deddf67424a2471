//! The entries, the keys looked up and the changes: the same for all rivals.

use crate::item::Item;
use crate::rng::Rng;

/// The sizes that the speed targets name.
pub const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// Where the numbers of values start, so that no value is a key too.
const VALUES: u64 = 1 << 40;

/// Returns the `n` entries that a table starts with.
pub fn entries<T: Item>(n: u64) -> impl ExactSizeIterator<Item = (T, T)> + Clone {
    (0..n as usize).map(|number| entry(number as u64, 0))
}

/// Returns the entry of a number with its value in the given version.
pub fn entry<T: Item>(number: u64, version: u64) -> (T, T) {
    (T::nth(number), T::nth((VALUES << 1).wrapping_mul(version) + VALUES + number))
}

/// Returns keys of a table of `n` entries to look up: every one is a hit, in random order.
///
/// There are at least 2^16, in order not to be learnt by branch prediction (in a small table each comes up several
/// times), and at most 2^18; the keys are clones that lie next to each other in memory.
pub fn lookups<T: Item>(n: u64) -> Vec<T> {
    let length = n.clamp(1 << 16, 1 << 18) as usize;
    let mut rng = Rng::new(n);
    let mut numbers: Vec<u64> = Vec::with_capacity(length + n as usize);
    while numbers.len() < length {
        let start = numbers.len();
        numbers.extend(0..n);
        rng.shuffle(&mut numbers[start..]);
    }
    numbers[..length].iter().map(|&number| T::nth(number)).collect()
}

/// An endless source of changes to a table of `n` entries.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Picks the entry to change.
    rng: Rng,
    /// How many entries the table started with.
    n: u64,
    /// How many changes were made; each gives its entry a value it never had.
    made: u64,
}

impl Changes {
    /// Starts anew; the same `n` gives the same changes.
    pub fn new(n: u64) -> Self {
        Self { rng: Rng::new(!n), n, made: 0 }
    }

    /// Returns the value that a random entry started with. No rival compares values, so this costs what any change does,
    /// and the contents stay the same for what is measured next.
    pub fn rewrite<T: Item>(&mut self) -> (T, T) {
        self.made += 1;
        entry(self.rng.below(self.n), 0)
    }

    /// Returns a new value for a random entry.
    fn overwrite<T: Item>(&mut self) -> (T, T) {
        self.made += 1;
        entry(self.rng.below(self.n), self.made)
    }

    /// Returns `count` changes: new values for random entries and new keys by turns.
    pub fn mixed<T: Item>(&mut self, count: usize) -> Vec<(T, T)> {
        (0..count).map(|turn| if turn % 2 == 0 { self.overwrite() } else { self.insert() }).collect()
    }

    /// Returns an entry with a new key.
    fn insert<T: Item>(&mut self) -> (T, T) {
        self.made += 1;
        entry(self.n + self.made, 0)
    }
}
