//! One key and the cell with its value, shared between the read map and the dirty map.
//!
//! A cell is in one of three states. Only value and deleted are reached without the lock; an entry is expunged and
//! unexpunged under it:
//!
//! ```text
//!   value <-> deleted <-> expunged
//! ```
//!
//! - *value*: the key is there.
//! - *deleted*: it is not; a value may be put in at any time, as whoever has the dirty map has this entry, too.
//! - *expunged*: it is not, and the dirty map was made without this entry. A value put in now would be lost when the dirty
//!   map is promoted, so the entry must first be added to it.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};

/// What a cell holds; `None` is *deleted*.
type Held<V> = Option<Arc<State<V>>>;

/// The two states other than deleted.
#[derive(Clone)]
pub(super) enum State<V> {
    /// The key is there.
    Value(V),
    /// The key is not there, and the entry is not in the dirty map.
    Expunged,
}

/// An attempt to put a value into an expunged entry.
#[derive(Debug)]
pub(super) struct Expunged;

/// A key with its cell.
pub(super) struct Entry<K, V> {
    /// The key.
    pub(super) key: K,
    /// Its hash, so that tables can grow without the hasher.
    pub(super) hash: u64,
    /// The state.
    cell: ArcSwapOption<State<V>>,
}

impl<V> State<V> {
    /// The value, if this is one.
    pub(super) fn value(&self) -> Option<&V> {
        match self {
            Self::Value(value) => Some(value),
            Self::Expunged => None,
        }
    }
}

impl<K, V> Entry<K, V> {
    /// Makes an entry with a value.
    pub(super) fn new(key: K, hash: u64, value: Arc<State<V>>) -> Self {
        Self { key, hash, cell: ArcSwapOption::new(Some(value)) }
    }

    /// Holds on to the state of this moment.
    pub(super) fn load(&self) -> Guard<Held<V>> {
        self.cell.load()
    }

    /// Puts `value` in and returns the value before.
    ///
    /// # Errors
    /// If the entry is expunged.
    pub(super) fn swap(&self, value: &Arc<State<V>>) -> Result<Held<V>, Expunged> {
        let put_in = |held: Option<&State<V>>| match held {
            Some(State::Expunged) => None,
            _ => Some(Some(Arc::clone(value))),
        };
        self.update(put_in).map_err(|_| Expunged)
    }

    /// Puts `value` in unless there is a value, and returns the one that is there.
    ///
    /// # Errors
    /// If the entry is expunged.
    pub(super) fn swap_if_absent(&self, value: &Arc<State<V>>) -> Result<Held<V>, Expunged> {
        match self.update(|held| held.is_none().then(|| Some(Arc::clone(value)))) {
            Err(held) if held.as_deref().and_then(State::value).is_none() => Err(Expunged),
            Ok(held) | Err(held) => Ok(held),
        }
    }

    /// Puts `new` in if the value is `expected`; tells whether it was.
    pub(super) fn compare_and_swap(&self, expected: &V, new: &Arc<State<V>>) -> bool
    where
        V: PartialEq,
    {
        let fits = |held: &State<V>| held.value().is_some_and(|value| value == expected);
        self.update(|held| held.is_some_and(fits).then(|| Some(Arc::clone(new)))).is_ok()
    }

    /// Deletes the value and returns it.
    pub(super) fn take(&self) -> Held<V> {
        self.update(|held| held.and_then(State::value).map(|_| None)).ok().flatten()
    }

    /// Expunges the entry if it is deleted; tells whether it is expunged now. Only under the lock.
    pub(super) fn expunge(&self) -> bool {
        match self.update(|held| held.is_none().then(|| Some(Arc::new(State::Expunged)))) {
            Ok(_) => true,
            Err(held) => held.as_deref().and_then(State::value).is_none(),
        }
    }

    /// Makes an expunged entry a deleted one; tells whether it was expunged. Only under the lock.
    pub(super) fn unexpunge(&self) -> bool {
        self.update(|held| matches!(held, Some(State::Expunged)).then_some(None)).is_ok()
    }

    /// Replaces what is held by what `next` makes of it, and returns what was held.
    ///
    /// `next` is called again when somebody else came in between.
    ///
    /// # Errors
    /// If `next` returns `None`. Then nothing is changed, and what is held is returned here.
    fn update(&self, next: impl Fn(Option<&State<V>>) -> Option<Held<V>>) -> Result<Held<V>, Held<V>> {
        let mut held = self.cell.load();
        loop {
            let Some(new) = next(held.as_deref()) else { return Err(Guard::into_inner(held)) };
            // Compares addresses. The address of what was held cannot have been reused meanwhile, as `held` keeps it alive.
            let found = self.cell.compare_and_swap(&held, new);
            if found.as_ref().map(Arc::as_ptr) == held.as_ref().map(Arc::as_ptr) {
                return Ok(Guard::into_inner(found));
            }
            held = found;
        }
    }
}
