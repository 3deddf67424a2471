//! An allocator that counts, for rivals that cannot tell their own size.
//!
//! Programs that measure memory make it their `#[global_allocator]`. It counts on the thread that runs [`measure`], while
//! it does; otherwise an allocation pays one load, all rivals alike.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait; every call is passed on as it is")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that this thread asked for less those it gave back, while it counts.
    static LIVE: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The system's allocator, counting the bytes asked for (not what it adds of its own).
#[derive(Debug, Clone, Copy, Default)]
pub struct Counting;

fn count(bytes: usize, sign: i64) {
    LIVE.with(|live| live.set(live.get().map(|live| live + sign * bytes as i64)));
}

// SAFETY: all is passed on to `System` unchanged, which keeps the contract; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: every block came from `System` with this layout, see `alloc` and `realloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: as in `dealloc`; the caller vouches for the new size.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Runs `make` and returns what it made with the bytes that this thread allocated and did not free.
///
/// # Panics
/// If the program does not use [`Counting`] as its global allocator, as the result would be 0 for everything.
pub fn measure<R>(make: impl FnOnce() -> R) -> (R, i64) {
    LIVE.set(Some(0));
    let probe = std::hint::black_box(Box::new(0_u64));
    assert_eq!(LIVE.get(), Some(8), "the counting allocator is not the global one");
    drop(probe);
    let made = make();
    (made, LIVE.take().expect("set above, and nothing within takes it"))
}
