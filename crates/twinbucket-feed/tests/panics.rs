//! Panics at the n-th call of user code in a load, for every n and every kind of user code.
//!
//! Each attempt starts from a fresh table. Whatever panics, the load is published as a whole or not at all, the status says
//! which, the feed goes on, and when all is gone, every key and value was dropped once.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use twinbucket::{Discarded, Freed, Observer, Published, ReadBucket, WriteBucket};
use twinbucket_feed::{
    Fetched, Part, Revision, RollbackError, RowError, Rows, Source, SourceError, State, Table, Wake,
};

/// Longest time that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The user code that panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// `Clone` of a key or value.
    Clone,
    /// `Hash` of a key.
    Hash,
    /// `Eq` of two keys, or `PartialEq` of two values.
    Eq,
    /// `Drop` of a key or value.
    Drop,
    /// `BuildHasher::build_hasher`.
    Build,
    /// A method of the source.
    Source,
    /// A format that is a function, at each of its rows.
    Format,
    /// The validation.
    Validate,
    /// A listener to events.
    Event,
    /// A method of an observer of the store.
    Observer,
}

impl Fault {
    /// All kinds.
    const ALL: [Self; 10] = [
        Self::Clone,
        Self::Hash,
        Self::Eq,
        Self::Drop,
        Self::Build,
        Self::Source,
        Self::Format,
        Self::Validate,
        Self::Event,
        Self::Observer,
    ];
}

/// What is to panic, at which call from now, and the count of keys and values. One for each attempt, so that a test on
/// another thread is none of its business.
#[derive(Default)]
struct Fuse {
    /// The kind of user code, and how many calls are left.
    armed: Mutex<Option<(Fault, usize)>>,
    /// Keys and values made less those dropped.
    alive: AtomicI64,
}

impl Fuse {
    /// Counts a call of user code, and panics if it is the one to do so. Without the panic hook: thousands of these are no
    /// news.
    fn call(&self, fault: Fault) {
        let mut armed = self.armed.lock();
        // A second panic while one unwinds would end the process.
        let Some((kind, left)) = armed.filter(|&(kind, _)| kind == fault && !thread::panicking()) else { return };
        *armed = (left > 1).then_some((kind, left - 1));
        drop(armed);
        if left == 1 {
            resume_unwind(Box::new("on purpose"));
        }
    }

    fn arm(&self, fault: Fault, n: usize) {
        *self.armed.lock() = Some((fault, n));
    }

    /// Tells whether it has fired; it does not any more.
    fn disarm(&self) -> bool {
        self.armed.lock().take().is_none()
    }
}

/// A number whose every use may panic.
struct Touchy {
    /// The number.
    number: u64,
    /// What panics.
    fuse: Arc<Fuse>,
}

impl Touchy {
    fn new(number: u64, fuse: &Arc<Fuse>) -> Self {
        fuse.alive.fetch_add(1, Ordering::Relaxed);
        Self { number, fuse: Arc::clone(fuse) }
    }
}

impl Clone for Touchy {
    fn clone(&self) -> Self {
        self.fuse.call(Fault::Clone);
        Self::new(self.number, &self.fuse)
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        self.fuse.alive.fetch_sub(1, Ordering::Relaxed);
        self.fuse.call(Fault::Drop);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        self.fuse.call(Fault::Eq);
        self.number == other.number
    }
}

impl Eq for Touchy {}

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fuse.call(Fault::Hash);
        self.number.hash(state);
    }
}

/// A hasher whose every use may panic.
struct TouchyState(Arc<Fuse>);

impl BuildHasher for TouchyState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.call(Fault::Build);
        DefaultHasher::new()
    }
}

/// An observer whose every use may panic.
struct TouchyObserver(Arc<Fuse>);

impl Observer for TouchyObserver {
    fn published(&self, _: &Published) {
        self.0.call(Fault::Observer);
    }

    fn discarded(&self, _: &Discarded) {
        self.0.call(Fault::Observer);
    }

    fn freed(&self, _: &Freed) {
        self.0.call(Fault::Observer);
    }
}

/// What a table holds, as plain numbers.
type Content = BTreeMap<u64, u64>;

