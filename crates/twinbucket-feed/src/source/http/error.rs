//! Why an HTTP source cannot be set up as asked.

use std::error::Error;
use std::fmt;

/// Why an [`Http`](crate::source::Http) source cannot be set up. No message shows a user name, a password or the value
/// of a header.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// The address cannot be used.
    Address {
        /// The address without user name and password; `None` where it cannot be told what they are.
        address: Option<Box<str>>,
        /// What is wrong with it.
        problem: Box<str>,
    },
    /// The time between two polls is zero.
    NoInterval,
    /// A header cannot be sent.
    Header {
        /// Its name.
        name: Box<str>,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl fmt::Display for HttpSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address: Some(address), problem } => write!(f, "{address}: {problem}"),
            Self::Address { address: None, problem } => write!(f, "the address is not a URL: {problem}"),
            Self::NoInterval => f.write_str("the time between two polls is zero; give one second, say"),
            Self::Header { name, problem } => write!(f, "the header {name:?} cannot be sent: {problem}"),
        }
    }
}

impl Error for HttpSetupError {}
