//! Where the content of a table comes from.
//!
//! A [`Source`] knows how to get bytes and how to notice that there may be new ones. What the bytes mean is the
//! [`Format`](crate::Format)'s, and when to load is the feed's.

#[cfg(feature = "file")]
mod file;
#[cfg(feature = "http")]
mod http;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "file")]
pub use self::file::{Directory, File};
#[cfg(feature = "http")]
pub use self::http::{Http, HttpSetupError};
use crate::Wake;

/// Where a table's content comes from. All methods run on the feed's thread, one at a time.
pub trait Source: Send {
    /// Names the source in messages, status and metrics: a path, an address.
    fn name(&self) -> String;

    /// Starts to watch for changes; called once, before the first `fetch`. Each change calls `wake`, from any thread.
    ///
    /// The default does nothing: the source is then only asked again after [`pause`](Self::pause).
    fn watch(&mut self, wake: Wake) {
        let _ = wake;
    }

    /// Gets the content, unless it is still the one called `known`.
    ///
    /// May block: nobody but this feed waits for it. The table's age grows meanwhile, so that a source that hangs shows
    /// as STALE; but a source should have time limits of its own where it can.
    ///
    /// # Errors
    /// If the content cannot be had now. The table keeps what it has, and the source is asked again.
    fn fetch(&mut self, known: Option<&Revision>) -> Result<Fetched, SourceError>;

    /// Tells how long after the last `fetch` to ask again, if nothing calls `wake` before.
    ///
    /// The source counts its own failures: a back-off is its own.
    fn pause(&mut self) -> Duration;
}

/// Tells whether there is a thread to be had, for what panics or leaks if there is none.
#[cfg(any(feature = "file", feature = "http"))]
fn try_thread() -> std::io::Result<()> {
    let trial = std::thread::Builder::new().spawn(|| {})?;
    trial.join().expect("doing nothing does not panic");
    Ok(())
}

/// What a [`Source`] found.
#[derive(Debug)]
pub enum Fetched {
    /// The content is still the one called `known`, which proves that the table is current.
    Same,
    /// There is other content.
    New {
        /// The content, in order; a directory has one part per file.
        parts: Vec<Part>,
        /// The content's name.
        revision: Revision,
    },
}

/// One named piece of content.
#[derive(Clone, Debug)]
pub struct Part {
    /// The name that messages use: a path, an address.
    pub name: Arc<str>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The source's own name of some content, such as a content hash or an ETag: equal names, equal content.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Revision(Arc<str>);

impl Revision {
    /// Takes `name` as a revision.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a source's content cannot be had.
#[derive(Clone, Debug)]
pub struct SourceError {
    /// What went wrong, with the source's name.
    message: Box<str>,
    /// The cause.
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl SourceError {
    /// Says what went wrong; `message` names the file or address, and what to do if that is not plain.
    pub fn new(message: impl Into<Box<str>>) -> Self {
        Self { message: message.into(), cause: None }
    }

    /// Adds the cause, which must not be part of the message.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
