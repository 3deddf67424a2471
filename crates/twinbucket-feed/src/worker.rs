//! The feed's thread: waits until there is a reason to look at the source, looks, loads, and takes note.
//!
//! Nothing that a source, a format, a validation or a listener does ends the thread: a panic is a failed load. It ends
//! when the last handle is gone.

use std::any::Any;
use std::hash::{BuildHasher, Hash};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::load::{Judges, Outcome};
use crate::observe::trace;
use crate::shared::Shared;
use crate::signal::{Call, Debounce};
use crate::{Event, Fetched, LoadError, Origin, Part, Revision, Source, State, Wake};

/// The shortest time between two looks at a source that nobody asked for.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// The feed of one table.
pub(crate) struct Worker<K, V, S> {
    /// The table.
    pub(crate) shared: Arc<Shared<K, V, S>>,
    /// Where its content comes from.
    pub(crate) source: Box<dyn Source>,
    /// How changes are gathered.
    pub(crate) debounce: Debounce,
    /// What the source gave last, good or bad.
    pub(crate) seen: Option<Seen>,
    /// Whether listeners know that the table is stale.
    pub(crate) told_stale: bool,
}

/// Content that a source gave.
pub(crate) struct Seen {
    /// The source's name for it.
    revision: Revision,
    /// Why it was refused, if it was.
    refused: Option<LoadError>,
}

/// What a look at the source came to.
pub(crate) enum Look {
    /// Other content, which was taken.
    Loaded(Outcome, Revision, Duration),
    /// The same content as before.
    Same,
}

