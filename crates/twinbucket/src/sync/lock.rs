//! The twins of parking_lot's locks for model checkers: as much of their face as the crate uses, over the checker's mutex.
//! As there, a panic does not poison a lock.

use std::ops::Deref;
use std::sync::PoisonError;

#[cfg(loom)]
use loom as checker;
#[cfg(shuttle)]
use shuttle as checker;

use self::checker::sync::MutexGuard;
use self::checker::thread::{self, ThreadId};

/// A lock.
pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checker::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// A lock that the thread which has it may take again.
pub(crate) struct ReentrantMutex<T> {
    /// What it protects.
    value: T,
    /// The lock itself.
    lock: checker::sync::Mutex<()>,
    /// The thread that has it. Not one of the checker's, since to ask for it is no step of its own.
    owner: std::sync::Mutex<Option<ThreadId>>,
}

// SAFETY: only the thread that has the lock reaches the value, one thread at a time.
#[expect(unsafe_code, reason = "a cell inside is shared by threads that take turns")]
unsafe impl<T: Send> Sync for ReentrantMutex<T> {}

impl<T> ReentrantMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, lock: checker::sync::Mutex::new(()), owner: std::sync::Mutex::new(None) }
    }

    fn is_mine(&self) -> bool {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) == Some(thread::current().id())
    }

    fn set_owner(&self, owner: Option<ThreadId>) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = owner;
    }

    pub(crate) fn lock(&self) -> ReentrantMutexGuard<'_, T> {
        if self.is_mine() {
            return ReentrantMutexGuard { mutex: self, lock: None };
        }
        self.locked(self.lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn try_lock(&self) -> Option<ReentrantMutexGuard<'_, T>> {
        use std::sync::TryLockError::{Poisoned, WouldBlock};

        if self.is_mine() {
            return Some(ReentrantMutexGuard { mutex: self, lock: None });
        }
        match self.lock.try_lock() {
            Ok(lock) => Some(self.locked(lock)),
            Err(Poisoned(poisoned)) => Some(self.locked(poisoned.into_inner())),
            Err(WouldBlock) => None,
        }
    }

    fn locked<'a>(&'a self, lock: MutexGuard<'a, ()>) -> ReentrantMutexGuard<'a, T> {
        self.set_owner(Some(thread::current().id()));
        ReentrantMutexGuard { mutex: self, lock: Some(lock) }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Has the lock. One taken while the thread had it already must go first.
pub(crate) struct ReentrantMutexGuard<'a, T> {
    /// Where it came from.
    mutex: &'a ReentrantMutex<T>,
    /// The lock itself; `None` if the thread had it already.
    lock: Option<MutexGuard<'a, ()>>,
}

impl<T> Deref for ReentrantMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.mutex.value
    }
}

impl<T> Drop for ReentrantMutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.lock.is_some() {
            self.mutex.set_owner(None);
        }
    }
}
