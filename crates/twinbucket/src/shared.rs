//! What all handles of a store share, and the publish.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash};
use std::panic::Location;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::directory::Directory;
use crate::leaf::{ChunkRef, Mark, OwnedChunk};
use crate::ledger::{Ledger, Retired, Stamp};
use crate::observer::{News, Notes, Observers};
use crate::pin::{Pin, Records};
use crate::read::ReadBucket;
use crate::slot::Slot;
use crate::sync::Arc;
use crate::sync::event::Event;
use crate::sync::lock::{Mutex, ReentrantMutex};
use crate::timer::Timer;
use crate::writer::{Old, Tally, Writer};
use crate::{Discarded, Freed, Generation, Published, Stats};

/// What outlives the store: every version refers to it, and the last one to go drops it.
pub(crate) struct Home<K, V, S> {
    /// The store's hasher.
    hasher: S,
    /// The chunk of a version without entries.
    blank: OwnedChunk<K, V>,
    /// What versions that were held when the store went can still see; set once, by the store's drop.
    estate: OnceLock<Vec<Old<K, V>>>,
}

impl<K, V, S> Home<K, V, S> {
    fn new(hasher: S) -> Self {
        let blank = ChunkRef::new(Mark { born: Stamp(0), depth: 0 }).take();
        Self { hasher, blank, estate: OnceLock::new() }
    }

    /// Hashes a key with the store's hasher.
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64
    where
        S: BuildHasher,
    {
        self.hasher.hash_one(key)
    }
}

/// One published version of the whole map; immutable from its publish until nobody holds it.
pub(crate) struct Frozen<K, V, S> {
    /// Where the entries are.
    pub(crate) directory: Directory<K, V>,
    /// The writer's time of the publish.
    stamp: Stamp,
    /// Entries.
    pub(crate) len: usize,
    /// Leaves.
    leaves: usize,
    /// Bytes of the leaves' tables.
    bytes: usize,
    /// Number of the publish.
    pub(crate) generation: Generation,
    /// Time of the publish.
    published: Instant,
    /// Hasher and estate, shared by all versions of a store.
    pub(crate) home: Arc<Home<K, V, S>>,
}

/// What the one thread that writes has to itself.
pub(crate) struct Turn<K, V, S> {
    /// The write bucket.
    pub(crate) writer: Writer<K, V>,
    /// Generation of the current version.
    generation: Generation,
    /// Past versions that nobody holds, for the next publishes to fill.
    spares: Vec<Arc<Frozen<K, V, S>>>,
    /// What observers are to be told when the turn is back.
    notes: Notes,
    /// For versions that are made anew.
    pub(crate) home: Arc<Home<K, V, S>>,
}

/// Where the turn is while no thread has it.
pub(crate) type TurnCell<K, V, S> = Cell<Option<Box<Turn<K, V, S>>>>;

/// The ledger of a store.
type StoreLedger<K, V, S> = Ledger<Frozen<K, V, S>, Old<K, V>>;

impl<K, V, S> Turn<K, V, S> {
    /// Commits the changes since the savepoint; they are staged if there are any.
    pub(crate) fn commit(&mut self) {
        self.writer.staged += usize::from(self.writer.is_changed());
        self.writer.commit();
    }

    /// Returns the generation of the current version.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// Notes that a publish begins.
    #[cold]
    pub(crate) fn note_begin(&mut self) {
        self.notes.began = Some(Instant::now());
    }

    /// Notes what the publish replaces.
    #[cold]
    fn note_replaced(&mut self) {
        self.notes.replaced = size(&self.writer.pending);
        self.notes.own_doomed = self.writer.doomed.len();
    }

    /// Notes that there is a new version, and what is to be freed of older ones.
    #[cold]
    fn note_published(&mut self) {
        let duration = self.notes.began.map_or(Duration::ZERO, |began| began.elapsed());
        let (replaced_leaves, replaced_bytes) = self.notes.replaced;
        let (generation, entries) = (self.generation, self.writer.tally().len);
        self.notes.published = Some(Published { generation, entries, duration, replaced_leaves, replaced_bytes });
        self.notes.freed = freed(&self.writer.doomed[self.notes.own_doomed..]);
    }

    /// Notes that the changes since the savepoint are about to be undone, if there are any.
    #[cold]
    pub(crate) fn note_discard(&mut self) {
        let generation = self.generation;
        self.notes.discarded = self.writer.is_changed().then_some(Discarded { generation, leaves: 0 });
    }

    /// Returns what observers are to be told, with `doomed` as what a discard frees.
    pub(crate) fn take_notes(&mut self, doomed: &[Old<K, V>]) -> Notes {
        if let Some(discarded) = &mut self.notes.discarded {
            discarded.leaves = size(doomed).0;
        }
        std::mem::take(&mut self.notes)
    }

    /// Returns what is to be freed.
    pub(crate) fn take_doomed(&mut self) -> Vec<Old<K, V>> {
        // Usually there is nothing, and the allocation stays for the next time.
        if self.writer.doomed.is_empty() { Vec::new() } else { std::mem::take(&mut self.writer.doomed) }
    }
}

