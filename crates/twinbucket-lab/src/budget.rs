//! Limits that a run has to keep, for somebody's CI: `swap.p99<50us@n=1M`.
//!
//! A budget is a bench, a dot, what was measured (it may be left out where a bench has one main figure), a dot, a statistic,
//! a comparison, a value with its unit, and, after `@`, what it is restricted to:
//!
//! | part | allowed |
//! |---|---|
//! | bench and metric | `swap` (`publish`, `visible`), `read` (`lookup`, `throughput`), `mixed` (`lookup`, `write`, `throughput`), `scan` (`walk`), `memory` (`structure`, `resident`), `pause` (`lookup`), `balance` (`max-by-mean`); the first is meant where none is named |
//! | statistic | `median` of the rounds, their `mean` and `max`; of latencies the `mean` and `max` of all operations, and percentiles like `p50`, `p99.9` |
//! | comparison | `<`, `<=`, `>`, `>=` |
//! | unit | `ns`, `us`, `ms`, `s`; `B`, `KiB`, `MiB`; `/s`, `k/s`, `M/s`, `G/s`; none for `max-by-mean`; `x` for times the figure of the rival that `of=` names |
//! | after `@` | dimensions like `n=1M`, `rival=papaya`, `of=bare`, `raw` or `corrected`, with commas between |
//!
//! Where no rival is named, the store is meant, through its reader where it matters how it is read. Latencies are corrected,
//! that is counted from when an operation was due, where there was a schedule, unless `raw` is asked for; of the rounds, and so
//! of `median`, those of `swap` are raw and all others corrected. A budget has to be kept in every case that it is not restricted to fewer of.

mod parse;

use std::error::Error;
use std::fmt;

use hdrhistogram::Histogram;

pub use self::parse::BudgetError;
use crate::report::{case, figure, reference, times, written};
use crate::results::{Bench, Measurement, Metric, Results};
use crate::statistics::median;

/// One limit, read from a text like `swap.p99<50us@n=1M`; see the [module](self) for what is allowed.
///
/// # Examples
/// ```
/// use twinbucket_lab::budget::Budget;
///
/// assert!("swap.p99<50us@n=1M".parse::<Budget>().is_ok());
/// assert!("read.median<=2x@of=bare,rival=reader".parse::<Budget>().is_ok());
/// let error = "swap.p99<50@n=1M".parse::<Budget>().unwrap_err();
/// assert!(error.to_string().starts_with("a limit of swap.publish needs a unit"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// The text it was read from.
    text: String,
    /// What is to be run.
    bench: Bench,
    /// What is to be measured.
    metric: Metric,
    /// What is taken of it.
    statistic: Statistic,
    /// How it is compared.
    comparison: Comparison,
    /// What it is compared to, in the metric's unit; with `of`, how many times its figure.
    limit: f64,
    /// The rival that is judged; `None` for the store.
    rival: Option<String>,
    /// The rival whose figure is the measure.
    of: Option<String>,
    /// Whether latencies are taken as measured, though there was a schedule.
    raw: bool,
    /// Dimensions and the values that they must have.
    only: Vec<(&'static str, String)>,
}

/// What is taken of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Statistic {
    /// The median of the rounds.
    Median,
    /// The mean of the rounds, or of all operations.
    Mean,
    /// The largest of the rounds, or of all operations.
    Max,
    /// A percentile of all operations.
    Percentile(f64),
}

/// How a figure is compared to its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// What came of a budget in one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the limit was kept.
    pub kept: bool,
    /// The budget as it was given.
    pub budget: String,
    /// What was measured, of whom and in which case.
    pub measured: String,
}

/// Why a budget cannot be judged by a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unjudged {
    /// The run has nothing that the budget speaks of.
    NothingMatches {
        /// The budget as it was given.
        budget: String,
        /// What the run has instead.
        why: String,
    },
    /// The run has it, though no percentiles of it.
    NoPercentiles {
        /// The budget as it was given.
        budget: String,
    },
}

impl Budget {
    /// Judges a run in each case that the budget speaks of; there is at least one.
    ///
    /// # Errors
    /// If the run has no measurement that the budget speaks of, or none with the statistic it asks for.
    pub fn check(&self, results: &Results) -> Result<Vec<Verdict>, Unjudged> {
        let all = results.measurements.iter();
        let kin: Vec<&Measurement> = all.filter(|one| one.bench == self.bench && one.metric == self.metric).collect();
        let default = || reference(kin.iter().map(|one| one.rival.as_str())).unwrap_or("store");
        let rival = self.rival.as_deref().unwrap_or_else(default);
        let judged: Vec<_> = kin.iter().filter(|one| one.rival == rival && self.speaks_of(one)).collect();
        if judged.is_empty() {
            return Err(self.nothing_matches(self.why_nothing(&kin, rival)));
        }
        judged.into_iter().map(|one| self.judge(one, &kin)).collect()
    }

