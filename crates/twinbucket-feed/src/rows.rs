//! The rows of one load, before they go into the store: where each stands, and what becomes of bad ones.
//!
//! A row that the table has already is compared and dropped as soon as it is read; what is kept of it is where it stands.
//! So a load that changes little needs memory for little, and its rows are freed while they are still in the caches.

use std::hash::{BuildHasher, Hash};
use std::ops::ControlFlow;
use std::sync::Arc;

use twinbucket::{Changes, ReadBucket, WriteBucket};

use crate::format::text::shown;
use crate::rows::good::{At, BATCH, Good, Line, Row};
use crate::{LoadError, Overlaps, Part, Place, RowError};

mod good;

pub(crate) use crate::rows::good::{Nothing, Present};

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
    good: Good<'a, K, V>,
    /// Rows that are not yet compared, a batch at most.
    pending: Vec<Row<K, V>>,
    /// The texts of their keys, where they have one.
    names: Names,
    /// What becomes of bad rows.
    policy: RowPolicy,
    /// What becomes of a key that several parts have.
    overlaps: Overlaps,
    /// Bad rows, the first of them.
    bad: Vec<RowError>,
    /// Bad rows, all of them.
    bad_count: usize,
}

/// Texts, or that there is none, in one piece of memory.
#[derive(Debug, Default)]
struct Names {
    /// The texts, one after the other.
    text: String,
    /// Where each ends; `None` where there is none.
    ends: Vec<Option<usize>>,
}

/// The good rows of a load and the bad ones that it may have.
#[derive(Debug)]
pub(crate) struct Loaded<'a, K, V> {
    /// The rows; no two have the same key.
    good: Good<'a, K, V>,
    /// Errors of the bad rows, the first of them.
    pub(crate) bad: Vec<RowError>,
    /// How many bad rows there are.
    pub(crate) bad_count: usize,
}

impl<K, V> Loaded<'_, K, V> {
    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.good.len()
    }

    /// Returns the rows that the table does not have.
    pub(crate) fn into_entries(self) -> impl ExactSizeIterator<Item = (K, V)> {
        self.good.into_entries()
    }
}

impl<K: Hash + Eq, V> Loaded<'_, K, V> {
    /// Makes the content of `new` that of these rows, and touches only what differs, as
    /// [`sync`](WriteBucket::sync) does. `new` must have what the rows were compared with, which is `old`.
    pub(crate) fn apply<S: BuildHasher>(self, old: &ReadBucket<K, V, S>, new: &mut WriteBucket<'_, K, V, S>) -> Changes
    where
        K: Clone,
        V: Clone + PartialEq,
    {
        self.good.apply(old, new)
    }
}

impl<'a, K: Hash + Eq, V> Rows<'a, K, V> {
    pub(crate) fn new(present: &'a dyn Present<K, V>, policy: RowPolicy, overlaps: Overlaps) -> Self {
        Self {
            file: "".into(),
            part: 0,
            files: Vec::new(),
            good: Good::new(present),
            pending: Vec::with_capacity(BATCH),
            names: Names::default(),
            policy,
            overlaps,
            bad: Vec::new(),
            bad_count: 0,
        }
    }

