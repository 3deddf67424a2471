//! The thread of a store that must do something without a call: publish in time, report long pins.
//!
//! It refers to the store only while it publishes, and ends when the store is gone.

#[cfg(not(loom))]
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::Pin;
use crate::observer::Observers;
use crate::pin::Records;
use crate::shared::Shared;
use crate::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
#[cfg(not(loom))]
use crate::sync::thread;
use crate::write::WriteBucket;

/// What to call for a pin that is held too long.
pub(crate) type OnLongPin = Box<dyn Fn(&Pin) + Send + Sync>;

/// How a store with `on_long_pin` reports.
pub(crate) struct LongPins {
    /// Account of the read buckets given out.
    pub(crate) records: Arc<Records>,
    /// How long one may be held.
    pub(crate) limit: Duration,
    /// What to call then.
    pub(crate) report: OnLongPin,
    /// Who is told as well.
    pub(crate) observers: Option<Arc<Observers>>,
}

impl LongPins {
    /// Reports those that have become overdue.
    fn check(&self) {
        for pin in self.records.overdue(self.limit) {
            // A panic in one report must not silence what comes later.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.report)(&pin)));
            if let Some(observers) = &self.observers {
                observers.pinned_too_long(&pin);
            }
        }
    }
}

/// The store's end of the channel to its timer thread, which ends when this is dropped.
pub(crate) struct Timer(Sender<Instant>);

/// The thread's end.
pub(crate) struct Alarm(Receiver<Instant>);

/// Time until the turn is asked for again, where it cannot be waited for.
const RETRY: Duration = Duration::from_millis(1);

/// The longest time between two looks at the records of a store with `on_long_pin`: between them, notes of read buckets
/// that are gone pile up.
const LONG_PIN_TICK: Duration = Duration::from_millis(100);

/// Makes the two ends.
pub(crate) fn channel() -> (Timer, Alarm) {
    let (sender, receiver) = mpsc::channel();
    (Timer(sender), Alarm(receiver))
}

impl Timer {
    /// Asks for a publish of what is staged.
    pub(crate) fn publish_at(&self, deadline: Instant) {
        // If the thread is gone, so is the store, or a panicking callback took it: then nobody is left to ask.
        let _ = self.0.send(deadline);
    }
}

impl Alarm {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no more threads.
    #[cfg(not(loom))]
    pub(crate) fn start<K, V, S>(self, store: &Arc<Shared<K, V, S>>, long_pins: Option<LongPins>) -> io::Result<()>
    where
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        let store = Arc::downgrade(store);
        let run = move || self.run(&store, long_pins.as_ref());
        thread::Builder::new().name("twinbucket".into()).spawn(run).map(drop)
    }

    /// Loom's `Arc` has no weak kind: its models have no timer.
    #[cfg(loom)]
    pub(crate) fn start<K, V, S>(
        self,
        _: &crate::sync::Arc<Shared<K, V, S>>,
        _: Option<LongPins>,
    ) -> std::io::Result<()> {
        unreachable!("no model asks for a timer");
    }

    #[cfg_attr(loom, expect(dead_code, reason = "models have no timer"))]
    fn run<K, V, S>(self, store: &Weak<Shared<K, V, S>>, long_pins: Option<&LongPins>) {
        let tick = long_pins.map(|long_pins| (long_pins.limit / 4).clamp(Duration::from_millis(1), LONG_PIN_TICK));
        let mut publish_at: Option<Instant> = None;
        loop {
            let until_publish = publish_at.map(|at| at.saturating_duration_since(Instant::now()));
            let received = match until_publish.into_iter().chain(tick).min() {
                Some(pause) => self.0.recv_timeout(pause),
                None => self.0.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(deadline) => publish_at = Some(publish_at.map_or(deadline, |earlier| earlier.min(deadline))),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if publish_at.is_some_and(|at| at <= Instant::now()) {
                let Some(store) = store.upgrade() else { return };
                // Where there are pins to watch, a writer that takes its time is not waited for, but asked again.
                let bucket =
                    if tick.is_some() { WriteBucket::try_begin(&store) } else { Some(WriteBucket::begin(&store)) };
                publish_at = if bucket.is_some() { None } else { Some(Instant::now() + RETRY) };
                // A panic in a destructor must not silence what comes later.
                let _ = catch_unwind(AssertUnwindSafe(|| bucket.map(WriteBucket::publish)));
            }
            if let Some(long_pins) = long_pins {
                long_pins.check();
            }
        }
    }
}
