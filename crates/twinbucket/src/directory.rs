//! The directory: which leaf holds the entries of which hash prefix.
//!
//! Extendible hashing (Fagin, Nievergelt, Pippenger and Strong, ACM TODS 4(3), 1979): an array indexed by the top
//! bits of the hash, whose slots refer to leaves. A leaf of depth *d* holds the entries that agree in *d* bits and fills
//! 2^(bits - d) neighbouring slots, its extent. The array is in two levels, a top array of chunks of 64 slots, so that
//! versions which differ in little share the rest.
//!
//! The directory belongs to one version and says where things are. What may be changed, and when what was replaced may
//! go, is up to the [writer](crate::writer) and the [ledger](crate::ledger).

use std::ops::Range;

use crate::leaf::{CHUNK_BITS, CHUNK_SLOTS, Chunk, ChunkRef, Leaf, Mark, Table, Top, chunks_for, spread};
use crate::ledger::Stamp;

/// The shortest directory has two slots.
pub(crate) const MIN_BITS: u32 = 1;
/// The longest directory; more slots than memory has room for.
pub(crate) const MAX_BITS: u32 = 48;

/// The two levels of one version.
pub(crate) struct Directory<K, V> {
    /// The top array.
    top: Top<K, V>,
}

impl<K, V> Directory<K, V> {
    /// Makes a directory of 2^`bits` slots for 2^`depth` empty leaves, all born at `born`.
    pub(crate) fn new(bits: u32, depth: u32, born: Stamp) -> Self {
        let chunks = (0..chunks_for(bits)).map(|_| ChunkRef::new(Mark { born, depth }));
        Self { top: Top::new(chunks.collect(), bits) }
    }

    /// Makes the shortest directory, of one chunk.
    pub(crate) fn of_one(chunk: ChunkRef<K, V>) -> Self {
        Self { top: Top::new(vec![chunk], MIN_BITS) }
    }

    /// Makes a directory with the slots of `other`. O(chunks).
    pub(crate) fn copy_of(other: &Self) -> Self {
        Self { top: Top::new(other.chunks().to_vec(), other.bits()) }
    }