/// When changes are published, and what is kept.
#[derive(Clone, Copy)]
pub(crate) struct Policy {
    /// Single writes that make a publish.
    pub(crate) publish_every: usize,
    /// How long a write may stay unpublished.
    pub(crate) publish_within: Option<Duration>,
    /// Past generations kept for `at` and `rollback`.
    pub(crate) keep: usize,
    /// Entries to make room for at the start.
    pub(crate) capacity: usize,
}

impl Policy {
    pub(crate) const DEFAULT: Self = Self { publish_every: 1, publish_within: None, keep: 0, capacity: 0 };
}

/// The state behind all handles of one store.
pub(crate) struct Shared<K, V, S> {
    /// The current version.
    pub(crate) slot: Slot<Frozen<K, V, S>>,
    /// A version without entries that is never current: for readers that hold none.
    nothing: Arc<Frozen<K, V, S>>,
    /// The writer's turn, taken out of the cell by the thread that has it. A thread that gets the lock and finds the
    /// cell empty is writing already.
    pub(crate) turn: ReentrantMutex<TurnCell<K, V, S>>,
    /// Account of past versions.
    pub(crate) ledger: Mutex<StoreLedger<K, V, S>>,
    /// Notified at each publish.
    pub(crate) events: Event,
    /// When changes are published.
    pub(crate) policy: Policy,
    /// Account of the read buckets given out, in a store with `on_long_pin`.
    pub(crate) records: Option<std::sync::Arc<Records>>,
    /// The thread for what must happen without a call, in a store that needs one.
    pub(crate) timer: Option<Timer>,
    /// Who is told what the store does; `None` if nobody is.
    pub(crate) observers: Option<std::sync::Arc<Observers>>,
}

impl<K, V, S> Shared<K, V, S> {
    pub(crate) fn new(
        hasher: S,
        policy: Policy,
        records: Option<std::sync::Arc<Records>>,
        timer: Option<Timer>,
        observers: Option<std::sync::Arc<Observers>>,
    ) -> Self {
        let mut writer = Writer::new(policy.capacity);
        let home = Arc::new(Home::new(hasher));
        let generation = Generation(0);
        let first = Frozen::new(&writer, generation, Arc::clone(&home));
        writer.seal();
        let nothing = Frozen::nothing(Arc::clone(&home));
        let turn = Turn { writer, generation, spares: Vec::new(), notes: Notes::default(), home };
        Self {
            slot: Slot::new(Arc::new(first)),
            nothing: Arc::new(nothing),
            turn: ReentrantMutex::new(Cell::new(Some(Box::new(turn)))),
            ledger: Mutex::new(Ledger::new(policy.keep)),
            events: Event::new(),
            policy,
            records,
            timer,
            observers,
        }
    }

    /// Takes the current read bucket, and notes who did where the store keeps account of that.
    pub(crate) fn read(&self, location: &'static Location<'static>) -> ReadBucket<K, V, S> {
        self.give_out(self.slot.load(), location)
    }

    /// Returns a read bucket that is never current and pins nothing.
    pub(crate) fn nothing(&self) -> ReadBucket<K, V, S> {
        ReadBucket::new(Arc::clone(&self.nothing), None)
    }

    /// Makes a read bucket of a version.
    pub(crate) fn give_out(
        &self,
        frozen: Arc<Frozen<K, V, S>>,
        location: &'static Location<'static>,
    ) -> ReadBucket<K, V, S> {
        let record = self.records.as_ref().map(|records| records.add(frozen.generation, location));
        ReadBucket::new(frozen, record)
    }

    /// Makes what is committed in the write bucket the read bucket.
    ///
    /// The order matters: the successor is complete before the swap, the ledger hears of the predecessor after it, and
    /// user code (wakers, destructors of what is freed) runs last, when all is consistent.
    pub(crate) fn publish(&self, turn: &mut Turn<K, V, S>) -> Generation {
        if self.observers.is_some() {
            turn.note_replaced();
        }
        let Turn { writer, generation, spares, home, .. } = turn;
        *generation = generation.next();
        let next = if let Some(mut version) = spares.pop() {
            let unused = Arc::get_mut(&mut version).expect("the ledger gave it back as held by nobody");
            unused.fill(writer, *generation);
            version
        } else {
            Arc::new(Frozen::new(writer, *generation, Arc::clone(home)))
        };
        // Locked before the swap, so that whoever looks under the lock finds each version in the slot or in the ledger.
        let mut ledger = self.ledger.lock();
        let last = self.slot.replace(next);
        let stamp = writer.seal();
        ledger.retire(last, stamp, &mut writer.pending, &mut writer.doomed, spares);
        drop(ledger);
        if self.observers.is_some() {
            turn.note_published();
        }
        self.events.notify(usize::MAX);
        turn.writer.doomed.clear();
        turn.generation
    }

