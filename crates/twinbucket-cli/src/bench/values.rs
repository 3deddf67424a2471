//! What the options of `twinbucket bench` may be: sizes, rates, times and the names of circumstances.

use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use twinbucket_lab::plan::{Finds, Hold, Mix};
use twinbucket_lab::workload::Spread;

/// Most threads that may be asked for.
const MOST_THREADS: usize = 1024;
/// Longest turn.
const LONGEST_TURN: Duration = Duration::from_secs(60);
/// Highest rate, per second.
const HIGHEST_RATE: f64 = 1e8;

/// What may be held, by the names that results have for it.
const HOLDS: [(&str, Hold); 3] =
    [("none", Hold::None), ("slow-reader", Hold::SlowReader), ("snapshot", Hold::Snapshot)];
/// What lookups may find, likewise.
const FINDS: [(&str, Finds); 2] = [("hits", Finds::Hits), ("misses", Finds::Misses)];

/// What keys and values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Items {
    /// Numbers
    U64,
    /// Strings of 20 to 23 bytes
    String,
}

/// Parses a number of things: `1000`, `1_000`, `1k`, `1M`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (digits, scale) = scaled(text);
    let number =
        digits.replace('_', "").parse::<u64>().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()));
    match number.and_then(|number| number.checked_mul(scale)) {
        Some(number) if number > 0 && !(digits.len() > 1 && digits.starts_with('0')) => Ok(number),
        _ => {
            Err("not a number from 1 on; write 1000, 1_000, 1k or 1M, and a comma only between two of them".to_owned())
        }
    }
}

/// Splits off what stands for thousands, millions or thousands of millions.
fn scaled(text: &str) -> (&str, u64) {
    for (suffixes, scale) in [(['k', 'K'], 1_000), (['m', 'M'], 1_000_000), (['g', 'G'], 1_000_000_000)] {
        if let Some(digits) = text.strip_suffix(suffixes) {
            return (digits, scale);
        }
    }
    (text, 1)
}

/// Parses a number of events per second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let (digits, scale) = scaled(text);
    match digits.parse::<f64>().map(|number| number * scale as f64) {
        Ok(rate) if rate > 0.0 && rate <= HIGHEST_RATE => Ok(rate),
        _ => Err("not a number per second above 0 and up to 100M; write 500, 2.5k or 1M".to_owned()),
    }
}

/// Parses the length of a turn.
pub(crate) fn turn(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(turn) if (Duration::from_millis(1)..=LONGEST_TURN).contains(&turn) => Ok(turn),
        _ => Err("not a time from 1ms to 60s; write 50ms or 1s".to_owned()),
    }
}

/// Parses a number of threads.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    if text == "all" {
        return Ok(thread::available_parallelism().map_or(1, usize::from));
    }
    match text.parse() {
        Ok(threads @ 1..=MOST_THREADS) => Ok(threads),
        _ => Err(format!("not a number from 1 to {MOST_THREADS}, nor all")),
    }
}

/// Parses the shares of reads and writes, in percent.
pub(crate) fn mix(text: &str) -> Result<Mix, String> {
    let thousandths = |percent: &str| {
        let percent: f64 = percent.parse().ok()?;
        let tenths = (percent * 10.0).round();
        ((0.0..=1_000.0).contains(&tenths) && (percent * 10.0 - tenths).abs() < 1e-6).then_some(tenths as u32)
    };
    let parts = text.split_once('/').and_then(|(reads, writes)| Some((thousandths(reads)?, thousandths(writes)?)));
    match parts {
        Some((reads, writes)) if reads + writes == 1_000 => Ok(Mix(reads)),
        _ => Err("not percents of reads and writes that make 100; write 95/5 or 99.9/0.1".to_owned()),
    }
}

/// Parses what is held while publishing.
pub(crate) fn hold() -> impl TypedValueParser<Value = Hold> {
    one_of(HOLDS)
}

/// Parses what lookups find.
pub(crate) fn finds() -> impl TypedValueParser<Value = Finds> {
    one_of(FINDS)
}

/// Parses how keys are chosen.
pub(crate) fn spread() -> impl TypedValueParser<Value = Spread> {
    one_of([("uniform", Spread::Uniform), ("zipf", Spread::Zipf)])
}

/// Parses the name of one of `values`.
fn one_of<const N: usize, V>(values: [(&'static str, V); N]) -> impl TypedValueParser<Value = V>
where
    V: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(values.map(|(name, _)| name)).map(move |text| {
        let found = values.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).expect("the parser lets only these names pass")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_with_or_without_a_suffix() {
        for (text, expected) in [("1", 1), ("1k", 1_000), ("10K", 10_000), ("1M", 1_000_000), ("1_000_000", 1_000_000)]
        {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "000", "k", "1.5k", "-1", "+1", "1kk", "1 k", "_1", "many", "99999999999G"] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn rates_are_positive_and_finite() {
        assert_eq!(rate("2.5k"), Ok(2_500.0));
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["0", "-1", "nan", "inf", "fast", "", "200M"] {
            assert!(rate(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn turns_have_a_unit_and_are_short() {
        assert_eq!(turn("50ms"), Ok(Duration::from_millis(50)));
        for text in ["50", "0ms", "2h", "-1s", ""] {
            assert!(turn(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn mixes_make_a_hundred() {
        assert_eq!(mix("95/5"), Ok(Mix(950)));
        assert_eq!(mix("99.9/0.1"), Ok(Mix(999)));
        for text in ["95", "95/6", "99.95/0.05", "a/b", "105/-5", ""] {
            assert!(mix(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_those_of_results() {
        assert!(HOLDS.iter().all(|(name, hold)| hold.to_string() == *name));
        assert!(FINDS.iter().all(|(name, finds)| finds.to_string() == *name));
    }

    #[test]
    fn all_threads_are_as_many_as_there_are_cores() {
        assert!(threads("all").unwrap() >= 1);
        for text in ["0", "1025", "-1", "ALL", ""] {
            assert!(threads(text).is_err(), "{text:?}");
        }
    }
}
