//! The private state behind a write bucket: copy on first write, savepoints, and the shape of the directory.
//!
//! The first write to a leaf after a savepoint copies that leaf; later ones change the copy in place. What belongs to
//! the current savepoint is told by its birth stamp. A discard puts back the chunks that were replaced and drops the
//! copies; a commit gives up that way back and sorts what was replaced: what a published version can see is `pending`
//! for the ledger, the rest was never visible and is `doomed`.
//!
//! # Panics in user code
//! `Hash`, `Eq` and `Clone` run before anything is changed, and `Drop` after it: every operation that panics has
//! either left the contents as they were or done all of its work, and always a state that can be discarded.

use std::ops::Range;

use crate::directory::{Directory, MAX_BITS, MIN_BITS};
use crate::leaf::{CHUNK_BITS, CHUNK_SLOTS, Chunk, ChunkRef, Leaf, Mark, OwnedChunk, OwnedLeaf, Table};
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
    /// To be freed as soon as the state is consistent.
    pub(crate) doomed: Vec<Old<K, V>>,
    /// Hashes of the entries of a leaf that is rebuilt; kept for its allocation.
    hashes: Vec<u64>,
    /// Entries that a leaf may have before it splits.
    limit: usize,
}

/// Bytes of a leaf of plain data, about: a page.
const LEAF_BYTES: usize = 4096;
/// Entries in a leaf at most, where keys or values have drop glue and copying them runs user code.
const LEAF_ENTRIES_WITH_DROP: usize = 28;

/// Entries that a leaf may have before it splits: as many as fill the table of the right power of two.
fn leaf_limit<K, V>() -> usize {
    if std::mem::needs_drop::<(K, V)>() {
        return LEAF_ENTRIES_WITH_DROP;
    }
    let entries = LEAF_BYTES / (size_of::<(K, V)>() + 1);
    // A table of 2^n buckets has room for 7/8 of them; one of 4, the smallest, for 3.
    let buckets = entries.next_power_of_two().clamp(4, 512);
    if buckets == 4 { 3 } else { buckets / 8 * 7 }
}

