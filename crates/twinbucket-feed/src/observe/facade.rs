//! Metrics for crate `metrics`, whichever recorder the program has installed.

use metrics::Unit;

use super::metric::parts;
use super::{Gauge, METRICS, Metric, MetricKind};

/// Sets the metrics of some tables in the program's recorder.
///
/// The facade asks nobody, so somebody must call [`refresh`](Self::refresh) now and then: a timer, or a listener of the
/// table's events.
///
/// A recorder takes a histogram value by value, and publishes are counted by bucket where they happen. So the histogram
/// comes as Prometheus has it: counters `twinbucket_publish_duration_seconds_bucket` with the label `le`, a counter
/// `…_count` and a gauge `…_sum`.
///
/// # Examples
/// ```no_run
/// # let table: twinbucket_feed::Table<String, u64> = unimplemented!();
/// use twinbucket_feed::observe::facade::Facade;
///
/// let metrics = Facade::new(vec![table.gauge("routes")]);
/// metrics.refresh();
/// ```
#[derive(Clone, Debug)]
pub struct Facade {
    /// The tables.
    tables: Vec<Gauge>,
}

impl Facade {
    /// Takes some tables, and describes their metrics to the recorder.
    pub fn new(tables: Vec<Gauge>) -> Self {
        for metric in METRICS {
            match metric.kind {
                MetricKind::Gauge => metrics::describe_gauge!(metric.name, unit(&metric), metric.help),
                MetricKind::Counter => metrics::describe_counter!(metric.name, unit(&metric), metric.help),
                MetricKind::Histogram => {
                    let [buckets, count, sum] = parts(metric.name);
                    metrics::describe_counter!(buckets, metric.help);
                    metrics::describe_counter!(count, metric.help);
                    metrics::describe_gauge!(sum, unit(&metric), metric.help);
                }
            }
        }
        Self { tables }
    }

    /// Reads all tables and sets their metrics.
    pub fn refresh(&self) {
        for gauge in &self.tables {
            let Some(reading) = gauge.read() else { continue };
            let table = gauge.name().to_owned();
            for metric in METRICS {
                match (metric.kind, reading.value(metric.name)) {
                    (MetricKind::Counter, Some(value)) => {
                        metrics::counter!(metric.name, "table" => table.clone()).absolute(value as u64);
                    }
                    (MetricKind::Gauge, Some(value)) => {
                        metrics::gauge!(metric.name, "table" => table.clone()).set(value);
                    }
                    (MetricKind::Histogram, _) => {
                        let ([buckets, all, sum], (counts, seconds)) = (parts(metric.name), reading.publishes());
                        for (end, count) in counts {
                            let end = if end.is_finite() { end.to_string() } else { "+Inf".to_owned() };
                            metrics::counter!(buckets.clone(), "table" => table.clone(), "le" => end).absolute(count);
                        }
                        let count = counts.last().map_or(0, |&(_, count)| count);
                        metrics::counter!(all, "table" => table.clone()).absolute(count);
                        metrics::gauge!(sum, "table" => table.clone()).set(seconds);
                    }
                    (_, None) => {
                        for (state, value) in reading.states() {
                            let state = state.as_str();
                            metrics::gauge!(metric.name, "table" => table.clone(), "state" => state).set(value);
                        }
                    }
                }
            }
        }
    }
}

/// Returns the facade's word for a metric's unit.
fn unit(metric: &Metric) -> Unit {
    match metric.unit() {
        "s" => Unit::Seconds,
        "By" => Unit::Bytes,
        _ => Unit::Count,
    }
}
