//! Hashers that spread well and hashers that do not, behind one type, so that a test compiles once for all of them.

use std::hash::{BuildHasher, Hasher};

use twinbucket::DefaultHashBuilder;

/// A choice of hasher, made at run time.
#[derive(Clone, Debug)]
pub(crate) enum Hashing {
    /// The library's default.
    Normal(DefaultHashBuilder),
    /// An integer hashes to itself.
    Identity,
    /// Everything hashes to the same number.
    Constant,
    /// Hashes differ in their 16 lowest bits only once they are spread, as if an attacker had chosen the keys.
    SharedPrefix,
    /// Half of all keys share the first 18 bits of the spread hash, the rest spread well.
    Crowded(DefaultHashBuilder),
    /// Hashes differ in their 16 highest bits only.
    SharedTail,
    /// Three of four keys hash to the same number, the rest spread well.
    Skewed(DefaultHashBuilder),
}

impl Hashing {
    /// One of each kind.
    pub(crate) fn all() -> [Self; 7] {
        [
            Self::default(),
            Self::Identity,
            Self::Constant,
            Self::SharedPrefix,
            Self::Crowded(DefaultHashBuilder::default()),
            Self::SharedTail,
            Self::Skewed(DefaultHashBuilder::default()),
        ]
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::Normal(DefaultHashBuilder::default())
    }
}

impl BuildHasher for Hashing {
    type Hasher = Shaped;

    fn build_hasher(&self) -> Shaped {
        Shaped { hashing: self.clone(), state: 0 }
    }
}

/// The hasher of [`Hashing`]: folds its input into one integer, then gives that the shape asked for.
#[derive(Debug)]
pub(crate) struct Shaped {
    /// The shape asked for.
    hashing: Hashing,
    /// The input so far; an integer stands for itself, of a text the last eight bytes count.
    state: u64,
}

impl Hasher for Shaped {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = self.state.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.state = self.state.rotate_left(8) ^ number;
    }

    fn finish(&self) -> u64 {
        match &self.hashing {
            Hashing::Normal(spread) => spread.hash_one(self.state),
            Hashing::Identity => self.state,
            Hashing::Constant => 0x5bd1_e995_7b7d_159c,
            Hashing::SharedPrefix => unspread(0x5bd1_e995_7b7d_0000 | (self.state & 0xffff)),
            Hashing::Crowded(spread) if self.state % 2 == 0 => unspread(spread.hash_one(self.state) >> 18),
            Hashing::Crowded(spread) => spread.hash_one(self.state),
            Hashing::SharedTail => (self.state << 48) | 0x159c,
            Hashing::Skewed(_) if self.state % 4 != 0 => 0x5bd1_e995_7b7d_159c,
            Hashing::Skewed(spread) => spread.hash_one(self.state),
        }
    }
}

/// The number whose product with the golden ratio's 64 bits, by which the library spreads hashes, is `wanted`.
fn unspread(wanted: u64) -> u64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    // Each step of Newton's iteration doubles the number of right bits; an odd number has three to begin with.
    let inverse = (0..5).fold(GOLDEN, |guess, _| guess.wrapping_mul(2_u64.wrapping_sub(GOLDEN.wrapping_mul(guess))));
    wanted.wrapping_mul(inverse)
}