    /// Sees to it that what is staged now is published within the time that the policy allows.
    pub(crate) fn publish_later(&self) {
        // A time too far away to be told never comes.
        let deadline = self.policy.publish_within.and_then(|within| Instant::now().checked_add(within));
        if let (Some(timer), Some(deadline)) = (&self.timer, deadline) {
            timer.publish_at(deadline);
        }
    }

    /// Frees all that nobody holds any more, on the calling thread.
    pub(crate) fn collect(&self) {
        let mut doomed = Vec::new();
        self.ledger.lock().collect(&mut doomed);
        let notes = |doomed: &[_]| Notes { freed: freed(doomed), ..Notes::default() };
        let news = self.observers.as_ref().map(|observers| News::new(observers, notes(&doomed)));
        drop(doomed);
        drop(news);
    }

    pub(crate) fn stats(&self) -> Stats {
        let ledger = self.ledger.lock();
        let current = self.slot.load();
        let (retired_leaves, retired_bytes) = ledger.waiting();
        Stats {
            generation: current.generation,
            entries: current.len,
            leaves: current.leaves,
            slots: current.directory.slots(),
            bytes: current.bytes + current.directory.bytes(),
            retired_leaves,
            retired_bytes,
            pinned_generations: ledger.pinned().count(),
        }
    }

    pub(crate) fn pins(&self) -> Vec<Pin> {
        if let Some(records) = &self.records {
            return records.pins();
        }
        let pin = |version: &Frozen<K, V, S>, holders| Pin {
            generation: version.generation,
            age: version.published.elapsed(),
            holders,
            location: None,
        };
        let ledger = self.ledger.lock();
        let mut pins: Vec<Pin> = ledger.pinned().map(|(version, holders)| pin(version, holders)).collect();
        let current = self.slot.load();
        // One reference is the slot's, one is ours.
        let holders = Arc::strong_count(&current).saturating_sub(2);
        if holders > 0 {
            pins.push(pin(&current, holders));
        }
        pins
    }
}

/// Returns how many leaves there are among `things`, and the bytes of all.
fn size<K, V>(things: &[Old<K, V>]) -> (usize, usize) {
    let sizes = things.iter().map(Retired::size);
    sizes.fold((0, 0), |(leaves, bytes), (more_leaves, more_bytes)| (leaves + more_leaves, bytes + more_bytes))
}

/// Returns what to tell of things that are about to be freed; `None` if there are none.
fn freed<K, V>(doomed: &[Old<K, V>]) -> Option<Freed> {
    let (leaves, bytes) = size(doomed);
    (!doomed.is_empty()).then_some(Freed { leaves, bytes })
}

impl<K, V, S> Frozen<K, V, S> {
    /// Makes a version of what is in the write bucket.
    fn new(writer: &Writer<K, V>, generation: Generation, home: Arc<Home<K, V, S>>) -> Self {
        let (directory, published) = (Directory::copy_of(writer.directory()), Instant::now());
        let &Tally { len, leaves, bytes, .. } = writer.tally();
        Self { directory, stamp: writer.stamp(), len, leaves, bytes, generation, published, home }
    }

    /// Makes the version for [`Shared::nothing`].
    fn nothing(home: Arc<Home<K, V, S>>) -> Self {
        let (directory, published) = (Directory::of_one(home.blank.alias()), Instant::now());
        Self { directory, stamp: Stamp(0), len: 0, leaves: 0, bytes: 0, generation: Generation(0), published, home }
    }

    /// As [`new`](Self::new), in place of an older version that nobody holds any more.
    fn fill(&mut self, writer: &Writer<K, V>, generation: Generation) {
        writer.freeze(&mut self.directory, self.stamp);
        self.stamp = writer.stamp();
        let tally = writer.tally();
        (self.len, self.leaves, self.bytes) = (tally.len, tally.leaves, tally.bytes);
        self.generation = generation;
        self.published = Instant::now();
    }
}

impl<K, V, S> Drop for Shared<K, V, S> {
    /// Frees what no read bucket can see, and leaves the rest to the last of them.
    fn drop(&mut self) {
        // Without the turn, a write bucket was leaked, and with it what is in the current version.
        let mut turn = self.turn.get_mut().take();
        let mut doomed = Vec::new();
        let mut ledger = std::mem::replace(self.ledger.get_mut(), Ledger::new(0));
        if let Some(turn) = &mut turn {
            let stamp = turn.writer.dissolve();
            let last = self.slot.replace(Arc::clone(&self.nothing));
            doomed.append(&mut turn.writer.doomed);
            ledger.retire(last, stamp, &mut turn.writer.pending, &mut doomed, &mut Vec::new());
        }
        let (estate, versions) = ledger.close(&mut doomed);
        let is_new = self.nothing.home.estate.set(estate).is_ok();
        debug_assert!(is_new, "a store is dropped once");
        // The last read bucket frees the estate. If that one has gone meanwhile, the last version to be dropped here, or
        // with the fields of `self`, does.
        drop(versions);
        drop(doomed);
    }
}
