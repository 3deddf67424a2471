//! Bytes of a table, measured in a process of its own.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// One rival's memory to be measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryJob {
    /// [`Kind::id`](crate::rivals::Kind::id).
    pub rival: String,
    /// What the table holds: [`Contents::name`](crate::plan::Contents::name).
    pub item: String,
    /// Entries.
    pub n: u64,
    /// The keys, where they are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

/// What a table takes in each state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryFigures {
    /// At rest, with a pinned version where the rival has any, and at the peak of a full reload.
    pub states: Vec<StateFigures>,
    /// Why the resident set is left out, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// What a table takes in one state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateFigures {
    /// `rest`, `pinned` or `reload`.
    pub state: String,
    /// Bytes of the structure per entry, beyond one copy of what keys and values point to.
    pub structure: f64,
    /// Bytes by which the resident set of the process grew per entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<f64>,
}

/// Measures one rival's memory; to be called in a process that has done nothing else before.
///
/// # Errors
/// If the rival or the item is unknown.
///
/// # Panics
/// If [`Counting`](crate::counting::Counting) is not the global allocator.
pub fn measure(job: &MemoryJob) -> Result<MemoryFigures> {
    bail!("no memory bench for {} yet", job.rival)
}
