//! The names of the metrics that there are, and those that a query asks for.

use std::collections::BTreeSet;

use twinbucket_feed::observe::METRICS;

use crate::content;

/// The metrics that `docs/metrics.md` lists, with the endings of totals and without those of a histogram's parts.
pub(crate) fn listed() -> BTreeSet<String> {
    let page = content("docs/metrics.md");
    let names = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned));
    names.filter(|name| name.starts_with("twinbucket_")).collect()
}

/// The metrics that a query asks for, without the endings of a histogram's parts.
fn metrics_of(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    let metrics = words.filter(|word| word.starts_with("twinbucket_"));
    metrics.map(|word| word.strip_suffix("_bucket").unwrap_or(word))
}

/// Checks that a query asks for nothing that there is not.
pub(crate) fn assert_known(query: &str) {
    let (listed, mut asked) = (listed(), metrics_of(query).peekable());
    assert!(asked.peek().is_some() || query.contains("up{"), "asks for nothing of ours: {query}");
    for metric in asked {
        assert!(listed.contains(metric), "there is no metric {metric}: {query}");
    }
}

#[test]
fn metrics_of_tables_are_listed() {
    let listed = listed();
    for metric in METRICS {
        assert!(listed.contains(metric.name), "{} is missing in docs/metrics.md", metric.name);
    }
}
