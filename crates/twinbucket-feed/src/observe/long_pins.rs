//! What to do about read buckets that are held for long: they keep old versions in memory.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use twinbucket::Pin;

use super::tally::Tally;

/// What to do about read buckets that are held for longer than a limit. Each is reported once, and counted as
/// `twinbucket_long_pins_total`.
///
/// With this, each read bucket taken is a pin of its own that knows its age and the place that took it, for one
/// allocation; a [`Reader`](twinbucket::Reader) only pays when something was published.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use twinbucket_feed::LongPins;
///
/// let report = LongPins::after(Duration::from_secs(60))
///     .report(|pin| eprintln!("generation {} held for {:?} by {:?}", pin.generation(), pin.age(), pin.location()))
///     .dump("pins.txt");
/// # let _ = report;
/// ```
#[derive(Clone)]
pub struct LongPins {
    /// How long is long.
    pub(crate) limit: Duration,
    /// Who is told of each.
    reports: Vec<Report>,
    /// Where to list all pins.
    dump: Option<PathBuf>,
}

/// Is told of a pin.
type Report = Arc<dyn Fn(&Pin) + Send + Sync>;

impl LongPins {
    /// Counts read buckets that are held for longer than `limit`.
    pub fn after(limit: Duration) -> Self {
        Self { limit, reports: Vec::new(), dump: None }
    }

    /// Also calls `report` for each, on a thread of the table's own.
    #[must_use]
    pub fn report(mut self, report: impl Fn(&Pin) + Send + Sync + 'static) -> Self {
        self.reports.push(Arc::new(report));
        self
    }

    /// Also logs each, as a warning with the place that took it.
    #[cfg(feature = "tracing")]
    #[must_use]
    pub fn log(self) -> Self {
        self.report(|pin| {
            let location = pin.location().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(generation = pin.generation().get(), age = ?pin.age(), location, "a read bucket is held for long");
        })
    }

    /// Also lists all pins of the table in a file, which is replaced as a whole.
    ///
    /// A list that cannot be written is counted as `twinbucket_pin_list_failures_total` and logged (feature `tracing`), and
    /// the file stays as it was. Tables may share a file: it has the list of the one that wrote last.
    #[must_use]
    pub fn dump(mut self, path: impl AsRef<Path>) -> Self {
        self.dump = Some(path.as_ref().to_owned());
        self
    }

    /// Acts on one that is held for too long; `pins` are all there are, which is asked only for a list.
    pub(crate) fn act(&self, pin: &Pin, pins: impl FnOnce() -> Vec<Pin>, tally: &Tally) {
        if let Some(path) = &self.dump {
            if let Err(error) = write_list(path, &pins()) {
                tally.list_failed();
                not_written(path, &error);
            }
        }
        for report in &self.reports {
            report(pin);
        }
    }
}

/// Lists pins in a file, the oldest first, by way of another file beside it.
fn write_list(path: &Path, pins: &[Pin]) -> io::Result<()> {
    let mut pins: Vec<&Pin> = pins.iter().collect();
    pins.sort_by_key(|pin| std::cmp::Reverse(pin.age()));
    let mut text = Vec::new();
    for pin in pins {
        let location = pin.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let age = pin.age().as_secs_f64();
        writeln!(
            text,
            "generation {} held for {age:.3} s by {} holders, taken at {location}",
            pin.generation(),
            pin.holders()
        )?;
    }
    // Another table may write its list at the same time.
    static LISTS: AtomicU64 = AtomicU64::new(0);
    let number = LISTS.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}-{number}", process::id()));
    let beside = path.with_file_name(name);
    let replace = || {
        fs::write(&beside, text)?;
        fs::rename(&beside, path)
    };
    // What is half written helps nobody, and the disk may be full.
    replace().inspect_err(|_| _ = fs::remove_file(&beside))
}

#[cfg(feature = "tracing")]
fn not_written(path: &Path, error: &io::Error) {
    tracing::error!(path = %path.display(), %error, "the list of pins cannot be written; check the path and its permissions");
}

#[cfg(not(feature = "tracing"))]
fn not_written(_: &Path, _: &io::Error) {}

impl fmt::Debug for LongPins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongPins").field("limit", &self.limit).field("dump", &self.dump).finish_non_exhaustive()
    }
}
