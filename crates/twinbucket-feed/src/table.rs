//! The handle to a table: reads, status, and what can be asked of its feed.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use twinbucket::{DefaultHashBuilder, Equivalent, Generation, Pin, ReadBucket, Reader, Stats, Watch};

use crate::shared::Shared;
use crate::{Builder, Event, Gauge, Origin, ReloadError, RollbackError, Status};

/// A table that follows a source, in memory. Cheap to clone; the last handle to go ends the feed.
///
/// Reads are those of a [`Store`](twinbucket::Store): they wait for nobody and free nothing. Parsing, publishing and
/// freeing happen on the feed's own thread.
///
/// # Examples
/// ```
/// use twinbucket_feed::{Guard, Table};
/// # use twinbucket_feed::{Fetched, Part, Revision, Rows, Source, SourceError};
/// # struct Fixed;
/// # impl Source for Fixed {
/// #     fn name(&self) -> String { "ports".into() }
/// #     fn fetch(&mut self, _: Option<&Revision>) -> Result<Fetched, SourceError> {
/// #         let part = Part { name: "ports".into(), bytes: b"http 80\nssh 22\n".to_vec() };
/// #         Ok(Fetched::New { parts: vec![part], revision: Revision::new("1") })
/// #     }
/// #     fn pause(&mut self) -> std::time::Duration { std::time::Duration::from_secs(60) }
/// # }
/// # struct Words;
/// # impl twinbucket_feed::Format<String, u16> for Words {
/// #     fn read(&self, part: &Part, rows: &mut Rows<'_, String, u16>) -> Result<(), twinbucket_feed::RowError> {
/// #         for (at, line) in String::from_utf8_lossy(&part.bytes).lines().enumerate() {
/// #             let (name, port) = line.split_once(' ').unwrap();
/// #             if rows.push(at as u64 + 1, name.into(), port.parse().unwrap()).is_break() { break }
/// #         }
/// #         Ok(())
/// #     }
/// # }
/// let ports: Table<String, u16> = Table::builder().source(Fixed).format(Words).guard(Guard::not_empty()).open()?;
/// assert_eq!(ports.get("ssh"), Some(22));
/// assert_eq!(ports.status().entries(), 2);
/// # Ok::<(), twinbucket_feed::OpenError>(())
/// ```
pub struct Table<K, V, S = DefaultHashBuilder> {
    /// What all handles share.
    handle: Arc<Handle<K, V, S>>,
}

/// Ends the feed when the last handle goes.
struct Handle<K, V, S> {
    /// The table.
    shared: Arc<Shared<K, V, S>>,
}

impl<K, V, S> Drop for Handle<K, V, S> {
    fn drop(&mut self) {
        self.shared.signal.stop();
    }
}

impl<K, V> Table<K, V> {
    /// Starts the settings of a new table.
    pub fn builder() -> Builder<K, V> {
        Self::builder_with_hasher(DefaultHashBuilder::default())
    }
}

impl<K, V, S> Table<K, V, S> {
    /// Starts the settings of a new table with a hasher of one's own.
    pub fn builder_with_hasher(hasher: S) -> Builder<K, V, S> {
        Builder::new(hasher)
    }

    pub(crate) fn new(shared: Arc<Shared<K, V, S>>) -> Self {
        Self { handle: Arc::new(Handle { shared }) }
    }

    /// Takes the current read bucket. Never waits.
    #[track_caller]
    pub fn read(&self) -> ReadBucket<K, V, S> {
        self.shared().store.read()
    }

    /// Makes a reader, the fastest way to look up again and again on one thread. Never waits.
    #[track_caller]
    pub fn reader(&self) -> Reader<K, V, S> {
        self.shared().store.reader()
    }

    /// Looks up the value of `key` and clones it.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
        S: BuildHasher,
    {
        self.shared().store.get(key)
    }

    /// Returns what can wait for the next publish.
    pub fn watch(&self) -> Watch<K, V, S> {
        self.shared().store.watch()
    }

    /// Returns the generation of the current read bucket.
    pub fn generation(&self) -> Generation {
        self.shared().store.generation()
    }

