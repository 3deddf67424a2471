//! What a run is to do. The command line fills this in; the benches read it.

use std::fmt;
use std::time::Duration;

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
    /// Swap: changes in one publish.
    pub deltas: Vec<u64>,
    /// Swap: what is held while publishing.
    pub holds: Vec<Hold>,
    /// Read: numbers of threads.
    pub threads: Vec<usize>,
    /// Read, mixed, pause: how keys are chosen.
    pub spreads: Vec<Spread>,
    /// Read: what lookups find.
    pub finds: Vec<Finds>,
    /// Mixed: shares of reads and writes.
    pub mixes: Vec<Mix>,
    /// Mixed: numbers of tasks.
    pub tasks: Vec<u64>,
    /// How often each rival has its turn in each case.
    pub rounds: u32,
    /// How long each turn lasts, about.
    pub turn: Duration,
    /// Swap, pause: publishes due per second.
    pub publish_rate: f64,
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
