//! What people and programs read of a run. Everything is a function of [`Results`].

mod csv;
mod grid;
mod hdr;
mod json;
mod numbers;
mod terminal;

use hdrhistogram::Histogram;

pub use self::csv::csv;
pub(crate) use self::grid::{case, reference, title, written};
pub use self::hdr::hdr;
pub use self::json::ReadError;
pub(crate) use self::numbers::{figure, times};
pub use self::terminal::terminal;
use crate::results::{Metric, Results, Unit};

/// Fewer rounds than this say little.
const MIN_ROUNDS: usize = 10;
/// All dimensions that [`Case::dimensions`](crate::results::Case::dimensions) may have, in its order.
pub(crate) const DIMENSIONS: [&str; 11] =
    ["item", "n", "delta", "hold", "threads", "tasks", "keys", "finds", "mix", "state", "publishing"];
/// What is shown of latencies.
const PERCENTILES: [&str; 5] = ["p50", "p99", "p99.9", "p99.99", "max"];

/// Returns one self-contained page.
pub fn html(_results: &Results) -> String {
    todo!()
}

/// Returns the document on which design to take when, as Markdown.
pub fn choosing(_results: &Results) -> String {
    todo!()
}

impl Metric {
    /// Returns the unit that all its measurements have.
    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::Publish | Self::Visible | Self::Lookup | Self::Write | Self::Walk => Unit::Nanos,
            Self::Throughput => Unit::PerSecond,
            Self::Structure | Self::Resident => Unit::BytesPerEntry,
            Self::MaxByMean => Unit::Ratio,
        }
    }
}

impl Unit {
    /// Returns the name in files.
    fn id(self) -> &'static str {
        match self {
            Self::Nanos => "nanos",
            Self::PerSecond => "per-second",
            Self::BytesPerEntry => "bytes-per-entry",
            Self::Ratio => "ratio",
        }
    }

    /// Tells whether one figure is better than another.
    pub(crate) fn better(self, a: f64, b: f64) -> bool {
        match self {
            Self::PerSecond => a > b,
            Self::Nanos | Self::BytesPerEntry | Self::Ratio => a < b,
        }
    }
}

/// Returns one of [`PERCENTILES`] as people read it; `-` if nothing was recorded.
fn percentile(histogram: &Histogram<u64>, name: &str) -> String {
    numbers::figure(nanos(histogram, name).map_or(f64::NAN, |nanos| nanos as f64), Unit::Nanos)
}

/// Returns one of [`PERCENTILES`] in nanoseconds; `None` if nothing was recorded.
fn nanos(histogram: &Histogram<u64>, name: &str) -> Option<u64> {
    let percent = name.strip_prefix('p').and_then(|percent| percent.parse().ok());
    let nanos = percent.map_or_else(|| histogram.max(), |percent| histogram.value_at_percentile(percent));
    (!histogram.is_empty()).then_some(nanos)
}

/// Returns the command as a shell reads it.
fn command(results: &Results) -> String {
    let plain =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./,:+%@".contains(c));
    let quoted = |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    results.command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
