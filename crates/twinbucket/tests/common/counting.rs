//! A global allocator that keeps, for each thread, what it took and what it gave back.

#![expect(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::{Add, Sub};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// All that this thread has taken and given back so far.
    static TRAFFIC: Cell<Traffic> = const { Cell::new(Traffic::NONE) };
}

/// What one thread asked of the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Blocks taken.
    pub(crate) allocations: u64,
    /// Blocks given back.
    pub(crate) frees: u64,
    /// Bytes taken.
    pub(crate) allocated_bytes: u64,
    /// Bytes given back.
    pub(crate) freed_bytes: u64,
}

impl Traffic {
    /// No traffic at all.
    pub(crate) const NONE: Self = Self { allocations: 0, frees: 0, allocated_bytes: 0, freed_bytes: 0 };

    /// Bytes taken and not given back.
    pub(crate) fn live_bytes(self) -> i64 {
        self.allocated_bytes as i64 - self.freed_bytes as i64
    }

    /// Joins two accounts, field by field.
    fn zip(self, other: Self, join: fn(u64, u64) -> u64) -> Self {
        Self {
            allocations: join(self.allocations, other.allocations),
            frees: join(self.frees, other.frees),
            allocated_bytes: join(self.allocated_bytes, other.allocated_bytes),
            freed_bytes: join(self.freed_bytes, other.freed_bytes),
        }
    }
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }
}

impl Sub for Traffic {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.zip(other, |one, other| one - other)
    }
}

/// Runs `work` and tells what this thread asked of the allocator meanwhile.
pub(crate) fn traffic_of<T>(work: impl FnOnce() -> T) -> (T, Traffic) {
    let before = TRAFFIC.get();
    let result = work();
    (result, TRAFFIC.get() - before)
}

/// The system's allocator, counted.
struct Counting;

impl Counting {
    /// Adds to this thread's account; a thread that is already past its thread-locals is not counted.
    fn count(traffic: Traffic) {
        // Failing is right here: there is no account to add to any more.
        let _ = TRAFFIC.try_with(|total| total.set(total.get() + traffic));
    }
}

// SAFETY: every call goes to the system's allocator as it came; counting touches a plain thread-local and never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(Traffic { allocations: 1, allocated_bytes: layout.size() as u64, ..Traffic::NONE });
        // SAFETY: the caller keeps the contract of `alloc`, which is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::count(Traffic { frees: 1, freed_bytes: layout.size() as u64, ..Traffic::NONE });
        // SAFETY: `block` came from `alloc` above with this layout, that is from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}
