//! How long the publishes of a table took.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use twinbucket::{Observer, Published};

/// Longest publish that is told from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// The durations of a table's publishes, to two digits.
#[derive(Debug)]
pub(crate) struct Swaps {
    /// The durations, in nanoseconds. Only the feed's thread writes, and only whoever looks at the status waits.
    took: Mutex<Histogram<u64>>,
}

impl Default for Swaps {
    fn default() -> Self {
        let most = u64::try_from(LONGEST.as_nanos()).expect("a minute has fewer nanoseconds");
        let took = Histogram::new_with_max(most, 2).expect("the bounds are in order, and two digits are allowed");
        Self { took: Mutex::new(took) }
    }
}

impl Swaps {
    /// Takes note of a publish.
    fn note(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.took.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(nanoseconds);
    }

    /// Returns their number and quantiles.
    pub(crate) fn to_json(&self) -> Value {
        let took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = |quantile: f64| (!took.is_empty()).then(|| took.value_at_quantile(quantile) as f64 / 1e3);
        json!({
            "count": took.len(),
            "p50_microseconds": micros(0.5),
            "p99_microseconds": micros(0.99),
            "max_microseconds": micros(1.0),
        })
    }
}

impl Observer for Swaps {
    fn published(&self, event: &Published) {
        self.note(event.duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_noted() {
        let swaps = Swaps::default();
        assert_eq!(swaps.to_json()["p50_microseconds"], Value::Null);
        (1..=100).for_each(|micros| swaps.note(Duration::from_micros(micros)));
        let json = swaps.to_json();
        let p50 = json["p50_microseconds"].as_f64().unwrap();
        assert!((49.0..=52.0).contains(&p50) && json["count"] == 100, "{json}");
        swaps.note(Duration::MAX);
    }
}
