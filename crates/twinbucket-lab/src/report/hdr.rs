//! Latencies as logs that the tools of HdrHistogram read.

use std::collections::HashSet;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use crate::report::{command, grid};
use crate::results::{Measurement, Results};

/// Returns HDR V2 interval logs, each with a name for its file: one of every latency as measured (`.raw.hlog`), and one as
/// it is from when operations were due (`.corrected.hlog`), where there was a schedule.
///
/// Values are nanoseconds, the maximum before each histogram too. A log has a single interval without a tag, which begins
/// with the run; its length was not recorded and is 0. Names have only small letters, digits, `-`, `_` and `.`, and no two
/// are the same.
pub fn hdr(results: &Results) -> Vec<(String, String)> {
    let mut taken = HashSet::new();
    let mut logs = Vec::new();
    for measurement in &results.measurements {
        let Some(latency) = &measurement.latency else { continue };
        let name = unique(stem(measurement), &mut taken);
        logs.push((format!("{name}.raw.hlog"), log(results, measurement, "from its begin", &latency.raw)));
        if let Some(corrected) = &latency.corrected {
            let text = log(results, measurement, "from when it was due", corrected);
            logs.push((format!("{name}.corrected.hlog"), text));
        }
    }
    logs
}

fn log(results: &Results, measurement: &Measurement, since: &str, histogram: &Histogram<u64>) -> String {
    let Measurement { bench, metric, rival, name, case, .. } = measurement;
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(&format!("[{bench} {metric} of {name} ({rival}): {}]", grid::case(&case.dimensions())))
        .add_comment(&format!("[Each operation {since} to its end; all values are nanoseconds]"))
        .add_comment(&format!("[Made by: {}]", command(results).replace('\n', " ")));
    if let Ok(began) = humantime::parse_rfc3339(&results.began) {
        builder.with_start_time(began).with_base_time(began);
    }
    let (mut text, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut log = builder.begin_log_with(&mut text, &mut serializer).expect("memory takes everything");
    log.write_histogram(histogram, Duration::ZERO, Duration::ZERO, None).expect("memory takes everything");
    String::from_utf8(text).expect("comments, figures and base64 are text")
}

/// Returns the name of the file without its ending: what was measured, of whom, in which case.
fn stem(measurement: &Measurement) -> String {
    let mut stem = format!("{}-{}-{}", measurement.bench, measurement.metric, measurement.rival);
    for (name, value) in measurement.case.dimensions() {
        stem.push_str(&format!("_{name}-{value}"));
    }
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c.to_ascii_lowercase() } else { '-' };
    stem.chars().map(safe).collect()
}

/// Returns a name that was not taken yet.
fn unique(stem: String, taken: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{stem}-{number}"));
    let mut names = std::iter::once(stem.clone()).chain(numbered);
    names.find(|name| taken.insert(name.clone())).expect("numbers do not end")
}
