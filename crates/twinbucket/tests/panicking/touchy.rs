//! Keys and values whose n-th `Clone`, `Hash`, `Eq` or `Drop` panics.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::resume_unwind;
use std::thread;

use crate::common::census::Tracked;

/// The user code that panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `Clone::clone` of a key or value.
    Clone,
    /// `Hash::hash` of a key.
    Hash,
    /// `PartialEq::eq` of two keys or two values.
    Eq,
    /// `Drop::drop` of a key or value.
    Drop,
    /// `BuildHasher::build_hasher`.
    Build,
    /// A closure or an iterator that the operation was given.
    Given,
    /// A method of an observer.
    Observer,
}

impl Fault {
    /// All kinds.
    pub(crate) const ALL: [Self; 7] =
        [Self::Clone, Self::Hash, Self::Eq, Self::Drop, Self::Build, Self::Given, Self::Observer];
}

thread_local! {
    /// What is to panic on this thread, and at which call from now.
    pub(crate) static FUSE: Cell<Option<(Fault, usize)>> = const { Cell::new(None) };
}

/// The payload of an injected panic.
#[derive(Debug)]
pub(crate) struct Injected;

/// Counts a call of user code, and panics if it is the one to do so. Without the panic hook: thousands of these are no news.
pub(crate) fn call(fault: Fault) {
    match FUSE.get() {
        // A second panic while one unwinds would end the process.
        Some((armed, left)) if armed == fault && !thread::panicking() => {
            FUSE.set((left > 1).then_some((fault, left - 1)));
            if left == 1 {
                resume_unwind(Box::new(Injected));
            }
        }
        _ => {}
    }
}

/// A number whose every use may panic.
#[derive(Debug)]
pub(crate) struct Touchy(pub(crate) Tracked);

impl Clone for Touchy {
    fn clone(&self) -> Self {
        call(Fault::Clone);
        Self(self.0.clone())
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        call(Fault::Drop);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        call(Fault::Eq);
        self.0 == other.0
    }
}

impl Eq for Touchy {}

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        call(Fault::Hash);
        self.0.hash(state);
    }
}
