//! Tables that follow a source: load, validate, publish by one atomic swap, or keep the last good version.
//!
//! A [`Table`] is a [`Store`](twinbucket::Store) with a feed: a thread that watches a file, a directory or a URL, loads
//! what is new into a write bucket, judges it, and publishes it or discards it. Readers notice nothing but new content:
//! they wait for nobody, free nothing, and what they hold stays as it was.
//!
//! ```
//! use std::time::Duration;
//!
//! use serde::Deserialize;
//! use twinbucket_feed::format::Toml;
//! use twinbucket_feed::{File, Guard, RowPolicy, Start, State, Table};
//!
//! #[derive(Clone, PartialEq, Debug, Deserialize)]
//! struct Route {
//!     host: String,
//!     port: u16,
//! }
//!
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("routes.toml");
//! std::fs::write(&path, "[pay]\nhost = 'blue'\nport = 8081\n")?;
//! let routes: Table<String, Route> = Table::builder()
//!     .source(File::watch(&path))
//!     .format(Toml)
//!     .validate(|_old, new| if new.contains_key("pay") { Ok(()) } else { Err("nobody could pay") })
//!     .guard(Guard::not_empty().max_shrink(0.5))
//!     .rows(RowPolicy::AllOrNothing)
//!     .start(Start::wait(Duration::from_secs(5)).or_embedded("[pay]\nhost = 'localhost'\nport = 80\n"))
//!     .stale_after(Duration::from_secs(300))
//!     .open()?;
//!
//! let mut reader = routes.reader();
//! assert_eq!(reader.get("pay").unwrap().port, 8081);
//! assert_eq!(routes.status().state(), State::Ready);
//!
//! // A typo does no harm, and is told with its place.
//! std::fs::write(&path, "[pay]\nhost = 'blue'\nport = 80810\n")?;
//! let error = routes.reload(Duration::from_secs(5)).unwrap_err();
//! assert!(error.to_string().contains("routes.toml:3:8: "), "{error}");
//! assert_eq!(reader.get("pay").unwrap().port, 8081);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a table promises
//!
//! - **Published or not at all.** A load goes into a write bucket as [`sync`](twinbucket::WriteBucket::sync) would bring
//!   it there, rows that the table has being dropped as they are read: a full reload publishes only what changed,
//!   content that is the same publishes nothing, and the counts in the status are exact.
//! - **The last good version.** A source that is away, a file that does not parse, a row that is wrong, a guard or a
//!   validation that refuses, a panic in any of them: the table keeps what it has, and the status says why, with file,
//!   line and column, until a load goes well.
//! - **No silent staleness.** [`Status::age`] counts from the last proof that the content is the source's, not from the
//!   last change, by a clock that nobody sets, and also while the source hangs. Past
//!   [`stale_after`](Builder::stale_after), the state is STALE.
//! - **No lost change.** A change that comes during a load leads to exactly one more. Watches are hints: a source is
//!   asked now and then even if its watch is silent.
//! - **Off the hot path.** Reading the source, parsing, publishing and freeing run on the feed's thread.
//! - **It starts.** [`Start`] says how long to wait for the source, and what to have without it.
//!
//! # The states
//!
//! | state | content | what to do |
//! |---|---|---|
//! | STARTING | none yet, or what was embedded | wait; it becomes READY or ERROR |
//! | READY | the source's | nothing |
//! | ERROR | the last good one | read [`Status::error`] and mend the source |
//! | STALE | the last good one, for too long without proof | find out why the source does not answer |
//!
//! # Who waits for whom
//!
//! - Readers and [`Table::status`] wait for nobody.
//! - The feed waits for its source, and for [`rollback`](Table::rollback), which waits for a load under way.
//! - [`Table::reload`] waits for a look at the source, at most for its time limit.
//! - Dropping the last handle waits for nobody; the feed's thread ends when the source lets go of it.
//!
//! # Sources, formats, and several tables
//!
//! A [`File`], a [`Directory`] of files, or a web server (`Http`); anything else that implements [`Source`]. The
//! [formats](mod@format) read CSV, TSV, JSON, NDJSON, TOML and YAML into any type that serde can, and a function is a
//! format, too. A [`Catalog`] publishes several tables in one swap; a `RangeTable` finds the range that an address lies
//! in.
//!
//! # Do not use it if
//!
//! - the content is **written by this program**: use a store;
//! - the source is a **stream of changes** that must all be seen: a table goes to the newest content and skips what came
//!   between;
//! - the content **does not fit into memory** two to three times: a load holds the source's bytes and the rows beside the
//!   table.
//!
//! # Features
//!
//! - `csv`, `json`, `toml` (on by default), `yaml`: the formats
//! - `file` (on by default): files and directories
//! - `http`, `https`: a web server, with and without TLS
//! - `ranges`: tables by address range
//! - `prometheus`, `metrics`, `opentelemetry`, `tracing`, `usdt`: what observers tell others
//!
//! Needs Rust 1.85 or newer.

mod builder;
pub mod catalog;
mod error;
mod event;
pub mod format;
mod guard;
mod load;
pub mod observe;
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
pub use crate::observe::{Gauge, LongPins};
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

/// The README's programs, compiled and run.
#[cfg(all(doctest, feature = "file", feature = "toml"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
