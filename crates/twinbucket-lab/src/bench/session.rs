//! A run under way: whose turn it is, and what was found.
//!
//! This file knows rounds and measurements, and nothing of what a turn does.

use anyhow::Result;

use super::contestant::Contestant;
use crate::plan::Plan;
use crate::results::{Bench, Case, Latency, Measurement, Metric, Unit};
use crate::run::{Probe, Progress, Stop};
use crate::schedule::Times;

/// A run under way: what it shares with its benches.
pub(crate) struct Session<'a> {
    /// What to do.
    pub(super) plan: &'a Plan,
    /// Who hears how far it is.
    pub(super) progress: &'a dyn Progress,
    /// Whether it is to end.
    pub(super) stop: &'a Stop,
    /// Measures memory.
    pub(super) probe: Probe<'a>,
    /// What was found so far.
    found: Vec<Measurement>,
}

/// One bench over one table.
pub(crate) trait Job {
    /// Returns how often [`Session::begins`] will be called.
    fn turns(&self, plan: &Plan) -> u64;

    /// Runs it, or as much of it as there is time for before the run is to stop.
    fn run(self: Box<Self>, session: &mut Session<'_>) -> Result<()>;
}

/// What one turn found.
pub(super) struct Reading {
    /// Under which circumstances.
    pub(super) case: Case,
    /// What was measured.
    pub(super) metric: Metric,
    /// Unit of `value`.
    pub(super) unit: Unit,
    /// The figure; of latencies, the median.
    pub(super) value: f64,
    /// The latencies.
    pub(super) latency: Option<Latency>,
}

impl<'a> Session<'a> {
    /// Starts a run.
    pub(crate) fn new(plan: &'a Plan, progress: &'a dyn Progress, stop: &'a Stop, probe: Probe<'a>) -> Self {
        Self { plan, progress, stop, probe, found: Vec::new() }
    }

    /// Runs the jobs and returns what they found.
    pub(crate) fn run(mut self, jobs: Vec<Box<dyn Job + '_>>) -> Result<Vec<Measurement>> {
        self.progress.begin(jobs.iter().map(|job| job.turns(self.plan)).sum());
        for job in jobs {
            job.run(&mut self)?;
        }
        Ok(self.found)
    }

    /// Says what comes next; `false` if nothing does, as the run is to stop.
    pub(super) fn begins(&self, what: impl FnOnce() -> String) -> bool {
        let goes_on = !self.stop.asked();
        if goes_on {
            self.progress.turn(&what());
        }
        goes_on
    }

    /// Calls `turn` for each of `count` contestants in every round, in an order that rotates, and keeps what it found.
    pub(super) fn rounds(
        &mut self,
        bench: Bench,
        count: usize,
        what: impl Fn(usize) -> String,
        mut turn: impl FnMut(usize, u32) -> Result<(Contestant, Vec<Reading>)>,
    ) -> Result<()> {
        for round in 0..self.plan.rounds {
            for place in 0..count {
                let which = (place + round as usize) % count;
                if !self.begins(|| what(which)) {
                    return Ok(());
                }
                let result = turn(which, round);
                if self.stop.asked() {
                    return Ok(()); // Even if the turn failed: whoever asks may have ended a process that it needs, too.
                }
                let (who, readings) = result?;
                readings.into_iter().for_each(|reading| self.record(bench, who, reading));
            }
        }
        Ok(())
    }

    /// Adds a reading to the measurement that it belongs to.
    fn record(&mut self, bench: Bench, who: Contestant, reading: Reading) {
        let Reading { case, metric, unit, value, latency } = reading;
        let same = |found: &&mut Measurement| {
            (found.bench, found.metric) == (bench, metric) && found.rival == who.id && found.case == case
        };
        // The newest first, as it is the likeliest.
        if let Some(found) = self.found.iter_mut().rev().find(same) {
            found.rounds.push(value);
            if let (Some(sum), Some(latency)) = (&mut found.latency, &latency) {
                sum.add(latency);
            }
            return;
        }
        let (rival, name) = (who.id.to_owned(), who.name.to_owned());
        self.found.push(Measurement { bench, metric, rival, name, case, unit, rounds: vec![value], latency });
    }
}

impl Reading {
    /// Makes one of latencies; none if there are no latencies.
    pub(super) fn latency(case: &Case, metric: Metric, times: Times) -> Option<Self> {
        let value = times.median(metric.counted())?;
        let latency = Some(times.into_latency());
        Some(Self { case: case.clone(), metric, unit: Unit::Nanos, value, latency })
    }

    /// Makes one of a plain figure.
    pub(super) fn plain(case: &Case, metric: Metric, unit: Unit, value: f64) -> Self {
        Self { case: case.clone(), metric, unit, value, latency: None }
    }
}
