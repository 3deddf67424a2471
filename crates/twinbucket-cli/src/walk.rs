//! What a walk over one version sees, short enough to compare.

use std::fmt;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use crate::contender::{Contender, Entry, Key};
use crate::table::Row;

/// Everything that one walk saw.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// Hashes the entries; the same for all walks that are compared.
    pub(crate) seed: DefaultHashBuilder,
    /// Generation of the version walked.
    pub(crate) generation: u64,
    /// Number of entries.
    pub(crate) entries: u64,
    /// Sum of the hashes of all entries, each over key, fields and revision; the order does not matter.
    pub(crate) checksum: u64,
}

impl Walk {
    /// What a walk over `rows` as loaded, published as `generation`, must see.
    pub(crate) fn expected(rows: &[Row], generation: u64) -> Self {
        let mut walk = Self { seed: DefaultHashBuilder::default(), generation, entries: 0, checksum: 0 };
        for (key, entry) in rows.iter().map(Entry::loaded) {
            walk.add(&key, &entry);
        }
        walk
    }

    /// Walks `frozen` once.
    pub(crate) fn of<C: Contender>(frozen: &C::Frozen, seed: &DefaultHashBuilder) -> Self {
        let mut walk = Self { seed: seed.clone(), generation: C::generation(frozen), entries: 0, checksum: 0 };
        C::walk(frozen, |key, entry| walk.add(key, entry));
        walk
    }

    /// Adds one entry.
    fn add(&mut self, key: &Key, entry: &Entry) {
        self.entries += 1;
        self.checksum = self.checksum.wrapping_add(self.seed.hash_one((key, entry)));
    }
}

impl PartialEq for Walk {
    fn eq(&self, other: &Self) -> bool {
        (self.generation, self.entries, self.checksum) == (other.generation, other.entries, other.checksum)
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries with checksum {:016x} at generation {}", self.entries, self.checksum, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use twinbucket_feed::format::Csv;

    use super::*;
    use crate::contender::{Edit, Swap, Twin};
    use crate::table::Table;

    /// Tells whether a walk of what `store` holds now is the one expected of `rows`.
    fn walk_matches<C: Contender>(store: &C, rows: &[Row]) -> bool {
        let frozen = store.freeze();
        let expected = Walk::expected(rows, C::generation(&frozen));
        Walk::of::<C>(&frozen, &expected.seed) == expected
    }

    #[test]
    fn walk_tells_a_changed_entry_and_a_missing_one_from_the_table() {
        let rows = Table::parse("t.csv", "k,v\na,1\nb,2\n", Csv::new()).unwrap().rows;
        let (key, entry) = Entry::loaded(&rows[0]);
        let changed = Edit::Put(key.clone(), Entry { revision: 1, ..entry });
        for edit in [changed, Edit::Remove(key)] {
            let (twin, swap) = (Twin::new(&rows), Swap::new(&rows));
            assert!(walk_matches(&twin, &rows) && walk_matches(&swap, &rows));
            twin.publish(vec![edit.clone()]);
            swap.publish(vec![edit]);
            assert!(!walk_matches(&twin, &rows) && !walk_matches(&swap, &rows));
        }
    }
}
