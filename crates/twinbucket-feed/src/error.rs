//! Why a load failed, why a table did not open, and why a reload by hand has no outcome.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use twinbucket::Generation;

use crate::{Refusal, RowError, SourceError};

/// Why a load failed. The table keeps what it has.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The source's content cannot be had.
    Source(SourceError),
    /// A part of the source cannot be read, or a row is wrong and none may be.
    Row(RowError),
    /// More rows are wrong than may be.
    TooManyBadRows {
        /// How many may be.
        max: usize,
        /// The first of them.
        first: RowError,
    },
    /// The guard refused the content.
    Refused(Refusal),
    /// The validation refused the content.
    Invalid(Arc<dyn Error + Send + Sync>),
    /// The content is good, and is held back with that of other tables of its [`Catalog`](crate::Catalog).
    HeldBack(Box<str>),
    /// The source, the format, the validation, or a key or value panicked.
    Panicked(Box<str>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "{error}"),
            Self::Row(error) => write!(f, "{error}"),
            Self::TooManyBadRows { max, first } => {
                write!(f, "more than the {max} bad rows that are allowed; the first: {first}")
            }
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::Invalid(error) => write!(f, "not valid: {error}"),
            Self::HeldBack(why) => write!(f, "held back by its catalog: {why}"),
            Self::Panicked(message) => write!(f, "the load panicked: {message}"),
        }
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The others' own messages are part of this one.
        match self {
            Self::Source(error) => error.source(),
            Self::Invalid(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a table did not open.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The builder was given no source or no format.
    Incomplete {
        /// The method to call.
        missing: &'static str,
    },
    /// The embedded content is wrong; the source was not asked.
    Embedded(Arc<LoadError>),
    /// Nothing could be loaded in time, and the start allows no other content.
    NotLoaded {
        /// The source's name.
        source: Box<str>,
        /// How long the start waited.
        waited: Duration,
        /// Why the last load failed; `None` if none has ended.
        error: Option<Arc<LoadError>>,
    },
    /// The feed's thread cannot be started.
    Thread(Arc<std::io::Error>),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { missing } => write!(f, "the table has no {missing}: call `Builder::{missing}`"),
            Self::Embedded(error) => write!(f, "the embedded content is wrong: {error}"),
            Self::NotLoaded { error: Some(error), .. } => write!(f, "{error}"),
            Self::NotLoaded { source, waited, error: None } => {
                write!(f, "{source}: no answer within {waited:?}; wait longer, or start with embedded content")
            }
            Self::Thread(error) => write!(f, "cannot start a thread for the table: {error}"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Embedded(error) | Self::NotLoaded { error: Some(error), .. } => error.source(),
            _ => None,
        }
    }
}

/// Why a reload by hand brought nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReloadError {
    /// The load failed; the table keeps what it has.
    Failed(Arc<LoadError>),
    /// The load has not ended in time; it goes on.
    TimedOut(Duration),
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::TimedOut(time) => write!(f, "the load has not ended within {time:?}; it goes on"),
        }
    }
}

impl Error for ReloadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::TimedOut(_) => None,
        }
    }
}

/// Why an older generation could not be brought back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RollbackError {
    /// The generation is gone.
    NotKept {
        /// The generation asked for.
        asked: Generation,
        /// The current one.
        current: Generation,
    },
    /// What is published along with the table cannot be made of that content.
    Failed(LoadError),
}

impl fmt::Display for RollbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKept { asked, current } => {
                write!(f, "generation {asked} is not kept, the current one is {current}; keep more generations")
            }
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl Error for RollbackError {}
