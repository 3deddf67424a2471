//! Measures the store against its rivals and prints the README's tables.
//!
//! Keys and values are `u64` and `String`; sizes go from a thousand entries to ten million. Everything is interleaved:
//! each round runs every rival, in an order that rotates, and what counts is the median.

use std::io::{self, Write};
use std::mem::size_of;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use twinbucket_benches::counting::Counting;
use twinbucket_benches::measure::{Figure, merge};
use twinbucket_benches::publish::Latency;
use twinbucket_benches::report::{Findings, Sized};
use twinbucket_benches::rivals::{self, Build};
use twinbucket_benches::workload::{self, SIZES};
use twinbucket_benches::{Item, Rival, lookup, memory, publish, walk};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Measures twinbucket against its rivals and prints Markdown tables.
#[derive(Parser)]
struct Arguments {
    /// Leave out tables with more entries
    #[arg(long, default_value_t = 10_000_000)]
    max_entries: u64,
    /// Rounds, of which the median counts
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Measure just this
    #[arg(long, value_enum)]
    only: Option<What>,
    /// Measure just this type of keys and values
    #[arg(long, value_enum)]
    item: Option<Type>,
}

/// The types of keys and values.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Type {
    /// Plain numbers
    U64,
    /// Strings of 20 to 23 bytes
    String,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Lookups
    Lookup,
    /// Publishing one change
    Publish,
    /// Publishing 10,000 changes
    Bulk,
    /// Visiting all entries
    Walk,
    /// Bytes of the structure
    Memory,
}

/// Tables that stand beside each other at most, in bytes, roughly.
const ROOM: u64 = 10 << 30;
/// Changes published at once,
const BULK: usize = 10_000;
/// in a table of this size.
const BULK_SIZE: u64 = 1_000_000;
/// Memory is averaged over sizes from this to twice this.
const MEMORY_SIZE: u64 = 1 << 18;

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let start = Instant::now();
    let mut findings = Findings::default();
    if arguments.item != Some(Type::String) {
        run::<u64>(&arguments, start, &mut findings);
    }
    if arguments.item != Some(Type::U64) {
        run::<String>(&arguments, start, &mut findings);
    }
    io::stdout().write_all(findings.markdown().as_bytes())
}

impl Arguments {
    fn wants(&self, what: What) -> bool {
        self.only.is_none_or(|only| only == what)
    }
}

/// Measures everything for one type of entry.
fn run<T: Item>(arguments: &Arguments, start: Instant, findings: &mut Findings) {
    let progress = |what: &str| eprintln!("{:>4} s  {}, {what}", start.elapsed().as_secs(), T::NAME);
    for n in SIZES.into_iter().filter(|&n| n <= arguments.max_entries) {
        if arguments.only == Some(What::Memory) || (arguments.only == Some(What::Bulk) && n != BULK_SIZE) {
            continue;
        }
        progress(&format!("{n} entries"));
        let mut rivals: Vec<Box<dyn Rival<T>>> = made(&rivals::anchors(), n).collect();
        let anchors = rivals.len();
        let mut parts = Vec::new();
        for group in rivals::others().chunks(together::<T>(n)) {
            rivals.truncate(anchors);
            rivals.extend(made(group, n));
            parts.push(part(arguments, &mut rivals, n));
        }
        collect(findings, n, T::NAME, parts);
    }
    if arguments.wants(What::Memory) {
        let from = MEMORY_SIZE.min(arguments.max_entries / 2).max(1);
        progress(&format!("memory from {from} entries"));
        let results = memory::measure(&rivals::all::<T>(), from);
        findings.memory.push(Sized { item: T::NAME, n: from, results });
    }
}

/// Returns the tables that builders make of `n` entries, one after the other.
fn made<T: Item>(builds: &[Build<T>], n: u64) -> impl Iterator<Item = Box<dyn Rival<T>>> {
    builds.iter().map(move |build| build(&mut workload::entries(n)))
}

/// Returns how many rivals of `n` entries fit into memory beside the bare map and the store. They are measured in groups
/// of so many, each beside these two.
fn together<T: Item>(n: u64) -> usize {
    let table = n * 4 * (size_of::<T>() + T::nth(0).heap_bytes()) as u64;
    usize::try_from(ROOM / table).unwrap_or(usize::MAX).saturating_sub(rivals::anchors::<T>().len() + 1).max(1)
}

/// What one group of rivals found at one size.
#[derive(Default)]
struct Part {
    /// Lookups.
    lookups: Vec<Figure>,
    /// Walks.
    walks: Vec<Figure>,
    /// Publishes of one change.
    publishes: Vec<Latency>,
    /// Publishes of many.
    bulks: Vec<Figure>,
}

fn part<T: Item>(arguments: &Arguments, rivals: &mut [Box<dyn Rival<T>>], n: u64) -> Part {
    let rounds = usize::from(arguments.rounds);
    let mut part = Part::default();
    if arguments.wants(What::Lookup) {
        part.lookups = lookup::measure(rivals, n, rounds);
    }
    if arguments.wants(What::Walk) {
        part.walks = walk::measure(rivals, n, rounds);
    }
    if arguments.wants(What::Publish) {
        part.publishes = publish::one(rivals, n, rounds);
    }
    if arguments.wants(What::Bulk) && n == BULK_SIZE {
        part.bulks = publish::bulk(rivals, n, BULK, rounds);
    }
    part
}

/// Adds what the groups found to the findings; of publishes by a rival in several groups, the first counts.
fn collect(findings: &mut Findings, n: u64, item: &'static str, parts: Vec<Part>) {
    let figures = |of: fn(&Part) -> &Vec<Figure>| merge(&parts.iter().map(|part| of(part).clone()).collect::<Vec<_>>());
    let sized = |results: Vec<Figure>| (!results.is_empty()).then_some(Sized { item, n, results });
    findings.lookups.extend(sized(figures(|part| &part.lookups)));
    findings.walks.extend(sized(figures(|part| &part.walks)));
    findings.bulks.extend(sized(figures(|part| &part.bulks)));
    let mut publishes: Vec<Latency> = Vec::new();
    for latency in parts.iter().flat_map(|part| &part.publishes) {
        if publishes.iter().all(|seen| seen.name != latency.name) {
            publishes.push(*latency);
        }
    }
    if !publishes.is_empty() {
        findings.publishes.push(Sized { item, n, results: publishes });
    }
}
