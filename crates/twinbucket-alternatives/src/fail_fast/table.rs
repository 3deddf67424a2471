//! Go's map before version 1.24 (its Swiss tables): `runtime/map.go` describes the layout, written anew here.
//!
//! An array of 2^B buckets with 8 slots each. The low bits of a hash pick the bucket, its top byte stands beside the slot
//! so that most other keys need not be compared; a full bucket gets overflow buckets. With more than 6.5 entries per
//! bucket the array doubles, with very many overflow buckets it is made anew in the same size. Either way the old buckets
//! stay and are emptied step by step: each write moves the one it needs, and one more.

use std::{iter, mem};

use hashbrown::Equivalent;

/// Slots of a bucket.
const SLOTS: usize = 8;

/// Top byte of an empty slot behind which all slots are empty.
const EMPTY_REST: u8 = 0;

/// Top byte of an empty slot.
const EMPTY: u8 = 1;

/// Lowest top byte of a slot in use.
const MIN_TOP: u8 = 2;

/// How the entries of a map lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailFastLayout {
    /// Length of the array of buckets, a power of two.
    pub buckets: usize,
    /// Overflow buckets in use behind those.
    pub overflow: usize,
    /// Old buckets that still hold their entries; 0 unless the map is growing.
    pub old_buckets: usize,
}

/// A slot, or one past the last of its chain.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    /// Index of the bucket.
    bucket: usize,
    /// Number of the slot in the bucket and its overflow buckets.
    slot: usize,
}

/// The buckets, and the old ones while the map grows.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    /// The array of buckets, each with its overflow buckets.
    buckets: Vec<Chain<K, V>>,
    /// What is not yet moved into it.
    old: Option<Old<K, V>>,
    /// Number of entries.
    len: usize,
    /// Number of overflow buckets in `buckets`.
    overflow: usize,
    /// Number of changes so far.
    changes: u64,
}

/// The array of buckets before growth.
#[derive(Debug)]
struct Old<K, V> {
    /// The buckets that are not yet moved, and `None` for those that are.
    buckets: Vec<Option<Chain<K, V>>>,
    /// All before this index are moved.
    next: usize,
}

impl<K, V> Table<K, V> {
    /// An empty table of one bucket.
    pub(super) fn new() -> Self {
        Self { buckets: chains(1), old: None, len: 0, overflow: 0, changes: 0 }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Number of changes so far: as long as it is the same, positions keep their meaning.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// How the entries lie in memory.
    pub(super) fn layout(&self) -> FailFastLayout {
        let old_buckets = self.old.as_ref().map_or(0, |old| old.buckets.iter().flatten().count());
        FailFastLayout { buckets: self.buckets.len(), overflow: self.overflow, old_buckets }
    }

    /// The old chain of entries with this hash, if it is not moved yet.
    fn old_chain(&self, hash: u64) -> Option<&Chain<K, V>> {
        let old = self.old.as_ref()?;
        old.buckets[bucket_of(hash, old.buckets.len())].as_ref()
    }

    /// The chain where entries with this hash are, or would be.
    fn chain(&self, hash: u64) -> &Chain<K, V> {
        self.old_chain(hash).unwrap_or(&self.buckets[bucket_of(hash, self.buckets.len())])
    }

    /// The same, to change it.
    fn chain_mut(&mut self, hash: u64) -> &mut Chain<K, V> {
        let new = &mut self.buckets;
        let old = self.old.as_mut().and_then(|Old { buckets, .. }| {
            let bucket = bucket_of(hash, buckets.len());
            buckets[bucket].as_mut()
        });
        old.unwrap_or_else(|| {
            let bucket = bucket_of(hash, new.len());
            &mut new[bucket]
        })
    }

    /// The value of a key.
    pub(super) fn get<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<&V> {
        let chain = self.chain(hash);
        chain.entry(chain.find(hash, key)?).map(|(_, value)| value)
    }

    /// The value of a key, to change it.
    pub(super) fn get_mut<Q: Equivalent<K> + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<&mut V> {
        let slot = self.chain(hash).find(hash, key)?;
        self.changes += 1;
        self.chain_mut(hash).entry_mut(slot).as_mut().map(|(_, value)| value)
    }

    /// Sets the value of a key; grows before it, if there are too many entries or overflow buckets.
    pub(super) fn insert(&mut self, hash: u64, key: K, value: V, hasher: impl Fn(&K) -> u64) -> Option<V>
    where
        K: Eq,
    {
        if let Some(place) = self.get_mut(hash, &key) {
            let old = mem::replace(place, value);
            self.move_some(hash, hasher);
            return Some(old);
        }
        self.changes += 1;
        if self.old.is_none() {
            self.start_growth_if_due();
        }
        self.move_some(hash, hasher);
        self.len += 1;
        let bucket = bucket_of(hash, self.buckets.len());
        self.overflow += usize::from(self.buckets[bucket].push(hash, (key, value)));
        None
    }

    /// Removes a key.
    pub(super) fn remove<Q>(&mut self, hash: u64, key: &Q, hasher: impl Fn(&K) -> u64) -> Option<(K, V)>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let slot = self.chain(hash).find(hash, key)?;
        self.changes += 1;
        self.len -= 1;
        let removed = self.chain_mut(hash).take(slot);
        self.move_some(hash, hasher);
        removed
    }

