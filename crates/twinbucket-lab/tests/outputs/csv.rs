//! One line for each measurement.

use std::collections::HashMap;

use twinbucket_lab::report::csv;
use twinbucket_lab::results::{Bench, Case, Metric, Results, Unit};
use twinbucket_lab::statistics::median;

use crate::made;

/// Returns each line as a map from headings to fields.
fn lines(results: &Results) -> Vec<HashMap<String, String>> {
    let text = csv(results);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_measurement_has_a_line_with_its_figures() {
    let results = made::results(3);
    let lines = lines(&results);
    assert_eq!(lines.len(), results.measurements.len());
    for (line, measurement) in lines.iter().zip(&results.measurements) {
        assert_eq!((&line["rival"], &line["bench"]), (&measurement.rival, &measurement.bench.to_string()));
        let figure = |name: &str| line[name].parse::<f64>().unwrap();
        assert_eq!(figure("median"), median(&measurement.rounds));
        assert!(figure("low") <= figure("median") && figure("median") <= figure("high"));
        match &measurement.latency {
            Some(latency) => {
                assert_eq!(line["raw_p99.9"], latency.raw.value_at_percentile(99.9).to_string());
                assert_eq!(line["corrected_max"], latency.corrected.as_ref().unwrap().max().to_string());
            }
            None => assert_eq!((line["raw_p50"].as_str(), line["operations"].as_str()), ("", "")),
        }
    }
}

#[test]
fn every_dimension_has_a_column() {
    let some = || Some("some".to_owned());
    let case = Case {
        item: "String".into(),
        n: 7,
        delta: Some(1),
        hold: some(),
        threads: Some(2),
        tasks: Some(3),
        keys: some(),
        finds: some(),
        mix: some(),
        state: some(),
        publishing: some(),
    };
    let mut results = made::results(1);
    let measurement = made::rounds(Bench::Read, Metric::Lookup, &made::RIVALS[0], case.clone(), Unit::PerSecond, 1.0);
    results.measurements = vec![measurement];
    let line = &lines(&results)[0];
    for (name, value) in case.dimensions() {
        assert_eq!(line[name], value, "{name}");
    }
    assert_eq!(line["unit"], serde_json::to_value(Unit::PerSecond).unwrap().as_str().unwrap());
}

#[test]
fn names_with_commas_and_quotes_come_back() {
    let mut results = made::results(1);
    results.measurements[0].name = "a \"map\", kept\nnew".into();
    assert_eq!(lines(&results)[0]["name"], "a \"map\", kept\nnew");
}
