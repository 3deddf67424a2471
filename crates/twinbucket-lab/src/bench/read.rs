//! Lookups by one thread and by several.
//!
//! In a turn each thread makes its reader and goes through the keys once without being timed, so that nobody pays for what
//! the one before left in the caches; then all start together. With one thread, the same loop without a lookup is timed after
//! each chunk, and the cost of a lookup is the median of the differences: both of a pair run while the machine is equally
//! busy. The throughput is what all threads did by the time they took, loops and all.

use std::hint::black_box;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::contestant::{Contestant, ways};
use super::session::Reading;
use super::{SEED, Trial, Turn, key_count, nanos, spread_name};
use crate::item::Item;
use crate::plan::{Finds, Plan};
use crate::results::{Case, Metric, Unit};
use crate::rivals::{Lookups, Selected, empty_loop};
use crate::statistics::median;
use crate::workload::{Keys, Spread};

/// Lookups timed in one go: long for the clock, short for the scheduler, so that few are interrupted.
const CHUNK: usize = 1 << 12;
/// What part of a turn the pass that is not timed takes at most.
const WARM_UP: u32 = 4;

/// Lookups of one kind.
struct Read<'a, T> {
    /// What to do.
    plan: &'a Plan,
    /// The circumstances.
    case: Case,
    /// How many threads look up.
    threads: usize,
    /// How keys are chosen.
    spread: Spread,
    /// Whether there is something to find.
    finds: Finds,
    /// The keys looked up, a whole number of chunks.
    lookups: Vec<T>,
    /// What the first contestant found for the first chunk.
    found: OnceLock<u64>,
}

/// Returns every combination of threads, spreads and finds.
pub(super) fn trials<'a, T: Item>(plan: &'a Plan, case: &Case) -> Vec<Box<dyn Trial<T> + 'a>> {
    let mut trials: Vec<Box<dyn Trial<T> + 'a>> = Vec::new();
    for &threads in &plan.threads {
        for &spread in &plan.spreads {
            for &finds in &plan.finds {
                let case = Case {
                    threads: Some(threads as u64),
                    keys: Some(spread_name(spread)),
                    finds: Some(finds.to_string()),
                    ..case.clone()
                };
                let (lookups, found) = (Vec::new(), OnceLock::new());
                trials.push(Box::new(Read { plan, case, threads, spread, finds, lookups, found }));
            }
        }
    }
    trials
}

impl<T: Item> Trial<T> for Read<'_, T> {
    fn case(&self) -> &Case {
        &self.case
    }

    fn contestants(&self, rivals: &[Selected<T>]) -> Vec<Contestant> {
        ways(rivals, |kind, _| kind.concurrent || self.threads == 1)
    }

    fn prepare(&mut self, keys: &Keys<T>) {
        let count = key_count(keys.n()).next_multiple_of(CHUNK);
        self.lookups = match self.finds {
            Finds::Hits => keys.hits(count, self.spread, SEED),
            Finds::Misses => keys.misses(count, self.spread, SEED),
        };
    }

    fn turn(&self, turn: &Turn<'_, T>) -> Result<Vec<Reading>> {
        self.compare(turn)?;
        let passes = self.passes(turn);
        let rate = passes.iter().map(Pass::per_second).sum();
        let mut readings = vec![Reading::plain(&self.case, Metric::Throughput, Unit::PerSecond, rate)];
        if let [pass] = &passes[..] {
            readings.push(Reading::plain(&self.case, Metric::Lookup, Unit::Nanos, pass.each()));
        }
        Ok(readings)
    }
}

impl<T: Item> Read<'_, T> {
    /// Compares what the contestant finds with what the first one found.
    fn compare(&self, turn: &Turn<'_, T>) -> Result<()> {
        let found = turn.rival().reader(turn.who.way).sum(&self.lookups[..CHUNK]);
        ensure!(*self.found.get_or_init(|| found) == found, "{} finds something else than the others", turn.who.name);
        Ok(())
    }

    fn passes(&self, turn: &Turn<'_, T>) -> Vec<Pass> {
        let barrier = Barrier::new(self.threads);
        let work = |thread: usize| {
            let mut reader = turn.rival().reader(turn.who.way);
            let chunks = self.lookups.chunks_exact(CHUNK);
            let mut chunks = chunks.clone().cycle().skip(thread * chunks.len() / self.threads);
            let warm = Instant::now() + self.plan.turn / WARM_UP;
            let warming = chunks
                .by_ref()
                .take(self.lookups.len() / CHUNK)
                .take_while(|_| Instant::now() < warm && !turn.stop.asked());
            warming.for_each(|chunk| _ = black_box(reader.sum(black_box(chunk))));
            barrier.wait();
            self.pass(&mut *reader, chunks, turn)
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|thread| scope.spawn(move || work(thread))).collect();
            threads.into_iter().map(|thread| thread.join().expect("lookups do not panic")).collect()
        })
    }

    /// Looks up until the rest of the turn is over.
    fn pass<'k>(&self, reader: &mut dyn Lookups<T>, chunks: impl Iterator<Item = &'k [T]>, turn: &Turn<'_, T>) -> Pass
    where
        T: 'k,
    {
        let length = self.plan.turn / WARM_UP * (WARM_UP - 1);
        let begin = Instant::now();
        let mut pass = Pass::default();
        for chunk in chunks {
            pass.chunks.push(nanos(|| _ = black_box(reader.sum(black_box(chunk)))));
            if self.threads == 1 {
                pass.loops.push(nanos(|| _ = black_box(empty_loop(black_box(chunk)))));
            }
            if begin.elapsed() >= length || turn.stop.asked() {
                break;
            }
        }
        pass.spent = begin.elapsed();
        pass
    }
}

/// What one thread did.
#[derive(Default)]
struct Pass {
    /// Nanoseconds of each chunk.
    chunks: Vec<f64>,
    /// Nanoseconds of the loop without lookups after each; none if several threads look up.
    loops: Vec<f64>,
    /// How long all of them took, with what lies between.
    spent: Duration,
}

impl Pass {
    /// Lookups per second, without what the loops took that were only timed to be taken off.
    fn per_second(&self) -> f64 {
        let spent = self.spent.as_secs_f64() - self.loops.iter().sum::<f64>() / 1e9;
        (self.chunks.len() * CHUNK) as f64 / spent
    }

    /// Nanoseconds of one lookup.
    fn each(&self) -> f64 {
        let differences: Vec<f64> = self.chunks.iter().zip(&self.loops).map(|(chunk, empty)| chunk - empty).collect();
        median(&differences) / CHUNK as f64
    }
}