    /// Makes a new array of buckets if there are more than 6.5 entries for each, twice as long, or as many overflow
    /// buckets as buckets, of the same length. The old ones keep their entries.
    fn start_growth_if_due(&mut self) {
        let buckets = self.buckets.len();
        let crowded = self.len >= SLOTS && 2 * (self.len + 1) > 13 * buckets;
        let overflowing = self.overflow >= buckets.min(1 << 15);
        if crowded || overflowing {
            let new = chains(if crowded { 2 * buckets } else { buckets });
            let old = mem::replace(&mut self.buckets, new).into_iter().map(Some).collect();
            self.old = Some(Old { buckets: old, next: 0 });
            self.overflow = 0;
        }
    }

    /// While the map grows, moves the old bucket of this hash, and one more.
    fn move_some(&mut self, hash: u64, hasher: impl Fn(&K) -> u64) {
        if let Some(old) = &self.old {
            self.move_bucket(bucket_of(hash, old.buckets.len()), &hasher);
        }
        if let Some(old) = &self.old {
            self.move_bucket(old.next, &hasher);
        }
    }

    /// Moves the entries of an old bucket to where they belong, unless that is done; forgets the old buckets after the
    /// last.
    fn move_bucket(&mut self, number: usize, hasher: impl Fn(&K) -> u64) {
        let Some(old) = &mut self.old else { return };
        let Some(chain) = &old.buckets[number] else { return };
        // Hashing is not our code: should it panic, then before the first entry moves.
        let hashes: Vec<u64> = chain.entries().map(|(key, _)| hasher(key)).collect();
        let entries = old.buckets[number].take().into_iter().flat_map(Chain::into_entries);
        for (hash, entry) in hashes.into_iter().zip(entries) {
            let bucket = bucket_of(hash, self.buckets.len());
            self.overflow += usize::from(self.buckets[bucket].push(hash, entry));
        }
        while old.buckets.get(old.next).is_some_and(Option::is_none) {
            old.next += 1;
        }
        if old.next == old.buckets.len() {
            self.old = None;
        }
    }

    /// The entry at a position or, if the slot is empty, the next one after it; the position moves behind it.
    ///
    /// A bucket that is not moved yet is walked in place of the one or two that it will be moved to, each time for the
    /// entries that belong there.
    pub(super) fn step(&self, at: &mut Position, hasher: impl Fn(&K) -> u64) -> Option<&(K, V)> {
        while at.bucket < self.buckets.len() {
            let old = self.old_chain(at.bucket as u64);
            let chain = old.unwrap_or(&self.buckets[at.bucket]);
            while at.slot < chain.slots() {
                let entry = chain.entry(at.slot);
                at.slot += 1;
                let belongs =
                    |(key, _): &&(K, V)| old.is_none() || bucket_of(hasher(key), self.buckets.len()) == at.bucket;
                if let Some(entry) = entry.filter(belongs) {
                    return Some(entry);
                }
            }
            *at = Position { bucket: at.bucket + 1, slot: 0 };
        }
        None
    }
}

