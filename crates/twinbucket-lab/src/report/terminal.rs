//! Tables for a terminal.

use std::fmt::Write as _;

use crate::report::grid::{self, Grid, Latencies, Row};
use crate::report::numbers::{figure, memory, times};
use crate::report::{PERCENTILES, command, done, doubts, percentile, row_name};
use crate::results::{Bench, Results};
use crate::statistics::estimate;

/// How a cell looks, where colors are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    /// As the terminal has it.
    Plain,
    /// What is compared to.
    Bold,
    /// What is less important.
    Dim,
    /// Better than what it is compared to.
    Green,
    /// Worse.
    Red,
}

/// A text and its look.
#[derive(Debug, Clone)]
struct Cell {
    /// What it says.
    text: String,
    /// How it looks.
    paint: Paint,
}

/// Columns that stay together, under one heading.
#[derive(Debug)]
struct Block {
    /// What stands above.
    heading: String,
    /// For each row a cell for each column; the first row may be headings of single columns.
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    fn new(text: impl Into<String>, paint: Paint) -> Self {
        Self { text: text.into(), paint }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    /// Writes the cell to the right of a column.
    fn write(&self, to: &mut String, width: usize, colors: bool) {
        let code = match self.paint {
            _ if !colors || self.text.is_empty() => "",
            Paint::Plain => "",
            Paint::Bold => "\x1b[1m",
            Paint::Dim => "\x1b[2m",
            Paint::Green => "\x1b[32m",
            Paint::Red => "\x1b[31m",
        };
        let end = if code.is_empty() { "" } else { "\x1b[0m" };
        let _ = write!(to, "{:padding$}{code}{}{end}", "", self.text, padding = width - self.width());
    }
}

impl Block {
    /// Returns the width of each column.
    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(Cell::width).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns).map(width).collect();
        let missing = self.heading.chars().count().saturating_sub(total(&widths));
        if let Some(first) = widths.first_mut() {
            *first += missing;
        }
        widths
    }
}

/// Returns tables for a terminal of `width` columns, with escape codes for colors where they are asked for.
///
/// Tables that are too wide are split; one column with the names always fits, so a line may be longer than a very narrow
/// terminal.
pub fn terminal(results: &Results, width: usize, colors: bool) -> String {
    let mut text = head(results);
    for grid in grid::grids(results) {
        let title = format!("{} {}: {}", grid.bench, grid.metric, grid::title(grid.bench, grid.metric));
        write_title(&mut text, &title, &grid::case(&grid.shared), colors);
        write_table(&mut text, &names(&grid), &blocks(&grid), width, colors);
    }
    for table in grid::latencies(results) {
        let title = format!("{} {}, percentiles", table.bench, table.metric);
        write_title(&mut text, &title, &grid::case(&table.case), colors);
        write_table(&mut text, &latency_names(&table), &latency_blocks(&table), width, colors);
    }
    text
}

/// Returns what goes before the tables: the machine, the command, how to read figures, and what to be wary of.
fn head(results: &Results) -> String {
    let machine = &results.environment;
    let mut text = format!(
        "{} ({} cores, {}), {}, {}, commit {}, allocator {}\n",
        machine.cpu,
        machine.cores,
        memory(machine.memory),
        machine.kernel,
        machine.compiler,
        machine.commit,
        machine.allocator
    );
    let _ = writeln!(text, "{}, {}", command(results), results.began);
    text.push_str(
        "median of the rounds ± how far its 95 % interval goes; times the store's; ~ no significant difference\n\
         done: of the operations that were due, how many began within the time; the others count as corrected\n",
    );
    doubts(results).iter().for_each(|doubt| push_line(&mut text, doubt));
    text
}

fn write_title(text: &mut String, title: &str, case: &str, colors: bool) {
    text.push('\n');
    Cell::new(title, Paint::Bold).write(text, title.chars().count(), colors);
    let _ = writeln!(text, "\n{case}");
}

/// Writes as many blocks side by side as fit, and then the others.
fn write_table(text: &mut String, names: &[String], blocks: &[Block], width: usize, colors: bool) {
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut rest = blocks;
    while !rest.is_empty() {
        let mut used = name_width;
        let fits = rest.iter().take_while(|block| {
            used += 2 + total(&block.widths());
            used <= width
        });
        let (now, later) = rest.split_at(fits.count().max(1));
        write_blocks(text, names, name_width, now, colors);
        rest = later;
    }
}

