//! Reads budgets; every error points at the part that is wrong and says what is allowed there.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::budget::{Budget, Comparison, Statistic};
use crate::report::DIMENSIONS;
use crate::results::{Bench, Metric, Unit};

/// All benches, each with what it measures; the first is meant where none is named.
const BENCHES: [(Bench, &[Metric]); 7] = [
    (Bench::Swap, &[Metric::Publish, Metric::Visible]),
    (Bench::Read, &[Metric::Lookup, Metric::Throughput]),
    (Bench::Mixed, &[Metric::Lookup, Metric::Write, Metric::Throughput]),
    (Bench::Scan, &[Metric::Walk]),
    (Bench::Memory, &[Metric::Structure, Metric::Resident]),
    (Bench::Pause, &[Metric::Lookup]),
    (Bench::Balance, &[Metric::MaxByMean]),
];
/// What the values of some dimensions may be; numbers and mixes are checked otherwise.
const VALUES: [(&str, &[&str]); 6] = [
    ("item", &["u64", "String", "table"]),
    ("hold", &["none", "slow-reader", "snapshot"]),
    ("keys", &["uniform", "zipf"]),
    ("finds", &["hits", "misses"]),
    ("state", &["rest", "pinned", "reload"]),
    ("publishing", &["yes", "no"]),
];
/// Dimensions whose values are numbers.
const NUMBERS: [&str; 4] = ["n", "delta", "threads", "tasks"];

/// A budget that cannot be understood: which part of it, why, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetError {
    /// The budget as it was given.
    text: String,
    /// Where the wrong part begins, in characters.
    column: usize,
    /// How many characters it has.
    length: usize,
    /// What is wrong, and what is allowed.
    problem: String,
}

/// A part of a budget and what is wrong with it.
type Wrong<'a> = (&'a str, String);

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        budget(text).map_err(|(part, problem)| {
            let start = part.as_ptr().addr() - text.as_ptr().addr();
            let (column, length) = (text[..start].chars().count(), part.chars().count().max(1));
            BudgetError { text: text.to_owned(), column, length, problem }
        })
    }
}

fn budget(text: &str) -> Result<Budget, Wrong<'_>> {
    let Some(sign) = text.find(['<', '>']) else {
        let end = &text[text.len()..];
        return Err((end, "no limit; a budget is like swap.p99<50us@n=1M".to_owned()));
    };
    let (left, right) = text.split_at(sign);
    let (comparison, right) = comparison(right);
    let (value, restriction) = right.split_once('@').map_or((right, None), |(value, rest)| (value, Some(rest)));
    let (bench, metric, statistic) = figure(left.trim())?;
    let mut budget = Budget {
        text: text.trim().to_owned(),
        bench,
        metric,
        statistic,
        comparison,
        limit: 0.0,
        rival: None,
        of: None,
        raw: false,
        only: Vec::new(),
    };
    if let Some(restriction) = restriction {
        restrict(&mut budget, restriction)?;
    }
    budget.limit = limit(&budget, value.trim())?;
    Ok(budget)
}

fn comparison(text: &str) -> (Comparison, &str) {
    let signs =
        [("<=", Comparison::AtMost), (">=", Comparison::AtLeast), ("<", Comparison::Below), (">", Comparison::Above)];
    let found = signs.into_iter().find_map(|(sign, comparison)| Some((comparison, text.strip_prefix(sign)?)));
    found.expect("the text begins where a sign was found")
}

/// Reads `swap.publish.p99`, or `swap.p99`.
fn figure(text: &str) -> Result<(Bench, Metric, Statistic), Wrong<'_>> {
    let (name, rest) = text.split_once('.').unwrap_or((text, &text[text.len()..]));
    let known = || list(BENCHES.iter().map(|(bench, _)| bench.to_string()));
    let (bench, metrics) = BENCHES
        .iter()
        .find(|(bench, _)| bench.to_string() == name)
        .ok_or_else(|| (name, format!("no bench {name:?}; there are {}", known())))?;
    let head = rest.split('.').next().unwrap_or(rest);
    if let Some(metric) = metrics.iter().find(|metric| metric.to_string() == head) {
        let rest = rest[head.len()..].strip_prefix('.').unwrap_or(&rest[rest.len()..]);
        return Ok((*bench, *metric, statistic(rest, format!("{bench}.{metric}"))?));
    }
    let known = list(metrics.iter().map(Metric::to_string));
    let statistic =
        statistic(rest, name.to_owned()).map_err(|(part, problem)| (part, format!("{problem}; or {known} first")))?;
    Ok((*bench, metrics[0], statistic))
}

