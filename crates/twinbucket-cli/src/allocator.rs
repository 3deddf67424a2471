//! The allocator of the whole program: the system's, or mimalloc.
//!
//! The first allocation of the process decides, by an environment variable, and the decision stands until the process
//! ends: no block is ever freed by the one that did not make it. For another allocator the program starts itself anew.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait, and two C functions are called")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU8, Ordering};

use clap::ValueEnum;
use mimalloc::MiMalloc;
use twinbucket_lab::counting::Counting;

/// Counts for the lab, and passes on to the allocator of this process.
#[global_allocator]
static GLOBAL: Counting<Switch> = Counting::new(Switch);

/// The environment variable that decides, as Rust has it.
pub(crate) const VARIABLE: &str = "TWINBUCKET_ALLOCATOR";
/// The same as C has it.
const C_VARIABLE: &CStr = c"TWINBUCKET_ALLOCATOR";
/// Its value that stands for mimalloc; any other, or none, is the system's allocator.
const MIMALLOC: &[u8] = b"mimalloc";

/// What [`CHOSEN`] holds before the first allocation, and for each allocator.
const UNDECIDED: u8 = 0;
/// See [`UNDECIDED`].
const IS_SYSTEM: u8 = 1;
/// See [`UNDECIDED`].
const IS_MIMALLOC: u8 = 2;

/// The decision; changes once.
static CHOSEN: AtomicU8 = AtomicU8::new(UNDECIDED);

/// An allocator that a process can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Allocator {
    /// The one of the C library
    System,
    /// Microsoft's mimalloc
    Mimalloc,
}

impl Allocator {
    /// The allocator that this process uses: found by asking mimalloc whether a new block is its own.
    pub(crate) fn in_use() -> Self {
        let block = Box::new(0_u64);
        let address = ptr::from_ref(&*block).cast::<c_void>();
        // SAFETY: mimalloc set itself up when the program was loaded. It looks the address up and does not follow it.
        let own = unsafe { libmimalloc_sys::mi_is_in_heap_region(address) };
        if own { Self::Mimalloc } else { Self::System }
    }

    /// The name on the command line, in the environment variable and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Mimalloc => "mimalloc",
        }
    }
}

/// Passes every call on to the one allocator of this process.
struct Switch;

impl Switch {
    /// Tells whether that is mimalloc.
    #[inline]
    fn is_mimalloc() -> bool {
        // Relaxed: the byte stands for itself, and it changes once. Who frees a block was handed it by a thread that
        // saw the decision, and cannot see an older value of the same byte.
        match CHOSEN.load(Ordering::Relaxed) {
            UNDECIDED => Self::decide(),
            chosen => chosen == IS_MIMALLOC,
        }
    }

    /// Decides, unless another thread just did. Must not allocate.
    #[cold]
    fn decide() -> bool {
        let wanted = if Self::is_asked_for() { IS_MIMALLOC } else { IS_SYSTEM };
        // Relaxed: as in `is_mimalloc`; of two threads, the one that comes second takes what the first one stored.
        let decided = CHOSEN.compare_exchange(UNDECIDED, wanted, Ordering::Relaxed, Ordering::Relaxed);
        decided.map_or_else(|before| before, |_| wanted) == IS_MIMALLOC
    }

    /// Tells whether the environment asks for mimalloc.
    fn is_asked_for() -> bool {
        // SAFETY: the name ends in a zero byte. Nobody changes the environment meanwhile: the first allocation comes
        // before `main`, and nothing in this program sets a variable of its own process.
        let value = unsafe { libc::getenv(C_VARIABLE.as_ptr()) };
        if value.is_null() {
            return false;
        }
        // SAFETY: `getenv` returned a string that ends in a zero byte and, as above, does not change.
        unsafe { CStr::from_ptr(value) }.to_bytes() == MIMALLOC
    }
}

// SAFETY: all calls of a process go to one allocator, unchanged, and that one keeps the contract. The decision is made
// before the first block, is the same for all threads, and takes no allocation.
unsafe impl GlobalAlloc for Switch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::is_mimalloc() {
            // SAFETY: the caller keeps the contract of `alloc`, which is mimalloc's.
            unsafe { MiMalloc.alloc(layout) }
        } else {
            // SAFETY: likewise, and it is `System`'s.
            unsafe { System.alloc(layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::is_mimalloc() {
            // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is mimalloc's.
            unsafe { MiMalloc.alloc_zeroed(layout) }
        } else {
            // SAFETY: likewise, and it is `System`'s.
            unsafe { System.alloc_zeroed(layout) }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if Self::is_mimalloc() {
            // SAFETY: the decision stands, so mimalloc made this block, with the layout that the caller vouches for.
            unsafe { MiMalloc.dealloc(block, layout) }
        } else {
            // SAFETY: likewise, and `System` made it.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if Self::is_mimalloc() {
            // SAFETY: as in `dealloc`; the caller vouches for the new size.
            unsafe { MiMalloc.realloc(block, layout, size) }
        } else {
            // SAFETY: likewise, and `System` made it.
            unsafe { System.realloc(block, layout, size) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_everywhere() {
        assert_eq!(VARIABLE.as_bytes(), C_VARIABLE.to_bytes());
        assert_eq!(Allocator::Mimalloc.name().as_bytes(), MIMALLOC);
        for allocator in Allocator::value_variants() {
            let value = allocator.to_possible_value().unwrap();
            assert_eq!(value.get_name(), allocator.name());
        }
    }

    #[test]
    fn mimalloc_tells_its_own_blocks_from_those_of_the_system() {
        assert_eq!(Allocator::in_use(), Allocator::System, "these tests run without {VARIABLE}");
        let layout = Layout::new::<u64>();
        // SAFETY: the layout is not of size zero.
        let block = unsafe { MiMalloc.alloc(layout) };
        // SAFETY: mimalloc looks the address up and does not follow it.
        assert!(unsafe { libmimalloc_sys::mi_is_in_heap_region(block.cast()) });
        // SAFETY: mimalloc made the block just now, with this layout.
        unsafe { MiMalloc.dealloc(block, layout) };
    }
}
