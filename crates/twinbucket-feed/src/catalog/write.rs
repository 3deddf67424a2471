//! Changes of several tables by the program itself, published in one swap.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use twinbucket::{Generation, Store, WriteBucket};

use super::error::CatalogError;
use super::shared::{Publisher, Shared};
use super::view::{AnyBucket, Key};

/// Changes to tables without a source, not visible to anybody until [`publish`](Self::publish).
///
/// Dropping it takes them back: also on an early return, on `?`, and on a panic. While it is held, others that publish
/// on the catalog wait, its own thread among them; readers never do.
///
/// # Examples
/// ```
/// use twinbucket_feed::{Catalog, Key};
///
/// let mut tables = Catalog::builder();
/// let users: Key<String, u32> = tables.plain("users");
/// let names: Key<u32, String> = tables.plain("names");
/// let catalog = tables.open()?;
///
/// let before = catalog.view();
/// let mut write = catalog.write();
/// write.table(&users, |users| users.insert("ada".into(), 1));
/// write.table(&names, |names| names.insert(1, "Ada".into()));
/// assert!(catalog.view().table(&users).is_empty());
///
/// write.publish()?;
/// let view = catalog.view();
/// assert_eq!(view.table(&users).get("ada"), Some(&1));
/// assert_eq!(view.table(&names).get(&1).unwrap(), "Ada");
/// assert!(before.table(&users).is_empty());
/// # Ok::<(), twinbucket_feed::CatalogError>(())
/// ```
#[must_use = "changes that are dropped without `publish` are taken back"]
pub struct Write<'a> {
    /// The catalog.
    shared: &'a Shared,
    /// The turn to publish.
    publisher: Publisher<'a>,
    /// What the tables were that were written to.
    before: BTreeMap<usize, (Generation, AnyBucket)>,
}

impl<'a> Write<'a> {
    #[track_caller]
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, publisher: shared.publisher(), before: BTreeMap::new() }
    }

    /// Calls `change` with the write bucket of a table, which sees what was changed before.
    ///
    /// If `change` panics, nothing of it stays.
    ///
    /// # Panics
    /// If the table has a source, which alone says what is in it; or if `key` was made for another catalog.
    #[track_caller]
    pub fn table<K, V, S, R>(
        &mut self,
        key: &Key<K, V, S>,
        change: impl FnOnce(&mut WriteBucket<'_, K, V, S>) -> R,
    ) -> R
    where
        K: Hash + Eq + Clone + 'static,
        V: Clone + 'static,
        S: BuildHasher + 'static,
    {
        let table = self.shared.tables.get(key.at).filter(|table| Arc::ptr_eq(&table.name, &key.name));
        let table = table.unwrap_or_else(|| panic!("the key of table {:?} is of another catalog", key.name()));
        let store: &Store<K, V, S> = table.content.as_any().downcast_ref().unwrap_or_else(|| {
            panic!("table {:?} has a source, which alone says what is in it", key.name());
        });
        let before = (store.generation(), table.content.bucket());
        let mut write = store.write();
        let result = change(&mut write);
        self.before.entry(key.at).or_insert(before);
        write.publish();
        result
    }

    /// Makes all changes visible at once, to every view that is taken afterwards.
    ///
    /// Never waits for readers. Costs what the publishes of the tables cost, and one more. What a source gave and the
    /// catalog holds back is tried again beside the changes.
    ///
    /// # Errors
    /// If the catalog's validation refuses; then all changes are taken back.
    pub fn publish(mut self) -> Result<Generation, CatalogError> {
        let is_changed = |at: usize, before| self.shared.tables[at].content.generation() != before;
        let before = self.before.iter().filter(|&(&at, &(before, _))| is_changed(at, before));
        let changed: Vec<usize> = before.map(|(&at, _)| at).collect();
        if changed.is_empty() {
            return Ok(self.shared.views.generation());
        }
        let generation = self.publisher.publish(&changed)?;
        // From here on there is nothing to take back.
        self.before.clear();
        if self.shared.record.load().error.is_some() {
            self.shared.retry();
        }
        self.shared.collect(&changed);
        Ok(generation)
    }

    /// Takes all changes back; the same as dropping this.
    pub fn discard(self) {
        drop(self);
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        for (&at, (_, before)) in &self.before {
            let content = &self.shared.tables[at].content;
            // A key or value that panics must not keep the other tables from being taken back.
            let _ = catch_unwind(AssertUnwindSafe(|| content.take_back(before)));
        }
    }
}

impl fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.before.keys().map(|&at| &self.shared.tables[at].name);
        f.debug_struct("Write").field("changed", &names.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
