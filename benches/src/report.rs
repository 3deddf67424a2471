//! The report: Markdown tables, and a verdict on each target.

use std::fmt::Write as _;
use std::process::Command;
use std::{env, fs, thread};

use crate::measure::{Figure, geometric_mean};
use crate::publish::Latency;
use crate::rivals::names;

/// Results for one size of one type of entry.
#[derive(Debug, Clone)]
pub struct Sized<R> {
    /// The type of keys and values.
    pub item: &'static str,
    /// Entries in the table; for memory, the lower end of the sizes averaged over.
    pub n: u64,
    /// One result for each reader or rival.
    pub results: Vec<R>,
}

/// All that a run found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Lookups, the loop taken off.
    pub lookups: Vec<Sized<Figure>>,
    /// Publishes of one change.
    pub publishes: Vec<Sized<Latency>>,
    /// Publishes of many changes, by change.
    pub bulks: Vec<Sized<Figure>>,
    /// Full walks, by entry.
    pub walks: Vec<Sized<Figure>>,
    /// Bytes for each entry.
    pub memory: Vec<Sized<Figure>>,
}

/// One target and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What is to be reached.
    pub target: String,
    /// The limit.
    pub wanted: String,
    /// What was measured.
    pub measured: String,
    /// Whether that is within the limit.
    pub met: bool,
}

/// What names a figure of publishing in units of another: `target`, wanted at most `limit`.
fn at_most(target: String, limit: f64, measured: f64, unit: &str) -> Verdict {
    Verdict {
        target,
        wanted: format!("at most {limit}{unit}"),
        measured: format!("{measured:.2}{unit}"),
        met: measured <= limit,
    }
}

/// Returns the result for a name.
fn named<'a>(results: &'a [Figure], name: &str) -> Option<&'a Figure> {
    results.iter().find(|figure| figure.name == name)
}

/// Returns the types there are results for, each once.
fn items<R>(sized: &[Sized<R>]) -> Vec<&'static str> {
    let mut items: Vec<&'static str> = sized.iter().map(|sized| sized.item).collect();
    items.dedup();
    items
}

impl Findings {
    /// Returns the tables and the verdicts as Markdown, with what is needed to run it again.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", setting());
        let figures = [
            ("lookup: ns (ratio to the bare map)", &self.lookups),
            ("walk: ns for each entry (ratio)", &self.walks),
            ("publish of 10,000 changes: ns for each (ratio)", &self.bulks),
            ("structure: bytes for each entry (ratio)", &self.memory),
        ];
        for (title, sized) in figures {
            for item in items(sized) {
                write_table(&mut text, &format!("{item}, {title}"), &of(sized, item), &named_figures(sized, item));
            }
        }
        for item in items(&self.publishes) {
            let title = format!("{item}, publish of one change: p50 / p99 free; p50 / p99 / p99.9 with views held");
            write_table(&mut text, &title, &of(&self.publishes, item), &named_latencies(&self.publishes, item));
        }
        text + &verdict_table(&self.verdicts())
    }

    /// Judges every target for which there are results.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = self.lookup_verdicts();
        verdicts.extend(self.publish_verdicts());
        let worst = [("publish of 10,000 changes, by change", &self.bulks, 3.0), ("full walk", &self.walks, 1.2)];
        for (what, sized, limit) in worst {
            for item in items(sized) {
                let ratios = of(sized, item)
                    .into_iter()
                    .filter_map(|sized| Some((named(&sized.results, names::STORE)?.ratio, sized.n)));
                if let Some((ratio, n)) = ratios.max_by(|a, b| a.0.total_cmp(&b.0)) {
                    let target = format!("{item}: {what}, of a bare map's; worst size, {}", short(n));
                    verdicts.push(at_most(target, limit, ratio, "x"));
                }
            }
        }
        for sized in &self.memory {
            if let Some(figure) = named(&sized.results, names::STORE) {
                let (from, to) = (sized.n, 2 * sized.n);
                let target = format!("{}: bytes for each entry, of a bare map's; {from} to {to}", sized.item);
                verdicts.push(at_most(target, 1.1, figure.ratio, "x"));
            }
        }
        verdicts
    }

    fn lookup_verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for item in items(&self.lookups) {
            let sized = of(&self.lookups, item);
            let ratios: Vec<f64> =
                sized.iter().filter_map(|sized| Some(named(&sized.results, names::READER)?.ratio)).collect();
            let target = format!("{item}: Reader::get of a bare map's, geometric mean over {} sizes", ratios.len());
            verdicts.push(at_most(target, 1.4, geometric_mean(&ratios), "x"));
            for rival in [names::PAPAYA, names::PAPAYA_GUARD, names::DASHMAP, names::LOCKED, names::SWAPPED_LOAD] {
                verdicts.extend(faster_at_every_size(item, &sized, rival));
            }
        }
        verdicts
    }

    fn publish_verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let store = |item, n| self.latency(item, n, names::STORE);
        for item in items(&self.publishes) {
            if let (Some(ours), Some(theirs)) = (store(item, 1_000_000), self.latency(item, 1_000_000, names::SWAPPED))
            {
                let times = theirs.free.p50 / ours.free.p50;
                verdicts.push(Verdict {
                    target: format!("{item}: publish of one change at 1M, faster than clone-and-swap"),
                    wanted: "at least 10000x".to_owned(),
                    measured: format!("{times:.0}x"),
                    met: times >= 10_000.0,
                });
            }
            if let (Some(ours), Some(theirs)) = (store(item, 1_000_000), self.latency(item, 1_000_000, names::IMBL)) {
                let target = format!("{item}: publish of one change at 1M, of imbl's in an ArcSwap");
                verdicts.push(at_most(target, 1.0, ours.free.p50 / theirs.free.p50, "x"));
            }
            if let (Some(small), Some(large)) = (store(item, 10_000), store(item, 10_000_000)) {
                let target = format!("{item}: publish of one change, median at 10M of that at 10k");
                verdicts.push(at_most(target, 6.0, large.free.p50 / small.free.p50, "x"));
            }
            verdicts.extend(self.worst_tail(item));
        }
        if let (Some(numbers), Some(strings)) = (store("u64", 1_000_000), store("String", 1_000_000)) {
            let target = "publish of one change at 1M, median for String of that for u64".to_owned();
            verdicts.push(at_most(target, 10.0, strings.free.p50 / numbers.free.p50, "x"));
        }
        verdicts
    }

    fn worst_tail(&self, item: &str) -> Option<Verdict> {
        let tails = of(&self.publishes, item).into_iter().filter_map(|sized| {
            let latency = sized.results.iter().find(|latency| latency.name == names::STORE)?;
            Some((latency.held?.p99 / latency.free.p50, sized.n))
        });
        let (ratio, n) = tails.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let target =
            format!("{item}: publish of one change, p99 with views held of the median with none; worst size, ");
        Some(at_most(target + &short(n), 10.0, ratio, "x"))
    }

    fn latency(&self, item: &str, n: u64, name: &str) -> Option<Latency> {
        let sized = self.publishes.iter().find(|sized| sized.item == item && sized.n == n)?;
        sized.results.iter().find(|latency| latency.name == name).copied()
    }
}

