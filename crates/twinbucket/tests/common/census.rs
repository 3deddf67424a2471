//! A register of every value made, so that a test can tell that each was dropped exactly once, and by which thread.

use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// What became of one registered value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Not dropped yet.
    Alive,
    /// Dropped once, by this thread.
    Dropped(ThreadId),
    /// Dropped a second time.
    DroppedAgain,
}

/// Every register, so that none of them looks leaked.
static ALL: Mutex<Vec<&'static Census>> = Mutex::new(Vec::new());

/// The register; never freed, so that a value dropped twice still finds it.
#[derive(Debug)]
pub(crate) struct Census {
    /// The fate of each value, by its id.
    fates: Mutex<Vec<Fate>>,
}

impl Census {
    /// Makes an empty register.
    pub(crate) fn open() -> &'static Self {
        let census: &'static Self = Box::leak(Box::new(Self { fates: Mutex::new(Vec::new()) }));
        ALL.lock().unwrap_or_else(PoisonError::into_inner).push(census);
        census
    }

    /// Makes a value of this register.
    pub(crate) fn tracked(&'static self, value: u64) -> Tracked {
        let mut fates = self.fates();
        fates.push(Fate::Alive);
        Tracked { value, id: fates.len() - 1, census: self }
    }

    /// Checks that every value was dropped once; `story` says what led here.
    #[track_caller]
    pub(crate) fn assert_settled(&self, story: &str) {
        self.assert_left(0, story);
        // The register itself stays for ever; what it noted need not.
        *self.fates() = Vec::new();
    }

    /// Checks that every value was dropped once, but so many that were not; `story` says what led here.
    #[track_caller]
    pub(crate) fn assert_left(&self, left: usize, story: &str) {
        let (alive, twice) = (self.count(Fate::Alive), self.count(Fate::DroppedAgain));
        let (here, made) = (self.dropped_by(thread::current().id()), self.fates().len());
        assert_eq!(
            (alive, twice),
            (left, 0),
            "{story}: (never dropped, dropped twice) of {made} values, {here} dropped here"
        );
    }

    /// Number of values that `thread` dropped.
    pub(crate) fn dropped_by(&self, thread: ThreadId) -> usize {
        self.count(Fate::Dropped(thread))
    }

    /// Number of values with this fate.
    fn count(&self, fate: Fate) -> usize {
        self.fates().iter().filter(|&&found| found == fate).count()
    }

    /// The register; a test that fails while it holds the lock does no harm to the rest.
    fn fates(&self) -> MutexGuard<'_, Vec<Fate>> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registered number; each clone is registered by itself.
#[derive(Debug)]
pub(crate) struct Tracked {
    /// The number it stands for.
    pub(crate) value: u64,
    /// Where the register keeps its fate.
    id: usize,
    /// The register.
    census: &'static Census,
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        self.census.tracked(self.value)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let mut fates = self.census.fates();
        let fate = &mut fates[self.id];
        *fate = if *fate == Fate::Alive { Fate::Dropped(thread::current().id()) } else { Fate::DroppedAgain };
    }
}

impl PartialEq for Tracked {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Tracked {}

impl Hash for Tracked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}
