//! One table's part in the rounds of its catalog.
//!
//! A round asks the sources of some members, brings what they found into the members' own stores, and then either
//! publishes all of it or takes it back. A member knows what came of its own part; the round judges them together.

use std::hash::{BuildHasher, Hash};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use twinbucket::ReadBucket;

use super::content::Content;
use super::view::{AnyBucket, Entry};
use crate::load::{Judges, Outcome};
use crate::signal::Signal;
use crate::start::Otherwise;
use crate::worker::{Look, Worker, message};
use crate::{LoadError, Part, Revision, Wake};

/// A member of a catalog's rounds.
pub(crate) trait Member: Send {
    /// Returns the table's number.
    fn at(&self) -> usize;

    /// Begins to watch the source.
    fn watch(&mut self, signal: &Arc<Signal>);

    /// Returns when to be called again, if nothing happens before.
    fn due(&self) -> Option<Instant>;

    /// Tells whether the source is to be asked in this round, since it woke or its time has come.
    fn is_called(&mut self) -> bool;

    /// Asks the source; for all of its content if `anew`.
    fn ask(&mut self, anew: bool);

    /// Brings what the source has given into the table's own store.
    fn load(&mut self, judges: Judges);

    /// Tells whether its source has given something in this round that was good.
    fn has_news(&self) -> bool;

    /// Tells how far it has come.
    fn standing(&self) -> Standing;

    /// Returns why the last look failed, if it did by itself.
    fn fault(&self) -> Option<&LoadError>;

    /// Tells whether the others can do without this member's source for now.
    fn can_be_absent(&self) -> bool;

    /// Ends the member's part in the round. `published` is what the table has in the current view; `held_back` says why
    /// what was loaded is not there.
    fn conclude(&mut self, published: &Entry, held_back: Option<&str>);
}

/// How far a member has come in a round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Its own store has what the view has.
    Even,
    /// Its own store has something newer.
    Ahead,
    /// What its source gave was good, and was taken back because of others.
    HeldBack,
}

/// The feed of one table in a catalog.
pub(crate) struct Feed<K, V, S> {
    /// Asks and loads.
    pub(crate) worker: Worker<K, V, S>,
    /// The table's number.
    pub(crate) at: usize,
    /// Whether the source woke.
    pub(crate) woke: Arc<AtomicBool>,
    /// When to ask the source again.
    pub(crate) next: Option<Instant>,
    /// What came of the look in this round.
    pub(crate) found: Found,
    /// Why the last look failed, if it did by itself.
    pub(crate) fault: Option<LoadError>,
    /// Whether what the source gave last was taken back because of others.
    pub(crate) is_held_back: bool,
    /// Whether the table's own store may differ from what the view has.
    pub(crate) is_ahead: bool,
    /// Whether the table can begin without its source.
    pub(crate) begins_without: bool,
}

/// What came of a look at a source.
pub(crate) enum Found {
    /// There was none.
    Nothing,
    /// The same content.
    Same,
    /// Other content, not loaded yet.
    New { parts: Vec<Part>, revision: Revision, began: Instant },
    /// Other content, in the table's own store.
    Loaded { outcome: Outcome, revision: Revision, time: Duration },
    /// A failure.
    Failed(LoadError),
}

impl<K, V, S> Feed<K, V, S> {
    pub(crate) fn new(worker: Worker<K, V, S>, at: usize, otherwise: &Otherwise) -> Self {
        Self {
            worker,
            at,
            woke: Arc::default(),
            next: None,
            found: Found::Nothing,
            fault: None,
            is_held_back: false,
            is_ahead: false,
            begins_without: !matches!(otherwise, Otherwise::Fail),
        }
    }
}

