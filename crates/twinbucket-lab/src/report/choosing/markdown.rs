//! Tables of Markdown.

use std::fmt::Write as _;

use crate::report::grid::{self, Grid};
use crate::report::numbers::{figure, times};
use crate::report::{command, done, percentile};
use crate::results::Results;
use crate::statistics::estimate;

/// Percentiles of the table of pauses.
const SHOWN: [&str; 4] = ["p50", "p99", "p99.9", "p99.99"];

/// Returns text that means itself in Markdown.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\|<>&*_`[]#~".contains(c) {
            plain.push('\\');
        }
        plain.push(if c == '\n' { ' ' } else { c });
    }
    plain
}

/// Returns a table of words; cells are Markdown already.
pub(crate) fn words(headings: &[&str], rows: &[Vec<String>]) -> String {
    table(&headings.iter().map(|&heading| heading.to_owned()).collect::<Vec<_>>(), rows, "---|")
}

/// Returns a table of figures, aligned at their end; cells are Markdown already.
pub(crate) fn figures(headings: &[String], rows: &[Vec<String>]) -> String {
    table(headings, rows, "--:|")
}

fn table(headings: &[String], rows: &[Vec<String>], aligned: &str) -> String {
    let mut text = format!("| {} |\n|---|{}\n", headings.join(" | "), aligned.repeat(headings.len().saturating_sub(1)));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Returns what has to stand under every table of measurements: the hardware, the commit and the command.
pub(crate) fn setting(results: &Results) -> String {
    let machine = &results.environment;
    format!(
        "\n*{} ({} cores), {}, {}, commit {}, allocator {};* `{}`\n",
        plain(&machine.cpu),
        machine.cores,
        plain(&machine.kernel),
        plain(&machine.compiler),
        plain(&machine.commit),
        plain(&machine.allocator),
        command(results).replace('`', "'")
    )
}

/// Returns a grid: medians, and in brackets how many times the store's they are.
pub(crate) fn grid_table(grid: &Grid<'_>) -> String {
    let mut headings = vec![plain(&grid::case(&grid.shared))];
    headings.extend(grid.headings().iter().map(|heading| plain(heading)));
    let rows = grid.rows.iter().map(|row| {
        let cell = |column: usize| {
            let Some(one) = row.cells[column] else { return String::new() };
            let median = figure(estimate(&one.rounds).median, one.unit);
            grid.ratio(row, column).map_or_else(
                || median.clone(),
                |(ratio, differs)| format!("{median} ({}{})", if differs { "" } else { "\\~" }, times(ratio)),
            )
        };
        [plain(row.name)].into_iter().chain((0..grid.values.len()).map(cell)).collect()
    });
    figures(&headings, &rows.collect::<Vec<_>>())
}

/// Returns corrected percentiles of lookups, with publishes and without.
pub(crate) fn pause_table(table_of: &grid::Latencies<'_>) -> String {
    let mut headings = vec![plain(&grid::case(&table_of.case))];
    headings.extend(SHOWN.iter().chain(&["done"]).map(|&heading| heading.to_owned()));
    let rows = table_of.rows.iter().map(|(one, latency)| {
        let histogram = latency.corrected.as_ref().unwrap_or(&latency.raw);
        let name = format!("{}{}", plain(&one.name), if grid::is_quiet(one) { ", without publishes" } else { "" });
        [name]
            .into_iter()
            .chain(SHOWN.iter().map(|shown| percentile(histogram, shown)))
            .chain([done(latency)])
            .collect()
    });
    figures(&headings, &rows.collect::<Vec<_>>())
}