impl<K, V, S> Worker<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Starts the thread. The first look is what was asked for before.
    pub(crate) fn start(mut self) -> io::Result<()> {
        thread::Builder::new().name("twinbucket-feed".into()).spawn(move || self.run()).map(drop)
    }

    /// Works until the last handle is gone.
    fn run(&mut self) {
        self.watch(Wake::new(Arc::clone(&self.shared.signal)));
        let mut next = None;
        loop {
            let until = next.into_iter().chain(self.stale_at()).min();
            let call = self.shared.signal.next(until, self.debounce);
            match call {
                Call::Stop => return,
                Call::TimeUp if next.is_none_or(|next| next > Instant::now()) => self.tell_if_stale(),
                _ => {
                    self.look(call);
                    next = Instant::now().checked_add(self.pause());
                }
            }
        }
    }

    /// Begins to watch the source.
    pub(crate) fn watch(&mut self, wake: Wake) {
        // If that panics, the source is asked now and then all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| self.source.watch(wake)));
    }

    /// Returns when to tell listeners that the table is stale.
    pub(crate) fn stale_at(&self) -> Option<Instant> {
        self.shared.status().record.stale_at(self.shared.stale_after).filter(|_| !self.told_stale)
    }

    /// Asks the source how long to leave it alone.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = catch_unwind(AssertUnwindSafe(|| self.source.pause())).unwrap_or(Duration::from_secs(1));
        pause.max(LEAST_PAUSE)
    }

    /// Looks at the source, takes note of what came of it, and tells everybody.
    fn look(&mut self, call: Call) {
        let result = catch_unwind(AssertUnwindSafe(|| self.traced_load(call)))
            .unwrap_or_else(|panic| Err(LoadError::Panicked(message(panic.as_ref()))));
        // A destructor that panics must not end the thread.
        let _ = catch_unwind(AssertUnwindSafe(|| self.collect()));
        let event = self.note(result);
        let ticket = if let Call::ByHand { ticket, .. } = call { Some(ticket) } else { None };
        self.shared.signal.serve(ticket);
        self.tell(event);
    }

    /// Frees what was replaced and is held no more: pins that went since the last load leave something.
    fn collect(&self) {
        self.shared.store.collect();
        if let Some(companion) = &mut self.shared.loader.lock().companion {
            companion.collect();
        }
    }

    /// As [`load`](Self::load), told to those who trace.
    fn traced_load(&mut self, call: Call) -> Result<Look, LoadError> {
        let shared = Arc::clone(&self.shared);
        trace::load(&shared.source, || self.load(call))
    }

    /// Looks at the source, and brings what is new into the store.
    fn load(&mut self, call: Call) -> Result<Look, LoadError> {
        let began = Instant::now();
        let by_hand = matches!(call, Call::ByHand { .. });
        let Some((parts, revision)) = self.fetch(by_hand)? else { return self.again() };
        let judges = match call {
            Call::ByHand { unguarded: true, .. } => Judges::Unguarded,
            _ => Judges::All,
        };
        let outcome = self.take(parts, &revision, judges)?;
        Ok(Look::Loaded(outcome, revision, began.elapsed()))
    }

    /// Asks the source for its content, for all of it if `anew`; `None` if it is the same as before.
    pub(crate) fn fetch(&mut self, anew: bool) -> Result<Option<(Vec<Part>, Revision)>, LoadError> {
        let known = self.seen.as_ref().filter(|_| !anew).map(|seen| &seen.revision);
        match self.source.fetch(known).map_err(LoadError::Source)? {
            Fetched::New { parts, revision } => Ok(Some((parts, revision))),
            Fetched::Same => Ok(None),
        }
    }

    /// Brings content into the store, or leaves that as it is.
    pub(crate) fn take(&mut self, parts: Vec<Part>, revision: &Revision, judges: Judges) -> Result<Outcome, LoadError> {
        let mut loader = self.shared.loader.lock();
        let record = self.shared.record.load();
        let before = (record.origin != Origin::Empty && record.origin != Origin::Embedded).then_some(record.entries);
        let load = AssertUnwindSafe(|| loader.load(&self.shared.store, parts, before, judges));
        let loaded = catch_unwind(load).unwrap_or_else(|panic| Err(LoadError::Panicked(message(panic.as_ref()))));
        if let Ok(outcome) = &loaded {
            trace::quarantined(&self.shared.source, outcome.bad_count, outcome.bad.first());
        }
        let refused = loaded.as_ref().err().cloned();
        self.seen = Some(Seen { revision: revision.clone(), refused });
        loaded
    }

    /// Notes that what the source gave last is refused after all.
    pub(crate) fn refuse(&mut self, error: &LoadError) {
        if let Some(seen) = &mut self.seen {
            seen.refused = Some(error.clone());
        }
    }

    /// Takes note of what a look at the source came to, and tells everybody.
    pub(crate) fn conclude(&mut self, result: Result<Look, LoadError>) {
        let event = self.note(result);
        self.tell(event);
    }

    /// Judges content that the source gave before as it was judged then.
    pub(crate) fn again(&self) -> Result<Look, LoadError> {
        match self.seen.as_ref().and_then(|seen| seen.refused.clone()) {
            Some(error) => Err(error),
            None => Ok(Look::Same),
        }
    }

    /// Takes note of what a look at the source came to; returns what to tell.
    fn note(&self, result: Result<Look, LoadError>) -> Option<Event> {
        let (now, at) = (Some(Instant::now()), Some(SystemTime::now()));
        match result {
            Ok(Look::Loaded(outcome, revision, time)) => {
                let unchanged = outcome.changes.is_empty();
                let status = self.shared.note(|record| {
                    record.loaded(&outcome, &revision, time);
                    record.succeeded(now, at);
                });
                Some(if unchanged { Event::Unchanged(status) } else { Event::Published(status) })
            }
            Ok(Look::Same) => Some(Event::Unchanged(self.shared.note(|record| {
                record.counts.unchanged += 1;
                // After a rollback, the source's content is not the table's.
                let proved = if record.origin == Origin::Rollback { record.proved } else { now };
                record.succeeded(proved, at);
            }))),
            Err(error) => {
                let error = Arc::new(error);
                let known = self.shared.record.load().error.as_ref().map(ToString::to_string);
                let status = self.shared.note(|record| record.failed(&error, at));
                // The same failure again and again is told once.
                (known.as_deref() != Some(&*error.to_string())).then_some(Event::Failed(status))
            }
        }
    }

    /// Tells listeners that the table is stale, if it is and they do not know.
    pub(crate) fn tell_if_stale(&mut self) {
        let status = self.shared.status();
        if !self.told_stale && status.state() == State::Stale {
            self.told_stale = true;
            self.shared.tell(&Event::Stale(status));
        }
    }

    /// Tells listeners of an event, if there is one, and that the table is stale, if it is and they do not know.
    fn tell(&mut self, event: Option<Event>) {
        if let Some(event) = event {
            self.told_stale &= event.status().state() == State::Stale;
            self.shared.tell(&event);
        }
        self.tell_if_stale();
    }
}

/// Returns the text of a panic.
pub(crate) fn message(panic: &(dyn Any + Send)) -> Box<str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").into()
}
