//! The command line of `twinbucket bench`, and the plan that it comes to. Each bench takes the groups of options that it
//! has.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use twinbucket_lab::plan::Plan;
use twinbucket_lab::results::Bench;

use crate::allocator::Allocator;
use crate::bench::options::{Deltas, Keys, Logs, Lookups, Mixes, Operations, OutputArgs, Publishes, Run, Tables};

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
/// from when an operation was due ("corrected") and, beside that, from when it began ("raw"); medians of rounds are raw for
/// publishes and corrected for all else. What a rival that cannot keep up leaves undone at the end of a turn counts with
/// the time it has waited by then, so the longer --turn, the longer its corrected latencies.
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
    /// The tables and the rivals.
    #[command(flatten)]
    tables: Tables,
    /// What is published, and what is held.
    #[command(flatten)]
    deltas: Deltas,
    /// How often somebody publishes.
    #[command(flatten)]
    publishes: Publishes,
    /// How to measure, and where results go.
    #[command(flatten)]
    run: Run,
    /// Where latencies go.
    #[command(flatten)]
    logs: Logs,
}

/// `bench read`.
#[derive(Debug, Args)]
pub(crate) struct Read {
    /// The tables and the rivals.
    #[command(flatten)]
    tables: Tables,
    /// Which keys are looked up.
    #[command(flatten)]
    keys: Keys,
    /// Who looks up, and what is found.
    #[command(flatten)]
    lookups: Lookups,
    /// How to measure, and where results go.
    #[command(flatten)]
    run: Run,
}

/// `bench mixed`.
#[derive(Debug, Args)]
pub(crate) struct Mixed {
    /// The tables and the rivals.
    #[command(flatten)]
    tables: Tables,
    /// Which keys are looked up.
    #[command(flatten)]
    keys: Keys,
    /// Who reads and writes, and how much.
    #[command(flatten)]
    mixes: Mixes,
    /// How often somebody looks up.
    #[command(flatten)]
    operations: Operations,
    /// How to measure, and where results go.
    #[command(flatten)]
    run: Run,
    /// Where latencies go.
    #[command(flatten)]
    logs: Logs,
}

/// `bench scan` and `bench memory`.
#[derive(Debug, Args)]
pub(crate) struct Plain {
    /// The tables and the rivals.
    #[command(flatten)]
    tables: Tables,
    /// How to measure, and where results go.
    #[command(flatten)]
    run: Run,
}

/// `bench pause`.
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The tables and the rivals.
    #[command(flatten)]
    tables: Tables,
    /// Which keys are looked up.
    #[command(flatten)]
    keys: Keys,
    /// How often somebody publishes.
    #[command(flatten)]
    publishes: Publishes,
    /// Reload the whole table again and again, in place of small publishes; one row in ten changes each time
    #[arg(long, conflicts_with = "publish_rate")]
    reload: bool,
    /// How often somebody looks up.
    #[command(flatten)]
    operations: Operations,
    /// How to measure, and where results go.
    #[command(flatten)]
    run: Run,
    /// Where latencies go.
    #[command(flatten)]
    logs: Logs,
}

