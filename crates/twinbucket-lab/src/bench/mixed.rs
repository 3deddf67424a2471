//! Lookups and writes at once, by tasks that share the cores.
//!
//! A task has a reader and a sequence of keys of its own, and writes as often as the mix says. As many threads as there are
//! cores, or tasks if those are fewer, each run their share of the tasks in small slices, one task after the other, as an
//! executor would. A write is a publish of one change.
//!
//! A turn has two halves. In the first the threads do what they can, which gives the throughput; in the second an operation is
//! due on each thread at the plan's rate, which gives the latencies, those of writes with the wait for other writers.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::Result;

use super::contestant::{Contestant, ways};
use super::session::Reading;
use super::{SEED, Trial, Turn, cores, key_count, spread_name};
use crate::item::Item;
use crate::plan::{Mix, Plan};
use crate::results::{Case, Metric, Unit};
use crate::rivals::{Lookups, Rival, Selected};
use crate::rng::Rng;
use crate::schedule::{Schedule, Times};
use crate::workload::{Keys, Spread};

/// Operations of a task in a slice at most, where there is no schedule; a write ends it.
const SLICE: usize = 64;
/// Lookups of each thread before the first operation that counts.
const WARM_UP: usize = 1 << 12;

/// One mix, number of tasks and distribution of keys.
struct Mixed<'a, T> {
    /// What to do.
    plan: &'a Plan,
    /// The circumstances.
    case: Case,
    /// Share of reads.
    mix: Mix,
    /// Number of tasks.
    tasks: usize,
    /// How keys are chosen.
    spread: Spread,
    /// The keys looked up and written.
    keys: Vec<T>,
}

/// Returns every combination of mixes, tasks and spreads.
pub(super) fn trials<'a, T: Item>(plan: &'a Plan, case: &Case) -> Vec<Box<dyn Trial<T> + 'a>> {
    let mut trials: Vec<Box<dyn Trial<T> + 'a>> = Vec::new();
    for &mix in &plan.mixes {
        for &tasks in &plan.tasks {
            for &spread in &plan.spreads {
                let tasks = tasks as usize;
                let case = Case {
                    threads: Some(cores() as u64),
                    tasks: Some(tasks as u64),
                    keys: Some(spread_name(spread)),
                    mix: Some(mix.to_string()),
                    ..case.clone()
                };
                trials.push(Box::new(Mixed { plan, case, mix, tasks, spread, keys: Vec::new() }));
            }
        }
    }
    trials
}

/// Returns how many threads run so many tasks.
fn threads(tasks: usize) -> usize {
    cores().min(tasks)
}

impl<T: Item> Trial<T> for Mixed<'_, T> {
    fn case(&self) -> &Case {
        &self.case
    }

    fn contestants(&self, rivals: &[Selected<T>]) -> Vec<Contestant> {
        ways(rivals, |kind, way| kind.concurrent && way.follows)
    }

    fn prepare(&mut self, keys: &Keys<T>) {
        self.keys = keys.hits(key_count(keys.n()), self.spread, SEED);
    }

    fn turn(&self, turn: &Turn<'_, T>) -> Result<Vec<Reading>> {
        let threads = threads(self.tasks);
        let barrier = Barrier::new(threads);
        let work = |thread: usize| {
            let mut tasks = self.tasks(turn, thread, threads);
            black_box(tasks[0].reader.sum(&self.keys[..WARM_UP]));
            barrier.wait();
            let per_second = self.hurry(turn, &mut tasks);
            barrier.wait();
            (per_second, self.keep_pace(turn, &mut tasks))
        };
        let done: Vec<(f64, Paced)> = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
            threads.into_iter().map(|thread| thread.join().expect("operations do not panic")).collect()
        });
        let per_second = done.iter().map(|(per_second, _)| per_second).sum();
        let all =
            |times: fn(&Paced) -> &Times| done.iter().fold(Times::new(), |sum, (_, paced)| sum.with(times(paced)));
        let mut readings = vec![Reading::plain(&self.case, Metric::Throughput, Unit::PerSecond, per_second)];
        readings.extend(Reading::latency(&self.case, Metric::Lookup, all(|paced| &paced.lookups)));
        readings.extend(Reading::latency(&self.case, Metric::Write, all(|paced| &paced.writes)));
        Ok(readings)
    }
}

