//! Pins: read buckets that something outside the store still holds, and the account of where they were taken.
//!
//! A store with `on_long_pin` notes each read bucket it gives out in a [`Record`]: the read bucket holds one reference,
//! the account another, so that dropping a read bucket frees nothing. Notes are handed over through a lock-free queue;
//! only the timer and `pins` look at them, under a lock that no reader takes.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_queue::SegQueue;

use crate::Generation;
use crate::sync::lock::Mutex;

/// A read bucket that something outside the store still holds.
///
/// In a store with [`on_long_pin`](crate::Builder::on_long_pin), each read bucket taken is a pin of its own (its clones
/// and iterators count as its holders) and knows its age and where it was taken. In other stores nothing is recorded per
/// read bucket: a pin stands for all holders of one generation, and its age is counted from that generation's publish,
/// so it is the most that any of them can be.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([(1, "one")]);
/// let held = store.read();
/// store.insert(2, "two");
///
/// let pins = store.pins();
/// assert_eq!(pins.len(), 1);
/// assert_eq!(pins[0].generation(), held.generation());
/// assert_eq!(pins[0].holders(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Pin {
    /// Generation of the read bucket.
    pub(crate) generation: Generation,
    /// How long it has been held.
    pub(crate) age: Duration,
    /// References to it.
    pub(crate) holders: usize,
    /// Where it was taken, if recorded.
    pub(crate) location: Option<&'static Location<'static>>,
}

impl Pin {
    /// Returns the generation of the read bucket that is held.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([(1, "one")]);
    /// let held = store.read();
    /// assert_eq!(store.pins()[0].generation(), held.generation());
    /// ```
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns how long it has been held; without `on_long_pin`, the time since that generation was published.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let store = twinbucket::Store::from([(1, "one")]);
    /// let held = store.read();
    /// let longest = store.pins().iter().map(|pin| pin.age()).max();
    /// assert!(longest > Some(Duration::ZERO));
    /// # drop(held);
    /// ```
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Returns how many read buckets, readers, iterators and entry references share it.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([(1, "one")]);
    /// let held = store.read();
    /// let entry = held.entry(&1);
    /// assert_eq!(store.pins()[0].holders(), 2);
    /// # drop(entry);
    /// ```
    pub fn holders(&self) -> usize {
        self.holders
    }

    /// Returns the caller that took it; only in a store with `on_long_pin`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use twinbucket::Store;
    ///
    /// let report = |pin: &twinbucket::Pin| eprintln!("held for {:?}: {:?}", pin.age(), pin.location());
    /// let store = Store::<u64, u64>::builder().on_long_pin(Duration::from_secs(60), report).build();
    /// let held = store.read();
    /// assert!(store.pins()[0].location().unwrap().file().ends_with(".rs"));
    /// # drop(held);
    /// ```
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }
}

/// Note of one read bucket given out.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its generation.
    generation: Generation,
    /// When it was taken.
    taken: Instant,
    /// Who took it.
    location: &'static Location<'static>,
}

/// Account of the read buckets given out by a store with `on_long_pin`.
#[derive(Default)]
pub(crate) struct Records {
    /// Notes that no one has looked at yet.
    new: SegQueue<Arc<Record>>,
    /// Notes of read buckets that were still held when last looked at, oldest first, and whether each was reported.
    held: Mutex<Vec<(Arc<Record>, bool)>>,
}

impl Records {
    /// Notes that a read bucket is given out. Never waits.
    pub(crate) fn add(&self, generation: Generation, location: &'static Location<'static>) -> Arc<Record> {
        let record = Arc::new(Record { generation, taken: Instant::now(), location });
        self.new.push(Arc::clone(&record));
        record
    }

    /// Returns the read buckets that are held now.
    pub(crate) fn pins(&self) -> Vec<Pin> {
        let mut held = self.held.lock();
        self.renew(&mut held);
        held.iter().map(|(record, _)| pin(record)).collect()
    }

    /// Returns those that have been held for `limit` and were not returned by this method before.
    pub(crate) fn overdue(&self, limit: Duration) -> Vec<Pin> {
        let mut held = self.held.lock();
        self.renew(&mut held);
        let overdue = held.iter_mut().filter(|(record, reported)| !reported && record.taken.elapsed() >= limit);
        overdue
            .map(|(record, reported)| {
                *reported = true;
                pin(record)
            })
            .collect()
    }

    /// Takes in the new notes and drops those whose read bucket is gone.
    fn renew(&self, held: &mut Vec<(Arc<Record>, bool)>) {
        // No more than are there now, so that readers cannot keep this going.
        for _ in 0..self.new.len() {
            held.extend(self.new.pop().map(|record| (record, false)));
        }
        held.retain(|(record, _)| Arc::strong_count(record) > 1);
    }
}

fn pin(record: &Arc<Record>) -> Pin {
    Pin {
        generation: record.generation,
        age: record.taken.elapsed(),
        holders: Arc::strong_count(record) - 1,
        location: Some(record.location),
    }
}
