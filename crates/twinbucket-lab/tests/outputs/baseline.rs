//! Comparison with an earlier run.

use twinbucket_lab::baseline::compare;
use twinbucket_lab::results::{Metric, Results};

use crate::made;

/// Multiplies the rounds of one metric.
fn multiply(results: &mut Results, metric: Metric, by: f64) {
    for one in results.measurements.iter_mut().filter(|one| one.metric == metric) {
        one.rounds.iter_mut().for_each(|round| *round *= by);
    }
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let run = Results::from_json(&made::results(3).to_json()).unwrap();
    let comparison = compare(&run, &made::results(3));
    assert_eq!((comparison.pairs.len(), comparison.changed().count()), (run.measurements.len(), 0));
    let text = comparison.to_string();
    assert!(text.starts_with(&format!("0 of {} figures changed significantly", run.measurements.len())), "{text}");
    assert!(!text.contains("beware") && !text.contains("only in"), "{text}");
}

#[test]
fn memory_that_grew_at_every_size_has_changed_however_much_sizes_differ() {
    let (mut now, mut before) = (made::results(1), made::results(1));
    for results in [&mut now, &mut before] {
        let memory = results.measurements.iter_mut().filter(|one| one.metric == Metric::Structure);
        memory.for_each(|one| one.rounds = (0..10).map(|size| 20.0 + 2.0 * f64::from(size)).collect());
    }
    multiply(&mut now, Metric::Structure, 1.05);
    let comparison = compare(&now, &before);
    assert!(comparison.changed().all(|pair| pair.metric == Metric::Structure && !pair.better()));
    assert_eq!(comparison.changed().count(), 3 * 3);
    // With another number of rounds, sizes are others.
    now.measurements.iter_mut().for_each(|one| one.rounds.truncate(9));
    assert!(!compare(&now, &before).changed().any(|pair| pair.metric == Metric::Structure));
}

#[test]
fn bare_map_that_changed_says_that_the_machine_did() {
    let (mut now, before) = (made::results(3), made::results(3));
    let bare = |results: &mut Results, by: f64| {
        let bare = results.measurements.iter_mut().filter(|one| one.rival == "bare");
        bare.for_each(|one| one.rounds.iter_mut().for_each(|round| *round *= by));
    };
    assert!(compare(&now, &before).doubts.is_empty());
    bare(&mut now, 1.5);
    let doubts = compare(&now, &before).doubts;
    assert!(doubts.len() == 1 && doubts[0].ends_with("changed: the machine was not the same"), "{doubts:?}");
}

#[test]
fn changes_of_one_metric_stand_under_one_heading() {
    let (mut now, before) = (made::results(2), made::results(2));
    multiply(&mut now, Metric::Lookup, 1.5);
    multiply(&mut now, Metric::Throughput, 1.5);
    let text = compare(&now, &before).to_string();
    for heading in ["read lookup: ", "read throughput: ", "mixed throughput: "] {
        assert_eq!(text.lines().filter(|line| line.starts_with(heading)).count(), 1, "{heading} in\n{text}");
    }
}

#[test]
fn what_changed_is_said_with_its_size_and_whether_it_is_better() {
    let (mut now, before) = (made::results(2), made::results(2));
    multiply(&mut now, Metric::Walk, 1.5);
    multiply(&mut now, Metric::Throughput, 1.2);
    let comparison = compare(&now, &before);
    let changed = |metric| comparison.changed().filter(move |pair| pair.metric == metric);
    assert_eq!((changed(Metric::Walk).count(), changed(Metric::Throughput).count()), (2 * 3, 2 * (3 * 2 + 4)));
    assert!(changed(Metric::Walk).all(|pair| !pair.better() && (pair.change() - 50.0).abs() < 1e-9 && pair.p < 1e-3));
    assert!(changed(Metric::Throughput).all(|pair| pair.better()));
    let text = comparison.to_string();
    let line = text.lines().find(|line| line.starts_with("twinbucket, item=u64 n=1k  ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[3..], ["1.99", "ns", "->", "2.99", "ns", "+50.0%", "p<0.0001", "worse"]);
}

#[test]
fn a_difference_within_the_noise_is_no_change() {
    let (mut now, before) = (made::results(2), made::results(2));
    multiply(&mut now, Metric::Walk, 1.001);
    assert_eq!(compare(&now, &before).changed().count(), 0);
}

#[test]
fn what_has_no_counterpart_is_listed() {
    let (mut now, mut before) = (made::results(2), made::results(2));
    let gone = before.measurements.remove(0);
    now.measurements.retain(|one| one.metric != Metric::MaxByMean);
    before.measurements[0].case.delta = Some(7);
    let comparison = compare(&now, &before);
    assert_eq!(comparison.only_now.len(), 2);
    assert_eq!(comparison.only_before.len(), 3);
    let text = comparison.to_string();
    let (_, only_now) = text.split_once("\nonly in this run:\n").unwrap();
    assert!(only_now.contains(&format!("swap publish, {}, item=u64 n=1k delta=1 hold=none", gone.name)), "{text}");
    let (_, only_before) = only_now.split_once("\nonly in the earlier run:\n").unwrap();
    assert!(only_before.contains("balance max-by-mean, hash modulo, item=table n=40k"), "{text}");
}

#[test]
fn runs_that_are_hard_to_compare_are_compared_with_a_warning() {
    let (mut now, mut before) = (made::results(1), made::results(1));
    before.environment.cpu = "Another".into();
    before.environment.commit = "0.0.9 (1234567)".into();
    now.complete = false;
    now.measurements[0].rounds.truncate(3);
    before.measurements[3].rounds.truncate(3);
    let comparison = compare(&now, &before);
    assert_eq!(
        comparison.doubts,
        [
            "another processor: Made <CPU> & Sons, before Another",
            "this run was stopped early",
            "3 rounds against 3 are too few to tell any change from chance",
        ]
    );
    assert!(comparison.to_string().starts_with("beware: another processor"));
}
