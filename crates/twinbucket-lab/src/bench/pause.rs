//! Latency of readers while publishes go on, against the same without.
//!
//! Every core but one has a thread that looks keys up at the plan's rate; the last is left for the publisher. A turn has two
//! halves: in the first nobody publishes, in the second a delta is due at the plan's rate, or full reloads follow each other
//! that change every tenth entry. Beside the rivals stands the machine itself: the floor keeps the same schedule and looks nothing up, so that what it shows is the jitter of the clock,
//! the scheduler and whatever else runs there.

use std::hint::black_box;
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::contestant::{Contestant, ways};
use super::feed::{self, Feed};
use super::session::Reading;
use super::{EndsWithMe, SEED, Trial, Turn, cores, key_count, spread_name};
use crate::item::Item;
use crate::plan::Plan;
use crate::results::{Case, Metric};
use crate::rivals::{Lookups, Rival, Selected};
use crate::run::Stop;
use crate::schedule::{Schedule, Times};
use crate::workload::{Changes, Keys, Spread};

/// Changes in one publish, as far as there are entries to change.
const DELTA: u64 = 100;
/// Lookups before the first that counts.
const WARM_UP: usize = 1 << 12;
/// Longer than any turn.
const AGES: Duration = Duration::from_secs(1 << 20);

/// The machine without a map.
const FLOOR: Contestant = Contestant { table: None, way: 0, id: "floor", name: "machine's jitter" };

/// Lookups while publishes go on, and without.
struct Pause<'a, T> {
    /// What to do.
    plan: &'a Plan,
    /// The circumstances of the half without publishes.
    quiet: Case,
    /// The circumstances of the other half.
    busy: Case,
    /// How keys are chosen.
    spread: Spread,
    /// The keys looked up.
    lookups: Vec<T>,
    /// A table with a feed, where full reloads are measured.
    feed: Option<Feed<T>>,
}

/// Returns a trial for each distribution of keys.
pub(super) fn trials<'a, T: Item>(plan: &'a Plan, case: &Case) -> Vec<Box<dyn Trial<T> + 'a>> {
    let trial = |&spread: &Spread| -> Box<dyn Trial<T> + 'a> {
        let publishing = |word: &str| Case {
            threads: Some(readers() as u64),
            keys: Some(spread_name(spread)),
            publishing: Some(word.to_owned()),
            ..case.clone()
        };
        let busy = publishing(if plan.reloads { "reload" } else { "yes" });
        Box::new(Pause { plan, quiet: publishing("no"), busy, spread, lookups: Vec::new(), feed: None })
    };
    plan.spreads.iter().map(trial).collect()
}

/// Returns how many threads look up.
fn readers() -> usize {
    (cores() - 1).max(1)
}

impl<T: Item> Trial<T> for Pause<'_, T> {
    fn case(&self) -> &Case {
        &self.busy
    }

    fn contestants(&self, rivals: &[Selected<T>]) -> Vec<Contestant> {
        let mut contestants = ways(rivals, |kind, way| kind.concurrent && way.follows);
        contestants.extend(self.plan.reloads.then_some(feed::CONTESTANT));
        contestants.push(FLOOR);
        contestants
    }

    fn prepare(&mut self, keys: &Keys<T>) {
        self.lookups = keys.hits(key_count(keys.n()), self.spread, SEED);
        self.feed = self.plan.reloads.then(|| Feed::new(keys));
    }

    fn turn(&self, turn: &Turn<'_, T>) -> Result<Vec<Reading>> {
        let mut readings = Vec::new();
        readings.extend(Reading::latency(&self.quiet, Metric::Lookup, self.read(turn)));
        if turn.who.id != FLOOR.id {
            let over = Stop::new();
            let times = thread::scope(|scope| {
                let _end = EndsWithMe(&over);
                scope.spawn(|| self.disturb(turn, &over));
                self.read(turn)
            });
            readings.extend(Reading::latency(&self.busy, Metric::Lookup, times));
        }
        Ok(readings)
    }
}

impl<T: Item> Pause<'_, T> {
    /// Publishes until it is over.
    fn disturb(&self, turn: &Turn<'_, T>, over: &Stop) {
        match turn.table {
            Some(rival) if self.plan.reloads => reload(rival, turn.keys, over),
            Some(rival) => self.publish(rival, turn.keys, over),
            None => self.feed().reload(over),
        }
    }

    /// Publishes at the plan's rate until it is over.
    fn publish(&self, rival: &dyn Rival<T>, keys: &Keys<T>, over: &Stop) {
        let mut source = Changes::new(keys.clone());
        let count = DELTA.min(keys.n()) as usize;
        let mut changes = source.overwrites(count);
        let mut schedule = Schedule::new(self.plan.publish_rate, Instant::now(), AGES, over);
        while schedule.next().is_some() {
            rival.publish(&mut changes);
            changes = source.overwrites(count);
        }
    }

    /// Returns the table with a feed.
    ///
    /// # Panics
    /// If no reloads are measured.
    fn feed(&self) -> &Feed<T> {
        self.feed.as_ref().expect("the contestant without a table that is no floor is the feed")
    }

    /// Makes a reader of the contestant; the floor has none.
    fn reader<'a>(&'a self, turn: &'a Turn<'_, T>) -> Option<Box<dyn Lookups<T> + 'a>> {
        match turn.table {
            Some(table) => Some(table.reader(turn.who.way)),
            None if turn.who.id == feed::CONTESTANT.id => Some(self.feed().reader()),
            None => None,
        }
    }

    /// Looks up by all threads for half of a turn.
    fn read(&self, turn: &Turn<'_, T>) -> Times {
        let threads = readers();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || self.look_up(turn, thread))).collect();
            let each = threads.into_iter().map(|thread| thread.join().expect("lookups do not panic"));
            each.fold(Times::new(), |sum, times| sum.with(&times))
        })
    }

    /// Looks keys up as they are due: in the table if there is one.
    fn look_up(&self, turn: &Turn<'_, T>, thread: usize) -> Times {
        let mut reader = self.reader(turn);
        if let Some(reader) = &mut reader {
            black_box(reader.sum(&self.lookups[..WARM_UP]));
        }
        let mut keys = self.lookups.iter().cycle().skip(thread * self.lookups.len() / readers());
        Schedule::new(self.plan.lookup_rate, Instant::now(), self.plan.turn / 2, turn.stop).perform(|| {
            let key = black_box(keys.next().expect("a cycle has no end"));
            if let Some(reader) = &mut reader {
                black_box(reader.sum(slice::from_ref(key)));
            }
        })
    }
}

/// Reloads the whole table until it is over: the version it has, with the values of every tenth entry changed.
fn reload<T: Item>(rival: &dyn Rival<T>, keys: &Keys<T>, over: &Stop) {
    for version in 1.. {
        if over.asked() {
            return;
        }
        rival.reload(&mut keys.revised(version));
    }
}
