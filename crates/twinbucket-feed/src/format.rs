//! How bytes become rows.

use crate::{Part, RowError, Rows};

/// Reads the rows of one part of a source.
pub trait Format<K, V>: Send {
    /// Gives each row of `part` to `rows`, in order, and stops early when `rows` asks for it.
    ///
    /// A row that is wrong by itself goes to [`Rows::reject`]; what comes after it must still be found where the format
    /// allows that.
    ///
    /// # Errors
    /// If the part as a whole cannot be read, or not past some place.
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError>;
}
