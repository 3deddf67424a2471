//! The reader: a read bucket of one's own that follows the store.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::Location;

use hashbrown::{DefaultHashBuilder, Equivalent};

use crate::ReadBucket;
use crate::shared::Shared;
use crate::sync::Arc;

/// A read bucket of one's own that follows the store, for one thread that reads often.
///
/// Each call looks with one atomic load whether something newer was published, and only then pays for taking it. Takes
/// no lock, never waits for a writer, frees nothing, and allocates nothing (but in a store with
/// [`on_long_pin`](crate::Builder::on_long_pin), one note for each newer read bucket it takes).
///
/// While it is idle it keeps the read bucket it saw last: [`release`](Self::release) lets go of it. A clone starts with
/// the same one.
///
/// # Examples
/// ```
/// let store = twinbucket::Store::from([("port", 80)]);
/// let mut reader = store.reader();
/// assert_eq!(reader.get("port"), Some(&80));
/// store.insert("port", 8080);
/// assert_eq!(reader.get("port"), Some(&8080));
/// ```
///
/// What `get` returns cannot be kept across the next call, which may let go of the read bucket:
/// ```
/// let store = twinbucket::Store::from([("port", 80)]);
/// let mut reader = store.reader();
/// let port = *reader.get("port").unwrap();
/// reader.get("host");
/// assert_eq!(port, 80);
/// ```
/// ```compile_fail,E0499
/// let store = twinbucket::Store::from([("port", 80)]);
/// let mut reader = store.reader();
/// let port = reader.get("port").unwrap();
/// reader.get("host");
/// assert_eq!(*port, 80);
/// ```
pub struct Reader<K, V, S = DefaultHashBuilder> {
    /// The store.
    shared: Arc<Shared<K, V, S>>,
    /// What was current when last looked; after `release`, the store's version that never is.
    seen: ReadBucket<K, V, S>,
    /// Who made this reader.
    location: &'static Location<'static>,
}

impl<K, V, S> Reader<K, V, S> {
    pub(crate) fn new(shared: Arc<Shared<K, V, S>>, location: &'static Location<'static>) -> Self {
        let seen = shared.read(location);
        Self { shared, seen, location }
    }

    /// Returns the current read bucket. One atomic load, unless something was published since the last call.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([(1, "one"), (2, "two")]);
    /// let mut reader = store.reader();
    /// // Both from the same generation:
    /// let bucket = reader.read();
    /// assert_eq!((bucket[&1], bucket[&2]), ("one", "two"));
    /// ```
    #[inline]
    pub fn read(&mut self) -> &ReadBucket<K, V, S> {
        // The only branch that a lookup has more than one in a bare table: with caches cold, each costs some 15 %.
        if !self.shared.slot.is_current(self.seen.frozen()) {
            self.seen = refresh(&self.shared, self.location);
        }
        &self.seen
    }

    /// Returns the value of a key in the current read bucket. One atomic load more than [`ReadBucket::get`], unless
    /// something was published since the last call.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut reader = store.reader();
    /// assert_eq!(reader.get("a"), Some(&1));
    /// assert_eq!(reader.get("b"), None);
    /// ```
    #[inline]
    pub fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        S: BuildHasher,
    {
        self.read().get(key)
    }

    /// Lets go of the read bucket seen last, so that an idle thread keeps no old one alive. The next read takes one anew.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([("a", 1)]);
    /// let mut reader = store.reader();
    /// reader.release();
    /// assert!(store.pins().is_empty());
    /// assert_eq!(reader.get("a"), Some(&1));
    /// ```
    pub fn release(&mut self) {
        self.seen = self.shared.nothing();
    }
}

/// Takes the current read bucket. Out of line, and without the reader, so that a loop of lookups can keep that in
/// registers.
#[cold]
fn refresh<K, V, S>(shared: &Shared<K, V, S>, location: &'static Location<'static>) -> ReadBucket<K, V, S> {
    shared.read(location)
}

impl<K, V, S> Clone for Reader<K, V, S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seen: self.seen.clone(), location: self.location }
    }
}

impl<K, V, S> fmt::Debug for Reader<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("seen", &self.seen.generation()).finish_non_exhaustive()
    }
}
