//! Logs of HDR histograms.

use std::collections::HashSet;
use std::process::Command;
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use twinbucket_lab::report::hdr;

use crate::made;

/// Reads the only histogram of a log.
fn histogram(log: &str) -> Histogram<u64> {
    let entries: Vec<LogEntry<'_>> = IntervalLogIterator::new(log.as_bytes()).collect::<Result<_, _>>().unwrap();
    let intervals: Vec<&str> = entries
        .iter()
        .filter_map(|entry| match entry {
            LogEntry::Interval(interval) => Some(interval.encoded_histogram()),
            _ => None,
        })
        .collect();
    assert_eq!(intervals.len(), 1, "{log}");
    Deserializer::new().deserialize(&mut STANDARD.decode(intervals[0]).unwrap().as_slice()).unwrap()
}

#[test]
fn every_latency_has_a_raw_and_a_corrected_log() {
    let mut results = made::results(2);
    let with_schedule = results.measurements.iter_mut().find_map(|measurement| measurement.latency.as_mut());
    with_schedule.unwrap().corrected = None;
    let mut logs = hdr(&results).into_iter();
    for latency in results.measurements.iter().filter_map(|measurement| measurement.latency.as_ref()) {
        let histograms = [Some(("raw", &latency.raw)), latency.corrected.as_ref().map(|found| ("corrected", found))];
        for (kind, wanted) in histograms.into_iter().flatten() {
            let (name, log) = logs.next().unwrap();
            assert!(name.ends_with(&format!(".{kind}.hlog")), "{name}");
            assert_eq!(histogram(&log), *wanted, "{name}");
            assert!(log.contains("all values are nanoseconds"), "{log}");
        }
    }
    assert_eq!(logs.next(), None);
}

#[test]
fn a_log_says_when_it_began() {
    let (_, log) = &hdr(&made::results(1))[0];
    let times: Vec<u64> = IntervalLogIterator::new(log.as_bytes())
        .filter_map(|entry| match entry.unwrap() {
            LogEntry::StartTime(time) | LogEntry::BaseTime(time) => Some(time.as_secs()),
            _ => None,
        })
        .collect();
    // date -u -d 2026-03-01T12:00:00Z +%s
    assert_eq!(times, [1_772_366_400; 2]);
}

#[test]
fn names_of_logs_are_safe_and_unique() {
    let mut results = made::results(18);
    results.measurements[0].rival = "../Odd name?".into();
    let twin = results.measurements[0].clone();
    results.measurements.push(twin);
    let names: Vec<String> = hdr(&results).into_iter().map(|(name, _)| name).collect();
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    assert!(names.iter().all(|name| name.chars().all(safe) && !name.starts_with('.')), "{names:?}");
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
}

/// Where Debian's libhdrhistogram-java puts the tools.
const JAR: &str = "/usr/share/java/hdrhistogram.jar";

#[test]
fn the_log_processor_of_hdr_histogram_reads_the_logs() {
    let java = Command::new("java").arg("-version").output().is_ok_and(|output| output.status.success());
    if !java || !fs::exists(JAR).unwrap() {
        assert!(env::var_os("CI").is_none(), "java and {JAR} are to be installed here");
        println!("skipped: java or libhdrhistogram-java is not installed");
        return;
    }
    let results = made::results(1);
    let file = env::temp_dir().join(format!("twinbucket-lab-{}.hlog", std::process::id()));
    fs::write(&file, &hdr(&results)[0].1).unwrap();
    let processor = "org.HdrHistogram.HistogramLogProcessor";
    let output =
        Command::new("java").args(["-cp", JAR, processor, "-outputValueUnitRatio", "1", "-i"]).arg(&file).output();
    fs::remove_file(&file).unwrap();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let raw = &results.measurements[0].latency.as_ref().unwrap().raw;
    assert!(output.status.success() && text.contains(&format!("Total count    = {:>12}", raw.len())), "{text}{errors}");
    let line = text.lines().find(|line| line.contains("0.500000000000")).unwrap_or_else(|| panic!("{text}{errors}"));
    let median: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    assert_eq!(median, raw.value_at_quantile(0.5) as f64, "{line}");
}
