//! The document on which design to take when.
//!
//! All that it says of figures is computed from them, so that it agrees with its tables whenever it is made again.

mod markdown;
mod maturity;
mod questions;
mod targets;

use std::fmt::Write as _;

use twinbucket_alternatives::{Capabilities, View, WaitsFor, WhileWalking};

use self::markdown::{grid_table, pause_table, plain, setting, words};
use self::maturity::{maturity_table, purpose};
use self::questions::{Answer, answers, is_rival, worse};
use self::targets::targets;
use crate::report::grid::{self, FLOOR, Grid};
use crate::report::numbers::{figure, times};
use crate::report::{doubts, percentile};
use crate::results::{Bench, Latency, Measurement, Metric, Results};
use crate::rivals::kinds;
use crate::statistics::median;

/// How many things a sentence about a design tells; the tables have the others.
const TOLD: usize = 6;

/// Returns `docs/choosing.md`: which design to take when, from what was measured, as Markdown.
///
/// What the designs promise is known for those that this build has, see [`kinds`].
pub fn choosing(results: &Results) -> String {
    let (answers, grids) = (answers(results), grid::grids(results));
    let mut text = format!(
        "# Which design to take\n\n\
         Made by `twinbucket bench report --from RESULTS.json --choosing docs/choosing.md` from measurements of {}; do not \
         edit it. Under each table is the machine, the commit and the command that measured. Figures are medians; in brackets \
         is how many times the store's they are, and \\~ where the difference is not \
         significant (U test; of memory, sign test; p ≥ 0.05).\n\n",
        plain(&results.began)
    );
    for doubt in doubts(results) {
        let _ = writeln!(text, "**{}**\n", plain(&doubt));
    }
    text.push_str(
        "Take those designs that [promise](#what-each-design-promises) what you need, and of these the one that is best at \
         what you do [most of the time](#who-is-best-at-what). If two are near each other, the \
         [interface](#maturity-of-the-interfaces) decides.\n\n",
    );
    text.push_str(&best(results, &answers));
    text.push_str(&designs(results, &answers));
    text.push_str(&losses(results, &grids));
    text.push_str("## What each design promises\n\n");
    text.push_str(&promises());
    text.push_str("\n## Maturity of the interfaces\n\n");
    text.push_str(&maturity_table());
    text.push_str(
        "\nVersions and dates as published by 2026-11-25, without yanked releases. Views and walks are in the table above. \
         Without std there is only hashbrown; arc-swap has an experimental feature for it.\n\n",
    );
    text.push_str(&sections(results, &grids));
    text + &verdicts(results)
}

/// Returns who is best at what, with the store's place.
fn best(results: &Results, answers: &[Answer<'_>]) -> String {
    let headings = ["what", "case", "best", "next", "store", "of the best"];
    let row = |answer: &Answer<'_>| {
        let shown = |one: &Measurement| format!("{}, {}", plain(&one.name), figure(median(&one.rounds), one.unit));
        let next =
            answer.second().map_or_else(String::new, |second| format!("{}{}", shown(second), behind(answer, second)));
        let store = figure(median(&answer.store.rounds), answer.store.unit);
        let (ratio, differs) = answer.behind(answer.store);
        let place = match (answer.best().rival == answer.store.rival, differs) {
            (true, _) => "**best**".to_owned(),
            (false, false) => format!("\\~{}", times(ratio)),
            (false, true) => times(ratio),
        };
        let case = plain(&grid::case(&answer.case.dimensions()));
        vec![answer.what.to_owned(), case, shown(answer.best()), next, store, place]
    };
    let rows: Vec<Vec<String>> = answers.iter().map(row).collect();
    format!("## Who is best at what\n\n{}{}\n", words(&headings, &rows), setting(results))
}

/// Returns how far behind the best another is, in brackets.
fn behind(answer: &Answer<'_>, one: &Measurement) -> String {
    let (ratio, differs) = answer.behind(one);
    format!(" ({}{})", if differs { "" } else { "\\~" }, times(ratio))
}

