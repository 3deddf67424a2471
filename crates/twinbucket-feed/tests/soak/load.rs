//! Readers, writers, pins of random age, and a file that changes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use twinbucket::{ReadBucket, Store};
use twinbucket_feed::Table;

/// Keys of the store.
pub(crate) const KEYS: u64 = 20_000;
/// Rows of the file.
const ROWS: u64 = 5_000;
/// The row whose value is the version of the file.
const VERSION: &str = "version";
/// Lookups between two rests of a reader.
const BATCH: usize = 500;

/// What is under load.
pub(crate) struct Subject<'a> {
    /// Written by writers.
    pub(crate) store: &'a Store<u64, Value>,
    /// Loaded from a file.
    pub(crate) table: &'a Table<String, u64>,
}

/// A number in memory of its own, of a size that depends on it.
#[derive(Clone)]
pub(crate) struct Value(Box<[u64]>);

impl Value {
    /// A value that stands for that number.
    pub(crate) fn new(number: u64) -> Self {
        Self(vec![number; 1 + (number % 7) as usize].into())
    }

    /// The number.
    fn number(&self) -> u64 {
        self.0[0]
    }
}

/// Times of lookups, in nanoseconds.
pub(crate) struct Latencies {
    /// Those through a reader, and those in a bare map.
    both: Mutex<(Histogram<u64>, Histogram<u64>)>,
}

impl Default for Latencies {
    fn default() -> Self {
        let empty = || Histogram::new(3).expect("three digits are allowed");
        Self { both: Mutex::new((empty(), empty())) }
    }
}

impl Latencies {
    /// Takes what was noted so far: those through a reader, and those in a bare map.
    pub(crate) fn take(&self) -> (Histogram<u64>, Histogram<u64>) {
        let mut both = self.both.lock();
        let taken = both.clone();
        both.0.reset();
        both.1.reset();
        taken
    }

    /// Notes the times of a batch.
    fn note(&self, reader: &[u64], bare: &[u64]) {
        let mut both = self.both.lock();
        reader.iter().for_each(|&time| both.0.saturating_record(time));
        bare.iter().for_each(|&time| both.1.saturating_record(time));
    }
}

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 33) % end
    }

    /// A time up to `most`, any order of magnitude of microseconds as likely as another.
    fn time(&mut self, most: Duration) -> Duration {
        let magnitude = self.below(1_000) as f64 / 1_000.0;
        Duration::from_micros((most.as_micros() as f64).powf(magnitude) as u64)
    }
}

/// Nanoseconds that `lookup` takes.
fn time<T>(lookup: impl FnOnce() -> T) -> u64 {
    let begin = Instant::now();
    black_box(lookup());
    begin.elapsed().as_nanos() as u64
}

/// Looks keys up in store and table, and as often in a bare map, for comparison.
pub(crate) fn read(subject: &Subject<'_>, seed: u64, latencies: &Latencies, over: &AtomicBool) {
    let bare: HashMap<u64, Value> = (0..KEYS).map(|key| (key, Value::new(key))).collect();
    let names: Vec<String> = (0..ROWS).map(|row| row.to_string()).collect();
    let (mut random, mut store, mut table) = (Random(seed), subject.store.reader(), subject.table.reader());
    let (mut in_reader, mut in_bare) = (Vec::new(), Vec::new());
    let (mut version, mut generation) = (0, subject.store.generation());
    while !over.load(Ordering::Relaxed) {
        for _ in 0..BATCH {
            let key = random.below(KEYS);
            in_reader.push(time(|| store.get(&key).map(Value::number)));
            in_bare.push(time(|| bare.get(&key).map(Value::number)));
            let name = &names[(key % ROWS) as usize];
            assert!(table.get(name).is_some(), "row {name} is gone");
        }
        latencies.note(&in_reader, &in_bare);
        in_reader.clear();
        in_bare.clear();
        let (before, now) = (version, table.get(VERSION).copied().expect("each version has this row"));
        assert!(now >= before, "the table went back from {before} to {now}");
        version = now;
        let now = store.read().generation();
        assert!(now >= generation, "the store went back from {generation} to {now}");
        generation = now;
        thread::sleep(Duration::from_micros(500));
    }
}

