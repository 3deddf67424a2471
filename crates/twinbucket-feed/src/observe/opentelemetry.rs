//! Metrics for OpenTelemetry: observable instruments, which the SDK reads when it exports, by OTLP or otherwise.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use super::metric::parts;
use super::{Gauge, METRICS, Metric, MetricKind, Reading};

/// Registers the metrics of some tables as observable gauges and counters on `meter`.
///
/// They are read when the meter's provider collects, for as long as it lives; each instrument reads the tables for
/// itself, as OpenTelemetry asks them one by one. It has no histogram that is observed. So the histogram of publishes
/// comes as Prometheus has it: counters `twinbucket_publish_duration_seconds_bucket` with the attribute `le`, `…_count`
/// and `…_sum`.
///
/// # Examples
/// Every minute, by OTLP over HTTP:
/// ```no_run
/// use opentelemetry::metrics::MeterProvider;
/// use opentelemetry_otlp::{MetricExporter, WithExportConfig};
/// use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
///
/// # fn export(
/// #     table: &twinbucket_feed::Table<String, u64>,
/// #     client: impl opentelemetry_http::HttpClient + 'static,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use opentelemetry_otlp::WithHttpConfig;
///
/// let exporter = MetricExporter::builder()
///     .with_http()
///     .with_http_client(client) // or a feature of opentelemetry-otlp that brings one
///     .with_endpoint("http://collector:4318/v1/metrics")
///     .build()?;
/// let provider = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter).build()).build();
/// twinbucket_feed::observe::opentelemetry::observe(&provider.meter("twinbucket"), vec![table.gauge("routes")]);
/// # Ok(())
/// # }
/// ```
pub fn observe(meter: &Meter, tables: Vec<Gauge>) {
    let tables: Arc<[Gauge]> = tables.into();
    for metric in METRICS {
        let of_metric = move |reading: &Reading, observe: Observe<'_>| values(&metric, reading, observe);
        match metric.kind {
            MetricKind::Gauge => gauge(meter, metric.name.into(), metric, &tables, of_metric),
            MetricKind::Counter => counter(meter, metric.name.into(), metric, &tables, of_metric),
            MetricKind::Histogram => {
                let [by_bucket, count, sum] = parts(metric.name);
                counter(meter, by_bucket, metric, &tables, |reading, observe| buckets(reading, observe));
                counter(meter, count, metric, &tables, |reading, observe| {
                    observe(reading.publishes().0.last().map_or(0, |&(_, count)| count) as f64, None);
                });
                gauge(meter, sum, metric, &tables, |reading, observe| observe(reading.publishes().1, None));
            }
        }
    }
}

/// Takes a value, and an attribute beside the table's name.
type Observe<'a> = &'a dyn Fn(f64, Option<KeyValue>);

/// Hands the values of a metric to `observe`.
fn values(metric: &Metric, reading: &Reading, observe: Observe<'_>) {
    match reading.value(metric.name) {
        Some(value) => observe(value, None),
        None => {
            for (state, value) in reading.states() {
                observe(value, Some(KeyValue::new("state", state.as_str())));
            }
        }
    }
}

/// Hands how many publishes took at most so long to `observe`.
fn buckets(reading: &Reading, observe: Observe<'_>) {
    for (end, count) in reading.publishes().0 {
        let end = if end.is_finite() { end.to_string() } else { "+Inf".to_owned() };
        observe(count as f64, Some(KeyValue::new("le", end)));
    }
}

/// Registers an observable gauge.
fn gauge(
    meter: &Meter,
    name: String,
    metric: Metric,
    tables: &Arc<[Gauge]>,
    values: impl Fn(&Reading, Observe<'_>) + Send + Sync + 'static,
) {
    let tables = Arc::clone(tables);
    let read = move |to: &dyn AsyncInstrument<f64>| each(&tables, &values, |value, with| to.observe(value, with));
    let gauge = meter.f64_observable_gauge(name).with_description(metric.help).with_unit(metric.unit());
    gauge.with_callback(read).build();
}

/// Registers an observable counter.
fn counter(
    meter: &Meter,
    name: String,
    metric: Metric,
    tables: &Arc<[Gauge]>,
    values: impl Fn(&Reading, Observe<'_>) + Send + Sync + 'static,
) {
    let tables = Arc::clone(tables);
    let read =
        move |to: &dyn AsyncInstrument<u64>| each(&tables, &values, |value, with| to.observe(value as u64, with));
    meter.u64_observable_counter(name).with_description(metric.help).with_callback(read).build();
}

/// Hands the values of all tables to `observe`, with their attributes.
fn each(tables: &[Gauge], values: &impl Fn(&Reading, Observe<'_>), observe: impl Fn(f64, &[KeyValue])) {
    for gauge in tables {
        let Some(reading) = gauge.read() else { continue };
        let table = KeyValue::new("table", gauge.name().to_owned());
        values(&reading, &|value, with| {
            let attributes: Vec<KeyValue> = std::iter::once(table.clone()).chain(with).collect();
            observe(value, &attributes);
        });
    }
}
