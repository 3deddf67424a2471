//! Which charts show what: measurements made into curves, bars and dots.

use hdrhistogram::Histogram;

use crate::report::bars::{Bars, Dots, Row};
use crate::report::grid::{self, FLOOR, Grid, Latencies};
use crate::report::lines::{Curve, Lines, Mark};
use crate::report::numbers::figure;
use crate::report::svg::{Axis, Drawing, Look};
use crate::results::{Bench, Latency, Measurement, Metric, Unit};
use crate::statistics::estimate;

/// Dimensions that are numbers, over which curves can go.
const NUMBERS: [&str; 4] = ["n", "delta", "tasks", "threads"];
/// Where curves of percentiles begin: the median has this many nines.
const MEDIAN: f64 = std::f64::consts::LOG10_2;
/// What the horizontal axis of percentiles names: how many nines a percentile has, and what it is called.
const NINES: [(f64, &str); 7] = [
    (MEDIAN, "50 %"),
    (1.0, "90 %"),
    (2.0, "99 %"),
    (3.0, "99.9 %"),
    (4.0, "99.99 %"),
    (5.0, "99.999 %"),
    (6.0, "99.9999 %"),
];
/// Points of a curve of percentiles for each nine.
const POINTS: f64 = 24.0;

/// How all rivals of a page look.
pub(crate) type Looks<'a> = [(&'a str, Look)];

/// A chart and what stands above it.
pub(crate) type Captioned = (String, Drawing);

/// Returns the charts of a grid: curves over a number, or else bars for each value of the column.
pub(crate) fn of_grid(grid: &Grid<'_>, looks: &Looks<'_>) -> Vec<Captioned> {
    let compared = matches!(grid.metric, Metric::Throughput | Metric::Structure | Metric::Resident | Metric::MaxByMean);
    if grid.values.len() > 1 && NUMBERS.contains(&grid.column) && !compared {
        return vec![(grid::case(&grid.shared), curves(grid, looks).draw())];
    }
    (0..grid.values.len()).map(|column| bars(grid, column, looks)).collect()
}

/// Returns the charts of latencies: percentiles as measured and as they are by the schedule, with the same vertical axis.
pub(crate) fn of_latencies(table: &Latencies<'_>, looks: &Looks<'_>) -> Vec<Captioned> {
    let raw = |latency: &'_ Latency| Some(&latency.raw).cloned();
    let corrected = |latency: &'_ Latency| latency.corrected.clone();
    let all = table.rows.iter().flat_map(|(_, latency)| [Some(&latency.raw), latency.corrected.as_ref()]).flatten();
    let ends = all.filter(|histogram| !histogram.is_empty()).flat_map(|all| [at(all, MEDIAN), all.max().max(1) as f64]);
    let range: Vec<f64> = ends.collect();
    let mut charts = vec![percentiles(table, "raw: since it began", raw, looks, &range)];
    if table.rows.iter().any(|(_, latency)| latency.corrected.is_some()) {
        charts.push(percentiles(table, "corrected: since it was due", corrected, looks, &range));
    }
    charts.into_iter().map(|lines| (lines.title.clone(), lines.draw())).collect()
}

/// Returns the charts of pauses: one percentile of each rival with and without publishes, and the machine's jitter.
pub(crate) fn of_pauses(table: &Latencies<'_>, looks: &Looks<'_>) -> Vec<Captioned> {
    let busy = table.rows.iter().filter(|(one, _)| !grid::is_quiet(one) && one.rival != FLOOR);
    if table.bench != Bench::Pause || busy.clone().next().is_none() {
        return Vec::new();
    }
    let dots = |percent: f64| {
        let nanos = |latency: &Latency| {
            let histogram = latency.corrected.as_ref().unwrap_or(&latency.raw);
            histogram.value_at_percentile(percent).max(1) as f64
        };
        let row = |(one, latency): &(&'_ Measurement, &'_ Latency)| {
            let mut kin = table.rows.iter().filter(|(other, _)| other.rival == one.rival && grid::is_quiet(other));
            let without = kin.next().map(|(_, latency)| nanos(latency));
            (without, nanos(latency))
        };
        let rows = busy.clone().map(|both| Row {
            rival: &both.0.rival,
            name: &both.0.name,
            look: look(looks, &both.0.rival),
            figures: row(both),
        });
        let floor = table.rows.iter().find(|(one, _)| one.rival == FLOOR).map(|(_, latency)| nanos(latency));
        let title = format!("p{percent} without publishes (hollow) and with them; the line is the machine's jitter");
        let description = format!("{} {}, {}", table.bench, table.metric, grid::case(&table.case));
        (title.clone(), Dots { title, description, floor, rows: rows.collect() }.draw())
    };
    [99.0, 99.99].into_iter().map(dots).collect()
}

/// Returns how a rival looks; one that is in no legend looks like the first of the others.
fn look(looks: &Looks<'_>, rival: &str) -> Look {
    looks.iter().find(|(other, _)| *other == rival).map_or(Look::Other(0), |(_, look)| *look)
}

