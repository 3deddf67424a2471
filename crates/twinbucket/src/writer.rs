//! The private state behind a write bucket: copy on first write, savepoints, and the shape of the directory.
//!
//! The first write to a leaf after a savepoint copies that leaf; later ones change the copy in place. What belongs to
//! the current savepoint is told by its birth stamp. A discard puts back the chunks that were replaced and drops the
//! copies; a commit gives up that way back and sorts what was replaced: what a published version can see is `pending`
//! for the ledger, the rest was never visible and is `doomed`.
//!
//! # Panics in user code
//! `Hash`, `Eq` and `Clone` run before an entry is changed, and `Drop` after it: whatever panics has either left that
//! entry as it was or done all of its work, and always a state that can be discarded or written to again. What changes
//! many entries (`retain`, `extend`, `sync`) may stop between two of them.

mod shape;

use std::collections::VecDeque;
use std::ops::Range;

use self::shape::{leaf_limit, with_room_for};
use crate::directory::{Directory, MAX_BITS};
use crate::leaf::{CHUNK_SLOTS, Chunk, ChunkRef, Leaf, OwnedChunk, OwnedLeaf, Table};
use crate::ledger::{Retired, Stamp};

/// A leaf or chunk that was replaced; dropping it frees it.
pub(crate) struct Old<K, V> {
    /// When it was made.
    born: Stamp,
    /// The thing itself.
    body: Body<K, V>,
}

enum Body<K, V> {
    Leaf(OwnedLeaf<K, V>),
    #[expect(dead_code, reason = "held to be dropped")]
    Chunk(OwnedChunk<K, V>),
}

impl<K, V> Old<K, V> {
    fn leaf(leaf: &Leaf<K, V>, born: Stamp) -> Self {
        Self { born, body: Body::Leaf(OwnedLeaf(leaf.take())) }
    }

    fn chunk(chunk: ChunkRef<K, V>) -> Self {
        Self { born: chunk.born(), body: Body::Chunk(chunk.take()) }
    }
}

impl<K, V> Retired for Old<K, V> {
    fn born(&self) -> Stamp {
        self.born
    }

    fn size(&self) -> (usize, usize) {
        match &self.body {
            Body::Leaf(leaf) => (1, leaf.0.allocation_size()),
            Body::Chunk(_) => (0, size_of::<Chunk<K, V>>()),
        }
    }
}

/// Where an entry is in the write bucket; valid until the next change of the leaf's shape.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// A slot of its leaf.
    slot: usize,
    /// Its place in the leaf's table.
    at: usize,
}

/// Counts over the write bucket.
#[derive(Clone, Copy)]
pub(crate) struct Tally {
    /// Entries.
    pub(crate) len: usize,
    /// Leaves.
    pub(crate) leaves: usize,
    /// Bytes allocated by the leaves' tables.
    pub(crate) bytes: usize,
    /// Leaves of each depth.
    at_depth: [usize; MAX_BITS as usize + 1],
}

impl Tally {
    /// The tally of 2^`depth` empty leaves.
    fn empty(depth: u32) -> Self {
        let mut tally = Self { len: 0, leaves: 1 << depth, bytes: 0, at_depth: [0; MAX_BITS as usize + 1] };
        tally.at_depth[depth as usize] = tally.leaves;
        tally
    }
}

/// The way back to the savepoint.
enum Undo<K, V> {
    /// The chunks that were replaced, with their places in the top array.
    Chunks(Vec<(usize, ChunkRef<K, V>)>),
    /// The whole directory, where its length changed.
    Directory(Directory<K, V>),
}

impl<K, V> Undo<K, V> {
    const NOTHING: Self = Self::Chunks(Vec::new());
}

/// The one mutable version of a store, and what it takes to publish or discard it.
pub(crate) struct Writer<K, V> {
    /// The private directory.
    directory: Directory<K, V>,
    /// Counts over `directory`.
    tally: Tally,
    /// Whether the contents may differ from those at the savepoint.
    changed: bool,
    /// Writes committed since the last publish.
    pub(crate) staged: usize,
    /// Birth stamp of what is made now; whatever bears it may be changed in place.
    stamp: Stamp,
    /// Stamp of the last publish; whatever bears a later one was never visible.
    published: Stamp,
    /// `tally` at the savepoint.
    saved: Tally,
    /// The way back to `saved`.
    undo: Undo<K, V>,
    /// Leaves replaced since the savepoint; they are still in the chunks that `undo` holds.
    replaced: Vec<Old<K, V>>,
    /// Replaced since the last publish, and visible to published versions.
    pub(crate) pending: Vec<Old<K, V>>,
    /// Places of the top array that got another chunk, with the time, oldest first: see [`freeze`](Self::freeze).
    moved: VecDeque<(Stamp, usize)>,
    /// A version published before this differs from `directory` in more than `moved` tells.
    moved_since: Stamp,
    /// To be freed as soon as the state is consistent.
    pub(crate) doomed: Vec<Old<K, V>>,
    /// Hashes of the entries of a leaf that is rebuilt; kept for its allocation.
    hashes: Vec<u64>,
    /// Entries that a leaf may have before it splits.
    limit: usize,
}

