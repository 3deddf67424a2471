//! The tables that are served, by name and in order; itself a store.
//!
//! A new configuration publishes a new set of tables in one swap. Each thread that answers requests has a reader of its
//! own for the set and for each table it looked at, so that a look-up takes no lock and waits for nobody.
//! [`release`] lets go of them when the thread goes to sleep, so that an idle thread holds no old read bucket.
//!
//! The first table in order is the default one.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use twinbucket::{Generation, Reader, Store};
use twinbucket_feed::observe::prometheus::Prometheus;

use super::content::ContentReader;
use super::served::Served;

/// Key of the list of all tables, which no table has as its name.
const ALL: &str = "";

/// The tables that are served.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Tells this set from others in the process.
    id: u64,
    /// Each table by its name, and the list of all under [`ALL`].
    store: Store<Arc<str>, Listed>,
    /// Their metrics.
    metrics: Prometheus,
}

/// What stands under a name.
#[derive(Clone, Debug)]
enum Listed {
    /// A table.
    One(Arc<Served>),
    /// All tables, in order.
    All(Arc<[Arc<Served>]>),
}

impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(one), Self::One(other)) => Arc::ptr_eq(one, other),
            (Self::All(one), Self::All(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

/// The readers of one thread.
#[derive(Default)]
struct Readers {
    /// Which set of tables they are for.
    id: u64,
    /// For the set itself.
    set: Option<Reader<Arc<str>, Listed>>,
    /// Generation of the set that the others belong to.
    seen: Option<Generation>,
    /// For the tables that the thread looked at, by their numbers.
    tables: HashMap<u64, ContentReader>,
}

thread_local! {
    /// The readers of this thread.
    static READERS: RefCell<Readers> = RefCell::default();
}

impl Tables {
    /// Makes a set of tables, in order.
    pub(crate) fn new(tables: Vec<Arc<Served>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only the number must be another.
        let made = Self { id: NEXT.fetch_add(1, Ordering::Relaxed), store: Store::new(), metrics: Prometheus::new() };
        made.replace(tables);
        made
    }

    /// Replaces all tables in one swap; those that are in both sets go on undisturbed.
    pub(crate) fn replace(&self, tables: Vec<Arc<Served>>) {
        let named = tables.iter().map(|table| (Arc::clone(&table.spec.name), Listed::One(Arc::clone(table))));
        let entries: Vec<_> = named.chain([(ALL.into(), Listed::All(tables.clone().into()))]).collect();
        self.store.replace_all(entries);
        self.metrics.replace(tables.iter().map(|table| table.content.gauge(&table.spec.name)).collect());
        self.store.collect();
    }

    /// Returns what collects the metrics of all tables, also of those to come.
    pub(crate) fn metrics(&self) -> &Prometheus {
        &self.metrics
    }

    /// Looks at the table of that name; `None` if there is none.
    ///
    /// `look` must not come back to this type: the thread's readers are in use.
    pub(crate) fn with<R>(&self, name: &str, look: impl FnOnce(&Arc<Served>, &mut ContentReader) -> R) -> Option<R> {
        self.with_readers(|set, tables| match set.get(name) {
            Some(Listed::One(served)) => Some(look(served, reader_of(tables, served))),
            _ => None,
        })
    }

    /// Returns the table of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Served>> {
        self.with(name, |served, _| Arc::clone(served))
    }

    /// Returns all tables, in order.
    pub(crate) fn all(&self) -> Arc<[Arc<Served>]> {
        self.with_readers(|set, _| match set.get(ALL) {
            Some(Listed::All(all)) => Arc::clone(all),
            _ => Arc::new([]),
        })
    }

    /// Looks at the set with the readers of this thread.
    fn with_readers<R>(
        &self,
        look: impl FnOnce(&twinbucket::ReadBucket<Arc<str>, Listed>, &mut HashMap<u64, ContentReader>) -> R,
    ) -> R {
        READERS.with_borrow_mut(|readers| {
            if readers.id != self.id {
                *readers = Readers { id: self.id, ..Readers::default() };
            }
            let Readers { set, seen, tables, .. } = readers;
            let set = set.get_or_insert_with(|| self.store.reader()).read();
            if *seen != Some(set.generation()) {
                *seen = Some(set.generation());
                tables.clear();
            }
            look(set, tables)
        })
    }
}

/// Returns the thread's reader of a table.
fn reader_of<'a>(readers: &'a mut HashMap<u64, ContentReader>, served: &Served) -> &'a mut ContentReader {
    readers.entry(served.id).or_insert_with(|| served.content.reader())
}

/// Lets go of all that this thread's readers hold; for a thread that goes to sleep.
pub(crate) fn release() {
    // A thread that ends has none any more.
    let _ = READERS.try_with(|readers| {
        if let Ok(mut readers) = readers.try_borrow_mut() {
            readers.tables.clear();
            if let Some(set) = &mut readers.set {
                set.release();
            }
        }
    });
}
