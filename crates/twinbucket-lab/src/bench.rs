//! The benches, and what they share: tables of all rivals beside each other, and rounds in which each has its turn.
//!
//! A plan is taken apart into [`Job`]s: one bench over one table. In each round of a job's [`Trial`]s every contestant has one
//! turn, in an order that rotates by one from round to round. What a turn found is added to the measurements only if the run
//! was not asked to stop meanwhile.

mod balance;
mod contestant;
mod feed;
pub mod memory;
mod mixed;
mod pause;
mod proc;
mod read;
mod room;
mod scan;
mod session;
mod swap;
#[cfg(test)]
mod tests;

use std::num::NonZero;
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};

use self::contestant::Contestant;
use self::session::Reading;
pub(crate) use self::session::{Job, Session};
use crate::item::Item;
use crate::plan::{Contents, Plan};
use crate::results::{Bench, Case};
use crate::rivals::{self, Rival, Selected};
use crate::run::Stop;
use crate::workload::{Keys, Spread};

/// Lookup keys that a bench goes through: enough that branch prediction does not learn them,
const FEWEST_KEYS: u64 = 1 << 16;
/// and few enough to be made quickly.
const MOST_KEYS: u64 = 1 << 18;
/// Where the keys that are looked up start to be random; the same for all.
const SEED: u64 = 7;

/// One case of a bench, or several that are measured in the same turns.
trait Trial<T: Item> {
    /// Returns the circumstances.
    fn case(&self) -> &Case;

    /// Returns who takes part, out of the rivals that have tables here.
    fn contestants(&self, rivals: &[Selected<T>]) -> Vec<Contestant>;

    /// Makes what all turns need; is called once before them.
    fn prepare(&mut self, _keys: &Keys<T>) {}

    /// Measures a contestant for about the plan's turn.
    fn turn(&self, turn: &Turn<'_, T>) -> Result<Vec<Reading>>;
}

/// What a turn has to work with.
struct Turn<'a, T> {
    /// Who has the turn.
    who: Contestant,
    /// Its table, if it has one.
    table: Option<&'a dyn Rival<T>>,
    /// Whether it is meant for several threads.
    concurrent: bool,
    /// The keys of the table.
    keys: &'a Keys<T>,
    /// Whether the run is to end.
    stop: &'a Stop,
}

impl<T: Item> Turn<'_, T> {
    /// Returns the table.
    ///
    /// # Panics
    /// If the contestant has none.
    fn rival(&self) -> &dyn Rival<T> {
        self.table.expect("only the floor has no table, and only the bench that adds it must know")
    }
}

/// Takes a plan apart.
///
/// # Errors
/// If a rival is unknown, a bench leaves out all of them, or a table does not fit into memory.
pub(crate) fn jobs(plan: &Plan) -> Result<Vec<Box<dyn Job + '_>>> {
    let given = |contents: &Contents| match contents {
        Contents::Given(keys) => Some(Keys::given(keys.clone())),
        Contents::U64 | Contents::Strings => None,
    };
    let contents: Vec<_> = plan.contents.iter().map(|contents| (contents, given(contents))).collect();
    let mut jobs: Vec<Box<dyn Job + '_>> = Vec::new();
    for &bench in &plan.benches {
        if bench == Bench::Balance {
            jobs.push(Box::new(balance::Balance::of(plan)));
            continue;
        }
        for (contents, given) in &contents {
            for n in plan.sizes(contents) {
                let case = Case { item: contents.name().to_owned(), n, ..Case::default() };
                let strings = || given.clone().unwrap_or_else(|| Keys::made(n));
                match contents {
                    _ if bench == Bench::Memory => jobs.push(Box::new(memory::Probes::of(plan, contents, case)?)),
                    Contents::U64 => jobs.extend(known::<u64>(plan, bench, Keys::made(n), case)?),
                    Contents::Strings | Contents::Given(_) => jobs.extend(known(plan, bench, strings(), case)?),
                }
            }
        }
    }
    Ok(jobs)
}

/// Returns the jobs of one bench over one table for the rivals that the plan names.
fn known<T: Item>(plan: &Plan, bench: Bench, keys: Keys<T>, case: Case) -> Result<Vec<Box<dyn Job + '_>>> {
    tables(plan, bench, keys, case, rivals::select(&plan.rivals)?)
}