impl<K, V> Writer<K, V> {
    /// Creates an empty write bucket, in which nothing is changed.
    pub(crate) fn new(capacity: usize) -> Self {
        let limit = leaf_limit::<K, V>();
        let (directory, tally) = with_room_for(capacity, limit, Stamp(0));
        Self {
            directory,
            tally,
            changed: false,
            staged: 0,
            stamp: Stamp(1),
            published: Stamp(0),
            saved: tally,
            undo: Undo::NOTHING,
            replaced: Vec::new(),
            pending: Vec::new(),
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
        let mut sort = |old: Old<K, V>| if old.born <= published { pending.push(old) } else { doomed.push(old) };
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
        self.tally = self.saved;
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
        for slot in self.directory.firsts() {
            let old = Old::leaf(self.directory.leaf(slot), self.directory.mark(slot).born);
            if old.born <= self.published { self.pending.push(old) } else { self.doomed.push(old) }
        }
        for &chunk in self.directory.chunks() {
            let old = Old::chunk(chunk);
            if old.born <= self.published { self.pending.push(old) } else { self.doomed.push(old) }
        }
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
    pub(crate) fn reset(&mut self, capacity: usize) {
        for slot in self.directory.firsts() {
            let born = self.directory.mark(slot).born;
            let old = Old::leaf(self.directory.leaf(slot), born);
            if born == self.stamp { self.doomed.push(old) } else { self.replaced.push(old) }
        }
        let (directory, tally) = with_room_for(capacity, self.limit, self.stamp);
        self.install(directory);
        self.tally = tally;
        self.changed = true;
        self.doomed.clear();
    }

    // The shape of leaves and directory.

    fn is_own(&self, slot: usize) -> bool {
        self.directory.mark(slot).born == self.stamp
    }

    /// Makes the leaf in `slot` one that may be changed in place.
    fn own(&mut self, slot: usize)
    where
        K: Clone,
        V: Clone,
    {
        let Mark { born, depth } = self.directory.mark(slot);
        if born == self.stamp {
            return;
        }
        let copy = Leaf::new(self.directory.table(slot).clone());
        let old = Old::leaf(self.directory.leaf(slot), born);
        self.fill(self.directory.extent_at(slot, depth), &copy, depth);
        self.replaced.push(old);
    }

    /// Fills an extent with a leaf born now, in chunks of its own.
    fn fill(&mut self, extent: Range<usize>, leaf: &Leaf<K, V>, depth: u32) {
        let chunk_of = |slot| slot >> CHUNK_BITS;
        for place in chunk_of(extent.start)..=chunk_of(extent.end - 1) {
            self.own_chunk(place);
        }
        self.directory.put(extent, leaf, self.stamp, depth);
    }

    fn own_chunk(&mut self, place: usize) {
        let chunk = self.directory.chunks()[place];
        if chunk.born() == self.stamp {
            return;
        }
        self.directory.replace_chunk(place, chunk.copy(self.stamp));
        match &mut self.undo {
            Undo::Chunks(chunks) => chunks.push((place, chunk)),
            Undo::Directory(_) => unreachable!("all chunks of a directory installed since the savepoint are its own"),
        }
    }

    /// Puts a directory of chunks born now in place of the current one.
    fn install(&mut self, directory: Directory<K, V>) {
        let mut old = std::mem::replace(&mut self.directory, directory);
        match &mut self.undo {
            Undo::Chunks(chunks) => {
                for (place, chunk) in chunks.drain(..) {
                    drop(old.replace_chunk(place, chunk).take());
                }
                self.undo = Undo::Directory(old);
            }
            Undo::Directory(_) => old.chunks().iter().for_each(|&chunk| drop(chunk.take())),
        }
    }

    /// Makes the leaf for `hash` the write bucket's own, with room for one more entry, and returns a slot of it.
    fn make_room(&mut self, hash: u64, hash_of: &impl Fn(&K) -> u64) -> usize
    where
        K: Clone,
        V: Clone,
    {
        loop {
            let slot = self.directory.slot_of(hash);
            self.own(slot);
            let table = self.directory.table(slot);
            let (len, capacity) = (table.len(), table.capacity());
            if len >= self.limit && self.may_split(slot) {
                // The directory may just have doubled.
                self.split(self.directory.slot_of(hash), hash_of);
                continue;
            }
            if len == capacity {
                self.rebuild(slot, len + 1, hash_of);
            }
            return slot;
        }
    }

    /// Tells whether the leaf in `slot` can split; doubles the directory for it where that keeps it in bounds.
    ///
    /// The directory normally stays below four times the leaves; for a leaf that is far too large, below eight times.
    fn may_split(&mut self, slot: usize) -> bool {
        let bits = self.directory.bits();
        if self.directory.mark(slot).depth < bits {
            return true;
        }
        let (slots, leaves) = (self.directory.slots(), self.tally.leaves);
        let oversize = self.directory.table(slot).len() >= 4 * self.limit;
        let may = bits < MAX_BITS && (slots < 2 * leaves || oversize && slots < 4 * leaves);
        if may {
            self.install(self.directory.resized(bits + 1, self.stamp));
        }
        may
    }

    /// Splits the leaf in `slot`, which is the write bucket's own, in two.
    fn split(&mut self, slot: usize, hash_of: &impl Fn(&K) -> u64) {
        let depth = self.directory.mark(slot).depth;
        let extent = self.directory.extent_at(slot, depth);
        self.hash_entries(&[slot], hash_of);
        let is_upper = |hash| Directory::<K, V>::is_upper_half(hash, depth);
        let upper = self.hashes.iter().filter(|&&hash| is_upper(hash)).count();
        let table = self.take_table(slot);
        let mut halves = [Table::with_capacity(table.len() - upper), Table::with_capacity(upper)];
        for (entry, &hash) in table.into_iter().zip(&self.hashes) {
            move_entry(&mut halves[usize::from(is_upper(hash))], hash, entry);
        }
        let [lower, upper] = halves;
        let middle = extent.start + extent.len() / 2;
        self.give_table(extent.start..middle, lower, depth + 1);
        self.give_table(middle..extent.end, upper, depth + 1);
        self.count_leaves(depth, -1);
        self.count_leaves(depth + 1, 2);
    }

    /// Merges two leaves of the same depth, whose extents lie side by side; both must be the write bucket's own.
    fn merge(&mut self, slot: usize, buddy: usize, hash_of: &impl Fn(&K) -> u64) {
        let depth = self.directory.mark(slot).depth;
        self.hash_entries(&[slot, buddy], hash_of);
        let (one, other) = (self.take_table(slot), self.take_table(buddy));
        let mut merged = Table::with_capacity(one.len() + other.len());
        for (entry, &hash) in one.into_iter().chain(other).zip(&self.hashes) {
            move_entry(&mut merged, hash, entry);
        }
        self.give_table(self.directory.extent_at(slot, depth - 1), merged, depth - 1);
        self.count_leaves(depth, -2);
        self.count_leaves(depth - 1, 1);
    }

    /// Moves the entries of a leaf that is the write bucket's own into a table of the given capacity.
    fn rebuild(&mut self, slot: usize, capacity: usize, hash_of: &impl Fn(&K) -> u64) {
        self.hash_entries(&[slot], hash_of);
        let table = self.take_table(slot);
        let mut rebuilt = Table::with_capacity(capacity);
        for (entry, &hash) in table.into_iter().zip(&self.hashes) {
            move_entry(&mut rebuilt, hash, entry);
        }
        self.give_table(self.directory.extent(slot), rebuilt, self.directory.mark(slot).depth);
    }

    /// Hashes the entries of some leaves, in the order in which they will be moved. User code runs here and not later.
    fn hash_entries(&mut self, slots: &[usize], hash_of: &impl Fn(&K) -> u64) {
        self.hashes.clear();
        for &slot in slots {
            self.hashes.extend(self.directory.table(slot).iter().map(|(key, _)| hash_of(key)));
        }
    }

    fn take_table(&mut self, slot: usize) -> Table<K, V> {
        let table = self.directory.leaf(slot).take();
        self.tally.bytes -= table.allocation_size();
        table
    }

    fn give_table(&mut self, extent: Range<usize>, table: Table<K, V>, depth: u32) {
        self.tally.bytes += table.allocation_size();
        self.fill(extent, &Leaf::new(table), depth);
    }

    fn count_leaves(&mut self, depth: u32, more: isize) {
        let at_depth = &mut self.tally.at_depth[depth as usize];
        *at_depth = at_depth.checked_add_signed(more).expect("leaves are counted");
        self.tally.leaves = self.tally.leaves.checked_add_signed(more).expect("leaves are counted");
    }

    /// Changes the table of a leaf that is the write bucket's own; `change` must not run user code.
    fn edit<R>(&mut self, slot: usize, change: impl FnOnce(&mut Table<K, V>) -> R) -> R {
        let before = self.directory.table(slot).allocation_size();
        let result = self.directory.edit(slot, |table| {
            let result = change(table);
            if table.is_empty() {
                *table = Table::new();
            }
            result
        });
        self.tally.bytes = self.tally.bytes + self.directory.table(slot).allocation_size() - before;
        result
    }

    /// Makes a leaf smaller, or merges it with its buddy, where it is sparse with `leaving` entries less.
    ///
    /// Returns whether entries have moved.
    fn shrink(&mut self, slot: usize, leaving: usize, hash_of: &impl Fn(&K) -> u64) -> bool
    where
        K: Clone,
        V: Clone,
    {
        let mut moved = false;
        while let Some(buddy) = self.sparse_buddy(slot, leaving) {
            self.own(slot);
            self.own(buddy);
            self.merge(slot, buddy, hash_of);
            moved = true;
        }
        let table = self.directory.table(slot);
        // Not `Table::capacity`, which places of removed entries lessen.
        let (left, capacity) = (table.len() - leaving, table.num_buckets() / 8 * 7);
        if capacity > MIN_SHRINK && left + slack(capacity) <= capacity / 2 {
            self.rebuild(slot, table.len(), hash_of);
            moved = true;
        }
        self.halve(hash_of);
        moved
    }

    /// Returns the leaf that the one in `slot` can merge with, if the two together leave some room in one leaf.
    fn sparse_buddy(&self, slot: usize, leaving: usize) -> Option<usize> {
        let depth = self.directory.mark(slot).depth;
        let extent = self.directory.extent_at(slot, depth);
        let buddy = extent.start ^ extent.len();
        let may = depth > 0 && self.directory.mark(buddy).depth == depth && {
            let entries = self.directory.table(slot).len() + self.directory.table(buddy).len() - leaving;
            entries + slack(self.limit) <= self.limit
        };
        may.then_some(buddy)
    }

    /// Halves the directory while it has more than four slots for each leaf and no leaf needs its full length.
    ///
    /// Above eight slots for each leaf and a chunk more, leaves of full depth are merged whatever their size.
    fn halve(&mut self, hash_of: &impl Fn(&K) -> u64)
    where
        K: Clone,
        V: Clone,
    {
        loop {
            let (bits, slots, leaves) = (self.directory.bits(), self.directory.slots(), self.tally.leaves);
            if bits == MIN_BITS || slots <= 4 * leaves {
                return;
            }
            if self.tally.at_depth[bits as usize] > 0 {
                if slots <= 8 * leaves + CHUNK_SLOTS {
                    return;
                }
                let deepest = |&slot: &usize| self.directory.mark(slot).depth == bits;
                for slot in (0..slots).step_by(2).filter(deepest).collect::<Vec<_>>() {
                    self.own(slot);
                    self.own(slot + 1);
                    self.merge(slot, slot + 1, hash_of);
                }
            }
            self.install(self.directory.resized(bits - 1, self.stamp));
        }
    }

    /// Shrinks every leaf that was changed since the savepoint.
    fn compact(&mut self, hash_of: &impl Fn(&K) -> u64)
    where
        K: Clone,
        V: Clone,
    {
        let mut slot = 0;
        while slot < self.directory.slots() {
            if self.is_own(slot) {
                let bits = self.directory.bits();
                self.shrink(slot, 0, hash_of);
                slot >>= bits - self.directory.bits();
            }
            slot = self.directory.extent(slot).end;
        }
    }
}

/// Elements that an empty list may keep room for.
const KEPT_CAPACITY: usize = 16;

/// Tables of at most this capacity are not made smaller.
const MIN_SHRINK: usize = 7;

/// Returns the room that a leaf must have left after a merge or a shrink, so that the next insertion does not undo it.
///
/// It can be little: each publish copies the leaves that it touches, which costs about as much as to rebuild them.
fn slack(capacity: usize) -> usize {
    (capacity / 32).max(1)
}

/// Makes a directory of empty leaves with room for `capacity` entries, born at `born`, and its tally.
///
/// The tables are allocated in the order of the directory, so that a walk finds them side by side in memory.
fn with_room_for<K, V>(capacity: usize, limit: usize, born: Stamp) -> (Directory<K, V>, Tally) {
    let depth = depth_for(capacity, limit);
    let mut directory = Directory::new(depth.max(MIN_BITS), depth, born);
    let mut tally = Tally::empty(depth);
    if capacity > 0 {
        for slot in directory.firsts().collect::<Vec<_>>() {
            let table = Table::with_capacity(capacity.div_ceil(tally.leaves));
            tally.bytes += table.allocation_size();
            directory.put(directory.extent_at(slot, depth), &Leaf::new(table), born, depth);
        }
    }
    (directory, tally)
}

/// Returns the depth of leaves made for `capacity` entries: they are to be at most about four fifths full.
fn depth_for(capacity: usize, limit: usize) -> u32 {
    if capacity <= limit {
        return 0;
    }
    let leaves = capacity.div_ceil(limit - limit / 5);
    (usize::BITS - (leaves - 1).leading_zeros()).min(MAX_BITS)
}

fn move_entry<K, V>(table: &mut Table<K, V>, hash: u64, entry: (K, V)) {
    table.insert_unique(hash, entry, |_| unreachable!("the table was made with room for all"));
}

fn take_entry<K, V>(table: &mut Table<K, V>, at: usize) -> (K, V) {
    table.get_bucket_entry(at).ok().expect("an entry was found there").remove().0
}
