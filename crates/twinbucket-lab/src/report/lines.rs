//! Curves of several rivals on logarithmic axes, each named at its end.

use std::fmt::Write as _;

use crate::report::svg::{Axis, CHARACTER, Drawing, Look, TEXT};
use crate::results::Unit;

/// Width of all charts with curves.
const WIDTH: f64 = 520.0;
/// Room for the values of the vertical axis.
const LEFT: f64 = 56.0;
/// Room above.
const TOP: f64 = 14.0;
/// Room for the values of the horizontal axis and its name.
const BOTTOM: f64 = 44.0;
/// Height of the plot, unless the names of rivals need more.
const HEIGHT: f64 = 290.0;

/// A chart with a curve for each rival.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    /// What it is.
    pub(crate) title: String,
    /// What it shows.
    pub(crate) description: String,
    /// What the horizontal axis is.
    pub(crate) across: String,
    /// Places on the horizontal axis, between 0 and 1, with their names.
    pub(crate) places: Vec<(f64, String)>,
    /// Unit of the vertical axis.
    pub(crate) unit: Unit,
    /// Least and greatest values that the vertical axis must have beside those drawn, so that charts can be compared.
    pub(crate) range: Vec<f64>,
    /// The curves.
    pub(crate) curves: Vec<Curve<'a>>,
}

/// The curve of a rival.
#[derive(Debug)]
pub(crate) struct Curve<'a> {
    /// What files call the rival, and what stands at the end.
    pub(crate) rival: &'a str,
    /// How it looks.
    pub(crate) look: Look,
    /// Where it goes: the horizontal place, between 0 and 1, and the value.
    pub(crate) points: Vec<(f64, f64)>,
    /// What is marked on it.
    pub(crate) marks: Vec<Mark>,
}

/// A marked value.
#[derive(Debug)]
pub(crate) struct Mark {
    /// Horizontal place, between 0 and 1.
    pub(crate) place: f64,
    /// The value.
    pub(crate) value: f64,
    /// Ends of its interval.
    pub(crate) interval: Option<(f64, f64)>,
    /// What the mouse finds there.
    pub(crate) hint: String,
}

/// Where things are.
#[derive(Debug)]
struct Frame {
    /// The right edge of the plot.
    right: f64,
    /// The lower edge of the plot.
    bottom: f64,
    /// The horizontal axis.
    x: Axis,
    /// The vertical axis.
    y: Axis,
}

impl Lines<'_> {
    /// Draws the chart.
    pub(crate) fn draw(&self) -> Drawing {
        let longest = self.curves.iter().map(|curve| curve.rival.chars().count()).max().unwrap_or(0);
        let right = WIDTH - 24.0 - CHARACTER * longest as f64;
        let bottom = TOP + HEIGHT.max(self.curves.len() as f64 * (TEXT + 2.5));
        let frame = Frame {
            right,
            bottom,
            x: Axis::linear(0.0, 1.0, (LEFT + 8.0, right - 8.0)),
            y: Axis::logarithmic(self.values(), (bottom, TOP)),
        };
        let (title, description) = (self.title.clone(), self.description.clone());
        let mut drawing = Drawing { title, description, width: WIDTH, height: bottom + BOTTOM, body: String::new() };
        self.draw_axes(&mut drawing, &frame);
        let names = names(&self.curves, &frame);
        let mut order: Vec<usize> = (0..self.curves.len()).collect();
        order.sort_by_key(|&curve| matches!(self.curves[curve].look, Look::Store(_)));
        for curve in order {
            self.curves[curve].draw(&mut drawing, &frame, names[curve]);
        }
        drawing
    }

    /// Returns all values that have a place on the vertical axis.
    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let curves = self.curves.iter().flat_map(|curve| curve.points.iter().map(|(_, value)| *value));
        let intervals = self.curves.iter().flat_map(|curve| curve.marks.iter().filter_map(|mark| mark.interval));
        curves.chain(intervals.flat_map(|(low, high)| [low, high])).chain(self.range.iter().copied())
    }

    fn draw_axes(&self, drawing: &mut Drawing, frame: &Frame) {
        let (right, bottom) = (frame.right, frame.bottom);
        for (y, name) in frame.y.ticks(self.unit) {
            drawing.line((LEFT, y), (right, y), "grid");
            drawing.text((LEFT - 7.0, y + 4.0), "end", "value", &name);
        }
        let mut free = f64::NEG_INFINITY;
        for (place, name) in &self.places {
            let (x, half) = (frame.x.at(*place), CHARACTER * name.chars().count() as f64 / 2.0);
            drawing.line((x, TOP), (x, bottom), "grid");
            if x - half > free {
                drawing.text((x, bottom + 16.0), "middle", "value", name);
                free = x + half + 4.0;
            }
        }
        drawing.line((LEFT, bottom), (right, bottom), "axis");
        drawing.text(((LEFT + right) / 2.0, bottom + 35.0), "middle", "axis-name", &self.across);
    }
}

