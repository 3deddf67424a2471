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
use twinbucket_feed::{LongPins, RowPolicy, State, Table};

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
fn gauges_have_the_values_of_the_store_and_of_the_status() {
    let script = Script::new("a 1");
    let table = script.builder().open().unwrap();
    let old = table.read();
    for content in ["a 2", "a 3"] {
        script.put(content);
        table.reload(PATIENCE).unwrap();
    }
    let young = table.read();
    let (stats, status, pins) = (table.stats(), table.status(), table.pins());
    let reading = table.gauge("rows").read().unwrap();
    let value = |name: &str| reading.value(&format!("twinbucket_{name}")).unwrap();
    assert!(stats.bytes > 0 && stats.retired_leaves > 0 && status.load_time() > Duration::ZERO);
    assert_eq!(value("bytes"), stats.bytes as f64);
    assert_eq!(value("retired_leaves"), stats.retired_leaves as f64);
    assert_eq!(value("retired_bytes"), stats.retired_bytes as f64);
    assert_eq!(value("load_duration_seconds"), status.load_time().as_secs_f64());
    // Ages were taken before the reading.
    assert!(value("staleness_seconds") >= status.age().unwrap().as_secs_f64());
    let oldest = pins.iter().map(twinbucket::Pin::age).max().unwrap();
    assert!(value("oldest_pin_age_seconds") >= oldest.as_secs_f64(), "{pins:?}");
    let freed = value("freed_leaves_total");
    drop((old, young));
    script.put("a 4");
    table.reload(PATIENCE).unwrap();
    let reading = table.gauge("rows").read().unwrap();
    assert_eq!(reading.value("twinbucket_retired_leaves"), Some(0.0));
    assert_eq!(reading.value("twinbucket_freed_leaves_total"), Some(freed + stats.retired_leaves as f64 + 1.0));
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
            format!("{} {} {value:?}", key.key().name(), labels.join(","))
        })
        .collect();
    for expected in [
        "twinbucket_generation rows Gauge(2.0)",
        "twinbucket_reloads_total rows Counter(3)",
        "twinbucket_state rows,ERROR Gauge(1.0)",
        "twinbucket_publish_duration_seconds_bucket rows,+Inf Counter(2)",
        "twinbucket_publish_duration_seconds_count rows Counter(2)",
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
    // The label as OTLP writes it; the state has a value for each state, the histogram one for each bucket.
    let label = b"table\x12\x06\x0a\x04rows";
    let labels = body.windows(label.len()).filter(|part| part == label).count();
    assert_eq!(labels, METRICS.len() - 2 + State::ALL.len() + 14 + 2);
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
    let with_bad_row = Script::new("a 1\nb");
    let _quarantined = with_bad_row.builder().rows(RowPolicy::Quarantine { max: 1 }).open().unwrap();
    assert!(has(&["WARN", "bad rows were left out", "source=\"script\" rows=1 first=rows:2:1: "]), "{}", text());
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

#[test]
fn load_that_takes_long_is_no_long_pin() {
    let script = Script::new("1");
    let slow = |part: &twinbucket_feed::Part, rows: &mut twinbucket_feed::Rows<'_, String, u64>| {
        std::thread::sleep(Duration::from_millis(100));
        let _ = rows.push(1, "row".to_owned(), part.bytes.len() as u64);
        Ok(())
    };
    let table = script.builder().format(slow).long_pins(LongPins::after(Duration::from_millis(5))).open().unwrap();
    script.put("12");
    table.reload(PATIENCE).unwrap();
    let count = || table.gauge("rows").read().unwrap().value("twinbucket_long_pins_total");
    assert_eq!((table.get("row"), count()), (Some(2), Some(0.0)));
    let held = table.read();
    eventually("a pin of somebody else's is one", || count() == Some(1.0));
    drop(held);
}

#[test]
fn list_of_pins_has_all_of_them_and_replaces_the_file_as_a_whole() {
    let script = Script::new("a 1");
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("pins.txt"), directory.path().join("before.txt"));
    fs::write(&path, "before").unwrap();
    fs::hard_link(&path, &link).unwrap();
    let table = script.builder().long_pins(LongPins::after(Duration::from_millis(5)).dump(&path)).open().unwrap();
    let held = [table.read(), table.read(), table.read()];
    let list = || fs::read_to_string(&path).unwrap();
    eventually("a list of all three", || list().lines().filter(|line| line.contains("tests/observe.rs")).count() == 3);
    assert_eq!(fs::read_to_string(link).unwrap(), "before", "the old file is not written to");
    // Each of the three writes a list.
    eventually("nothing is left beside the list", || fs::read_dir(&directory).unwrap().count() == 2);
    drop(held);
}

#[test]
fn live_pins_are_counted_one_by_one_with_their_account_and_without() {
    for long_pins in [None, Some(LongPins::after(PATIENCE))] {
        let script = Script::new("a 1");
        let builder = script.builder();
        let table = match long_pins {
            Some(long_pins) => builder.long_pins(long_pins),
            None => builder,
        };
        let table = table.open().unwrap();
        let live = || table.gauge("rows").read().unwrap().value("twinbucket_live_pins").unwrap();
        assert_eq!(live(), 0.0);
        let held = [table.read(), table.read()];
        let mut reader = table.reader();
        assert_eq!(reader.get("a"), Some(&1));
        let copy = held[0].clone();
        assert_eq!(live(), 4.0);
        drop((held, reader));
        assert_eq!(live(), 1.0);
        drop(copy);
        assert_eq!(live(), 0.0);
    }
}

#[test]
fn list_of_pins_that_cannot_be_written_is_counted() {
    let script = Script::new("a 1");
    let directory = tempfile::tempdir().unwrap();
    // A directory cannot be replaced by a file.
    let path = directory.path().join("pins");
    fs::create_dir(&path).unwrap();
    let table = script.builder().long_pins(LongPins::after(Duration::from_millis(5)).dump(&path)).open().unwrap();
    let held = table.read();
    let failures = || table.gauge("rows").read().unwrap().value("twinbucket_pin_list_failures_total").unwrap();
    eventually("the failure is counted", || failures() == 1.0);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");
    drop(held);
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