    /// Returns the read bucket of a generation that is [kept](Builder::keep) or current.
    #[track_caller]
    pub fn at(&self, generation: Generation) -> Option<ReadBucket<K, V, S>> {
        self.shared().store.at(generation)
    }

    /// Returns what is known of the table's content and its source. Takes no lock, and does not wait for a load.
    pub fn status(&self) -> Status {
        self.shared().status()
    }

    /// Returns the name of the source.
    pub fn source(&self) -> &str {
        &self.shared().source
    }

    /// Returns counts over the store: its size, and what waits for holders of older read buckets.
    pub fn stats(&self) -> Stats {
        self.shared().store.stats()
    }

    /// Returns who holds read buckets.
    pub fn pins(&self) -> Vec<Pin> {
        self.shared().store.pins()
    }

    /// Makes what reads the table's metrics, for the adapters of [`observe`](crate::observe); `name` tells the table from
    /// others. It does not keep the feed going.
    pub fn gauge(&self, name: &str) -> Gauge
    where
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        let handle = Arc::downgrade(&self.handle);
        Gauge::new(name, move || Some(handle.upgrade()?.shared.reading()))
    }

    /// Asks the feed to look at its source now, and returns at once.
    ///
    /// The content is loaded even if the source says that it is the same as before, so that it is validated anew.
    pub fn request_reload(&self) {
        self.shared().signal.request(false);
    }

    /// Asks the feed to look at its source now, and waits for the end of a look that begins after this call.
    ///
    /// # Errors
    /// If the load failed, and the table has what it had; or if it has not ended within `timeout`, and goes on.
    pub fn reload(&self, timeout: Duration) -> Result<Status, ReloadError> {
        self.await_reload(false, timeout)
    }

    /// As [`reload`](Self::reload), and for once without the [`Guard`](crate::Guard): for content that is meant to be
    /// much smaller, or empty.
    ///
    /// # Errors
    /// As `reload`.
    pub fn reload_unguarded(&self, timeout: Duration) -> Result<Status, ReloadError> {
        self.await_reload(true, timeout)
    }

    fn await_reload(&self, unguarded: bool, timeout: Duration) -> Result<Status, ReloadError> {
        let signal = &self.shared().signal;
        let ticket = signal.request(unguarded);
        if !signal.wait_for(ticket, timeout) {
            return Err(ReloadError::TimedOut(timeout));
        }
        let status = self.status();
        match status.error() {
            Some(error) => Err(ReloadError::Failed(Arc::clone(error))),
            None => Ok(status),
        }
    }

    fn shared(&self) -> &Shared<K, V, S> {
        &self.handle.shared
    }
}

impl<K, V, S> Table<K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone + PartialEq,
    S: BuildHasher,
{
    /// Brings the content of an older generation back, as a new generation, until the source has other content than it
    /// has now.
    ///
    /// Waits for a load that goes on, not for a source that hangs. Costs O(entries). Until the source's content is
    /// loaded again the table's age grows, since what it has is not the source's.
    ///
    /// # Errors
    /// If the generation is neither [kept](Builder::keep) nor the current one.
    pub fn rollback(&self, generation: Generation) -> Result<Generation, RollbackError> {
        let shared = self.shared();
        let mut loader = shared.loader.lock();
        let Some(old) = shared.store.at(generation) else {
            return Err(RollbackError::NotKept { asked: generation, current: shared.store.generation() });
        };
        let (generation, changes) = loader.roll_back(&shared.store, &old).map_err(RollbackError::Failed)?;
        let entries = shared.store.len();
        let status = shared.note(|record| {
            record.origin = Origin::Rollback;
            (record.generation, record.entries, record.changes) = (generation, entries, changes);
            record.revision = None;
        });
        drop(loader);
        shared.tell(&Event::RolledBack(status));
        Ok(generation)
    }
}

impl<K, V, S> Clone for Table<K, V, S> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<K, V, S> fmt::Debug for Table<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status();
        f.debug_struct("Table")
            .field("source", &self.source())
            .field("state", &status.state())
            .field("generation", &status.generation())
            .field("entries", &status.entries())
            .finish_non_exhaustive()
    }
}
