//! The command line of `twinbucket bench`, and the plan that it comes to.
//!
//! Each dimension is defined once, with the values it has by default and those of `--full`; a bench takes the groups of
//! dimensions that it has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use twinbucket_lab::budget::Budget;
use twinbucket_lab::plan::{Contents, Finds, Hold, Mix, Plan};
use twinbucket_lab::results::Bench;
use twinbucket_lab::rivals;
use twinbucket_lab::workload::Spread;

use crate::allocator::{self, Allocator};
use crate::args::{Columns, columns};
use crate::bench::values::{Items, finds, hold, mix, rate, size, spread, threads, turn};
use crate::table::Table;

/// What `bench --help` says at its end.
const EXAMPLES: &str = "\
Examples:
  twinbucket bench swap
  twinbucket bench read --entries 1M --rivals store,papaya --threads 1,all
  twinbucket bench pause --json pause.json --html pause.html
  twinbucket bench swap --entries 1M --budget 'swap.p99<50us@n=1M'
  twinbucket bench report --from pause.json --csv pause.csv

Ctrl-C ends a run early and shows what was measured until then; a second one ends the program.

Exit code: 0 on success; 1 if a table cannot be loaded or a file cannot be written; 2 for bad
usage, which is told before anything is measured, and for a budget that no measurement is about;
3 if a budget is broken; 130 after Ctrl-C.";

/// Measure the store beside other maps, on this machine
///
/// All rivals do the same work on the same keys and take turns, ten times each by default. A figure is the median of
/// these rounds, with a 95 % bootstrap interval; a difference that may be chance is marked by a tilde. Latencies count
/// from when an operation was due ("corrected") and, beside that, from when it began ("raw").
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Publishing: from the first write to the end of publish, and until all readers have seen it
    Swap(Swap),
    /// Lookups: nanoseconds for each, and how many all threads do together
    Read(Read),
    /// Lookups and writes together, by many tasks
    Mixed(Mixed),
    /// A walk over all entries
    Scan(Plain),
    /// Memory: at rest, with an old version held, and during a full reload
    Memory(Plain),
    /// Latency of lookups while publishes go on, beside the same without, and beside the machine's own jitter
    Pause(Pause),
    /// All of these, and the balance of the sharded map; or anything again from an earlier --json
    Report(Report),
    /// Measures the memory of one rival, from JSON to JSON; `bench` starts itself with this
    #[command(hide = true)]
    MemoryProbe,
}

/// `bench swap`.
#[derive(Debug, Args)]
pub(crate) struct Swap {
    /// See there.
    #[command(flatten)]
    tables: Tables,
    /// See there.
    #[command(flatten)]
    deltas: Deltas,
    /// See there.
    #[command(flatten)]
    publishes: Publishes,
    /// See there.
    #[command(flatten)]
    run: Run,
    /// See there.
    #[command(flatten)]
    logs: Logs,
}

/// `bench read`.
#[derive(Debug, Args)]
pub(crate) struct Read {
    /// See there.
    #[command(flatten)]
    tables: Tables,
    /// See there.
    #[command(flatten)]
    keys: Keys,
    /// See there.
    #[command(flatten)]
    lookups: Lookups,
    /// See there.
    #[command(flatten)]
    run: Run,
}

/// `bench mixed`.
#[derive(Debug, Args)]
pub(crate) struct Mixed {
    /// See there.
    #[command(flatten)]
    tables: Tables,
    /// See there.
    #[command(flatten)]
    keys: Keys,
    /// See there.
    #[command(flatten)]
    mixes: Mixes,
    /// See there.
    #[command(flatten)]
    operations: Operations,
    /// See there.
    #[command(flatten)]
    run: Run,
    /// See there.
    #[command(flatten)]
    logs: Logs,
}

/// `bench scan` and `bench memory`.
#[derive(Debug, Args)]
pub(crate) struct Plain {
    /// See there.
    #[command(flatten)]
    tables: Tables,
    /// See there.
    #[command(flatten)]
    run: Run,
}

/// `bench pause`.
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// See there.
    #[command(flatten)]
    tables: Tables,
    /// See there.
    #[command(flatten)]
    keys: Keys,
    /// See there.
    #[command(flatten)]
    publishes: Publishes,
    /// See there.
    #[command(flatten)]
    operations: Operations,
    /// See there.
    #[command(flatten)]
    run: Run,
    /// See there.
    #[command(flatten)]
    logs: Logs,
}

