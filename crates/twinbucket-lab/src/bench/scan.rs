//! Walks over all entries by one thread, while nobody writes.
//!
//! In a turn each first walks once without being timed; what counts is the median of the next walks. Small tables are walked
//! several times in one go.

use std::cell::OnceCell;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::contestant::{Contestant, designs};
use super::session::Reading;
use super::{Trial, Turn, nanos};
use crate::item::Item;
use crate::plan::Plan;
use crate::results::{Case, Metric, Unit};
use crate::rivals::Selected;
use crate::statistics::median;

/// Entries visited in one go, at least: long for the clock, and for small tables short for the scheduler.
const CHUNK: u64 = 1 << 14;

/// Walks over one size of table.
struct Scan<'a> {
    /// What to do.
    plan: &'a Plan,
    /// The circumstances.
    case: Case,
    /// What the first contestant found.
    found: OnceCell<u64>,
}

/// Returns the one trial.
pub(super) fn trials<'a, T: Item>(plan: &'a Plan, case: &Case) -> Vec<Box<dyn Trial<T> + 'a>> {
    vec![Box::new(Scan { plan, case: case.clone(), found: OnceCell::new() })]
}

impl<T: Item> Trial<T> for Scan<'_> {
    fn case(&self) -> &Case {
        &self.case
    }

    fn contestants(&self, rivals: &[Selected<T>]) -> Vec<Contestant> {
        designs(rivals, |_| true)
    }

    fn turn(&self, turn: &Turn<'_, T>) -> Result<Vec<Reading>> {
        let begin = Instant::now();
        let found = turn.rival().walk();
        ensure!(*self.found.get_or_init(|| found) == found, "{} finds something else than the others", turn.who.name);
        let walks = CHUNK.div_ceil(self.case.n);
        let mut times = Vec::new();
        while times.is_empty() || (begin.elapsed() < self.plan.turn && !turn.stop.asked()) {
            times.push(nanos(|| (0..walks).for_each(|_| _ = black_box(turn.rival().walk()))));
        }
        let cost = median(&times) / (walks * self.case.n) as f64;
        Ok(vec![Reading::plain(&self.case, Metric::Walk, Unit::Nanos, cost)])
    }
}
