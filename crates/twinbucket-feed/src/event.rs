//! What happens to a table, for those who want to be told.

use std::fmt;
use std::sync::Arc;

use crate::Status;

/// Something that happened to a table, with the table's status right after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// New content was published.
    Published(Status),
    /// The source has what the table has: other bytes for the same rows, or the same bytes.
    Unchanged(Status),
    /// A load failed; the table keeps what it has.
    Failed(Status),
    /// For longer than the limit, nothing has shown that the content is still the source's. Comes once, until a load
    /// goes well again.
    Stale(Status),
    /// An older generation was brought back by hand.
    RolledBack(Status),
}

impl Event {
    /// Returns the table's status right after the event.
    pub fn status(&self) -> &Status {
        match self {
            Self::Published(status)
            | Self::Unchanged(status)
            | Self::Failed(status)
            | Self::Stale(status)
            | Self::RolledBack(status) => status,
        }
    }
}

/// A callback for events.
pub(crate) type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// The callbacks of a table.
#[derive(Clone, Default)]
pub(crate) struct Listeners(pub(crate) Vec<OnEvent>);

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.0.len())
    }
}
