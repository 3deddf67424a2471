//! How a table is: what it has, since when, from where, and what went wrong last.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use twinbucket::{Changes, Generation};

use crate::load::Outcome;
use crate::{LoadError, Revision, RowError};

/// What to make of a table's content, in one word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum State {
    /// Nothing was loaded yet, and no load has failed: what is there, if anything, is embedded.
    Starting,
    /// The content is the source's, and the last look at the source went well.
    Ready,
    /// The last load failed. The content is the last good one, or what the table started with.
    Error,
    /// For longer than the limit, nothing has shown that the content is still the source's. Stronger than `Error`.
    Stale,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Starting, Self::Ready, Self::Error, Self::Stale];

    /// Returns the state's name in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "STARTING",
            Self::Ready => "READY",
            Self::Error => "ERROR",
            Self::Stale => "STALE",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a table's content comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// There is none yet.
    Empty,
    /// What was built into the program.
    Embedded,
    /// The source.
    Source,
    /// An older generation, by [`Table::rollback`](crate::Table::rollback); until the source has other content.
    Rollback,
}

impl Origin {
    /// Returns the origin's name in small letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Embedded => "embedded",
            Self::Source => "source",
            Self::Rollback => "rollback",
        }
    }
}

/// Totals since the table was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Looks at the source that have ended, in whichever way.
    pub attempts: u64,
    /// Those that found other content and took it.
    pub loads: u64,
    /// Those that found the same content.
    pub unchanged: u64,
    /// Those that failed.
    pub failures: u64,
}

/// A table at one moment. Consistent in itself; see [`Table::status`](crate::Table::status).
#[derive(Clone, Debug)]
pub struct Status {
    /// What is known but for the passing of time.
    pub(crate) record: Arc<Record>,
    /// When this was taken.
    pub(crate) now: Instant,
    /// How long content may go without proof.
    pub(crate) stale_after: Option<Duration>,
}

/// What a feed's thread knows of its table; replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Where the content comes from.
    pub(crate) origin: Origin,
    /// Generation of the content.
    pub(crate) generation: Generation,
    /// Entries in it.
    pub(crate) entries: usize,
    /// The source's name of it.
    pub(crate) revision: Option<Revision>,
    /// When the table was opened.
    pub(crate) opened: Instant,
    /// When the content was last known to be the source's.
    pub(crate) proved: Option<Instant>,
    /// When the last look at the source ended.
    pub(crate) last_attempt: Option<SystemTime>,
    /// When the last one that went well ended.
    pub(crate) last_success: Option<SystemTime>,
    /// What the last load that was taken changed.
    pub(crate) changes: Changes,
    /// How long that load took.
    pub(crate) load_time: Duration,
    /// Bad rows left out of the content, the first of them.
    pub(crate) quarantined: Arc<[RowError]>,
    /// All of them.
    pub(crate) quarantined_rows: usize,
    /// Why the last look failed, if it did.
    pub(crate) error: Option<Arc<LoadError>>,
    /// Totals.
    pub(crate) counts: Counts,
}

impl Record {
    pub(crate) fn new(generation: Generation) -> Self {
        Self {
            origin: Origin::Empty,
            generation,
            entries: 0,
            revision: None,
            opened: Instant::now(),
            proved: None,
            last_attempt: None,
            last_success: None,
            changes: Changes::default(),
            load_time: Duration::ZERO,
            quarantined: Arc::new([]),
            quarantined_rows: 0,
            error: None,
            counts: Counts::default(),
        }
    }

    /// Notes that content was taken.
    pub(crate) fn loaded(&mut self, outcome: &Outcome, revision: &Revision, time: Duration) {
        self.origin = Origin::Source;
        self.generation = outcome.generation;
        self.entries = outcome.entries;
        self.revision = Some(revision.clone());
        self.changes = outcome.changes;
        self.load_time = time;
        self.quarantined = Arc::clone(&outcome.bad);
        self.quarantined_rows = outcome.bad_count;
        self.counts.loads += 1;
    }

    /// Notes that a look at the source went well, and when the content was last known to be the source's.
    pub(crate) fn succeeded(&mut self, proved: Option<Instant>, at: Option<SystemTime>) {
        self.proved = proved;
        (self.last_attempt, self.last_success) = (at, at);
        self.error = None;
        self.counts.attempts += 1;
    }

    /// Notes that a look at the source, or a load, failed.
    pub(crate) fn failed(&mut self, error: &Arc<LoadError>, at: Option<SystemTime>) {
        self.last_attempt = at;
        self.error = Some(Arc::clone(error));
        self.counts.attempts += 1;
        self.counts.failures += 1;
    }

    /// The time since the content was last known to be the source's, or since there has been a table.
    pub(crate) fn unproved(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.proved.unwrap_or(self.opened))
    }

    /// The moment from which on the content is stale.
    pub(crate) fn stale_at(&self, stale_after: Option<Duration>) -> Option<Instant> {
        self.proved.unwrap_or(self.opened).checked_add(stale_after?)
    }
}

impl Status {
    /// Sums the table up in one word.
    pub fn state(&self) -> State {
        let stale = self.record.stale_at(self.stale_after).is_some_and(|at| at <= self.now);
        match &self.record {
            _ if stale => State::Stale,
            record if record.error.is_some() => State::Error,
            record if record.proved.is_none() => State::Starting,
            _ => State::Ready,
        }
    }

    /// Returns where the content comes from.
    pub fn origin(&self) -> Origin {
        self.record.origin
    }

    /// Returns the generation of the content.
    pub fn generation(&self) -> Generation {
        self.record.generation
    }

    /// Returns how many entries the content has.
    pub fn entries(&self) -> usize {
        self.record.entries
    }

    /// Returns the source's own name of the content: a content hash, an ETag. `None` until something was loaded.
    pub fn revision(&self) -> Option<&Revision> {
        self.record.revision.as_ref()
    }

    /// Returns the time since the content was last known to be the source's; `None` until something was loaded.
    ///
    /// Counted by a clock that nobody sets, and also while the source hangs.
    pub fn age(&self) -> Option<Duration> {
        self.record.proved.map(|proved| self.now.saturating_duration_since(proved))
    }

    /// Returns how old the content may be before the table is [`Stale`](State::Stale); `None` for any age.
    pub fn stale_after(&self) -> Option<Duration> {
        self.stale_after
    }

    /// Returns when the last look at the source ended, by the wall clock.
    pub fn last_attempt(&self) -> Option<SystemTime> {
        self.record.last_attempt
    }

    /// Returns when the last look that went well ended, by the wall clock: it found new content, or the same.
    pub fn last_success(&self) -> Option<SystemTime> {
        self.record.last_success
    }

    /// Returns what the last load that was taken added, changed and removed, against the content before it.
    pub fn changes(&self) -> Changes {
        self.record.changes
    }

    /// Returns how long that load took, from the question to the source until the publish.
    pub fn load_time(&self) -> Duration {
        self.record.load_time
    }

    /// Returns the errors of bad rows that the content lacks: the first hundred of
    /// [`quarantined_rows`](Self::quarantined_rows).
    pub fn quarantined(&self) -> &[RowError] {
        &self.record.quarantined
    }

    /// Returns how many bad rows the content lacks.
    pub fn quarantined_rows(&self) -> usize {
        self.record.quarantined_rows
    }

    /// Returns why the last load failed; `None` once one went well.
    pub fn error(&self) -> Option<&Arc<LoadError>> {
        self.record.error.as_ref()
    }

    /// Returns the totals since the table was opened.
    pub fn counts(&self) -> Counts {
        self.record.counts
    }
}