/// Returns the jobs of one bench over one table for the given rivals, as many at a time as fit into memory; none if the table
/// is too small for any case.
fn tables<T: Item>(
    plan: &Plan,
    bench: Bench,
    keys: Keys<T>,
    case: Case,
    rivals: Vec<Selected<T>>,
) -> Result<Vec<Box<dyn Job + '_>>> {
    let all: Vec<Box<dyn Trial<T> + '_>> = trials(plan, bench, &case);
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let measured = |trial: &dyn Trial<T>| trial.contestants(&rivals).iter().any(|who| who.table.is_some());
    ensure!(
        all.iter().any(|trial| measured(&**trial)),
        "bench {bench} has nothing to measure: it leaves out all rivals that were asked for, as they are for one thread, \
         have no snapshots or do not follow what is published"
    );
    let groups = room::groups(rivals, &keys)?;
    let job = |rivals| -> Box<dyn Job + '_> {
        Box::new(Tables { bench, keys: keys.clone(), rivals, trials: trials(plan, bench, &case) })
    };
    Ok(groups.into_iter().map(job).collect())
}

/// Returns the trials of a bench.
fn trials<'a, T: Item>(plan: &'a Plan, bench: Bench, case: &Case) -> Vec<Box<dyn Trial<T> + 'a>> {
    match bench {
        Bench::Swap => swap::trials(plan, case),
        Bench::Read => read::trials(plan, case),
        Bench::Mixed => mixed::trials(plan, case),
        Bench::Scan => scan::trials(plan, case),
        Bench::Pause => pause::trials(plan, case),
        Bench::Memory | Bench::Balance => Vec::new(),
    }
}

/// The trials of one bench over tables of the same entries, one for each rival, beside each other.
struct Tables<'a, T> {
    /// The bench.
    bench: Bench,
    /// The keys of every table.
    keys: Keys<T>,
    /// Whose the tables are.
    rivals: Vec<Selected<T>>,
    /// What is measured.
    trials: Vec<Box<dyn Trial<T> + 'a>>,
}

impl<T: Item> Job for Tables<'_, T> {
    fn turns(&self, plan: &Plan) -> u64 {
        let contestants = self.trials.iter().map(|trial| trial.contestants(&self.rivals).len() as u64).sum::<u64>();
        self.rivals.len() as u64 + contestants * u64::from(plan.rounds)
    }

    fn run(self: Box<Self>, session: &mut Session<'_>) -> Result<()> {
        let stop = session.stop;
        let mut tables = Vec::with_capacity(self.rivals.len());
        for Selected { kind, .. } in &self.rivals {
            if !session
                .begins(|| format!("{}: making a table of {} entries for {}", self.bench, self.keys.n(), kind.name))
            {
                return Ok(());
            }
            tables.push((kind.build)(&mut self.keys.entries()));
        }
        for mut trial in self.trials {
            trial.prepare(&self.keys);
            let contestants = trial.contestants(&self.rivals);
            let what = |which: usize| format!("{} {}: {}", self.bench, words(trial.case()), contestants[which].name);
            let turn = |which: usize, _| {
                let who = contestants[which];
                let table = who.table.map(|index| &*tables[index]);
                let concurrent = who.table.is_none_or(|index| self.rivals[index].kind.concurrent);
                let turn = Turn { who, table, concurrent, keys: &self.keys, stop };
                Ok((who, trial.turn(&turn)?))
            };
            session.rounds(self.bench, contestants.len(), what, turn)?;
        }
        Ok(())
    }
}

/// Returns the circumstances in words: `u64, n 1000, delta 1`.
fn words(case: &Case) -> String {
    let dimensions = case.dimensions().into_iter();
    let words = dimensions.map(|(name, value)| if name == "item" { value } else { format!("{name} {value}") });
    words.collect::<Vec<_>>().join(", ")
}

/// Returns the number of cores that the process may use.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Returns what files call a distribution of keys.
fn spread_name(spread: Spread) -> String {
    match spread {
        Spread::Uniform => "uniform",
        Spread::Zipf => "zipf",
    }
    .to_owned()
}

/// Returns how many keys a bench goes through in a table of `n` entries.
fn key_count(n: u64) -> usize {
    n.clamp(FEWEST_KEYS, MOST_KEYS) as usize
}

/// Returns the nanoseconds that `run` takes.
fn nanos(run: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    run();
    begin.elapsed().as_nanos() as f64
}

/// Asks other threads to end when the one that has this leaves, be it by a panic.
struct EndsWithMe<'a>(&'a Stop);

impl Drop for EndsWithMe<'_> {
    fn drop(&mut self) {
        self.0.ask();
    }
}
