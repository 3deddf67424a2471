//! Leaves and chunks, and every alias of them.
//!
//! A leaf is one flat hash table. Its header (pointer, mask, counts) sits in a directory slot and is copied bit by bit
//! from slot to slot and from version to version, so that a lookup reaches the table without a further hop. A chunk is
//! 64 directory slots in one allocation, and versions share chunks in the same way. All of that aliasing is in here, and
//! the way from a hash to its leaf; nothing in here knows of generations or pins.
//!
//! # The rule
//! - A [`Leaf`] and a [`ChunkRef`] are aliases: copying or dropping one does nothing to what it names.
//! - Exactly one place owns what they name: the write bucket while nobody else can see it, afterwards the ledger, as a
//!   [`Table`] made by [`Leaf::take`] or an [`OwnedChunk`] made by [`ChunkRef::take`]. Each is taken exactly once, and
//!   dropped (an [`OwnedLeaf`]) only when no directory that holds an alias is reachable any more.
//! - [`Leaf::table_mut`] and [`ChunkRef::chunk_mut`] are called by the one writer, and only on leaves and chunks born
//!   since its savepoint, which no other thread can reach. A changed header must be written to every slot of the leaf.
//!
//! The functions below are safe to call only for code that keeps this rule, which is [`directory`](crate::directory) and
//! [`writer`](crate::writer): what they get wrong shows up here. They are not marked `unsafe`, since each of their calls
//! would have to repeat this page.

#![expect(unsafe_code, reason = "directories of different versions alias tables and chunks; the rule is stated above")]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use hashbrown::HashTable;

use crate::ledger::Stamp;

/// The flat table of one leaf, owned.
pub(crate) type Table<K, V> = HashTable<(K, V)>;

/// Slots in a chunk, as a power of two.
pub(crate) const CHUNK_BITS: u32 = 6;
/// Slots in a chunk.
pub(crate) const CHUNK_SLOTS: usize = 1 << CHUNK_BITS;

/// An alias of a leaf's table: its header, as it lies in a directory slot.
pub(crate) struct Leaf<K, V>(ManuallyDrop<Table<K, V>>);

impl<K, V> Leaf<K, V> {
    /// Gives `table` up to be aliased. Whoever ends the leaf takes it back with [`take`](Self::take).
    pub(crate) fn new(table: Table<K, V>) -> Self {
        Self(ManuallyDrop::new(table))
    }

    /// Returns another alias of the same table.
    pub(crate) fn alias(&self) -> Self {
        // SAFETY: the header is plain words, valid to copy as it is initialised; `ManuallyDrop` keeps every copy from
        // dropping the table, and by the module's rule only the owner made by `take` does.
        Self(unsafe { ptr::read(&raw const self.0) })
    }

    /// Returns the owner of the table. At most once for all aliases of a leaf, see the module's rule.
    pub(crate) fn take(&self) -> Table<K, V> {
        ManuallyDrop::into_inner(self.alias().0)
    }

    /// Returns the table to read.
    #[inline]
    pub(crate) fn table(&self) -> &Table<K, V> {
        &self.0
    }

    /// Returns the table to change. Only on a leaf that no other thread can reach.
    pub(crate) fn table_mut(&mut self) -> &mut Table<K, V> {
        &mut self.0
    }
}

/// The owner of a leaf that has been replaced; dropping it drops the entries.
pub(crate) struct OwnedLeaf<K, V>(pub(crate) Table<K, V>);

impl<K, V> Drop for OwnedLeaf<K, V> {
    /// Drops all entries, even if the destructor of one panics; the table alone would leak the rest.
    fn drop(&mut self) {
        if std::mem::needs_drop::<(K, V)>() {
            std::mem::take(&mut self.0).into_iter().for_each(drop);
        }
    }
}

/// What the writer knows about the leaf in a slot.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    /// When the leaf was made.
    pub(crate) born: Stamp,
    /// How many bits of the hash its entries have in common.
    pub(crate) depth: u32,
}

/// 64 directory slots.
pub(crate) struct Chunk<K, V> {
    /// The header of the leaf in each slot, on its own so that lookups touch nothing else.
    leaves: [Leaf<K, V>; CHUNK_SLOTS],
    /// When the leaf in each slot was made.
    births: [Stamp; CHUNK_SLOTS],
    /// Depth of the leaf in each slot.
    depths: [u8; CHUNK_SLOTS],
    /// When the chunk was made.
    born: Stamp,
}

