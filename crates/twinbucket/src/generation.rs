//! The number of a published read bucket.

use std::fmt;

/// Number of a published read bucket; a new store is at 0, and it grows by one per publish.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([("port", 80)]);
/// let before = store.generation();
/// store.insert("port", 8080);
/// assert_eq!(store.generation().get(), before.get() + 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Generation(pub(crate) u64);

impl Generation {
    /// Returns the number.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(twinbucket::Store::<u64, u64>::new().generation().get(), 0);
    /// ```
    pub fn get(self) -> u64 {
        self.0
    }

    /// Returns the generation that the next publish makes.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl From<u64> for Generation {
    /// Takes a number that somebody was given earlier, in order to ask for that generation.
    ///
    /// # Examples
    /// ```
    /// use twinbucket::{Generation, Store};
    ///
    /// let store = Store::from([("port", 80)]);
    /// let told = store.generation().get();
    /// assert!(store.at(Generation::from(told)).is_some());
    /// ```
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
