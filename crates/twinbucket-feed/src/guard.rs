//! Limits on what a load may do to a table, against sources that are right in form and wrong in content.

use std::error::Error;
use std::fmt;

/// Limits on what a load may do to a table. The default allows everything.
///
/// A source that is cut short, or a generator that found nothing, gives content that parses well. A guard refuses it, and
/// the table keeps what it has; [`Table::reload_unguarded`](crate::Table::reload_unguarded) takes it for once.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Guard {
    /// Whether an empty table is refused.
    not_empty: bool,
    /// The greatest part of its entries that a table may lose at once.
    max_shrink: Option<f64>,
    /// The most entries that a table may have.
    max_entries: Option<usize>,
}

impl Guard {
    /// Allows everything.
    pub fn none() -> Self {
        Self::default()
    }

    /// Refuses a load without rows.
    pub fn not_empty() -> Self {
        Self { not_empty: true, ..Self::default() }
    }

    /// Refuses a load that would leave less than `1 - part` of the entries: 0.5 allows to lose half of them.
    ///
    /// Counts entries before and after, and compares with what the source gave before, never with embedded content.
    ///
    /// # Panics
    /// If `part` is not between 0 and 1.
    #[must_use]
    pub fn max_shrink(mut self, part: f64) -> Self {
        assert!((0.0..=1.0).contains(&part), "max_shrink({part}): give the part of the entries, from 0.0 to 1.0");
        self.max_shrink = Some(part);
        self
    }

    /// Refuses a load of more than `entries` rows.
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = Some(entries);
        self
    }

    /// Judges a load that takes the table from `before` entries to `after`; `before` is `None` where the table has had
    /// nothing from its source.
    pub(crate) fn check(&self, before: Option<usize>, after: usize) -> Result<(), Refusal> {
        if self.not_empty && after == 0 {
            return Err(Refusal::Empty);
        }
        if let Some(most) = self.max_entries.filter(|&most| after > most) {
            return Err(Refusal::TooMany { after, most });
        }
        match (before, self.max_shrink) {
            (Some(before), Some(part)) if (after as f64) < before as f64 * (1.0 - part) => {
                Err(Refusal::Shrinks { before, after, part })
            }
            _ => Ok(()),
        }
    }
}

/// Why a [`Guard`] refused a load.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The load has no rows.
    Empty,
    /// The table would lose too much.
    Shrinks {
        /// Entries before.
        before: usize,
        /// Entries after.
        after: usize,
        /// The greatest part it may lose.
        part: f64,
    },
    /// The table would have too many entries.
    TooMany {
        /// Entries after.
        after: usize,
        /// The most it may have.
        most: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the source has no rows, and an empty table is not allowed"),
            Self::Shrinks { before, after, part } => {
                write!(
                    f,
                    "the table would shrink from {before} to {after} entries, and may lose {}% at most",
                    part * 100.0
                )
            }
            Self::TooMany { after, most } => write!(f, "the source has {after} rows, and {most} are allowed"),
        }
    }
}

impl Error for Refusal {}
