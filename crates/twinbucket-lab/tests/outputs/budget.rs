//! Limits for somebody's CI.

use twinbucket_lab::budget::{Budget, BudgetError, Unjudged, Verdict};
use twinbucket_lab::results::Results;

use crate::made;

fn budget(text: &str) -> Budget {
    text.parse().unwrap_or_else(|error: BudgetError| panic!("{error}"))
}

fn check(text: &str, results: &Results) -> Vec<Verdict> {
    budget(text).check(results).unwrap_or_else(|error| panic!("{error}"))
}

/// Tells whether a budget is kept in all cases.
fn kept(text: &str, results: &Results) -> bool {
    check(text, results).iter().all(|verdict| verdict.kept)
}

/// Sets every round of a rival's bench to a value.
fn set(results: &mut Results, bench: &str, metric: &str, rival: &str, value: f64) {
    for one in &mut results.measurements {
        if (one.bench.to_string().as_str(), one.metric.to_string().as_str(), one.rival.as_str())
            == (bench, metric, rival)
        {
            one.rounds = vec![value; 10];
        }
    }
}

#[test]
fn a_limit_is_kept_up_to_the_value_that_was_measured() {
    let mut results = made::results(2);
    set(&mut results, "swap", "publish", "reader", 2_500.0);
    set(&mut results, "read", "throughput", "reader", 3_000_000.0);
    set(&mut results, "memory", "structure", "reader", 2_048.0);
    for (text, wanted) in [
        ("swap.median<2.51us", true),
        ("swap.median<2.5us", false),
        ("swap.median<=2.5us", true),
        ("swap.publish.median<=0.0025ms@n=1M,hold=none", true),
        ("swap.median<2_400ns", false),
        ("swap.median < 2.6 µs @ n = 1M, delta = 1", true),
        ("read.throughput.median>2.9M/s", true),
        ("read.throughput.median>=3000k/s", true),
        ("read.throughput.median>3M/s", false),
        ("memory.max<=2KiB", true),
        ("memory.mean<2047B", false),
        ("balance.max-by-mean.median<1.2@rival=modulo", true),
        ("balance.median<1.01@rival=modulo", false),
    ] {
        assert_eq!(kept(text, &results), wanted, "{text}: {:?}", check(text, &results));
    }
}

#[test]
fn latencies_are_corrected_unless_raw_is_asked_for() {
    let results = made::results(1);
    let latency = results.measurements[0].latency.clone().unwrap();
    let (raw, corrected) =
        (latency.raw.value_at_percentile(99.0), latency.corrected.unwrap().value_at_percentile(99.0));
    assert!(raw < corrected);
    let place = "n=1k,delta=1,hold=none";
    assert!(kept(&format!("swap.p99<={corrected}ns@{place}"), &results));
    assert!(kept(&format!("swap.p99<={corrected}ns@{place},corrected"), &results));
    assert!(!kept(&format!("swap.p99<{corrected}ns@{place}"), &results));
    assert!(kept(&format!("swap.p99<={raw}ns@raw,{place}"), &results));
    assert!(!kept(&format!("swap.p99<={raw}ns@{place}"), &results));
    let verdict = check("swap.max<1ns@n=1M,delta=1,hold=none", &results).remove(0).to_string();
    assert!(verdict.starts_with("BROKEN: swap.max<1ns@n=1M,delta=1,hold=none: "), "{verdict}");
    assert!(verdict.ends_with(" corrected, twinbucket, item=u64 n=1M delta=1 hold=none"), "{verdict}");
}

#[test]
fn the_reader_stands_for_the_store_where_it_was_measured() {
    let mut results = made::results(2);
    set(&mut results, "read", "lookup", "store", 50.0);
    set(&mut results, "read", "lookup", "reader", 10.0);
    assert!(kept("read.median<=10ns", &results));
    assert!(!kept("read.median<=10ns@rival=store", &results));
    results.measurements.retain(|one| one.rival != "reader");
    assert!(!kept("read.median<=10ns", &results));
}

#[test]
fn a_ratio_is_to_the_rival_that_is_named() {
    let mut results = made::results(3);
    set(&mut results, "read", "lookup", "reader", 15.0);
    set(&mut results, "read", "lookup", "bare", 10.0);
    assert!(kept("read.median<=1.5x@of=bare", &results));
    assert!(!kept("read.median<1.5x@of=bare,rival=reader", &results));
    let error = budget("read.median<2x@of=papaya").check(&results).unwrap_err();
    assert!(error.to_string().contains("of=papaya was not measured at item=u64 n=1k"), "{error}");
}

