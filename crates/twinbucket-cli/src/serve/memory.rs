//! Memory goes back to the system when a crowd of connections has gone.
//!
//! The allocator of glibc keeps what thousands of connections had, and asks for more for the next thousands, since they
//! leave holes: 10,000 connections leave 120 MiB, and after the fifth time 220 MiB. Asked to, it gives back the holes.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "a function of the C library is called")
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Connections that must have gone for it to be worth while.
const WORTH: usize = 500;

/// Connections that are open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The most that were open since memory was last given back.
static MOST: AtomicUsize = AtomicUsize::new(0);

/// A connection that is open.
pub(super) struct Connection(());

impl Connection {
    pub(super) fn open() -> Self {
        // Relaxed: counts order nothing else.
        let open = OPEN.fetch_add(1, Ordering::Relaxed) + 1;
        MOST.fetch_max(open, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives memory back if a crowd has gone, on a thread of its own, since that takes some milliseconds.
pub(super) fn give_back() {
    let (open, most) = (OPEN.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed));
    if !is_due(open, most) {
        return;
    }
    // Where there is no thread to be had, the next look tries again.
    if thread::Builder::new().name("twinbucket-trim".into()).spawn(trim).is_ok() {
        MOST.store(open, Ordering::Relaxed);
    }
}

/// Tells whether so many connections have gone that what they had is worth giving back.
fn is_due(open: usize, most: usize) -> bool {
    most.saturating_sub(open) >= WORTH && open <= most / 2
}

/// Has the allocator give back what it does not use.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: it takes no pointer, and any thread may call it at any time.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators see to it themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_when_most_of_a_crowd_has_gone() {
        assert!(is_due(0, WORTH) && is_due(1000, 2000));
        assert!(!is_due(0, WORTH - 1) && !is_due(1001, 2000) && !is_due(3, 2));
    }
}