impl<K, V, S> Member for Feed<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    fn at(&self) -> usize {
        self.at
    }

    fn watch(&mut self, signal: &Arc<Signal>) {
        let wake = Wake::marking(Arc::clone(signal), Arc::clone(&self.woke));
        self.worker.watch(wake);
    }

    fn due(&self) -> Option<Instant> {
        self.next.into_iter().chain(self.worker.stale_at()).min()
    }

    fn is_called(&mut self) -> bool {
        self.worker.tell_if_stale();
        // Before the look, so that a change during it calls for another. Acquire: pairs with the Release in `Wake`.
        self.woke.swap(false, Ordering::Acquire) | self.next.is_some_and(|next| next <= Instant::now())
    }

    fn ask(&mut self, anew: bool) {
        let began = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| self.worker.fetch(anew)))
            .unwrap_or_else(|panic| Err(LoadError::Panicked(message(panic.as_ref()))));
        self.next = Instant::now().checked_add(self.worker.pause());
        self.found = match answer {
            Ok(Some((parts, revision))) => Found::New { parts, revision, began },
            Ok(None) => match self.worker.again() {
                Ok(_) | Err(LoadError::HeldBack(_)) => Found::Same,
                Err(error) => Found::Failed(error),
            },
            Err(error) => Found::Failed(error),
        };
        self.take_note_of_fault();
    }

    fn load(&mut self, judges: Judges) {
        let (parts, revision, began) = match std::mem::replace(&mut self.found, Found::Nothing) {
            Found::New { parts, revision, began } => (parts, revision, began),
            other => {
                self.found = other;
                return;
            }
        };
        self.is_held_back = false;
        self.found = match self.worker.take(parts, &revision, judges) {
            Ok(outcome) => {
                self.is_ahead |= !outcome.changes.is_empty();
                Found::Loaded { outcome, revision, time: began.elapsed() }
            }
            Err(error) => Found::Failed(error),
        };
        self.take_note_of_fault();
    }

    fn has_news(&self) -> bool {
        matches!(self.found, Found::Loaded { .. })
    }

    fn standing(&self) -> Standing {
        match self.found {
            Found::Loaded { .. } if self.is_ahead => Standing::Ahead,
            _ if self.is_held_back => Standing::HeldBack,
            _ => Standing::Even,
        }
    }

    fn fault(&self) -> Option<&LoadError> {
        self.fault.as_ref()
    }

    fn can_be_absent(&self) -> bool {
        self.begins_without || self.worker.shared.status().age().is_some()
    }

    fn conclude(&mut self, published: &Entry, held_back: Option<&str>) {
        let look = match std::mem::replace(&mut self.found, Found::Nothing) {
            Found::Nothing | Found::New { .. } => return,
            Found::Failed(error) => Err(error),
            Found::Same => self.worker.again(),
            Found::Loaded { outcome, revision, time } => match held_back.filter(|_| self.is_ahead) {
                Some(why) => Err(self.hold_back(&published.bucket, why)),
                None => Ok(self.catch_up(&published.bucket, outcome, revision, time)),
            },
        };
        self.worker.conclude(look);
    }
}

impl<K, V, S> Feed<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Notes what is wrong with the member by itself, if something is.
    fn take_note_of_fault(&mut self) {
        self.fault = match &self.found {
            Found::Failed(error) => Some(error.clone()),
            _ => None,
        };
    }

    /// Takes what was loaded back.
    fn hold_back(&mut self, published: &AnyBucket, why: &str) -> LoadError {
        let back = catch_unwind(AssertUnwindSafe(|| self.worker.shared.take_back(published)));
        // If not, the next content that is taken is taken as a change, whatever it is.
        self.is_ahead = back.is_err();
        self.is_held_back = true;
        let error = LoadError::HeldBack(why.into());
        self.worker.refuse(&error);
        error
    }

    /// Takes note of what was loaded and is now in the view.
    fn catch_up(&mut self, published: &AnyBucket, mut outcome: Outcome, revision: Revision, time: Duration) -> Look {
        let published: &ReadBucket<K, V, S> = published.downcast_ref().expect("the read bucket is of this table");
        // The table's own store has generations that were taken back and are in no view.
        outcome.generation = published.generation();
        self.is_ahead = false;
        Look::Loaded(outcome, revision, time)
    }
}