/// `bench report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Measure nothing: take the results from a file that --json wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["Tables", "Deltas", "Keys", "Lookups", "Mixes", "Publishes",
        "Operations", "Effort"])]
    pub(crate) from: Option<PathBuf>,
    /// Write the document on which design to take when, as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) choosing: Option<PathBuf>,
    /// See there.
    #[command(flatten)]
    tables: Tables,
    /// See there.
    #[command(flatten)]
    deltas: Deltas,
    /// See there.
    #[command(flatten)]
    keys: Keys,
    /// See there.
    #[command(flatten)]
    lookups: Lookups,
    /// See there.
    #[command(flatten)]
    mixes: Mixes,
    /// See there.
    #[command(flatten)]
    publishes: Publishes,
    /// See there.
    #[command(flatten)]
    operations: Operations,
    /// See there.
    #[command(flatten)]
    run: Run,
    /// See there.
    #[command(flatten)]
    logs: Logs,
}

/// What is measured, and in which tables.
#[derive(Debug, Args)]
struct Tables {
    /// Sizes of the tables, in entries, like 1000, 1_000 or 1k
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = size, default_value = "1k,100k,1M",
        default_value_if("full", "true", "1k,10k,100k,1M,10M"))]
    entries: Vec<u64>,
    /// What keys and values are
    #[arg(
        long,
        value_name = "ITEM,..",
        value_delimiter = ',',
        value_enum,
        default_value = "u64",
        default_value_if("full", "true", "u64,string")
    )]
    items: Vec<Items>,
    /// Use the keys of a table of your own: a CSV or TSV file in UTF-8, with the keys in its first column
    #[arg(long, value_name = "FILE", conflicts_with_all = ["entries", "items"])]
    table: Option<PathBuf>,
    /// Names of the columns, for a table whose first line is a row already
    #[arg(long, value_name = "A,B,C", value_parser = columns, requires = "table")]
    columns: Option<Columns>,
    /// Maps to measure, or ways to read them [default: all]
    #[arg(long, value_name = "ID,..", value_delimiter = ',', long_help = rivals_help())]
    rivals: Vec<String>,
    /// Measure the whole grid: more sizes, strings too, and more of everything; takes hours
    #[arg(long)]
    full: bool,
}

/// What is published.
#[derive(Debug, Args)]
struct Deltas {
    /// Changes in one publish
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = size, default_value = "1,100",
        default_value_if("full", "true", "1,10,100,1k,10k,100k"))]
    delta: Vec<u64>,
    /// What is held meanwhile: nothing, a reader that is slow to leave, or a snapshot
    #[arg(long, value_name = "HOLD,..", value_delimiter = ',', value_parser = hold(),
        default_value = "none,slow-reader,snapshot")]
    hold: Vec<Hold>,
}

/// Which keys are looked up.
#[derive(Debug, Args)]
struct Keys {
    /// How often which key is looked up: all alike, or by Zipf's law with exponent 0.99
    #[arg(long, value_name = "SPREAD,..", value_delimiter = ',', value_parser = spread(), default_value = "uniform",
        default_value_if("full", "true", "uniform,zipf"))]
    keys: Vec<Spread>,
}

/// Who looks up, and what is found.
#[derive(Debug, Args)]
struct Lookups {
    /// Threads that look up; `all` for one on each core
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = threads, default_value = "1,all")]
    threads: Vec<usize>,
    /// Whether lookups find an entry
    #[arg(long, value_name = "FINDS,..", value_delimiter = ',', value_parser = finds(), default_value = "hits,misses")]
    finds: Vec<Finds>,
}

/// Who reads and writes, and how much of each.
#[derive(Debug, Args)]
struct Mixes {
    /// Reads and writes, in percent
    #[arg(long, value_name = "R/W,..", value_delimiter = ',', value_parser = mix,
        default_value = "95/5,99.9/0.1,50/50")]
    mix: Vec<Mix>,
    /// Tasks, spread over all cores
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = size, default_value = "1,1k",
        default_value_if("full", "true", "1,10,100,1k"))]
    tasks: Vec<u64>,
}