/// A source whose every use may panic. Its parts are made of plain numbers.
struct TouchySource {
    /// What it has, and the number of its version.
    content: Arc<Mutex<(u64, Content)>>,
    /// What panics.
    fuse: Arc<Fuse>,
}

impl Source for TouchySource {
    fn name(&self) -> String {
        "numbers".into()
    }

    fn watch(&mut self, _: Wake) {}

    fn fetch(&mut self, known: Option<&Revision>) -> Result<Fetched, SourceError> {
        self.fuse.call(Fault::Source);
        let (version, content) = self.content.lock().clone();
        let revision = Revision::new(version.to_string());
        if known == Some(&revision) {
            return Ok(Fetched::Same);
        }
        let bytes = content.iter().flat_map(|(key, value)| [key.to_le_bytes(), value.to_le_bytes()].concat()).collect();
        let parts = vec![Part { name: "numbers".into(), bytes }];
        self.fuse.call(Fault::Source);
        Ok(Fetched::New { parts, revision })
    }

    fn pause(&mut self) -> Duration {
        self.fuse.call(Fault::Source);
        Duration::from_secs(3600)
    }
}

/// A table of touchy entries.
type TouchyTable = Table<Touchy, Touchy, TouchyState>;

/// A table and its source.
struct Bench {
    /// What panics.
    fuse: Arc<Fuse>,
    /// What the source has, and the number of its version.
    content: Arc<Mutex<(u64, Content)>>,
    /// The table.
    table: TouchyTable,
    /// Events told.
    events: Arc<AtomicUsize>,
}

impl Bench {
    /// Opens a table with that content, which keeps so many generations.
    fn open(first: &Content, keep: usize) -> Self {
        let (fuse, content) = (Arc::<Fuse>::default(), Arc::new(Mutex::new((1, first.clone()))));
        let events = Arc::<AtomicUsize>::default();
        let of_format = Arc::clone(&fuse);
        let format = move |part: &Part, rows: &mut Rows<'_, Touchy, Touchy>| -> Result<(), RowError> {
            for (row, entry) in (1..).zip(part.bytes.chunks_exact(16)) {
                of_format.call(Fault::Format);
                let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                let [key, value] = [&entry[..8], &entry[8..]].map(|bytes| Touchy::new(number(bytes), &of_format));
                if rows.push(row, key, value).is_break() {
                    break;
                }
            }
            Ok(())
        };
        let (of_judge, of_listener, told) = (Arc::clone(&fuse), Arc::clone(&fuse), Arc::clone(&events));
        let judge = move |_: &ReadBucket<_, _, _>, _: &WriteBucket<'_, _, _, _>| {
            of_judge.call(Fault::Validate);
            Ok::<_, String>(())
        };
        let table = TouchyTable::builder_with_hasher(TouchyState(Arc::clone(&fuse)))
            .source(TouchySource { content: Arc::clone(&content), fuse: Arc::clone(&fuse) })
            .format(format)
            .validate(judge)
            .observer(TouchyObserver(Arc::clone(&fuse)))
            .on_event(move |_| of_listener.call(Fault::Event))
            .on_event(move |_| {
                told.fetch_add(1, Ordering::Relaxed);
            })
            .keep(keep)
            .debounce(Duration::ZERO, Duration::ZERO)
            .open()
            .expect("nothing panics yet");
        Self { fuse, content, table, events }
    }

    /// Gives the source other content.
    fn put(&self, content: &Content) {
        let mut ours = self.content.lock();
        *ours = (ours.0 + 1, content.clone());
    }

    /// What can be read.
    fn content(&self) -> Content {
        self.table.read().iter().map(|(key, value)| (key.number, value.number)).collect()
    }

    /// Asserts that the status tells of what can be read.
    #[track_caller]
    fn check_status(&self, story: &str) {
        let status = self.table.status();
        let told = (status.generation(), status.entries());
        assert_eq!(told, (self.table.generation(), self.table.read().len()), "{story}: {status:?}");
    }

    /// Asserts that the table goes on, and ends it.
    #[track_caller]
    fn end(self, story: &str) {
        let last: Content = (20..90).map(|key| (key, 3)).collect();
        self.put(&last);
        let status = self.table.reload(PATIENCE).unwrap_or_else(|error| panic!("{story}: then {error}"));
        assert_eq!((self.content(), status.state()), (last, State::Ready), "{story}");
        self.check_status(story);
        let fuse = Arc::clone(&self.fuse);
        drop(self);
        let deadline = Instant::now() + PATIENCE;
        while fuse.alive.load(Ordering::Relaxed) > 0 {
            assert!(Instant::now() < deadline, "{story}: {} are never dropped", fuse.alive.load(Ordering::Relaxed));
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(fuse.alive.load(Ordering::Relaxed), 0, "{story}: none is dropped twice");
    }
}

