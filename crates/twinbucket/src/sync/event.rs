//! The twin of event-listener's `Event` for shuttle: as much of its face as the crate uses.
//!
//! A listener is notified by each `notify` after the `listen` that made it. Time is not modelled: a deadline may pass at
//! any moment.

use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard};
use shuttle::thread;

/// Notifies all its listeners.
pub(crate) struct Event(Arc<Bell>);

/// What an event shares with its listeners.
#[derive(Default)]
struct Bell {
    /// Notifications so far, and who is to be woken at the next.
    state: Mutex<(u64, Vec<Waker>)>,
    /// For the threads that wait.
    rung: Condvar,
}

impl Bell {
    fn state(&self) -> MutexGuard<'_, (u64, Vec<Waker>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Event {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Notifies every listener; the crate never asks for fewer.
    pub(crate) fn notify(&self, _: usize) {
        let mut state = self.0.state();
        state.0 += 1;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        self.0.rung.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn listen(&self) -> EventListener {
        let heard = self.0.state().0;
        EventListener { bell: Arc::clone(&self.0), heard }
    }
}

/// Waits for the next notification.
pub(crate) struct EventListener {
    /// What it listens to.
    bell: Arc<Bell>,
    /// Notifications before it began.
    heard: u64,
}

/// As event-listener's trait of that name.
pub(crate) trait Listener {
    fn wait(self);
    fn wait_deadline(self, deadline: Instant) -> Option<()>;
}

impl Listener for EventListener {
    fn wait(self) {
        let mut state = self.bell.state();
        while state.0 == self.heard {
            state = self.bell.rung.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_deadline(self, _: Instant) -> Option<()> {
        while self.bell.state().0 == self.heard {
            if thread_rng().gen_bool(0.25) {
                return None;
            }
            thread::yield_now();
        }
        Some(())
    }
}

impl Future for EventListener {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.bell.state();
        if state.0 > self.heard {
            return Poll::Ready(());
        }
        state.1.push(context.waker().clone());
        Poll::Pending
    }
}
