//! When operations are due, and how long they take, counted from when they began and from when they were due.
//!
//! A schedule is open: what is due does not wait for what went before to end, as requests of users do not. An operation that
//! is late because the one before took long has therefore waited, and the time from when it was due says so. Counting from
//! when it began hides that ("coordinated omission", Gil Tene). Both are recorded. What was due and never began, as the time was
//! over, has waited too, at least until then; that is recorded from when it was due.
//!
//! # Waiting
//! Until 100 µs before an operation is due, the thread sleeps; then it spins, as a sleep ends 50 µs late and more. So a rate
//! above 10,000 per second keeps a core busy.

use std::hint;
use std::iter;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::results::{Latency, histogram};
use crate::run::Stop;

/// How long before the end of a wait the sleep ends and spinning begins.
const SPIN: Duration = Duration::from_micros(100);
/// How long a thread sleeps at most before it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(20);

/// Times at which operations are due, evenly spaced.
#[derive(Debug)]
pub(crate) struct Schedule<'a> {
    /// When the next operation is due.
    due: Instant,
    /// From one due time to the next.
    interval: Duration,
    /// No operation begins later, but for the first.
    end: Instant,
    /// Whether no operation was handed out yet.
    fresh: bool,
    /// Ends the schedule at once.
    stop: &'a Stop,
}

impl<'a> Schedule<'a> {
    /// Makes a schedule of `rate` operations per second from `begin` on, for `length`.
    ///
    /// # Panics
    /// If the rate is not positive, or below one in centuries.
    pub(crate) fn new(rate: f64, begin: Instant, length: Duration, stop: &'a Stop) -> Self {
        Self { due: begin, interval: Duration::from_secs_f64(1.0 / rate), end: begin + length, fresh: true, stop }
    }

    /// Waits until the next operation is due and returns that time; returns at once if it is overdue.
    ///
    /// Returns `None` when the time is over or the run is to stop. There is always a first operation unless the run is to stop.
    /// What is due by then and did not begin is left to [`overdue`](Self::overdue).
    pub(crate) fn next(&mut self) -> Option<Instant> {
        let over = self.due.max(Instant::now()) >= self.end && !self.fresh;
        if over || !wait_until(self.due, self.stop) {
            return None;
        }
        self.fresh = false;
        let due = self.due;
        self.due += self.interval;
        Some(due)
    }

    /// Performs an operation each time that one is due, to the end of the schedule, and returns how long they took.
    pub(crate) fn perform(mut self, mut operation: impl FnMut()) -> Times {
        let mut times = Times::new();
        while let Some(due) = self.next() {
            let begin = Instant::now();
            operation();
            times.record(due, begin, Instant::now());
        }
        self.overdue().for_each(|waited| times.wait(waited));
        times
    }

    /// Hands out what was due within the time and did not begin: how long each operation has waited by now.
    pub(crate) fn overdue(&mut self) -> impl Iterator<Item = Duration> + use<> {
        let now = Instant::now();
        let (first, interval, end) = (self.due, self.interval, self.end.min(now));
        let due = iter::successors(Some(first), move |due| Some(*due + interval));
        self.due = self.due.max(end);
        due.take_while(move |due| *due < end).map(move |due| now - due)
    }

    /// Takes out of the schedule what was done between the end of an operation and now, as far as it makes the next one late:
    /// preparing a change is not the rival's work.
    pub(crate) fn excuse(&mut self, ended: Instant) {
        let late = Instant::now().saturating_duration_since(self.due.max(ended));
        self.due += late;
        self.end += late;
    }
}

/// Waits until `due`; `false` if the run is to stop.
fn wait_until(due: Instant, stop: &Stop) -> bool {
    loop {
        if stop.asked() {
            return false;
        }
        let left = due.saturating_duration_since(Instant::now());
        match left.checked_sub(SPIN) {
            _ if left.is_zero() => return true,
            Some(far) if !far.is_zero() => thread::sleep(far.min(NAP)),
            _ => hint::spin_loop(),
        }
    }
}

/// From when a latency is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// From when the operation began.
    FromBegin,
    /// From when it was due.
    FromDue,
}

/// Latencies of the operations of a schedule, in nanoseconds.
///
/// They include reading the clock, some 25 ns.
#[derive(Debug)]
pub(crate) struct Times {
    /// From when each began.
    raw: Histogram<u64>,
    /// From when each was due.
    corrected: Histogram<u64>,
}

impl Times {
    /// Makes a record of nothing.
    pub(crate) fn new() -> Self {
        Self { raw: histogram(), corrected: histogram() }
    }

    /// Records an operation.
    pub(crate) fn record(&mut self, due: Instant, began: Instant, ended: Instant) {
        let nanos = |from: Instant| ended.saturating_duration_since(from).as_nanos().max(1) as u64;
        self.raw += nanos(began);
        self.corrected += nanos(due);
    }

