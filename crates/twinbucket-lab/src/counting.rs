//! An allocator that counts, for rivals that cannot tell their own size.
//!
//! Programs that measure memory make it their `#[global_allocator]`, around the one they would have otherwise. It counts on
//! the thread that runs [`measure`], while it does; otherwise an allocation pays one look at a variable of its thread, all
//! rivals alike.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait; every call is passed on as it is")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    /// What this thread did, while it counts.
    static COUNT: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// An allocator around another one, counting the bytes asked for (not what that one adds of its own).
///
/// # Examples
/// ```
/// use twinbucket_lab::counting::{Counting, measure};
///
/// #[global_allocator]
/// static ALLOCATOR: Counting = Counting::system();
///
/// let (numbers, bytes) = measure(|| vec![0_u64; 100]);
/// assert_eq!((numbers.len(), bytes.live), (100, 800));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Counting<A = System> {
    /// Does the work.
    inner: A,
}

impl Counting {
    /// Counts around the system's allocator.
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> Counting<A> {
    /// Counts around the given allocator.
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

/// What one thread asked for, less what it gave back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes {
    /// At the end; negative if it gave back more, from before.
    pub live: i64,
    /// At the highest, at least 0. A block that is resized counts as one, whether or not it had to be moved.
    pub peak: i64,
}

/// Counts that a block of `old` bytes now has `new` bytes; 0 where there is none.
#[inline]
fn count(old: usize, new: usize) {
    COUNT.with(|count| {
        if let Some(bytes) = count.get() {
            let live = bytes.live + new as i64 - old as i64;
            count.set(Some(Bytes { live, peak: bytes.peak.max(live) }));
        }
    });
}

// SAFETY: all is passed on to the inner allocator unchanged, which keeps the contract; counting allocates nothing.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the inner allocator's.
        unsafe { self.inner.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: as in `alloc`.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        // SAFETY: every block came from the inner allocator with this layout, see `alloc` and `realloc`.
        unsafe { self.inner.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), size);
        // SAFETY: as in `dealloc`; the caller vouches for the new size.
        unsafe { self.inner.realloc(block, layout, size) }
    }
}

/// Runs `make` and returns what it made with the bytes that this thread allocated and did not free, and the peak of that.
/// What other threads do meanwhile does not count.
///
/// # Panics
/// If the program does not use [`Counting`] as its global allocator, as the result would be 0 for everything; and if `make`
/// measures, too.
pub fn measure<R>(make: impl FnOnce() -> R) -> (R, Bytes) {
    COUNT.set(Some(Bytes::default()));
    drop(black_box(Box::new(0_u64)));
    assert_eq!(COUNT.get(), Some(Bytes { live: 0, peak: 8 }), "the counting allocator is not the global one");
    COUNT.set(Some(Bytes::default()));
    let made = make();
    (made, COUNT.take().expect("`make` measures nothing itself"))
}
