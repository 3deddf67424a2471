//! Metrics for OpenTelemetry: observable instruments, which the SDK reads when it exports, by OTLP or otherwise.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::{Gauge, METRICS, Metric, MetricKind};

/// Registers the metrics of some tables as observable gauges and counters on `meter`.
///
/// They are read when the meter's provider collects, for as long as it lives. The histogram of publishes comes as an
/// observable counter with the attribute `le`, as OpenTelemetry has no histogram that is observed.
pub fn observe(meter: &Meter, tables: Vec<Gauge>) {
    let tables: Arc<[Gauge]> = tables.into();
    for metric in METRICS {
        let tables = Arc::clone(&tables);
        match metric.kind {
            MetricKind::Gauge => {
                let read = move |to: &dyn opentelemetry::metrics::AsyncInstrument<f64>| {
                    each(&tables, &metric, |value, attributes| to.observe(value, attributes));
                };
                meter.f64_observable_gauge(metric.name).with_description(metric.help).with_callback(read).build();
            }
            MetricKind::Counter | MetricKind::Histogram => {
                let read = move |to: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
                    each(&tables, &metric, |value, attributes| to.observe(value as u64, attributes));
                };
                meter.u64_observable_counter(metric.name).with_description(metric.help).with_callback(read).build();
            }
        }
    }
}

/// Hands each value of a metric to `observe`, with its attributes.
fn each(tables: &[Gauge], metric: &Metric, observe: impl Fn(f64, &[KeyValue])) {
    for gauge in tables {
        let Some(reading) = gauge.read() else { continue };
        let table = KeyValue::new("table", gauge.name().to_owned());
        match (metric.kind, reading.value(metric.name)) {
            (_, Some(value)) => observe(value, &[table]),
            (MetricKind::Histogram, None) => {
                for (end, count) in reading.publishes().0 {
                    observe(count as f64, &[table.clone(), KeyValue::new("le", end.to_string())]);
                }
            }
            (_, None) => {
                for (state, value) in reading.states() {
                    observe(value, &[table.clone(), KeyValue::new("state", state.as_str())]);
                }
            }
        }
    }
}
