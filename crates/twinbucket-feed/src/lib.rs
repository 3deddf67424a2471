//! Tables that follow a source: load, validate, publish by one atomic swap, or keep the last good version.

mod builder;
pub mod catalog;
mod error;
mod event;
pub mod format;
mod guard;
mod load;
mod overlaps;
mod place;
#[cfg(feature = "ranges")]
pub mod ranges;
mod rows;
mod shared;
mod signal;
pub mod source;
mod start;
mod status;
mod table;
mod worker;

pub use crate::builder::Builder;
pub use crate::catalog::{Catalog, CatalogError, CatalogEvent, CatalogStatus, Key, View};
pub use crate::error::{LoadError, OpenError, ReloadError, RollbackError};
pub use crate::event::Event;
pub use crate::format::Format;
pub use crate::guard::{Guard, Refusal};
pub use crate::overlaps::Overlaps;
pub use crate::place::{Place, RowError};
pub use crate::rows::{RowPolicy, Rows};
pub use crate::signal::Wake;
#[cfg(feature = "file")]
pub use crate::source::{Directory, File};
pub use crate::source::{Fetched, Part, Revision, Source, SourceError};
#[cfg(feature = "http")]
pub use crate::source::{Http, HttpSetupError};
pub use crate::start::Start;
pub use crate::status::{Counts, Origin, State, Status};
pub use crate::table::Table;
