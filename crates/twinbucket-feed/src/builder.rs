//! The settings of a new table, and how it opens.

use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use twinbucket::{DefaultHashBuilder, Observer, ReadBucket, Store, WriteBucket};

use crate::event::Listeners;
use crate::load::{Companion, Judges, Loader, Validate};
use crate::observe::LongPins;
use crate::observe::tally::Tally;
use crate::shared::Shared;
use crate::signal::{Debounce, Signal};
use crate::start::Otherwise;
use crate::status::Record;
use crate::worker::Worker;
use crate::{Event, Format, Guard, LoadError, OpenError, Origin, Overlaps, Part, RowPolicy, Source, Start, Table};

/// Settings for a new [`Table`].
///
/// Needs a [`source`](Self::source) and a [`format`](Self::format); all else has a default.
#[must_use = "`open` makes the table"]
pub struct Builder<K, V, S = DefaultHashBuilder> {
    /// Settings of the store.
    store: twinbucket::Builder<K, V, S>,
    /// Where the content comes from.
    source: Option<Box<dyn Source>>,
    /// How it is read.
    format: Option<Box<dyn Format<K, V>>>,
    /// What becomes of bad rows.
    policy: RowPolicy,
    /// What becomes of a key that several parts have.
    overlaps: Overlaps,
    /// Limits on what a load may do.
    guard: Guard,
    /// The user's own judgement.
    validate: Option<Validate<K, V, S>>,
    /// What is published along with the content.
    companion: Option<Box<dyn Companion<K, V, S>>>,
    /// How the table starts.
    start: Start,
    /// How long content may go without proof.
    stale_after: Option<Duration>,
    /// How changes are gathered.
    debounce: Debounce,
    /// Who is told of events.
    listeners: Listeners,
    /// What to do about read buckets that are held for long.
    long_pins: Option<LongPins>,
}

impl<K, V, S> Builder<K, V, S> {
    pub(crate) fn new(hasher: S) -> Self {
        Self {
            store: Store::builder().hasher(hasher),
            source: None,
            format: None,
            policy: RowPolicy::default(),
            overlaps: Overlaps::default(),
            guard: Guard::none(),
            validate: None,
            companion: None,
            start: Start::default(),
            stale_after: None,
            debounce: Debounce { settle: Duration::from_millis(50), at_most: Duration::from_secs(1) },
            listeners: Listeners::default(),
            long_pins: None,
        }
    }

    /// Sets where the content comes from.
    pub fn source(mut self, source: impl Source + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Sets how the content is read.
    pub fn format(mut self, format: impl Format<K, V> + 'static) -> Self {
        self.format = Some(Box::new(format));
        self
    }

    /// Sets a last judgement on new content: `judge` sees the read bucket that is current and the complete write
    /// bucket that is to follow, and an error discards it.
    ///
    /// Runs on the feed's thread, for content that changes something and for the first. Readers go on meanwhile.
    pub fn validate<E>(
        mut self,
        mut judge: impl FnMut(&ReadBucket<K, V, S>, &WriteBucket<'_, K, V, S>) -> Result<(), E> + Send + 'static,
    ) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.validate = Some(Box::new(move |old, new| judge(old, new).map_err(Into::into)));
        self
    }

    /// Sets limits on what a load may do to the table.
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// Sets what becomes of a load in which some rows are wrong.
    pub fn rows(mut self, policy: RowPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets what becomes of a key that several files of a directory have.
    pub fn overlaps(mut self, overlaps: Overlaps) -> Self {
        self.overlaps = overlaps;
        self
    }

    /// Sets how the table starts. By default it waits five seconds for its source, and otherwise does not open.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Makes the table STALE when for longer than `limit` nothing has shown that its content is still the source's.
    ///
    /// A source shows it each time it is asked, so choose a multiple of the time between two looks.
    pub fn stale_after(mut self, limit: Duration) -> Self {
        self.stale_after = Some(limit);
        self
    }

    /// Keeps that many generations before the current one, for [`Table::at`] and [`Table::rollback`].
    pub fn keep(mut self, generations: usize) -> Self {
        self.store = self.store.keep(generations);
        self
    }

    /// Sets how changes of the source are gathered: a load waits until there was none for `settle`, but never longer
    /// than `at_most` after the first. By default 50 ms and 1 s.
    pub fn debounce(mut self, settle: Duration, at_most: Duration) -> Self {
        self.debounce = Debounce { settle, at_most };
        self
    }

    /// Calls `listener` for each event, on the thread on which it happens: mostly the feed's, which waits meanwhile.
    ///
    /// The listener may read the table, but must not wait for a [`reload`](Table::reload). One that panics is not
    /// spared the next event.
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.0.push(Arc::new(listener));
        self
    }

    /// Sets what to do about read buckets that are held for long, and so keep old versions in memory.
    pub fn long_pins(mut self, long_pins: LongPins) -> Self {
        self.long_pins = Some(long_pins);
        self
    }

    /// Tells `observer` what the table's store does: each publish, long pin and free; see [`Observer`].
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.store = self.store.observer(observer);
        self
    }

    /// Publishes `companion` along with the content.
    #[cfg(feature = "ranges")]
    pub(crate) fn companion(mut self, companion: impl Companion<K, V, S> + 'static) -> Self {
        self.companion = Some(Box::new(companion));
        self
    }
}