    /// Takes over the slots of `other`: O(chunks), without allocation where this one has had that many before.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.top.copy_from(&other.top);
    }

    /// Tells whether each chunk is the very one that `other` has in its place.
    pub(crate) fn has_chunks_of(&self, other: &Self) -> bool {
        self.bits() == other.bits()
            && self.chunks().iter().zip(other.chunks()).all(|(one, two)| std::ptr::eq(&**one, &**two))
    }

    /// Returns the number of slots, as a power of two.
    pub(crate) fn bits(&self) -> u32 {
        self.top.bits()
    }

    /// Returns the number of slots.
    pub(crate) fn slots(&self) -> usize {
        1 << self.bits()
    }

    /// Returns the bytes of both levels.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks().len() * (size_of::<ChunkRef<K, V>>() + size_of::<Chunk<K, V>>())
    }

    /// Returns the slot for a hash.
    pub(crate) fn slot_of(&self, hash: u64) -> usize {
        self.top.slot_of(hash)
    }

    /// Returns the table of the leaf for a hash.
    #[inline]
    pub(crate) fn table_for(&self, hash: u64) -> &Table<K, V> {
        self.top.table_for(hash)
    }

    /// Tells which half of a leaf of the given depth a hash belongs to when that leaf splits.
    pub(crate) fn is_upper_half(hash: u64, depth: u32) -> bool {
        (spread(hash) << depth) >> (u64::BITS - 1) == 1
    }

    /// Returns the table of the leaf in a slot.
    pub(crate) fn table(&self, slot: usize) -> &Table<K, V> {
        self.leaf(slot).table()
    }

    /// Returns the leaf in a slot.
    pub(crate) fn leaf(&self, slot: usize) -> &Leaf<K, V> {
        self.chunk(slot).leaf(slot % CHUNK_SLOTS)
    }

    /// Returns the mark of the leaf in a slot.
    pub(crate) fn mark(&self, slot: usize) -> Mark {
        self.chunk(slot).mark(slot % CHUNK_SLOTS)
    }

    /// Returns the slots of the leaf that is in `slot`.
    pub(crate) fn extent(&self, slot: usize) -> Range<usize> {
        self.extent_at(slot, self.mark(slot).depth)
    }

    /// Returns the slots of a leaf of the given depth at `slot`.
    pub(crate) fn extent_at(&self, slot: usize, depth: u32) -> Range<usize> {
        let len = 1 << (self.bits() - depth);
        let start = slot & !(len - 1);
        start..start + len
    }

    /// Returns the first slot of each leaf, in the order of the hash prefixes.
    pub(crate) fn firsts(&self) -> impl Iterator<Item = usize> + '_ {
        let mut next = 0;
        std::iter::from_fn(move || {
            let slot = (next < self.slots()).then_some(next)?;
            next = self.extent(slot).end;
            Some(slot)
        })
    }

    /// Returns the top array.
    pub(crate) fn chunks(&self) -> &[ChunkRef<K, V>] {
        self.top.chunks()
    }

    /// Puts `chunk` at the given place of the top array and returns the one that was there.
    pub(crate) fn replace_chunk(&mut self, at: usize, chunk: ChunkRef<K, V>) -> ChunkRef<K, V> {
        std::mem::replace(&mut self.top.chunks_mut()[at], chunk)
    }

    /// Returns the table of a leaf that only the writer can reach, to change an entry in place.
    ///
    /// For a change that moves the header (an insertion, a removal), use [`edit`](Self::edit).
    pub(crate) fn table_mut(&mut self, slot: usize) -> &mut Table<K, V> {
        self.top.chunks_mut()[slot >> CHUNK_BITS].chunk_mut().leaf_mut(slot % CHUNK_SLOTS).table_mut()
    }

    /// Changes the leaf in `slot`, which only the writer can reach, and writes its header to its whole extent.
    ///
    /// `change` must not run user code, so that it cannot panic between the two.
    pub(crate) fn edit<R>(&mut self, slot: usize, change: impl FnOnce(&mut Table<K, V>) -> R) -> R {
        let result = change(self.table_mut(slot));
        let Mark { born, depth } = self.mark(slot);
        let extent = self.extent_at(slot, depth);
        if extent.len() > 1 {
            let leaf = self.leaf(slot).alias();
            self.put(extent, &leaf, born, depth);
        }
        result
    }

    /// Fills an extent with aliases of a leaf. The chunks must be the writer's own.
    pub(crate) fn put(&mut self, extent: Range<usize>, leaf: &Leaf<K, V>, born: Stamp, depth: u32) {
        for slot in extent {
            self.top.chunks_mut()[slot >> CHUNK_BITS].chunk_mut().set(
                slot % CHUNK_SLOTS,
                leaf.alias(),
                Mark { born, depth },
            );
        }
    }

    /// Makes a directory of 2^`bits` slots with aliases of the same leaves, in chunks born at `born`.
    ///
    /// `bits` may be one more than now, or one less where no leaf has the full depth.
    pub(crate) fn resized(&self, bits: u32, born: Stamp) -> Self {
        let mut resized = Self::new(bits, 0, born);
        for slot in 0..resized.slots() {
            let source = slot << self.bits() >> bits;
            let Mark { born, depth } = self.mark(source);
            resized.put(slot..slot + 1, self.leaf(source), born, depth);
        }
        resized
    }

    /// Tells whether the leaf in `slot` is also in `other`, another version of the same store.
    ///
    /// No two visible leaves of a store agree in prefix, depth and birth stamp.
    pub(crate) fn shares_leaf(&self, other: &Self, slot: usize) -> bool {
        let theirs = if other.bits() >= self.bits() {
            slot << (other.bits() - self.bits())
        } else {
            slot >> (self.bits() - other.bits())
        };
        let (one, two) = (self.mark(slot), other.mark(theirs));
        one.born == two.born && one.depth == two.depth
    }

    /// If `slot` is in a chunk that `other` has too, returns where the next one begins.
    pub(crate) fn end_of_shared_chunk(&self, other: &Self, slot: usize) -> Option<usize> {
        let shared = self.bits() == other.bits() && self.chunk(slot).born() == other.chunk(slot).born();
        shared.then(|| (slot / CHUNK_SLOTS + 1) * CHUNK_SLOTS)
    }

    fn chunk(&self, slot: usize) -> &ChunkRef<K, V> {
        &self.chunks()[slot >> CHUNK_BITS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_integers_spread_over_the_slots() {
        let directory = Directory::<u64, u64>::new(10, 10, Stamp(0));
        for stride in [1, 2, 64, 4096, 1 << 20, 1 << 32, 1 << 40] {
            let mut counts = vec![0; directory.slots()];
            for key in 0..100 * 1024 {
                counts[directory.slot_of(key * stride)] += 1;
            }
            assert!(counts.iter().all(|&count| count < 300), "stride {stride}: {:?}", counts.iter().max());
        }
        // A directory owns nothing, and its leaves have no memory yet.
        directory.chunks().iter().for_each(|chunk| drop(chunk.take()));
    }

    #[test]
    fn a_resized_directory_finds_the_same_leaves() {
        let mut directory = Directory::<u64, u64>::new(7, 7, Stamp(0));
        for slot in directory.firsts().collect::<Vec<_>>() {
            directory.edit(slot, |table| {
                table.insert_unique(0, (slot as u64, 0), |_| 0);
            });
        }
        let doubled = directory.resized(8, Stamp(1));
        for hash in (0..1_000_u64).map(spread) {
            let (one, two) = (directory.slot_of(hash), doubled.slot_of(hash));
            assert_eq!(directory.table(one).iter().next(), doubled.table(two).iter().next());
        }
        let halved = doubled.resized(7, Stamp(2));
        assert!(halved.firsts().eq(directory.firsts()));
        for slot in directory.firsts() {
            drop(directory.leaf(slot).take());
        }
        for directory in [directory, doubled, halved] {
            directory.chunks().iter().for_each(|chunk| drop(chunk.take()));
        }
    }
}