    /// Says that the rows of `part` come next, after those of the part before were [settled](Self::settle).
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
        let hash = self.good.hash(&key);
        self.pending.push(Row { key, hash, value, line: Line { part: self.part, line } });
        self.names.push(name);
        if self.pending.len() == BATCH { self.settle() } else { ControlFlow::Continue(()) }
    }

    /// Deals with the rows that are pending. `Break` says that the load has failed.
    pub(crate) fn settle(&mut self) -> ControlFlow<()> {
        let own = self.good.find(&self.pending);
        let (mut pending, mut names) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.names));
        let mut rows = pending.drain(..).zip(own).zip(names.iter());
        let flow = rows.try_for_each(|((row, own), name)| match self.good.take(row, own) {
            Ok(()) => ControlFlow::Continue(()),
            Err((at, row)) => self.repeat(at, row, name),
        });
        drop(rows);
        names.clear();
        (self.pending, self.names) = (pending, names);
        flow
    }

    /// Deals with a row whose key an earlier one has, which is kept at `at`; `name` is the key's text.
    fn repeat(&mut self, at: At, row: Row<K, V>, name: Option<&str>) -> ControlFlow<()> {
        let (first, line) = (self.good.line(at), row.line);
        if first.part != line.part && self.overlaps == Overlaps::LaterWins {
            self.good.replace(at, row);
            return ControlFlow::Continue(());
        }
        let first = self.place_of(first);
        let name = name.map_or("the key of this row".to_owned(), |name| format!("key {}", shown(name)));
        let problem = format!("{name} was already at {first}; keep one of the two");
        self.note(RowError::new(self.place_of(line), problem))
    }

    fn place_of(&self, line: Line) -> Place {
        Place { file: Arc::clone(&self.files[line.part as usize]), line: line.line, column: 0 }
    }

    /// Takes note of a bad row. `Break` asks the format to stop: the load has failed.
    pub fn reject(&mut self, error: RowError) -> ControlFlow<()> {
        // First what comes before it.
        self.settle()?;
        self.note(error)
    }

    /// Takes note of a bad row.
    fn note(&mut self, error: RowError) -> ControlFlow<()> {
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
    pub(crate) fn finish(mut self) -> Result<Loaded<'a, K, V>, LoadError> {
        // If that fails the load, there are bad rows.
        let _ = self.settle();
        match self.policy {
            RowPolicy::AllOrNothing if self.bad_count > 0 => Err(LoadError::Row(self.bad[0].clone())),
            RowPolicy::Quarantine { max } if self.bad_count > max => {
                Err(LoadError::TooManyBadRows { max, first: self.bad[0].clone() })
            }
            _ => Ok(Loaded { good: self.good, bad: self.bad, bad_count: self.bad_count }),
        }
    }
}

impl Names {
    fn push(&mut self, name: Option<&str>) {
        self.text.push_str(name.unwrap_or_default());
        self.ends.push(name.map(|_| self.text.len()));
    }

