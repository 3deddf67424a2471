//! The document on which design to take when.

use twinbucket_lab::report::choosing;
use twinbucket_lab::results::{Bench, Measurement, Metric, Results};

use crate::made;

/// Sets the rounds of all measurements that fit to ten values around one.
fn set(results: &mut Results, value: f64, fits: impl Fn(&Measurement) -> bool) {
    for one in results.measurements.iter_mut().filter(|one| fits(one)) {
        one.rounds = (0..10).map(|round| value * (1.0 + f64::from(round) / 10_000.0)).collect();
    }
}

fn is_lookup(one: &Measurement, rival: &str) -> bool {
    (one.bench, one.metric, one.rival.as_str()) == (Bench::Read, Metric::Lookup, rival)
}

/// Returns the part under a heading.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no {heading} in {text}"));
    rest.split("\n## ").next().unwrap()
}

/// Returns the cells of the first line of a table that begins with a cell.
fn row<'a>(text: &'a str, first: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.starts_with(&format!("| {first} |")));
    let line = line.unwrap_or_else(|| panic!("no {first} in {text}"));
    line.trim_matches('|').split(" | ").map(str::trim).collect()
}

#[test]
fn who_is_best_follows_from_the_figures() {
    let mut results = made::results(14);
    set(&mut results, 40.0, |one| (one.bench, one.metric) == (Bench::Read, Metric::Lookup));
    set(&mut results, 20.0, |one| is_lookup(one, "reader"));
    set(&mut results, 10.0, |one| is_lookup(one, "papaya-guard"));
    let text = choosing(&results);
    let best = part(&text, "Who is best at what");
    let cells = row(best, "lookup, one thread, hits");
    assert_eq!(cells[1], "item=u64 n=1M threads=1 keys=uniform finds=hits");
    assert_eq!((cells[2], cells[4], cells[5]), ("papaya, guard kept, 10.0 ns", "20.0 ns", "2.00x"));
    let designs = part(&text, "The designs one by one");
    let papaya = designs.lines().find(|line| line.starts_with("- **papaya, guard kept.**")).unwrap();
    assert!(papaya.contains("Best, or as good as the best, at: lookup, one thread, hits (u64)."), "{papaya}");
    assert!(papaya.contains("Better than the store at: lookup, one thread, hits (u64, 2.00x)."), "{papaya}");
    let lost = row(part(&text, "Where the store loses"), "read lookup");
    assert_eq!(lost[1..4], ["papaya, guard kept", "6 of 6 cases", "2.00x"]);

    set(&mut results, 9.0, |one| is_lookup(one, "reader"));
    let text = choosing(&results);
    let cells = row(part(&text, "Who is best at what"), "lookup, one thread, hits");
    assert_eq!(
        cells[2..],
        ["twinbucket Reader, 9.00 ns", "papaya, guard kept, 10.0 ns (1.11x)", "9.00 ns", "**best**"]
    );
    assert!(!part(&text, "Where the store loses").contains("papaya"));
}

#[test]
fn a_difference_that_may_be_chance_is_no_loss() {
    let mut results = made::results(8);
    for rival in ["reader", "left-right"] {
        set(&mut results, 10.0, |one| is_lookup(one, rival));
    }
    let store = results.measurements.iter_mut().filter(|one| is_lookup(one, "reader"));
    store.for_each(|one| one.rounds[0] *= 1.01);
    let text = choosing(&results);
    assert_eq!(row(part(&text, "Who is best at what"), "lookup, one thread, hits")[5], "\\~1.00x");
    assert!(!part(&text, "Where the store loses").contains("read lookup"));
    let designs = part(&text, "The designs one by one");
    for design in ["- **the store.**", "- **left-right.**"] {
        let line = designs.lines().find(|line| line.starts_with(design)).unwrap();
        assert!(line.contains("Best, or as good as the best, at: lookup, one thread, hits (u64)"), "{line}");
    }
}