impl<K, V> Writer<K, V> {
    /// Creates an empty write bucket, in which nothing is changed. Its first publish is the store's generation 0.
    pub(crate) fn new(capacity: usize) -> Self {
        let limit = leaf_limit::<K, V>();
        let (directory, tally) = with_room_for(capacity, limit, Stamp(0));
        Self {
            directory,
            tally,
            changed: false,
            staged: 0,
            stamp: Stamp(0),
            published: Stamp(0),
            saved: tally,
            undo: Undo::NOTHING,
            replaced: Vec::new(),
            pending: Vec::new(),
            moved: VecDeque::new(),
            moved_since: Stamp(0),
            doomed: Vec::new(),
            hashes: Vec::new(),
            limit,
        }
    }

    /// Returns the private directory.
    #[inline]
    pub(crate) fn directory(&self) -> &Directory<K, V> {
        &self.directory
    }

    /// Returns the counts over the write bucket.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Tells whether the contents may differ from those at the savepoint.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    // Savepoint, commit, discard.

    /// Sets the point that `discard` goes back to.
    pub(crate) fn save(&mut self) {
        self.stamp = self.stamp.next();
        self.saved = self.tally;
    }

    /// Gives up the way back to the savepoint.
    pub(crate) fn commit(&mut self) {
        self.changed = false;
        let published = self.published;
        let Self { pending, doomed, .. } = self;
        let mut sort = |old: Old<K, V>| match old.born <= published {
            true if cfg!(planted = "leaked-leaf") => std::mem::forget(old),
            true => pending.push(old),
            false => doomed.push(old),
        };
        self.replaced.drain(..).for_each(&mut sort);
        match &mut self.undo {
            Undo::Chunks(chunks) => chunks.drain(..).for_each(|(_, chunk)| sort(Old::chunk(chunk))),
            Undo::Directory(directory) => {
                directory.chunks().iter().for_each(|&chunk| sort(Old::chunk(chunk)));
                self.undo = Undo::NOTHING;
            }
        }
        self.saved = self.tally;
    }

    /// Goes back to the savepoint. The copies made since are `doomed`.
    pub(crate) fn discard(&mut self) {
        self.changed = false;
        match &mut self.undo {
            Undo::Chunks(chunks) => {
                let mut chunks = std::mem::take(chunks);
                for &(place, _) in &chunks {
                    self.doom_copies(place..place + 1);
                }
                for (place, chunk) in chunks.drain(..) {
                    self.doomed.push(Old::chunk(self.directory.replace_chunk(place, chunk)));
                }
                self.undo = Undo::Chunks(chunks);
            }
            Undo::Directory(_) => {
                self.doom_copies(0..self.directory.chunks().len());
                let Undo::Directory(saved) = std::mem::replace(&mut self.undo, Undo::NOTHING) else { unreachable!() };
                let discarded = std::mem::replace(&mut self.directory, saved);
                self.doomed.extend(discarded.chunks().iter().map(|&chunk| Old::chunk(chunk)));
            }
        }
        // The leaves are back in the directory: forget their owners.
        self.replaced.drain(..).for_each(std::mem::forget);
        if !cfg!(planted = "savepoint-not-restored") {
            self.tally = self.saved;
        }
    }

    /// Returns the current time.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Makes the directory of a version published at `stamp` equal to the private one.
    ///
    /// Costs O(chunks replaced since), or O(chunks) where that was long ago or the length has changed.
    pub(crate) fn freeze(&self, directory: &mut Directory<K, V>, stamp: Stamp) {
        if stamp < self.moved_since {
            directory.copy_from(&self.directory);
            return;
        }
        for &(_, place) in self.moved.iter().rev().take_while(|&&(moved, _)| moved > stamp) {
            directory.replace_chunk(place, self.directory.chunks()[place]);
        }
        debug_assert!(directory.has_chunks_of(&self.directory), "`moved` tells of each chunk that was replaced");
    }

    /// Ends a generation: what is in the write bucket is about to be published. Returns the stamp of the last publish.
    pub(crate) fn seal(&mut self) -> Stamp {
        self.staged = 0;
        let last = std::mem::replace(&mut self.published, self.stamp);
        self.stamp = self.stamp.next();
        last
    }

    /// Gives back what one large write bucket has left in the lists of this one.
    pub(crate) fn trim(&mut self) {
        for list in [&mut self.replaced, &mut self.pending, &mut self.doomed] {
            list.shrink_to(KEPT_CAPACITY);
        }
        self.hashes.clear();
        self.hashes.shrink_to(self.limit);
        if let Undo::Chunks(chunks) = &mut self.undo {
            chunks.shrink_to(KEPT_CAPACITY);
        }
    }

    /// Ends the write bucket for good: what a published version can see is left in `pending`, the rest is `doomed`.
    ///
    /// Returns the stamp of the last publish.
    pub(crate) fn dissolve(&mut self) -> Stamp {
        self.commit();
        let leaves = self.directory.firsts().map(|slot| (self.directory.leaf(slot), self.directory.mark(slot).born));
        let leaves = leaves.map(|(leaf, born)| Old::leaf(leaf, born));
        let chunks = self.directory.chunks().iter().map(|&chunk| Old::chunk(chunk));
        let (visible, never_seen) = leaves.chain(chunks).partition::<Vec<_>, _>(|old| old.born <= self.published);
        self.pending.extend(visible);
        self.doomed.extend(never_seen);
        self.published
    }

