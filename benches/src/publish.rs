//! Publishing one change, with nothing held and with old versions held, and publishing many changes at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::item::Item;
use crate::measure::{Figure, as_nanos, interleave, median, nanos, quantile};
use crate::rivals::{Rival, View};
use crate::walk::compared;
use crate::workload::Changes;

/// Publishes in one go; the first tenth is not counted, as the caches are another's.
const BATCH: usize = 2_500;
/// When a batch ends early: some rivals take seconds for one publish.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// When a rival has had its share altogether, for each of free and held.
const TOTAL_TIME: Duration = Duration::from_millis(1_500);
/// A view is taken before each tenth publish,
const HOLD_EVERY: usize = 10;
/// and held for a hundred, so that there are ten.
const HOLD_FOR: usize = 100;

/// How long publishing one change takes, in nanoseconds, without reading the clock.
#[derive(Debug, Clone, Copy)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// Ninety-nine of a hundred take less.
    pub p99: f64,
    /// Nine hundred and ninety-nine of a thousand take less.
    pub p999: f64,
    /// How many were measured.
    pub count: usize,
}

impl Percentiles {
    fn of(times: &[f64]) -> Self {
        Self { p50: quantile(times, 0.5), p99: quantile(times, 0.99), p999: quantile(times, 0.999), count: times.len() }
    }
}

/// How long a rival takes to publish one change.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// The rival.
    pub name: &'static str,
    /// With nothing held.
    pub free: Percentiles,
    /// With a view taken before each tenth publish and held for a hundred; `None` if the rival has no view to hold.
    pub held: Option<Percentiles>,
}

/// A rival with what it has taken so far.
struct Runner<'a, T> {
    /// The rival.
    rival: &'a mut dyn Rival<T>,
    /// The changes still to come; the same for all.
    changes: Changes,
    /// Times with nothing held.
    free: Samples,
    /// Times with views held.
    held: Samples,
}

/// Times of publishes.
#[derive(Default)]
struct Samples {
    /// In nanoseconds.
    times: Vec<f64>,
    /// What all publishes took, with those not counted.
    spent: Duration,
}

/// Measures publishing a value for one of `n` entries, for every rival. It is the value that the entry has, so all keep
/// what they hold.
pub fn one<T: Item>(rivals: &mut [Box<dyn Rival<T>>], n: u64, rounds: usize) -> Vec<Latency> {
    let clock = clock();
    let mut runners: Vec<Runner<'_, T>> = rivals
        .iter_mut()
        .map(|rival| Runner {
            rival: rival.as_mut(),
            changes: Changes::new(n),
            free: Samples::default(),
            held: Samples::default(),
        })
        .collect();
    interleave(&mut runners, rounds, |runner| {
        batch(runner.rival, &mut runner.changes, &mut runner.free, clock, false);
        if runner.rival.hold().is_some() {
            batch(runner.rival, &mut runner.changes, &mut runner.held, clock, true);
        }
        0.0
    });
    runners.iter().map(latency).collect()
}

fn latency<T: Item>(runner: &Runner<'_, T>) -> Latency {
    let held = &runner.held.times;
    Latency {
        name: runner.rival.name(),
        free: Percentiles::of(&runner.free.times),
        held: (!held.is_empty()).then(|| Percentiles::of(held)),
    }
}

/// Views that are held while publishing: one is taken before each tenth publish and held for a hundred.
#[expect(missing_debug_implementations, reason = "views have none")]
pub struct Held<T> {
    /// Oldest first.
    views: VecDeque<Box<dyn View<T>>>,
    /// Publishes so far.
    publishes: usize,
}

impl<T: Item> Held<T> {
    /// Starts with none.
    pub fn new() -> Self {
        Self { views: VecDeque::new(), publishes: 0 }
    }

    /// Lets go of an old view and takes a new one, where it is time; to be called before each publish.
    pub fn turn(&mut self, rival: &dyn Rival<T>) {
        if self.publishes % HOLD_EVERY == 0 {
            if self.views.len() == HOLD_FOR / HOLD_EVERY {
                self.views.pop_front();
            }
            self.views.extend(rival.hold());
        }
        self.publishes += 1;
    }
}

impl<T: Item> Default for Held<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn batch<T: Item>(rival: &mut dyn Rival<T>, changes: &mut Changes, samples: &mut Samples, clock: f64, hold: bool) {
    let mut held = Held::new();
    let mut times = Vec::with_capacity(BATCH);
    let mut spent = Duration::ZERO;
    while times.len() < BATCH && spent < BATCH_TIME && samples.spent + spent < TOTAL_TIME {
        if hold {
            held.turn(rival);
        }
        let mut change = vec![changes.rewrite()];
        let start = Instant::now();
        rival.publish(&mut change);
        let time = start.elapsed();
        spent += time;
        times.push((as_nanos(time) - clock).max(0.0));
    }
    samples.times.extend(times.iter().skip(times.len() / 10));
    samples.spent += spent;
}

/// Returns what reading the clock adds to a measured time, in nanoseconds.
fn clock() -> f64 {
    median(&(0..1_000).map(|_| nanos(|| ())).collect::<Vec<_>>())
}

/// Measures publishing `count` changes at once, new values and new keys by turns, for each change; one of the rivals is
/// the bare map. Every round adds to the `n` entries, for all alike.
pub fn bulk<T: Item>(rivals: &mut [Box<dyn Rival<T>>], n: u64, count: usize, rounds: usize) -> Vec<Figure> {
    let mut runners: Vec<_> = rivals.iter_mut().map(|rival| (rival, Changes::new(n))).collect();
    let results = interleave(&mut runners, rounds, |(rival, changes)| {
        let mut changes = changes.mixed(count);
        nanos(|| rival.publish(&mut changes)) / count as f64
    });
    compared(rivals, &results.iter().map(|times| median(times)).collect::<Vec<_>>())
}