fn write_blocks(text: &mut String, names: &[String], name_width: usize, blocks: &[Block], colors: bool) {
    let mut line = " ".repeat(name_width);
    for block in blocks {
        let _ = write!(line, "  {:>width$}", block.heading, width = total(&block.widths()));
    }
    push_line(text, &line);
    for (row, name) in names.iter().enumerate() {
        let mut line = format!("{name:name_width$}");
        for block in blocks {
            for (width, cell) in block.widths().iter().zip(&block.rows[row]).map(|(width, cell)| (*width, cell)) {
                line.push_str(if line.is_empty() { "" } else { "  " });
                cell.write(&mut line, width, colors);
            }
        }
        push_line(text, &line);
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Returns the width of columns side by side.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

fn names(grid: &Grid<'_>) -> Vec<String> {
    grid.rows.iter().map(|row| row.name.to_owned()).collect()
}

/// Returns one block for each column of a grid: the median, its interval, and how many times the store's it is.
fn blocks(grid: &Grid<'_>) -> Vec<Block> {
    let headings = grid.headings().into_iter().enumerate();
    headings
        .map(|(column, heading)| {
            let rows = grid.rows.iter().map(|row| cells(grid, row, column)).collect();
            Block { heading, rows }
        })
        .collect()
}

fn cells(grid: &Grid<'_>, row: &Row<'_>, column: usize) -> Vec<Cell> {
    let Some(measurement) = row.cells[column] else { return vec![Cell::new("", Paint::Plain); 3] };
    let estimate = estimate(&measurement.rounds);
    let is_reference = grid.reference().is_some_and(|reference| reference.rival == row.rival);
    let paint = if is_reference { Paint::Bold } else { Paint::Plain };
    let ratio = match grid.ratio(row, column) {
        None => Cell::new("", Paint::Plain),
        Some((ratio, false)) => Cell::new(format!("~{}", times(ratio)), Paint::Dim),
        Some((ratio, true)) if measurement.unit.better(ratio, 1.0) => Cell::new(times(ratio), Paint::Green),
        Some((ratio, true)) => Cell::new(times(ratio), Paint::Red),
    };
    vec![
        Cell::new(figure(estimate.median, measurement.unit), paint),
        Cell::new(format!("±{:.0}%", estimate.spread()), Paint::Dim),
        ratio,
    ]
}

/// Returns the names of a table of percentiles, under a line for headings.
fn latency_names(table: &Latencies<'_>) -> Vec<String> {
    let names = (0..table.rows.len()).map(|place| row_name(table, place));
    std::iter::once(String::new()).chain(names).collect()
}

/// Returns the percentiles of what was measured, and, where there was a schedule, of what was due.
fn latency_blocks(table: &Latencies<'_>) -> Vec<Block> {
    let shown: Vec<_> =
        PERCENTILES.into_iter().filter(|name| table.bench == Bench::Pause || *name != "p99.99").collect();
    let headings: Vec<Cell> = shown.iter().map(|name| Cell::new(*name, Paint::Dim)).collect();
    let block = |heading: &str, corrected: bool| {
        let cells = table.rows.iter().map(|(_, latency)| {
            let histogram = if corrected { latency.corrected.as_ref() } else { Some(&latency.raw) };
            let cell = |name: &&str| histogram.map_or_else(String::new, |found| percentile(found, name));
            let percentiles = shown.iter().map(|name| Cell::new(cell(name), Paint::Plain));
            percentiles.chain(corrected.then(|| Cell::new(done(latency), Paint::Dim))).collect()
        });
        let headings = headings.iter().cloned().chain(corrected.then(|| Cell::new("done", Paint::Dim))).collect();
        Block { heading: heading.to_owned(), rows: std::iter::once(headings).chain(cells).collect() }
    };
    let mut blocks = vec![block("raw: since it began", false)];
    if table.rows.iter().any(|(_, latency)| latency.corrected.is_some()) {
        blocks.push(block("corrected: since it was due", true));
    }
    blocks
}
