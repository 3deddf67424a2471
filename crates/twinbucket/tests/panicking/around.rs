//! What else is called by a store, beside its keys and values, and may panic: its hasher and its observer.

use std::hash::{BuildHasher, DefaultHasher};

use twinbucket::{Discarded, Freed, Observer, Published};

use crate::panicking::touchy::{Fault, call};

/// A hasher whose every use may panic.
#[derive(Debug, Default)]
pub(crate) struct TouchyState;

impl BuildHasher for TouchyState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        call(Fault::Build);
        DefaultHasher::new()
    }
}

/// An observer whose every use may panic.
#[derive(Debug)]
pub(crate) struct TouchyObserver;

impl Observer for TouchyObserver {
    fn published(&self, _: &Published) {
        call(Fault::Observer);
    }

    fn discarded(&self, _: &Discarded) {
        call(Fault::Observer);
    }

    fn freed(&self, _: &Freed) {
        call(Fault::Observer);
    }
}