/// `bench report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Measure nothing: take the results from a file that --json wrote; of several, later ones replace whole benches
    #[arg(long, value_name = "FILE,..", value_delimiter = ',', conflicts_with_all = ["Tables", "Deltas", "Keys", "Lookups", "Mixes", "Publishes",
        "Operations", "Effort"])]
    pub(crate) from: Vec<PathBuf>,
    /// Write the document on which design to take when, as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) choosing: Option<PathBuf>,
    /// The tables and the rivals.
    #[command(flatten)]
    tables: Tables,
    /// What is published, and what is held.
    #[command(flatten)]
    deltas: Deltas,
    /// Which keys are looked up.
    #[command(flatten)]
    keys: Keys,
    /// Who looks up, and what is found.
    #[command(flatten)]
    lookups: Lookups,
    /// Who reads and writes, and how much.
    #[command(flatten)]
    mixes: Mixes,
    /// How often somebody publishes.
    #[command(flatten)]
    publishes: Publishes,
    /// How often somebody looks up.
    #[command(flatten)]
    operations: Operations,
    /// How to measure, and where results go.
    #[command(flatten)]
    run: Run,
    /// Where latencies go.
    #[command(flatten)]
    logs: Logs,
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
            Self::Report(Report { from, .. }) if !from.is_empty() => None,
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
            Self::Pause(Pause { tables, keys, publishes, reload, operations, run, .. }) => {
                let plan = Plan { reloads: *reload, ..run.effort.plan(Bench::Pause, tables)? };
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use twinbucket_lab::plan::{Contents, Finds, Hold, Mix};
    use twinbucket_lab::workload::Spread;

    use super::*;

    /// A command line with nothing else on it.
    #[derive(Parser)]
    struct Alone {
        /// The command.
        #[command(flatten)]
        bench: BenchArgs,
    }

    /// The plan that the words after `bench` come to.
    fn plan(words: &[&str]) -> Plan {
        Alone::try_parse_from([&["bench"], words].concat()).unwrap().bench.what.plan().unwrap()
    }

    #[test]
    fn every_bench_can_run_without_options_and_in_full() {
        for bench in ["swap", "read", "mixed", "scan", "memory", "pause", "report"] {
            plan(&[bench]).check().unwrap();
            plan(&[bench, "--full"]).check().unwrap();
        }
        assert_eq!(plan(&["report"]).benches.len(), 7);
    }

    #[test]
    fn whole_grid_is_from_a_thousand_to_ten_million_entries() {
        let full = plan(&["swap", "--full"]);
        assert_eq!((full.entries.first(), full.entries.last()), (Some(&1_000), Some(&10_000_000)));
        assert_eq!((full.deltas.first(), full.deltas.last()), (Some(&1), Some(&100_000)));
        assert_eq!(full.contents, [Contents::U64, Contents::Strings]);
        assert_eq!(plan(&["read", "--full"]).spreads.len() * plan(&["read", "--full"]).finds.len(), 4);
        assert_eq!(plan(&["mixed", "--full"]).tasks.last(), Some(&1_000));
    }

    #[test]
    fn options_go_before_the_whole_grid() {
        let plan = plan(&["swap", "--full", "--entries", "5k", "--items", "string"]);
        assert_eq!((plan.entries, plan.contents), (vec![5_000], vec![Contents::Strings]));
        assert_eq!(plan.deltas.len(), 6);
    }

    #[test]
    fn options_reach_the_plan() {
        let swap = plan(&["swap", "--hold", "snapshot", "--publish-rate", "3k", "--rounds", "7", "--turn", "2s"]);
        assert_eq!((swap.holds, swap.publish_rate, swap.rounds), (vec![Hold::Snapshot], 3_000.0, 7));
        assert_eq!((swap.turn, swap.benches), (Duration::from_secs(2), vec![Bench::Swap]));
        let pause = plan(&["pause", "--lookup-rate", "9", "--keys", "zipf", "--rivals", "store,rwlock"]);
        assert_eq!((pause.lookup_rate, pause.spreads), (9.0, vec![Spread::Zipf]));
        assert_eq!(pause.rivals, ["store", "rwlock"]);
        let mixed = plan(&["mixed", "--mix", "50/50", "--tasks", "3"]);
        assert_eq!((mixed.mixes, mixed.tasks), (vec![Mix(500)], vec![3]));
        let read = plan(&["read", "--finds", "misses", "--threads", "4"]);
        assert_eq!((read.finds, read.threads), (vec![Finds::Misses], vec![4]));
    }

    #[test]
    fn value_given_twice_is_measured_once() {
        assert_eq!(plan(&["read", "--threads", "all,1,all,1", "--entries", "1k,1000,2k"]).entries, [1_000, 2_000]);
        assert!(plan(&["read", "--threads", "all,1,all,1"]).threads.len() <= 2);
    }
}
