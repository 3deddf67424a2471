//! Compares a run with an earlier one.

use std::fmt;

use crate::results::Results;

/// What changed between two runs; what it displays says all of it.
#[derive(Debug, Clone)]
pub struct Comparison {}

/// Compares a run with an earlier one.
pub fn compare(_now: &Results, _before: &Results) -> Comparison {
    todo!()
}

impl fmt::Display for Comparison {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
