//! Bad usage that is found only after the command line was parsed.

use std::error::Error;
use std::fmt;

/// A request that makes no sense, with what to do about it.
#[derive(Debug)]
pub(crate) struct BadUsage(String);

/// Makes an error that ends the program with the exit code for bad usage.
pub(crate) fn bad_usage(message: impl fmt::Display) -> anyhow::Error {
    BadUsage(message.to_string()).into()
}

impl fmt::Display for BadUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BadUsage {}
