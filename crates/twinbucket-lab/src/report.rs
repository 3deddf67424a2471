//! What people and programs read of a run. Everything is a function of [`Results`](crate::results::Results).

mod json;

pub use self::json::ReadError;

use crate::results::Results;

/// Returns tables for a terminal of `width` columns.
pub fn terminal(_results: &Results, _width: usize, _colors: bool) -> String {
    todo!()
}

/// Returns one line of CSV for each measurement, under a line of headings.
pub fn csv(_results: &Results) -> String {
    todo!()
}

/// Returns one self-contained page.
pub fn html(_results: &Results) -> String {
    todo!()
}

/// Returns HDR V2 interval logs, each with the name of its file.
pub fn hdr(_results: &Results) -> Vec<(String, String)> {
    todo!()
}

/// Returns the document on which design to take when, as Markdown.
pub fn choosing(_results: &Results) -> String {
    todo!()
}
