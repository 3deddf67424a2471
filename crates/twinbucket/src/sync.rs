//! What the crate takes of shared ownership, atomics, locks and threads: the standard and well-known types, or twins of
//! them that a model checker can see into, loom's under `--cfg loom` and shuttle's under `--cfg shuttle`.
//!
//! Only [`slot`](crate::slot) uses the atomics, and only its oracle the mutex. Under loom, events and threads stay the real
//! ones, and there are no timers.

#[cfg(shuttle)]
pub(crate) mod event;
#[cfg(any(loom, shuttle))]
pub(crate) mod lock;
#[cfg(shuttle)]
pub(crate) mod mpsc;

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicPtr, Ordering},
};
#[cfg(shuttle)]
pub(crate) use shuttle::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicPtr, Ordering},
    },
    thread,
};
#[cfg(all(any(test, planted = "relaxed-publish"), not(any(loom, shuttle))))]
pub(crate) use std::sync::Mutex;
#[cfg(not(shuttle))]
pub(crate) use std::sync::mpsc;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicPtr, Ordering},
};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::thread;

/// Waiting for something to happen.
#[cfg(not(shuttle))]
pub(crate) mod event {
    pub(crate) use event_listener::{Event, Listener};
}

/// Locks.
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod lock {
    pub(crate) use parking_lot::{Mutex, ReentrantMutex, ReentrantMutexGuard};
}
