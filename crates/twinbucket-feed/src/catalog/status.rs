//! How a catalog is, and what happens to it.

use std::sync::Arc;

use twinbucket::Generation;

use super::error::CatalogError;
use crate::{State, Status};

/// A catalog at one moment, with its tables right then.
#[derive(Clone, Debug)]
pub struct CatalogStatus {
    /// What is known of the catalog itself.
    pub(crate) record: Arc<Record>,
    /// The tables that have a source.
    pub(crate) tables: Vec<(Arc<str>, Status)>,
}

/// What a catalog's thread knows of it; replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Generation of the current view.
    pub(crate) generation: Generation,
    /// Whether all tables were good at once, ever.
    pub(crate) is_complete: bool,
    /// What holds back changes.
    pub(crate) error: Option<Arc<CatalogError>>,
}

impl CatalogStatus {
    /// Sums the catalog up in one word: that of the table that is worst, and ERROR at least while changes are held back.
    pub fn state(&self) -> State {
        let rank = |state: &State| match state {
            State::Ready => 0,
            State::Starting => 1,
            State::Error => 2,
            State::Stale => 3,
        };
        let own = if self.record.error.is_some() { State::Error } else { State::Ready };
        self.tables.iter().map(|(_, status)| status.state()).chain([own]).max_by_key(rank).expect("there is one")
    }

    /// Returns the generation of the current view.
    pub fn generation(&self) -> Generation {
        self.record.generation
    }

    /// Returns what holds back changes: which table, or what the validation said. `None` while nothing does.
    pub fn error(&self) -> Option<&Arc<CatalogError>> {
        self.record.error.as_ref()
    }

    /// Returns the tables that have a source, in the order in which they were added.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = (&str, &Status)> {
        self.tables.iter().map(|(name, status)| (&**name, status))
    }

    /// Returns the status of the table with that name, if it has a source.
    pub fn table(&self, name: &str) -> Option<&Status> {
        self.tables().find(|&(own, _)| own == name).map(|(_, status)| status)
    }
}

/// Something that happened to a catalog, with its status right after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CatalogEvent {
    /// A new view was published.
    Published(CatalogStatus),
    /// All is well, and nothing has changed.
    Unchanged(CatalogStatus),
    /// Changes are held back; the view stays. Comes once for each reason.
    Failed(CatalogStatus),
}

impl CatalogEvent {
    /// Returns the catalog's status right after the event.
    pub fn status(&self) -> &CatalogStatus {
        match self {
            Self::Published(status) | Self::Unchanged(status) | Self::Failed(status) => status,
        }
    }
}
