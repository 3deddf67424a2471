//! A table by range: an index beside an ordinary table, built on the feed's thread and swapped in with each publish.
//!
//! The current index is the one entry of a store of its own, so that all that a store promises its readers holds here
//! too: they never wait, and never free an index.

use std::error::Error;
use std::fmt;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use twinbucket::{DefaultHashBuilder, Generation, ReadBucket, Reader, Store, WriteBucket};

use crate::load::Companion;
use crate::ranges::{Range, RangeIndex};
use crate::{Builder, LoadError, OpenError, Table};

/// The current index.
type Versions<V> = Store<(), Arc<RangeVersion<V>>>;

/// A table of ranges of addresses that follows a source, for look-ups by address. Cheap to clone.
///
/// Settings are those of any [`Table`] with [`Range`] as key: [`Builder::open_ranges`] opens one. The [table](Self::table)
/// itself is there for its status, reloads and changes; what reads here give is an index over the same content, which has
/// copies of the values (put large ones into an `Arc`). A load publishes the table's changes and right after them
/// the index, both before the status tells of the load; each is always of one load.
///
/// A load in which ranges cross, overlapping without one lying within the other, is not valid: the table keeps what it
/// has. The index is built anew for each load that changes something, on the feed's thread while nobody waits: 0.25 s
/// for 677,000 ranges.
///
/// # Examples
/// ```
/// use std::net::Ipv4Addr;
/// use twinbucket_feed::ranges::{Range, RangeTable};
/// use twinbucket_feed::{Part, RowError, Rows, Table};
/// # use twinbucket_feed::{Fetched, Revision, Source, SourceError};
/// # struct Fixed;
/// # impl Source for Fixed {
/// #     fn name(&self) -> String { "zones".into() }
/// #     fn fetch(&mut self, _: Option<&Revision>) -> Result<Fetched, SourceError> {
/// #         let part = Part { name: "zones".into(), bytes: b"10.0.0.0/8 inside\n10.9.0.0/16 guests\n".to_vec() };
/// #         Ok(Fetched::New { parts: vec![part], revision: Revision::new("1") })
/// #     }
/// #     fn pause(&mut self) -> std::time::Duration { std::time::Duration::from_secs(60) }
/// # }
/// # struct Words;
/// # impl twinbucket_feed::Format<Range, String> for Words {
/// #     fn read(&self, part: &Part, rows: &mut Rows<'_, Range, String>) -> Result<(), RowError> {
/// #         for (line, text) in (1..).zip(String::from_utf8_lossy(&part.bytes).lines()) {
/// #             let (range, zone) = text.split_once(' ').unwrap();
/// #             if rows.push(line, range.parse().unwrap(), zone.into()).is_break() { break }
/// #         }
/// #         Ok(())
/// #     }
/// # }
/// let zones: RangeTable<String> = Table::builder().source(Fixed).format(Words).open_ranges()?;
/// let mut reader = zones.reader();
/// let (range, zone) = reader.find(Ipv4Addr::new(10, 9, 1, 1)).unwrap();
/// assert_eq!((range.to_string(), &**zone), ("10.9.0.0/16".to_owned(), "guests"));
/// assert_eq!(zones.table().status().entries(), 2);
/// # Ok::<(), twinbucket_feed::OpenError>(())
/// ```
pub struct RangeTable<V, S = DefaultHashBuilder> {
    /// The table.
    table: Table<Range, V, S>,
    /// Its current index.
    versions: Versions<V>,
}

impl<V, S> RangeTable<V, S> {
    /// Takes the current version. Never waits.
    #[track_caller]
    pub fn read(&self) -> RangeBucket<V> {
        RangeBucket::new(self.versions.read())
    }

    /// Makes a reader, the fastest way to look up again and again on one thread. Never waits.
    #[track_caller]
    pub fn reader(&self) -> RangeReader<V> {
        RangeReader { reader: self.versions.reader() }
    }

    /// Looks up the value of the innermost range that has `address`, and clones it.
    pub fn get(&self, address: impl Into<IpAddr>) -> Option<V>
    where
        V: Clone,
    {
        self.read().find(address).map(|(_, value)| value.clone())
    }

    /// Returns the table by itself: its status, what can be asked of its feed, and its content by hash.
    pub fn table(&self) -> &Table<Range, V, S> {
        &self.table
    }
}

impl<V, S> Clone for RangeTable<V, S> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone(), versions: self.versions.clone() }
    }
}

impl<V, S> fmt::Debug for RangeTable<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeTable").field("table", &self.table).finish_non_exhaustive()
    }
}

