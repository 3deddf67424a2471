//! Who is told what a store does, and how.
//!
//! What there is to tell is noted while the writer has its turn, and told when the turn is back: [`News`] tells when it
//! is dropped, so that a panicking destructor does not keep it from that. Without an observer nothing is noted, and no
//! clock is read. Knows nothing of what an event means for the store.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Generation, Pin};

/// Is told what a store does: for metrics, logs and probes. Set by [`Builder::observer`](crate::Builder::observer).
///
/// Every method does nothing unless implemented. Reads are not told, so they cost the same with an observer and without.
///
/// # When and where
/// - [`published`](Self::published) and [`discarded`](Self::discarded) are called on the thread that held the write
///   bucket (for [`publish_within`](crate::Builder::publish_within), the store's own), after its changes are visible or
///   undone, and before the next writer gets the turn: one at a time, in the order of the generations. A slow observer
///   holds up writers, never readers.
/// - [`freed`](Self::freed) is called after the publish that freed, on the same thread, or on the one that called
///   [`Store::collect`](crate::Store::collect); the latter holds nobody up.
/// - [`pinned_too_long`](Self::pinned_too_long) is called on the store's own thread.
///
/// An observer may read the store, and also write to it: of that it is told in turn, so it must not write at every
/// event. It must not wait for another thread that writes. One that panics has had its say: the publish is complete, and
/// other observers are told all the same. One that owns a handle of its store keeps it alive for good.
///
/// What is freed after the last handle of the store has gone is not told.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use twinbucket::{Observer, Published, Store};
///
/// #[derive(Default)]
/// struct Replaced(AtomicUsize);
///
/// impl Observer for Replaced {
///     fn published(&self, event: &Published) {
///         self.0.fetch_add(event.replaced_leaves, Ordering::Relaxed);
///     }
/// }
///
/// let replaced = Arc::new(Replaced::default());
/// let store = Store::builder().observer(Arc::clone(&replaced)).build();
/// store.insert("a", 1);
/// store.insert("a", 2);
/// assert_eq!(replaced.0.load(Ordering::Relaxed), 2);
/// ```
pub trait Observer: Send + Sync {
    /// Called when a generation has been published and is visible.
    fn published(&self, event: &Published) {
        let _ = event;
    }

    /// Called when a write bucket that had changed something was dropped without publish or stage.
    fn discarded(&self, event: &Discarded) {
        let _ = event;
    }

    /// Called once for each pin that is held longer than the limit of
    /// [`on_long_pin`](crate::Builder::on_long_pin), after the report of that; never in a store without.
    fn pinned_too_long(&self, pin: &Pin) {
        let _ = pin;
    }

    /// Called when something that older generations had was freed.
    fn freed(&self, event: &Freed) {
        let _ = event;
    }
}

/// A generation was published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Published {
    /// The new generation.
    pub generation: Generation,
    /// Entries in it.
    pub entries: usize,
    /// Time from the call until the generation was visible and its predecessor accounted for: without waking those who
    /// watch, and without the destructors of what is freed.
    pub duration: Duration,
    /// Leaves of older generations that it does without. They are retired until they are [`Freed`].
    pub replaced_leaves: usize,
    /// Bytes of the leaves and chunks of older generations that it does without.
    pub replaced_bytes: usize,
}

/// The changes of a write bucket were undone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Discarded {
    /// The current generation, which stays.
    pub generation: Generation,
    /// Leaves that the write bucket had made and that were freed with it.
    pub leaves: usize,
}

/// Something that older generations had, and that nobody can see any more, was freed.
///
/// The copies of a write bucket that was never published do not count, so that all that was ever
/// [replaced](Published::replaced_leaves) is either counted here or [retired](crate::Stats::retired_leaves).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Freed {
    /// Leaves.
    pub leaves: usize,
    /// Bytes of leaves and chunks.
    pub bytes: usize,
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn published(&self, event: &Published) {
        (**self).published(event);
    }

    fn discarded(&self, event: &Discarded) {
        (**self).discarded(event);
    }

    fn pinned_too_long(&self, pin: &Pin) {
        (**self).pinned_too_long(pin);
    }

    fn freed(&self, event: &Freed) {
        (**self).freed(event);
    }
}

/// The observers of a store.
#[derive(Default)]
pub(crate) struct Observers(Vec<Box<dyn Observer>>);

impl Observers {
    /// Adds one, to be told after those before it.
    pub(crate) fn add(&mut self, observer: impl Observer + 'static) {
        self.0.push(Box::new(observer));
    }

    /// Returns what a store shares of them; `None` if there are none.
    pub(crate) fn shared(self) -> Option<Arc<Self>> {
        (!self.0.is_empty()).then(|| Arc::new(self))
    }

    /// Tells of a pin.
    pub(crate) fn pinned_too_long(&self, pin: &Pin) {
        self.tell(|observer| observer.pinned_too_long(pin));
    }

    fn tell(&self, tell: impl Fn(&dyn Observer)) {
        for observer in &self.0 {
            // One that panics must neither silence the others nor end what the store is about.
            let _ = catch_unwind(AssertUnwindSafe(|| tell(&**observer)));
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}

/// What a turn has to tell.
#[derive(Default)]
pub(crate) struct Notes {
    /// When the publish began.
    pub(crate) began: Option<Instant>,
    /// Leaves, and bytes of leaves and chunks, that the publish replaces.
    pub(crate) replaced: (usize, usize),
    /// Copies to be freed that were never published, ahead of what was.
    pub(crate) own_doomed: usize,
    /// What was published.
    pub(crate) published: Option<Published>,
    /// What was undone.
    pub(crate) discarded: Option<Discarded>,
    /// What older generations had and was freed.
    pub(crate) freed: Option<Freed>,
}

/// Notes on the way to the observers; they are told when this is dropped.
pub(crate) struct News<'a> {
    /// Who is told.
    observers: &'a Observers,
    /// What.
    notes: Notes,
}

impl<'a> News<'a> {
    pub(crate) fn new(observers: &'a Observers, notes: Notes) -> Self {
        Self { observers, notes }
    }
}

impl Drop for News<'_> {
    fn drop(&mut self) {
        let Notes { published, discarded, freed, .. } = &self.notes;
        if let Some(event) = published {
            self.observers.tell(|observer| observer.published(event));
        }
        if let Some(event) = discarded {
            self.observers.tell(|observer| observer.discarded(event));
        }
        if let Some(event) = freed {
            self.observers.tell(|observer| observer.freed(event));
        }
    }
}
