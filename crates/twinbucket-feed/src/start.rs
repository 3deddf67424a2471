//! How a table starts: how long it waits for its source, and what it has if that does not answer.

use std::borrow::Cow;
use std::time::Duration;

/// How a table starts.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use twinbucket_feed::Start;
///
/// // Needs its source within five seconds, or does not start.
/// let strict = Start::wait(Duration::from_secs(5));
/// // Starts in any case, with what was built in if need be; the source takes over as soon as it can be had.
/// let patient = Start::wait(Duration::from_secs(5)).or_embedded("localhost,8080\n");
/// // Starts at once, empty until the first load.
/// let eager = Start::empty();
/// # let _ = (strict, patient, eager);
/// ```
#[derive(Clone, Debug)]
pub struct Start {
    /// How long to wait for the first load.
    pub(crate) wait: Duration,
    /// What to have if it does not come.
    pub(crate) otherwise: Otherwise,
}

/// What a table has where nothing could be loaded in time.
#[derive(Clone, Debug)]
pub(crate) enum Otherwise {
    /// It does not open.
    Fail,
    /// Nothing.
    Empty,
    /// This content.
    Embedded(Cow<'static, [u8]>),
}

impl Start {
    /// Waits that long for the first load; if there is none by then, the table does not open.
    ///
    /// A source that fails is asked again during that time.
    pub fn wait(time: Duration) -> Self {
        Self { wait: time, otherwise: Otherwise::Fail }
    }

    /// Opens at once; the table is empty and STARTING until its first load.
    pub fn empty() -> Self {
        Self::wait(Duration::ZERO).or_empty()
    }

    /// Opens in any case: empty and STARTING until the first load, if that does not come in time.
    #[must_use]
    pub fn or_empty(mut self) -> Self {
        self.otherwise = Otherwise::Empty;
        self
    }

    /// Opens in any case: with `content`, in the table's format, if the first load does not come in time.
    ///
    /// The content is read at every start, so that a mistake in it shows at once and not in the hour of need. It is
    /// neither guarded nor validated.
    #[must_use]
    pub fn or_embedded(mut self, content: impl Into<Cow<'static, str>>) -> Self {
        self.otherwise = Otherwise::Embedded(match content.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        });
        self
    }
}

impl Default for Start {
    /// Waits five seconds.
    fn default() -> Self {
        Self::wait(Duration::from_secs(5))
    }
}
