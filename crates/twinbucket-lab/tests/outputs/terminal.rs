//! Tables for a terminal.

use twinbucket_lab::report::terminal;

use crate::made;

/// Returns the lines of the table under a title and a case, up to the next one.
fn table<'a>(text: &'a str, title: &str, case: &str) -> Vec<&'a str> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(title));
    loop {
        let heading = lines.next().unwrap_or_else(|| panic!("there is no {title}, {case} in\n{text}"));
        if heading.starts_with(title) && lines.next() == Some(case) {
            return lines.take_while(|line| !line.is_empty()).collect();
        }
    }
}

#[test]
fn a_rival_has_its_median_interval_and_ratio_for_every_size() {
    let mut results = made::results(3);
    for measurement in &mut results.measurements {
        let value = match measurement.rival.as_str() {
            "reader" => 100.0,
            "store" => 150.0,
            _ => 100.5,
        };
        measurement.rounds = (0..9).map(|round| value + f64::from(round) / 2.0).collect();
    }
    let text = terminal(&results, 120, false);
    let lines = table(&text, "read lookup: one lookup", "item=u64 threads=1 keys=uniform finds=hits");
    let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["n=1k", "n=100k", "n=1M"]);
    assert_eq!(words[1][..5], ["twinbucket", "152", "ns", "±1%", "1.49x"]);
    assert_eq!(words[2][..5], ["twinbucket", "Reader", "102", "ns", "±1%"]);
    assert_eq!(words[2].len(), 11, "the reader is compared to nothing: {lines:?}");
    assert_eq!(words[3][..6], ["bare", "HashMap", "102", "ns", "±1%", "~1.00x"]);
}

#[test]
fn interval_is_told_by_its_farther_side_as_the_head_says() {
    let mut results = made::results(3);
    for measurement in &mut results.measurements {
        measurement.rounds = vec![100.0, 100.0, 100.0, 100.0, 180.0, 190.0, 200.0];
    }
    let text = terminal(&results, 120, false);
    assert!(text.contains("\nmedian of the rounds ± how far its 95 % interval goes; "), "{text}");
    // From 100 to 190, of which the half is 45 %.
    let line = table(&text, "read lookup: one lookup", "item=u64 threads=1 keys=uniform finds=hits")[1];
    assert!(line.contains("±90%"), "{line}");
}

#[test]
fn median_of_latencies_says_from_when_it_counts() {
    let text = terminal(&made::results(3), 120, false);
    for title in [
        "mixed lookup: one lookup, from when it was due",
        "pause lookup: lookups with and without publishes, from when",
    ] {
        assert!(text.contains(&format!("\n{title}")), "{title} in\n{text}");
    }
}

#[test]
fn no_line_is_wider_than_asked_for() {
    let results = made::results(3);
    for width in 80..140 {
        let text = terminal(&results, width, false);
        let tables = text.split_once("\n\n").unwrap().1;
        let widest = tables.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= width, "{width}: {widest}");
    }
}

#[test]
fn a_narrow_terminal_shows_the_same_figures() {
    let results = made::results(4);
    let figures = |width| {
        let text = terminal(&results, width, false);
        let tables = text.split_once("\n\n").unwrap().1;
        let mut figures: Vec<String> = tables.split_whitespace().map(str::to_owned).collect();
        figures.retain(|word| word.ends_with('%') || word.parse::<f64>().is_ok());
        figures.sort();
        figures
    };
    assert!(figures(200).len() > 500);
    assert_eq!(figures(60), figures(200));
}

#[test]
fn latencies_are_shown_raw_and_corrected_side_by_side() {
    let text = terminal(&made::results(2), 120, false);
    let lines = table(&text, "swap publish, percentiles", "item=u64 n=1k delta=1 hold=none");
    let heading: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(heading.join(" "), "raw: since it began corrected: since it was due");
    let names: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(names, ["p50", "p99", "p99.9", "max", "p50", "p99", "p99.9", "max", "done"]);
    assert_eq!(lines[2].matches("ns").count() + lines[2].matches("µs").count(), 8, "{}", lines[2]);
    assert!(lines[2].ends_with(" 100%"), "{}", lines[2]);
}

#[test]
fn percentiles_of_too_few_operations_are_not_shown_and_what_was_left_undone_is() {
    let mut results = made::results(1);
    let latency = results.measurements.iter_mut().find_map(|one| one.latency.as_mut()).unwrap();
    latency.raw.reset();
    latency.raw.record_n(1_000, 999).unwrap();
    let corrected = latency.corrected.as_mut().unwrap();
    corrected.reset();
    corrected.record_n(2_000, 1_000).unwrap();
    let text = terminal(&results, 120, false);
    let lines = table(&text, "swap publish, percentiles", "item=u64 n=1k delta=1 hold=none");
    let figures: Vec<&str> = lines[2].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let expected = ["1.00 µs", "1.00 µs", "-", "1.00 µs", "2.00 µs", "2.00 µs", "2.00 µs", "2.00 µs", "99%"];
    assert_eq!(figures[1..], expected, "{}", lines[2]);
}

#[test]
fn pauses_stand_beside_those_without_publishes_and_the_jitter_comes_last() {
    let text = terminal(&made::results(2), 130, false);
    let lines = table(&text, "pause lookup, percentiles", "item=u64 n=100k keys=zipf");
    let starts: Vec<&str> = lines[2..].iter().map(|line| line[..20].trim_end()).collect();
    let twice = "  without publishes";
    assert_eq!(starts, ["twinbucket", twice, "twinbucket Reader", twice, "machine's jitter"]);
}

#[test]
fn doubts_are_said_before_the_figures() {
    let mut results = made::results(1);
    let calm = terminal(&results, 120, false);
    results.complete = false;
    results.measurements[0].rounds.truncate(4);
    let text = terminal(&results, 120, false);
    for doubt in ["stopped early", "figures are of fewer than 10 rounds, the fewest 4: trust them less"] {
        assert!(text.contains(doubt) && !calm.contains(doubt), "{doubt}\n{text}");
    }
}

#[test]
fn colors_change_nothing_but_the_look() {
    let results = made::results(5);
    let colored = terminal(&results, 120, true);
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(plain + rest, terminal(&results, 120, false));
    assert!(colored.contains("\x1b[32m") && colored.contains("\x1b[31m"));
    assert!(!terminal(&results, 120, false).contains('\x1b'));
}
