//! How content comes into a store: parts are read into rows, the rows go into a write bucket, and that is published or
//! discarded.
//!
//! Everything that can refuse the content is asked before the publish, and what is published is never taken back. Knows
//! nothing of sources or time.

use std::error::Error;
use std::hash::{BuildHasher, Hash};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use twinbucket::{Changes, Generation, ReadBucket, Store, WriteBucket};

use crate::observe::trace;
use crate::rows::Nothing;
use crate::{Format, Guard, LoadError, Overlaps, Part, RowError, RowPolicy, format};

/// Judges the complete new content beside the old.
pub(crate) type Validate<K, V, S> =
    Box<dyn FnMut(&ReadBucket<K, V, S>, &WriteBucket<'_, K, V, S>) -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

/// Something that is made of a table's content and published along with it: an index, say.
pub(crate) trait Companion<K, V, S>: Send {
    /// Makes itself ready for the new content.
    ///
    /// # Errors
    /// If the content cannot be used; then it is discarded.
    fn prepare(&mut self, new: &WriteBucket<'_, K, V, S>) -> Result<(), LoadError>;

    /// Publishes what was made ready, along with the read bucket that it belongs to.
    fn publish(&mut self, bucket: ReadBucket<K, V, S>);

    /// Frees what it published earlier and nobody holds any more. Called after each look at the source.
    fn collect(&mut self) {}
}

/// Brings content into a store.
pub(crate) struct Loader<K, V, S> {
    /// Reads a part's rows.
    pub(crate) format: Box<dyn Format<K, V>>,
    /// What becomes of bad rows.
    pub(crate) policy: RowPolicy,
    /// What becomes of a key that several parts have.
    pub(crate) overlaps: Overlaps,
    /// Limits on what a load may do.
    pub(crate) guard: Guard,
    /// The user's own judgement.
    pub(crate) validate: Option<Validate<K, V, S>>,
    /// What is published along with the content.
    pub(crate) companion: Option<Box<dyn Companion<K, V, S>>>,
}

/// What a load did.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Generation of the content now.
    pub(crate) generation: Generation,
    /// Entries now.
    pub(crate) entries: usize,
    /// What changed.
    pub(crate) changes: Changes,
    /// Bad rows left out, the first of them.
    pub(crate) bad: Arc<[RowError]>,
    /// All of them.
    pub(crate) bad_count: usize,
}

/// Which of the judges are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Judges {
    /// All.
    All,
    /// All but the guard.
    Unguarded,
    /// None: for content that was good before, or is the program's own.
    None,
}

impl<K, V, S> Loader<K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone + PartialEq,
    S: BuildHasher,
{
    /// Tells whether `parts` can be read.
    pub(crate) fn check(&self, parts: &[Part]) -> Result<(), LoadError> {
        format::load(&*self.format, parts, &Nothing, self.policy, self.overlaps).map(drop)
    }

    /// Makes the store's content that of `parts`, or leaves it as it is. `before` is the number of entries that the
    /// source gave last, if it has given any.
    pub(crate) fn load(
        &mut self,
        store: &Store<K, V, S>,
        parts: Vec<Part>,
        before: Option<usize>,
        judges: Judges,
    ) -> Result<Outcome, LoadError> {
        // Nobody else writes to the store, so this is what the write bucket will have. To read the rows may take longer than
        // a pin may be held, and is no pin of anybody's.
        let old = store.read_unnoted();
        let mut loaded = format::load(&*self.format, &parts, &old, self.policy, self.overlaps)?;
        // The rows are enough, and the table may be large.
        drop(parts);
        let (bad, bad_count) = (std::mem::take(&mut loaded.bad).into(), loaded.bad_count);
        if judges == Judges::All {
            self.guard.check(before, loaded.len()).map_err(LoadError::Refused)?;
        }
        let mut new = store.write();
        let changes = loaded.apply(&old, &mut new);
        let generation = self.settle(store, old, new, changes, (judges, before.is_none()))?;
        Ok(Outcome { generation, entries: store.len(), changes, bad, bad_count })
    }

    /// Brings back what the store had in an older read bucket.
    pub(crate) fn roll_back(
        &mut self,
        store: &Store<K, V, S>,
        then: &ReadBucket<K, V, S>,
    ) -> Result<(Generation, Changes), LoadError> {
        let (old, mut new) = (store.read_unnoted(), store.write());
        let changes = new.sync(then.iter().map(|(key, value)| (key.clone(), value.clone())));
        Ok((self.settle(store, old, new, changes, (Judges::None, false))?, changes))
    }

    /// Publishes `new` if it changes anything and nothing speaks against it. What changes nothing is not judged, unless
    /// it is the first content.
    fn settle(
        &mut self,
        store: &Store<K, V, S>,
        old: ReadBucket<K, V, S>,
        new: WriteBucket<'_, K, V, S>,
        changes: Changes,
        (judges, is_first): (Judges, bool),
    ) -> Result<Generation, LoadError> {
        if changes.is_empty() && !is_first {
            return Ok(old.generation());
        }
        if let Some(validate) = self.validate.as_mut().filter(|_| judges != Judges::None) {
            if let Err(error) = validate(&old, &new) {
                if cfg!(planted = "failed-load-published") {
                    new.publish();
                }
                return Err(LoadError::Invalid(error.into()));
            }
        }
        if changes.is_empty() {
            return Ok(old.generation());
        }
        if let Some(companion) = &mut self.companion {
            companion.prepare(&new)?;
        }
        drop(old);
        whatever_is_dropped(|| trace::publish(|| new.publish()));
        if let Some(companion) = &mut self.companion {
            whatever_is_dropped(|| companion.publish(store.read()));
        }
        whatever_is_dropped(|| store.collect());
        // Nobody else writes to the store.
        Ok(store.generation())
    }
}

/// Does something that has done its work when it runs destructors of older content, the only ones here that may panic.
/// What is published is not called a failure because of them.
fn whatever_is_dropped<T>(work: impl FnOnce() -> T) {
    let _ = catch_unwind(AssertUnwindSafe(work));
}
