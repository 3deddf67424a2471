//! Keys and values of several sizes, made from a number that they tell again.

use std::fmt::Debug;
use std::hash::Hash;

/// Something that is made from a number and tells it again.
pub(crate) trait Sample: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// Makes the sample of `seed`.
    fn make(seed: u16) -> Self;

    /// The seed this sample was made from, as far as the type can tell seeds apart.
    fn seed(&self) -> u16;
}

impl Sample for u64 {
    fn make(seed: u16) -> Self {
        Self::from(seed)
    }

    fn seed(&self) -> u16 {
        u16::try_from(*self).expect("only seeds go in")
    }
}

impl Sample for String {
    fn make(seed: u16) -> Self {
        seed.to_string()
    }

    fn seed(&self) -> u16 {
        self.parse().expect("only seeds go in")
    }
}

impl Sample for () {
    fn make(_: u16) -> Self {}

    fn seed(&self) -> u16 {
        0
    }
}

/// A value of 4 KiB.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Page([u64; 512]);

impl Sample for Page {
    fn make(seed: u16) -> Self {
        Self([u64::from(seed); 512])
    }

    fn seed(&self) -> u16 {
        assert!(self.0.iter().all(|word| *word == self.0[0]), "a page is of one piece");
        self.0[0].seed()
    }
}
