//! The atomically replaceable cell behind a store.
//!
//! A [`Slot`] always holds exactly one `Arc`. `load` clones it, `replace` trades it for another and hands back the old
//! one, `is_current` tells with one atomic load whether an `Arc` seen earlier is still the one inside. The slot knows
//! nothing of maps.
//!
//! # Memory order
//! A value passed to `replace` happens-before every `load` that returns it; arc-swap guarantees that much. The address
//! that `is_current` reads is written before the swap: who has loaded the new value sees that older ones are not current
//! any more. The argument is on each operation below.
//!
//! # The oracle
//! `LockedSlot` does the same with a mutex. Slot tests run on both, and the model checkers, which cannot see into
//! arc-swap, run the store's protocol over the oracle.

use crate::sync::{Arc, AtomicPtr, Ordering};

#[cfg(planted = "relaxed-publish")]
mod relaxed;

#[cfg(all(any(loom, shuttle), not(planted = "relaxed-publish")))]
pub(crate) type Slot<T> = LockedSlot<T>;
#[cfg(planted = "relaxed-publish")]
pub(crate) type Slot<T> = relaxed::RelaxedSlot<T>;

/// One `Arc`, replaced atomically; shipped on [arc-swap](arc_swap), whose loads neither lock nor wait.
#[cfg(not(any(loom, shuttle, planted = "relaxed-publish")))]
pub(crate) struct Slot<T> {
    /// The `Arc` itself.
    value: arc_swap::ArcSwap<T>,
    /// Address of what `value` holds, or is about to hold; compared in `is_current`, never dereferenced.
    address: AtomicPtr<T>,
}

#[cfg(not(any(loom, shuttle, planted = "relaxed-publish")))]
impl<T> Slot<T> {
    /// Creates a slot that holds `value`.
    pub(crate) fn new(value: Arc<T>) -> Self {
        let address = AtomicPtr::new(Arc::as_ptr(&value).cast_mut());
        Self { value: arc_swap::ArcSwap::new(value), address }
    }

    /// Returns the current `Arc`: what the last `replace` that returned has put there, or something newer.
    ///
    /// Never waits. Costs one reference count and arc-swap's bookkeeping, some ten nanoseconds.
    pub(crate) fn load(&self) -> Arc<T> {
        self.value.load_full()
    }

    /// Puts `new` into the slot and returns what was there. Calls must not overlap: the writer's turn sees to it.
    ///
    /// When this returns, every reader that loaded the old `Arc` is counted in its reference count.
    pub(crate) fn replace(&self, new: Arc<T>) -> Arc<T> {
        // Relaxed: nothing is read through the address. It is written before the swap, so whoever loads the new value,
        // or knows that this has returned, sees this address or a later one.
        let address = Arc::as_ptr(&new).cast_mut();
        if cfg!(planted = "late-address") {
            let old = self.value.swap(new);
            self.address.store(address, Ordering::Relaxed);
            return old;
        }
        self.address.store(address, Ordering::Relaxed);
        self.value.swap(new)
    }

    /// Tells whether `seen` is what the slot holds. One atomic load, nothing is written.
    ///
    /// `true` only if no newer value was loaded by, or its `replace` known to, the calling thread: the caller holds `seen`,
    /// so no other value can have its address. `false` also while a `replace` is under way.
    #[inline]
    pub(crate) fn is_current(&self, seen: &Arc<T>) -> bool {
        // Relaxed: what `seen` holds was synchronised by the `load` that returned it, and on a mismatch the caller loads
        // again, which synchronises anew. An ordering here would only keep the compiler from keeping fields in registers.
        std::ptr::eq(self.address.load(Ordering::Relaxed), Arc::as_ptr(seen))
    }
}

/// The oracle: a slot over a mutex, with the same four methods and the same separate address.
#[cfg(any(test, loom, shuttle))]
pub(crate) struct LockedSlot<T> {
    /// The `Arc` itself.
    value: crate::sync::Mutex<Arc<T>>,
    /// As in `Slot`.
    address: AtomicPtr<T>,
}

