//! Keys and values that have something to drop, and are counted.

use std::borrow::Borrow;
use std::cell::Cell;

thread_local! {
    /// How many there are.
    static ALIVE: Cell<i64> = const { Cell::new(0) };
}

/// A number on the heap: used after its drop, it is seen by AddressSanitizer; never dropped, by its count.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(crate) struct Counted(Box<u16>);

impl Counted {
    /// Makes one.
    pub(crate) fn new(number: u16) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(Box::new(number))
    }

    /// Returns the number.
    pub(crate) fn get(&self) -> u16 {
        *self.0
    }

    /// Returns how many there are.
    pub(crate) fn alive() -> i64 {
        ALIVE.get()
    }
}

impl Borrow<u16> for Counted {
    fn borrow(&self) -> &u16 {
        &self.0
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.get())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}
