//! The rows of one load, before they go into the store: where each stands, and what becomes of bad ones.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::format::text::shown;
use crate::{LoadError, Overlaps, Part, Place, RowError};

/// How many bad rows are kept with their errors; of more, only the number is known.
const KEPT_ERRORS: usize = 100;

/// What becomes of a load in which some rows are wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RowPolicy {
    /// The first bad row fails the load: the table has all rows of its source or stays as it was.
    #[default]
    AllOrNothing,
    /// Bad rows are left out and listed in the status, up to that many; one more fails the load.
    ///
    /// A key whose new row is bad is gone from the table, as if its row were not there.
    Quarantine {
        /// The most bad rows that a load may have.
        max: usize,
    },
}

/// Takes in the rows of a load; a [`Format`](crate::Format) fills it.
///
/// A key that comes twice in one part is a bad row. Across parts, [`Overlaps`] decides.
#[derive(Debug)]
pub struct Rows<'a, K, V> {
    /// Name of the part being read.
    file: Arc<str>,
    /// Number of that part.
    part: u32,
    /// Names of the parts read so far, that one included.
    files: Vec<Arc<str>>,
    /// The good rows.
    rows: Vec<Row<K, V>>,
    /// Places in `rows`, by key.
    index: HashTable<usize>,
    /// Hashes the keys for `index`.
    hasher: &'a RandomState,
    /// What becomes of bad rows.
    policy: RowPolicy,
    /// What becomes of a key that several parts have.
    overlaps: Overlaps,
    /// Bad rows, the first of them.
    bad: Vec<RowError>,
    /// Bad rows, all of them.
    bad_count: usize,
}

/// A good row.
#[derive(Debug)]
struct Row<K, V> {
    /// Its key.
    key: K,
    /// Its value.
    value: V,
    /// Number of the part it stands in.
    part: u32,
    /// Line it stands on.
    line: u64,
}

/// The good rows of a load and the bad ones that it may have.
#[derive(Debug)]
pub(crate) struct Loaded<K, V> {
    /// The rows; no two have the same key.
    rows: Vec<Row<K, V>>,
    /// Errors of the bad rows, the first of them.
    pub(crate) bad: Vec<RowError>,
    /// How many bad rows there are.
    pub(crate) bad_count: usize,
}

impl<K, V> Loaded<K, V> {
    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the rows.
    pub(crate) fn into_entries(self) -> impl ExactSizeIterator<Item = (K, V)> {
        self.rows.into_iter().map(|row| (row.key, row.value))
    }
}

impl<'a, K: Hash + Eq, V> Rows<'a, K, V> {
    pub(crate) fn new(hasher: &'a RandomState, policy: RowPolicy, overlaps: Overlaps) -> Self {
        Self {
            file: "".into(),
            part: 0,
            files: Vec::new(),
            rows: Vec::new(),
            index: HashTable::new(),
            hasher,
            policy,
            overlaps,
            bad: Vec::new(),
            bad_count: 0,
        }
    }

    /// Says that the rows of `part` come next.
    pub(crate) fn begin(&mut self, part: &Part) {
        self.file = Arc::clone(&part.name);
        self.part = u32::try_from(self.files.len()).expect("there are fewer files than that");
        self.files.push(Arc::clone(&part.name));
    }

    /// Names a place in the part being read; see [`Place`].
    pub fn place(&self, line: u64, column: u64) -> Place {
        Place { file: Arc::clone(&self.file), line, column }
    }

    /// Takes in a row that begins on `line`. `Break` asks the format to stop: the load has failed.
    pub fn push(&mut self, line: u64, key: K, value: V) -> ControlFlow<()> {
        self.take(line, None, key, value)
    }

    /// Takes in a row like [`push`](Self::push), with the key's text as it stands in the part, which is then part of the
    /// message if that key comes twice.
    pub fn push_named(&mut self, line: u64, name: &str, key: K, value: V) -> ControlFlow<()> {
        self.take(line, Some(name), key, value)
    }

    /// Takes in a row; `name` is the key's text.
    fn take(&mut self, line: u64, name: Option<&str>, key: K, value: V) -> ControlFlow<()> {
        let hash = self.hasher.hash_one(&key);
        let (rows, hasher) = (&self.rows, self.hasher);
        let at = match self.index.entry(hash, |&at| rows[at].key == key, |&at| hasher.hash_one(&rows[at].key)) {
            Entry::Vacant(place) => {
                place.insert(self.rows.len());
                self.rows.push(Row { key, value, part: self.part, line });
                return ControlFlow::Continue(());
            }
            Entry::Occupied(place) => *place.get(),
        };
        let first = &self.rows[at];
        if first.part != self.part && self.overlaps == Overlaps::LaterWins {
            self.rows[at] = Row { key, value, part: self.part, line };
            return ControlFlow::Continue(());
        }
        let first = Place { file: Arc::clone(&self.files[first.part as usize]), line: first.line, column: 0 };
        let name = name.map_or("the key of this row".to_owned(), |name| format!("key {}", shown(name)));
        let problem = format!("{name} was already at {first}; keep one of the two");
        self.reject(RowError::new(self.place(line, 0), problem))
    }

    /// Takes note of a bad row. `Break` asks the format to stop: the load has failed.
    pub fn reject(&mut self, error: RowError) -> ControlFlow<()> {
        self.bad_count += 1;
        if self.bad.len() < KEPT_ERRORS {
            self.bad.push(error);
        }
        if self.has_failed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Tells whether the load has failed, so that nothing more need be read.
    pub(crate) fn has_failed(&self) -> bool {
        self.bad_count > self.policy.most()
    }

    /// Returns what was read, or why it is not to be used.
    pub(crate) fn finish(self) -> Result<Loaded<K, V>, LoadError> {
        match self.policy {
            RowPolicy::AllOrNothing if self.bad_count > 0 => Err(LoadError::Row(self.bad[0].clone())),
            RowPolicy::Quarantine { max } if self.bad_count > max => {
                Err(LoadError::TooManyBadRows { max, first: self.bad[0].clone() })
            }
            _ => Ok(Loaded { rows: self.rows, bad: self.bad, bad_count: self.bad_count }),
        }
    }
}

impl RowPolicy {
    /// The most bad rows that a load may have.
    fn most(self) -> usize {
        match self {
            Self::AllOrNothing => 0,
            Self::Quarantine { max } => max,
        }
    }
}