impl Curve<'_> {
    /// Draws the curve with its marks, and its name at the height `name`.
    fn draw(&self, drawing: &mut Drawing, frame: &Frame, name: f64) {
        let at = |(place, value): &(f64, f64)| (frame.x.at(*place), frame.y.at(*value));
        let Some(end) = self.points.last().map(at) else { return };
        drawing.begin(self.look, self.rival);
        let mut path = String::new();
        for (x, y) in self.points.iter().map(at) {
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { "L" });
        }
        drawing.path(&path, "curve");
        for mark in &self.marks {
            self.draw_mark(drawing, frame, mark);
        }
        let edge = frame.right;
        drawing.path(
            &format!(
                "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {name:.1}",
                end.0 + 4.0,
                end.1,
                edge.max(end.0 + 4.0),
                end.1,
                edge + 12.0
            ),
            "lead",
        );
        drawing.text((edge + 15.0, name + 4.0), "start", "name", self.rival);
        drawing.end();
    }

    fn draw_mark(&self, drawing: &mut Drawing, frame: &Frame, mark: &Mark) {
        let (x, y) = (frame.x.at(mark.place), frame.y.at(mark.value));
        drawing.body.push_str("<g>");
        drawing.hint(&mark.hint);
        if let Some((low, high)) = mark.interval {
            drawing.line((x, frame.y.at(low)), (x, frame.y.at(high)), "whisker");
        }
        drawing.path(&self.look.mark((x, y)), "mark");
        drawing.body.push_str("</g>");
    }
}

/// Returns a height for the name of each curve: as near to its end as the other names allow.
fn names(curves: &[Curve<'_>], frame: &Frame) -> Vec<f64> {
    let step = TEXT + 1.5;
    let end = |curve: &Curve<'_>| curve.points.last().map_or(frame.bottom, |(_, value)| frame.y.at(*value));
    let mut order: Vec<(usize, f64)> = curves.iter().map(end).enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut lowest = frame.bottom;
    for (_, y) in order.iter_mut().rev() {
        *y = y.min(lowest);
        lowest = *y - step;
    }
    let mut highest = TOP;
    for (_, y) in &mut order {
        *y = y.max(highest);
        highest = *y + step;
    }
    let mut heights = vec![0.0; curves.len()];
    order.into_iter().for_each(|(curve, y)| heights[curve] = y);
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_curves_that_end_together_do_not_overlap() {
        let curve = |value| Curve { rival: "a", look: Look::Other(0), points: vec![(0.0, value)], marks: Vec::new() };
        let curves: Vec<Curve<'_>> = (0..15).map(|place| curve(100.0 + f64::from(place) / 100.0)).collect();
        let values = [1.0, 100.0];
        let (bottom, x) = (TOP + HEIGHT, Axis::linear(0.0, 1.0, (0.0, 1.0)));
        let frame = Frame { right: 1.0, bottom, x, y: Axis::logarithmic(values.into_iter(), (bottom, TOP)) };
        let mut heights = names(&curves, &frame);
        heights.sort_by(f64::total_cmp);
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= TEXT), "{heights:?}");
        assert!(heights[0] >= TOP && heights[14] <= bottom, "{heights:?}");
    }
}