impl<V, S> Builder<Range, V, S>
where
    V: Clone + PartialEq + Send + Sync + 'static,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Opens the table as [`open`](Self::open) does, with look-ups by address.
    ///
    /// # Errors
    /// As `open`; also if ranges of the first or the embedded content cross.
    pub fn open_ranges(self) -> Result<RangeTable<V, S>, OpenError> {
        let versions = Store::new();
        versions.insert((), Arc::new(RangeVersion { generation: Generation::default(), index: RangeIndex::default() }));
        let indexer = Indexer { versions: versions.clone(), ready: None };
        Ok(RangeTable { table: self.companion(indexer).open()?, versions })
    }
}

/// Builds and publishes the indexes of a table.
struct Indexer<V> {
    /// Where to.
    versions: Versions<V>,
    /// The next one.
    ready: Option<RangeIndex<V>>,
}

impl<V, S> Companion<Range, V, S> for Indexer<V>
where
    V: Clone + Send + Sync,
{
    fn prepare(&mut self, new: &WriteBucket<'_, Range, V, S>) -> Result<(), LoadError> {
        let entries = new.iter().map(|(range, value)| (*range, value.clone()));
        let index = RangeIndex::new(entries);
        self.ready =
            Some(index.map_err(|conflict| LoadError::Invalid(Arc::new(conflict) as Arc<dyn Error + Send + Sync>))?);
        Ok(())
    }

    fn publish(&mut self, bucket: ReadBucket<Range, V, S>) {
        if let Some(index) = self.ready.take() {
            self.versions.insert((), Arc::new(RangeVersion { generation: bucket.generation(), index }));
            self.versions.collect();
        }
    }

    fn collect(&mut self) {
        self.versions.collect();
    }
}

/// An index, and the generation of the table that it belongs to.
#[derive(Debug)]
pub struct RangeVersion<V> {
    /// The generation.
    generation: Generation,
    /// The index.
    index: RangeIndex<V>,
}

impl<V> RangeVersion<V> {
    /// Returns the generation of the table's read bucket with the same content; 0 before the first load.
    pub fn generation(&self) -> Generation {
        self.generation
    }
}

impl<V> Deref for RangeVersion<V> {
    type Target = RangeIndex<V>;

    fn deref(&self) -> &RangeIndex<V> {
        &self.index
    }
}

/// A version that one holds: it never changes, and outlives the table.
///
/// A clone costs two reference counts. While the table lives, dropping one frees nothing: the feed does, at its next look.
pub struct RangeBucket<V> {
    /// The version, to have it at hand.
    version: Arc<RangeVersion<V>>,
    /// Keeps the store's own reference to it alive, so that whoever drops this does not free it. Comes after `version`,
    /// since fields are dropped in order.
    pin: ReadBucket<(), Arc<RangeVersion<V>>>,
}

impl<V> RangeBucket<V> {
    fn new(pin: ReadBucket<(), Arc<RangeVersion<V>>>) -> Self {
        Self { version: Arc::clone(&pin[&()]), pin }
    }
}

impl<V> Deref for RangeBucket<V> {
    type Target = RangeVersion<V>;

    fn deref(&self) -> &RangeVersion<V> {
        &self.version
    }
}

impl<V> Clone for RangeBucket<V> {
    fn clone(&self) -> Self {
        Self { version: Arc::clone(&self.version), pin: self.pin.clone() }
    }
}

impl<V: fmt::Debug> fmt::Debug for RangeBucket<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.version.fmt(f)
    }
}

/// A version of one's own that follows the table, for one thread that reads often; see [`twinbucket::Reader`].
pub struct RangeReader<V> {
    /// Follows the current index.
    reader: Reader<(), Arc<RangeVersion<V>>>,
}

impl<V> RangeReader<V> {
    /// Returns the current version. One atomic load more than one that is held, and a look-up in a table of one entry.
    pub fn read(&mut self) -> &RangeVersion<V> {
        self.reader.get(&()).expect("the one entry is there from the start")
    }

    /// Finds the innermost range that has `address` in the current version; see [`RangeIndex::find`].
    pub fn find(&mut self, address: impl Into<IpAddr>) -> Option<(&Range, &V)> {
        self.read().find(address)
    }

    /// Returns the current version, to be held.
    pub fn bucket(&mut self) -> RangeBucket<V> {
        RangeBucket::new(self.reader.read().clone())
    }

    /// Lets go of the version seen last, so that an idle thread keeps no old one alive. The next read takes one anew.
    pub fn release(&mut self) {
        self.reader.release();
    }
}

impl<V> Clone for RangeReader<V> {
    fn clone(&self) -> Self {
        Self { reader: self.reader.clone() }
    }
}

impl<V> fmt::Debug for RangeReader<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeReader").finish_non_exhaustive()
    }
}