#[cfg(any(test, loom, shuttle))]
impl<T> LockedSlot<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        let address = AtomicPtr::new(Arc::as_ptr(&value).cast_mut());
        Self { value: crate::sync::Mutex::new(value), address }
    }

    pub(crate) fn load(&self) -> Arc<T> {
        Arc::clone(&self.value.lock().expect("no code panics while it holds this lock"))
    }

    pub(crate) fn replace(&self, new: Arc<T>) -> Arc<T> {
        // Relaxed: as in `Slot::replace`.
        let address = Arc::as_ptr(&new).cast_mut();
        let swap = || std::mem::replace(&mut *self.value.lock().expect("no code panics while it holds this lock"), new);
        if cfg!(planted = "late-address") {
            let old = swap();
            self.address.store(address, Ordering::Relaxed);
            return old;
        }
        self.address.store(address, Ordering::Relaxed);
        swap()
    }

    pub(crate) fn is_current(&self, seen: &Arc<T>) -> bool {
        // Relaxed: as in `Slot::is_current`.
        std::ptr::eq(self.address.load(Ordering::Relaxed), Arc::as_ptr(seen))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// The slot's face, so that each claim is checked on the shipped slot and on the oracle.
    trait Cell: Send + Sync {
        fn load(&self) -> Arc<u64>;
        fn replace(&self, new: Arc<u64>) -> Arc<u64>;
        fn is_current(&self, seen: &Arc<u64>) -> bool;
    }

    impl Cell for Slot<u64> {
        fn load(&self) -> Arc<u64> {
            self.load()
        }
        fn replace(&self, new: Arc<u64>) -> Arc<u64> {
            self.replace(new)
        }
        fn is_current(&self, seen: &Arc<u64>) -> bool {
            self.is_current(seen)
        }
    }

    impl Cell for LockedSlot<u64> {
        fn load(&self) -> Arc<u64> {
            self.load()
        }
        fn replace(&self, new: Arc<u64>) -> Arc<u64> {
            self.replace(new)
        }
        fn is_current(&self, seen: &Arc<u64>) -> bool {
            self.is_current(seen)
        }
    }

    fn on_both(check: impl Fn(&dyn Cell)) {
        check(&Slot::new(Arc::new(0)));
        check(&LockedSlot::new(Arc::new(0)));
    }

    #[test]
    fn replace_hands_back_the_old_value() {
        on_both(|slot| {
            assert_eq!(*slot.replace(Arc::new(1)), 0);
            assert_eq!(*slot.replace(Arc::new(2)), 1);
            assert_eq!(*slot.load(), 2);
        });
    }

    #[test]
    fn a_replaced_value_is_held_by_its_loaders_alone() {
        on_both(|slot| {
            let held = slot.load();
            let mut old = slot.replace(Arc::new(1));
            assert!(Arc::get_mut(&mut old).is_none());
            drop(held);
            assert!(Arc::get_mut(&mut old).is_some());
        });
    }

    #[test]
    fn is_current_turns_false_when_replace_returns() {
        on_both(|slot| {
            let seen = slot.load();
            assert!(slot.is_current(&seen));
            slot.replace(Arc::new(1));
            assert!(!slot.is_current(&seen));
            assert!(slot.is_current(&slot.load()));
        });
    }

    #[test]
    fn what_is_older_than_a_loaded_value_is_not_current() {
        on_both(|slot| {
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    let mut seen = slot.load();
                    while *seen < 20_000 {
                        let newer = slot.load();
                        assert!(*newer == *seen || !slot.is_current(&seen));
                        seen = newer;
                    }
                });
                (1..=20_000).for_each(|value| drop(slot.replace(Arc::new(value))));
                reader.join().unwrap();
            });
        });
    }

    #[test]
    fn loads_of_one_thread_never_go_backwards() {
        on_both(|slot| {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let mut seen = slot.load();
                        while *seen < 20_000 {
                            if !slot.is_current(&seen) {
                                let next = slot.load();
                                assert!(*next >= *seen);
                                seen = next;
                            }
                        }
                    });
                }
                for value in 1..=20_000 {
                    assert_eq!(*slot.replace(Arc::new(value)), value - 1);
                }
            });
        });
    }
}