fn curves<'a>(grid: &Grid<'a>, looks: &Looks<'_>) -> Lines<'a> {
    let numbers: Vec<f64> = grid.values.iter().map(|value| value.parse().unwrap_or(f64::NAN)).collect();
    let axis = Axis::exact(&numbers);
    let place = |column: usize| axis.at(numbers[column].max(1.0));
    let unit = grid.metric.unit();
    let curve = |row: &grid::Row<'a>| {
        let cells = row.cells.iter().enumerate().filter_map(|(column, cell)| Some((column, (*cell)?)));
        let mark = |(column, cell): (usize, &Measurement)| {
            let found = estimate(&cell.rounds);
            let heading = grid::written(grid.column, &grid.values[column]);
            let hint = format!("{}, {heading}: {}", row.name, figure(found.median, unit));
            Mark { place: place(column), value: found.median, interval: Some((found.low, found.high)), hint }
        };
        let marks: Vec<Mark> = cells.map(mark).collect();
        let points = marks.iter().map(|mark| (mark.place, mark.value)).collect();
        Curve { rival: row.rival, look: look(looks, row.rival), points, marks }
    };
    let name =
        |column: usize| grid::written(grid.column, &grid.values[column]).replace(&format!("{}=", grid.column), "");
    Lines {
        title: format!("{} {} against {}", grid.bench, grid.metric, grid.column),
        description: format!("{}; {}", grid::title(grid.bench, grid.metric), grid::case(&grid.shared)),
        across: across(grid.column).to_owned(),
        places: (0..numbers.len()).map(|column| (place(column), name(column))).collect(),
        unit,
        range: Vec::new(),
        curves: grid.rows.iter().map(curve).collect(),
    }
}

/// Returns what a number counts.
fn across(dimension: &str) -> &'static str {
    match dimension {
        "n" => "entries",
        "delta" => "changes in one publish",
        "tasks" => "tasks",
        _ => "threads",
    }
}

fn bars(grid: &Grid<'_>, column: usize, looks: &Looks<'_>) -> Captioned {
    let mut shared = grid.shared.clone();
    shared.push((grid.column, grid.values[column].clone()));
    let case = grid::case(&shared);
    let unit = grid.metric.unit();
    let row = |row: &grid::Row<'_>| {
        let figures = estimate(&row.cells[column]?.rounds);
        Some((row.rival.to_owned(), row.name.to_owned(), look(looks, row.rival), figures))
    };
    let mut rows: Vec<_> = grid.rows.iter().filter_map(row).collect();
    rows.sort_by(|a, b| a.3.median.total_cmp(&b.3.median));
    if unit.better(1.0, 0.0) {
        rows.reverse();
    }
    let rows = rows.iter().map(|(rival, name, look, figures)| Row { rival, name, look: *look, figures: *figures });
    let title = format!("{} {}, {case}", grid.bench, grid.metric);
    let description = grid::title(grid.bench, grid.metric).to_owned();
    let bars = Bars { title, description, unit, rows: rows.collect() };
    (case, bars.draw())
}

fn percentiles<'a>(
    table: &Latencies<'a>,
    title: &str,
    histogram: impl Fn(&'a Latency) -> Option<Histogram<u64>>,
    looks: &Looks<'_>,
    range: &[f64],
) -> Lines<'a> {
    let shown = table.rows.iter().filter(|(one, _)| !grid::is_quiet(one));
    let mut histograms: Vec<(&Measurement, Histogram<u64>)> =
        shown.filter_map(|(one, latency)| Some((*one, histogram(latency)?))).collect();
    histograms.retain(|(_, histogram)| !histogram.is_empty());
    let nines = histograms.iter().map(|(_, histogram)| nines(histogram)).fold(1.0, f64::max);
    let curve = |(one, histogram): &(&'a Measurement, Histogram<u64>)| Curve {
        rival: &one.rival,
        look: look(looks, &one.rival),
        points: curve(histogram, nines),
        marks: marks(&one.name, histogram, nines),
    };
    Lines {
        title: title.to_owned(),
        description: format!("percentiles of {} {}, {}", table.bench, table.metric, grid::case(&table.case)),
        across: "percentile".to_owned(),
        places: named(nines).map(|(place, name)| (share(place, nines), name.to_owned())).collect(),
        unit: Unit::Nanos,
        range: range.to_vec(),
        curves: histograms.iter().map(curve).collect(),
    }
}

/// Returns how many nines the percentiles of a histogram have at most: beyond, all are the maximum.
fn nines(histogram: &Histogram<u64>) -> f64 {
    (histogram.len() as f64).log10().clamp(1.0, 6.0)
}

/// Returns the percentiles with a name, up to so many nines.
fn named(nines: f64) -> impl Iterator<Item = (f64, &'static str)> {
    NINES.into_iter().filter(move |(place, _)| *place <= nines + 1e-9)
}

fn at(histogram: &Histogram<u64>, place: f64) -> f64 {
    histogram.value_at_quantile(1.0 - 10_f64.powf(-place)).max(1) as f64
}

/// Returns where so many nines are on a horizontal axis that ends with `all`.
fn share(nines: f64, all: f64) -> f64 {
    (nines - MEDIAN) / (all - MEDIAN)
}

/// Returns the curve of a histogram, with no more points than it takes to draw it.
fn curve(histogram: &Histogram<u64>, all: f64) -> Vec<(f64, f64)> {
    let own = nines(histogram);
    let steps = (0..).map(|step| f64::from(step) / POINTS).skip_while(|place| *place <= MEDIAN);
    let places = [MEDIAN].into_iter().chain(steps.take_while(|place| *place < own));
    let end = (share(own, all), histogram.max().max(1) as f64);
    let mut points: Vec<(f64, f64)> = Vec::new();
    for point in places.map(|place| (share(place, all), at(histogram, place))).chain([end]) {
        match points.as_mut_slice() {
            [.., before, last] if before.1 == last.1 && last.1 == point.1 => last.0 = point.0,
            _ => points.push(point),
        }
    }
    points
}

fn marks(name: &str, histogram: &Histogram<u64>, all: f64) -> Vec<Mark> {
    let mark = |(place, percent): (f64, &str)| {
        let value = at(histogram, place);
        let hint = format!("{name}, {percent}: {}", figure(value, Unit::Nanos));
        Mark { place: share(place, all), value, interval: None, hint }
    };
    named(nines(histogram)).map(mark).collect()
}
