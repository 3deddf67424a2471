//! Recorded durations, and what is left of them in a report.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Longest duration told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(600);
/// Calls of the clock that go into its own cost.
const CLOCK_CALLS: usize = 10_000;

/// Durations of one kind of event, to three significant digits.
#[derive(Clone, Debug)]
pub(crate) struct Durations(Histogram<u64>);

impl Durations {
    /// Starts with no duration.
    pub(crate) fn new() -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).expect("ten minutes of nanoseconds fit");
        Self(Histogram::new_with_bounds(1, longest, 3).expect("the bounds are constant and valid"))
    }

    /// Records one event that took `duration`.
    pub(crate) fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds what another recorder saw.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all recorders have the same bounds");
    }

    /// Number of events.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Percentiles of the durations; `None` if there was no event.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let at = |quantile| Duration::from_nanos(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(|| Summary {
            events: self.0.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_nanos(self.0.max()),
        })
    }
}

/// The figures of one kind of event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    /// How many were recorded.
    pub(crate) events: u64,
    /// The median.
    pub(crate) p50: Duration,
    /// 99 of 100 took at most this.
    pub(crate) p99: Duration,
    /// 999 of 1,000 took at most this.
    pub(crate) p999: Duration,
    /// The longest.
    pub(crate) max: Duration,
}

/// The median time between two calls of the clock with nothing in between: what every timed event includes.
pub(crate) fn clock_floor() -> Duration {
    let mut durations = Durations::new();
    for _ in 0..CLOCK_CALLS {
        let start = Instant::now();
        durations.record(start.elapsed());
    }
    durations.summary().map_or(Duration::ZERO, |summary| summary.p50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_has_no_summary() {
        assert!(Durations::new().summary().is_none());
    }

    #[test]
    fn percentiles_are_those_of_the_events() {
        let mut durations = Durations::new();
        let mut others = Durations::new();
        for micros in 1..=500 {
            durations.record(Duration::from_micros(micros));
            others.record(Duration::from_micros(micros + 500));
        }
        durations.merge(&others);
        let summary = durations.summary().unwrap();
        assert_eq!(summary.events, 1_000);
        for (found, expected) in [(summary.p50, 500), (summary.p99, 990), (summary.p999, 999), (summary.max, 1_000)] {
            let off = found.abs_diff(Duration::from_micros(expected));
            assert!(off <= Duration::from_micros(1), "{found:?} is not {expected} µs");
        }
    }

    #[test]
    fn duration_beyond_the_bounds_is_recorded_as_the_longest() {
        let mut durations = Durations::new();
        durations.record(LONGEST * 100);
        assert!(durations.summary().unwrap().max >= LONGEST);
    }
}
