//! The means to draw: escaped text, axes, and what tells one rival's marks from another's.

use std::fmt::Write as _;

use crate::report::grid::FLOOR;
use crate::report::numbers::tick;
use crate::results::Unit;

/// Width of a character in charts, of text of [`TEXT`] pixels; on the safe side.
pub(crate) const CHARACTER: f64 = 7.0;
/// Height of text in charts.
pub(crate) const TEXT: f64 = 11.5;
/// Colors for rivals; the style sheet has as many.
const HUES: usize = 6;

/// Returns text for use within HTML and SVG, in attributes too.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A drawing with its title and description for those who do not see it.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// What it is.
    pub(crate) title: String,
    /// What it shows.
    pub(crate) description: String,
    /// Width in pixels, before it is scaled to its place.
    pub(crate) width: f64,
    /// Height in pixels.
    pub(crate) height: f64,
    /// The elements so far.
    pub(crate) body: String,
}

impl Drawing {
    /// Returns the drawing as an element of a page.
    pub(crate) fn svg(&self) -> String {
        let Self { title, description, width, height, body } = self;
        let (title, description) = (escape(title), escape(description));
        format!(
            "<svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{title}\">\
             <title>{title}</title><desc>{description}</desc>{body}</svg>\n"
        )
    }

    /// Draws a text; `anchor` is `start`, `middle` or `end`.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: &str, class: &str, text: &str) {
        let text = escape(text);
        let _ = write!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>"
        );
    }

    /// Draws a straight line.
    pub(crate) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ =
            write!(self.body, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>");
    }

    /// Draws a path.
    pub(crate) fn path(&mut self, path: &str, class: &str) {
        let _ = write!(self.body, "<path d=\"{path}\" class=\"{class}\"/>");
    }

    /// Begins what belongs to a rival; [`end`](Self::end) ends it.
    pub(crate) fn begin(&mut self, look: Look, rival: &str) {
        let _ = write!(self.body, "<g class=\"{}\" data-rival=\"{}\">", look.class(), escape(rival));
    }

    /// Says what the mouse finds at what was begun.
    pub(crate) fn hint(&mut self, text: &str) {
        let _ = write!(self.body, "<title>{}</title>", escape(text));
    }

    /// Ends what was begun.
    pub(crate) fn end(&mut self) {
        self.body.push_str("</g>");
    }
}

/// A logarithmic or linear axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// The least value.
    low: f64,
    /// The greatest value.
    high: f64,
    /// Pixel of the least value.
    from: f64,
    /// Pixel of the greatest value.
    to: f64,
    /// Whether equal ratios, and not differences, are equally far apart.
    logarithmic: bool,
}

impl Axis {
    /// Makes a linear axis.
    pub(crate) fn linear(low: f64, high: f64, (from, to): (f64, f64)) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, from, to, logarithmic: false }
    }

    /// Makes a logarithmic axis from 0 to 1 between the least and the greatest of some numbers; less than 1 counts as 1.
    pub(crate) fn exact(numbers: &[f64]) -> Self {
        let (low, high) = numbers
            .iter()
            .fold((f64::INFINITY, 1.0_f64), |(low, high), number| (low.min(number.max(1.0)), high.max(*number)));
        Self { low, high: high.max(low * 1.001), from: 0.0, to: 1.0, logarithmic: true }
    }

    /// Makes a logarithmic axis around positive values, some room left at either end; at least twice the least value long.
    pub(crate) fn logarithmic(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite() && *value > 0.0)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 1.0) };
        let room = (high / low).powf(0.04).max(if high / low < 2.0 { 1.5 } else { 1.05 });
        Self { low: low / room, high: high * room, from: pixels.0, to: pixels.1, logarithmic: true }
    }

    /// Returns the pixel of a value; values beyond an end are drawn there.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share * (self.to - self.from)
    }

    /// Returns the values to name on a logarithmic axis: powers of ten, and steps in between where these are few.
    pub(crate) fn ticks(&self, unit: Unit) -> Vec<(f64, String)> {
        let decades = (self.high / self.low).log10();
        let steps: &[f64] = match decades {
            _ if decades < 1.3 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            _ if decades < 2.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let skip = (decades / 8.0).ceil().max(1.0) as i32;
        let values = powers
            .filter(|power| power % skip == 0)
            .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        let shown = values.filter(|value| (self.low..=self.high).contains(value));
        shown.map(|value| (self.at(value), tick(value, unit))).collect()
    }
}

