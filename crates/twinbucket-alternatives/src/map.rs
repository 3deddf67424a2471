//! The trait that all designs share, and what a design promises.

use std::hash::Hash;

use hashbrown::Equivalent;

/// A map that many threads read and change through a shared reference.
///
/// Each operation on a single key is linearizable: it takes effect at one moment between its call and its return. What a
/// walk sees, and who may have to wait for whom, differs from design to design and is said by [`CAPABILITIES`].
///
/// [`CAPABILITIES`]: ConcurrentMap::CAPABILITIES
pub trait ConcurrentMap<K, V>: Send + Sync {
    /// What this design promises.
    const CAPABILITIES: Capabilities;

    /// Looks `key` up and returns what `look` makes of its value, or `None` if the key is missing.
    ///
    /// `look` must not use the map: where lookups hold a lock, that may wait for ever.
    fn get_with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        Q: Hash + Equivalent<K> + ?Sized;

    /// Returns a clone of the value of `key`.
    fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        V: Clone,
    {
        self.get_with(key, V::clone)
    }

    /// Sets the value of `key` and returns the one before.
    ///
    /// The change is visible to every lookup that starts after the return.
    fn insert(&self, key: K, value: V) -> Option<V>;

    /// Removes `key` and returns the value it had.
    ///
    /// The change is visible to every lookup that starts after the return.
    fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized;

    /// Returns the number of entries; of one moment only where nobody writes meanwhile.
    fn len(&self) -> usize;

    /// Tells whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` for every entry, in no particular order.
    ///
    /// An entry that is there from beginning to end is visited exactly once; see [`Capabilities::view`] for those that
    /// come, go or change meanwhile. `visit` must not use the map.
    fn for_each(&self, visit: impl FnMut(&K, &V));
}

/// What a design promises, apart from its speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// What there is in the way of a view of one moment.
    pub view: View,
    /// What becomes of writes while somebody walks.
    pub while_walking: WhileWalking,
    /// For whom a lookup may have to wait.
    pub readers_wait_for: WaitsFor,
    /// For whom a write may have to wait, apart from other writers, for whom it may always have to.
    pub writers_wait_for: WaitsFor,
}

/// A view of the whole map at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// There is none: a walk may see one change and miss an earlier one.
    None,
    /// A walk sees one moment, as writers wait until it is over.
    WhileWritersWait,
    /// Anyone may keep a view for as long as they like, and nobody waits.
    Held,
}

/// What becomes of a write to a map that somebody walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhileWalking {
    /// It waits until the walk is over.
    Waits,
    /// The first one goes on and the walk does not see it; the one after it waits until the walk is over.
    GoesOnOnce,
    /// It waits until the walk has left the part of the map that it goes to.
    WaitsForPart,
    /// It goes on; the walk may see it or not.
    Mixes,
    /// It goes on; the walk does not see it.
    GoesOn,
}

/// Whom an operation may have to wait for.
///
/// What counts is a wait for as long as somebody else's closure or walk lasts, or for a step whose cost grows with the
/// map. A lock that is held for one step of constant cost does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// Nobody.
    Nobody,
    /// Whoever writes to the same part of the map.
    WritersOfPart,
    /// Whoever reads or walks the same part of the map.
    ReadersOfPart,
    /// Any writer.
    Writers,
    /// Any reader.
    Readers,
}
