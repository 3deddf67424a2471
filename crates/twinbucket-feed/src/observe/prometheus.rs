//! Metrics for Prometheus and OpenMetrics, by crate `prometheus-client`.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{Gauge, METRICS, Metric, MetricKind, Reading};

/// A collector of the metrics of some tables, which reads them at a scrape. Clones share their tables.
///
/// # Examples
/// ```
/// use prometheus_client::encoding::text::encode;
/// use prometheus_client::registry::Registry;
/// use twinbucket_feed::observe::prometheus::Prometheus;
///
/// let tables = Prometheus::new();
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(tables.clone()));
/// // tables.add(table.gauge("routes"));
/// let mut text = String::new();
/// encode(&mut text, &registry)?;
/// assert!(text.contains("# TYPE twinbucket_entries gauge"));
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Prometheus {
    /// The tables.
    tables: Arc<RwLock<Vec<Gauge>>>,
}

impl Prometheus {
    /// Makes a collector without tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table. One of the same name is replaced.
    pub fn add(&self, gauge: Gauge) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.retain(|other| other.name() != gauge.name());
        tables.push(gauge);
    }

    /// Takes `gauges` for all tables there are.
    pub fn replace(&self, gauges: Vec<Gauge>) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = gauges;
    }
}

impl Collector for Prometheus {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner).clone();
        let readings: Vec<(String, Reading)> =
            tables.iter().filter_map(|gauge| Some((gauge.name().to_owned(), gauge.read()?))).collect();
        for metric in METRICS {
            let (name, kind) = match metric.kind {
                // The encoder adds the ending.
                MetricKind::Counter => (metric.name.trim_end_matches("_total"), MetricType::Counter),
                MetricKind::Gauge => (metric.name, MetricType::Gauge),
                MetricKind::Histogram => (metric.name, MetricType::Histogram),
            };
            let mut family = encoder.encode_descriptor(name, metric.help, None, kind)?;
            for (table, reading) in &readings {
                encode_of(&mut family, &metric, table, reading)?;
            }
        }
        Ok(())
    }
}

/// Writes one metric of one table.
fn encode_of(family: &mut MetricEncoder<'_>, metric: &Metric, table: &str, reading: &Reading) -> fmt::Result {
    let label = [("table", table)];
    if metric.kind == MetricKind::Histogram {
        let (buckets, seconds) = reading.publishes();
        let count = buckets.last().map_or(0, |&(_, count)| count);
        // The encoder sums them up by itself.
        let mut before = 0;
        let buckets = buckets.map(|(end, sum)| {
            let own = sum - before;
            before = sum;
            (end, own)
        });
        return family.encode_family(&label)?.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None);
    }
    let Some(value) = reading.value(metric.name) else {
        for (state, value) in reading.states() {
            let labels = [("table", table), ("state", state.as_str())];
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        return Ok(());
    };
    match metric.kind {
        MetricKind::Counter => ConstCounter::new(value as u64).encode(family.encode_family(&label)?),
        _ => ConstGauge::new(value).encode(family.encode_family(&label)?),
    }
}
