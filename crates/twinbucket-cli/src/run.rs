//! The run: short phases in turn, so that what slows one down slows the others down as well.
//!
//! Each round has four phases of the same length: the readers of twinbucket alone, the same with the writer
//! and the frozen walk, and both again for clone-and-swap. A phase starts its threads anew; what they
//! recorded is added up over the rounds.

use std::io;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::contender::{Contender, Footprint, Reload, Swap, Twin};
use crate::edits::Edits;
use crate::measure::{Durations, clock_floor};
use crate::progress::Progress;
use crate::table::Table;
use crate::threads::{Queries, Reads, Stop, Writes, publish, read, walk, write};
use crate::walk::Walk;

/// Phases in a round.
const PHASES: u32 = 4;
/// Length that a phase should have over a small table.
const PHASE: Duration = Duration::from_millis(125);
/// For each so many rows a phase should be as much longer, as a copy of the map takes so much longer.
const ROWS_PER_PHASE: usize = 100_000;
/// Most rounds in a run; with more time the phases grow instead.
const MOST_ROUNDS: u32 = 40;

/// What a run is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Time for all phases together.
    pub(crate) time: Duration,
    /// Number of reader threads.
    pub(crate) readers: usize,
    /// Changes per publish.
    pub(crate) delta: usize,
    /// Time from one publish to the next, if the writer keeps up; zero for no pause.
    pub(crate) interval: Duration,
}

impl Plan {
    /// Number of rounds over a table of `rows` rows.
    pub(crate) fn rounds(&self, rows: usize) -> u32 {
        let per_rows = u32::try_from(rows / ROWS_PER_PHASE).unwrap_or(u32::MAX);
        let round = (PHASE * PHASES).saturating_mul(per_rows.saturating_add(1));
        u32::try_from(self.time.as_nanos() / round.as_nanos()).unwrap_or(MOST_ROUNDS).clamp(1, MOST_ROUNDS)
    }

    /// Length of one phase over a table of `rows` rows.
    fn phase(&self, rows: usize) -> Duration {
        self.time / (self.rounds(rows) * PHASES)
    }
}

/// What one store did in all rounds.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Reads while nothing else was going on.
    pub(crate) quiet: Reads,
    /// Reads while the writer published and the frozen version was walked.
    pub(crate) busy: Reads,
    /// What the writer did.
    pub(crate) writes: Writes,
    /// Walks of the frozen version.
    pub(crate) walks: Durations,
    /// What each of these walks saw.
    pub(crate) frozen: Walk,
    /// Generation at the end.
    pub(crate) last_generation: u64,
    /// The structure at the end, with the frozen version still held.
    pub(crate) held: Footprint,
    /// The structure after the frozen version was let go.
    pub(crate) released: Footprint,
}

/// What a run found.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The library.
    pub(crate) twin: Side,
    /// Clone-and-swap.
    pub(crate) swap: Side,
    /// What each timed event includes for the clock alone.
    pub(crate) clock_floor: Duration,
}

/// Runs all phases on `table`.
///
/// # Errors
/// If a store does not hold what was written to it, if a frozen version changes, or if a thread cannot be
/// started.
pub(crate) fn run(table: &Table, plan: &Plan, progress: &Progress) -> anyhow::Result<Outcome> {
    let clock_floor = clock_floor();
    let queries: Vec<_> = (0..plan.readers as u64).map(|reader| Queries::new(&table.rows, reader)).collect();
    let mut twin = Lane::new(Twin::new(&table.rows), table, plan);
    let mut swap = Lane::new(Swap::new(&table.rows), table, plan);
    progress.start(plan.time);
    for round in 0..plan.rounds(table.rows.len()) {
        // Each store goes first in every other round, so that neither has the better half of each.
        if round % 2 == 0 {
            twin.round(&queries, progress)?;
            swap.round(&queries, progress)?;
        } else {
            swap.round(&queries, progress)?;
            twin.round(&queries, progress)?;
        }
    }
    progress.say("both stores", "comparing with the model");
    Ok(Outcome { twin: twin.finish()?, swap: swap.finish()?, clock_floor })
}

/// One store on its way through the phases.
struct Lane<'a, C: Contender> {
    /// The store.
    store: C,
    /// What it is fed with.
    edits: Edits<'a>,
    /// The version before the first publish.
    frozen: C::Frozen,
    /// What was recorded so far.
    side: Side,
    /// Time from one publish to the next.
    interval: Duration,
    /// Length of a phase.
    phase: Duration,
}

impl<'a, C: Contender> Lane<'a, C> {
    /// Freezes the first content of `store`, which must be that of `table`.
    fn new(store: C, table: &'a Table, plan: &Plan) -> Self {
        let frozen = store.freeze();
        let side = Side {
            quiet: Reads::new(),
            busy: Reads::new(),
            writes: Writes::new(),
            walks: Durations::new(),
            frozen: Walk::expected(&table.rows, C::generation(&frozen)),
            last_generation: 0,
            held: Footprint::default(),
            released: Footprint::default(),
        };
        let edits = Edits::new(&table.rows, plan.delta);
        Self { store, edits, frozen, side, interval: plan.interval, phase: plan.phase(table.rows.len()) }
    }

