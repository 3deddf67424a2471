//! When to ask again: after the interval if all is well, and ever later while it is not.
//!
//! All times are spread at random, so that many processes that started together, or saw the same failure, do not ask
//! together.

use std::time::Duration;

use fastrand::Rng;

/// The least first pause after a failure, unless the interval is shorter.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Counts failures, and tells how long to wait.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    /// The pause while all is well.
    interval: Duration,
    /// The longest pause after a failure.
    pub(super) longest: Duration,
    /// Failures since the last success.
    failures: u32,
    /// How long the server asked to be left alone, with its last failure.
    asked: Option<Duration>,
    /// Spreads the pauses.
    rng: Rng,
}

impl Backoff {
    pub(super) fn new(interval: Duration, longest: Duration, rng: Rng) -> Self {
        Self { interval, longest, failures: 0, asked: None, rng }
    }

    /// Takes note of a success.
    pub(super) fn succeeded(&mut self) {
        (self.failures, self.asked) = (0, None);
    }

    /// Takes note of a failure, and of how long the server asked to be left alone.
    pub(super) fn failed(&mut self, asked: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        self.asked = asked;
    }

    /// Returns how long to wait: within a tenth of the interval if all is well; after failures, at random from half to
    /// all of a time that doubles from failure to failure; and what the server asked for, or up to a tenth more.
    pub(super) fn pause(&mut self) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else {
            let tenth = self.interval / 10;
            return (self.interval - tenth).saturating_add(self.share(tenth * 2));
        };
        let first = (self.interval / 10).max(LEAST_PAUSE).min(self.interval);
        let full = first.saturating_mul(1 << doublings.min(31)).min(self.longest);
        let pause = full / 2 + self.share(full / 2);
        match self.asked.map(|asked| asked.min(self.longest)) {
            Some(asked) => pause.max(asked.saturating_add(self.share(asked / 10))),
            None => pause,
        }
    }

    /// Returns a random part of `time`.
    fn share(&mut self, time: Duration) -> Duration {
        time.mul_f64(self.rng.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `Backoff` with pauses that are the same in each run.
    fn backoff(interval: u64, longest: u64) -> Backoff {
        Backoff::new(Duration::from_secs(interval), Duration::from_secs(longest), Rng::with_seed(7))
    }

    /// The least and the greatest of many pauses, in seconds.
    fn range(backoff: &mut Backoff) -> (f64, f64) {
        let pauses = (0..2_000).map(|_| backoff.pause().as_secs_f64());
        pauses.fold((f64::INFINITY, 0.0), |(low, high), pause| (low.min(pause), high.max(pause)))
    }

    /// Asserts that pauses are spread over that range, and over nearly all of it.
    fn assert_spread(backoff: &mut Backoff, least: f64, most: f64) {
        let (low, high) = range(backoff);
        let slack = (most - least) / 50.0;
        assert!(low >= least && low <= least + slack, "the least pause is {low} s, not about {least}");
        assert!(high <= most && high >= most - slack, "the greatest pause is {high} s, not about {most}");
    }

    #[test]
    fn polls_are_spread_by_a_tenth_of_the_interval() {
        assert_spread(&mut backoff(30, 300), 27.0, 33.0);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_start_anew_after_a_success() {
        let mut backoff = backoff(30, 20);
        for (least, most) in [(1.5, 3.0), (3.0, 6.0), (6.0, 12.0), (10.0, 20.0), (10.0, 20.0)] {
            backoff.failed(None);
            assert_spread(&mut backoff, least, most);
        }
        backoff.succeeded();
        backoff.failed(None);
        assert_spread(&mut backoff, 1.5, 3.0);
    }

    #[test]
    fn the_first_pause_is_a_second_or_the_interval_where_a_tenth_of_it_is_less() {
        let mut short = backoff(4, 300);
        short.failed(None);
        assert_spread(&mut short, 0.5, 1.0);
        let mut shorter = Backoff::new(Duration::from_millis(100), Duration::from_secs(300), Rng::with_seed(7));
        shorter.failed(None);
        assert_spread(&mut shorter, 0.05, 0.1);
    }

    #[test]
    fn a_server_that_asks_to_be_left_alone_is_left_alone_but_not_for_longer_than_the_longest() {
        let mut backoff = backoff(30, 300);
        backoff.failed(Some(Duration::from_secs(100)));
        assert_spread(&mut backoff, 100.0, 110.0);
        backoff.failed(Some(Duration::from_secs(1_000_000)));
        assert_spread(&mut backoff, 300.0, 330.0);
        backoff.failed(None);
        assert_spread(&mut backoff, 6.0, 12.0);
    }

    #[test]
    fn neither_many_failures_nor_great_times_overflow() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX, Rng::with_seed(7));
        assert!(backoff.pause() >= Duration::MAX / 10 * 9 - Duration::from_secs(1));
        for _ in 0..100 {
            backoff.failed(Some(Duration::MAX));
        }
        backoff.failures = u32::MAX;
        backoff.failed(Some(Duration::MAX));
        assert!(backoff.pause() >= Duration::MAX / 2);
    }
}
