//! A store and a table under load for a long time: memory, retired leaves and the readers' p99.9 stay where they were.
//!
//! Runs for some seconds, or for `SOAK_SECONDS`: verification/soak.sh runs it longer. The run is cut into windows of one
//! length. The first is for warming up; of the others the last third is compared with the first.

#![cfg(all(feature = "csv", feature = "file", target_os = "linux"))]

/// The threads that make the load.
mod load;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use twinbucket::Store;
use twinbucket_feed::format::Csv;
use twinbucket_feed::{File, Table};

use crate::load::{Latencies, Subject, Value};

/// Length of a run in seconds, unless `SOAK_SECONDS` says otherwise.
const SECONDS: u64 = 5;
/// Windows that are compared.
const WINDOWS: u32 = 12;
/// Looks at memory and retired leaves in a window.
const LOOKS: u32 = 10;
/// Memory in use may grow by this factor.
const MOST_MEMORY: f64 = 1.1;
/// So many retired leaves are no growth, whatever the factor.
const FEW_LEAVES: u64 = 1_000;
/// The most retired leaves may grow by this factor.
const MOST_LEAVES: f64 = 2.0;
/// The readers' p99.9 may grow by this factor, beside a bare map's in the same window.
const MOST_DRIFT: f64 = 1.5;
/// Windows shorter than this say nothing of a p99.9.
const SHORTEST_FOR_DRIFT: Duration = Duration::from_secs(4);

/// What was seen in one window.
#[derive(Debug)]
struct Window {
    /// Median of the memory in use, in bytes.
    resident: u64,
    /// Most retired leaves, of store and table.
    retired: u64,
    /// p99.9 of a lookup through a reader, in nanoseconds.
    reader: u64,
    /// p99.9 of a lookup in a bare map, in nanoseconds.
    bare: u64,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident, retired, reader, bare } = self;
        write!(f, "{:8.1} MB {retired:8} retired leaves", *resident as f64 / 1e6)?;
        write!(f, "   p99.9: reader {reader} ns, bare map {bare} ns")
    }
}

/// Memory of this process that is in use, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has this file");
    let pages: u64 =
        statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).expect("the second is a number");
    pages * rustix::param::page_size() as u64
}

/// The middle one.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

/// Looks on while the load goes on for `length`.
fn watch(subject: &Subject<'_>, latencies: &Latencies, length: Duration) -> Window {
    let begin = Instant::now();
    latencies.take();
    let (mut resident_seen, mut retired) = (Vec::new(), 0);
    for look in 1..=LOOKS {
        thread::sleep((length * look / LOOKS).saturating_sub(begin.elapsed()));
        resident_seen.push(resident());
        let leaves = subject.store.stats().retired_leaves + subject.table.stats().retired_leaves;
        retired = retired.max(leaves as u64);
    }
    let (reader, bare) = latencies.take();
    let p999 = |lookups: Histogram<u64>| lookups.value_at_quantile(0.999);
    Window { resident: median(resident_seen), retired, reader: p999(reader), bare: p999(bare) }
}

/// Median of a figure in the first third of the windows and in the last.
fn ends(windows: &[Window], figure: impl Fn(&Window) -> u64) -> (u64, u64) {
    let third = windows.len() / 3;
    let of = |windows: &[Window]| median(windows.iter().map(&figure).collect());
    (of(&windows[..third]), of(&windows[windows.len() - third..]))
}

/// Checks that a figure has not grown by more than a factor, `slack` not counted.
#[track_caller]
fn assert_level(what: &str, (first, last): (u64, u64), factor: f64, slack: u64) {
    assert!(
        last as f64 <= first as f64 * factor + slack as f64,
        "{what} went from {first} to {last}: more than {factor} times and {slack}"
    );
}

#[test]
fn memory_retired_leaves_and_p999_of_readers_stay_level() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number of seconds"));
    let length = Duration::from_secs(seconds) / (WINDOWS + 1);
    let dir = tempfile::tempdir().unwrap();
    let file = load::RowsFile::create(dir.path());
    let store: Store<u64, Value> = (0..load::KEYS).map(|key| (key, Value::new(key))).collect();
    let table: Table<String, u64> =
        Table::builder().source(File::watch(file.path())).format(Csv::new()).keep(3).open().unwrap();
    let subject = Subject { store: &store, table: &table };
    let (over, latencies) = (AtomicBool::new(false), Latencies::default());

    let windows: Vec<Window> = thread::scope(|scope| {
        let (subject, over, latencies) = (&subject, &over, &latencies);
        for seed in 1..=2 {
            scope.spawn(move || load::read(subject, seed, latencies, over));
            scope.spawn(move || load::write(subject, seed, over));
            scope.spawn(move || load::pin(subject, seed, length, over));
        }
        scope.spawn(move || load::rewrite(file, over));
        let windows = (0..=WINDOWS).map(|_| watch(subject, latencies, length)).inspect(|window| println!("{window}"));
        let windows = windows.collect();
        over.store(true, Ordering::Relaxed);
        windows
    });

    let windows = &windows[1..];
    assert_level("memory in use", ends(windows, |window| window.resident), MOST_MEMORY, 4 << 20);
    assert_level("retired leaves", ends(windows, |window| window.retired), MOST_LEAVES, FEW_LEAVES);
    if length >= SHORTEST_FOR_DRIFT {
        let drift = ends(windows, |window| window.reader * 1_000 / window.bare.max(1));
        assert_level("p99.9 of a reader, in thousandths of a bare map's,", drift, MOST_DRIFT, 0);
    }
    let counts = table.status().counts();
    assert!(counts.loads > seconds, "the table was loaded {} times only", counts.loads);
    assert!(counts.failures > 0, "no load was refused");
    store.collect();
    let stats = store.stats();
    assert_eq!((stats.retired_leaves, stats.pinned_generations), (0, 0), "nothing is held any more");
}