    fn speaks_of(&self, measurement: &Measurement) -> bool {
        self.only.iter().all(|only| has(measurement, only))
    }

    fn judge(&self, measurement: &Measurement, kin: &[&Measurement]) -> Result<Verdict, Unjudged> {
        let found = self.figure(measurement)?;
        let unit = measurement.unit;
        let (compared, how) = match &self.of {
            None => (found, figure(found, unit)),
            Some(of) => {
                let mut same = kin.iter().filter(|one| one.rival == *of && one.case == measurement.case);
                let other = same.next().ok_or_else(|| self.nothing_matches(no_measure(of, measurement)))?;
                let measure = self.figure(other)?;
                let ratio = found / measure;
                (ratio, format!("{}, {} to {}", times(ratio), figure(found, unit), figure(measure, unit)))
            }
        };
        let place = case(&measurement.case.dimensions());
        let kind = self.taken(measurement).map_or("", |(_, kind)| kind);
        let measured = format!("{how}{kind}, {}, {place}", measurement.name);
        Ok(Verdict { kept: self.comparison.holds(compared, self.limit), budget: self.text.clone(), measured })
    }

    /// Returns the statistic of a measurement.
    fn figure(&self, measurement: &Measurement) -> Result<f64, Unjudged> {
        let rounds = &measurement.rounds;
        let latency = self.taken(measurement).map(|(histogram, _)| histogram);
        match (self.statistic, latency) {
            (Statistic::Median, _) => Ok(median(rounds)),
            (Statistic::Mean, Some(latency)) => Ok(latency.mean()),
            (Statistic::Max, Some(latency)) => Ok(latency.max() as f64),
            (Statistic::Percentile(percent), Some(latency)) => Ok(latency.value_at_percentile(percent) as f64),
            (Statistic::Mean, None) => Ok(rounds.iter().sum::<f64>() / rounds.len() as f64),
            (Statistic::Max, None) => Ok(rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            (Statistic::Percentile(_), None) => Err(Unjudged::NoPercentiles { budget: self.text.clone() }),
        }
    }

    /// Returns the latencies that count, and which they are.
    fn taken<'a>(&self, measurement: &'a Measurement) -> Option<(&'a Histogram<u64>, &'static str)> {
        let latency = measurement.latency.as_ref().filter(|_| self.statistic != Statistic::Median)?;
        let corrected = latency.corrected.as_ref().filter(|_| !self.raw);
        Some(corrected.map_or((&latency.raw, " raw"), |corrected| (corrected, " corrected")))
    }

    fn nothing_matches(&self, why: String) -> Unjudged {
        Unjudged::NothingMatches { budget: self.text.clone(), why }
    }

    /// Says what the run has instead of what was asked for.
    fn why_nothing(&self, kin: &[&Measurement], rival: &str) -> String {
        if kin.is_empty() {
            return format!("{} {} was not measured", self.bench, self.metric);
        }
        if !kin.iter().any(|one| one.rival == rival) {
            let rivals = each_once(kin.iter().map(|one| one.rival.clone()));
            return format!("rival {rival} was not measured; {rivals} were");
        }
        let missing = self.only.iter().find(|only| !kin.iter().any(|one| has(one, only)));
        missing.map_or_else(
            || format!("{rival} was measured, though not in such a case"),
            |(name, value)| {
                let cases = kin.iter().flat_map(|one| one.case.dimensions());
                let values = cases.filter(|(other, _)| other == name).map(|(name, value)| written(name, &value));
                match each_once(values).as_str() {
                    "" => format!("{} {} has no {name}", self.bench, self.metric),
                    known => format!("{} was not measured; {known} were", written(name, value)),
                }
            },
        )
    }
}

impl Comparison {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
        }
    }
}

fn has(measurement: &Measurement, (name, wanted): &(&'static str, String)) -> bool {
    let dimensions = measurement.case.dimensions();
    dimensions.iter().any(|(other, value)| other == name && value.eq_ignore_ascii_case(wanted))
}

fn no_measure(of: &str, measurement: &Measurement) -> String {
    format!("of={of} was not measured at {}", case(&measurement.case.dimensions()))
}

/// Joins words, each once, in the order in which they come first.
fn each_once(words: impl Iterator<Item = String>) -> String {
    let mut once: Vec<String> = Vec::new();
    words.for_each(|word| {
        if !once.contains(&word) {
            once.push(word);
        }
    });
    once.join(", ")
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.kept { "kept" } else { "BROKEN" };
        write!(f, "{outcome}: {}: {}", self.budget, self.measured)
    }
}

impl fmt::Display for Unjudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingMatches { budget, why } => {
                write!(f, "budget {budget} matches nothing in this run: {why}")
            }
            Self::NoPercentiles { budget } => {
                write!(f, "budget {budget} asks for a percentile of what is no latency; use median, mean or max")
            }
        }
    }
}

impl Error for Unjudged {}
