//! What readers of a catalog hold: one moment of all its tables.
//!
//! The read buckets of all tables are the entries of one more store, so that a view is one read bucket of it: to take,
//! hold and drop a view costs what that costs, and one publish replaces all tables at once.

use std::any::Any;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::Arc;

use twinbucket::{DefaultHashBuilder, Equivalent, Generation, ReadBucket, Store};

/// A [`ReadBucket`] of a table whose types are known to its [`Key`].
pub(crate) type AnyBucket = Arc<dyn Any + Send + Sync>;

/// The read buckets of all tables, by their numbers.
pub(crate) type Tables = Store<usize, Entry>;

/// One table at one moment.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Its name. The allocation is the table's own, and tells it from those of other catalogs.
    pub(crate) name: Arc<str>,
    /// Its content.
    pub(crate) bucket: AnyBucket,
}

/// A key has nothing of its table's types, and gives them.
type Types<K, V, S> = fn() -> (K, V, S);

/// Finds one table in the views of its catalog, and knows its types. Cheap to clone.
pub struct Key<K, V, S = DefaultHashBuilder> {
    /// The table's number.
    pub(crate) at: usize,
    /// The table's name.
    pub(crate) name: Arc<str>,
    /// Its types.
    types: PhantomData<Types<K, V, S>>,
}

impl<K, V, S> Key<K, V, S> {
    pub(crate) fn new(at: usize, name: Arc<str>) -> Self {
        Self { at, name, types: PhantomData }
    }

    /// Returns the table's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<K, V, S> Clone for Key<K, V, S> {
    fn clone(&self) -> Self {
        Self::new(self.at, Arc::clone(&self.name))
    }
}

impl<K, V, S> fmt::Debug for Key<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}

/// All tables of a catalog at one moment: it never changes, and stays valid for as long as it is held, even after the
/// catalog.
///
/// What [`Catalog::view`](crate::Catalog::view) returns is owned and `'static`. Taking and dropping it never waits, and
/// dropping it frees nothing while the catalog lives. Held, it keeps its moment in memory.
pub struct View<'a> {
    /// The tables.
    moment: Moment<'a>,
}

/// Where a view has its tables.
enum Moment<'a> {
    /// In a read bucket of its own.
    Owned(ReadBucket<usize, Entry>),
    /// In a reader's read bucket.
    Borrowed(&'a ReadBucket<usize, Entry>),
    /// In what may be published next.
    Draft {
        /// The tables, by their numbers.
        entries: &'a [Entry],
        /// The generation that the draft is to follow.
        after: Generation,
    },
}

impl View<'static> {
    pub(crate) fn owned(bucket: ReadBucket<usize, Entry>) -> Self {
        Self { moment: Moment::Owned(bucket) }
    }
}

impl<'a> View<'a> {
    pub(crate) fn borrowed(bucket: &'a ReadBucket<usize, Entry>) -> Self {
        Self { moment: Moment::Borrowed(bucket) }
    }

    pub(crate) fn draft(entries: &'a [Entry], after: Generation) -> Self {
        Self { moment: Moment::Draft { entries, after } }
    }

    /// Returns the read bucket of a table.
    ///
    /// # Panics
    /// If `key` was made for another catalog.
    #[track_caller]
    pub fn table<K: 'static, V: 'static, S: 'static>(&self, key: &Key<K, V, S>) -> &ReadBucket<K, V, S> {
        typed(self.entry(key.at), key)
    }

    /// Returns the number of the publish that made this view; for a view that is [judged](crate::catalog::Builder::validate)
    /// and not yet published, that of the view which it is to follow.
    pub fn generation(&self) -> Generation {
        match &self.moment {
            Moment::Owned(bucket) => bucket.generation(),
            Moment::Borrowed(bucket) => bucket.generation(),
            Moment::Draft { after, .. } => *after,
        }
    }

    pub(crate) fn entry(&self, at: usize) -> Option<&Entry> {
        match &self.moment {
            Moment::Owned(bucket) => bucket.get(&at),
            Moment::Borrowed(bucket) => bucket.get(&at),
            Moment::Draft { entries, .. } => entries.get(at),
        }
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

/// Follows a catalog on one thread that reads often: each call looks with one atomic load whether something newer was
/// published.
///
/// While it is idle it keeps the moment it saw last in memory: [`release`](Self::release) lets go of it.
#[derive(Clone)]
pub struct Reader {
    /// Follows the catalog's store.
    pub(crate) tables: twinbucket::Reader<usize, Entry>,
}

impl Reader {
    /// Returns the current view, to look at several tables at one moment.
    pub fn view(&mut self) -> View<'_> {
        View::borrowed(self.tables.read())
    }

    /// Returns the current read bucket of a table. Two calls may see two moments.
    ///
    /// # Panics
    /// If `key` was made for another catalog.
    #[track_caller]
    pub fn table<K: 'static, V: 'static, S: 'static>(&mut self, key: &Key<K, V, S>) -> &ReadBucket<K, V, S> {
        typed(self.tables.read().get(&key.at), key)
    }

    /// Looks up the value of `key` in the current read bucket of a table.
    ///
    /// # Panics
    /// If `table` was made for another catalog.
    #[track_caller]
    pub fn get<K, V, S, Q>(&mut self, table: &Key<K, V, S>, key: &Q) -> Option<&V>
    where
        K: 'static,
        V: 'static,
        S: BuildHasher + 'static,
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.table(table).get(key)
    }

    /// Lets go of the moment seen last, so that an idle thread keeps no old one alive.
    pub fn release(&mut self) {
        self.tables.release();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.tables).finish()
    }
}

/// Returns the read bucket in `entry`, which must be that of `key`.
#[track_caller]
fn typed<'a, K: 'static, V: 'static, S: 'static>(
    entry: Option<&'a Entry>,
    key: &Key<K, V, S>,
) -> &'a ReadBucket<K, V, S> {
    let own = entry.filter(|entry| Arc::ptr_eq(&entry.name, &key.name));
    match own.and_then(|entry| entry.bucket.downcast_ref()) {
        Some(bucket) => bucket,
        None => panic!("the key of table {:?} is of another catalog", &*key.name),
    }
}
