//! What is counted when a table publishes, frees, and finds long pins: plain atomic counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use twinbucket::{Freed, Observer, Pin, Published};

use super::trace;

/// Upper ends of the buckets of publish durations, in seconds.
pub(crate) const BUCKETS: [f64; 13] = [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];

/// Counts what happens to one table.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Publishes by how long they took, by bucket; the last is for longer ones.
    publishes: [AtomicU64; BUCKETS.len() + 1],
    /// Nanoseconds that they took together.
    nanoseconds: AtomicU64,
    /// Pins that were held for too long.
    long_pins: AtomicU64,
    /// Lists of pins that could not be written.
    list_failures: AtomicU64,
    /// Leaves of older generations that were freed.
    freed_leaves: AtomicU64,
}

/// What was counted by some moment.
#[derive(Clone, Debug)]
pub(crate) struct Tallied {
    /// Publishes by bucket, not summed up.
    by_bucket: [u64; BUCKETS.len() + 1],
    /// Seconds that they took together.
    pub(crate) publish_seconds: f64,
    /// Pins that were held for too long.
    pub(crate) long_pins: u64,
    /// Lists of pins that could not be written.
    pub(crate) list_failures: u64,
    /// Leaves of older generations that were freed.
    pub(crate) freed_leaves: u64,
}

impl Tally {
    /// Counts a list of pins that could not be written.
    pub(crate) fn list_failed(&self) {
        self.list_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what was counted so far.
    pub(crate) fn read(&self) -> Tallied {
        // Relaxed, here and below: a count orders nothing else.
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tallied {
            by_bucket: std::array::from_fn(|at| count(&self.publishes[at])),
            publish_seconds: Duration::from_nanos(count(&self.nanoseconds)).as_secs_f64(),
            long_pins: count(&self.long_pins),
            list_failures: count(&self.list_failures),
            freed_leaves: count(&self.freed_leaves),
        }
    }
}

impl Tallied {
    /// Returns how many publishes took at most so many seconds, the last one any time.
    pub(crate) fn publishes(&self) -> [(f64, u64); BUCKETS.len() + 1] {
        let mut sum = 0;
        std::array::from_fn(|at| {
            sum += self.by_bucket[at];
            (BUCKETS.get(at).copied().unwrap_or(f64::INFINITY), sum)
        })
    }
}

impl Observer for Tally {
    fn published(&self, event: &Published) {
        let seconds = event.duration.as_secs_f64();
        let bucket = BUCKETS.iter().position(|&end| seconds <= end).unwrap_or(BUCKETS.len());
        self.publishes[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(event.duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        trace::published(event);
    }

    fn pinned_too_long(&self, pin: &Pin) {
        self.long_pins.fetch_add(1, Ordering::Relaxed);
        trace::long_pin(pin);
    }

    fn freed(&self, event: &Freed) {
        self.freed_leaves.fetch_add(event.leaves as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_are_summed_up_bucket_by_bucket() {
        let store = twinbucket::Store::<u64, u64>::builder();
        let tally = std::sync::Arc::new(Tally::default());
        let store = store.observer(std::sync::Arc::clone(&tally)).build();
        for value in 0..3 {
            store.insert(1, value);
        }
        let tallied = tally.read();
        let publishes = tallied.publishes();
        assert_eq!(publishes[BUCKETS.len()], (f64::INFINITY, 3));
        assert!(publishes.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1), "{publishes:?}");
        assert!(tallied.publish_seconds > 0.0);
    }
}