/// What the table has, and what it is to have.
fn before_and_after() -> [Content; 2] {
    let before: Content = (0..70).map(|key| (key, 1)).collect();
    let after = (5..70).map(|key| (key, if key % 9 == 0 { 2 } else { 1 })).chain((100..110).map(|key| (key, 2)));
    [before, after.collect()]
}

/// Runs a load with a panic at the n-th call of one kind of user code. Tells whether there was such a call.
fn load(fault: Fault, n: usize) -> bool {
    let [before, after] = before_and_after();
    let bench = Bench::open(&before, 0);
    let story = format!("panic in call {n} of {fault:?}");
    bench.put(&after);
    bench.fuse.arm(fault, n);
    let result = bench.table.reload(PATIENCE);
    // What the feed does after a load is done with the next look.
    let told = bench.events.load(Ordering::Relaxed);
    let fired = bench.fuse.disarm();

    let content = bench.content();
    match &result {
        Ok(_) => assert_eq!(content, after, "{story}"),
        Err(error) => {
            assert!(fired && error.to_string().contains("on purpose"), "{story}: {error}");
            assert_eq!(content, before, "{story}: the load failed");
            assert_eq!(bench.table.status().state(), State::Error, "{story}");
        }
    }
    bench.check_status(&story);
    assert!(told > 0, "{story}: the other listener hears of it");
    bench.end(&story);
    fired
}

/// Runs an operation with a panic at every call of every kind of user code, of which it runs these.
fn survives(attempt: fn(Fault, usize) -> bool, faults: &[Fault]) {
    let panics = |fault| (1..).take_while(|&n| attempt(fault, n)).count();
    let seen: Vec<_> = Fault::ALL.into_iter().filter(|&fault| panics(fault) > 0).collect();
    assert_eq!(seen, faults, "kinds of user code that the operation runs");
}

#[test]
fn panic_in_a_load_publishes_it_whole_or_not_at_all() {
    survives(load, &Fault::ALL);
}

/// Runs a rollback with a panic at the n-th call of one kind of user code. Tells whether there was such a call.
fn roll_back(fault: Fault, n: usize) -> bool {
    let [before, after] = before_and_after();
    // Three generations, of which the last two are kept: the oldest is freed.
    let bench = Bench::open(&Content::from([(7, 7)]), 2);
    bench.put(&before);
    let wanted = bench.table.reload(PATIENCE).expect("nothing panics yet").generation();
    bench.put(&after);
    bench.table.reload(PATIENCE).expect("nothing panics yet");
    let story = format!("panic in call {n} of {fault:?}");
    bench.fuse.arm(fault, n);
    let result = catch_unwind(AssertUnwindSafe(|| bench.table.rollback(wanted)));
    let fired = bench.fuse.disarm();

    let content = bench.content();
    match result {
        Ok(result) => {
            let result: Result<_, RollbackError> = result;
            assert_eq!(result.ok(), Some(bench.table.generation()), "{story}");
            assert_eq!(content, before, "{story}");
        }
        Err(panic) => {
            assert!(fired && panic.is::<&str>(), "{story}");
            assert!(content == after || content == before, "{story}: neither is there");
        }
    }
    bench.check_status(&story);
    bench.end(&story);
    fired
}

#[test]
fn panic_in_a_rollback_publishes_it_whole_or_not_at_all() {
    use Fault::{Build, Clone, Drop, Eq, Event, Hash, Observer};

    survives(roll_back, &[Clone, Hash, Eq, Drop, Build, Event, Observer]);
}
