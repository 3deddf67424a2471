//! Measurements put in order: which belong in one table, what its columns are, and whom its rows are compared to.

use crate::report::numbers::count;
use crate::results::{Bench, Case, Latency, Measurement, Metric, Results};
use crate::statistics::median;

/// Dimensions in the order in which they are preferred for columns.
const COLUMNS: [&str; 11] =
    ["n", "delta", "tasks", "threads", "mix", "state", "hold", "keys", "finds", "publishing", "item"];
/// The rival that is the machine's own jitter, and no map.
pub(crate) const FLOOR: &str = "floor";

/// Name and value of a dimension.
pub(crate) type Dimension = (&'static str, String);

/// One figure of all rivals, over one dimension.
#[derive(Debug)]
pub(crate) struct Grid<'a> {
    /// What was run.
    pub(crate) bench: Bench,
    /// What was measured.
    pub(crate) metric: Metric,
    /// The dimensions that all cells share.
    pub(crate) shared: Vec<Dimension>,
    /// The dimension that differs from column to column.
    pub(crate) column: &'static str,
    /// Its values, in order.
    pub(crate) values: Vec<String>,
    /// The rivals, in the order of the run.
    pub(crate) rows: Vec<Row<'a>>,
}

/// One rival.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// What files call it.
    pub(crate) rival: &'a str,
    /// What tables call it.
    pub(crate) name: &'a str,
    /// One for each value of the column; `None` where it was not measured.
    pub(crate) cells: Vec<Option<&'a Measurement>>,
}

/// Latencies of all rivals in one case.
#[derive(Debug)]
pub(crate) struct Latencies<'a> {
    /// What was run.
    pub(crate) bench: Bench,
    /// What was measured.
    pub(crate) metric: Metric,
    /// The case; of `publishing`, both values are in one table.
    pub(crate) case: Vec<Dimension>,
    /// The rivals with what was measured of them; what is with and without publishes is next to each other.
    pub(crate) rows: Vec<(&'a Measurement, &'a Latency)>,
}

/// Returns the grids of all measurements, in the order of the run.
pub(crate) fn grids(results: &Results) -> Vec<Grid<'_>> {
    let mut kinds: Vec<(Bench, Metric, Vec<&Measurement>)> = Vec::new();
    for measurement in &results.measurements {
        let kind = kinds.iter_mut().find(|kind| (kind.0, kind.1) == (measurement.bench, measurement.metric));
        match kind {
            Some((_, _, members)) => members.push(measurement),
            None => kinds.push((measurement.bench, measurement.metric, vec![measurement])),
        }
    }
    kinds.into_iter().flat_map(|(_, _, members)| grids_of_kind(&members)).collect()
}

/// Returns the grids of one metric of a bench; all have the same dimension for columns.
fn grids_of_kind<'a>(members: &[&'a Measurement]) -> Vec<Grid<'a>> {
    let column = column(members);
    let mut grids: Vec<Grid<'_>> = Vec::new();
    for measurement in members {
        let (shared, value) = split(&measurement.case, column);
        let place = grids.iter().position(|grid| grid.shared == shared).unwrap_or_else(|| {
            let (bench, metric) = (measurement.bench, measurement.metric);
            grids.push(Grid { bench, metric, shared, column, values: Vec::new(), rows: Vec::new() });
            grids.len() - 1
        });
        grids[place].put(measurement, value);
    }
    grids.iter_mut().for_each(Grid::sort);
    grids
}

/// Returns all latencies, case by case.
pub(crate) fn latencies(results: &Results) -> Vec<Latencies<'_>> {
    let mut tables: Vec<Latencies<'_>> = Vec::new();
    for measurement in &results.measurements {
        let Some(latency) = &measurement.latency else { continue };
        let (bench, metric) = (measurement.bench, measurement.metric);
        let (case, _) = split(&measurement.case, "publishing");
        let row = (measurement, latency);
        match tables.iter_mut().find(|table| table.bench == bench && table.metric == metric && table.case == case) {
            Some(table) => table.rows.push(row),
            None => tables.push(Latencies { bench, metric, case, rows: vec![row] }),
        }
    }
    tables.iter_mut().for_each(Latencies::sort);
    tables
}

impl<'a> Grid<'a> {
    /// Puts a measurement in its cell.
    fn put(&mut self, measurement: &'a Measurement, value: String) {
        let row = self.rows.iter().position(|row| row.rival == measurement.rival).unwrap_or_else(|| {
            self.rows.push(Row { rival: &measurement.rival, name: &measurement.name, cells: Vec::new() });
            self.rows.len() - 1
        });
        let column = self.values.iter().position(|known| *known == value).unwrap_or_else(|| {
            self.values.push(value);
            self.values.len() - 1
        });
        self.rows.iter_mut().for_each(|row| row.cells.resize(self.values.len(), None));
        self.rows[row].cells[column] = Some(measurement);
    }

