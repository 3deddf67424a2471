//! What the store is to reach, and whether a run found that it does.

use crate::report::grid::reference;
use crate::report::numbers::{count, times};
use crate::results::{Bench, Measurement, Metric, Results};
use crate::statistics::median;

/// One target and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// What is to be reached.
    pub(crate) target: String,
    /// The limit.
    pub(crate) wanted: String,
    /// What was measured.
    pub(crate) measured: String,
    /// Whether that is within the limit.
    pub(crate) met: bool,
}

/// Dimensions with the values that they must have.
type Wanted = &'static [(&'static str, &'static str)];

/// One lookup by one thread.
const LOOKUP: Wanted = &[("threads", "1"), ("keys", "uniform"), ("finds", "hits")];
/// A publish of one change while nobody holds anything.
const FREE: Wanted = &[("delta", "1"), ("hold", "none")];
/// The same while a snapshot is held.
const HELD: Wanted = &[("delta", "1"), ("hold", "snapshot")];
/// A publish of many changes.
const BULK: Wanted = &[("delta", "10000"), ("hold", "none")];
/// Memory while nothing goes on.
const REST: Wanted = &[("state", "rest")];

/// Whom the reader has to beat at every size.
const SLOWER: [&str; 5] = ["papaya", "papaya-guard", "dashmap", "rwlock", "clone-swap"];

/// The measurements of one kind that targets speak of.
#[derive(Debug, Clone, Copy)]
struct Pool<'a> {
    /// Where they are from.
    results: &'a Results,
    /// What was run.
    bench: Bench,
    /// What was measured.
    metric: Metric,
    /// In which cases.
    wanted: Wanted,
    /// Of what entries.
    item: &'a str,
}

/// Judges every target for which there are measurements.
pub(crate) fn targets(results: &Results) -> Vec<Target> {
    let mut targets = Vec::new();
    for item in ["u64", "String"] {
        let pool = |bench, metric, wanted| Pool { results, bench, metric, wanted, item };
        targets.extend(lookups(pool(Bench::Read, Metric::Lookup, LOOKUP)));
        let free = pool(Bench::Swap, Metric::Publish, FREE);
        targets.extend(publishes(free));
        targets.extend(tail(free, pool(Bench::Swap, Metric::Publish, HELD)));
        let bulk = pool(Bench::Swap, Metric::Publish, BULK);
        targets.extend(bulk.worst("publish of 10,000 changes", 3.0));
        targets.extend(pool(Bench::Scan, Metric::Walk, &[]).worst("full walk", 1.2));
        targets.extend(pool(Bench::Memory, Metric::Structure, REST).mean("bytes for each entry", 1.1));
    }
    targets.extend(strings(results));
    targets
}

impl<'a> Pool<'a> {
    /// Returns the measurements of a rival, by size.
    fn of(self, rival: &str) -> Vec<&'a Measurement> {
        let fits = |one: &&Measurement| {
            let dimensions = one.case.dimensions();
            let has =
                |(name, value): &(&str, &str)| dimensions.iter().any(|(other, found)| other == name && found == value);
            (one.bench, one.metric, one.rival.as_str()) == (self.bench, self.metric, rival)
                && one.case.item == self.item
                && self.wanted.iter().all(has)
        };
        let mut all: Vec<&Measurement> = self.results.measurements.iter().filter(fits).collect();
        all.sort_by_key(|one| one.case.n);
        all
    }

    /// Returns the measurements of the store, through its reader where there are such.
    fn of_store(self) -> Vec<&'a Measurement> {
        let all = self.results.measurements.iter();
        let kin = all.filter(|one| (one.bench, one.metric) == (self.bench, self.metric));
        reference(kin.map(|one| one.rival.as_str())).map_or_else(Vec::new, |rival| self.of(rival))
    }

    /// Returns how many times another's the store's figure is, size by size.
    fn ratios(self, rival: &str) -> Vec<(f64, u64)> {
        let theirs = self.of(rival);
        let ratio = |ours: &Measurement| {
            let theirs = theirs.iter().find(|one| one.case == ours.case)?;
            Some((median(&ours.rounds) / median(&theirs.rounds), ours.case.n))
        };
        self.of_store().into_iter().filter_map(ratio).collect()
    }

    /// Judges the size at which the store's figure is the most of a bare map's.
    fn worst(self, what: &str, limit: f64) -> Option<Target> {
        let (ratio, n) = greatest(self.ratios("bare"))?;
        Some(at_most(format!("{}: {what}, of a bare map's; worst size, {}", self.item, count(n)), limit, ratio))
    }

    /// Judges the geometric mean over the sizes of what the store's figure is of a bare map's.
    fn mean(self, what: &str, limit: f64) -> Option<Target> {
        let ratios = self.ratios("bare");
        let logarithms: f64 = ratios.iter().map(|(ratio, _)| ratio.ln()).sum();
        let mean = (logarithms / ratios.len() as f64).exp();
        let target = format!("{}: {what}, of a bare map's, geometric mean over {} sizes", self.item, ratios.len());
        (!ratios.is_empty()).then(|| at_most(target, limit, mean))
    }

    /// Returns the median of a rival at a size; the store's for no rival.
    fn median(self, rival: Option<&str>, n: u64) -> Option<f64> {
        let all = rival.map_or_else(|| self.of_store(), |rival| self.of(rival));
        all.iter().find(|one| one.case.n == n).map(|one| median(&one.rounds))
    }
}

