//! Recorded histories: what threads did to a store and when, checked afterwards for whether there is one row of
//! operations, in keeping with time, that explains all they saw.
//!
//! Each publish sets several keys to one value of its own; each read takes all of them. No read is stale once a publish
//! returned, no publish is torn, generations never go backwards, for one reader or from one to the other, and a watch
//! misses no newest generation. Time is taken outside the operations, with fences between, in two ways: from a shared
//! counter, which is right everywhere but itself orders what comes before and after, and from the system's clock, which
//! orders nothing and so shows more.
//!
//! At least 300,000 operations in each test and by each clock; `TWINBUCKET_OPERATIONS` sets another number, for which an
//! optimised build is in order:
//!
//! ```text
//! TWINBUCKET_OPERATIONS=20000000 cargo test -p twinbucket --release --test histories
//! ```

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use twinbucket::{ReadBucket, Store};

use crate::histories::register::{Deed, Operation, Span, check};
use crate::histories::small::{Clock, Done, SmallStore, draw, is_linearizable, perform};

/// The checkers, and the tests that they refuse what is wrong.
mod histories {
    pub(crate) mod planted;
    pub(crate) mod register;
    pub(crate) mod small;
}

/// Keys that each publish sets, far from each other.
const MARKS: [u64; 4] = [0, 777, 1 << 40, u64::MAX];
/// Publishes in one history.
const PUBLISHES: u64 = 60_000;
/// Reads that each reader makes at most while these publishes last.
const READS: usize = 500_000;
/// The value of the last publish of a history.
const LAST: u64 = 1;
/// A value that is only ever discarded.
const NEVER: u64 = 2;
/// How long a watch may take to see the last publish; there to tell a hang from a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns how many operations a test is to make.
fn operations() -> u64 {
    std::env::var("TWINBUCKET_OPERATIONS")
        .map_or(300_000, |number| number.parse().expect("TWINBUCKET_OPERATIONS is a number of operations"))
}

/// Where points of time come from.
#[derive(Clone, Copy)]
enum Time {
    /// A counter.
    Counter(&'static AtomicU64),
    /// The system's clock.
    Clock(Instant),
}

impl Time {
    /// Does something and notes when.
    fn span<T>(self, work: impl FnOnce() -> T) -> (T, Span) {
        let start = self.now();
        // Nothing of the work is done before the start is taken, and all of it can be seen before the end is.
        fence(Ordering::SeqCst);
        let result = work();
        fence(Ordering::SeqCst);
        (result, Span { start, end: self.now() })
    }

    fn now(self) -> u64 {
        match self {
            Self::Counter(counter) => counter.fetch_add(1, Ordering::SeqCst),
            Self::Clock(start) => u64::try_from(start.elapsed().as_nanos()).expect("less than five centuries"),
        }
    }
}

/// What a read bucket holds under all marks, and its generation.
fn look(bucket: &ReadBucket<u64, u64>, span: Span) -> Operation {
    let values = bucket.get_many(MARKS.each_ref()).map(|value| value.copied().unwrap_or(0));
    assert!(values.iter().all(|value| *value == values[0]), "torn: {values:?} in generation {}", bucket.generation());
    Operation { deed: Deed::Read, span, version: bucket.generation().get(), value: values[0] }
}

/// What the threads of one history share.
struct Stage {
    /// The store.
    store: Store<u64, u64>,
    /// The time.
    time: Time,
    /// All begin together.
    start: Barrier,
    /// Writers at work.
    writing: AtomicUsize,
}

impl Stage {
    /// Reads, over and over, while there are writers.
    fn read(&self, mut read: impl FnMut(usize) -> Operation) -> Vec<Operation> {
        self.start.wait();
        let reads = (0..READS).take_while(|_| self.writing.load(Ordering::Relaxed) > 0);
        reads.map(&mut read).collect()
    }

    /// Takes the current read bucket, over and over.
    fn read_from_store(&self) -> Vec<Operation> {
        self.read(|_| {
            let (bucket, span) = self.time.span(|| self.store.read());
            look(&bucket, span)
        })
    }

    /// Reads through a reader, which now and then lets go.
    fn read_through_reader(&self) -> Vec<Operation> {
        let mut reader = self.store.reader();
        self.read(|number| {
            if number % 1_024 == 0 {
                reader.release();
            }
            let reader = &mut reader;
            let (bucket, span) = self.time.span(move || reader.read());
            look(bucket, span)
        })
    }

    /// Waits for what is newest until it is the last publish.
    fn watch(&self) -> Vec<Operation> {
        let (mut watch, mut history) = (self.store.watch(), Vec::<Operation>::new());
        self.start.wait();
        while history.last().is_none_or(|seen| seen.value != LAST) {
            let (bucket, span) = self.time.span(|| watch.wait());
            let seen = look(&bucket, span);
            assert!(history.last().is_none_or(|last| last.version < seen.version), "a watch gives only what is newer");
            history.push(seen);
        }
        history
    }

    /// Publishes, and now and then discards.
    fn write(&self, writer: u64, publishes: u64) -> Vec<Operation> {
        self.start.wait();
        let publish = |number| {
            if number % 8 == 0 {
                let mut write = self.store.write();
                write.extend(MARKS.map(|key| (key, NEVER)));
                write.discard();
            }
            self.publish((writer + 1) << 40 | number, number % 64)
        };
        let history = (1..=publishes).map(publish).collect();
        self.writing.fetch_sub(1, Ordering::Relaxed);
        history
    }