/// Returns a paragraph for each design: what it is made for and best at, and how it compares to the store.
fn designs(results: &Results, answers: &[Answer<'_>]) -> String {
    let mut rivals: Vec<(&str, &str)> = vec![("store", "the store")];
    let all = results.measurements.iter().filter(|one| one.bench != Bench::Balance);
    for one in all.filter(|one| is_rival(&one.rival)) {
        if !rivals.iter().any(|(rival, _)| *rival == one.rival) {
            rivals.push((&one.rival, &one.name));
        }
    }
    let mut text = "## The designs one by one\n\n".to_owned();
    for (rival, name) in rivals {
        let made_for = purpose(rival).map(|purpose| format!(" Made for {purpose}.")).unwrap_or_default();
        let leads = answers.iter().filter(|answer| answer.leaders().any(|one| is_of(&one.rival, rival)));
        let leads = leads.map(|answer| (1.0, format!("{} ({})", answer.what, plain(&answer.case.item))));
        let best = sentence("Best, or as good as the best, at", leads.collect());
        let better = sentence("Better than the store at", against(answers, rival, |one, store| worse(store, one)));
        let worse = sentence("Worse than the store at", against(answers, rival, worse));
        let _ = writeln!(text, "- **{}.**{made_for}{best}{better}{worse}", plain(name));
    }
    text + "\n"
}

/// Tells whether a way of reading belongs to a design: the store's ways count as one.
fn is_of(way: &str, rival: &str) -> bool {
    way == rival || (rival == "store" && !is_rival(way))
}

/// Returns where `compare` finds that a rival and the store differ, and by how much.
fn against(
    answers: &[Answer<'_>],
    rival: &str,
    compare: impl Fn(&Measurement, &Measurement) -> (f64, bool),
) -> Vec<(f64, String)> {
    let told = answers.iter().filter_map(|answer| {
        let one = answer.others.iter().find(|one| one.rival == rival)?;
        let (ratio, differs) = compare(one, answer.store);
        let what = format!("{} ({}, {})", answer.what, plain(&answer.case.item), times(ratio));
        (differs && ratio > 1.0).then_some((ratio, what))
    });
    told.collect()
}

/// Returns a sentence about the weightiest things, or nothing if there are none.
fn sentence(begin: &str, mut things: Vec<(f64, String)>) -> String {
    things.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut words: Vec<String> = things.into_iter().map(|(_, thing)| thing).collect();
    let others = words.len().saturating_sub(TOLD);
    words.truncate(TOLD);
    if others > 0 {
        words.push(format!("and {others} more"));
    }
    if words.is_empty() { String::new() } else { format!(" {begin}: {}.", words.join("; ")) }
}

/// Where one design is better than the store.
#[derive(Debug)]
struct Loss<'a> {
    /// What was run.
    bench: Bench,
    /// What was measured.
    metric: Metric,
    /// The design.
    name: &'a str,
    /// How many times better it is, and in which case, wherever it is.
    lost: Vec<(f64, String)>,
    /// In how many cases both were measured.
    cases: usize,
}

impl<'a> Loss<'a> {
    /// Compares a row of a grid with the store's; `None` if the grid has none of the store.
    fn of(grid: &Grid<'a>, row: &grid::Row<'a>) -> Option<Self> {
        let store = grid.reference()?;
        let pairs = store.cells.iter().zip(&row.cells).filter_map(|(ours, theirs)| Some(((*ours)?, (*theirs)?)));
        let pairs: Vec<(&Measurement, &Measurement)> = pairs.collect();
        let lost = pairs.iter().filter_map(|(ours, theirs)| {
            let (ratio, differs) = worse(ours, theirs);
            (differs && ratio > 1.0).then(|| (ratio, grid::case(&ours.case.dimensions())))
        });
        let (bench, metric, name) = (grid.bench, grid.metric, row.name);
        Some(Self { bench, metric, name, lost: lost.collect(), cases: pairs.len() })
    }

    fn row(&self) -> Option<Vec<String>> {
        let (ratio, case) = self.lost.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
        let measured = format!("{} {}", self.bench, self.metric);
        let share = format!("{} of {} cases", self.lost.len(), self.cases);
        Some(vec![measured, plain(self.name), share, times(*ratio), plain(case)])
    }
}

/// Returns where others are significantly better than the store: in how many cases, and how much at most.
fn losses(results: &Results, grids: &[Grid<'_>]) -> String {
    let mut losses: Vec<Loss<'_>> = Vec::new();
    for (grid, row) in grids.iter().flat_map(|grid| grid.rows.iter().map(move |row| (grid, row))) {
        let Some(loss) = Loss::of(grid, row).filter(|_| is_rival(row.rival)) else { continue };
        let key =
            |other: &&mut Loss<'_>| (other.bench, other.metric, other.name) == (loss.bench, loss.metric, loss.name);
        match losses.iter_mut().find(key) {
            Some(known) => {
                known.lost.extend(loss.lost);
                known.cases += loss.cases;
            }
            None => losses.push(loss),
        }
    }
    let rows: Vec<Vec<String>> = losses.iter().filter_map(Loss::row).collect();
    let headings = ["measured", "better than the store", "in", "at most", "at"];
    let body = if rows.is_empty() { "Nowhere in this run.\n".to_owned() } else { words(&headings, &rows) };
    format!(
        "## Where the store loses\n\n\
         It takes one writer at a time, keeps what a held read bucket refers to in memory, and copies a leaf for the first \
         change to it after each publish. These designs were significantly better in this run:\n\n{body}{}\n",
        setting(results)
    )
}

/// Returns what each design of this build promises.
fn promises() -> String {
    let headings = [
        "design",
        "a view of one moment",
        "writes while one walks",
        "readers wait for",
        "writers wait for",
        "a delta shows",
    ];
    let rows = kinds::<u64>().into_iter().filter(|kind| kind.concurrent).map(|kind| {
        let Capabilities { view, while_walking, readers_wait_for, writers_wait_for } = kind.promises;
        let delta = if kind.all_at_once { "all at once" } else { "bit by bit" };
        let words =
            [of_view(view), of_walks(while_walking), of_waits(readers_wait_for), of_waits(writers_wait_for), delta];
        [plain(kind.name)].into_iter().chain(words.map(str::to_owned)).collect()
    });
    words(&headings, &rows.collect::<Vec<_>>())
}

fn of_view(view: View) -> &'static str {
    match view {
        View::None => "no",
        View::WhileWritersWait => "while writers wait",
        View::Held => "**for as long as one likes**",
    }
}

fn of_walks(walking: WhileWalking) -> &'static str {
    match walking {
        WhileWalking::Waits => "wait until the walk is over",
        WhileWalking::GoesOnOnce => "the first goes on, unseen; the next waits",
        WhileWalking::WaitsForPart => "wait for the part that is walked",
        WhileWalking::Mixes => "go on; the walk may see them or not",
        WhileWalking::GoesOn => "go on, unseen",
    }
}

