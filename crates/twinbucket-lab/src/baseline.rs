//! Compares a run with an earlier one.

use std::fmt;

use crate::report::{FLOOR, case, figure, title};
use crate::results::{Bench, Environment, Measurement, Metric, Results, Unit};
use crate::statistics::{SIGNIFICANT, differ, median};

/// What changed between two runs; what it displays says all of it.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What both runs measured, in the order of the later one.
    pub pairs: Vec<Pair>,
    /// What only the later run measured.
    pub only_now: Vec<String>,
    /// What only the earlier run measured.
    pub only_before: Vec<String>,
    /// What makes the two runs hard to compare.
    pub doubts: Vec<String>,
}

/// What two runs found for the same figure of the same rival in the same case.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What was run.
    pub bench: Bench,
    /// What was measured.
    pub metric: Metric,
    /// The rival and the case.
    pub what: String,
    /// Unit of both medians.
    pub unit: Unit,
    /// Median of the earlier run.
    pub before: f64,
    /// Median of the later run.
    pub now: f64,
    /// How likely chance alone makes such a difference.
    pub p: f64,
}

/// Compares a run with an earlier one: each measurement with the one of the same bench, metric, rival and case.
///
/// Latencies are compared by the medians of their rounds, like everything else.
pub fn compare(now: &Results, before: &Results) -> Comparison {
    let of = |results: &Results, one: &Measurement| results.measurements.iter().any(|other| same(one, other));
    let only = |these: &Results, those: &Results| {
        these.measurements.iter().filter(|one| !of(those, one)).map(|one| label(one, true)).collect()
    };
    let pair = |now: &Measurement| {
        let before = before.measurements.iter().find(|other| same(now, other))?;
        Some(Pair {
            bench: now.bench,
            metric: now.metric,
            what: label(now, false),
            unit: now.unit,
            before: median(&before.rounds),
            now: median(&now.rounds),
            p: now.chance(before),
        })
    };
    let mut doubts = doubts(now, before);
    doubts.extend(drift(now, before));
    Comparison {
        pairs: now.measurements.iter().filter_map(pair).collect(),
        only_now: only(now, before),
        only_before: only(before, now),
        doubts,
    }
}

impl Comparison {
    /// Returns what changed by more than chance explains.
    pub fn changed(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.p < SIGNIFICANT)
    }
}

impl Pair {
    /// Returns the change in percent of the earlier median.
    pub fn change(&self) -> f64 {
        100.0 * (self.now / self.before - 1.0)
    }

    /// Tells whether the later run did better.
    pub fn better(&self) -> bool {
        self.unit.better(self.now, self.before)
    }
}

/// Tells whether two measurements are of the same thing.
fn same(one: &Measurement, other: &Measurement) -> bool {
    (one.bench, one.metric, &one.rival, &one.case, one.unit)
        == (other.bench, other.metric, &other.rival, &other.case, other.unit)
}

fn label(measurement: &Measurement, whole: bool) -> String {
    let Measurement { bench, metric, name, case: its_case, .. } = measurement;
    let what = format!("{name}, {}", case(&its_case.dimensions()));
    if whole { format!("{bench} {metric}, {what}") } else { what }
}

/// Says what makes two runs hard to compare.
fn doubts(now: &Results, before: &Results) -> Vec<String> {
    let mut doubts = differences(&now.environment, &before.environment);
    for (which, results) in [("this run", now), ("the earlier run", before)] {
        if !results.complete {
            doubts.push(format!("{which} was stopped early"));
        }
    }
    let fewest = |results: &Results| results.measurements.iter().map(|one| one.rounds.len()).min();
    if let (Some(now), Some(before)) = (fewest(now), fewest(before)) {
        if !can_differ(now, before) {
            doubts.push(format!("{now} rounds against {before} are too few to tell any change from chance"));
        }
    }
    doubts
}