    /// Runs both phases of a round.
    fn round(&mut self, queries: &[Queries], progress: &Progress) -> anyhow::Result<()> {
        progress.say(C::NAME, "readers alone");
        self.quiet(queries, progress).with_context(failed::<C>)?;
        progress.say(C::NAME, "publishing");
        self.busy(queries, progress).with_context(failed::<C>)
    }

    /// Lets the readers run alone.
    fn quiet(&mut self, queries: &[Queries], progress: &Progress) -> anyhow::Result<()> {
        let store = &self.store;
        let stop = Stop::default();
        let reads = thread::scope(|scope| {
            let over = SignalAtEnd(&stop);
            let readers = Readers::start(scope, store, queries, &stop)?;
            progress.wait(self.phase);
            drop(over);
            readers.join()
        })?;
        self.side.quiet.merge(&reads);
        Ok(())
    }

    /// Lets the readers run beside the writer and the walk.
    fn busy(&mut self, queries: &[Queries], progress: &Progress) -> anyhow::Result<()> {
        let Self { store, edits, frozen, side, interval, phase } = self;
        let (store, frozen, expected) = (&*store, &*frozen, side.frozen.clone());
        let (writes, walks) = (&mut side.writes, &mut side.walks);
        let stop = Stop::default();
        let reads = thread::scope(|scope| {
            let over = SignalAtEnd(&stop);
            let readers = Readers::start(scope, store, queries, &stop)?;
            let walker = spawn(scope, "walker", || walk::<C>(frozen, &expected, &stop, walks))?;
            let writer = spawn(scope, "writer", || write(store, edits, *interval, &stop, writes))?;
            progress.wait(*phase);
            drop(over);
            let reads = readers.join();
            join(writer)??;
            join(walker)??;
            reads
        })?;
        self.side.busy.merge(&reads);
        Ok(())
    }

    /// Compares the content with the model, brings it back to the table and measures the structure.
    fn finish(mut self) -> anyhow::Result<Side> {
        self.edits.verify(&self.store).with_context(failed::<C>)?;
        publish(&self.store, self.edits.reload(Reload::Sync), &mut Writes::new()).with_context(failed::<C>)?;
        self.edits.verify(&self.store).with_context(failed::<C>)?;
        self.store.settle();
        self.side.held = self.store.footprint(Some(&self.frozen));
        drop(self.frozen);
        self.store.settle();
        self.side.released = self.store.footprint(None);
        self.side.last_generation = C::generation(&self.store.freeze());
        Ok(self.side)
    }
}

/// What an error in a run of `C` is about.
fn failed<C: Contender>() -> String {
    format!("the run of {} failed", C::NAME)
}

/// The reader threads of a phase.
struct Readers<'scope>(Vec<ScopedJoinHandle<'scope, Reads>>);

impl<'scope> Readers<'scope> {
    /// Starts one reader per list of queries.
    fn start<C: Contender>(
        scope: &'scope Scope<'scope, '_>,
        store: &'scope C,
        queries: &'scope [Queries],
        stop: &'scope Stop,
    ) -> anyhow::Result<Self> {
        let start = |queries| spawn(scope, "reader", move || read(store, queries, stop));
        queries.iter().map(start).collect::<anyhow::Result<_>>().map(Self)
    }

    /// Waits for all of them and adds up what they recorded.
    fn join(self) -> anyhow::Result<Reads> {
        let mut reads = Reads::new();
        for reader in self.0 {
            reads.merge(&join(reader)?);
        }
        Ok(reads)
    }
}

/// Ends a phase when dropped, so that it also ends when a thread could not be started.
struct SignalAtEnd<'a>(&'a Stop);

impl Drop for SignalAtEnd<'_> {
    fn drop(&mut self) {
        self.0.signal();
    }
}

/// Starts a thread called `name`.
fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> anyhow::Result<ScopedJoinHandle<'scope, T>> {
    let started: io::Result<_> = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, work);
    started.with_context(|| format!("cannot start a {name} thread; try fewer readers"))
}

/// Waits for a thread and takes its result.
fn join<T>(thread: ScopedJoinHandle<'_, T>) -> anyhow::Result<T> {
    let name = thread.thread().name().unwrap_or("unnamed").to_owned();
    thread.join().map_err(|_| anyhow!("the {name} thread panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plan that only its time matters of.
    fn plan(time: Duration) -> Plan {
        Plan { time, readers: 1, delta: 1, interval: Duration::ZERO }
    }

    #[test]
    fn phases_fill_the_time() {
        for (millis, rows, rounds) in
            [(1, 1, 1), (300, 1, 1), (999, 1, 1), (5_000, 35_000, 10), (5_000, 1_000_000, 1), (600_000, 1, MOST_ROUNDS)]
        {
            let plan = plan(Duration::from_millis(millis));
            assert_eq!(plan.rounds(rows), rounds, "{millis} ms, {rows} rows");
            let filled = plan.phase(rows) * PHASES * rounds;
            assert!(plan.time.abs_diff(filled) < Duration::from_micros(1), "{millis} ms, {rows} rows");
        }
    }
}