impl<T: Item> Mixed<'_, T> {
    /// Makes a thread's share of the tasks, on that thread; each starts at another place of keys and mix.
    fn tasks<'t>(&'t self, turn: &'t Turn<'_, T>, thread: usize, threads: usize) -> Vec<Task<'t, T>> {
        let task = |task: usize| Task {
            rival: turn.rival(),
            reader: turn.rival().reader(turn.who.way),
            keys: &self.keys,
            next: task * self.keys.len() / self.tasks,
            reads: self.mix.0,
            dice: Rng::new(task as u64),
            change: Vec::with_capacity(1),
        };
        (thread..self.tasks).step_by(threads).map(task).collect()
    }

    /// Runs the tasks as fast as they go and returns the operations per second.
    fn hurry(&self, turn: &Turn<'_, T>, tasks: &mut [Task<'_, T>]) -> f64 {
        let begin = Instant::now();
        let mut done = 0;
        loop {
            for task in &mut *tasks {
                done += task.slice();
                let spent = begin.elapsed();
                if spent >= self.plan.turn / 2 || turn.stop.asked() {
                    return done as f64 / spent.as_secs_f64();
                }
            }
        }
    }

    /// Runs one operation of each task in turn as they are due.
    fn keep_pace(&self, turn: &Turn<'_, T>, tasks: &mut [Task<'_, T>]) -> Paced {
        let mut paced = Paced { lookups: Times::new(), writes: Times::new() };
        let mut schedule = Schedule::new(self.plan.lookup_rate, Instant::now(), self.plan.turn / 2, turn.stop);
        for which in (0..tasks.len()).cycle() {
            let task = &mut tasks[which];
            let writes = task.writes_next();
            if writes {
                task.make_change();
            }
            let Some(due) = schedule.next() else { break };
            let begin = Instant::now();
            if writes {
                task.write()
            } else {
                task.look_up(1)
            }
            let times = if writes { &mut paced.writes } else { &mut paced.lookups };
            times.record(due, begin, Instant::now());
        }
        // What never began would have been lookups and writes as the mix has them.
        for waited in schedule.overdue() {
            if tasks[0].writes_next() { paced.writes.wait(waited) } else { paced.lookups.wait(waited) }
        }
        paced
    }
}

/// What one thread did at the plan's pace.
struct Paced {
    /// Latencies of lookups.
    lookups: Times,
    /// Latencies of writes.
    writes: Times,
}

/// A unit of work with its own reader, keys and place in the mix.
struct Task<'a, T> {
    /// Where it writes.
    rival: &'a dyn Rival<T>,
    /// Where it looks up.
    reader: Box<dyn Lookups<T> + 'a>,
    /// The keys that it goes through, over and over.
    keys: &'a [T],
    /// Index of its next key.
    next: usize,
    /// Reads in a thousand operations.
    reads: u32,
    /// Decides which they are.
    dice: Rng,
    /// The change to be written; empty but for when a write comes next.
    change: Vec<(T, T)>,
}

impl<T: Item> Task<'_, T> {
    /// Runs lookups until a write was due and is done, but not many; returns the number of operations.
    fn slice(&mut self) -> usize {
        for lookups in 0..SLICE {
            if self.writes_next() {
                self.look_up(lookups);
                self.make_change();
                self.write();
                return lookups + 1;
            }
        }
        self.look_up(SLICE);
        SLICE
    }

    /// Tells whether the next operation is a write.
    fn writes_next(&mut self) -> bool {
        self.dice.below(1_000) >= u64::from(self.reads)
    }

    fn look_up(&mut self, count: usize) {
        let begin = self.advance(count);
        black_box(self.reader.sum(black_box(&self.keys[begin..begin + count])));
    }

    /// Makes the change that is written next: another of the keys as the value, so that it costs clones only.
    fn make_change(&mut self) {
        let key = self.advance(1);
        self.change.push((self.keys[key].clone(), self.keys[self.keys.len() - 1 - key].clone()));
    }

    fn write(&mut self) {
        self.rival.publish(&mut self.change);
    }

    /// Returns the index from which on so many keys are taken.
    fn advance(&mut self, count: usize) -> usize {
        let begin = if self.next + count <= self.keys.len() { self.next } else { 0 };
        self.next = begin + count;
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rivals;

    /// Makes a task of which the first key comes next.
    fn task<'a>(table: &'a dyn Rival<u64>, keys: &'a [u64], mix: u32, number: u64) -> Task<'a, u64> {
        let (reader, dice) = (table.reader(0), Rng::new(number));
        Task { rival: table, reader, keys, next: 0, reads: mix, dice, change: Vec::new() }
    }

    fn table() -> Box<dyn Rival<u64>> {
        let rivals = rivals::select::<u64>(&["store".to_owned()]).expect("the store is there");
        (rivals[0].kind.build)(&mut Keys::made(1).entries())
    }

    #[test]
    fn tasks_write_as_often_as_the_mix_says_from_the_first_operation_on() {
        let table = table();
        let writes = |mix| (0..10_000).filter(|&number| task(&*table, &[], mix, number).writes_next()).count();
        let [none, few, many, half, all] = [1_000, 999, 950, 500, 0].map(writes);
        assert_eq!((none, all), (0, 10_000));
        assert!((1..40).contains(&few) && (400..600).contains(&many) && (4_500..5_500).contains(&half));
    }

    #[test]
    fn slice_takes_a_key_for_each_operation_that_it_counts() {
        let (table, keys) = (table(), Keys::made(1_000).hits(1_000, Spread::Uniform, SEED));
        let mut task = task(&*table, &keys, 950, 7);
        let done: usize = (0..10).map(|_| task.slice()).sum();
        assert_eq!(done, task.next);
        assert!(table.len() > 1, "writes come through");
    }
}
