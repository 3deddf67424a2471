//! The names of the metrics that there are, and those that a query asks for.

/// Metrics of a table, in the library and in the daemon; histograms without the endings of their parts.
const TABLES: [&str; 18] = [
    "twinbucket_bytes",
    "twinbucket_entries",
    "twinbucket_freed_leaves_total",
    "twinbucket_generation",
    "twinbucket_last_reload_success_timestamp_seconds",
    "twinbucket_last_reload_successful",
    "twinbucket_live_pins",
    "twinbucket_load_duration_seconds",
    "twinbucket_long_pins_total",
    "twinbucket_oldest_pin_age_seconds",
    "twinbucket_publish_duration_seconds",
    "twinbucket_quarantined_rows",
    "twinbucket_reload_failures_total",
    "twinbucket_reloads_total",
    "twinbucket_retired_bytes",
    "twinbucket_retired_leaves",
    "twinbucket_staleness_seconds",
    "twinbucket_state",
];

/// Metrics of the daemon itself.
const DAEMON: [&str; 5] = [
    "twinbucket_http_connections",
    "twinbucket_http_connections_refused_total",
    "twinbucket_http_request_duration_seconds",
    "twinbucket_http_requests_total",
    "twinbucket_http_streams",
];

/// The metrics that a query asks for, without the endings of a histogram's parts.
pub(crate) fn metrics_of(query: &str) -> Vec<&str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let metrics = words.filter(|word| word.starts_with("twinbucket_"));
    metrics.map(|word| word.strip_suffix("_bucket").unwrap_or(word)).collect()
}

/// Checks that a query asks for nothing that there is not: metrics, and states of a table.
pub(crate) fn assert_known(query: &str) {
    let metrics = metrics_of(query);
    assert!(!metrics.is_empty() || query.contains("up{"), "asks for nothing of ours: {query}");
    for metric in metrics {
        assert!(TABLES.contains(&metric) || DAEMON.contains(&metric), "there is no metric {metric}: {query}");
    }
}
