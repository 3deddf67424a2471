//! A double-buffered read/write bucket store: writers change a private write bucket and publish it by one atomic swap,
//! readers hold frozen read buckets.
//!
//! (under construction)

mod builder;
mod diff;
mod directory;
mod entry;
mod generation;
mod leaf;
mod ledger;
mod pin;
mod read;
mod reader;
mod shared;
mod slot;
mod stats;
mod store;
mod sync;
mod timer;
mod watch;
mod write;
mod writer;

pub use hashbrown::{DefaultHashBuilder, Equivalent};

pub use crate::builder::Builder;
pub use crate::diff::Change;
pub use crate::entry::{Entry, OccupiedEntry, VacantEntry};
pub use crate::generation::Generation;
pub use crate::pin::Pin;
pub use crate::read::{EntryRef, IntoIter, Iter, ReadBucket};
pub use crate::reader::Reader;
pub use crate::stats::Stats;
pub use crate::store::{NotKept, Store};
pub use crate::watch::Watch;
pub use crate::write::{Changes, WriteBucket};
