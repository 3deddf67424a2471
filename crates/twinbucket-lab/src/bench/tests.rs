//! Benches on a rival that is slow on purpose.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use twinbucket_alternatives::{ConcurrentMap, RwLockMap};

use super::*;
use crate::plan::{Finds, Hold, Mix};
use crate::results::{Latency, Measurement, Metric};
use crate::rivals::{Kind, Lookups, View, Way};
use crate::run::{Probe, Progress};

/// How long the slow rival takes to publish, while it lets no one in.
const SLOW: Duration = Duration::from_millis(10);

/// A map that sleeps in each publish, with its lock held.
struct Sluggish(RwLock<HashMap<u64, u64>>);

/// Its reader.
struct SluggishReader<'a>(&'a Sluggish);

/// What the lab is told about it.
const SLUGGISH: Kind<u64> = Kind {
    id: "sluggish",
    name: "a sluggish map",
    ways: &[Way { id: "sluggish", name: "a sluggish map", follows: true }],
    promises: <RwLockMap<u64, u64> as ConcurrentMap<u64, u64>>::CAPABILITIES,
    all_at_once: true,
    concurrent: true,
    build: |entries| Box::new(Sluggish(RwLock::new(entries.collect()))),
};

impl Lookups<u64> for SluggishReader<'_> {
    fn sum(&mut self, keys: &[u64]) -> u64 {
        keys.iter().filter_map(|key| self.mark(key)).fold(0, u64::wrapping_add)
    }

    fn mark(&mut self, key: &u64) -> Option<u64> {
        self.0.0.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }
}

impl Rival<u64> for Sluggish {
    fn reader(&self, _way: usize) -> Box<dyn Lookups<u64> + '_> {
        Box::new(SluggishReader(self))
    }

    fn publish_staged(&self, changes: &mut Vec<(u64, u64)>, staged: &mut dyn FnMut()) {
        staged();
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        thread::sleep(SLOW);
        map.extend(changes.drain(..));
    }

    fn reload(&self, _entries: &mut dyn Iterator<Item = (u64, u64)>) {
        unimplemented!("no bench here reloads");
    }

    fn walk(&self) -> u64 {
        unimplemented!("no bench here walks");
    }

    fn hold(&self) -> Option<Box<dyn View<u64> + '_>> {
        None
    }

    fn linger(&self, _key: &u64, _meanwhile: &mut dyn FnMut()) {
        unimplemented!("no bench here has a slow reader");
    }

    fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Hears nothing.
struct Deaf;

impl Progress for Deaf {
    fn begin(&self, _turns: u64) {}

    fn turn(&self, _what: &str) {}

    fn note(&self, _what: &str) {}
}

/// Measures the slow rival for 200 ms: 100 ms in each half of the turn.
fn sluggish(bench: Bench, publish_rate: f64) -> Vec<Measurement> {
    let plan = Plan {
        benches: vec![bench],
        rivals: Vec::new(),
        contents: vec![Contents::U64],
        entries: vec![1_000],
        deltas: vec![1],
        holds: vec![Hold::None],
        threads: vec![1],
        spreads: vec![Spread::Uniform],
        finds: vec![Finds::Hits],
        mixes: vec![Mix(500)],
        tasks: vec![1],
        rounds: 1,
        turn: Duration::from_millis(200),
        publish_rate,
        reloads: false,
        lookup_rate: 5_000.0,
    };
    let case = Case { item: "u64".to_owned(), n: 1_000, ..Case::default() };
    let rivals = vec![Selected { kind: SLUGGISH, ways: vec![0] }];
    let jobs = tables(&plan, bench, Keys::made(1_000), case, rivals).expect("the table fits into memory");
    let probe: Probe<'_> = &|_| unimplemented!("no bench here is for memory");
    Session::new(&plan, &Deaf, &Stop::new(), probe).run(jobs).expect("the bench runs")
}

/// Returns the quantile of latencies of the slow rival, from when operations began and from when they were due.
fn quantiles(found: &[Measurement], metric: Metric, quantile: f64) -> (u64, u64) {
    let mut all = found.iter().filter(|found| found.metric == metric && found.rival == "sluggish");
    let latency = all.next_back().and_then(|found| found.latency.as_ref()).expect("it was measured");
    let corrected = latency.corrected.as_ref().expect("there is a schedule");
    (latency.raw.value_at_quantile(quantile), corrected.value_at_quantile(quantile))
}

#[test]
fn publishes_that_queue_up_show_from_when_they_were_due() {
    let found = sluggish(Bench::Swap, 1_000.0);
    for metric in [Metric::Publish, Metric::Visible] {
        let (shortest, _) = quantiles(&found, metric, 0.0);
        assert!(shortest >= SLOW.as_nanos() as u64, "{metric}: a publish takes its time, not {shortest} ns");
        let (_, corrected) = quantiles(&found, metric, 1.0);
        assert!(corrected >= 2 * SLOW.as_nanos() as u64, "{metric}: the queue does not show: {corrected} ns");
    }
    let (raw, corrected) = quantiles(&found, Metric::Publish, 0.9);
    assert!(corrected > 3 * raw, "nine publishes wait for each other: {raw} ns, {corrected} ns");
}

#[test]
fn lookups_that_wait_for_a_publish_hide_in_raw_latencies_and_show_in_corrected_ones() {
    let found = sluggish(Bench::Pause, 60.0);
    let (raw, corrected) = quantiles(&found, Metric::Lookup, 0.75);
    assert!(corrected > 20 * raw, "a publish is in the way for more than half of the time: {raw} ns, {corrected} ns");
    assert!(quantiles(&found, Metric::Lookup, 1.0).0 > SLOW.as_nanos() as u64 / 2, "no lookup met a publish");
}

#[test]
fn writes_of_tasks_show_from_when_they_were_due_that_they_queue_up() {
    let found = sluggish(Bench::Mixed, 1.0);
    let (raw, corrected) = quantiles(&found, Metric::Write, 0.5);
    assert!(raw >= SLOW.as_nanos() as u64 && corrected >= 2 * raw, "{raw} ns, {corrected} ns");
    let writes = found.iter().find(|found| found.metric == Metric::Write).expect("half of the operations are writes");
    assert_eq!(writes.rounds, [corrected as f64], "the median of the round counts the wait");
    let Latency { raw, corrected } = writes.latency.as_ref().expect("it is a latency");
    let due = corrected.as_ref().expect("there is a schedule").len();
    assert!(raw.len() < due, "of {due} that were due, {} began", raw.len());
}