    /// Records that an operation has waited so long and did not begin.
    pub(crate) fn wait(&mut self, waited: Duration) {
        self.corrected += waited.as_nanos().max(1) as u64;
    }

    /// Adds what another thread recorded.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.raw += &other.raw;
        self.corrected += &other.corrected;
        self
    }

    /// Returns the median from when operations began, or from when they were due; `None` if none began.
    pub(crate) fn median(&self, counted: Counted) -> Option<f64> {
        let times = match counted {
            Counted::FromBegin => &self.raw,
            Counted::FromDue => &self.corrected,
        };
        (!self.raw.is_empty()).then(|| times.value_at_quantile(0.5) as f64)
    }

    /// Returns both records.
    pub(crate) fn into_latency(self) -> Latency {
        Latency { raw: self.raw, corrected: Some(self.corrected) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs operations that each take `cost`.
    fn latency(rate: f64, length: Duration, cost: Duration) -> Latency {
        let stop = Stop::new();
        Schedule::new(rate, Instant::now(), length, &stop).perform(|| thread::sleep(cost)).into_latency()
    }

    #[test]
    fn operations_that_queue_up_show_from_when_they_were_due_only() {
        let cost = Duration::from_millis(5);
        let latency = latency(1_000.0, Duration::from_millis(200), cost);
        let corrected = latency.corrected.expect("there is a schedule");
        // Forty fit into the time, and 5 ms after the other each is 4 ms later; on a busy machine there are fewer, later.
        assert!(latency.raw.value_at_quantile(0.5) < corrected.value_at_quantile(0.5) / 4, "the queue does not show");
        assert!(
            corrected.max() > Duration::from_millis(100).as_nanos() as u64,
            "the last one waited for most of the time"
        );
        assert!(latency.raw.len() <= 41, "{} began", latency.raw.len());
        assert_eq!(corrected.len(), 200, "whatever was due counts, also what did not begin");
    }

    #[test]
    fn what_is_overdue_has_waited_since_it_was_due_and_is_told_once() {
        let stop = Stop::new();
        let begin = Instant::now();
        let mut schedule = Schedule::new(1_000.0, begin, Duration::from_millis(10), &stop);
        schedule.next().expect("the first");
        thread::sleep(Duration::from_millis(30));
        let waited: Vec<Duration> = schedule.overdue().collect();
        assert_eq!(waited.len(), 9, "{waited:?}");
        assert!(waited[0] >= Duration::from_millis(29) && waited[0] - waited[8] == Duration::from_millis(8));
        assert_eq!(schedule.overdue().count(), 0);
    }

    #[test]
    fn what_is_due_later_is_not_overdue() {
        let stop = Stop::new();
        let mut schedule = Schedule::new(10.0, Instant::now(), Duration::from_secs(1), &stop);
        schedule.next().expect("the first");
        assert_eq!(schedule.overdue().count(), 0);
    }

    #[test]
    fn operations_that_keep_up_are_all_performed_and_none_before_it_is_due() {
        let stop = Stop::new();
        let begin = Instant::now();
        let mut schedule = Schedule::new(500.0, begin, Duration::from_millis(50), &stop);
        let mut count = 0;
        while let Some(due) = schedule.next() {
            assert!(Instant::now() >= due && due == begin + count * Duration::from_millis(2));
            count += 1;
        }
        assert!((1..=25).contains(&count), "{count}");
    }

    #[test]
    fn first_operation_comes_even_if_its_time_is_over() {
        let stop = Stop::new();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(1)).expect("the machine runs for longer");
        let mut schedule = Schedule::new(10.0, long_ago, Duration::from_millis(1), &stop);
        assert_eq!((schedule.next(), schedule.next()), (Some(long_ago), None));
    }

    #[test]
    fn preparations_do_not_make_the_next_operation_late() {
        let stop = Stop::new();
        let mut schedule = Schedule::new(1_000.0, Instant::now(), Duration::from_millis(10), &stop);
        schedule.next().expect("the first");
        let ended = Instant::now();
        thread::sleep(Duration::from_millis(30));
        let prepared = Instant::now();
        schedule.excuse(ended);
        assert!(schedule.next().expect("the time that the preparation took is added") >= prepared);
    }

    #[test]
    fn stop_ends_a_wait_long_before_it_is_over() {
        let stop = Stop::new();
        let begin = Instant::now() + Duration::from_secs(600);
        let waited = thread::scope(|scope| {
            let waiting = scope.spawn(|| Schedule::new(1.0, begin, Duration::from_secs(1), &stop).next());
            thread::sleep(Duration::from_millis(30));
            stop.ask();
            waiting.join().expect("waiting does not panic")
        });
        assert_eq!(waited, None);
    }
}
