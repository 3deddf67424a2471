//! Bars, and pairs of dots: one row for each rival.

use crate::report::numbers::figure;
use crate::report::svg::{Axis, CHARACTER, Drawing, Look};
use crate::results::Unit;
use crate::statistics::Estimate;

/// Width of all charts with rows.
const WIDTH: f64 = 520.0;
/// Height of a row.
const ROW: f64 = 19.0;
/// Room above the rows.
const TOP: f64 = 8.0;
/// Room below the rows.
const BOTTOM: f64 = 26.0;
/// Room for a figure at the end of a bar.
const FIGURE: f64 = 70.0;

/// A chart with a bar for each rival.
#[derive(Debug)]
pub(crate) struct Bars<'a> {
    /// What it is.
    pub(crate) title: String,
    /// What it shows.
    pub(crate) description: String,
    /// Unit of the figures.
    pub(crate) unit: Unit,
    /// The rivals with their figures, the best one first.
    pub(crate) rows: Vec<Row<'a, Estimate>>,
}

/// A chart with two dots for each rival: without publishes, and with them.
#[derive(Debug)]
pub(crate) struct Dots<'a> {
    /// What it is.
    pub(crate) title: String,
    /// What it shows.
    pub(crate) description: String,
    /// The machine's own jitter, in nanoseconds.
    pub(crate) floor: Option<f64>,
    /// The rivals, each with nanoseconds without publishes, where that was measured, and with them.
    pub(crate) rows: Vec<Row<'a, (Option<f64>, f64)>>,
}

/// A rival with its figures.
#[derive(Debug)]
pub(crate) struct Row<'a, F> {
    /// What files call it.
    pub(crate) rival: &'a str,
    /// What stands before its row.
    pub(crate) name: &'a str,
    /// How it looks.
    pub(crate) look: Look,
    /// Its figures.
    pub(crate) figures: F,
}

impl Bars<'_> {
    /// Draws the chart.
    pub(crate) fn draw(&self) -> Drawing {
        let left = left(&self.rows);
        let most = self.rows.iter().map(|row| row.figures.high).fold(0.0, f64::max);
        let x = Axis::linear(0.0, most, (left, WIDTH - FIGURE));
        let mut drawing = drawing(&self.title, &self.description, self.rows.len(), 10.0);
        for (place, row) in self.rows.iter().enumerate() {
            let (y, Estimate { median, low, high }) = (middle(place), row.figures);
            drawing.begin(row.look, row.rival);
            drawing.text((left - 8.0, y + 4.0), "end", "name", row.name);
            let (end, top) = (x.at(median), y - 6.0);
            drawing.path(&format!("M{left:.1} {top:.1}H{end:.1}v12H{left:.1}z"), "bar");
            drawing.line((x.at(low), y), (x.at(high), y), "whisker");
            drawing.text((x.at(high).max(end) + 6.0, y + 4.0), "start", "value", &figure(median, self.unit));
            drawing.end();
        }
        drawing.line((left, TOP), (left, middle(self.rows.len()) - ROW / 2.0), "axis");
        drawing
    }
}

impl Dots<'_> {
    /// Draws the chart.
    pub(crate) fn draw(&self) -> Drawing {
        let left = left(&self.rows);
        let values = self.rows.iter().flat_map(|row| [row.figures.0, Some(row.figures.1)]).chain([self.floor]);
        let x = Axis::logarithmic(values.flatten(), (left, WIDTH - 24.0));
        let bottom = middle(self.rows.len()) - ROW / 2.0;
        let mut drawing = drawing(&self.title, &self.description, self.rows.len(), BOTTOM);
        for (x, name) in x.ticks(Unit::Nanos) {
            drawing.line((x, TOP), (x, bottom), "grid");
            drawing.text((x, bottom + 16.0), "middle", "value", &name);
        }
        for (place, row) in self.rows.iter().enumerate() {
            self.draw_row(&mut drawing, &x, row, (left, middle(place)));
        }
        if let Some(floor) = self.floor {
            drawing.line((x.at(floor), TOP), (x.at(floor), bottom), "floor-line");
        }
        drawing
    }

    fn draw_row(&self, drawing: &mut Drawing, x: &Axis, row: &Row<'_, (Option<f64>, f64)>, (left, y): (f64, f64)) {
        let (without, with) = row.figures;
        drawing.begin(row.look, row.rival);
        let said = without.map(|without| format!(", without {}", figure(without, Unit::Nanos))).unwrap_or_default();
        drawing.hint(&format!("{}: {} with publishes{said}", row.name, figure(with, Unit::Nanos)));
        drawing.text((left - 8.0, y + 4.0), "end", "name", row.name);
        if let Some(without) = without {
            drawing.line((x.at(without), y), (x.at(with), y), "span");
            drawing.path(&row.look.mark((x.at(without), y)), "mark hollow");
        }
        drawing.path(&row.look.mark((x.at(with), y)), "mark");
        drawing.end();
    }
}

fn drawing(title: &str, description: &str, rows: usize, bottom: f64) -> Drawing {
    let height = TOP + ROW * rows as f64 + bottom;
    Drawing { title: title.to_owned(), description: description.to_owned(), width: WIDTH, height, body: String::new() }
}

/// Returns the height of the middle of a row.
fn middle(place: usize) -> f64 {
    TOP + ROW * (place as f64 + 0.5)
}

/// Returns the room that the names take.
fn left<F>(rows: &[Row<'_, F>]) -> f64 {
    12.0 + CHARACTER * rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0) as f64
}
