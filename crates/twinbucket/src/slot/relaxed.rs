//! A planted bug: a slot whose swap orders nothing, to see which checks notice. See `verification/planted.sh`.
//!
//! It never lets go of an `Arc`, so that no address dangles and what is found is the missing order alone.

use crate::sync::{Arc, AtomicPtr, Mutex, Ordering};

/// A slot that publishes by a Relaxed store.
pub(crate) struct RelaxedSlot<T> {
    /// The current one; each is in `all`.
    address: AtomicPtr<T>,
    /// All that were ever in the slot.
    all: Mutex<Vec<Arc<T>>>,
}

impl<T> RelaxedSlot<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self { address: AtomicPtr::new(Arc::as_ptr(&value).cast_mut()), all: Mutex::new(vec![value]) }
    }

    pub(crate) fn load(&self) -> Arc<T> {
        let current = self.address.load(Ordering::Relaxed).cast_const();
        // SAFETY: the pointer is that of an `Arc` in `all`, which nothing leaves. That its content is not ordered before
        // this is the bug.
        #[expect(unsafe_code, reason = "a bug that is planted")]
        unsafe {
            Arc::increment_strong_count(current);
            Arc::from_raw(current)
        }
    }

    pub(crate) fn replace(&self, new: Arc<T>) -> Arc<T> {
        let mut all = self.all.lock().expect("no code panics while it holds this lock");
        let old = Arc::clone(all.last().expect("the slot holds one"));
        let address = Arc::as_ptr(&new).cast_mut();
        all.push(new);
        self.address.store(address, Ordering::Relaxed);
        old
    }

    pub(crate) fn is_current(&self, seen: &Arc<T>) -> bool {
        std::ptr::eq(self.address.load(Ordering::Relaxed), Arc::as_ptr(seen))
    }
}
