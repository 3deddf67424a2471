//! Why a catalog did not open, or did not publish.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::{LoadError, OpenError};

/// Why a catalog did not open, or keeps the view that it has.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CatalogError {
    /// A table's settings are incomplete, or it could not be loaded in time.
    Opening {
        /// The table.
        table: Arc<str>,
        /// Why.
        error: Box<OpenError>,
    },
    /// A table's load failed, and holds back the changes of all others.
    Table {
        /// The table.
        table: Arc<str>,
        /// Why.
        error: LoadError,
    },
    /// The catalog's validation refused the tables as they would be together.
    Invalid(Arc<dyn Error + Send + Sync>),
    /// The catalog's validation, or a key or value that was taken back, panicked.
    Panicked(Box<str>),
    /// The catalog's thread cannot be started.
    Thread(Arc<io::Error>),
    /// A reload by hand has not ended in time; it goes on.
    TimedOut(Duration),
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening { table, error } => write!(f, "table {table:?}: {error}"),
            Self::Table { table, error } => write!(f, "table {table:?}: {error}"),
            Self::Invalid(error) => write!(f, "the tables are not valid together: {error}"),
            Self::Panicked(message) => write!(f, "the catalog's validation panicked: {message}"),
            Self::Thread(error) => write!(f, "cannot start a thread for the catalog: {error}"),
            Self::TimedOut(time) => write!(f, "the reload has not ended within {time:?}; it goes on"),
        }
    }
}

impl Error for CatalogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The others' own messages are part of this one.
        match self {
            Self::Opening { error, .. } => error.source(),
            Self::Table { error, .. } => error.source(),
            Self::Invalid(error) => error.source(),
            Self::Panicked(_) | Self::Thread(_) | Self::TimedOut(_) => None,
        }
    }
}
