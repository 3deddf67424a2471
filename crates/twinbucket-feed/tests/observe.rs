//! What tables tell others: the same metrics by each adapter, spans, probes, and what is held for long.

#![cfg(all(
    feature = "metrics",
    feature = "opentelemetry",
    feature = "prometheus",
    feature = "tracing",
    feature = "usdt"
))]

#[expect(dead_code, reason = "made for other tests, too")]
mod common;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use twinbucket_feed::observe::facade::Facade;
use twinbucket_feed::observe::prometheus::Prometheus;
use twinbucket_feed::observe::{METRICS, MetricKind};
use twinbucket_feed::{LongPins, RowPolicy, Table};

use crate::common::{PATIENCE, Script, eventually};

/// A table with two loads, a failure, a bad row and a pin behind it.
fn table(script: &Script) -> Table<String, u64> {
    let table = script.builder().rows(RowPolicy::Quarantine { max: 1 }).open().unwrap();
    let held = table.read();
    script.put("a 1\nb 2\nc");
    table.reload(PATIENCE).unwrap();
    script.put("!");
    table.reload(PATIENCE).unwrap_err();
    std::mem::forget(held);
    table
}

/// What a scrape of the table shows.
fn scrape(table: &Table<String, u64>) -> String {
    let (tables, mut registry, mut text) = (Prometheus::new(), Registry::default(), String::new());
    tables.add(table.gauge("rows"));
    registry.register_collector(Box::new(tables));
    encode(&mut text, &registry).unwrap();
    text
}

#[test]
fn scrape_has_every_metric_with_its_value() {
    let text = scrape(&table(&Script::new("a 1")));
    for line in [
        "twinbucket_last_reload_successful{table=\"rows\"} 0.0",
        "twinbucket_reloads_total{table=\"rows\"} 3",
        "twinbucket_reload_failures_total{table=\"rows\"} 1",
        "twinbucket_generation{table=\"rows\"} 2.0",
        "twinbucket_entries{table=\"rows\"} 2.0",
        "twinbucket_quarantined_rows{table=\"rows\"} 1.0",
        "twinbucket_live_pins{table=\"rows\"} 1.0",
        "twinbucket_state{table=\"rows\",state=\"ERROR\"} 1.0",
        "twinbucket_state{table=\"rows\",state=\"READY\"} 0.0",
        "twinbucket_publish_duration_seconds_count{table=\"rows\"} 2",
        "twinbucket_publish_duration_seconds_bucket{le=\"+Inf\",table=\"rows\"} 2",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is missing in\n{text}");
    }
    for metric in METRICS {
        let lines = text.lines().filter(|line| line.starts_with(metric.name)).count();
        let least = if metric.kind == MetricKind::Histogram { 16 } else { 1 };
        assert!(lines >= least, "{} is missing in\n{text}", metric.name);
    }
    let stamp = text.lines().find(|line| line.starts_with("twinbucket_last_reload_success_timestamp_seconds{"));
    let stamp: f64 = stamp.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - 3600.0..=now).contains(&stamp), "{stamp}");
}

#[test]
fn promtool_finds_nothing_wrong_with_a_scrape() {
    let text = scrape(&table(&Script::new("a 1")));
    let tool = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut tool) = tool else {
        assert!(std::env::var_os("CI").is_none(), "promtool is missing: install Debian's package prometheus");
        eprintln!("skipped: promtool is not installed (Debian's package prometheus has it)");
        return;
    };
    // It reads Prometheus' own format, which has no end mark and names counters with their ending.
    let mut input = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        let counter = METRICS.iter().find(|metric| {
            metric.kind == MetricKind::Counter && line.split(' ').nth(2) == metric.name.strip_suffix("_total")
        });
        let line = match counter {
            Some(metric) if line.starts_with('#') => line.replace(metric.name.trim_end_matches("_total"), metric.name),
            _ => line.to_owned(),
        };
        input += &(line + "\n");
    }
    tool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{input}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn table_that_is_gone_is_scraped_no_more_and_kept_by_nobody() {
    let script = Script::new("a 1");
    let table = script.builder().open().unwrap();
    let gauge = table.gauge("rows");
    assert!(gauge.read().is_some());
    drop(table);
    assert!(gauge.read().is_none());
    eventually("the feed ends", || script.is_dropped());
}

#[test]
fn facade_sets_the_same_values() {
    let table = table(&Script::new("a 1"));
    let recorder = metrics_util::debugging::DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || Facade::new(vec![table.gauge("rows")]).refresh());
    let found: Vec<String> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<&str> = key.key().labels().map(metrics::Label::value).collect();
            format!("{} {} {value:?}", key.key().name(), labels.join(" "))
        })
        .collect();
    for expected in [
        "twinbucket_generation rows Gauge(2.0)",
        "twinbucket_reloads_total rows Counter(3)",
        "twinbucket_state rows ERROR Gauge(1.0)",
        "twinbucket_publish_duration_seconds rows inf Counter(2)",
    ] {
        assert!(found.iter().any(|own| own == expected), "{expected} is missing in {found:#?}");
    }
}

