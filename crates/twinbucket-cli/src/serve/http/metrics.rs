//! What the daemon counts of itself, and the answer to a scrape.
//!
//! Requests are counted in plain atomic counters, one for each route and status, so that counting takes no lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Shared;
use super::problem::Problem;

/// What requests ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// The status page.
    Page,
    /// For supervisors.
    Probe,
    /// A scrape.
    Metrics,
    /// The status of all tables or one.
    Status,
    /// One entry.
    Entry,
    /// A stream of entries.
    Entries,
    /// Several keys.
    Lookup,
    /// A stream of changes.
    Changes,
    /// Reload and rollback.
    Admin,
    /// Anything else.
    Other,
}

impl Route {
    /// All routes, by their names, in the order of their numbers.
    const ALL: [(Self, &'static str); 10] = [
        (Self::Page, "page"),
        (Self::Probe, "probe"),
        (Self::Metrics, "metrics"),
        (Self::Status, "status"),
        (Self::Entry, "entry"),
        (Self::Entries, "entries"),
        (Self::Lookup, "lookup"),
        (Self::Changes, "changes"),
        (Self::Admin, "admin"),
        (Self::Other, "other"),
    ];

    /// Tells what a path asks for.
    pub(crate) fn of(path: &str) -> Self {
        let mut parts = path.split('/').skip(1);
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(""), None, ..) => Self::Page,
            (Some("healthz" | "readyz"), None, ..) => Self::Probe,
            (Some("metrics"), None, ..) => Self::Metrics,
            (Some("v1"), Some("tables"), _, None, _) => Self::Status,
            (Some("v1"), Some("tables"), _, Some("entries"), Some(_)) => Self::Entry,
            (Some("v1"), Some("tables"), _, Some("entries"), None) => Self::Entries,
            (Some("v1"), Some("tables"), _, Some("lookup"), None) => Self::Lookup,
            (Some("v1"), Some("tables"), _, Some("changes"), None) => Self::Changes,
            (Some("v1"), Some("tables"), _, Some("reload" | "rollback"), None) => Self::Admin,
            _ => Self::Other,
        }
    }
}

/// The statuses that are told apart; any other counts as the last.
const STATUSES: [u16; 23] =
    [200, 304, 400, 401, 403, 404, 405, 408, 409, 410, 411, 413, 414, 415, 417, 422, 429, 431, 502, 503, 504, 500, 0];

/// What is counted of one front end over HTTP.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    /// Requests, by route and then by status.
    requests: [[AtomicU64; STATUSES.len()]; Route::ALL.len()],
    /// How long they took, by route, until their answer began.
    durations: [Histogram; Route::ALL.len()],
    /// Connections that are open.
    connections: AtomicU64,
    /// Connections that were refused because there were too many.
    refused: AtomicU64,
    /// Streams that are open.
    streams: AtomicU64,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let buckets = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0];
        Self {
            requests: Default::default(),
            durations: std::array::from_fn(|_| Histogram::new(buckets)),
            connections: AtomicU64::default(),
            refused: AtomicU64::default(),
            streams: AtomicU64::default(),
        }
    }
}

