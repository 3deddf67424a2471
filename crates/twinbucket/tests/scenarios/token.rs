//! Keys and values that are counted, and that notice when they are used or dropped after their end.

use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Tokens made and dropped; never freed, so that one dropped twice still finds it.
#[derive(Debug, Default)]
pub(crate) struct Mint {
    /// Made so far.
    made: AtomicUsize,
    /// Dropped so far.
    dropped: AtomicUsize,
}

impl Mint {
    /// Makes a mint that has made nothing.
    pub(crate) fn open() -> &'static Self {
        Box::leak(Box::default())
    }

    /// Makes a token.
    pub(crate) fn token(&'static self, number: u64) -> Token {
        self.made.fetch_add(1, Ordering::Relaxed);
        Token { number, state: ALIVE, mint: self }
    }

    /// Number of tokens that were not dropped.
    pub(crate) fn left(&self) -> usize {
        self.made.load(Ordering::Relaxed) - self.dropped.load(Ordering::Relaxed)
    }
}

/// State of a token that was not dropped.
const ALIVE: u64 = 0x5bd1_e995_a11c_e0de;
/// State of one that was.
const DEAD: u64 = 0xdead;

/// A number that is counted.
#[derive(Debug)]
pub(crate) struct Token {
    /// The number.
    number: u64,
    /// [`ALIVE`] until it is dropped.
    state: u64,
    /// Who made it.
    mint: &'static Mint,
}

impl Token {
    /// Returns the number, of a token that is alive.
    #[track_caller]
    pub(crate) fn number(&self) -> u64 {
        assert_eq!(black_box(self.state), ALIVE, "used after it was dropped");
        self.number
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        self.mint.token(self.number())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        assert_eq!(black_box(self.state), ALIVE, "dropped twice");
        self.state = DEAD;
        // Else the compiler leaves the assignment out: nobody may look at it any more.
        black_box(&self.state);
        self.mint.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.number() == other.number()
    }
}

impl Eq for Token {}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number().hash(state);
    }
}