/// Judges whether the reader is faster than a rival at every size, by the worst of them.
fn faster_at_every_size(item: &str, sized: &[&Sized<Figure>], rival: &str) -> Option<Verdict> {
    let quotients = sized.iter().filter_map(|sized| {
        let (ours, theirs) = (named(&sized.results, names::READER)?, named(&sized.results, rival)?);
        Some((ours.ratio / theirs.ratio, sized.n))
    });
    let (worst, n) = quotients.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Verdict {
        target: format!("{item}: Reader::get of {rival}'s, every size; worst, {}", short(n)),
        wanted: "below 1x".to_owned(),
        measured: format!("{worst:.2}x"),
        met: worst < 1.0,
    })
}

/// Returns the results for one type.
fn of<'a, R>(sized: &'a [Sized<R>], item: &str) -> Vec<&'a Sized<R>> {
    sized.iter().filter(|sized| sized.item == item).collect()
}

/// A name with its cells, one for each size.
type Row = (&'static str, Vec<String>);

fn named_figures(sized: &[Sized<Figure>], item: &str) -> Vec<Row> {
    let cell = |figure: &Figure| format!("{} ({:.2})", precise(figure.cost), figure.ratio);
    rows(&of(sized, item), |figure| figure.name, cell)
}

fn named_latencies(sized: &[Sized<Latency>], item: &str) -> Vec<Row> {
    let cell = |latency: &Latency| {
        let free = format!("{} / {}", time(latency.free.p50), time(latency.free.p99));
        let held = latency.held.map(|held| format!("; {} / {} / {}", time(held.p50), time(held.p99), time(held.p999)));
        free + &held.unwrap_or_default()
    };
    rows(&of(sized, item), |latency| latency.name, cell)
}

fn rows<R>(sized: &[&Sized<R>], name: impl Fn(&R) -> &'static str, cell: impl Fn(&R) -> String) -> Vec<Row> {
    let Some(first) = sized.first() else { return Vec::new() };
    let cells = |row: &R| {
        let found = sized.iter().map(|sized| sized.results.iter().find(|result| name(result) == name(row)));
        found.map(|result| result.map_or_else(String::new, &cell)).collect()
    };
    first.results.iter().map(|row| (name(row), cells(row))).collect()
}

fn write_table<R>(text: &mut String, title: &str, sized: &[&Sized<R>], rows: &[Row]) {
    let sizes: Vec<String> = sized.iter().map(|sized| short(sized.n)).collect();
    let _ = writeln!(text, "| {title} | {} |\n|---|{}", sizes.join(" | "), "---|".repeat(sizes.len()));
    for (name, cells) in rows {
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text.push('\n');
}

/// Returns the verdicts as a Markdown table.
fn verdict_table(verdicts: &[Verdict]) -> String {
    let mut text = "| target | wanted | measured | |\n|---|---|---|---|\n".to_owned();
    for Verdict { target, wanted, measured, met } in verdicts {
        let met = if *met { "met" } else { "MISSED" };
        let _ = writeln!(text, "| {target} | {wanted} | {measured} | {met} |");
    }
    text
}

/// Returns the hardware, the commit and the command.
fn setting() -> String {
    let arguments: String = env::args().skip(1).map(|argument| format!(" {argument}")).collect();
    let separator = if arguments.is_empty() { "" } else { " --" };
    format!(
        "Measured on {} ({} cores), commit {}, with\n`cargo run --release -p twinbucket-benches --bin table{separator}{arguments}`.",
        processor().unwrap_or_else(|| "an unknown processor".to_owned()),
        thread::available_parallelism().map_or(0, usize::from),
        commit().unwrap_or_else(|| "unknown".to_owned()),
    )
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns a number of entries, short: 10k, 1M.
fn short(n: u64) -> String {
    match n {
        _ if n % 1_000_000 == 0 => format!("{}M", n / 1_000_000),
        _ if n % 1_000 == 0 => format!("{}k", n / 1_000),
        _ => n.to_string(),
    }
}

/// Returns a time of so many nanoseconds with its unit.
fn time(nanos: f64) -> String {
    match nanos {
        _ if nanos < 1e3 => format!("{nanos:.0} ns"),
        _ if nanos < 1e6 => format!("{} µs", precise(nanos / 1e3)),
        _ => format!("{} ms", precise(nanos / 1e6)),
    }
}

/// Returns a number with as many decimals as say something.
fn precise(number: f64) -> String {
    match number {
        _ if number < 10.0 => format!("{number:.2}"),
        _ if number < 100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Percentiles;

    fn figures(item: &'static str, n: u64, costs: &[(&'static str, f64)]) -> Sized<Figure> {
        let results = costs.iter().map(|&(name, ratio)| Figure { name, cost: 10.0 * ratio, ratio }).collect();
        Sized { item, n, results }
    }

    fn latencies(item: &'static str, n: u64, p50: f64, held: f64) -> Sized<Latency> {
        let times = |p50, p99| Percentiles { p50, p99, p999: p99, count: 1 };
        let store = Latency { name: names::STORE, free: times(p50, p50), held: Some(times(p50, held)) };
        let swapped = Latency { name: names::SWAPPED, free: times(5e6, 5e6), held: None };
        Sized { item, n, results: vec![store, swapped] }
    }

    fn missed(findings: &Findings) -> Vec<String> {
        findings.verdicts().into_iter().filter(|verdict| !verdict.met).map(|verdict| verdict.target).collect()
    }

    #[test]
    fn a_reader_slower_than_a_rival_at_one_size_misses() {
        let fast = figures("u64", 1_000, &[(names::BARE, 1.0), (names::READER, 1.3), (names::DASHMAP, 3.0)]);
        let slow = figures("u64", 10_000, &[(names::BARE, 1.0), (names::READER, 1.5), (names::DASHMAP, 1.4)]);
        let findings = Findings { lookups: vec![fast, slow], ..Findings::default() };
        assert_eq!(missed(&findings), ["u64: Reader::get of dashmap's, every size; worst, 10k"]);
    }

    #[test]
    fn the_mean_over_the_sizes_is_geometric() {
        let sizes = [(1_000, 1.0), (10_000, 1.9)].map(|(n, ratio)| figures("u64", n, &[(names::READER, ratio)]));
        let findings = Findings { lookups: sizes.to_vec(), ..Findings::default() };
        assert_eq!(findings.verdicts()[0].measured, "1.38x");
    }

    #[test]
    fn publish_targets_are_judged_at_the_sizes_they_name() {
        let sizes = [(10_000, 300.0, 3_100.0), (1_000_000, 600.0, 900.0), (10_000_000, 1_900.0, 2_000.0)];
        let publishes = sizes.map(|(n, p50, held)| latencies("u64", n, p50, held)).to_vec();
        let findings = Findings { publishes, ..Findings::default() };
        assert_eq!(
            missed(&findings),
            [
                "u64: publish of one change at 1M, faster than clone-and-swap",
                "u64: publish of one change, median at 10M of that at 10k",
                "u64: publish of one change, p99 with views held of the median with none; worst size, 10k",
            ]
        );
    }

    #[test]
    fn tables_have_a_cell_for_every_size() {
        let all = [(names::BARE, 1.0), (names::STORE, 1.25)];
        let walks = vec![figures("u64", 1_000, &all), figures("u64", 1_000_000, &all[..1])];
        let text = Findings { walks, ..Findings::default() }.markdown();
        assert!(text.contains("| u64, walk: ns for each entry (ratio) | 1k | 1M |\n|---|---|---|\n"), "{text}");
        assert!(text.contains("| twinbucket | 12.5 (1.25) |  |\n"), "{text}");
        assert!(
            text.contains("full walk, of a bare map's; worst size, 1k | at most 1.2x | 1.25x | MISSED |"),
            "{text}"
        );
    }

    #[test]
    fn numbers_are_shown_short() {
        assert_eq!([1_000, 10_000_000, 524_288].map(short), ["1k", "10M", "524288"]);
        assert_eq!([310.4, 1_234.0, 88e6].map(time), ["310 ns", "1.23 µs", "88.0 ms"]);
    }
}