/// A collector that takes whatever comes.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<Sent>>>);

/// Path and body of a request.
type Sent = (String, Vec<u8>);

#[async_trait::async_trait]
impl opentelemetry_http::HttpClient for Collector {
    async fn send_bytes(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<bytes::Bytes>, opentelemetry_http::HttpError> {
        self.0.lock().push((request.uri().path().to_owned(), request.body().to_vec()));
        Ok(http::Response::new(bytes::Bytes::new()))
    }
}

#[test]
fn otlp_exports_every_metric() {
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};

    let table = table(&Script::new("a 1"));
    let collector = Collector::default();
    let exporter = opentelemetry_otlp::MetricExporter::builder().with_http().with_http_client(collector.clone());
    let exporter = exporter.with_endpoint("http://collector/v1/metrics").build().unwrap();
    let provider = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_periodic_exporter(exporter).build();
    twinbucket_feed::observe::opentelemetry::observe(&provider.meter("twinbucket"), vec![table.gauge("rows")]);
    provider.force_flush().unwrap();
    let sent = collector.0.lock();
    let (path, body) = sent.first().expect("something was exported");
    assert_eq!(path, "/v1/metrics");
    for metric in METRICS {
        let is_there = body.windows(metric.name.len()).any(|part| part == metric.name.as_bytes());
        assert!(is_there, "{} was not exported", metric.name);
    }
}

/// What a subscriber writes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn loads_and_publishes_are_spans_and_long_pins_are_logged_with_their_place() {
    let log = Log::default();
    let writer = log.clone();
    let spans = tracing_subscriber::fmt::format::FmtSpan::CLOSE;
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_span_events(spans).with_writer(move || writer.clone());
    // The only test here that needs one; the feed's thread has no other.
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let script = Script::new("a 1");
    let list = tempfile::tempdir().unwrap();
    let path = list.path().join("pins.txt");
    let long_pins = LongPins::after(Duration::from_millis(10)).log().dump(&path);
    let table = script.builder().long_pins(long_pins).open().unwrap();
    script.put("a");
    table.reload(PATIENCE).unwrap_err();
    let _held = table.read();
    let text = || String::from_utf8(log.0.lock().clone()).unwrap();
    let has = |parts: &[&str]| text().lines().any(|line| parts.iter().all(|part| line.contains(part)));
    eventually("a log of the pin", || has(&["WARN", "a read bucket is held for long", "tests/observe.rs"]));
    assert!(has(&["load{source=\"script\"}", "close"]), "{}", text());
    assert!(has(&["load{source=\"script\"}:publish", "close"]), "{}", text());
    assert!(has(&["error=rows:1:1: no row of a word and a number", "close"]), "{}", text());
    let list = fs::read_to_string(path).unwrap();
    assert!(list.starts_with("generation 1 held for ") && list.contains("tests/observe.rs"), "{list}");
}

#[test]
fn long_pins_are_counted_and_reported_once_each() {
    let script = Script::new("a 1");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let long_pins =
        LongPins::after(Duration::from_millis(5)).report(move |pin| notes.lock().push(pin.generation().get()));
    let table = script.builder().long_pins(long_pins).open().unwrap();
    let _held = table.read();
    eventually("a report", || !seen.lock().is_empty());
    let count = || table.gauge("rows").read().unwrap().value("twinbucket_long_pins_total");
    eventually("a count", || count() == Some(1.0));
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!((seen.lock().clone(), count()), (vec![1], Some(1.0)));
}

#[cfg(target_os = "linux")]
#[test]
fn probes_are_in_the_program() {
    let program = std::env::current_exe().unwrap();
    let Ok(output) = Command::new("readelf").arg("-n").arg(program).output() else {
        assert!(std::env::var_os("CI").is_none(), "readelf is missing: install Debian's package binutils");
        eprintln!("skipped: readelf is not installed (Debian's package binutils has it)");
        return;
    };
    let notes = String::from_utf8_lossy(&output.stdout).into_owned();
    for probe in ["load", "publish", "long_pin"] {
        let is_there = notes.lines().zip(notes.lines().skip(1)).any(|(provider, name)| {
            provider.trim() == "Provider: twinbucket" && name.trim() == format!("Name: {probe}")
        });
        assert!(is_there, "there is no probe {probe} in\n{notes}");
    }
}

#[test]
fn documentation_lists_every_metric() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = fs::read_to_string(page).unwrap();
    for metric in METRICS {
        let kind = match metric.kind {
            MetricKind::Gauge => "gauge",
            MetricKind::Counter => "counter",
            _ => "histogram",
        };
        let row = format!("| `{}` | {kind} | {} |", metric.name, metric.help);
        assert!(page.contains(&row), "docs/metrics.md lacks the row\n{row}");
    }
}
