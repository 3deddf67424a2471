//! The shared-ownership and atomic types of the crate: the standard ones, or loom's under `--cfg loom`.
//!
//! Only [`slot`](crate::slot) uses the atomics, and only its oracle the mutex.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicPtr, Ordering},
};
#[cfg(all(test, not(loom)))]
pub(crate) use std::sync::Mutex;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicPtr, Ordering},
};