/// How often somebody publishes.
#[derive(Debug, Args)]
struct Publishes {
    /// Publishes due per second
    #[arg(long, value_name = "N", value_parser = rate, default_value = "2k")]
    publish_rate: f64,
}

/// How often somebody looks up.
#[derive(Debug, Args)]
struct Operations {
    /// Lookups due per second and thread (mixed: lookups and writes), where it is latency that is measured
    #[arg(long, value_name = "N", value_parser = rate, default_value = "50k")]
    lookup_rate: f64,
}

/// How to measure, and what to make of the results.
#[derive(Debug, Args)]
struct Run {
    /// See there.
    #[command(flatten)]
    effort: Effort,
    /// See there.
    #[command(flatten)]
    outputs: OutputArgs,
}

/// How to measure.
#[derive(Debug, Args)]
struct Effort {
    /// Rounds; each rival has one turn in each
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Length of one turn, about
    #[arg(long, value_name = "TIME", value_parser = turn, default_value = "50ms")]
    turn: Duration,
    /// Allocator of the whole program
    #[arg(long, value_enum, env = allocator::VARIABLE, default_value = "system")]
    allocator: Allocator,
}

/// What to make of the results, apart from the tables on standard output.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Write all results as JSON, for --from and --baseline
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write one line for each figure as CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write a page with charts, all in one file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Say what changed since an earlier run, from its JSON file
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// End with exit code 3 if this is broken, like 'swap.p99<50us@n=1M'; may be given several times
    #[arg(long, value_name = "BUDGET")]
    pub(crate) budget: Vec<Budget>,
}

/// What to make of latencies.
#[derive(Debug, Args)]
struct Logs {
    /// Write all latencies as HdrHistogram logs into a new or empty folder
    #[arg(long, value_name = "DIR")]
    hdr: Option<PathBuf>,
}

impl What {
    /// What to make of the results; `None` for the probe, which has none.
    pub(crate) fn outputs(&self) -> Option<&OutputArgs> {
        self.run().map(|run| &run.outputs)
    }

    /// Where to write latencies.
    pub(crate) fn hdr(&self) -> Option<&Path> {
        match self {
            Self::Swap(Swap { logs, .. })
            | Self::Mixed(Mixed { logs, .. })
            | Self::Pause(Pause { logs, .. })
            | Self::Report(Report { logs, .. }) => logs.hdr.as_deref(),
            Self::Read(_) | Self::Scan(_) | Self::Memory(_) | Self::MemoryProbe => None,
        }
    }

    /// The allocator to measure with; `None` where nothing is measured, or another process has decided.
    pub(crate) fn allocator(&self) -> Option<Allocator> {
        match self {
            Self::Report(Report { from: Some(_), .. }) => None,
            _ => self.run().map(|run| run.effort.allocator),
        }
    }

    /// How to measure.
    fn run(&self) -> Option<&Run> {
        match self {
            Self::Swap(Swap { run, .. })
            | Self::Read(Read { run, .. })
            | Self::Mixed(Mixed { run, .. })
            | Self::Scan(Plain { run, .. })
            | Self::Memory(Plain { run, .. })
            | Self::Pause(Pause { run, .. })
            | Self::Report(Report { run, .. }) => Some(run),
            Self::MemoryProbe => None,
        }
    }

    /// What to measure.
    ///
    /// # Errors
    /// If the table of keys cannot be loaded.
    ///
    /// # Panics
    /// For the probe, which has no plan.
    pub(crate) fn plan(&self) -> anyhow::Result<Plan> {
        let plan = match self {
            Self::Swap(Swap { tables, deltas, publishes, run, .. }) => {
                let plan = run.effort.plan(Bench::Swap, tables)?;
                publishes.add(deltas.add(plan))
            }
            Self::Read(Read { tables, keys, lookups, run }) => {
                let plan = run.effort.plan(Bench::Read, tables)?;
                lookups.add(keys.add(plan))
            }
            Self::Mixed(Mixed { tables, keys, mixes, operations, run, .. }) => {
                let plan = run.effort.plan(Bench::Mixed, tables)?;
                operations.add(mixes.add(keys.add(plan)))
            }
            Self::Scan(Plain { tables, run }) => run.effort.plan(Bench::Scan, tables)?,
            Self::Memory(Plain { tables, run }) => run.effort.plan(Bench::Memory, tables)?,
            Self::Pause(Pause { tables, keys, publishes, operations, run, .. }) => {
                let plan = run.effort.plan(Bench::Pause, tables)?;
                operations.add(publishes.add(keys.add(plan)))
            }
            Self::Report(report) => report.plan()?,
            Self::MemoryProbe => unreachable!("the probe has a job and no plan"),
        };
        Ok(plan)
    }
}

