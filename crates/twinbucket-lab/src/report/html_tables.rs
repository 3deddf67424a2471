//! The figures behind the charts, as tables of a page.

use std::fmt::Write as _;

use crate::report::grid::{self, Grid, Latencies, Row};
use crate::report::numbers::{figure, times};
use crate::report::svg::escape;
use crate::report::{PERCENTILES, done, percentile, row_name};
use crate::results::Measurement;
use crate::statistics::estimate;

/// Returns a grid: for each column the median, how far its interval goes, and how many times the store's it is.
pub(crate) fn grid_table(grid: &Grid<'_>) -> String {
    let mut text = begin("three", &grid::case(&grid.shared));
    text.push_str("<tr><th scope=\"col\"></th>");
    for heading in grid.headings() {
        let _ = write!(text, "<th scope=\"colgroup\" colspan=\"3\">{}</th>", escape(&heading));
    }
    text.push_str("</tr>\n</thead>\n<tbody>\n");
    let reference = grid.reference().map(|row| row.rival);
    for row in &grid.rows {
        let class = if reference == Some(row.rival) { " class=\"reference\"" } else { "" };
        let cells: String = (0..grid.values.len()).map(|column| cells(grid, row, column)).collect();
        let _ = writeln!(text, "<tr{class}><th scope=\"row\">{}</th>{cells}</tr>", escape(row.name));
    }
    text + "</tbody>\n</table></div>\n"
}

fn cells(grid: &Grid<'_>, row: &Row<'_>, column: usize) -> String {
    let Some(Measurement { rounds, unit, .. }) = row.cells[column] else {
        return "<td></td><td></td><td></td>".to_owned();
    };
    let found = estimate(rounds);
    let (median, spread) = (figure(found.median, *unit), found.spread());
    let ratio = grid.ratio(row, column).map_or_else(String::new, |(ratio, differs)| {
        let class = match (differs, unit.better(ratio, 1.0)) {
            (false, _) => "same",
            (true, true) => "better",
            (true, false) => "worse",
        };
        let about = if differs { "" } else { "~" };
        format!("<span class=\"{class}\">{about}{}</span>", times(ratio))
    });
    format!("<td>{median}</td><td class=\"spread\">±{spread:.0}%</td><td>{ratio}</td>")
}

/// Returns percentiles, raw and corrected.
pub(crate) fn latency_table(table: &Latencies<'_>) -> String {
    let mut text = begin("five", &grid::case(&table.case));
    text.push_str("<tr><th scope=\"col\"></th><th scope=\"colgroup\" colspan=\"5\">raw</th>");
    text.push_str("<th scope=\"colgroup\" colspan=\"6\">corrected</th></tr>\n<tr><th scope=\"col\"></th>");
    for name in PERCENTILES.iter().chain(&PERCENTILES) {
        let _ = write!(text, "<th scope=\"col\">{name}</th>");
    }
    text.push_str("<th scope=\"col\">done</th></tr>\n</thead>\n<tbody>\n");
    for (place, (_, latency)) in table.rows.iter().enumerate() {
        let cells = [Some(&latency.raw), latency.corrected.as_ref()].into_iter().flat_map(|histogram| {
            let shown = move |name: &&str| histogram.map_or_else(String::new, |histogram| percentile(histogram, name));
            PERCENTILES.iter().map(shown)
        });
        let cells: String = cells.chain([done(latency)]).map(|cell| format!("<td>{cell}</td>")).collect();
        let _ = writeln!(text, "<tr><th scope=\"row\">{}</th>{cells}</tr>", escape(row_name(table, place).trim()));
    }
    text + "</tbody>\n</table></div>\n"
}

/// Begins a table whose columns belong together by threes or fives.
fn begin(groups: &str, caption: &str) -> String {
    format!("<div class=\"scroll\"><table class=\"{groups}\">\n<caption>{}</caption>\n<thead>\n", escape(caption))
}