    /// Puts columns of numbers in their order.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by_key(|&column| self.values[column].parse::<u64>().ok());
        self.values = order.iter().map(|&column| self.values[column].clone()).collect();
        for row in &mut self.rows {
            row.cells = order.iter().map(|&column| row.cells[column]).collect();
        }
    }

    /// Returns the headings of the columns.
    pub(crate) fn headings(&self) -> Vec<String> {
        self.values.iter().map(|value| written(self.column, value)).collect()
    }

    /// Returns the row that the others are compared to.
    pub(crate) fn reference(&self) -> Option<&Row<'a>> {
        let rival = reference(self.rows.iter().map(|row| row.rival))?;
        self.rows.iter().find(|row| row.rival == rival)
    }

    /// Returns how many times the reference's figure that of a row is, and whether they differ significantly; `None` for
    /// the reference itself and where either is missing.
    pub(crate) fn ratio(&self, row: &Row<'_>, column: usize) -> Option<(f64, bool)> {
        let reference = self.reference().filter(|reference| reference.rival != row.rival && row.rival != FLOOR)?;
        let (theirs, ours) = (row.cells[column]?, reference.cells[column]?);
        Some((median(&theirs.rounds) / median(&ours.rounds), theirs.differs(ours)))
    }
}

impl Latencies<'_> {
    /// Puts the rows of a rival next to each other, those with publishes first, and the machine's jitter last.
    fn sort(&mut self) {
        let mut rivals: Vec<String> = Vec::new();
        for (measurement, _) in &self.rows {
            if !rivals.contains(&measurement.rival) {
                rivals.push(measurement.rival.clone());
            }
        }
        self.rows.sort_by_key(|(measurement, _)| {
            let order = rivals.iter().position(|rival| *rival == measurement.rival);
            (measurement.rival == FLOOR, order, is_quiet(measurement))
        });
    }
}

/// Returns the one of these rivals that others are compared to: the store's reader where it matters how it is read.
pub(crate) fn reference<'a>(mut rivals: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let mut others = rivals.clone();
    if rivals.any(|rival| rival == "reader") {
        Some("reader")
    } else {
        others.any(|rival| rival == "store").then_some("store")
    }
}

/// Tells whether a rival was measured without publishes, which its bench otherwise has; the machine's jitter is not.
pub(crate) fn is_quiet(measurement: &Measurement) -> bool {
    measurement.rival != FLOOR && measurement.case.publishing.as_deref() == Some("no")
}

/// Returns what is said of a bench's metric above a table.
pub(crate) fn title(bench: Bench, metric: Metric) -> &'static str {
    match (bench, metric) {
        (_, Metric::Publish) => "from the first write of a delta to the end of publish",
        (_, Metric::Visible) => "from the start of publish until every reader has seen it",
        (Bench::Pause, Metric::Lookup) => "lookups with and without publishes, from when they were due",
        (Bench::Mixed, Metric::Lookup) => "one lookup, from when it was due",
        (_, Metric::Lookup) => "one lookup",
        (_, Metric::Write) => "one write, from when it was due",
        (_, Metric::Throughput) => "operations per second, of all threads together",
        (_, Metric::Walk) => "one entry of a walk over all",
        (_, Metric::Structure) => "bytes of the structure per entry",
        (_, Metric::Resident) => "resident memory of the process per entry",
        (_, Metric::MaxByMean) => "entries of the fullest shard by the mean of all",
    }
}

/// Returns a dimension as budgets and titles have it, `n=1M`.
pub(crate) fn written(name: &str, value: &str) -> String {
    let number = value.parse().map(count);
    format!("{name}={}", number.unwrap_or_else(|_| value.to_owned()))
}

/// Returns dimensions as titles have them.
pub(crate) fn case(dimensions: &[Dimension]) -> String {
    let written: Vec<String> = dimensions.iter().map(|(name, value)| written(name, value)).collect();
    written.join(" ")
}

/// Splits a case in the value of one dimension, empty if it does not apply, and all others.
fn split(case: &Case, name: &str) -> (Vec<Dimension>, String) {
    let (found, others): (Vec<_>, Vec<_>) = case.dimensions().into_iter().partition(|(other, _)| *other == name);
    (others, found.into_iter().next().map(|(_, value)| value).unwrap_or_default())
}

/// Returns the dimension for columns: the first that differs between measurements.
fn column(members: &[&Measurement]) -> &'static str {
    let differs = |name: &&&str| {
        let mut values = members.iter().map(|member| split(&member.case, name).1);
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    COLUMNS.iter().find(differs).unwrap_or(&COLUMNS[0])
}
