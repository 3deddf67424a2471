//! Interleaved rounds, medians, percentiles.

use std::time::{Duration, Instant};

/// What one way to do one thing costs.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Whose it is.
    pub name: &'static str,
    /// Nanoseconds (of [`memory`](crate::memory): bytes) for one lookup, entry or change.
    pub cost: f64,
    /// `cost` in units of the bare map's, measured in the same rounds.
    pub ratio: f64,
}

/// Calls `run` for every contestant in every round, in an order that rotates by one each round.
///
/// Returns the results by contestant.
pub fn interleave<C>(contestants: &mut [C], rounds: usize, mut run: impl FnMut(&mut C) -> f64) -> Vec<Vec<f64>> {
    let mut results = vec![Vec::with_capacity(rounds); contestants.len()];
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let who = (turn + round) % contestants.len();
            results[who].push(run(&mut contestants[who]));
        }
    }
    results
}

/// Returns the nanoseconds that `run` takes.
pub fn nanos(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    as_nanos(start.elapsed())
}

/// Returns a duration in nanoseconds.
pub fn as_nanos(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// Returns the median; of an even number of values, the upper of the two in the middle.
///
/// # Panics
/// If there is no value.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the value that the given share of all values lies below.
///
/// # Panics
/// If there is no value.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}

/// Returns the geometric mean.
pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// Merges the figures of several groups that were measured one after another, each with a bare map of its own: whoever
/// was in more than one group gets the medians of cost and of ratio.
pub fn merge(groups: &[Vec<Figure>]) -> Vec<Figure> {
    let mut merged: Vec<Figure> = Vec::new();
    for figure in groups.iter().flatten() {
        if merged.iter().any(|seen| seen.name == figure.name) {
            continue;
        }
        let same = || groups.iter().flatten().filter(|other| other.name == figure.name);
        merged.push(Figure {
            name: figure.name,
            cost: median(&same().map(|figure| figure.cost).collect::<Vec<_>>()),
            ratio: median(&same().map(|figure| figure.ratio).collect::<Vec<_>>()),
        });
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_taken_from_the_sorted_values() {
        let values: Vec<f64> = (0..1_000).rev().map(f64::from).collect();
        assert_eq!(
            [0.0, 0.5, 0.99, 0.999, 1.0].map(|share| quantile(&values, share)),
            [0.0, 500.0, 990.0, 999.0, 999.0]
        );
    }

    #[test]
    fn every_contestant_runs_first_as_often_as_the_others() {
        let mut order = Vec::new();
        let results = interleave(&mut [0_usize, 1, 2], 3, |&mut who| {
            order.push(who);
            who as f64
        });
        assert_eq!(order, [0, 1, 2, 1, 2, 0, 2, 0, 1]);
        assert_eq!(results, [[0.0; 3], [1.0; 3], [2.0; 3]]);
    }

    #[test]
    fn merged_groups_keep_each_name_once() {
        let figure = |name, cost| Figure { name, cost, ratio: cost / 2.0 };
        let merged = merge(&[vec![figure("a", 2.0), figure("b", 8.0)], vec![figure("a", 4.0), figure("c", 6.0)]]);
        let costs: Vec<_> = merged.iter().map(|figure| (figure.name, figure.cost, figure.ratio)).collect();
        assert_eq!(costs, [("a", 4.0, 2.0), ("b", 8.0, 4.0), ("c", 6.0, 3.0)]);
    }
}