impl<K, V> Chunk<K, V> {
    /// Returns the leaf in slot `at` of this chunk.
    #[inline]
    pub(crate) fn leaf(&self, at: usize) -> &Leaf<K, V> {
        &self.leaves[at]
    }

    /// As [`leaf`](Self::leaf), to change.
    pub(crate) fn leaf_mut(&mut self, at: usize) -> &mut Leaf<K, V> {
        &mut self.leaves[at]
    }

    /// Returns the mark of the leaf in slot `at` of this chunk.
    pub(crate) fn mark(&self, at: usize) -> Mark {
        Mark { born: self.births[at], depth: u32::from(self.depths[at]) }
    }

    /// Fills slot `at` of this chunk.
    pub(crate) fn set(&mut self, at: usize, leaf: Leaf<K, V>, mark: Mark) {
        self.leaves[at] = leaf;
        self.births[at] = mark.born;
        self.depths[at] = u8::try_from(mark.depth).expect("a depth is below 64");
    }

    /// Returns when the chunk was made.
    pub(crate) fn born(&self) -> Stamp {
        self.born
    }
}

/// An alias of a chunk.
pub(crate) struct ChunkRef<K, V>(NonNull<Chunk<K, V>>, PhantomData<Chunk<K, V>>);

// SAFETY: sharing a chunk shares the keys and values in its leaves (`Sync`), and its owner may be dropped, and with it
// the leaves, on another thread than the one that made them (`Send`).
unsafe impl<K: Send + Sync, V: Send + Sync> Send for ChunkRef<K, V> {}
// SAFETY: as above.
unsafe impl<K: Send + Sync, V: Send + Sync> Sync for ChunkRef<K, V> {}

impl<K, V> Clone for ChunkRef<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for ChunkRef<K, V> {}

impl<K, V> Deref for ChunkRef<K, V> {
    type Target = Chunk<K, V>;

    #[inline]
    fn deref(&self) -> &Chunk<K, V> {
        // SAFETY: the pointer came from a leaked box in `from_box`; by the module's rule the chunk's owner is
        // dropped only when no directory with an alias is reachable, and whoever calls this reached one.
        unsafe { self.0.as_ref() }
    }
}

impl<K, V> ChunkRef<K, V> {
    /// Makes a chunk of empty leaves with the given mark, born with them.
    pub(crate) fn new(mark: Mark) -> Self {
        let depth = u8::try_from(mark.depth).expect("a depth is below 64");
        Self::from_box(Box::new(Chunk {
            leaves: std::array::from_fn(|_| Leaf::new(Table::new())),
            births: [mark.born; CHUNK_SLOTS],
            depths: [depth; CHUNK_SLOTS],
            born: mark.born,
        }))
    }

    /// Makes a chunk with aliases of the same leaves.
    pub(crate) fn copy(self, born: Stamp) -> Self {
        let mut copy = Box::<Chunk<K, V>>::new_uninit();
        // SAFETY: both are valid for one `Chunk` and do not overlap; the leaves in it are aliases, which may be copied.
        unsafe { ptr::copy_nonoverlapping(self.0.as_ptr(), copy.as_mut_ptr(), 1) };
        // SAFETY: the line above initialised it.
        let mut copy = unsafe { copy.assume_init() };
        copy.born = born;
        Self::from_box(copy)
    }

    fn from_box(chunk: Box<Chunk<K, V>>) -> Self {
        // `Box::leak` gives the pointer up; `OwnedChunk` makes a box of it again.
        Self(NonNull::from(Box::leak(chunk)), PhantomData)
    }

    /// Returns the chunk to change. Only on a chunk that no other thread can reach.
    pub(crate) fn chunk_mut(&mut self) -> &mut Chunk<K, V> {
        // SAFETY: as in `deref`; and by the module's rule the one writer calls this, on a chunk that only its own
        // directory refers to, and the borrow of `self` ends before it looks at that chunk again.
        unsafe { self.0.as_mut() }
    }

    /// Returns the owner of the chunk. At most once for all aliases, see the module's rule.
    pub(crate) fn take(self) -> OwnedChunk<K, V> {
        OwnedChunk(self)
    }
}

/// The owner of a chunk; dropping it frees the 64 slots, not the leaves they name.
pub(crate) struct OwnedChunk<K, V>(ChunkRef<K, V>);

impl<K, V> OwnedChunk<K, V> {
    /// Returns an alias of the chunk.
    pub(crate) fn alias(&self) -> ChunkRef<K, V> {
        self.0
    }
}

