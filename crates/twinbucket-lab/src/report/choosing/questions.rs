//! What people want to know before they choose, and what a run answers.

use crate::report::grid::{self, FLOOR};
use crate::results::{Bench, Case, Measurement, Metric, Results};
use crate::statistics::median;

/// One thing that somebody may do most of the time.
#[derive(Debug)]
pub(crate) struct Question {
    /// What it is.
    pub(crate) what: &'static str,
    /// What is run for it.
    bench: Bench,
    /// What is measured.
    metric: Metric,
    /// Dimensions that must have this value, where a case has them at all.
    wanted: &'static [(&'static str, &'static str)],
    /// Whether the largest delta is meant, and not the one that is wanted.
    largest_delta: bool,
}

/// What a run says to a question.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// What was asked.
    pub(crate) what: &'static str,
    /// The case that stands for it: the largest table.
    pub(crate) case: &'a Case,
    /// The store, by the way of reading it that counts.
    pub(crate) store: &'a Measurement,
    /// All others that several threads may use, the best one first.
    pub(crate) others: Vec<&'a Measurement>,
}

const fn question(
    what: &'static str,
    bench: Bench,
    metric: Metric,
    wanted: &'static [(&'static str, &'static str)],
) -> Question {
    Question { what, bench, metric, wanted, largest_delta: false }
}

/// All questions.
const QUESTIONS: [Question; 15] = [
    question("lookup, one thread, hits", Bench::Read, Metric::Lookup, &[("keys", "uniform"), ("finds", "hits")]),
    question("lookup, one thread, misses", Bench::Read, Metric::Lookup, &[("keys", "uniform"), ("finds", "misses")]),
    question("lookups of all threads", Bench::Read, Metric::Throughput, &[("keys", "uniform"), ("finds", "hits")]),
    question("publish one change", Bench::Swap, Metric::Publish, &[("delta", "1"), ("hold", "none")]),
    Question {
        largest_delta: true,
        ..question("publish the largest delta", Bench::Swap, Metric::Publish, &[("hold", "none")])
    },
    question("publish beside a slow reader", Bench::Swap, Metric::Publish, &[("delta", "1"), ("hold", "slow-reader")]),
    question("publish beside a held snapshot", Bench::Swap, Metric::Publish, &[("delta", "1"), ("hold", "snapshot")]),
    question("until readers see it", Bench::Swap, Metric::Visible, &[("delta", "1"), ("hold", "none")]),
    question("99.9 % reads", Bench::Mixed, Metric::Throughput, &[("mix", "99.9/0.1")]),
    question("95 % reads", Bench::Mixed, Metric::Throughput, &[("mix", "95/5")]),
    question("50 % reads", Bench::Mixed, Metric::Throughput, &[("mix", "50/50")]),
    question("walk over all", Bench::Scan, Metric::Walk, &[]),
    question("memory at rest", Bench::Memory, Metric::Structure, &[("state", "rest")]),
    question("memory with a version held", Bench::Memory, Metric::Structure, &[("state", "pinned")]),
    question("peak memory of a reload", Bench::Memory, Metric::Structure, &[("state", "reload")]),
];

/// Returns the answers for each type of entries, as far as they were measured.
pub(crate) fn answers(results: &Results) -> Vec<Answer<'_>> {
    let mut items: Vec<&str> = Vec::new();
    for one in results.measurements.iter().filter(|one| one.bench != Bench::Balance) {
        if !items.contains(&one.case.item.as_str()) {
            items.push(&one.case.item);
        }
    }
    let answers = |item| QUESTIONS.iter().filter_map(move |question| question.answer(results, item));
    items.into_iter().flat_map(answers).collect()
}

impl Question {
    fn answer<'a>(&self, results: &'a Results, item: &str) -> Option<Answer<'a>> {
        let of_question = |one: &&&Measurement| {
            let dimensions = one.case.dimensions();
            let fits =
                |(name, value): &(&str, &str)| dimensions.iter().all(|(other, found)| other != name || found == value);
            (one.bench, one.metric) == (self.bench, self.metric)
                && one.case.item == item
                && self.wanted.iter().all(fits)
        };
        let all: Vec<&Measurement> = results.measurements.iter().collect();
        let fitting: Vec<&Measurement> = all.iter().filter(of_question).copied().collect();
        let size = |case: &Case| (case.n, if self.largest_delta { case.delta } else { None }, case.threads);
        let largest = fitting.iter().map(|one| size(&one.case)).max()?;
        let case = &fitting.iter().find(|one| size(&one.case) == largest)?.case;
        if self.largest_delta && case.delta == Some(1) {
            return None;
        }
        let unit = self.metric.unit();
        let same = fitting.iter().copied().filter(|one| one.case == *case);
        let reference = grid::reference(same.clone().map(|one| one.rival.as_str()))?;
        let store = same.clone().find(|one| one.rival == reference)?;
        let mut others: Vec<&Measurement> = same.filter(|one| is_rival(&one.rival)).collect();
        others.sort_by(|a, b| median(&a.rounds).total_cmp(&median(&b.rounds)));
        if unit.better(1.0, 0.0) {
            others.reverse();
        }
        (!others.is_empty()).then_some(Answer { what: self.what, case, store, others })
    }
}

impl<'a> Answer<'a> {
    /// Returns the best of all.
    pub(crate) fn best(&self) -> &'a Measurement {
        let best = self.others[0];
        let store = median(&self.store.rounds);
        if best.unit.better(median(&best.rounds), store) { best } else { self.store }
    }

    /// Returns the best of all but that one.
    pub(crate) fn second(&self) -> Option<&'a Measurement> {
        let best = self.best();
        let all = self.others.iter().copied().chain([self.store]).filter(|one| one.rival != best.rival);
        all.reduce(|a, b| if b.unit.better(median(&b.rounds), median(&a.rounds)) { b } else { a })
    }

    /// Returns how many times worse than the best another is, and whether that is more than chance.
    pub(crate) fn behind(&self, one: &Measurement) -> (f64, bool) {
        worse(one, self.best())
    }

    /// Returns who is the best, or so near to it that chance may explain it.
    pub(crate) fn leaders(&self) -> impl Iterator<Item = &'a Measurement> + '_ {
        let best = self.best();
        let all = self.others.iter().copied().chain([self.store]);
        all.filter(move |one| one.rival == best.rival || !one.differs(best))
    }
}

/// Returns how many times worse one is than another, whatever their unit, and whether that is more than chance.
pub(crate) fn worse(one: &Measurement, other: &Measurement) -> (f64, bool) {
    let ratio = median(&one.rounds) / median(&other.rounds);
    let ratio = if one.unit.better(1.0, 0.0) { 1.0 / ratio } else { ratio };
    (ratio, one.differs(other))
}

/// Tells whether it is another design that several threads may use.
pub(crate) fn is_rival(rival: &str) -> bool {
    !["store", "reader", "bucket", "bare", FLOOR].contains(&rival)
}