impl HttpMetrics {
    /// Counts a request.
    pub(crate) fn note(&self, route: Route, status: StatusCode, took: Duration) {
        let at = STATUSES.iter().position(|&known| known == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        // Relaxed: a count orders nothing else.
        self.requests[route as usize][at].fetch_add(1, Ordering::Relaxed);
        self.durations[route as usize].observe(took.as_secs_f64());
    }

    /// Counts a connection for as long as the result lives.
    pub(crate) fn connection(self: &Arc<Self>) -> Open {
        Open::new(self, |metrics| &metrics.connections)
    }

    /// Counts a stream for as long as the result lives.
    pub(crate) fn stream(self: &Arc<Self>) -> Open {
        Open::new(self, |metrics| &metrics.streams)
    }

    /// Counts a connection that was refused.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// Something that is open, and counted as such.
pub(crate) struct Open {
    /// Where it is counted.
    metrics: Arc<HttpMetrics>,
    /// In which of the counts.
    which: fn(&HttpMetrics) -> &AtomicU64,
}

impl Open {
    fn new(metrics: &Arc<HttpMetrics>, which: fn(&HttpMetrics) -> &AtomicU64) -> Self {
        which(metrics).fetch_add(1, Ordering::Relaxed);
        Self { metrics: Arc::clone(metrics), which }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.which)(&self.metrics).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Collector for HttpMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let help = "Requests over HTTP, by what they asked for and how they were answered";
        let mut family = encoder.encode_descriptor("twinbucket_http_requests", help, None, MetricType::Counter)?;
        for (route, name) in Route::ALL {
            for (at, status) in STATUSES.into_iter().enumerate() {
                let requests = count(&self.requests[route as usize][at]);
                if requests > 0 {
                    let labels = [("route", name.to_owned()), ("status", status.to_string())];
                    ConstCounter::new(requests).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Seconds from a request over HTTP to the beginning of its answer";
        let name = "twinbucket_http_request_duration_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (route, name) in Route::ALL {
            self.durations[route as usize].encode(family.encode_family(&[("route", name)])?)?;
        }
        let gauges = [
            ("twinbucket_http_connections", "Connections over HTTP that are open", &self.connections),
            ("twinbucket_http_streams", "Streams over HTTP that are open", &self.streams),
        ];
        for (name, help, value) in gauges {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(count(value)).unwrap_or(i64::MAX)).encode(metric)?;
        }
        let help = "Connections over HTTP that were refused because there were too many";
        let metric =
            encoder.encode_descriptor("twinbucket_http_connections_refused", help, None, MetricType::Counter)?;
        ConstCounter::new(count(&self.refused)).encode(metric)
    }
}

/// All that can be scraped.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Of HTTP.
    pub(crate) http: Arc<HttpMetrics>,
    /// What is read at a scrape.
    registry: Registry,
}

impl Metrics {
    /// Sets up what is read at a scrape; `register` adds what is not of HTTP.
    pub(crate) fn new(register: impl FnOnce(&mut Registry)) -> Self {
        let (http, mut registry) = (Arc::<HttpMetrics>::default(), Registry::default());
        registry.register_collector(Box::new(Arc::clone(&http)));
        register(&mut registry);
        Self { http, registry }
    }
}

/// Answers a scrape.
pub(crate) async fn scrape(State(app): Shared) -> Result<Response, Problem> {
    let mut out = String::with_capacity(16 << 10);
    let failed = |_| Problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written");
    text::encode(&mut out, &app.metrics.registry).map_err(failed)?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], out).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_have_their_numbers() {
        for (at, (route, name)) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, at, "{name}");
        }
    }

    #[test]
    fn paths_have_routes() {
        for (path, route) in [
            ("/", Route::Page),
            ("/readyz", Route::Probe),
            ("/v1/tables", Route::Status),
            ("/v1/tables/a", Route::Status),
            ("/v1/tables/a/entries", Route::Entries),
            ("/v1/tables/a/entries/10.0.0.0/8", Route::Entry),
            ("/v1/tables/a/lookup", Route::Lookup),
            ("/v1/tables/a/rollback", Route::Admin),
            ("/v1", Route::Other),
            ("*", Route::Other),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn scrape_has_what_was_counted() {
        let metrics = Metrics::new(|_| {});
        metrics.http.note(Route::Entry, StatusCode::OK, Duration::from_millis(2));
        metrics.http.note(Route::Entry, StatusCode::IM_A_TEAPOT, Duration::from_millis(2));
        let open = metrics.http.connection();
        let mut out = String::new();
        text::encode(&mut out, &metrics.registry).unwrap();
        for line in [
            "twinbucket_http_requests_total{route=\"entry\",status=\"200\"} 1",
            "twinbucket_http_requests_total{route=\"entry\",status=\"0\"} 1",
            "twinbucket_http_connections 1",
            "twinbucket_http_request_duration_seconds_bucket{le=\"0.003\",route=\"entry\"} 2",
        ] {
            assert!(out.contains(line), "{line} is missing in\n{out}");
        }
        drop(open);
        assert_eq!(metrics.http.connections.load(Ordering::Relaxed), 0);
    }
}