fn lookups(pool: Pool<'_>) -> Vec<Target> {
    let faster = |rival: &str| {
        let (ratio, n) = greatest(pool.ratios(rival))?;
        let target = format!("{}: one lookup, of {rival}'s at every size; worst, {}", pool.item, count(n));
        Some(Target { target, wanted: "below 1x".to_owned(), measured: times(ratio), met: ratio < 1.0 })
    };
    pool.mean("one lookup", 1.4).into_iter().chain(SLOWER.into_iter().filter_map(faster)).collect()
}

fn publishes(pool: Pool<'_>) -> Vec<Target> {
    const MILLION: u64 = 1_000_000;
    let (item, ours) = (pool.item, |n| pool.median(None, n));
    let times_faster = ours(MILLION).zip(pool.median(Some("clone-swap"), MILLION)).map(|(ours, theirs)| Target {
        target: format!("{item}: publish of one change at 1M, faster than clone-and-swap"),
        wanted: "at least 10000x".to_owned(),
        measured: times(theirs / ours),
        met: theirs / ours >= 10_000.0,
    });
    let persistent = ours(MILLION).zip(pool.median(Some("imbl"), MILLION)).map(|(ours, theirs)| {
        at_most(format!("{item}: publish of one change at 1M, of imbl's in an ArcSwap"), 1.0, ours / theirs)
    });
    let growth = ours(10_000).zip(ours(10 * MILLION)).map(|(small, large)| {
        at_most(format!("{item}: publish of one change, median at 10M of that at 10k"), 6.0, large / small)
    });
    [times_faster, persistent, growth].into_iter().flatten().collect()
}

/// Judges the tail of publishes while a snapshot is held, at the worst size.
fn tail(free: Pool<'_>, held: Pool<'_>) -> Option<Target> {
    let tail = |one: &&Measurement| {
        let p99 = one.latency.as_ref()?.raw.value_at_percentile(99.0) as f64;
        Some((p99 / free.median(None, one.case.n)?, one.case.n))
    };
    let (ratio, n) = greatest(held.of_store().iter().filter_map(tail).collect())?;
    let target = "publish of one change, p99 with a snapshot held of the median with none";
    Some(at_most(format!("{}: {target}; worst size, {}", free.item, count(n)), 10.0, ratio))
}

fn strings(results: &Results) -> Option<Target> {
    let median = |item| {
        let pool = Pool { results, bench: Bench::Swap, metric: Metric::Publish, wanted: FREE, item };
        pool.median(None, 1_000_000)
    };
    let ratio = median("String")? / median("u64")?;
    Some(at_most("publish of one change at 1M, median for String of that for u64".to_owned(), 10.0, ratio))
}

fn at_most(target: String, limit: f64, measured: f64) -> Target {
    Target { target, wanted: format!("at most {limit}x"), measured: times(measured), met: measured <= limit }
}

fn greatest(ratios: Vec<(f64, u64)>) -> Option<(f64, u64)> {
    ratios.into_iter().max_by(|a, b| a.0.total_cmp(&b.0))
}
