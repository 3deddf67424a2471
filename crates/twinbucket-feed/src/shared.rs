//! What all handles of a table and its feed's thread have in common.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use twinbucket::Store;

use crate::event::Listeners;
use crate::load::Loader;
use crate::observe::Reading;
use crate::observe::tally::Tally;
use crate::signal::Signal;
use crate::status::Record;
use crate::{Event, Status};

/// The state behind all handles of one table.
pub(crate) struct Shared<K, V, S> {
    /// The content.
    pub(crate) store: Store<K, V, S>,
    /// How content comes into the store; locked while it does.
    pub(crate) loader: Mutex<Loader<K, V, S>>,
    /// What the feed's thread waits for.
    pub(crate) signal: Arc<Signal>,
    /// What is known of the content.
    pub(crate) record: ArcSwap<Record>,
    /// How long content may go without proof.
    pub(crate) stale_after: Option<Duration>,
    /// Who is told of events.
    pub(crate) listeners: Listeners,
    /// The source's name.
    pub(crate) source: Box<str>,
    /// What is counted.
    pub(crate) tally: Arc<Tally>,
}

impl<K, V, S> Shared<K, V, S> {
    /// Returns the table's status. Takes no lock.
    pub(crate) fn status(&self) -> Status {
        // The clock is read last, so that no age is negative.
        let record = self.record.load_full();
        Status { record, now: Instant::now(), stale_after: self.stale_after }
    }

    /// Reads the table's metrics.
    pub(crate) fn reading(&self) -> Reading {
        let (pins, stats) = (self.store.pins(), self.store.stats());
        Reading { status: self.status(), stats, pins, tallied: self.tally.read() }
    }

    /// Changes the record and returns the status with it.
    pub(crate) fn note(&self, change: impl Fn(&mut Record)) -> Status {
        self.record.rcu(|record| {
            let mut record = Record::clone(record);
            change(&mut record);
            record
        });
        self.status()
    }

    /// Tells listeners of an event. One that panics has had its say; the others are told all the same.
    pub(crate) fn tell(&self, event: &Event) {
        for listener in &self.listeners.0 {
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }
}