/// Says how much changed of what nobody changes between two runs: the bare map and the machine's jitter.
fn drift(now: &Results, before: &Results) -> Option<String> {
    let constant = now.measurements.iter().filter(|one| ["bare", FLOOR].contains(&one.rival.as_str()));
    let pairs: Vec<_> =
        constant.filter_map(|now| Some((now, before.measurements.iter().find(|other| same(now, other))?))).collect();
    let changed = pairs.iter().filter(|(now, before)| now.differs(before)).count();
    // More than chance explains, see `Comparison`'s Display.
    (changed as f64 > 1.0 + SIGNIFICANT * pairs.len() as f64).then(|| {
        format!(
            "{changed} of {} figures of the bare map and the machine's jitter changed: the machine was not the same",
            pairs.len()
        )
    })
}

/// Tells whether so many rounds are enough for the clearest of differences to be significant.
fn can_differ(rounds: usize, others: usize) -> bool {
    let all: Vec<f64> = (0..rounds + others).map(|place| place as f64).collect();
    differ(&all[..rounds], &all[rounds..])
}

/// Says what differs of the machine and the program, apart from the commit, which is what one compares.
fn differences(now: &Environment, before: &Environment) -> Vec<String> {
    let facts = |one: &Environment| {
        [
            ("processor", one.cpu.clone()),
            ("cores", one.cores.to_string()),
            ("memory", one.memory.to_string()),
            ("kernel", one.kernel.clone()),
            ("compiler", one.compiler.clone()),
            ("allocator", one.allocator.clone()),
        ]
    };
    let both = facts(now).into_iter().zip(facts(before));
    let differing = both.filter(|((_, now), (_, before))| now != before);
    differing.map(|((name, now), (_, before))| format!("another {name}: {now}, before {before}")).collect()
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for doubt in &self.doubts {
            writeln!(f, "beware: {doubt}")?;
        }
        let (changed, all) = (self.changed().count(), self.pairs.len());
        writeln!(f, "{changed} of {all} figures changed significantly (U test; memory: sign test; p < {SIGNIFICANT})")?;
        if all >= 20 {
            let chance = SIGNIFICANT * all as f64;
            writeln!(
                f,
                "of so many, about {chance:.0} would seem to if nothing had changed, the load of the machine included"
            )?;
        }
        let mut changed: Vec<&Pair> = self.changed().collect();
        changed.sort_by_key(|pair| (pair.bench, pair.metric));
        for group in changed.chunk_by(|a, b| (a.bench, a.metric) == (b.bench, b.metric)) {
            write_group(f, group)?;
        }
        write_only(f, "only in this run", &self.only_now)?;
        write_only(f, "only in the earlier run", &self.only_before)
    }
}

fn write_group(f: &mut fmt::Formatter<'_>, group: &[&Pair]) -> fmt::Result {
    let (bench, metric) = (group[0].bench, group[0].metric);
    writeln!(f, "\n{bench} {metric}: {}", title(bench, metric))?;
    let width = group.iter().map(|pair| pair.what.chars().count()).max().unwrap_or(0);
    for pair in group {
        let (before, now) = (figure(pair.before, pair.unit), figure(pair.now, pair.unit));
        let verdict = if pair.better() { "better" } else { "worse" };
        let change = format!("{:+.1}%", pair.change());
        writeln!(f, "{:width$}  {before:>8} -> {now:>8}  {change:>8}  {}  {verdict}", pair.what, likelihood(pair.p))?;
    }
    Ok(())
}

fn likelihood(p: f64) -> String {
    if p < 0.0001 { "p<0.0001".to_owned() } else { format!("p={p:.4}") }
}

fn write_only(f: &mut fmt::Formatter<'_>, which: &str, what: &[String]) -> fmt::Result {
    if !what.is_empty() {
        writeln!(f, "\n{which}:")?;
    }
    what.iter().try_for_each(|line| writeln!(f, "{line}"))
}
