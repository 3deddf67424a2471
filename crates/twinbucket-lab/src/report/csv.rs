//! One line for each measurement, for spreadsheets and data frames.

use csv::{Terminator, WriterBuilder};
use hdrhistogram::Histogram;

use crate::report::{DIMENSIONS, PERCENTILES, nanos};
use crate::results::{Measurement, Results};
use crate::statistics::estimate;

/// Returns one line of CSV (RFC 4180) for each measurement, under a line of headings.
///
/// Dimensions that do not apply are empty, as are percentiles of what is no latency. Latencies are in nanoseconds, all other
/// figures in the unit that the line names.
///
/// # Panics
/// Never: all lines have as many fields as there are headings, and are written to memory.
pub fn csv(results: &Results) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let lines = results.measurements.iter().map(line);
    for line in std::iter::once(headings()).chain(lines) {
        writer.write_record(line).expect("all lines have the same number of fields");
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("only strings were written")
}

fn headings() -> Vec<String> {
    let of = |kind: &'static str| PERCENTILES.iter().map(move |name| format!("{kind}_{name}"));
    let mut headings: Vec<String> = ["bench", "metric", "rival", "name"].map(str::to_owned).to_vec();
    headings.extend(DIMENSIONS.map(str::to_owned));
    headings.extend(["unit", "rounds", "median", "low", "high", "operations"].map(str::to_owned));
    headings.extend(of("raw").chain(of("corrected")));
    headings
}

fn line(measurement: &Measurement) -> Vec<String> {
    let dimensions = measurement.case.dimensions();
    let dimension = |wanted: &str| dimensions.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    let estimate = estimate(&measurement.rounds);
    let latency = measurement.latency.as_ref();
    let mut line = vec![measurement.bench.to_string(), measurement.metric.to_string()];
    line.extend([measurement.rival.clone(), measurement.name.clone()]);
    line.extend(DIMENSIONS.iter().map(|name| dimension(name).unwrap_or_default()));
    line.extend([measurement.unit.id().to_owned(), measurement.rounds.len().to_string()]);
    line.extend([estimate.median, estimate.low, estimate.high].map(|value| value.to_string()));
    line.push(latency.map_or_else(String::new, |latency| latency.raw.len().to_string()));
    line.extend(percentiles(latency.map(|latency| &latency.raw)));
    line.extend(percentiles(latency.and_then(|latency| latency.corrected.as_ref())));
    line
}

fn percentiles(histogram: Option<&Histogram<u64>>) -> impl Iterator<Item = String> + '_ {
    let percentile = move |name: &str| nanos(histogram?, name).map(|nanos| nanos.to_string());
    PERCENTILES.iter().map(move |name| percentile(name).unwrap_or_default())
}