#[test]
fn under_every_table_of_measurements_is_where_they_are_from() {
    let text = choosing(&made::results(5));
    let measured = text.split("\n\n").filter(|block| block.starts_with("| ") && block.contains("item="));
    let settings = text.lines().filter(|line| line.starts_with("*Made \\<CPU\\>")).count();
    assert!(text.contains("commit 0.1.0 (abc1234)"));
    assert!(text.contains("`twinbucket bench report --budget 'swap.p99<50us@n=1M'`"));
    let unmeasured = 2;
    assert!(measured.count() > 20);
    assert_eq!(settings, text.matches("\n|---|").count() - unmeasured + 1, "and one under the store's losses");
}

#[test]
fn promises_are_those_of_the_designs() {
    let text = choosing(&made::results(5));
    let promises = part(&text, "What each design promises");
    assert_eq!(
        row(promises, "twinbucket")[1..],
        ["**for as long as one likes**", "go on, unseen", "**nobody**", "**nobody**", "all at once"]
    );
    assert_eq!(row(promises, "RwLock\\<HashMap\\>")[1], "while writers wait");
    assert!(!promises.contains("bare"), "it is for one thread");
}

#[test]
fn targets_are_judged_by_what_was_measured() {
    let mut results = made::results(17);
    set(&mut results, 10.0, |one| is_lookup(one, "bare"));
    set(&mut results, 13.9, |one| is_lookup(one, "reader"));
    set(&mut results, 2_000_000.0, |one| one.metric == Metric::Publish && one.rival == "clone-swap");
    set(&mut results, 250.0, |one| one.metric == Metric::Publish && one.rival == "reader");
    let judged = |results: &Results, target: &str| {
        let text = choosing(results);
        let cells = row(part(&text, "Targets of the store"), target);
        [cells[2].to_owned(), cells[3].to_owned()]
    };
    let lookup = "u64: one lookup, of a bare map's, geometric mean over 3 sizes";
    let publish = "u64: publish of one change at 1M, faster than clone-and-swap";
    assert_eq!(judged(&results, lookup), ["1.39x", "met"]);
    assert_eq!(judged(&results, publish), ["8000x", "**missed**"]);
    set(&mut results, 14.1, |one| is_lookup(one, "reader"));
    set(&mut results, 200.0, |one| one.metric == Metric::Publish && one.rival == "reader");
    assert_eq!(judged(&results, lookup), ["1.41x", "**missed**"]);
    assert_eq!(judged(&results, publish), ["10000x", "met"]);
    results.measurements.retain(|one| one.rival != "bare");
    assert!(!choosing(&results).contains("of a bare map"));
}

#[test]
fn the_tail_beside_a_snapshot_is_judged_at_its_worst_size() {
    let mut results = made::results(1);
    let held: Vec<Measurement> =
        results.measurements.iter().filter(|one| one.case.hold.as_deref() == Some("none")).cloned().collect();
    for mut one in held {
        one.case.hold = Some("snapshot".into());
        results.measurements.push(one);
    }
    set(&mut results, 100.0, |one| one.metric == Metric::Publish);
    let p99 = |n: u64| {
        let all = results.measurements.iter();
        let mut held = all
            .filter(|one| one.case.hold.as_deref() == Some("snapshot") && one.case.delta == Some(1) && one.case.n == n);
        held.find(|one| one.metric == Metric::Publish).unwrap().latency.as_ref().unwrap().raw.value_at_percentile(99.0)
    };
    let worst = [1_000, 100_000, 1_000_000].map(p99).into_iter().max().unwrap();
    let text = choosing(&results);
    let line = part(&text, "Targets of the store").lines().find(|line| line.contains("snapshot held")).unwrap();
    let ratio = worst as f64 / 100.045;
    assert!(line.contains(&format!(" | {ratio:.1}x | ")), "{ratio}: {line}");
}

#[test]
fn a_stopped_run_says_so() {
    let mut results = made::results(2);
    results.complete = false;
    assert!(choosing(&results).contains("\n**stopped early: these are the figures that were there**\n"));
}
