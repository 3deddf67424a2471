//! Limits that a run has to keep, for somebody's CI: `swap.p99<50us@n=1M`.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::results::Results;

/// One limit, read from a text like `swap.p99<50us@n=1M`.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// The text it was read from.
    text: String,
}

/// What came of a budget in one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the limit was kept.
    pub kept: bool,
    /// What was measured, of whom and under which circumstances.
    pub measured: String,
}

/// A budget that cannot be understood: which part of it, why, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetError {}

/// A budget that cannot be judged by a run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudged {}

impl Budget {
    /// Judges a run in each case that the budget speaks of; at least one.
    ///
    /// # Errors
    /// If the run has no measurement that the budget speaks of, or one without the asked statistic.
    pub fn check(&self, _results: &Results) -> Result<Vec<Verdict>, Unjudged> {
        todo!()
    }
}

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(_text: &str) -> Result<Self, BudgetError> {
        todo!()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl fmt::Display for BudgetError {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl Error for BudgetError {}

impl fmt::Display for Unjudged {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl Error for Unjudged {}
