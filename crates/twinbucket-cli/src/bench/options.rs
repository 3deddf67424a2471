//! The options of `twinbucket bench`, in groups that go together, and what each adds to a plan.
//!
//! Each dimension is defined here once, with the values it has by default and those of `--full`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use twinbucket_lab::budget::Budget;
use twinbucket_lab::plan::{Contents, Finds, Hold, Mix, Plan};
use twinbucket_lab::results::Bench;
use twinbucket_lab::rivals;
use twinbucket_lab::workload::Spread;

use crate::allocator::{self, Allocator};
use crate::args::{Columns, columns};
use crate::bench::values::{Items, finds, hold, mix, rate, size, spread, threads, turn};
use crate::table::Table;

/// What is measured, and in which tables.
#[derive(Debug, Args)]
pub(crate) struct Tables {
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
pub(crate) struct Deltas {
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
pub(crate) struct Keys {
    /// How often which key is looked up: all alike, or by Zipf's law with exponent 0.99
    #[arg(long, value_name = "SPREAD,..", value_delimiter = ',', value_parser = spread(), default_value = "uniform",
        default_value_if("full", "true", "uniform,zipf"))]
    keys: Vec<Spread>,
}

/// Who looks up, and what is found.
#[derive(Debug, Args)]
pub(crate) struct Lookups {
    /// Threads that look up; `all` for one on each core
    #[arg(long, value_name = "N,..", value_delimiter = ',', value_parser = threads, default_value = "1,all")]
    threads: Vec<usize>,
    /// Whether lookups find an entry
    #[arg(long, value_name = "FINDS,..", value_delimiter = ',', value_parser = finds(), default_value = "hits,misses")]
    finds: Vec<Finds>,
}

/// Who reads and writes, and how much of each.
#[derive(Debug, Args)]
pub(crate) struct Mixes {
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
pub(crate) struct Publishes {
    /// Publishes due per second
    #[arg(long, value_name = "N", value_parser = rate, default_value = "2k")]
    publish_rate: f64,
}

/// How often somebody looks up.
#[derive(Debug, Args)]
pub(crate) struct Operations {
    /// Lookups due per second and thread (mixed: lookups and writes), where it is latency that is measured
    #[arg(long, value_name = "N", value_parser = rate, default_value = "50k")]
    lookup_rate: f64,
}

/// How to measure, and what to make of the results.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// How to measure.
    #[command(flatten)]
    pub(crate) effort: Effort,
    /// Where results go.
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Effort {
    /// Rounds; each rival has one turn in each
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Length of one turn, about
    #[arg(long, value_name = "TIME", value_parser = turn, default_value = "50ms")]
    turn: Duration,
    /// Allocator of the whole program
    #[arg(long, value_enum, env = allocator::VARIABLE, default_value = "system")]
    pub(crate) allocator: Allocator,
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
pub(crate) struct Logs {
    /// Write all latencies as HdrHistogram logs into a new or empty folder
    #[arg(long, value_name = "DIR")]
    pub(crate) hdr: Option<PathBuf>,
}

impl Effort {
    /// A plan of one bench that has no dimension but the tables.
    pub(crate) fn plan(&self, bench: Bench, tables: &Tables) -> anyhow::Result<Plan> {
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
            reloads: false,
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
        let table = Table::open(path, self.columns.as_ref().map(Columns::names))?;
        Ok(vec![Contents::Given(table.rows.iter().map(|row| row.key.as_ref().to_owned()).collect())])
    }
}

impl Deltas {
    /// Adds these dimensions to a plan.
    pub(crate) fn add(&self, plan: Plan) -> Plan {
        Plan { deltas: distinct(&self.delta), holds: distinct(&self.hold), ..plan }
    }
}

impl Keys {
    /// Adds this dimension to a plan.
    pub(crate) fn add(&self, plan: Plan) -> Plan {
        Plan { spreads: distinct(&self.keys), ..plan }
    }
}

impl Lookups {
    /// Adds these dimensions to a plan.
    pub(crate) fn add(&self, plan: Plan) -> Plan {
        Plan { threads: distinct(&self.threads), finds: distinct(&self.finds), ..plan }
    }
}

impl Mixes {
    /// Adds these dimensions to a plan.
    pub(crate) fn add(&self, plan: Plan) -> Plan {
        Plan { mixes: distinct(&self.mix), tasks: distinct(&self.tasks), ..plan }
    }
}

impl Publishes {
    /// Adds this rate to a plan.
    pub(crate) fn add(&self, plan: Plan) -> Plan {
        Plan { publish_rate: self.publish_rate, ..plan }
    }
}

impl Operations {
    /// Adds this rate to a plan.
    pub(crate) fn add(&self, plan: Plan) -> Plan {
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