/// Writes to the store, and publishes, stages or discards it.
pub(crate) fn write(subject: &Subject<'_>, seed: u64, over: &AtomicBool) {
    let mut random = Random(seed << 32);
    while !over.load(Ordering::Relaxed) {
        let mut bucket = subject.store.write();
        for _ in 0..random.below(8) {
            let key = random.below(KEYS);
            if random.below(2) == 0 { drop(bucket.remove(&key)) } else { drop(bucket.insert(key, Value::new(key))) }
        }
        match random.below(8) {
            0 => bucket.stage(),
            1 => bucket.discard(),
            _ => drop(bucket.publish()),
        }
        if random.below(1_000) == 0 {
            subject.store.replace_all((0..KEYS).map(|key| (key, Value::new(key))));
        }
        thread::sleep(random.time(Duration::from_millis(2)));
    }
}

/// Something that is held, and what it must still be when it is let go.
enum Held {
    /// A version of the store, and the sum of its values.
    Store(ReadBucket<u64, Value>, u64),
    /// A version of the table, and its sum.
    Table(ReadBucket<String, u64>, u64),
}

impl Held {
    /// Takes a read bucket of the store or of the table.
    fn take(subject: &Subject<'_>, random: &mut Random) -> Self {
        if random.below(4) > 0 {
            let bucket = subject.store.read();
            let sum = bucket.values().map(Value::number).sum();
            Self::Store(bucket, sum)
        } else {
            let bucket = subject.table.read();
            let sum = bucket.values().sum();
            Self::Table(bucket, sum)
        }
    }

    /// Lets it go, and sees that it is what it was.
    fn let_go(self) {
        match self {
            Self::Store(bucket, sum) => {
                assert_eq!(bucket.values().map(Value::number).sum::<u64>(), sum, "a read bucket has changed");
            }
            Self::Table(bucket, sum) => {
                assert_eq!(bucket.values().sum::<u64>(), sum, "a read bucket of the table has changed");
                assert_eq!(bucket.len() as u64, ROWS + 1, "a version of the table is not whole");
            }
        }
    }
}

/// Holds read buckets for a time up to `longest`.
pub(crate) fn pin(subject: &Subject<'_>, seed: u64, longest: Duration, over: &AtomicBool) {
    let mut random = Random(seed << 48);
    let mut held = BTreeMap::new();
    while !over.load(Ordering::Relaxed) {
        held.insert(Instant::now() + random.time(longest), Held::take(subject, &mut random));
        while let Some(first) = held.first_entry().filter(|first| *first.key() <= Instant::now()) {
            first.remove().let_go();
        }
        thread::sleep(Duration::from_millis(5));
    }
    held.into_values().for_each(Held::let_go);
}

/// A file of rows, of which there is one version after the other.
pub(crate) struct RowsFile {
    /// Where it is.
    path: PathBuf,
    /// Its value of each row.
    rows: Vec<u64>,
    /// Number of its version.
    version: u64,
}

impl RowsFile {
    /// Makes the file in that directory.
    pub(crate) fn create(dir: &Path) -> Self {
        let mut file = Self { path: dir.join("rows.csv"), rows: (0..ROWS).collect(), version: 0 };
        file.put("");
        file
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Renames a new version over the file; `rest` is what follows its rows.
    fn put(&mut self, rest: &str) {
        self.version += 1;
        let mut text = format!("key,value\n{VERSION},{}\n", self.version);
        for (row, value) in self.rows.iter().enumerate() {
            writeln!(text, "{row},{value}").expect("a string takes all");
        }
        text.push_str(rest);
        let new = self.path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.path).unwrap();
    }
}

/// Changes some rows of the file again and again; every tenth version is wrong and must not be seen.
pub(crate) fn rewrite(mut file: RowsFile, over: &AtomicBool) {
    let mut random = Random(7);
    while !over.load(Ordering::Relaxed) {
        for _ in 0..50 {
            let row = random.below(ROWS) as usize;
            file.rows[row] += 1;
        }
        let rest = if file.version % 10 == 9 { "wrong,no number\n" } else { "" };
        file.put(rest);
        thread::sleep(Duration::from_millis(200));
    }
}
