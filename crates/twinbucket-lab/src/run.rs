//! One run: every bench of a plan, one after the other.
//!
//! This file owns what a run shares with whoever started it: how far it is, that it should stop, and how memory is
//! measured in a process of its own. What is measured, and how, is the benches' own business.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use crate::bench::{self, Session};
use crate::memory::{MemoryFigures, MemoryJob};
use crate::plan::Plan;
use crate::results::Measurement;

/// Hears how far a run is.
pub trait Progress: Sync {
    /// Is called once, before the first turn, with the number of all turns to come.
    fn begin(&self, turns: u64);

    /// Is called before each turn: one rival's part in one round of one case, or the making of one table.
    fn turn(&self, what: &str);

    /// Is called with what the user should know besides, such as what is left out and why.
    fn note(&self, what: &str);
}

/// Asks a run to end early.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Makes one that does not ask yet.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Asks the run to end. It does within about 50 ms, or when the operation that it is in has come to its end: a rival
    /// may take seconds to publish, and a large table to be made.
    ///
    /// Safe to call in a signal handler: it stores one flag.
    pub fn ask(&self) {
        // Relaxed: the flag stands for itself; no data is passed on with it.
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether the run was asked to end.
    pub fn asked(&self) -> bool {
        // Relaxed: see `ask`.
        self.0.load(Ordering::Relaxed)
    }
}

/// Measures the memory of one rival in a process of its own, by [`measure`](crate::memory::measure).
pub type Probe<'a> = &'a dyn Fn(&MemoryJob) -> Result<MemoryFigures>;

/// Tells whether [`run`] would refuse the plan on this machine, as it stands; measures nothing.
///
/// # Errors
/// If [`Plan::check`] refuses the plan, a rival is unknown, a bench leaves out all rivals, or a table does not fit into
/// memory.
pub fn check(plan: &Plan) -> Result<()> {
    plan.check()?;
    bench::jobs(plan).map(drop)
}

/// Runs the plan and returns what it found, in the order of the plan's benches.
///
/// After a [`Stop`], the result is what is there so far: a turn that was not over does not count.
///
/// # Errors
/// If [`check`] refuses the plan, before anything is measured; if rivals find different values, a reader does not see what
/// was published, or `probe` fails.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use twinbucket_lab::memory;
/// use twinbucket_lab::plan::{Contents, Finds, Hold, Mix, Plan};
/// use twinbucket_lab::results::Bench;
/// use twinbucket_lab::run::{Progress, Stop, run};
/// use twinbucket_lab::workload::Spread;
///
/// struct Quiet;
///
/// impl Progress for Quiet {
///     fn begin(&self, _turns: u64) {}
///     fn turn(&self, _what: &str) {}
///     fn note(&self, _what: &str) {}
/// }
///
/// let plan = Plan {
///     benches: vec![Bench::Scan],
///     rivals: vec!["store".into(), "bare".into()],
///     contents: vec![Contents::U64],
///     entries: vec![1_000],
///     deltas: vec![1],
///     holds: vec![Hold::None],
///     threads: vec![1],
///     spreads: vec![Spread::Uniform],
///     finds: vec![Finds::Hits],
///     mixes: vec![Mix(950)],
///     tasks: vec![1],
///     rounds: 3,
///     turn: Duration::from_millis(5),
///     publish_rate: 1_000.0,
///     reloads: false,
///     lookup_rate: 10_000.0,
/// };
/// let found = run(&plan, &Quiet, &Stop::new(), &memory::measure)?;
/// assert_eq!(found.len(), 2);
/// println!("{}: {:?} ns per entry", found[0].name, found[0].rounds);
/// # Ok::<(), anyhow::Error>(())
/// ```
pub fn run(plan: &Plan, progress: &dyn Progress, stop: &Stop, probe: Probe<'_>) -> Result<Vec<Measurement>> {
    plan.check()?;
    Session::new(plan, progress, stop, probe).run(bench::jobs(plan)?)
}
