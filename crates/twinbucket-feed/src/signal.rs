//! How a feed's thread is asked for something: changes of the source, reloads by hand, the end.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Tells a feed that its source may have changed. Cheap to clone, and to call as often as one likes.
///
/// Changes that come close together make one load, and however many come during a load make one more.
#[derive(Clone)]
pub struct Wake {
    /// The feed's signal.
    signal: Arc<Signal>,
    /// Marks whose source changed, where several have one signal.
    mark: Option<Arc<AtomicBool>>,
}

impl Wake {
    pub(crate) fn new(signal: Arc<Signal>) -> Self {
        Self { signal, mark: None }
    }

    /// As `new`, and also sets `mark`.
    pub(crate) fn marking(signal: Arc<Signal>, mark: Arc<AtomicBool>) -> Self {
        Self { signal, mark: Some(mark) }
    }

    /// Says that the source may have changed. Never waits for a load.
    pub fn wake(&self) {
        if let Some(mark) = &self.mark {
            // Release: pairs with the Acquire of the feed's thread, which then sees what the source was changed to.
            mark.store(true, Ordering::Release);
        }
        self.signal.note_change();
    }

    /// Tells whether the feed is gone, so that whoever watches the source for it can stop.
    pub fn is_closed(&self) -> bool {
        self.signal.inner.lock().stopped
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").finish_non_exhaustive()
    }
}

/// What a feed's thread waits for.
#[derive(Default)]
pub(crate) struct Signal {
    /// What is asked for.
    inner: Mutex<Asked>,
    /// Wakes the feed's thread.
    asked: Condvar,
    /// Wakes those that wait for a load by hand.
    done: Condvar,
}

/// What is asked of a feed's thread.
#[derive(Default)]
struct Asked {
    /// When the first and the last change not yet loaded were noted.
    changed: Option<(Instant, Instant)>,
    /// Number of the last load asked for by hand.
    ticket: u64,
    /// Whether a load asked for by hand is to skip the guard.
    unguarded: bool,
    /// Number of the last load asked for by hand that is done.
    served: u64,
    /// Whether the last handle is gone.
    stopped: bool,
}

/// How long to let changes settle before a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Debounce {
    /// A load waits until nothing has changed for this long.
    pub(crate) settle: Duration,
    /// But never longer than this after the first change.
    pub(crate) at_most: Duration,
}

/// Why the feed's thread goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Call {
    /// The source may have changed.
    Changed,
    /// A load was asked for by hand, the last one with this number.
    ByHand {
        /// The number to report with [`Signal::serve`].
        ticket: u64,
        /// Whether the guard is to be skipped.
        unguarded: bool,
    },
    /// The time is up.
    TimeUp,
    /// The feed is to end.
    Stop,
}

impl Signal {
    /// Notes a change of the source.
    pub(crate) fn note_change(&self) {
        let now = Instant::now();
        let mut asked = self.inner.lock();
        asked.changed = Some((asked.changed.map_or(now, |(first, _)| first), now));
        self.asked.notify_one();
    }

    /// Asks for a load; [`wait_for`](Self::wait_for) waits for the number returned.
    pub(crate) fn request(&self, unguarded: bool) -> u64 {
        let mut asked = self.inner.lock();
        asked.ticket += 1;
        asked.unguarded |= unguarded;
        self.asked.notify_one();
        asked.ticket
    }

    /// Waits until the load with that number is done; `false` if it is not by then.
    pub(crate) fn wait_for(&self, ticket: u64, timeout: Duration) -> bool {
        self.wait_until(timeout, |served| served >= ticket)
    }

    /// Waits until `is_done`, which is asked after each load with the number of the last one by hand that is done;
    /// `false` if it is not by then.
    pub(crate) fn wait_until(&self, timeout: Duration, is_done: impl Fn(u64) -> bool) -> bool {
        let mut asked = self.inner.lock();
        self.done.wait_while_for(&mut asked, |asked| !is_done(asked.served) && !asked.stopped, timeout);
        is_done(asked.served)
    }

    /// Says that a load is done, and with it those by hand up to that number.
    pub(crate) fn serve(&self, ticket: Option<u64>) {
        let mut asked = self.inner.lock();
        asked.served = ticket.unwrap_or(asked.served);
        self.done.notify_all();
    }

    /// Ends the feed's thread at its next look.
    pub(crate) fn stop(&self) {
        self.inner.lock().stopped = true;
        self.asked.notify_all();
        self.done.notify_all();
    }

    /// Waits until there is something to do or `until` has come, and takes it: what comes later is a new call.
    pub(crate) fn next(&self, until: Option<Instant>, debounce: Debounce) -> Call {
        let mut asked = self.inner.lock();
        loop {
            let now = Instant::now();
            if asked.stopped {
                return Call::Stop;
            }
            if asked.ticket > asked.served {
                asked.changed = None;
                let unguarded = std::mem::take(&mut asked.unguarded);
                return Call::ByHand { ticket: asked.ticket, unguarded };
            }
            let due = asked.changed.map(|(first, last)| (last + debounce.settle).min(first + debounce.at_most));
            if due.is_some_and(|due| due <= now) {
                asked.changed = None;
                return Call::Changed;
            }
            if until.is_some_and(|until| until <= now) {
                return Call::TimeUp;
            }
            match due.into_iter().chain(until).min() {
                Some(deadline) => drop(self.asked.wait_until(&mut asked, deadline)),
                None => self.asked.wait(&mut asked),
            }
        }
    }
}
