//! Tables by range: networks or ranges of addresses as keys, and look-ups by address.
//!
//! [`Range`] is a key that any format can read. [`RangeIndex`] finds the innermost range that has an address.
//! [`RangeTable`] follows a source like any table, and publishes an index with each version.

mod first_last;
mod index;
mod range;
mod starts;
mod table;

pub use crate::ranges::first_last::FirstLast;
pub use crate::ranges::index::{Conflict, Iter, RangeIndex};
pub use crate::ranges::range::{Range, RangeError};
pub use crate::ranges::table::{RangeBucket, RangeReader, RangeTable, RangeVersion};
