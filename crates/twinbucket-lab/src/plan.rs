//! What a run is to do. The command line fills this in; the benches read it.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::item::Item;
use crate::results::Bench;
use crate::workload::Spread;

/// What a run is to do. Each bench takes the dimensions that it has, and every combination of their values.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What to run, in order.
    pub benches: Vec<Bench>,
    /// [Kinds](crate::rivals::Kind::id) or [ways](crate::rivals::Way::id) to measure; empty for all there are.
    pub rivals: Vec<String>,
    /// What the tables hold.
    pub contents: Vec<Contents>,
    /// Sizes of the tables, in entries; for given keys their number is the only size.
    pub entries: Vec<u64>,
    /// Swap: changes in one publish. Tables with fewer entries are left out.
    pub deltas: Vec<u64>,
    /// Swap: what is held while publishing.
    pub holds: Vec<Hold>,
    /// Read: numbers of threads. Designs for one thread are left out of all others.
    pub threads: Vec<usize>,
    /// Read, mixed, pause: how keys are chosen.
    pub spreads: Vec<Spread>,
    /// Read: what lookups find.
    pub finds: Vec<Finds>,
    /// Mixed: shares of reads and writes.
    pub mixes: Vec<Mix>,
    /// Mixed: numbers of tasks, spread over as many threads as there are cores.
    pub tasks: Vec<u64>,
    /// How often each rival has its turn in each case.
    pub rounds: u32,
    /// How long each turn lasts, about.
    pub turn: Duration,
    /// Swap, pause: publishes due per second.
    pub publish_rate: f64,
    /// Pause: whether full reloads follow each other, in place of deltas that are due.
    pub reloads: bool,
    /// Pause, mixed: lookups (mixed: operations) due per second and thread, where latency is measured.
    pub lookup_rate: f64,
}

/// What tables hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// Numbers to numbers.
    U64,
    /// Strings of 20 to 23 bytes to such strings.
    Strings,
    /// The given keys, of which no two are equal, to strings of 20 to 23 bytes.
    Given(Vec<String>),
}

/// What is held while somebody publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nothing, for longer than a lookup takes.
    None,
    /// A reader that stays inside for a while, leaves and comes back.
    SlowReader,
    /// A snapshot that is held all the time; designs that have none are left out.
    Snapshot,
}

/// What lookups find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finds {
    /// Each finds an entry.
    Hits,
    /// None finds an entry.
    Misses,
}

/// Share of reads, in thousandths; the others are writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix(pub u32);

/// More threads than this are taken for a mistake.
const MOST_THREADS: usize = 4_096;
/// More tasks than this are taken for a mistake.
const MOST_TASKS: u64 = 1_000_000;
/// Longer turns than this are taken for a mistake.
const LONGEST_TURN: Duration = Duration::from_secs(3_600);
/// More operations per second than this cannot be told apart by the clock.
const HIGHEST_RATE: f64 = 1e9;