fn statistic(text: &str, of: String) -> Result<Statistic, Wrong<'_>> {
    let percent = text.strip_prefix('p').and_then(|percent| percent.parse::<f64>().ok());
    match (text, percent) {
        ("median", _) => Ok(Statistic::Median),
        ("mean", _) => Ok(Statistic::Mean),
        ("max", _) => Ok(Statistic::Max),
        (_, Some(percent)) if percent > 0.0 && percent < 100.0 => Ok(Statistic::Percentile(percent)),
        ("", _) => {
            Err((text, format!("no statistic of {of}; there are p50, p99, p99.9 and the like, max, mean, median")))
        }
        _ => Err((text, format!("no statistic {text:?}; there are p50, p99, p99.9 and the like, max, mean, median"))),
    }
}

/// Reads the limit in the metric's unit, or, in `x`, how many times another rival's figure.
fn limit<'a>(budget: &Budget, text: &'a str) -> Result<f64, Wrong<'a>> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let value = number.replace('_', "").parse::<f64>();
    let value = value.map_err(|_| (text, format!("{text:?} is no number with a unit, like 50us")))?;
    let (unit, of) = (unit.trim(), format!("{}.{}", budget.bench, budget.metric));
    match (unit, &budget.of) {
        ("x", Some(_)) => return Ok(value),
        ("x", None) => return Err((unit, "times whose figure? add of=RIVAL after @".to_owned())),
        (_, Some(other)) => return Err((text, format!("of={other} needs a limit in x, like 2x"))),
        _ => {}
    }
    let units = units(budget.metric.unit());
    let found = units.iter().find(|(name, _)| *name == unit);
    let allowed = || list(units.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name != "µs"));
    found.map(|(_, factor)| value * factor).ok_or_else(|| match (unit, units) {
        (_, [("", _)]) => (unit, format!("a limit of {of} is a plain number, or in x with of=RIVAL")),
        ("", _) => (text, format!("a limit of {of} needs a unit: {}, or x with of=RIVAL", allowed())),
        _ => (unit, format!("no unit {unit:?} for {of}; there are {}, or x with of=RIVAL", allowed())),
    })
}

/// Returns the units that a limit may have, in terms of the unit of the measurements.
fn units(unit: Unit) -> &'static [(&'static str, f64)] {
    match unit {
        Unit::Nanos => &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)],
        Unit::PerSecond => &[("/s", 1.0), ("k/s", 1e3), ("M/s", 1e6), ("G/s", 1e9)],
        Unit::BytesPerEntry => &[("B", 1.0), ("KiB", 1024.0), ("MiB", 1_048_576.0)],
        Unit::Ratio => &[("", 1.0)],
    }
}

/// Reads what goes after `@`.
fn restrict<'a>(budget: &mut Budget, text: &'a str) -> Result<(), Wrong<'a>> {
    let mut seen: Vec<&str> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let name = part.split('=').next().unwrap_or(part).trim();
        let value = part[name.len()..].trim_start().strip_prefix('=').map(str::trim);
        let topic = if name == "corrected" { "raw" } else { name };
        if seen.contains(&topic) {
            return Err((part, format!("{topic} is given twice")));
        }
        seen.push(topic);
        let dimension = DIMENSIONS.iter().find(|known| **known == name);
        match (name, value, dimension) {
            ("raw" | "corrected", None, _) => budget.raw = name == "raw",
            ("rival", Some(value), _) if !value.is_empty() => budget.rival = Some(value.to_owned()),
            ("of", Some(value), _) if !value.is_empty() => budget.of = Some(value.to_owned()),
            (_, Some(value), Some(name)) => budget.only.push((name, dimension_value(name, value)?)),
            _ => return Err((part, format!("no restriction {part:?}; {}", restrictions()))),
        }
    }
    Ok(())
}

fn restrictions() -> String {
    let dimensions = list(DIMENSIONS.iter().map(|name| format!("{name}=")));
    format!("there are raw, corrected, rival=, of=, {dimensions}")
}

/// Returns the value of a dimension as measurements have it.
fn dimension_value<'a>(name: &str, value: &'a str) -> Result<String, Wrong<'a>> {
    if NUMBERS.contains(&name) {
        return number(value)
            .map(|number| number.to_string())
            .ok_or_else(|| (value, format!("{value:?} is no number, like 1000, 10k or 1M")));
    }
    match VALUES.iter().find(|(known, _)| *known == name) {
        Some((_, allowed)) if !allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(value)) => Err((
            value,
            format!("no {name} {value:?}; there are {}", list(allowed.iter().map(|&value| value.to_owned()))),
        )),
        None if !value.contains('/') => Err((value, format!("{value:?} is no mix of reads and writes, like 95/5"))),
        _ => Ok(value.to_owned()),
    }
}

/// Reads 1000, 1_000, 10k or 1M.
fn number(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1_000),
        b'M' => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    digits.replace('_', "").parse::<u64>().ok()?.checked_mul(factor)
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marks = "^".repeat(self.length);
        write!(f, "{}\n  {}\n  {:column$}{marks}", self.problem, self.text, "", column = self.column)
    }
}

impl Error for BudgetError {}
