//! The metrics of a table: what they are called, and their values at one moment.

use std::time::{Duration, SystemTime};

use twinbucket::Pin;

use super::tally::{BUCKETS, Tallied};
use crate::{State, Status};

/// What kind of metric it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A total since the table was opened.
    Counter,
    /// How many events took how long.
    Histogram,
}

/// One metric: its name as Prometheus shows it, its kind, and what it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// The kind.
    pub kind: MetricKind,
    /// What it means.
    pub help: &'static str,
}

impl Metric {
    /// Returns the unit of its values as UCUM writes it: `s`, `By`, or `1` for numbers of things.
    pub fn unit(&self) -> &'static str {
        match self.name.rsplit('_').next() {
            Some("seconds") => "s",
            Some("bytes") => "By",
            _ => "1",
        }
    }
}

/// A gauge of that name.
const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, help }
}

/// A counter of that name.
const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, help }
}

/// All metrics of a table. Each has the label `table`; `twinbucket_state` also has `state`.
pub const METRICS: [Metric; 20] = [
    gauge("twinbucket_last_reload_successful", "Whether the last look at the source went well: 1 or 0"),
    gauge(
        "twinbucket_last_reload_success_timestamp_seconds",
        "When the last look at the source that went well ended, in seconds since 1970; 0 if none did",
    ),
    counter("twinbucket_reloads_total", "Looks at the source that have ended"),
    counter("twinbucket_reload_failures_total", "Looks at the source that failed, in whichever way"),
    gauge("twinbucket_generation", "Generation of the content"),
    gauge("twinbucket_staleness_seconds", "Time since the content was last known to be the source's"),
    gauge("twinbucket_stale_after_seconds", "Staleness from which on the table is STALE; 0 if it never is"),
    gauge("twinbucket_state", "1 for the state that the table is in, 0 for the others"),
    gauge("twinbucket_entries", "Entries in the content"),
    gauge("twinbucket_bytes", "Bytes of the current read bucket, without what keys and values point to"),
    gauge("twinbucket_quarantined_rows", "Bad rows that the content lacks"),
    gauge("twinbucket_live_pins", "Read buckets, readers and iterators outside the table that hold a version"),
    gauge("twinbucket_oldest_pin_age_seconds", "How long the oldest of them has been held; 0 if there is none"),
    gauge("twinbucket_retired_leaves", "Replaced leaves that are not freed yet"),
    gauge("twinbucket_retired_bytes", "Bytes of replaced leaves and chunks that are not freed yet"),
    counter("twinbucket_long_pins_total", "Read buckets that were held longer than the limit"),
    counter("twinbucket_pin_list_failures_total", "Lists of pins that could not be written"),
    counter("twinbucket_freed_leaves_total", "Leaves of older generations that were freed"),
    gauge("twinbucket_load_duration_seconds", "How long the last load that was taken took"),
    Metric {
        name: "twinbucket_publish_duration_seconds",
        kind: MetricKind::Histogram,
        help: "How long publishes took, from the call until the generation was visible",
    },
];

/// Returns the names of the parts of a histogram: its buckets, their count, and the sum.
#[cfg(any(feature = "metrics", feature = "opentelemetry"))]
pub(super) fn parts(name: &str) -> [String; 3] {
    ["bucket", "count", "sum"].map(|part| format!("{name}_{part}"))
}

/// The metrics of a table at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The table's status.
    pub(crate) status: Status,
    /// Bytes, retired leaves, retired bytes.
    pub(crate) stats: twinbucket::Stats,
    /// Who holds read buckets.
    pub(crate) pins: Vec<Pin>,
    /// What observers counted.
    pub(crate) tallied: Tallied,
}

impl Reading {
    /// Returns the value of a gauge or counter; `None` for a name that is of neither, and for what is labelled further.
    pub fn value(&self, name: &str) -> Option<f64> {
        let status = &self.status;
        let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64();
        Some(match name {
            "twinbucket_last_reload_successful" => {
                f64::from(u8::from(status.error().is_none() && status.last_success().is_some()))
            }
            "twinbucket_last_reload_success_timestamp_seconds" => seconds(status.last_success().map(since_1970)),
            "twinbucket_reloads_total" => status.counts().attempts as f64,
            "twinbucket_reload_failures_total" => status.counts().failures as f64,
            "twinbucket_generation" => status.generation().get() as f64,
            "twinbucket_staleness_seconds" => status.record.unproved(status.now).as_secs_f64(),
            "twinbucket_stale_after_seconds" => seconds(status.stale_after()),
            "twinbucket_entries" => status.entries() as f64,
            "twinbucket_bytes" => self.stats.bytes as f64,
            "twinbucket_quarantined_rows" => status.quarantined_rows() as f64,
            "twinbucket_live_pins" => self.pins.iter().map(Pin::holders).sum::<usize>() as f64,
            "twinbucket_oldest_pin_age_seconds" => seconds(self.pins.iter().map(Pin::age).max()),
            "twinbucket_retired_leaves" => self.stats.retired_leaves as f64,
            "twinbucket_retired_bytes" => self.stats.retired_bytes as f64,
            "twinbucket_long_pins_total" => self.tallied.long_pins as f64,
            "twinbucket_pin_list_failures_total" => self.tallied.list_failures as f64,
            "twinbucket_freed_leaves_total" => self.tallied.freed_leaves as f64,
            "twinbucket_load_duration_seconds" => status.load_time().as_secs_f64(),
            _ => return None,
        })
    }

    /// Returns 1 for the state that the table is in, and 0 for each other.
    pub fn states(&self) -> [(State, f64); 4] {
        let now = self.status.state();
        State::ALL.map(|state| (state, f64::from(u8::from(state == now))))
    }

    /// Returns how many publishes took at most so many seconds, the last one any time; and the seconds of all together.
    pub fn publishes(&self) -> ([(f64, u64); BUCKETS.len() + 1], f64) {
        (self.tallied.publishes(), self.tallied.publish_seconds)
    }
}