impl Plan {
    /// Tells whether the plan can be run, apart from the names of rivals and the memory that there is.
    ///
    /// # Errors
    /// If a dimension of one of its benches has no value or an impossible one; the message says which and what is allowed.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.benches.is_empty(), "there is no bench to run");
        ensure!(self.rounds > 0, "the number of rounds is 0; 10 or more give intervals worth having");
        ensure!(!self.turn.is_zero() && self.turn <= LONGEST_TURN, "a turn takes more than 0 s and at most an hour");
        self.contents.iter().try_for_each(Contents::check)?;
        self.benches.iter().try_for_each(|bench| self.check_bench(*bench))
    }

    /// Returns the sizes of tables with the given contents.
    pub fn sizes(&self, contents: &Contents) -> Vec<u64> {
        match contents {
            Contents::Given(keys) => vec![keys.len() as u64],
            Contents::U64 | Contents::Strings => self.entries.clone(),
        }
    }

    fn check_bench(&self, bench: Bench) -> Result<()> {
        if bench != Bench::Balance {
            some(bench, "contents", &self.contents)?;
            self.check_sizes(bench)?;
        }
        match bench {
            Bench::Swap => self.check_swap(),
            Bench::Read => self.check_read(),
            Bench::Mixed => self.check_mixed(),
            Bench::Pause => {
                some(bench, "distributions of keys", &self.spreads)?;
                rate("lookup", self.lookup_rate)?;
                rate("publish", self.publish_rate)
            }
            Bench::Scan | Bench::Memory | Bench::Balance => Ok(()),
        }
    }

    fn check_sizes(&self, bench: Bench) -> Result<()> {
        if self.contents.iter().any(|contents| !matches!(contents, Contents::Given(_))) {
            some(bench, "numbers of entries", &self.entries)?;
        }
        ensure!(!self.entries.contains(&0), "a table of 0 entries has nothing to measure; 1 is the least");
        Ok(())
    }

    fn check_swap(&self) -> Result<()> {
        some(Bench::Swap, "deltas", &self.deltas)?;
        some(Bench::Swap, "holds", &self.holds)?;
        rate("publish", self.publish_rate)?;
        ensure!(!self.deltas.contains(&0), "a delta of 0 changes nothing; 1 is the least");
        let largest = self.contents.iter().flat_map(|contents| self.sizes(contents)).max();
        let fits = self.deltas.iter().any(|&delta| Some(delta) <= largest);
        ensure!(fits, "every delta has more changes than the largest table has entries; ask for a smaller one");
        Ok(())
    }

    fn check_read(&self) -> Result<()> {
        some(Bench::Read, "numbers of threads", &self.threads)?;
        some(Bench::Read, "distributions of keys", &self.spreads)?;
        some(Bench::Read, "finds", &self.finds)?;
        let possible = self.threads.iter().all(|threads| (1..=MOST_THREADS).contains(threads));
        ensure!(possible, "the number of threads must be from 1 to {MOST_THREADS}");
        Ok(())
    }

    fn check_mixed(&self) -> Result<()> {
        some(Bench::Mixed, "mixes", &self.mixes)?;
        some(Bench::Mixed, "numbers of tasks", &self.tasks)?;
        some(Bench::Mixed, "distributions of keys", &self.spreads)?;
        rate("lookup", self.lookup_rate)?;
        ensure!(self.mixes.iter().all(|mix| mix.0 <= 1_000), "the shares of a mix must add up to 100, as in 95/5");
        let possible = self.tasks.iter().all(|tasks| (1..=MOST_TASKS).contains(tasks));
        ensure!(possible, "the number of tasks must be from 1 to {MOST_TASKS}");
        Ok(())
    }
}

/// Refuses a dimension without values.
fn some<V>(bench: Bench, what: &str, values: &[V]) -> Result<()> {
    ensure!(!values.is_empty(), "bench {bench} needs {what}, and there are none");
    Ok(())
}

/// Refuses a rate that no schedule can have.
fn rate(what: &str, rate: f64) -> Result<()> {
    let possible = rate > 0.0 && rate <= HIGHEST_RATE;
    ensure!(possible, "the {what} rate is {rate} per second; it must be above 0 and at most {HIGHEST_RATE:.0}");
    Ok(())
}

impl Contents {
    /// Returns what [`Case::item`](crate::results::Case::item) calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::U64 => u64::NAME,
            Self::Strings => String::NAME,
            Self::Given(_) => "table",
        }
    }

    fn check(&self) -> Result<()> {
        let Self::Given(keys) = self else { return Ok(()) };
        ensure!(!keys.is_empty(), "the table has no keys");
        let mut seen = HashSet::with_capacity(keys.len());
        match keys.iter().find(|key| !seen.insert(*key)) {
            Some(twice) => bail!("the key {twice:?} is in the table twice"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::SlowReader => "slow-reader",
            Self::Snapshot => "snapshot",
        })
    }
}

impl fmt::Display for Finds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hits => "hits",
            Self::Misses => "misses",
        })
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", f64::from(self.0) / 10.0, f64::from(1_000 - self.0) / 10.0)
    }
}
