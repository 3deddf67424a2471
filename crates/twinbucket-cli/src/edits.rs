//! The stream of deltas, and the model that knows what a store must hold after each.
//!
//! The stream depends on the table and on how many deltas were drawn, and on nothing else: two stores fed
//! with one stream each get the same deltas in the same order, however fast they take them.

use std::collections::HashMap;

use anyhow::ensure;

use crate::contender::{Contender, Edit, Entry, Key, Reload};
use crate::random::Random;
use crate::table::Row;

/// A full reload of a small table comes after each so many publishes.
const PUBLISHES_PER_RELOAD: u64 = 250;
/// Publishes before the first reload of a small table.
const PUBLISHES_BEFORE_FIRST_RELOAD: u64 = 50;
/// For each so many rows, reloads come as much more seldom, as they take so much longer.
const ROWS_PER_RELOAD: usize = 100_000;
/// One change in so many takes a row away; a later change to that row brings it back.
const CHANGES_PER_REMOVAL: usize = 20;

/// What the writer is to publish next.
#[derive(Debug)]
pub(crate) enum Work {
    /// A few changes.
    Delta(Vec<Edit>),
    /// The table as it was loaded.
    Full {
        /// How to hand it over.
        how: Reload,
        /// All its entries.
        rows: Vec<(Key, Entry)>,
        /// In how many entries it differs from what was published before.
        differs: usize,
    },
}

/// Draws the deltas and keeps the model.
#[derive(Debug)]
pub(crate) struct Edits<'a> {
    /// The table.
    rows: &'a [Row],
    /// Changes per delta.
    delta: usize,
    /// Picks the rows to change.
    random: Random,
    /// Content of the store after all that was drawn.
    model: HashMap<Key, Entry>,
    /// Number of works drawn.
    drawn: u64,
}

impl<'a> Edits<'a> {
    /// Starts a stream over a store that holds `rows`.
    pub(crate) fn new(rows: &'a [Row], delta: usize) -> Self {
        Self {
            rows,
            delta,
            random: Random::new(0x7477_696e),
            model: rows.iter().map(Entry::loaded).collect(),
            drawn: 0,
        }
    }

    /// Draws what to publish next and brings the model up to it.
    pub(crate) fn draw(&mut self) -> Work {
        let number = self.drawn;
        self.drawn += 1;
        let scale = 1 + (self.rows.len() / ROWS_PER_RELOAD) as u64;
        let (first, every) = (PUBLISHES_BEFORE_FIRST_RELOAD * scale, PUBLISHES_PER_RELOAD * scale);
        if number % every == first {
            let odd = number / every % 2 == 1;
            return self.reload(if odd { Reload::ReplaceAll } else { Reload::Sync });
        }
        Work::Delta((0..self.delta).map(|_| self.edit()).collect())
    }

    /// Draws a reload of the table as it was loaded.
    pub(crate) fn reload(&mut self, how: Reload) -> Work {
        let rows: Vec<_> = self.rows.iter().map(Entry::loaded).collect();
        let differs = rows.iter().filter(|(key, entry)| self.model.get(key) != Some(entry)).count();
        self.model.extend(rows.iter().cloned());
        Work::Full { how, rows, differs }
    }

    /// Draws one change.
    fn edit(&mut self) -> Edit {
        let row = &self.rows[self.random.below(self.rows.len())];
        let revision = match self.model.get(&row.key) {
            Some(_) if self.random.below(CHANGES_PER_REMOVAL) == 0 => {
                self.model.remove(&row.key);
                return Edit::Remove(row.key.clone());
            }
            Some(entry) => entry.revision + 1,
            None => 0,
        };
        let entry = Entry { fields: row.fields.clone(), revision };
        self.model.insert(row.key.clone(), entry.clone());
        Edit::Put(row.key.clone(), entry)
    }

    /// Compares the newest version of `store` with the model, entry by entry.
    ///
    /// # Errors
    /// If they differ: the store lost, kept or changed something it should not have.
    pub(crate) fn verify<C: Contender>(&self, store: &C) -> anyhow::Result<()> {
        let frozen = store.freeze();
        let mut len = 0_usize;
        let mut first_difference = None;
        C::walk(&frozen, |key, entry| {
            len += 1;
            if self.model.get(key) != Some(entry) {
                first_difference.get_or_insert_with(|| key.clone());
            }
        });
        if let Some(key) = first_difference {
            anyhow::bail!("the store does not hold what was written to it: the entry of key {key:?} differs");
        }
        ensure!(
            len == self.model.len(),
            "a walk of the store saw {len} entries where {} were written to it",
            self.model.len()
        );
        for key in self.model.keys() {
            ensure!(C::get(&frozen, key).is_some(), "the store does not find key {key:?}, which was written to it");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use twinbucket_feed::format::Csv;

    use super::*;
    use crate::contender::{Swap, Twin};
    use crate::table::Table;
    use crate::threads::{Writes, publish};

    /// A table of 100 rows.
    fn rows() -> Vec<Row> {
        let lines: String = (0..100).map(|number| format!("{number},row {number}\n")).collect();
        Table::parse("t.csv", format!("k,v\n{lines}"), Csv::new()).unwrap().rows
    }

    /// Publishes the first 700 works of a stream, which include reloads of both kinds.
    fn feed<C: Contender>(store: &C, edits: &mut Edits<'_>) {
        for _ in 0..700 {
            publish(store, edits.draw(), &mut Writes::new()).unwrap();
        }
    }

    #[test]
    fn both_stores_hold_the_model_after_the_same_stream() {
        let rows = rows();
        let (twin, swap) = (Twin::new(&rows), Swap::new(&rows));
        let (mut for_twin, mut for_swap) = (Edits::new(&rows, 3), Edits::new(&rows, 3));
        feed(&twin, &mut for_twin);
        feed(&swap, &mut for_swap);
        for_twin.verify(&swap).unwrap();
        for_swap.verify(&twin).unwrap();
    }

    #[test]
    fn lost_changed_and_surplus_entries_are_told_from_the_model() {
        let rows = rows();
        let edits = Edits::new(&rows, 1);
        let (key, entry) = Entry::loaded(&rows[7]);
        let other = Entry { revision: 1, ..entry.clone() };
        for wrong in [Edit::Remove(key.clone()), Edit::Put(key, other), Edit::Put("surplus".into(), entry)] {
            let store = Twin::new(&rows);
            edits.verify(&store).unwrap();
            store.publish(vec![wrong.clone()]);
            assert!(edits.verify(&store).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sync_that_counts_wrong_is_an_error() {
        let rows = rows();
        let store = Twin::new(&rows);
        let mut edits = Edits::new(&rows, 1);
        // The store already holds what the model does not: the counts cannot agree.
        edits.model.remove("7");
        let error = publish(&store, edits.reload(Reload::Sync), &mut Writes::new()).unwrap_err();
        assert_eq!(error.to_string(), "a full reload changed 1 entries, but the store counted 0");
    }
}
