//! Metrics for crate `metrics`, whichever recorder the program has installed.

use super::{Gauge, METRICS, MetricKind};

/// Sets the metrics of some tables in the program's recorder.
///
/// The facade asks nobody, so somebody must call [`refresh`](Self::refresh) now and then: a timer, or a listener of the
/// table's events. The histogram of publishes comes as a counter for each bucket, with the label `le`.
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
                MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
                MetricKind::Counter | MetricKind::Histogram => metrics::describe_counter!(metric.name, metric.help),
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
                        for (end, count) in reading.publishes().0 {
                            let end = end.to_string();
                            metrics::counter!(metric.name, "table" => table.clone(), "le" => end).absolute(count);
                        }
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