fn of_waits(waits: WaitsFor) -> &'static str {
    match waits {
        WaitsFor::Nobody => "**nobody**",
        WaitsFor::WritersOfPart => "writers of the same part",
        WaitsFor::ReadersOfPart => "readers of the same part",
        WaitsFor::Writers => "writers",
        WaitsFor::Readers => "readers",
    }
}

/// Returns all that was measured, as tables: performance, memory, and how even the routers are.
fn sections(results: &Results, grids: &[Grid<'_>]) -> String {
    let parts: [(&str, &[Bench]); 3] = [
        ("Performance", &[Bench::Read, Bench::Swap, Bench::Mixed, Bench::Scan]),
        ("Memory", &[Bench::Memory]),
        ("Balance of the sharded map's routers", &[Bench::Balance]),
    ];
    let mut text = String::new();
    for (heading, benches) in parts {
        let of_part: Vec<&Grid<'_>> = grids.iter().filter(|grid| benches.contains(&grid.bench)).collect();
        if !of_part.is_empty() {
            let _ = writeln!(text, "## {heading}\n");
        }
        for group in of_part.chunk_by(|a, b| (a.bench, a.metric) == (b.bench, b.metric)) {
            let (bench, metric) = (group[0].bench, group[0].metric);
            let _ = writeln!(text, "### {bench}, {metric}: {}\n", grid::title(bench, metric));
            for grid in group {
                let _ = writeln!(text, "{}{}", grid_table(grid), setting(results));
            }
        }
    }
    text + &pauses(results)
}

/// Returns the tails of lookups while publishes go on.
fn pauses(results: &Results) -> String {
    let all = grid::latencies(results);
    let pauses: Vec<_> = all.iter().filter(|table| table.bench == Bench::Pause).collect();
    let mut text = String::new();
    if !pauses.is_empty() {
        text.push_str("## Pauses: lookups while publishes go on, from when they were due\n\n");
    }
    for table in pauses {
        let best =
            table.rows.iter().filter(|(one, _)| one.rival != FLOOR && one.rival != "bare" && !grid::is_quiet(one));
        let tail = |latency: &Latency| latency.corrected.as_ref().unwrap_or(&latency.raw).value_at_percentile(99.9);
        if let Some((one, latency)) = best.min_by_key(|(_, latency)| tail(latency)) {
            let histogram = latency.corrected.as_ref().unwrap_or(&latency.raw);
            let _ = writeln!(text, "Least p99.9: {}, {}.\n", plain(&one.name), percentile(histogram, "p99.9"));
        }
        let _ = writeln!(text, "{}{}", pause_table(table), setting(results));
    }
    text
}

/// Returns the targets with their verdicts.
fn verdicts(results: &Results) -> String {
    let targets = targets(results);
    if targets.is_empty() {
        return String::new();
    }
    let headings = ["target", "wanted", "measured", ""];
    let row = |one: &targets::Target| {
        let verdict = if one.met { "met" } else { "**missed**" };
        vec![plain(&one.target), one.wanted.clone(), one.measured.clone(), verdict.to_owned()]
    };
    let rows: Vec<Vec<String>> = targets.iter().map(row).collect();
    format!("## Targets of the store\n\n{}{}", words(&headings, &rows), setting(results))
}
