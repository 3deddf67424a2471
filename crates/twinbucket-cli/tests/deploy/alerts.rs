//! The alert rules: valid, tested, and each with what to do.

use serde_json::Value;

use crate::names::assert_known;
use crate::{content, installed, repository, success};

/// The rules, as they are in the file.
fn rules() -> Vec<Value> {
    let file: Value = serde_norway::from_str(&content("deploy/alerts.yml")).unwrap();
    let groups = file["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

/// The names of the rules.
fn alerts() -> Vec<String> {
    rules().iter().map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

/// Runs promtool on a file of `deploy/`.
fn promtool(what: &str, file: &str) {
    let path = repository(file);
    if let Some(output) = installed("promtool", "prometheus", &[what, "rules", path.to_str().unwrap()]) {
        assert!(success(&output).contains("SUCCESS"));
    }
}

#[test]
fn prometheus_takes_the_alert_rules() {
    promtool("check", "deploy/alerts.yml");
}

#[test]
fn alerts_fire_when_they_should_and_not_otherwise() {
    promtool("test", "deploy/alerts_test.yml");
}

#[test]
fn every_alert_is_tested_with_what_fires_it_and_what_does_not() {
    let file: Value = serde_norway::from_str(&content("deploy/alerts_test.yml")).unwrap();
    let tests = file["tests"].as_array().unwrap();
    let checks: Vec<&Value> = tests.iter().flat_map(|test| test["alert_rule_test"].as_array().unwrap()).collect();
    for alert in alerts() {
        let fires = |wanted: bool| {
            let of_it = checks.iter().filter(|check| check["alertname"] == *alert);
            of_it.filter(|check| check["exp_alerts"].as_array().unwrap().is_empty() != wanted).count()
        };
        assert!(fires(true) > 0, "{alert} never fires in the tests");
        assert!(fires(false) > 0, "{alert} is never silent in the tests");
    }
}

#[test]
fn alerts_ask_for_metrics_that_there_are() {
    rules().iter().for_each(|rule| assert_known(rule["expr"].as_str().unwrap()));
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    let page = content("docs/operations.md");
    for rule in rules() {
        let alert = rule["alert"].as_str().unwrap();
        let severity = rule["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning")), "{alert}: {severity:?}");
        for annotation in ["summary", "description"] {
            assert!(rule["annotations"][annotation].is_string(), "{alert} has no {annotation}");
        }
        let runbook = format!("docs/operations.md#{}", alert.to_ascii_lowercase());
        assert_eq!(rule["annotations"]["runbook"], *runbook);
        let section = page.split("\n## ").find(|section| section.lines().next() == Some(alert));
        let section = section.unwrap_or_else(|| panic!("docs/operations.md has no section {alert}"));
        for part in ["**Means:**", "**Look at:**", "**Do:**"] {
            assert!(section.contains(part), "the section {alert} lacks {part}");
        }
    }
}

#[test]
fn every_section_of_the_runbook_is_of_an_alert() {
    let (page, alerts) = (content("docs/operations.md"), alerts());
    for line in page.lines().filter_map(|line| line.strip_prefix("## ")) {
        assert!(alerts.iter().any(|alert| alert == line), "no alert {line}");
    }
}