impl<K, V> Drop for OwnedChunk<K, V> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a box in `ChunkRef::from_box`; this is the one owner, and by the module's rule
        // no directory that holds an alias is reachable any more.
        drop(unsafe { Box::from_raw(self.0.0.as_ptr()) });
    }
}

/// Spreads the bits of a hash upwards, for the directory, which goes by the top bits of the result.
///
/// A multiplication by the golden ratio (Knuth, TAOCP 3, 6.4): even an identity hash of small integers fills the directory
/// evenly. The leaves get the hash as it is. Within a leaf its low bits (place) and top bits (tag) are as good as in one
/// flat table, since the top bits of the product depend on all of them.
#[inline]
pub(crate) fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Bytes of a leaf in its slot, as a power of two. A slot number scaled by it saves the lookup one instruction; nothing
/// breaks if it is another number.
const SCALE_BITS: u32 = 5;

/// The top array of a directory: a chunk for each 64 of its 2^bits slots, and at least one.
pub(crate) struct Top<K, V> {
    /// The chunks; always as many as `shift` says.
    chunks: Vec<ChunkRef<K, V>>,
    /// How far to shift a spread hash to the right to get its slot times 2^`SCALE_BITS`: from 1 to 58.
    shift: u32,
}

impl<K, V> Top<K, V> {
    /// Makes a top array of the chunks for 2^`bits` slots, with `bits` from 1 to 58.
    pub(crate) fn new(chunks: Vec<ChunkRef<K, V>>, bits: u32) -> Self {
        assert!((1..u64::BITS - SCALE_BITS).contains(&bits) && chunks.len() == chunks_for(bits));
        Self { chunks, shift: u64::BITS - SCALE_BITS - bits }
    }

    /// Takes over the chunks of `other`, without allocation where this one has had that many before.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.chunks.clear();
        self.chunks.extend_from_slice(&other.chunks);
        self.shift = other.shift;
    }

    /// Returns the number of slots, as a power of two.
    pub(crate) fn bits(&self) -> u32 {
        u64::BITS - SCALE_BITS - self.shift
    }

    /// Returns the slot for a hash.
    #[inline]
    pub(crate) fn slot_of(&self, hash: u64) -> usize {
        (spread(hash) >> self.shift >> SCALE_BITS) as usize
    }

    /// Returns the table of the leaf for a hash.
    #[inline]
    pub(crate) fn table_for(&self, hash: u64) -> &Table<K, V> {
        let slot = self.slot_of(hash);
        // SAFETY: `slot` is below 2^bits by the shift, so `slot / 64` is below the number of chunks for that many slots,
        // which is what `new` asserted and `copy_from` took over together with the shift.
        let chunk = unsafe { self.chunks.get_unchecked(slot >> CHUNK_BITS) };
        chunk.leaf(slot % CHUNK_SLOTS).table()
    }

    /// Returns the chunks.
    pub(crate) fn chunks(&self) -> &[ChunkRef<K, V>] {
        &self.chunks
    }

    /// As [`chunks`](Self::chunks), to change which chunk is where.
    pub(crate) fn chunks_mut(&mut self) -> &mut [ChunkRef<K, V>] {
        &mut self.chunks
    }
}

/// Returns how many chunks hold 2^`bits` slots.
pub(crate) fn chunks_for(bits: u32) -> usize {
    (1 << bits >> CHUNK_BITS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(n: u64) -> Table<u64, u64> {
        let mut table = Table::new();
        for key in 0..n {
            table.insert_unique(spread(key), (key, key), |&(key, _)| spread(key));
        }
        table
    }

    // The writer relies on the three facts below; hashbrown has them, but does not promise them.

    #[test]
    fn clones_keep_their_entries_in_the_same_buckets() {
        let mut original = table(1_000);
        original.retain(|&mut (key, _)| key % 3 != 0);
        let copy = original.clone();
        assert!(original.iter_buckets().eq(copy.iter_buckets()));
        assert!(original.iter_buckets().all(|at| original.get_bucket(at) == copy.get_bucket(at)));
    }

    #[test]
    fn owned_iteration_has_the_order_of_borrowed_iteration() {
        let table = table(1_000);
        let borrowed: Vec<_> = table.iter().copied().collect();
        assert!(table.into_iter().eq(borrowed));
    }

    #[test]
    fn a_table_with_room_does_not_call_its_hasher() {
        let mut table = Table::with_capacity(100);
        for key in 0..100 {
            table.insert_unique(spread(key), (key, ()), |_| unreachable!());
        }
        assert_eq!(table.len(), 100);
    }
}
