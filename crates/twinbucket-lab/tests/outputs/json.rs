//! Results as JSON.

use twinbucket_lab::report::ReadError;
use twinbucket_lab::results::Results;

use crate::made;

#[test]
fn results_come_back_as_they_were() {
    let results = made::results(3);
    let text = results.to_json();
    let back = Results::from_json(&text).unwrap();
    assert_eq!(back.to_json(), text);
    assert_eq!(back.measurements.len(), results.measurements.len());
    for (back, before) in back.measurements.iter().zip(&results.measurements) {
        assert_eq!((&back.rival, &back.case, &back.rounds), (&before.rival, &before.case, &before.rounds));
        assert_eq!(back.latency, before.latency);
    }
}

#[test]
fn another_format_is_told_from_damage_and_from_other_files() {
    let text = made::results(1).to_json();
    let newer = text.replacen("\"format\": 1", "\"format\": 7", 1);
    let error = Results::from_json(&newer).unwrap_err();
    assert!(matches!(error, ReadError::OtherFormat(7)), "{error:?}");
    assert!(error.to_string().contains("of format 7, and this program reads format 1"), "{error}");
    let newer_and_unlike = "{\"format\": 2, \"figures\": []}";
    assert!(matches!(Results::from_json(newer_and_unlike), Err(ReadError::OtherFormat(2))));
    assert!(matches!(Results::from_json("[1, 2]"), Err(ReadError::NotResults(_))));
    assert!(matches!(Results::from_json("{\"entries\": 3}"), Err(ReadError::NotResults(_))));
    assert!(matches!(Results::from_json(&text[..text.len() / 2]), Err(ReadError::NotJson(_))));
    let damaged = text.replacen("\"raw\": \"HISTF", "\"raw\": \"AAAAA", 1);
    assert_ne!(damaged, text);
    assert!(matches!(Results::from_json(&damaged), Err(ReadError::NotResults(_))));
}

#[test]
fn a_measurement_without_rounds_is_refused() {
    let mut results = made::results(1);
    results.measurements[0].rounds.clear();
    let error = Results::from_json(&results.to_json()).unwrap_err();
    assert!(error.to_string().contains("a measurement has no rounds"), "{error}");
}
