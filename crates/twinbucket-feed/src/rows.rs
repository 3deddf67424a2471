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

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts called `a`, `b` and so on, each with rows on lines 1, 2 and so on.
    fn load(parts: &[&[(&str, u32)]], policy: RowPolicy, overlaps: Overlaps) -> Result<Loaded<String, u32>, LoadError> {
        let hasher = RandomState::new();
        let mut rows = Rows::new(&hasher, policy, overlaps);
        for (name, part) in ["a", "b", "c"].iter().zip(parts) {
            rows.begin(&Part { name: (*name).into(), bytes: Vec::new() });
            for (&(key, value), line) in part.iter().zip(1..) {
                if rows.push_named(line, key, key.to_owned(), value).is_break() {
                    break;
                }
            }
        }
        rows.finish()
    }

    /// The entries of a load that went well.
    fn entries(loaded: Result<Loaded<String, u32>, LoadError>) -> Vec<(String, u32)> {
        loaded.unwrap().into_entries().collect()
    }

    /// A key with its value.
    fn entry(key: &str, value: u32) -> (String, u32) {
        (key.to_owned(), value)
    }

    #[test]
    fn key_that_comes_twice_in_a_part_is_a_bad_row_whatever_the_overlaps() {
        for overlaps in [Overlaps::Error, Overlaps::LaterWins] {
            let error = load(&[&[("x", 1), ("y", 2), ("x", 3)]], RowPolicy::AllOrNothing, overlaps).unwrap_err();
            assert_eq!(error.to_string(), "a:3: key \"x\" was already at a:1; keep one of the two");
            let loaded = load(&[&[("x", 1), ("y", 2), ("x", 3)]], RowPolicy::Quarantine { max: 1 }, overlaps);
            assert_eq!(entries(loaded), [entry("x", 1), entry("y", 2)]);
        }
    }

    #[test]
    fn key_without_text_is_told_by_its_places() {
        let hasher = RandomState::new();
        let mut rows = Rows::new(&hasher, RowPolicy::AllOrNothing, Overlaps::Error);
        rows.begin(&Part { name: "a".into(), bytes: Vec::new() });
        assert!(rows.push(1, 7, ()).is_continue());
        assert!(rows.push(4, 7, ()).is_break());
        let message = rows.finish().unwrap_err().to_string();
        assert_eq!(message, "a:4: the key of this row was already at a:1; keep one of the two");
    }

    #[test]
    fn key_of_several_parts_is_a_bad_row_by_default() {
        let parts: &[&[_]] = &[&[("x", 1)], &[("y", 2), ("x", 3)]];
        let error = load(parts, RowPolicy::AllOrNothing, Overlaps::default()).unwrap_err();
        assert_eq!(error.to_string(), "b:2: key \"x\" was already at a:1; keep one of the two");
    }

    #[test]
    fn later_part_wins_where_it_may_and_the_row_keeps_its_place_in_the_order() {
        let parts: &[&[_]] = &[&[("x", 1), ("y", 2)], &[("x", 3)], &[("x", 4), ("z", 5)]];
        let loaded = load(parts, RowPolicy::AllOrNothing, Overlaps::LaterWins);
        assert_eq!(entries(loaded), [entry("x", 4), entry("y", 2), entry("z", 5)]);
    }

    #[test]
    fn row_that_won_is_the_first_one_of_its_own_part() {
        let parts: &[&[_]] = &[&[("x", 1)], &[("x", 2), ("x", 3)]];
        let error = load(parts, RowPolicy::AllOrNothing, Overlaps::LaterWins).unwrap_err();
        assert_eq!(error.to_string(), "b:2: key \"x\" was already at b:1; keep one of the two");
    }

    #[test]
    fn first_bad_row_fails_a_load_of_all_or_nothing_and_ends_the_reading() {
        let hasher = RandomState::new();
        let mut rows = Rows::<u8, ()>::new(&hasher, RowPolicy::AllOrNothing, Overlaps::Error);
        assert!(rows.reject(RowError::new(rows.place(3, 4), "first")).is_break());
        assert!(rows.reject(RowError::new(rows.place(5, 6), "second")).is_break());
        assert!(rows.has_failed());
        assert!(matches!(rows.finish(), Err(LoadError::Row(error)) if &*error.problem == "first"));
    }

    #[test]
    fn one_bad_row_more_than_may_be_fails_the_load() {
        let bad_of = |count: usize| {
            let hasher = RandomState::new();
            let mut rows = Rows::<u8, ()>::new(&hasher, RowPolicy::Quarantine { max: 150 }, Overlaps::Error);
            let flow = (1..=count).map(|line| rows.reject(RowError::new(rows.place(line as u64, 0), "bad")));
            let breaks = flow.filter(ControlFlow::is_break).count();
            (breaks, rows.finish())
        };
        let (breaks, loaded) = bad_of(150);
        let loaded = loaded.unwrap();
        assert_eq!((breaks, loaded.bad_count, loaded.bad.len()), (0, 150, KEPT_ERRORS));
        let (breaks, failed) = bad_of(151);
        assert_eq!(breaks, 1);
        assert_eq!(failed.unwrap_err().to_string(), "more than the 150 bad rows that are allowed; the first: :1: bad");
    }
}
