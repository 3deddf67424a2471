//! Keys and values without anything to drop, whose n-th `Clone`, `Hash` or `Eq` panics.

use std::hash::{Hash, Hasher};

use crate::panicking::touchy::{Fault, call};

/// A number whose every use may panic.
#[derive(Debug)]
pub(crate) struct Plain(pub(crate) u64);

impl Clone for Plain {
    fn clone(&self) -> Self {
        call(Fault::Clone);
        Self(self.0)
    }
}

impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        call(Fault::Eq);
        self.0 == other.0
    }
}

impl Eq for Plain {}

impl Hash for Plain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        call(Fault::Hash);
        self.0.hash(state);
    }
}
