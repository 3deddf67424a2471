//! Results as JSON: the form that everything else can be made from again.

use std::error::Error;
use std::fmt;

use serde::Deserialize;

use crate::results::{FORMAT, Results};

/// Why a text is no results.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not JSON at all.
    NotJson(serde_json::Error),
    /// It is JSON, of something else or damaged.
    NotResults(serde_json::Error),
    /// Another version of the program wrote it.
    OtherFormat(u64),
}

/// What tells the version, whatever else there is.
#[derive(Deserialize)]
struct Header {
    /// [`FORMAT`] of the program that wrote it.
    format: u64,
}

impl Results {
    /// Returns the results as JSON, which [`from_json`](Self::from_json) reads.
    ///
    /// # Panics
    /// Never: all of the results has a form in JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("all keys are strings, and histograms can be encoded") + "\n"
    }

    /// Reads results that [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// If the text is no such thing, or was written by a program of another [`FORMAT`].
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(ReadError::NotJson)?;
        let Header { format } = Header::deserialize(&value).map_err(ReadError::NotResults)?;
        if format != u64::from(FORMAT) {
            return Err(ReadError::OtherFormat(format));
        }
        let results: Self = serde_json::from_str(text).map_err(ReadError::NotResults)?;
        match results.measurements.iter().any(|measurement| measurement.rounds.is_empty()) {
            true => Err(ReadError::NotResults(serde::de::Error::custom("a measurement has no rounds"))),
            false => Ok(results),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "this is not JSON ({error}); give a file that --json wrote"),
            Self::NotResults(error) => {
                write!(f, "this is JSON, though not the results of a bench ({error}); give a file that --json wrote")
            }
            Self::OtherFormat(format) => {
                write!(f, "these results are of format {format}, and this program reads format {FORMAT}; ")?;
                f.write_str("measure again, or read them with the program that wrote them")
            }
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotJson(error) | Self::NotResults(error) => Some(error),
            Self::OtherFormat(_) => None,
        }
    }
}
