//! The settings of a new catalog, and how it opens.

use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use twinbucket::{DefaultHashBuilder, Store};

use super::error::CatalogError;
use super::member::{Feed, Member};
use super::round::Rounds;
use super::shared::{OnEvent, Shared, Table, Turn, Validate};
use super::status::{CatalogEvent, Record};
use super::view::{Key, View};
use super::{Catalog, content::Content};
use crate::builder::{Assembled, take_embedded};
use crate::signal::{Debounce, Signal};
use crate::{LoadError, OpenError};

/// What becomes of a round when the source of a table cannot be had: it is away, or answers with an error.
///
/// Content that can be had and is wrong always holds back the round.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Absence {
    /// Nothing is published until all sources can be had: all that is seen was current together.
    #[default]
    HoldsBack,
    /// The others go on without that table, which keeps what it has. A table that has nothing yet, and may not
    /// [begin](crate::Builder::start) without its source, holds back the others all the same.
    Tolerated,
}

/// Settings for a new [`Catalog`].
#[must_use = "`open` makes the catalog"]
pub struct Builder {
    /// The names of the tables, by their numbers.
    names: Vec<Arc<str>>,
    /// Makes the tables.
    makers: Vec<Make>,
    /// Judges all tables together.
    validate: Option<Validate>,
    /// What becomes of a round when a source cannot be had.
    absence: Absence,
    /// How many older views are kept.
    keep: usize,
    /// Who is told of events.
    listeners: Vec<OnEvent>,
}

/// Puts a table together, which gets a number and listens to a signal.
type Make = Box<dyn FnOnce(usize, &Arc<Signal>) -> Result<Made, OpenError> + Send>;

/// A table that is put together.
struct Made {
    /// Its store.
    content: Arc<dyn Content>,
    /// What works for it, if it has a source.
    feed: Option<FeedMade>,
}

/// What works for a table that is put together.
struct FeedMade {
    /// Its part in the rounds.
    member: Box<dyn Member>,
    /// How changes of the source are gathered.
    debounce: Debounce,
    /// How long to wait for the first load.
    wait: Duration,
    /// Whether the table can begin without its source.
    begins_without: bool,
    /// The source's name.
    source: Box<str>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            names: Vec::new(),
            makers: Vec::new(),
            validate: None,
            absence: Absence::default(),
            keep: 0,
            listeners: Vec::new(),
        }
    }

    /// Adds a table that follows a source, with the settings of a [`Table`](crate::Table) of its own.
    ///
    /// Of those, the debounce holds for all tables (the longest counts), the catalog waits at its start as long as the most
    /// patient table would, and embedded content is there from the beginning. Kept generations are of no use: see
    /// [`keep`](Self::keep).
    ///
    /// # Panics
    /// If there is a table with that name.
    #[track_caller]
    pub fn table<K, V, S>(&mut self, name: &str, settings: crate::Builder<K, V, S>) -> Key<K, V, S>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + PartialEq + Send + Sync + 'static,
        S: BuildHasher + Send + Sync + 'static,
    {
        self.add(name, |at, signal| {
            let Assembled { worker, start, embedded } = settings.assemble(Arc::clone(signal))?;
            let shared = Arc::clone(&worker.shared);
            if let Some(part) = embedded {
                take_embedded(&shared, &mut shared.loader.lock(), part)?;
            }
            let (debounce, source) = (worker.debounce, shared.source.clone());
            let member = Feed::new(worker, at, &start.otherwise);
            let begins_without = member.begins_without;
            let feed = FeedMade { member: Box::new(member), debounce, wait: start.wait, begins_without, source };
            Ok(Made { content: shared, feed: Some(feed) })
        })
    }

    /// Adds a table without a source, which the program [writes](Catalog::write) itself.
    ///
    /// # Panics
    /// If there is a table with that name.
    #[track_caller]
    pub fn plain<K, V>(&mut self, name: &str) -> Key<K, V>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + PartialEq + Send + Sync + 'static,
    {
        self.plain_with_hasher(name, DefaultHashBuilder::default())
    }

    /// As [`plain`](Self::plain), with a hasher of one's own.
    ///
    /// # Panics
    /// If there is a table with that name.
    #[track_caller]
    pub fn plain_with_hasher<K, V, S>(&mut self, name: &str, hasher: S) -> Key<K, V, S>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + PartialEq + Send + Sync + 'static,
        S: BuildHasher + Send + Sync + 'static,
    {
        let store: Store<K, V, S> = Store::with_hasher(hasher);
        self.add(name, |_, _| Ok(Made { content: Arc::new(store), feed: None }))
    }

    /// Adds a table that `make` will make.
    #[track_caller]
    fn add<K, V, S>(
        &mut self,
        name: &str,
        make: impl FnOnce(usize, &Arc<Signal>) -> Result<Made, OpenError> + Send + 'static,
    ) -> Key<K, V, S> {
        assert!(!self.names.iter().any(|own| **own == *name), "the catalog has a table {name:?} already");
        let key = Key::new(self.names.len(), name.into());
        self.names.push(Arc::clone(&key.name));
        self.makers.push(Box::new(make));
        key
    }

    /// Sets a last judgement on all tables together: `judge` sees the current view and the one that is to follow, and an
    /// error keeps it from being published.
    ///
    /// Runs where something changes and for the first view, on the catalog's thread or on that of a
    /// [`Write`](super::Write). Readers go on meanwhile.
    pub fn validate<E>(mut self, mut judge: impl FnMut(&View<'_>, &View<'_>) -> Result<(), E> + Send + 'static) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.validate = Some(Box::new(move |old, new| judge(old, new).map_err(Into::into)));
        self
    }

    /// Sets what becomes of a round when the source of a table cannot be had.
    pub fn absence(mut self, absence: Absence) -> Self {
        self.absence = absence;
        self
    }

    /// Keeps that many views before the current one, for [`Catalog::at`].
    pub fn keep(mut self, generations: usize) -> Self {
        self.keep = generations;
        self
    }

    /// Calls `listener` for each event, on the catalog's thread, which waits meanwhile. It must not wait for a
    /// [`reload`](Catalog::reload).
    ///
    /// Events of single tables go to the listeners in the tables' settings.
    pub fn on_event(mut self, listener: impl Fn(&CatalogEvent) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Opens the catalog, and waits for its first round as the tables' [starts](crate::Builder::start) say.
    ///
    /// Sources that cannot be had are asked again meanwhile; content that is wrong ends the wait at once.
    ///
    /// # Errors
    /// If a table's settings are incomplete, or its embedded content is wrong; or if the first round could not be published
    /// and not all tables can begin without their sources.
    pub fn open(self) -> Result<Catalog, CatalogError> {
        let signal = Arc::<Signal>::default();
        let (mut tables, mut feeds) = (Vec::new(), Vec::new());
        for (at, (name, make)) in self.names.into_iter().zip(self.makers).enumerate() {
            let opening = |error| CatalogError::Opening { table: Arc::clone(&name), error: Box::new(error) };
            let made = make(at, &signal).map_err(opening)?;
            feeds.extend(made.feed);
            tables.push(Table { name, content: made.content });
        }
        let turn = Turn { validate: self.validate };
        let shared = Arc::new(Shared::new(tables, turn, signal, self.listeners, self.keep));
        // Ends the feeds if the rest fails.
        let catalog = Catalog::new(Arc::clone(&shared));
        if !feeds.is_empty() {
            run(&shared, feeds, self.absence)?;
        }
        Ok(catalog)
    }
}

