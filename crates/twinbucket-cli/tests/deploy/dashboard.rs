//! The dashboard: what Grafana 10 and later expect of one, with queries that Prometheus takes.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;

use serde_json::Value;

use crate::names::assert_known;
use crate::{content, installed, success};

/// Width of a dashboard, in columns.
const COLUMNS: u64 = 24;

fn dashboard() -> Value {
    serde_json::from_str(&content("deploy/grafana.json")).unwrap()
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

/// The panels that show something, which rows do not.
fn showing(dashboard: &Value) -> impl Iterator<Item = &Value> {
    panels(dashboard).iter().filter(|panel| panel["type"] != "row")
}

fn targets(dashboard: &Value) -> impl Iterator<Item = &Value> {
    showing(dashboard).flat_map(|panel| panel["targets"].as_array().unwrap())
}

/// The queries of panels, with the variables replaced as Grafana does.
fn queries(dashboard: &Value) -> Vec<String> {
    let filled = |query: &str| {
        let query = query.replace("$__rate_interval", "5m");
        ["$job", "$instance", "$table"].iter().fold(query, |query, name| query.replace(name, ".*"))
    };
    targets(dashboard).map(|target| filled(target["expr"].as_str().unwrap())).collect()
}

#[test]
fn prometheus_takes_every_query_of_the_dashboard() {
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    for (number, query) in queries(&dashboard()).iter().enumerate() {
        assert!(!query.contains('$'), "a variable that is not known: {query}");
        write!(rules, "      - record: query:{number}\n        expr: {}\n", Value::from(query.as_str())).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.yml");
    fs::write(&path, rules).unwrap();
    if let Some(output) = installed("promtool", "prometheus", &["check", "rules", path.to_str().unwrap()]) {
        assert!(success(&output).contains("SUCCESS"));
    }
}

#[test]
fn dashboard_asks_for_metrics_that_there_are() {
    queries(&dashboard()).iter().for_each(|query| assert_known(query));
}

#[test]
fn panels_have_their_own_ids_and_titles() {
    let dashboard = dashboard();
    let (mut ids, mut titles) = (HashSet::new(), HashSet::new());
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "an id twice: {}", panel["id"]);
        assert!(titles.insert(panel["title"].as_str().unwrap()), "a title twice: {}", panel["title"]);
    }
}

#[test]
fn panels_lie_side_by_side_within_the_width() {
    let dashboard = dashboard();
    let mut taken = HashSet::new();
    for panel in panels(&dashboard) {
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        let (x, y, w, h) = (side("x"), side("y"), side("w"), side("h"));
        assert!(w > 0 && h > 0 && x + w <= COLUMNS, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} lies on another", panel["title"]);
        }
    }
    let lowest = taken.iter().map(|(_, y)| y + 1).max().unwrap();
    assert_eq!(taken.len() as u64, COLUMNS * lowest, "nothing lies in some places");
}

#[test]
fn panels_have_what_grafana_shows_them_with() {
    for panel in showing(&dashboard()) {
        let title = panel["title"].as_str().unwrap();
        assert!(["stat", "timeseries", "state-timeline"].contains(&panel["type"].as_str().unwrap()), "{title}");
        assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title}");
        assert!(
            panel["fieldConfig"]["defaults"].is_object() && panel["fieldConfig"]["overrides"].is_array(),
            "{title}"
        );
        assert!(panel["options"].is_object(), "{title}");
        let targets = panel["targets"].as_array().unwrap();
        let ids: HashSet<&str> = targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), targets.len(), "{title}");
        for place in targets.iter().chain([panel]) {
            assert_eq!(place["datasource"]["type"], "prometheus", "{title}");
            assert_eq!(place["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

#[test]
fn data_source_job_instance_and_table_can_be_chosen() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "job", "instance", "table"]);
    for variable in &variables[1..] {
        assert_known(variable["definition"].as_str().unwrap());
        assert_eq!(variable["query"]["query"], variable["definition"]);
    }
    let of_tables = queries(&dashboard).iter().filter(|query| query.contains("table=~")).count();
    assert!(of_tables > 15, "{of_tables} queries follow the choice of the table");
}

#[test]
fn dashboard_belongs_to_nobody() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "twinbucket");
    assert!(dashboard["id"].is_null() && dashboard["schemaVersion"].as_u64().unwrap() >= 38);
    let text = dashboard.to_string();
    assert!(!text.contains("http://") && !text.contains("https://"), "an address");
}