#[test]
fn every_case_counts_that_was_not_left_out() {
    let results = made::results(1);
    let cases = |text| check(text, &results).len();
    assert_eq!(cases("swap.p50<1s"), 3 * 2 * 2);
    assert_eq!(cases("swap.p50<1s@n=1M"), 2 * 2);
    assert_eq!(cases("swap.p50<1s@n=1M,delta=1k"), 2);
    assert_eq!(cases("swap.p50<1s@n=1M,delta=1k,hold=slow-reader,item=U64"), 1);
}

#[test]
fn a_budget_that_matches_nothing_is_no_pass() {
    let mut results = made::results(2);
    let why = |text: &str, results: &Results| match budget(text).check(results) {
        Err(Unjudged::NothingMatches { why, .. }) => why,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(why("swap.p99<1s@n=2M", &results), "n=2M was not measured; n=1k, n=100k, n=1M were");
    assert_eq!(why("swap.p99<1s@tasks=2", &results), "swap publish has no tasks");
    assert_eq!(why("swap.p99<1s@rival=papaya", &results), "rival papaya was not measured; store, reader were");
    assert_eq!(
        why("mixed.p99<1s@mix=95/5,tasks=1,n=100k,rival=bare", &results),
        "rival bare was not measured; store, reader were"
    );
    results.measurements.retain(|one| one.case.n != 1_000 || one.case.delta != Some(1_000));
    assert_eq!(why("swap.p99<1s@n=1k,delta=1k", &results), "reader was measured, though not in such a case");
    results.measurements.clear();
    assert_eq!(why("swap.visible.p99<1s", &results), "swap visible was not measured");
}

#[test]
fn percentiles_need_latencies() {
    let error = budget("read.p99<1s").check(&made::results(1)).unwrap_err();
    assert_eq!(error, Unjudged::NoPercentiles { budget: "read.p99<1s".into() });
    assert!(error.to_string().contains("use median, mean or max"), "{error}");
}

/// Returns what is said of a wrong budget, and which part is underlined.
fn wrong(text: &str) -> (String, String) {
    let error = text.parse::<Budget>().unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[1], format!("  {text}"));
    let marks = lines[2].chars().zip(lines[1].chars().chain(" ".chars())).filter(|(mark, _)| *mark == '^');
    (lines[0].to_owned(), marks.map(|(_, part)| part).collect())
}

#[test]
fn errors_point_at_the_wrong_part_and_say_what_is_allowed() {
    for (text, part, problem) in [
        ("swap.p99", " ", "no limit; a budget is like swap.p99<50us@n=1M"),
        ("swop.p99<50us", "swop", "no bench \"swop\"; there are swap, read, mixed, scan, memory, pause, balance"),
        ("swap<50us", "<", "no statistic of swap; there are p50, p99"),
        ("swap.p100<50us", "p100", "no statistic \"p100\"; there are p50, p99"),
        ("swap.lookup.p99<50us", "lookup.p99", "no statistic \"lookup.p99\"; there are"),
        ("swap.visible<50us", "<", "no statistic of swap.visible; there are"),
        ("swap.p99<fast", "fast", "\"fast\" is no number with a unit, like 50us"),
        ("swap.p99<50@n=1M", "50", "a limit of swap.publish needs a unit: ns, us, ms, s, or x with of=RIVAL"),
        ("swap.p99<50 KiB", "KiB", "no unit \"KiB\" for swap.publish; there are ns, us, ms, s, or x with of=RIVAL"),
        ("read.throughput.median>5M", "M", "no unit \"M\" for read.throughput; there are /s, k/s, M/s, G/s"),
        ("balance.median<2us", "us", "a limit of balance.max-by-mean is a plain number, or in x with of=RIVAL"),
        ("read.median<2x", "x", "times whose figure? add of=RIVAL after @"),
        ("read.median<2ns@of=bare", "2ns", "of=bare needs a limit in x, like 2x"),
        ("swap.p99<1us@n=lots", "lots", "\"lots\" is no number, like 1000, 10k or 1M"),
        ("swap.p99<1us@hold=hands", "hands", "no hold \"hands\"; there are none, slow-reader, snapshot"),
        ("mixed.p99<1us@mix=half", "half", "\"half\" is no mix of reads and writes, like 95/5"),
        (
            "swap.p99<1us@n=1,size=2",
            "size=2",
            "no restriction \"size=2\"; there are raw, corrected, rival=, of=, item=, n=",
        ),
        ("swap.p99<1us@rival=", "rival=", "no restriction \"rival=\""),
        ("swap.p99<1us@", " ", "no restriction \"\""),
        ("swap.p99<1us@n=1,n=2", "n=2", "n is given twice"),
        ("swap.p99<1µs@raw,corrected", "corrected", "raw is given twice"),
    ] {
        let (said, marked) = wrong(text);
        assert!(said.starts_with(problem), "{text}: {said}");
        assert_eq!(marked, part, "{text}: {said}");
    }
}
