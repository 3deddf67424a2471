//! A table of a catalog behind one type, whatever its own types are.

use std::any::Any;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use twinbucket::{Change, Generation, ReadBucket, Store};

use super::view::AnyBucket;
use crate::Status;
use crate::shared::Shared;

/// A table's own store, which nobody reads but through views.
pub(crate) trait Content: Send + Sync {
    /// Takes the current read bucket.
    fn bucket(&self) -> AnyBucket;

    /// Returns the generation of the current read bucket.
    fn generation(&self) -> Generation;

    /// Makes the content what it was in `then`, a read bucket of this table. Costs O(leaves that differ).
    fn take_back(&self, then: &AnyBucket);

    /// Frees what nobody holds.
    fn collect(&self);

    /// Returns the table's status, if it has a source.
    fn status(&self) -> Option<Status>;

    /// Returns this as what it is: the [`Store`] of a table without a source.
    fn as_any(&self) -> &dyn Any;
}

impl<K, V, S> Content for Store<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    fn bucket(&self) -> AnyBucket {
        Arc::new(self.read())
    }

    fn generation(&self) -> Generation {
        Store::generation(self)
    }

    fn take_back(&self, then: &AnyBucket) {
        let then: &ReadBucket<K, V, S> = then.downcast_ref().expect("the read bucket is of this table");
        let now = self.read();
        let mut write = self.write();
        for change in now.diff(then) {
            match change {
                Change::Added { key, .. } => drop(write.remove(key)),
                Change::Removed { key, value } => drop(write.insert(key.clone(), value.clone())),
                Change::Changed { key, old, .. } => drop(write.insert(key.clone(), old.clone())),
            }
        }
        write.publish();
        drop(now);
        Content::collect(self);
    }

    fn collect(&self) {
        Store::collect(self);
    }

    fn status(&self) -> Option<Status> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<K, V, S> Content for Shared<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + PartialEq + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    fn bucket(&self) -> AnyBucket {
        self.store.bucket()
    }

    fn generation(&self) -> Generation {
        self.store.generation()
    }

    fn take_back(&self, then: &AnyBucket) {
        self.store.take_back(then);
    }

    fn collect(&self) {
        self.store.collect();
    }

    fn status(&self) -> Option<Status> {
        Some(Shared::status(self))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
