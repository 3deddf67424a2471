//! What each thread does while a phase lasts: the readers, the writer and the walker.
//!
//! All of them end soon after the stop signal, and hand back what they recorded.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use crate::contender::{Contender, Entry, Key, Reload};
use crate::edits::{Edits, Work};
use crate::measure::Durations;
use crate::random::Random;
use crate::table::Row;
use crate::walk::Walk;

/// Lookups in a row that are timed as one; the first of them is timed by itself as well.
pub(crate) const BATCH: usize = 256;
/// Longest sleep of a thread, so that it sees the stop signal.
const NAP: Duration = Duration::from_millis(5);
/// How far the writer may fall behind its schedule and still catch up.
const BACKLOG: Duration = Duration::from_millis(2);

/// Tells the threads of a phase when it is over.
#[derive(Debug, Default)]
pub(crate) struct Stop(AtomicBool);

impl Stop {
    /// Ends the phase.
    pub(crate) fn signal(&self) {
        // Relaxed: nothing is handed over with the flag; joining the threads orders what they recorded.
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether the phase is over.
    fn is_over(&self) -> bool {
        // Relaxed: see `signal`.
        self.0.load(Ordering::Relaxed)
    }

    /// Sleeps until `due`, or until the phase is over.
    fn sleep_until(&self, due: Instant) {
        while !self.is_over() {
            match due.checked_duration_since(Instant::now()) {
                None | Some(Duration::ZERO) => return,
                Some(left) => thread::sleep(left.min(NAP)),
            }
        }
    }
}

/// The keys that a reader asks for, over and over.
///
/// They are copies, in an order of their own: a lookup touches the key it asks for and, apart from that, the
/// key in the store.
pub(crate) struct Queries(Vec<Box<str>>);

impl Queries {
    /// Takes each key of `rows` once, in the order that belongs to `reader`.
    pub(crate) fn new(rows: &[Row], reader: u64) -> Self {
        let mut order: Vec<&Row> = rows.iter().collect();
        Random::new(reader + 1).shuffle(&mut order);
        Self(order.into_iter().map(|row| Box::from(&*row.key)).collect())
    }
}

/// What readers recorded.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    /// Single lookups, one of each batch.
    pub(crate) single: Durations,
    /// Whole batches: no lookup is missing in them, so neither is a stall.
    pub(crate) batch: Durations,
    /// Number of lookups.
    pub(crate) lookups: u64,
    /// Lookups that found an entry.
    pub(crate) hits: u64,
    /// Time that readers spent, added up over the readers.
    pub(crate) time: Duration,
}

impl Reads {
    /// Starts with nothing.
    pub(crate) fn new() -> Self {
        Self { single: Durations::new(), batch: Durations::new(), lookups: 0, hits: 0, time: Duration::ZERO }
    }

    /// Adds what another reader recorded.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.single.merge(&other.single);
        self.batch.merge(&other.batch);
        self.lookups += other.lookups;
        self.hits += other.hits;
        self.time += other.time;
    }

    /// Lookups per second of one reader, clock and records included.
    pub(crate) fn per_second(&self) -> f64 {
        self.lookups as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Looks up `queries` at full speed.
pub(crate) fn read<C: Contender>(store: &C, queries: &Queries, stop: &Stop) -> Reads {
    let mut reads = Reads::new();
    let mut reader = store.reader();
    let mut keys = queries.0.iter().map(|key| &**key).cycle();
    let mut lookup = |count: usize| {
        let found = |key: &str| black_box(C::lookup(&mut reader, key)).is_some();
        keys.by_ref().take(count).map(found).map(u64::from).sum::<u64>()
    };
    let begin = Instant::now();
    while !stop.is_over() {
        let start = Instant::now();
        let first = lookup(1);
        let after_first = Instant::now();
        let others = lookup(BATCH - 1);
        let end = Instant::now();
        reads.single.record(after_first - start);
        reads.batch.record(end - start);
        reads.hits += first + others;
        reads.lookups += BATCH as u64;
    }
    reads.time = begin.elapsed();
    reads
}

/// What the writer recorded.
#[derive(Clone, Debug)]
pub(crate) struct Writes {
    /// Deltas: from asking for the write bucket, or the copy, until the publish has returned.
    pub(crate) deltas: Durations,
    /// Full reloads through `sync`; for clone-and-swap a new map.
    pub(crate) syncs: Durations,
    /// Full reloads through `replace_all`; for clone-and-swap a new map.
    pub(crate) replacements: Durations,
    /// Time that the writer was at work, pauses and the drawing of deltas included.
    pub(crate) time: Duration,
}

impl Writes {
    /// Starts with nothing.
    pub(crate) fn new() -> Self {
        Self { deltas: Durations::new(), syncs: Durations::new(), replacements: Durations::new(), time: Duration::ZERO }
    }

    /// Number of publishes.
    pub(crate) fn publishes(&self) -> u64 {
        self.deltas.count() + self.syncs.count() + self.replacements.count()
    }

    /// Publishes per second that the writer reached.
    pub(crate) fn per_second(&self) -> f64 {
        self.publishes() as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Publishes what `edits` draws, one each `interval`, and at least one.
///
/// # Errors
/// If the store counts other changes in a full reload than there were.
pub(crate) fn write<C: Contender>(
    store: &C,
    edits: &mut Edits<'_>,
    interval: Duration,
    stop: &Stop,
    writes: &mut Writes,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut due = begin;
    loop {
        publish(store, edits.draw(), writes)?;
        due = (due + interval).max(Instant::now().checked_sub(BACKLOG).unwrap_or(due));
        stop.sleep_until(due);
        if stop.is_over() {
            writes.time += begin.elapsed();
            return Ok(());
        }
    }
}

/// Publishes one piece of work and records how long that took.
///
/// # Errors
/// If the store counts other changes in a full reload than there were.
pub(crate) fn publish<C: Contender>(store: &C, work: Work, writes: &mut Writes) -> anyhow::Result<()> {
    match work {
        Work::Delta(edits) => {
            let start = Instant::now();
            store.publish(edits);
            writes.deltas.record(start.elapsed());
        }
        Work::Full { how, rows, differs } => {
            let counted = timed_reload(store, how, rows, writes);
            if let Some(counted) = counted.filter(|&counted| counted != differs) {
                bail!("a full reload changed {differs} entries, but the store counted {counted}");
            }
        }
    }
    Ok(())
}

/// Publishes a full reload and records how long that took.
fn timed_reload<C: Contender>(store: &C, how: Reload, rows: Vec<(Key, Entry)>, writes: &mut Writes) -> Option<usize> {
    let start = Instant::now();
    let counted = store.reload(how, rows);
    let took = start.elapsed();
    match how {
        Reload::Sync => writes.syncs.record(took),
        Reload::ReplaceAll => writes.replacements.record(took),
    }
    counted
}

/// Walks `frozen` again and again, at least once, resting as long as it walked.
///
/// # Errors
/// If a walk saw anything but `expected`.
pub(crate) fn walk<C: Contender>(
    frozen: &C::Frozen,
    expected: &Walk,
    stop: &Stop,
    walks: &mut Durations,
) -> anyhow::Result<()> {
    loop {
        let start = Instant::now();
        let seen = Walk::of::<C>(frozen, &expected.seed);
        let took = start.elapsed();
        walks.record(took);
        ensure!(
            seen == *expected,
            "walk {} of the frozen version saw {seen}, which is not its own generation: {expected}",
            walks.count()
        );
        stop.sleep_until(Instant::now() + took);
        if stop.is_over() {
            return Ok(());
        }
    }
}
