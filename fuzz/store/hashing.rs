//! Hashers, good and bad, that hash the same in every run.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

use arbitrary::Arbitrary;

/// Which hasher the store has.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(crate) enum Hashing {
    /// One that spreads well, without a seed.
    Spread,
    /// A number is its own hash.
    Identity,
    /// All hashes are the same.
    Constant,
    /// There are eight hashes in all.
    Weak,
    /// Hashes differ in the bits alone that a table takes its tags from.
    High,
}

impl BuildHasher for Hashing {
    type Hasher = Shaped;

    fn build_hasher(&self) -> Shaped {
        Shaped { hashing: *self, number: 0 }
    }
}

/// The hasher of [`Hashing`].
pub(crate) struct Shaped {
    /// Which one it is.
    hashing: Hashing,
    /// What was hashed.
    number: u64,
}

impl Shaped {
    /// The number, spread over all bits.
    fn spread(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.number);
        hasher.finish()
    }
}

impl Hasher for Shaped {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.number = self.number << 8 | u64::from(byte);
        }
    }

    fn write_u16(&mut self, number: u16) {
        self.number = number.into();
    }

    fn finish(&self) -> u64 {
        match self.hashing {
            Hashing::Spread => self.spread(),
            Hashing::Identity => self.number,
            Hashing::Constant => 0x5bd1_e995_7b7d_159c,
            Hashing::Weak => self.spread() & 0x8080_8000_0000_0000,
            Hashing::High => self.number << 48,
        }
    }
}