    /// Returns the texts in order.
    fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let name = end.map(|end| &self.text[start..end]);
            start = end.unwrap_or(start);
            name
        })
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
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
    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
    use twinbucket::Store;

    use super::*;
    use crate::format;

    /// Parts called `a`, `b` and so on, each with rows on lines 1, 2 and so on.
    fn load(parts: &[&[(&str, u32)]], policy: RowPolicy, overlaps: Overlaps) -> Result<Vec<(String, u32)>, LoadError> {
        let mut rows = Rows::new(&Nothing, policy, overlaps);
        for (name, part) in ["a", "b", "c"].iter().zip(parts) {
            rows.begin(&Part { name: (*name).into(), bytes: Vec::new() });
            for (&(key, value), line) in part.iter().zip(1..) {
                if rows.push_named(line, key, key.to_owned(), value).is_break() {
                    break;
                }
            }
        }
        Ok(rows.finish()?.into_entries().collect())
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
            assert_eq!(loaded.unwrap(), [entry("x", 1), entry("y", 2)]);
        }
    }

    #[test]
    fn key_without_text_is_told_by_its_places() {
        let mut rows = Rows::new(&Nothing, RowPolicy::AllOrNothing, Overlaps::Error);
        rows.begin(&Part { name: "a".into(), bytes: Vec::new() });
        assert!(rows.push(1, 7, ()).is_continue());
        assert!(rows.push(4, 7, ()).is_continue() && rows.settle().is_break());
        let message = rows.finish().unwrap_err().to_string();
        assert_eq!(message, "a:4: the key of this row was already at a:1; keep one of the two");
    }

    #[test]
    fn bad_row_before_the_place_where_a_part_ends_is_what_is_told() {
        let broken = |part: &Part, rows: &mut Rows<'_, u8, ()>| {
            let _ = rows.push(1, 7, ());
            let _ = rows.push(2, 7, ());
            Err(RowError::new(Place { file: Arc::clone(&part.name), line: 3, column: 0 }, "broken"))
        };
        let part = [Part { name: "a".into(), bytes: Vec::new() }];
        let read = |policy| format::read(&broken, &part, policy, Overlaps::Error).unwrap_err().to_string();
        assert_eq!(read(RowPolicy::AllOrNothing), "a:2: the key of this row was already at a:1; keep one of the two");
        assert_eq!(read(RowPolicy::Quarantine { max: 1 }), "a:3: broken");
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
        assert_eq!(loaded.unwrap(), [entry("x", 4), entry("y", 2), entry("z", 5)]);
    }

    #[test]
    fn row_that_won_is_the_first_one_of_its_own_part() {
        let parts: &[&[_]] = &[&[("x", 1)], &[("x", 2), ("x", 3)]];
        let error = load(parts, RowPolicy::AllOrNothing, Overlaps::LaterWins).unwrap_err();
        assert_eq!(error.to_string(), "b:2: key \"x\" was already at b:1; keep one of the two");
    }

    #[test]
    fn first_bad_row_fails_a_load_of_all_or_nothing_and_ends_the_reading() {
        let mut rows = Rows::<u8, ()>::new(&Nothing, RowPolicy::AllOrNothing, Overlaps::Error);
        assert!(rows.reject(RowError::new(rows.place(3, 4), "first")).is_break());
        assert!(rows.reject(RowError::new(rows.place(5, 6), "second")).is_break());
        assert!(rows.has_failed());
        assert!(matches!(rows.finish(), Err(LoadError::Row(error)) if &*error.problem == "first"));
    }

    #[test]
    fn one_bad_row_more_than_may_be_fails_the_load() {
        let bad_of = |count: usize| {
            let mut rows = Rows::<u8, ()>::new(&Nothing, RowPolicy::Quarantine { max: 150 }, Overlaps::Error);
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

    /// Parts of rows: few keys and values, so that some are equal, and more than a batch.
    fn parts() -> impl Strategy<Value = Vec<Vec<(u8, u8)>>> {
        vec(vec((0..40_u8, 0..3_u8), 0..40), 0..4)
    }

    proptest! {
        /// Rows that the table has are not kept, and yet the load comes to what `sync` makes of all of them.
        #[test]
        fn load_beside_a_table_is_what_sync_makes_of_its_rows(
            content in vec((0..40_u8, 0..3_u8), 0..40),
            parts in parts(),
            max in 0..60_usize,
            later_wins in any::<bool>(),
        ) {
            let overlaps = if later_wins { Overlaps::LaterWins } else { Overlaps::Error };
            let store: Store<u8, u8> = content.iter().copied().collect();
            let twin: Store<u8, u8> = content.iter().copied().collect();
            let old = store.read();
            let (beside, alone) = [&old as &dyn Present<u8, u8>, &Nothing].map(|present| {
                let mut rows = Rows::new(present, RowPolicy::Quarantine { max }, overlaps);
                for part in &parts {
                    rows.begin(&Part { name: "p".into(), bytes: Vec::new() });
                    let mut lines = part.iter().zip(1..);
                    let _ = lines.try_for_each(|(&(key, value), line)| rows.push(line, key, value));
                    if rows.settle().is_break() {
                        break;
                    }
                }
                rows.finish()
            }).into();
            match (beside, alone) {
                (Ok(beside), Ok(alone)) => {
                    prop_assert_eq!((beside.len(), &beside.bad), (alone.len(), &alone.bad));
                    let (mut new, mut expected) = (store.write(), twin.write());
                    let changes = beside.apply(&old, &mut new);
                    prop_assert_eq!(changes, expected.sync(alone.into_entries()));
                    new.publish();
                    expected.publish();
                    prop_assert_eq!(store.read(), twin.read());
                }
                (beside, alone) => prop_assert_eq!(beside.unwrap_err().to_string(), alone.unwrap_err().to_string()),
            }
        }
    }

    #[test]
    fn row_that_the_table_has_is_not_kept() {
        let store = Store::from([(1, Arc::new(1)), (2, Arc::new(2))]);
        let old = store.read();
        let mut rows = Rows::new(&old, RowPolicy::AllOrNothing, Overlaps::Error);
        let [same, other] = [1, 3].map(Arc::new);
        assert!(rows.push(1, 1, Arc::clone(&same)).is_continue());
        assert!(rows.push(2, 2, Arc::clone(&other)).is_continue());
        assert!(rows.settle().is_continue());
        assert_eq!((Arc::strong_count(&same), Arc::strong_count(&other)), (1, 2));
    }
}