/// A bucket and its overflow buckets; a bucket that never had an entry is not there yet.
#[derive(Debug)]
struct Chain<K, V>(Vec<Bucket<K, V>>);

/// Eight slots.
#[derive(Debug)]
struct Bucket<K, V> {
    /// For each slot, the top byte of the hash of its key, or that it is empty.
    tops: [u8; SLOTS],
    /// The entries.
    entries: [Option<(K, V)>; SLOTS],
}

impl<K, V> Chain<K, V> {
    /// Number of slots.
    fn slots(&self) -> usize {
        SLOTS * self.0.len()
    }

    /// The top byte beside a slot.
    fn top(&self, slot: usize) -> u8 {
        self.0[slot / SLOTS].tops[slot % SLOTS]
    }

    /// The same, to change it.
    fn top_mut(&mut self, slot: usize) -> &mut u8 {
        &mut self.0[slot / SLOTS].tops[slot % SLOTS]
    }

    /// The entry in a slot.
    fn entry(&self, slot: usize) -> Option<&(K, V)> {
        self.0[slot / SLOTS].entries[slot % SLOTS].as_ref()
    }

    /// What is in a slot, to change it.
    fn entry_mut(&mut self, slot: usize) -> &mut Option<(K, V)> {
        &mut self.0[slot / SLOTS].entries[slot % SLOTS]
    }

    /// The slot of a key.
    fn find<Q: Equivalent<K> + ?Sized>(&self, hash: u64, key: &Q) -> Option<usize> {
        (0..self.slots()).take_while(|&slot| self.top(slot) != EMPTY_REST).find(|&slot| {
            let is_key = |(found, _): &(K, V)| key.equivalent(found);
            self.top(slot) == top_of(hash) && self.entry(slot).is_some_and(is_key)
        })
    }

    /// Puts an entry into the first empty slot; tells whether that took a new overflow bucket.
    fn push(&mut self, hash: u64, entry: (K, V)) -> bool {
        let slots = self.slots();
        let slot = (0..slots).find(|&slot| self.top(slot) < MIN_TOP).unwrap_or(slots);
        if slot == slots {
            self.0.push(Bucket { tops: [EMPTY_REST; SLOTS], entries: [const { None }; SLOTS] });
        }
        *self.top_mut(slot) = top_of(hash);
        *self.entry_mut(slot) = Some(entry);
        slot == slots && slot > 0
    }

    /// Takes the entry out of a slot.
    fn take(&mut self, slot: usize) -> Option<(K, V)> {
        *self.top_mut(slot) = EMPTY;
        for slot in (0..=slot).rev() {
            let last = slot + 1 == self.slots() || self.top(slot + 1) == EMPTY_REST;
            if self.top(slot) != EMPTY || !last {
                break;
            }
            *self.top_mut(slot) = EMPTY_REST;
        }
        self.entry_mut(slot).take()
    }

    /// All entries, slot by slot.
    fn entries(&self) -> impl Iterator<Item = &(K, V)> {
        self.0.iter().flat_map(|bucket| bucket.entries.iter().flatten())
    }

    /// All entries, in the same order.
    fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.0.into_iter().flat_map(|bucket| bucket.entries.into_iter().flatten())
    }
}

/// An array of so many buckets.
fn chains<K, V>(buckets: usize) -> Vec<Chain<K, V>> {
    iter::repeat_with(|| Chain(Vec::new())).take(buckets).collect()
}

/// The bucket for a hash, of a power of two.
fn bucket_of(hash: u64, buckets: usize) -> usize {
    hash as usize & (buckets - 1)
}

/// The top byte of a hash, made larger if it would mean an empty slot.
fn top_of(hash: u64) -> u8 {
    let top = (hash >> 56) as u8;
    if top < MIN_TOP { top + MIN_TOP } else { top }
}
