//! What people and programs read of a run. Everything is a function of [`Results`].

mod grid;
mod json;
mod numbers;
mod terminal;

use hdrhistogram::Histogram;

pub use self::json::ReadError;
pub use self::terminal::terminal;
use crate::results::{Results, Unit};

/// Fewer rounds than this say little.
const MIN_ROUNDS: usize = 10;
/// What is shown of latencies.
const PERCENTILES: [&str; 5] = ["p50", "p99", "p99.9", "p99.99", "max"];

/// Returns one line of CSV for each measurement, under a line of headings.
pub fn csv(_results: &Results) -> String {
    todo!()
}

/// Returns one self-contained page.
pub fn html(_results: &Results) -> String {
    todo!()
}

/// Returns HDR V2 interval logs, each with the name of its file.
pub fn hdr(_results: &Results) -> Vec<(String, String)> {
    todo!()
}

/// Returns the document on which design to take when, as Markdown.
pub fn choosing(_results: &Results) -> String {
    todo!()
}

impl Unit {
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
    if histogram.is_empty() {
        return numbers::figure(f64::NAN, Unit::Nanos);
    }
    let nanos = match name.strip_prefix('p').and_then(|percent| percent.parse().ok()) {
        Some(percent) => histogram.value_at_percentile(percent),
        None => histogram.max(),
    };
    numbers::figure(nanos as f64, Unit::Nanos)
}

/// Returns the command as a shell reads it.
fn command(results: &Results) -> String {
    let plain =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./,:+%@".contains(c));
    let quoted = |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    results.command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