/// Has a thread work for the tables with a source, and waits for its first round.
fn run(shared: &Arc<Shared>, feeds: Vec<FeedMade>, absence: Absence) -> Result<(), CatalogError> {
    let debounce = Debounce {
        settle: feeds.iter().map(|feed| feed.debounce.settle).max().unwrap_or_default(),
        at_most: feeds.iter().map(|feed| feed.debounce.at_most).max().unwrap_or_default(),
    };
    let wait = feeds.iter().map(|feed| feed.wait).max().unwrap_or_default();
    let needed = feeds.iter().find(|feed| !feed.begins_without);
    let needed = needed.map(|feed| (feed.member.at(), feed.source.clone()));
    shared.signal.request(false);
    let members = feeds.into_iter().map(|feed| feed.member).collect();
    let rounds = Rounds { shared: Arc::clone(shared), members, debounce, absence };
    rounds.start().map_err(|error| CatalogError::Thread(Arc::new(error)))?;
    shared.signal.wait_until(wait, |_| is_settled(&shared.record.load()));
    let record = shared.record.load();
    match (needed, &record.error) {
        _ if record.is_complete => Ok(()),
        (None, _) => Ok(()),
        (Some(_), Some(error)) => Err(CatalogError::clone(error)),
        (Some((at, source)), None) => Err(CatalogError::Opening {
            table: Arc::clone(&shared.tables[at].name),
            error: Box::new(OpenError::NotLoaded { source, waited: wait, error: None }),
        }),
    }
}

/// Tells whether to wait no longer: the first view is there, or something is wrong with it that will not pass by itself.
fn is_settled(record: &Record) -> bool {
    match record.error.as_deref() {
        None | Some(CatalogError::Table { error: LoadError::Source(_), .. }) => record.is_complete,
        Some(_) => true,
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("tables", &self.names).field("absence", &self.absence).finish_non_exhaustive()
    }
}
