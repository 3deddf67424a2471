//! What has happened since the start: counts for INFO and for metrics. Each batch adds to them once.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections taken.
    pub(crate) connections: Count,
    /// Connections refused, because there were too many.
    pub(crate) refused: Count,
    /// Connections cut off because of a limit or something that was no request.
    pub(crate) cut: Count,
    /// Commands answered, with errors or without.
    pub(crate) commands: Count,
    /// Commands answered with an error.
    pub(crate) errors: Count,
    /// Keys found by GET, MGET and the like.
    pub(crate) hits: Count,
    /// Keys not found by them.
    pub(crate) misses: Count,
    /// Bytes read.
    pub(crate) bytes_in: Count,
    /// Bytes written.
    pub(crate) bytes_out: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub(crate) fn add(&self, more: u64) {
        if more > 0 {
            // Relaxed: a statistic that orders nothing.
            self.0.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Returns it.
    pub(crate) fn get(&self) -> u64 {
        // Relaxed: as above.
        self.0.load(Ordering::Relaxed)
    }
}