    /// Sets all marks to a value of their own and publishes that; some of `kind` change the directory's length as well.
    fn publish(&self, value: u64, kind: u64) -> Operation {
        let (version, span) = self.time.span(|| {
            let mut write = self.store.write();
            write.extend(MARKS.map(|key| (key, value)));
            match kind {
                17 => write.extend((1_000..2_000).map(|key| (key, value))),
                49 => write.retain(|key, _| MARKS.contains(key)),
                _ => {}
            }
            write.publish().get()
        });
        Operation { deed: Deed::Write, span, version, value }
    }
}

/// What one thread does; returns its history.
type Part = Box<dyn FnOnce(&Stage) -> Vec<Operation> + Send>;

/// Records a history of two readers, a watch and some writers.
fn record(writers: u64, time: Time) -> Vec<Operation> {
    let writing = usize::try_from(writers).expect("a small number");
    let threads = writing + 3;
    let (store, start, writing) = (Store::new(), Barrier::new(threads), AtomicUsize::new(writing));
    let stage = Arc::new(Stage { store, time, start, writing });
    let (sender, histories) = mpsc::channel();
    let begin = |work: Part| {
        let (stage, sender) = (Arc::clone(&stage), sender.clone());
        thread::spawn(move || sender.send(work(&stage)).expect("the test waits for it"))
    };
    let watch = begin(Box::new(Stage::watch));
    let mut others = vec![begin(Box::new(Stage::read_from_store)), begin(Box::new(Stage::read_through_reader))];
    let share = PUBLISHES / writers;
    others.extend((0..writers).map(|writer| begin(Box::new(move |stage| stage.write(writer, share)))));
    for thread in others {
        thread.join().expect("what is read is whole");
    }
    let mut history = vec![stage.publish(LAST, 0)];
    drop(sender);
    for _ in 0..threads {
        history.extend(histories.recv_timeout(PATIENCE).expect("the watch does not miss the last publish"));
    }
    watch.join().expect("what is seen is whole");
    history
}

/// Records histories and checks them.
#[track_caller]
fn holds(writers: u64, time: Time) {
    let (mut operations, mut writes) = (operations(), 0);
    while operations > 0 {
        let history = record(writers, time);
        if let Err(refusal) = check(&history) {
            panic!("{refusal}");
        }
        writes += history.iter().filter(|operation| operation.deed == Deed::Write).count();
        operations = operations.saturating_sub(history.len() as u64);
    }
    assert!(writes > 0);
}

/// The counter for all tests.
static COUNTER: AtomicU64 = AtomicU64::new(0);

#[test]
fn history_of_one_writer_can_be_put_in_a_row() {
    holds(1, Time::Counter(&COUNTER));
    holds(1, Time::Clock(Instant::now()));
}

#[test]
fn history_of_two_writers_can_be_put_in_a_row() {
    holds(2, Time::Counter(&COUNTER));
    holds(2, Time::Clock(Instant::now()));
}

#[test]
fn history_of_three_writers_can_be_put_in_a_row() {
    holds(3, Time::Counter(&COUNTER));
    holds(3, Time::Clock(Instant::now()));
}

/// Three threads that begin together, on a new store each time.
struct Heats {
    /// The store of each heat.
    stores: Vec<SmallStore>,
    /// The time.
    clock: Clock,
    /// Threads that are ready, in all heats so far.
    ready: AtomicUsize,
}

impl Heats {
    const THREADS: usize = 3;

    /// Does four operations in each heat.
    fn run(&self, thread: usize) -> Vec<Vec<Done>> {
        let mut number = thread as u64 + 1;
        let heats = self.stores.iter().zip(1..).map(|(store, heat)| {
            let mut reader = store.reader();
            self.ready.fetch_add(1, Ordering::Relaxed);
            let patience = Instant::now();
            while self.ready.load(Ordering::Relaxed) < heat * Self::THREADS {
                assert!(patience.elapsed() < PATIENCE, "another thread has failed");
                thread::yield_now();
            }
            let mut operate = |turn| {
                // Where there are fewer processors than threads, the others come in here.
                thread::yield_now();
                number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                self.clock.note(draw(number >> 24), |op| perform(store, &mut reader, op, turn % 2 == 0))
            };
            (0..4).map(&mut operate).collect()
        });
        heats.collect()
    }
}

#[test]
fn short_histories_of_any_operations_can_be_put_in_a_row() {
    let number = usize::try_from(operations() / 100).expect("not that many");
    let stores = (0..number).map(|_| SmallStore::default()).collect();
    let heats = Heats { stores, clock: Clock::default(), ready: AtomicUsize::new(0) };
    let mut threads: Vec<_> = thread::scope(|scope| {
        let threads = [0, 1, 2].map(|thread| {
            scope.spawn({
                let heats = &heats;
                move || heats.run(thread)
            })
        });
        threads.map(|thread| thread.join().expect("no operation panics").into_iter()).into()
    });
    for heat in 0..number {
        let history: Vec<Vec<Done>> = threads.iter_mut().map(|thread| thread.next().expect("all ran it")).collect();
        assert!(is_linearizable(&history), "heat {heat}: {history:#?}");
    }
}
