//! What all handles of a catalog and its thread have in common.

use std::cell::Cell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{ReentrantMutex, ReentrantMutexGuard};
use twinbucket::Generation;

use super::content::Content;
use super::error::CatalogError;
use super::status::{CatalogEvent, CatalogStatus, Record};
use super::view::{Entry, Tables, View};
use crate::signal::Signal;
use crate::worker::message;

/// Judges all tables together, as they are and as they would be.
pub(crate) type Validate = Box<dyn FnMut(&View<'_>, &View<'_>) -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

/// A callback for events.
pub(crate) type OnEvent = Arc<dyn Fn(&CatalogEvent) + Send + Sync>;

/// A table of the catalog.
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Its own store.
    pub(crate) content: Arc<dyn Content>,
}

/// The state behind all handles of one catalog.
pub(crate) struct Shared {
    /// What views are read buckets of.
    pub(crate) views: Tables,
    /// The tables, by their numbers.
    pub(crate) tables: Vec<Table>,
    /// Whose turn it is to publish.
    turn: ReentrantMutex<Cell<Option<Turn>>>,
    /// What the catalog's thread waits for.
    pub(crate) signal: Arc<Signal>,
    /// Whether what is held back is to be tried again.
    retry: AtomicBool,
    /// What is known of the catalog.
    pub(crate) record: ArcSwap<Record>,
    /// Who is told of events.
    pub(crate) listeners: Vec<OnEvent>,
}

/// What one needs to publish.
#[derive(Default)]
pub(crate) struct Turn {
    /// The user's judgement.
    pub(crate) validate: Option<Validate>,
}

/// The turn to publish, until this is dropped.
pub(crate) struct Publisher<'a> {
    /// The catalog.
    shared: &'a Shared,
    /// The turn; goes back into the cell behind `lock` at the end.
    turn: Turn,
    /// Keeps others out.
    lock: ReentrantMutexGuard<'a, Cell<Option<Turn>>>,
}

impl Shared {
    pub(crate) fn new(
        tables: Vec<Table>,
        turn: Turn,
        signal: Arc<Signal>,
        listeners: Vec<OnEvent>,
        keep: usize,
    ) -> Self {
        let views = Tables::builder().keep(keep).build();
        let first = tables.iter().map(|table| Entry { name: Arc::clone(&table.name), bucket: table.content.bucket() });
        let generation = views.replace_all(first.enumerate());
        Self {
            views,
            tables,
            turn: ReentrantMutex::new(Cell::new(Some(turn))),
            signal,
            retry: AtomicBool::new(false),
            record: ArcSwap::from_pointee(Record { generation, is_complete: false, error: None }),
            listeners,
        }
    }

    /// Has what is held back tried again.
    pub(crate) fn retry(&self) {
        // Release: pairs with the Acquire below, so that who tries again sees what was written.
        self.retry.store(true, Ordering::Release);
        self.signal.note_change();
    }

    /// Tells whether to try again what is held back, for once.
    pub(crate) fn take_retry(&self) -> bool {
        // Acquire: pairs with the Release above.
        self.retry.swap(false, Ordering::Acquire)
    }

    /// Waits for the turn to publish.
    #[track_caller]
    pub(crate) fn publisher(&self) -> Publisher<'_> {
        let lock = self.turn.lock();
        let turn = lock.take().expect("this thread already writes to this catalog: publish or drop that first");
        Publisher { shared: self, turn, lock }
    }

    /// Frees what nobody holds of some tables.
    pub(crate) fn collect(&self, tables: &[usize]) {
        // First the views, which hold the tables' older versions.
        self.views.collect();
        for &at in tables {
            self.tables[at].content.collect();
        }
    }

    /// Takes the current view.
    #[track_caller]
    pub(crate) fn view(&self) -> View<'static> {
        View::owned(self.views.read())
    }

    /// Returns the catalog's status. Takes no lock.
    pub(crate) fn status(&self) -> CatalogStatus {
        let record = self.record.load_full();
        let statuses = self.tables.iter().filter_map(|table| Some((Arc::clone(&table.name), table.content.status()?)));
        CatalogStatus { record, tables: statuses.collect() }
    }

    /// Changes the record.
    pub(crate) fn note(&self, change: impl Fn(&mut Record)) {
        self.record.rcu(|record| {
            let mut record = Record::clone(record);
            change(&mut record);
            record
        });
    }

    /// Tells listeners of an event. One that panics has had its say; the others are told all the same.
    pub(crate) fn tell(&self, event: &CatalogEvent) {
        for listener in &self.listeners {
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }
}

impl Publisher<'_> {
    /// Publishes the current read buckets of some tables, unless the validation refuses.
    ///
    /// Then the caller must take the tables back.
    pub(crate) fn publish(&mut self, changed: &[usize]) -> Result<Generation, CatalogError> {
        let old = self.shared.view();
        let new: Vec<Entry> = (0..self.shared.tables.len())
            .map(|at| match changed.contains(&at) {
                true => Entry {
                    name: Arc::clone(&self.shared.tables[at].name),
                    bucket: self.shared.tables[at].content.bucket(),
                },
                false => old.entry(at).expect("a view has all tables").clone(),
            })
            .collect();
        self.judge(&old, &new)?;
        drop(old);
        let mut write = self.shared.views.write();
        for &at in changed {
            write.insert(at, new[at].clone());
        }
        drop(new);
        let generation = write.publish();
        self.shared.note(|record| record.generation = generation);
        Ok(generation)
    }

    /// Asks the user's judgement.
    fn judge(&mut self, old: &View<'_>, new: &[Entry]) -> Result<(), CatalogError> {
        let Some(validate) = &mut self.turn.validate else { return Ok(()) };
        let new = View::draft(new, old.generation());
        match catch_unwind(AssertUnwindSafe(|| validate(old, &new))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(CatalogError::Invalid(error.into())),
            Err(panic) => Err(CatalogError::Panicked(message(panic.as_ref()))),
        }
    }
}

impl Drop for Publisher<'_> {
    fn drop(&mut self) {
        self.lock.set(Some(std::mem::take(&mut self.turn)));
    }
}