/// What tells a rival from others, in all charts of a page: a color, the dashes of its line and the shape of its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The store, its reader and its read bucket.
    Store(usize),
    /// Any other, by its place among the others.
    Other(usize),
    /// The machine's own jitter.
    Floor,
}

impl Look {
    /// Returns the look of every rival.
    pub(crate) fn of<'a>(rivals: impl Iterator<Item = &'a str>) -> Vec<(&'a str, Self)> {
        let (mut stores, mut others) = (0.., 0..);
        let look = |rival| match rival {
            FLOOR => Self::Floor,
            "store" | "reader" | "bucket" => Self::Store(stores.next().expect("numbers do not end")),
            _ => Self::Other(others.next().expect("numbers do not end")),
        };
        let mut look = look;
        rivals.map(|rival| (rival, look(rival))).collect()
    }

    /// Returns the classes for the style sheet.
    pub(crate) fn class(self) -> String {
        match self {
            Self::Store(place) => format!("rival store dash{}", place % 4),
            Self::Other(place) => format!("rival hue{} dash{}", place % HUES, place / HUES % 4),
            Self::Floor => "rival floor dash2".to_owned(),
        }
    }

    /// Returns the path of a mark around a point.
    pub(crate) fn mark(self, (x, y): (f64, f64)) -> String {
        let shape = match self {
            Self::Store(place) => place,
            Self::Other(place) => place / HUES,
            Self::Floor => 3,
        };
        match shape % 4 {
            0 => format!("M{:.1} {y:.1}a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z", x - 3.2),
            1 => format!("M{:.1} {:.1}h5.8v5.8h-5.8z", x - 2.9, y - 2.9),
            2 => format!("M{x:.1} {:.1}l3.7 6.4h-7.4z", y - 3.9),
            _ => format!("M{x:.1} {:.1}l4 4l-4 4l-4 -4z", y - 4.0),
        }
    }

    /// Returns a sample of the line with a mark on it, for a legend.
    pub(crate) fn sample(self) -> String {
        let (class, mark) = (self.class(), self.mark((17.0, 7.0)));
        format!(
            "<svg viewBox=\"0 0 34 14\" class=\"sample\" aria-hidden=\"true\"><g class=\"{class}\">\
             <path d=\"M1 7H33\" class=\"curve\"/><path d=\"{mark}\" class=\"mark\"/></g></svg>"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn axes_name_round_values_only() {
        let axis = Axis::logarithmic([300.0, 2e6].into_iter(), (0.0, 100.0));
        let names = |axis: &Axis| axis.ticks(Unit::Nanos).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names(&axis), ["1 µs", "10 µs", "100 µs", "1 ms"]);
        let axis = Axis::logarithmic([100.0, 100.0].into_iter(), (0.0, 100.0));
        assert_eq!(names(&axis), ["70 ns", "100 ns"]);
        assert!((axis.at(100.0) - 50.0).abs() < 1e-9);
        assert!(!names(&Axis::logarithmic(std::iter::empty(), (0.0, 1.0))).is_empty());
    }

    #[test]
    fn twenty_four_rivals_look_different_without_color() {
        let ids: Vec<String> = (0..24).map(|rival| rival.to_string()).collect();
        let looks = Look::of(["store", "reader", "floor"].into_iter().chain(ids.iter().map(String::as_str)));
        let classes: HashSet<String> = looks.iter().map(|(_, look)| look.class()).collect();
        assert_eq!(classes.len(), 27);
    }

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        assert_eq!(escape("<a b='\"'>&"), "&lt;a b=&#39;&quot;&#39;&gt;&amp;");
    }
}
