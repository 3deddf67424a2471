//! Publishing: how long it takes, and how long until every reader has seen it.
//!
//! A turn has two halves. In the first nobody reads, apart from who is held, so that publishing has its core to itself; what
//! is measured is the time from the first write of a delta to the end of its publish. In the second, readers look one key up
//! again and again, in the best way their design has; what is measured is the time from the start of a publish, which is when
//! the delta is written in private where the design does that, until the last of them has found the key's new value. In both, publishes are due at the plan's rate, and one comes before the first
//! that counts. A design for one thread has the first half only, and nothing held.

mod hold;
mod sight;

use std::cell::Cell;
use std::iter;
use std::thread;
use std::time::Instant;

use anyhow::Result;

use self::hold::{Held, slow_reader};
use self::sight::Sight;
use super::contestant::{Contestant, designs};
use super::session::Reading;
use super::{EndsWithMe, Trial, Turn, cores};
use crate::item::Item;
use crate::plan::{Hold, Plan};
use crate::results::{Case, Metric};
use crate::rivals::{Kind, Selected};
use crate::run::Stop;
use crate::schedule::{Schedule, Times};
use crate::workload::{Changes, Keys};

/// The key whose value tells readers what they see.
const MARKED: u64 = 0;
/// Where the numbers of the marked key's values start: no other value has one so high.
const MARKS: u64 = 1 << 60;
/// Readers that have to see a publish, at most.
const MOST_READERS: usize = 8;

/// Publishing deltas of one size while one kind of thing is held.
struct Swap<'a> {
    /// What to do.
    plan: &'a Plan,
    /// The circumstances.
    case: Case,
    /// Changes in one publish.
    delta: usize,
    /// What is held.
    hold: Hold,
    /// Number of the marked key's next value; it never gets the same twice.
    marks: Cell<u64>,
}

/// Returns every combination of deltas and holds.
pub(super) fn trials<'a, T: Item>(plan: &'a Plan, case: &Case) -> Vec<Box<dyn Trial<T> + 'a>> {
    let deltas = plan.deltas.iter().filter(|&&delta| delta <= case.n);
    let trial = |delta: u64, hold: Hold| -> Box<dyn Trial<T> + 'a> {
        let case = Case { delta: Some(delta), hold: Some(hold.to_string()), ..case.clone() };
        Box::new(Swap { plan, case, delta: delta as usize, hold, marks: Cell::new(MARKS) })
    };
    deltas.flat_map(|&delta| plan.holds.iter().map(move |&hold| trial(delta, hold))).collect()
}

impl<T: Item> Trial<T> for Swap<'_> {
    fn case(&self) -> &Case {
        &self.case
    }

    fn contestants(&self, rivals: &[Selected<T>]) -> Vec<Contestant> {
        designs(rivals, |kind| match self.hold {
            Hold::None => true,
            Hold::SlowReader => kind.concurrent,
            Hold::Snapshot => kind.concurrent && has_views(kind),
        })
    }

    fn turn(&self, turn: &Turn<'_, T>) -> Result<Vec<Reading>> {
        let mut readings = Vec::new();
        readings.extend(Reading::latency(&self.case, Metric::Publish, self.half(turn, 0)?));
        if turn.concurrent {
            let readers = (cores() - 1).clamp(1, MOST_READERS);
            readings.extend(Reading::latency(&self.case, Metric::Visible, self.half(turn, readers)?));
        }
        Ok(readings)
    }
}

/// Tells whether a design has views, by asking a table of one entry.
fn has_views<T: Item>(kind: &Kind<T>) -> bool {
    (kind.build)(&mut iter::once(Keys::made(1).entry(0, 0))).hold().is_some()
}

impl Swap<'_> {
    /// Publishes for half of a turn. Each publish ends when so many readers have seen it, or without any, when it is over.
    fn half<T: Item>(&self, turn: &Turn<'_, T>, readers: usize) -> Result<Times> {
        let (rival, key, over) = (turn.rival(), &turn.keys.key(MARKED), &Stop::new());
        let sights: &Vec<Sight> = &iter::repeat_with(Sight::new).take(readers).collect();
        thread::scope(|scope| {
            let _end = EndsWithMe(over);
            if self.hold == Hold::SlowReader {
                scope.spawn(move || slow_reader(rival, key, over));
            }
            for sight in sights {
                scope.spawn(move || sight.watch(rival, turn.who.way, key, over));
            }
            self.publishes(turn, sights)
        })
    }

    fn publishes<T: Item>(&self, turn: &Turn<'_, T>, sights: &[Sight]) -> Result<Times> {
        let rival = turn.rival();
        let mut delta = Delta::new(self, turn.keys, !sights.is_empty());
        let mut held = Held::new(self.hold);
        let mut times = Times::new();
        held.turn(rival);
        rival.publish(&mut delta.changes);
        delta.renew();
        let mut schedule = Schedule::new(self.plan.publish_rate, Instant::now(), self.plan.turn / 2, turn.stop);
        while let Some(due) = schedule.next() {
            let mut begin = Instant::now();
            match sights {
                [] => rival.publish(&mut delta.changes),
                _ => rival.publish_staged(&mut delta.changes, &mut || begin = Instant::now()),
            }
            let published = Instant::now();
            let seen = sights.iter().map(|sight| sight.wait(delta.mark, turn)).collect::<Result<Vec<_>>>()?;
            times.record(due, begin, seen.into_iter().max().unwrap_or(published));
            let ended = Instant::now();
            held.turn(rival);
            delta.renew();
            schedule.excuse(ended);
        }
        schedule.overdue().for_each(|waited| times.wait(waited));
        Ok(times)
    }
}

/// The changes of the next publish.
struct Delta<'a, T> {
    /// The changes.
    changes: Vec<(T, T)>,
    /// [Mark](Item::mark) of the value that the last of them gives to the marked key, where there are readers to see it.
    mark: u64,
    /// Where changes come from.
    source: Changes<T>,
    /// What is measured.
    swap: &'a Swap<'a>,
    /// The key that readers look at, if there are any.
    marked: Option<T>,
}

impl<'a, T: Item> Delta<'a, T> {
    /// Makes the first.
    fn new(swap: &'a Swap<'a>, keys: &Keys<T>, seen: bool) -> Self {
        let marked = seen.then(|| keys.key(MARKED));
        let changes = Vec::with_capacity(swap.delta);
        let mut delta = Self { changes, mark: 0, source: Changes::new(keys.clone()), swap, marked };
        delta.renew();
        delta
    }

    /// Makes the next: new values for random entries, and last for the marked key.
    fn renew(&mut self) {
        let random = self.swap.delta - usize::from(self.marked.is_some());
        self.changes.extend(iter::repeat_with(|| self.source.overwrite()).take(random));
        if let Some(key) = &self.marked {
            let value = T::nth(self.swap.marks.replace(self.swap.marks.get() + 1));
            self.mark = value.mark();
            self.changes.push((key.clone(), value));
        }
    }
}