    /// Dooms the leaves born since the savepoint whose extents begin in the given chunks.
    fn doom_copies(&mut self, chunks: Range<usize>) {
        let slots = self.directory.slots();
        let range = chunks.start * CHUNK_SLOTS..slots.min(chunks.end * CHUNK_SLOTS);
        for slot in range {
            if self.is_own(slot) && self.directory.extent(slot).start == slot {
                self.doomed.push(Old::leaf(self.directory.leaf(slot), self.stamp));
            }
        }
    }

    // Entries.

    /// Returns the entry with the given hash that `eq` finds equal.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut eq: impl FnMut(&K) -> bool) -> Option<&(K, V)> {
        self.directory.table_for(hash).find(hash, |(key, _)| eq(key))
    }

    /// As [`find`](Self::find), but returns where the entry is.
    pub(crate) fn locate(&self, hash: u64, mut eq: impl FnMut(&K) -> bool) -> Option<Place> {
        let slot = self.directory.slot_of(hash);
        let at = self.directory.table(slot).find_bucket_index(hash, |(key, _)| eq(key))?;
        Some(Place { slot, at })
    }

    /// Returns the entry at `place`.
    pub(crate) fn entry(&self, place: Place) -> &(K, V) {
        self.directory.table(place.slot).get_bucket(place.at).expect("the place was located in this write bucket")
    }

    /// Returns the entry at `place` to change its value; copies the leaf first if it must.
    pub(crate) fn entry_mut(&mut self, place: Place) -> &mut (K, V)
    where
        K: Clone,
        V: Clone,
    {
        self.own(place.slot);
        self.changed = true;
        let table = self.directory.table_mut(place.slot);
        // A copy of a table has its entries in the same buckets: see the tests of `leaf`.
        table.get_bucket_mut(place.at).expect("the place was located in this write bucket")
    }

    /// Adds an entry whose key is not there, and returns its place.
    pub(crate) fn add(&mut self, hash: u64, key: K, value: V, hash_of: &impl Fn(&K) -> u64) -> Place
    where
        K: Clone,
        V: Clone,
    {
        let slot = self.make_room(hash, hash_of);
        let at = self.directory.edit(slot, |table| {
            table.insert_unique(hash, (key, value), |_| unreachable!("room was made")).bucket_index()
        });
        self.tally.len += 1;
        self.changed = true;
        Place { slot, at }
    }

    /// Removes the entry with the given hash that `eq` finds equal.
    pub(crate) fn remove(
        &mut self,
        hash: u64,
        mut eq: impl FnMut(&K) -> bool,
        hash_of: &impl Fn(&K) -> u64,
    ) -> Option<(K, V)>
    where
        K: Clone,
        V: Clone,
    {
        let mut place = self.locate(hash, &mut eq)?;
        self.own(place.slot);
        if self.shrink(place.slot, 1, hash_of) {
            place = self.locate(hash, eq)?;
        }
        let entry = self.edit(place.slot, |table| take_entry(table, place.at));
        self.tally.len -= 1;
        self.changed = true;
        Some(entry)
    }

    /// Removes every entry that `keep` rejects.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool, hash_of: &impl Fn(&K) -> u64)
    where
        K: Clone,
        V: Clone,
    {
        let mut slot = 0;
        while slot < self.directory.slots() {
            let table = self.directory.table(slot);
            let rejected: Vec<usize> = table
                .iter_buckets()
                .filter(|&at| table.get_bucket(at).is_some_and(|(key, value)| !keep(key, value)))
                .collect();
            if !rejected.is_empty() {
                self.own(slot);
                let removed: Vec<(K, V)> =
                    self.edit(slot, |table| rejected.iter().map(|&at| take_entry(table, at)).collect());
                self.tally.len -= removed.len();
                self.changed = true;
            }
            slot = self.directory.extent(slot).end;
        }
        self.compact(hash_of);
    }

    /// Removes everything and makes room for `capacity` entries.
    ///
    /// # Panics
    /// If that many can be in no memory; then nothing is changed.
    pub(crate) fn reset(&mut self, capacity: usize) {
        let (directory, tally) = with_room_for(capacity, self.limit, self.stamp);
        for slot in self.directory.firsts() {
            let born = self.directory.mark(slot).born;
            let old = Old::leaf(self.directory.leaf(slot), born);
            if born == self.stamp { self.doomed.push(old) } else { self.replaced.push(old) }
        }
        self.install(directory);
        self.tally = tally;
        self.changed = true;
        self.doomed.clear();
    }
}

/// Elements that an empty list may keep room for.
const KEPT_CAPACITY: usize = 16;

fn take_entry<K, V>(table: &mut Table<K, V>, at: usize) -> (K, V) {
    table.get_bucket_entry(at).ok().expect("an entry was found there").remove().0
}
