//! Tables that follow a source: load, validate, publish by one atomic swap, or keep the last good version.

mod error;
pub mod format;
mod guard;
mod overlaps;
mod place;
mod rows;
mod signal;
pub mod source;

pub use crate::error::{LoadError, OpenError, ReloadError};
pub use crate::format::Format;
pub use crate::guard::{Guard, Refusal};
pub use crate::overlaps::Overlaps;
pub use crate::place::{Place, RowError};
pub use crate::rows::{RowPolicy, Rows};
pub use crate::signal::Wake;
pub use crate::source::{Fetched, Part, Revision, Source, SourceError};
