//! What people and programs read of a run. Everything is a function of [`Results`].

mod bars;
mod charts;
mod choosing;
mod csv;
mod grid;
mod hdr;
mod html;
mod html_tables;
mod json;
mod lines;
mod numbers;
mod svg;
mod terminal;

use hdrhistogram::Histogram;

pub use self::choosing::choosing;
pub use self::csv::csv;
pub(crate) use self::grid::{FLOOR, case, reference, title, written};
pub use self::hdr::hdr;
pub use self::html::html;
pub use self::json::ReadError;
pub(crate) use self::numbers::{figure, times};
pub use self::terminal::terminal;
use crate::results::{Latency, Metric, Results, Unit};
use crate::schedule::Counted;

/// Fewer rounds than this say little.
const MIN_ROUNDS: usize = 10;
/// All dimensions that [`Case::dimensions`](crate::results::Case::dimensions) may have, in its order.
pub(crate) const DIMENSIONS: [&str; 11] =
    ["item", "n", "delta", "hold", "threads", "tasks", "keys", "finds", "mix", "state", "publishing"];
/// What is shown of latencies.
const PERCENTILES: [&str; 5] = ["p50", "p99", "p99.9", "p99.99", "max"];

impl Metric {
    /// Returns from when its latencies are counted in the medians of rounds: a publish from when it began, as what is asked is
    /// what it takes, and all else from when it was due.
    pub(crate) fn counted(self) -> Counted {
        match self {
            Self::Publish | Self::Visible => Counted::FromBegin,
            _ => Counted::FromDue,
        }
    }

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

/// Returns one of [`PERCENTILES`] as people read it; `-` if too little was recorded to tell.
fn percentile(histogram: &Histogram<u64>, name: &str) -> String {
    numbers::figure(nanos(histogram, name).map_or(f64::NAN, |nanos| nanos as f64), Unit::Nanos)
}

/// Returns one of [`PERCENTILES`] in nanoseconds; `None` if it would be the maximum merely for want of operations, as a p99.9
/// of fewer than a thousand.
fn nanos(histogram: &Histogram<u64>, name: &str) -> Option<u64> {
    let percent = name.strip_prefix('p').and_then(|percent| percent.parse().ok()).unwrap_or(100.0);
    let above = histogram.len() as f64 * (100.0 - percent) / 100.0;
    // A little less than one, as 100 - 99.9 is.
    let enough = above > 0.999_999 || (percent == 100.0 && !histogram.is_empty());
    enough.then(|| histogram.value_at_percentile(percent))
}

/// Returns how much of what was due was done, as people read it; nothing where there was no schedule.
fn done(latency: &Latency) -> String {
    latency.corrected.as_ref().map_or_else(String::new, |due| {
        let share = 100.0 * latency.raw.len() as f64 / due.len() as f64;
        // Whoever left something out has not done all.
        format!("{:.0}%", if latency.raw.len() < due.len() { share.min(99.0) } else { share })
    })
}

/// Returns the name of a row of latencies; a second row of the same rival is of what is without publishes.
fn row_name(table: &grid::Latencies<'_>, place: usize) -> String {
    let one = table.rows[place].0;
    let again = place.checked_sub(1).is_some_and(|before| table.rows[before].0.rival == one.rival);
    match (again, grid::is_quiet(one)) {
        (true, true) => "  without publishes".to_owned(),
        (false, true) => format!("{}, without publishes", one.name),
        (_, false) => one.name.clone(),
    }
}

/// Says what a reader should be wary of.
fn doubts(results: &Results) -> Vec<String> {
    let mut doubts = Vec::new();
    if !results.complete {
        doubts.push("stopped early: these are the figures that were there".to_owned());
    }
    let rounds = results.measurements.iter().map(|one| one.rounds.len());
    let few = rounds.clone().filter(|&rounds| rounds < MIN_ROUNDS).count();
    if let Some(least) = rounds.clone().min().filter(|_| few > 0) {
        let all = rounds.count();
        doubts.push(format!(
            "{few} of {all} figures are of fewer than {MIN_ROUNDS} rounds, the fewest {least}: trust them less"
        ));
    }
    doubts
}

/// Returns the command as a shell reads it.
fn command(results: &Results) -> String {
    let plain = |word: &str| {
        word == "&&" || !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./,:+%@".contains(c))
    };
    let quoted = |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    results.command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}
