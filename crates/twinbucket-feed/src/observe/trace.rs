//! Spans and probes on what the feed does; nothing without the features `tracing` and `usdt`.
//!
//! # Probes
//! With the feature `usdt` on Linux, tools that know SystemTap's probes see, at no cost while nobody looks:
//!
//! ```text
//! bpftrace -p PID -e 'usdt:*:twinbucket:publish { printf("generation %d in %d ns\n", arg0, arg1); }'
//! bpftrace -p PID -e 'usdt:*:twinbucket:load { @ms = hist(arg1 / 1000000); printf("well: %d\n", arg0); }'
//! bpftrace -p PID -e 'usdt:*:twinbucket:long_pin { printf("generation %d held for %d ns\n", arg0, arg1); }'
//! ```

use std::time::Duration;

use twinbucket::{Pin, Published};

use crate::RowError;

/// Calls `load` within a span that says whose load it is.
pub(crate) fn load<T, E: std::fmt::Display>(source: &str, load: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let began = std::time::Instant::now();
    let span = Span::load(source);
    let result = span.within(load);
    if let Err(error) = &result {
        span.note_error(error);
    }
    loaded(result.is_ok(), began.elapsed());
    result
}

/// Bad rows were left out of a load: says how many, and what is wrong with the first.
#[cfg(feature = "tracing")]
pub(crate) fn quarantined(source: &str, rows: usize, first: Option<&RowError>) {
    if let Some(first) = first {
        tracing::warn!(source, rows, %first, "bad rows were left out");
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn quarantined(_: &str, _: usize, _: Option<&RowError>) {}

/// Calls `publish` within a span.
pub(crate) fn publish<T>(publish: impl FnOnce() -> T) -> T {
    Span::publish().within(publish)
}

/// A span, if the feature is there.
struct Span {
    /// The span.
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

#[cfg(feature = "tracing")]
impl Span {
    fn load(source: &str) -> Self {
        Self { span: tracing::info_span!("load", source, error = tracing::field::Empty) }
    }

    fn publish() -> Self {
        Self { span: tracing::info_span!("publish") }
    }

    fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        self.span.in_scope(run)
    }

    fn note_error(&self, error: &impl std::fmt::Display) {
        self.span.record("error", tracing::field::display(error));
    }
}

#[cfg(not(feature = "tracing"))]
impl Span {
    fn load(_: &str) -> Self {
        Self {}
    }

    fn publish() -> Self {
        Self {}
    }

    fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        run()
    }

    fn note_error(&self, _: &impl std::fmt::Display) {}
}

/// Returns a time in nanoseconds, as probes have it.
#[cfg(feature = "usdt")]
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A look at the source has ended.
#[cfg(feature = "usdt")]
fn loaded(well: bool, took: Duration) {
    probe::probe!(twinbucket, load, usize::from(well), nanoseconds(took));
}

#[cfg(not(feature = "usdt"))]
fn loaded(_: bool, _: Duration) {}

/// A generation was published.
#[cfg(feature = "usdt")]
pub(crate) fn published(event: &Published) {
    probe::probe!(twinbucket, publish, event.generation.get(), nanoseconds(event.duration), event.entries);
}

#[cfg(not(feature = "usdt"))]
pub(crate) fn published(_: &Published) {}

/// A pin is held for too long.
#[cfg(feature = "usdt")]
pub(crate) fn long_pin(pin: &Pin) {
    probe::probe!(twinbucket, long_pin, pin.generation().get(), nanoseconds(pin.age()));
}

#[cfg(not(feature = "usdt"))]
pub(crate) fn long_pin(_: &Pin) {}