impl Report {
    /// Everything.
    fn plan(&self) -> anyhow::Result<Plan> {
        let benches =
            vec![Bench::Swap, Bench::Read, Bench::Mixed, Bench::Scan, Bench::Memory, Bench::Pause, Bench::Balance];
        let plan = Plan { benches, ..self.run.effort.plan(Bench::Swap, &self.tables)? };
        let plan = self.lookups.add(self.keys.add(self.deltas.add(plan)));
        Ok(self.operations.add(self.publishes.add(self.mixes.add(plan))))
    }
}

impl Effort {
    /// A plan of one bench that has no dimension but the tables.
    fn plan(&self, bench: Bench, tables: &Tables) -> anyhow::Result<Plan> {
        Ok(Plan {
            benches: vec![bench],
            rivals: distinct(&tables.rivals),
            contents: tables.contents()?,
            entries: distinct(&tables.entries),
            deltas: Vec::new(),
            holds: Vec::new(),
            threads: Vec::new(),
            spreads: Vec::new(),
            finds: Vec::new(),
            mixes: Vec::new(),
            tasks: Vec::new(),
            rounds: self.rounds,
            turn: self.turn,
            publish_rate: 1.0,
            lookup_rate: 1.0,
        })
    }
}

impl Tables {
    /// What the tables hold.
    fn contents(&self) -> anyhow::Result<Vec<Contents>> {
        let Some(path) = &self.table else {
            let contents = |item: &Items| match item {
                Items::U64 => Contents::U64,
                Items::String => Contents::Strings,
            };
            return Ok(distinct(&self.items).iter().map(contents).collect());
        };
        let table = Table::open(path, &Columns::header(self.columns.as_ref()))?;
        Ok(vec![Contents::Given(table.rows.iter().map(|row| row.key.as_ref().to_owned()).collect())])
    }
}

impl Deltas {
    /// Adds these dimensions to a plan.
    fn add(&self, plan: Plan) -> Plan {
        Plan { deltas: distinct(&self.delta), holds: distinct(&self.hold), ..plan }
    }
}

impl Keys {
    /// Adds this dimension to a plan.
    fn add(&self, plan: Plan) -> Plan {
        Plan { spreads: distinct(&self.keys), ..plan }
    }
}

impl Lookups {
    /// Adds these dimensions to a plan.
    fn add(&self, plan: Plan) -> Plan {
        Plan { threads: distinct(&self.threads), finds: distinct(&self.finds), ..plan }
    }
}

impl Mixes {
    /// Adds these dimensions to a plan.
    fn add(&self, plan: Plan) -> Plan {
        Plan { mixes: distinct(&self.mix), tasks: distinct(&self.tasks), ..plan }
    }
}

impl Publishes {
    /// Adds this rate to a plan.
    fn add(&self, plan: Plan) -> Plan {
        Plan { publish_rate: self.publish_rate, ..plan }
    }
}

impl Operations {
    /// Adds this rate to a plan.
    fn add(&self, plan: Plan) -> Plan {
        Plan { lookup_rate: self.lookup_rate, ..plan }
    }
}

/// The values without those that stand before; `--threads 1,all` may come to the same twice.
fn distinct<V: Clone + PartialEq>(values: &[V]) -> Vec<V> {
    let first = |(at, value): (usize, &V)| (!values[..at].contains(value)).then(|| value.clone());
    values.iter().enumerate().filter_map(first).collect()
}

/// Which rivals this build knows.
fn rivals_help() -> String {
    let kinds = rivals::kinds::<u64>();
    let ids: Vec<&str> = kinds.iter().flat_map(|kind| kind.ways.iter().map(|way| way.id)).collect();
    format!("Maps to measure, or ways to read them [default: all]\n\nThis build knows: {}", ids.join(", "))
}