impl<K, V, S> Builder<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Opens the table, and waits for its first load as [`start`](Self::start) says.
    ///
    /// A source that cannot be had is asked again meanwhile; content that is wrong ends the wait at once.
    ///
    /// # Errors
    /// If the source or the format is missing, if embedded content is wrong, or if nothing could be loaded and the
    /// start allows nothing else.
    pub fn open(self) -> Result<Table<K, V, S>, OpenError> {
        let Assembled { worker, start, embedded } = self.assemble(Arc::default())?;
        let shared = Arc::clone(&worker.shared);
        // Ends the feed if the rest fails.
        let table = Table::new(Arc::clone(&shared));
        shared.signal.request(false);
        worker.start().map_err(|error| OpenError::Thread(Arc::new(error)))?;
        await_first(&shared, &start, embedded)?;
        Ok(table)
    }

    /// Puts together what works on the table, and has it listen to `signal`. Reads embedded content, to see that it is
    /// good.
    pub(crate) fn assemble(self, signal: Arc<Signal>) -> Result<Assembled<K, V, S>, OpenError> {
        let source = self.source.ok_or(OpenError::Incomplete { missing: "source" })?;
        let format = self.format.ok_or(OpenError::Incomplete { missing: "format" })?;
        let loader = Loader {
            format,
            policy: self.policy,
            overlaps: self.overlaps,
            guard: self.guard,
            validate: self.validate,
            companion: self.companion,
        };
        let embedded = embedded(&self.start);
        if let Some(part) = &embedded {
            loader.check(std::slice::from_ref(part)).map_err(|error| OpenError::Embedded(Arc::new(error)))?;
        }
        let tally = Arc::<Tally>::default();
        let mut store = self.store.observer(Arc::clone(&tally));
        let for_list = Arc::new(OnceLock::<Weak<Shared<K, V, S>>>::new());
        if let Some(long_pins) = self.long_pins {
            let (shared, tally) = (Arc::clone(&for_list), Arc::clone(&tally));
            store = store.on_long_pin(long_pins.limit, move |pin| {
                let shared = shared.get().and_then(Weak::upgrade);
                long_pins.act(pin, || shared.map_or_else(Vec::new, |shared| shared.store.pins()), &tally);
            });
        }
        let store = store.try_build().map_err(|error| OpenError::Thread(Arc::new(error)))?;
        let shared = Arc::new(Shared {
            record: ArcSwap::from_pointee(Record::new(store.generation())),
            store,
            loader: Mutex::new(loader),
            signal,
            stale_after: self.stale_after,
            listeners: self.listeners,
            source: source.name().into(),
            tally,
        });
        for_list.get_or_init(|| Arc::downgrade(&shared));
        let worker = Worker { shared, source, debounce: self.debounce, seen: None, told_stale: false };
        Ok(Assembled { worker, start: self.start, embedded })
    }
}

/// A table that is put together, and does not run yet.
pub(crate) struct Assembled<K, V, S> {
    /// Works on it.
    pub(crate) worker: Worker<K, V, S>,
    /// How it starts.
    pub(crate) start: Start,
    /// What it has if its source is not there.
    pub(crate) embedded: Option<Part>,
}

/// Returns the content that the start falls back on.
fn embedded(start: &Start) -> Option<Part> {
    match &start.otherwise {
        Otherwise::Embedded(bytes) => Some(Part { name: "embedded".into(), bytes: bytes.to_vec() }),
        Otherwise::Fail | Otherwise::Empty => None,
    }
}

/// Waits for the first load, and sees to what the table has without it.
fn await_first<K, V, S>(shared: &Shared<K, V, S>, start: &Start, embedded: Option<Part>) -> Result<(), OpenError>
where
    K: Hash + Eq + Clone,
    V: Clone + PartialEq,
    S: BuildHasher,
{
    let is_settled = |record: &Record| match record.error.as_deref() {
        None | Some(LoadError::Source(_)) => record.proved.is_some(),
        Some(_) => true,
    };
    shared.signal.wait_until(start.wait, |_| is_settled(&shared.record.load()));
    // Locked, so that the first load is either there or comes later.
    let mut loader = shared.loader.lock();
    let status = shared.status();
    if status.record.proved.is_some() {
        return Ok(());
    }
    if let Some(part) = embedded {
        return take_embedded(shared, &mut loader, part);
    }
    match start.otherwise {
        Otherwise::Fail => Err(OpenError::NotLoaded {
            source: shared.source.clone(),
            waited: start.wait,
            error: status.error().cloned(),
        }),
        Otherwise::Empty | Otherwise::Embedded(_) => Ok(()),
    }
}

/// Makes embedded content that of the table.
pub(crate) fn take_embedded<K, V, S>(
    shared: &Shared<K, V, S>,
    loader: &mut Loader<K, V, S>,
    part: Part,
) -> Result<(), OpenError>
where
    K: Hash + Eq + Clone,
    V: Clone + PartialEq,
    S: BuildHasher,
{
    let outcome = loader.load(&shared.store, vec![part], None, Judges::None);
    let outcome = outcome.map_err(|error| OpenError::Embedded(Arc::new(error)))?;
    shared.note(|record| {
        record.origin = Origin::Embedded;
        (record.generation, record.entries) = (outcome.generation, outcome.entries);
    });
    Ok(())
}

impl<K, V, S> fmt::Debug for Builder<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("source", &self.source.as_ref().map(|source| source.name()))
            .field("rows", &self.policy)
            .field("guard", &self.guard)
            .field("start", &self.start)
            .field("stale_after", &self.stale_after)
            .finish_non_exhaustive()
    }
}
