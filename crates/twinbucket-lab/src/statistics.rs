//! What can be said of a few rounds: the median, how far it can be trusted, and whether two rivals differ at all.
//!
//! Nothing here supposes how figures are distributed; those of benchmarks have long tails and several peaks.

use crate::rng::Rng;

/// Differences that chance makes more often than this are not counted as such.
pub const SIGNIFICANT: f64 = 0.05;
/// Share of all runs in which [`Estimate`]'s interval should hold the true median.
const CONFIDENCE: f64 = 0.95;
/// How often [`estimate`] draws rounds anew.
const RESAMPLES: usize = 2_000;
/// Up to so many rounds on either side, [`mann_whitney`] counts all orders there are.
const COUNTED: usize = 20;

/// A median and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The median of the rounds.
    pub median: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

impl Estimate {
    /// Returns how far the interval goes to its farther side, in percent of the median.
    pub fn spread(&self) -> f64 {
        let far = (self.high - self.median).max(self.median - self.low);
        if far == 0.0 { 0.0 } else { 100.0 * far / self.median }
    }
}

/// Returns the median; not a number if there are no values.
///
/// # Examples
/// ```
/// assert_eq!(twinbucket_lab::statistics::median(&[9.0, 1.0, 2.0]), 2.0);
/// ```
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the value that the share `q` of all values lie below, between two values by linear interpolation; not a number
/// if there are no values.
///
/// # Panics
/// If `q` is not between 0 and 1.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    sorted_quantile(&sorted(values), q)
}

/// Returns the median with its interval: percentile bootstrap (Efron, "Bootstrap methods: another look at the jackknife",
/// Annals of Statistics 7, 1979). The same values give the same interval.
///
/// Costs 2,000 times the number of values.
pub fn estimate(values: &[f64]) -> Estimate {
    let mut rng = Rng::new(values.len() as u64);
    let mut sample = vec![0.0; values.len()];
    let mut draw = || {
        sample.fill_with(|| values[rng.below(values.len() as u64) as usize]);
        sample.sort_by(f64::total_cmp);
        sorted_quantile(&sample, 0.5)
    };
    let medians = sorted(&std::iter::repeat_with(&mut draw).take(RESAMPLES).collect::<Vec<f64>>());
    let end = |q| sorted_quantile(&medians, q);
    Estimate { median: median(values), low: end((1.0 - CONFIDENCE) / 2.0), high: end((1.0 + CONFIDENCE) / 2.0) }
}

/// Tells whether two rivals differ by more than chance explains.
pub fn differ(a: &[f64], b: &[f64]) -> bool {
    mann_whitney(a, b) < SIGNIFICANT
}

/// Returns how likely chance alone makes two samples of one distribution differ at least as much as these: the two-sided U
/// test (Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the other",
/// Annals of Mathematical Statistics 18, 1947).
///
/// Exact for up to 20 values on either side without ties, or else by the normal approximation with corrections for ties
/// and continuity. It is 1 where a side has no values.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let all = sorted(&[a, b].concat());
    let ties: Vec<f64> = all.chunk_by(|x, y| x == y).map(|tied| tied.len() as f64).collect();
    let wins: f64 = a.iter().map(|x| b.iter().map(|y| win(*x, *y)).sum::<f64>()).sum();
    let less = wins.min((a.len() * b.len()) as f64 - wins);
    let p = if ties.len() == all.len() && a.len().max(b.len()) <= COUNTED {
        2.0 * counted_tail(a.len(), b.len(), less as usize)
    } else {
        normal_tail(a.len() as f64, b.len() as f64, less, &ties)
    };
    p.min(1.0)
}

fn win(x: f64, y: f64) -> f64 {
    match x.total_cmp(&y) {
        _ if x == y => 0.5,
        std::cmp::Ordering::Greater => 1.0,
        _ => 0.0,
    }
}

/// Returns how likely chance alone makes one of two rivals win at least as often, of pairs of rounds in which both had the
/// same to do: the two-sided sign test (Dixon and Mood, "The statistical sign test", Journal of the American Statistical
/// Association 41, 1946). Pairs that are equal do not count.
///
/// It is 1 where there are no pairs.
pub fn sign_test(pairs: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let winners: Vec<bool> = pairs.into_iter().filter(|(a, b)| a != b).map(|(a, b)| a > b).collect();
    let (n, wins) = (winners.len() as u32, winners.iter().filter(|&&first| first).count() as u32);
    // The chance of so few wins or fewer, summed up from that of none, which is 2^-n.
    let mut chance = 0.5_f64.powf(f64::from(n));
    let mut tail = 0.0;
    for fewer in 0..=wins.min(n - wins) {
        tail += chance;
        chance *= f64::from(n - fewer) / f64::from(fewer + 1);
    }
    (2.0 * tail).min(1.0)
}

/// Returns the share of all orders of `n` and `m` values in which the `n` win at most `wins` of the `n * m` pairs.
///
/// The largest value is one of the `n`, which then wins all `m` pairs, or one of the `m`, which takes part in none.
fn counted_tail(n: usize, m: usize, wins: usize) -> f64 {
    let pairs = n * m + 1;
    // orders[j][u]: orders of the `i` values so far and `j` others with `u` wins.
    let mut orders = vec![vec![0.0; pairs]; m + 1];
    orders.iter_mut().for_each(|row| row[0] = 1.0);
    for _ in 0..n {
        for j in 0..=m {
            orders[j] = (0..pairs)
                .map(|u| {
                    let largest_is_ours = u.checked_sub(j).map_or(0.0, |rest| orders[j][rest]);
                    largest_is_ours + j.checked_sub(1).map_or(0.0, |fewer| orders[fewer][u])
                })
                .collect();
        }
    }
    orders[m][..=wins].iter().sum::<f64>() / orders[m].iter().sum::<f64>()
}

/// The two-sided p-value by the normal approximation.
fn normal_tail(n: f64, m: f64, less: f64, ties: &[f64]) -> f64 {
    let all = n + m;
    let tied: f64 = ties.iter().map(|t| t * t * t - t).sum();
    let variance = n * m / 12.0 * (all + 1.0 - tied / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (n * m / 2.0 - less - 0.5).max(0.0) / variance.sqrt();
    libm::erfc(z / std::f64::consts::SQRT_2)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn sorted_quantile(sorted: &[f64], q: f64) -> f64 {
    assert!((0.0..=1.0).contains(&q), "a quantile lies between 0 and 1, not at {q}");
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}
