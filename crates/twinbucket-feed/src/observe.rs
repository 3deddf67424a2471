//! What tables tell others: metrics, spans and probes, each behind a feature.
//!
//! A [`Gauge`] belongs to one table and is read when somebody asks, so that nothing is counted per read of the table. It
//! holds no table open: when the last handle goes, it has nothing more to tell. [`METRICS`] lists what there is, by the
//! names that all adapters share; `docs/metrics.md` shows the same.
//!
//! | feature | adapter |
//! |---|---|
//! | `prometheus` | [`Prometheus`](prometheus::Prometheus), a collector that reads at a scrape |
//! | `metrics` | [`Facade`](facade::Facade), for whichever recorder the program has |
//! | `opentelemetry` | [`observe`](opentelemetry::observe), observable instruments on a meter |
//! | `tracing` | spans `load` and `publish`, targets `twinbucket_feed::*` |
//! | `usdt` | probes `twinbucket:load`, `twinbucket:publish` and `twinbucket:long_pin` |

#[cfg(feature = "metrics")]
pub mod facade;
mod long_pins;
mod metric;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
#[cfg(feature = "prometheus")]
pub mod prometheus;
pub(crate) mod tally;
pub(crate) mod trace;

use std::fmt;
use std::sync::Arc;

pub use self::long_pins::LongPins;
pub use self::metric::{METRICS, Metric, MetricKind, Reading};

/// What reads one table's metrics; see [`Table::gauge`](crate::Table::gauge). Holds no table open.
#[derive(Clone)]
pub struct Gauge {
    /// The table's name among others, for labels.
    name: Arc<str>,
    /// Reads them; `None` when the table is gone.
    read: Arc<dyn Fn() -> Option<Reading> + Send + Sync>,
}

impl Gauge {
    pub(crate) fn new(name: &str, read: impl Fn() -> Option<Reading> + Send + Sync + 'static) -> Self {
        Self { name: name.into(), read: Arc::new(read) }
    }

    /// Returns the table's name among others.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads all metrics now; `None` when the table is gone. Waits for a publish to settle its account, no longer.
    pub fn read(&self) -> Option<Reading> {
        (self.read)()
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("name", &self.name).finish_non_exhaustive()
    }
}
