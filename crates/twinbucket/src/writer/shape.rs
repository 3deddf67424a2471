//! The shape of the write bucket: which leaves are its own, when they split and merge, how long the directory is.
//!
//! A leaf that a write would overfill splits in two; one that is sparse merges with its buddy, the leaf with which it
//! once was one, or moves to a smaller table. The directory doubles for a leaf that cannot split otherwise, and halves
//! when no leaf needs its length; both copy the whole directory, and the rules keep them far apart in time.
//!
//! Wherever entries move, all their hashes are computed first: user code that panics has then moved nothing.

use std::ops::Range;

use super::{Old, Tally, Undo, Writer};
use crate::directory::{Directory, MAX_BITS, MIN_BITS};
use crate::leaf::{CHUNK_BITS, CHUNK_SLOTS, Leaf, Mark, Table};
use crate::ledger::Stamp;

/// Bytes of a leaf of plain data, about: a page.
const LEAF_BYTES: usize = 4096;
/// Entries in a leaf at most, where keys or values have drop glue and copying them runs user code.
const LEAF_ENTRIES_WITH_DROP: usize = 56;

/// Entries that a leaf may have before it splits: as many as fill the table of the right power of two.
pub(super) fn leaf_limit<K, V>() -> usize {
    if std::mem::needs_drop::<(K, V)>() {
        return LEAF_ENTRIES_WITH_DROP;
    }
    let entries = LEAF_BYTES / (size_of::<(K, V)>() + 1);
    // A table of 2^n buckets has room for 7/8 of them; one of 4, the smallest, for 3.
    let buckets = entries.next_power_of_two().clamp(4, 512);
    if buckets == 4 { 3 } else { buckets / 8 * 7 }
}

impl<K, V> Writer<K, V> {
    pub(super) fn is_own(&self, slot: usize) -> bool {
        self.directory.mark(slot).born == self.stamp
    }

    /// Makes the leaf in `slot` one that may be changed in place.
    pub(super) fn own(&mut self, slot: usize)
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
        self.moved.push_back((self.stamp, place));
        if self.moved.len() > MOVES_KEPT.max(self.directory.chunks().len() / 8) {
            self.moved_since = self.moved.pop_front().expect("just pushed").0;
        }
        match &mut self.undo {
            Undo::Chunks(chunks) => chunks.push((place, chunk)),
            Undo::Directory(_) => unreachable!("all chunks of a directory installed since the savepoint are its own"),
        }
    }

    /// Puts a directory of chunks born now in place of the current one.
    pub(super) fn install(&mut self, directory: Directory<K, V>) {
        let mut old = std::mem::replace(&mut self.directory, directory);
        let is_halved = self.directory.bits() < old.bits();
        if !(is_halved && cfg!(planted = "halving-not-noted")) {
            self.moved.clear();
            self.moved_since = self.stamp;
        }
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
    pub(super) fn make_room(&mut self, hash: u64, hash_of: &impl Fn(&K) -> u64) -> usize
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
        let merged = gather(one.len() + other.len(), one.into_iter().chain(other), &self.hashes);
        self.give_table(self.directory.extent_at(slot, depth - 1), merged, depth - 1);
        self.count_leaves(depth, -2);
        self.count_leaves(depth - 1, 1);
    }

    /// Moves the entries of a leaf that is the write bucket's own into a table of the given capacity.
    fn rebuild(&mut self, slot: usize, capacity: usize, hash_of: &impl Fn(&K) -> u64) {
        self.hash_entries(&[slot], hash_of);
        let rebuilt = gather(capacity, self.take_table(slot).into_iter(), &self.hashes);
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
    pub(super) fn edit<R>(&mut self, slot: usize, change: impl FnOnce(&mut Table<K, V>) -> R) -> R {
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
    /// Returns whether slots or entries have moved.
    pub(super) fn shrink(&mut self, slot: usize, leaving: usize, hash_of: &impl Fn(&K) -> u64) -> bool
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
        self.halve(hash_of) || moved
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
    /// Returns whether slots or entries have moved.
    ///
    /// Above eight slots for each leaf and a chunk more, leaves of full depth are merged whatever their size.
    fn halve(&mut self, hash_of: &impl Fn(&K) -> u64) -> bool
    where
        K: Clone,
        V: Clone,
    {
        let mut moved = false;
        loop {
            let (bits, slots, leaves) = (self.directory.bits(), self.directory.slots(), self.tally.leaves);
            if bits == MIN_BITS || slots <= 4 * leaves {
                return moved;
            }
            if self.tally.at_depth[bits as usize] > 0 {
                if slots <= 8 * leaves + CHUNK_SLOTS {
                    return moved;
                }
                let deepest = |&slot: &usize| self.directory.mark(slot).depth == bits;
                for slot in (0..slots).step_by(2).filter(deepest).collect::<Vec<_>>() {
                    self.own(slot);
                    self.own(slot + 1);
                    self.merge(slot, slot + 1, hash_of);
                }
            }
            self.install(self.directory.resized(bits - 1, self.stamp));
            moved = true;
        }
    }

    /// Shrinks every leaf that was changed since the savepoint.
    pub(super) fn compact(&mut self, hash_of: &impl Fn(&K) -> u64)
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

/// Replaced chunks that are remembered at least: more than most versions are old when they are filled again.
const MOVES_KEPT: usize = 64;

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
pub(super) fn with_room_for<K, V>(capacity: usize, limit: usize, born: Stamp) -> (Directory<K, V>, Tally) {
    assert!(capacity <= isize::MAX as usize / (size_of::<(K, V)>() + 1), "capacity overflow: {capacity} entries");
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

/// Moves entries with the given hashes to a new table.
fn gather<K, V>(capacity: usize, entries: impl Iterator<Item = (K, V)>, hashes: &[u64]) -> Table<K, V> {
    let mut table = Table::with_capacity(capacity);
    for (entry, &hash) in entries.zip(hashes) {
        move_entry(&mut table, hash, entry);
    }
    table
}

fn move_entry<K, V>(table: &mut Table<K, V>, hash: u64, entry: (K, V)) {
    table.insert_unique(hash, entry, |_| unreachable!("the table was made with room for all"));
}
