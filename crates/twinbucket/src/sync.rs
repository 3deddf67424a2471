//! The shared-ownership and atomic types of the crate: the standard ones, or loom's under `--cfg loom`.
//!
//! Only [`slot`](crate::slot) uses the atomics.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc,
    atomic::{AtomicPtr, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicPtr, Ordering},
};
