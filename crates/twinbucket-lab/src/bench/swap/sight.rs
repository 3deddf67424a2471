//! A reader that tells when it saw what.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::bench::Turn;
use crate::item::Item;
use crate::rivals::Rival;
use crate::run::Stop;

/// When a reader is given up that does not see what was published.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one reader saw last.
#[derive(Debug)]
pub(super) struct Sight {
    /// From when `at` counts.
    origin: Instant,
    /// When it saw it, in nanoseconds.
    at: AtomicU64,
    /// [Mark](Item::mark) of the value.
    mark: AtomicU64,
}

impl Sight {
    /// Makes one that saw nothing.
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), at: AtomicU64::new(0), mark: AtomicU64::new(0) }
    }

    /// Looks `key` up until it is over, and notes when its value became another.
    pub(super) fn watch<T: Item>(&self, rival: &dyn Rival<T>, way: usize, key: &T, over: &Stop) {
        let mut reader = rival.reader(way);
        let mut last = 0;
        while !over.asked() {
            let mark = reader.mark(key).unwrap_or(0);
            if mark != last {
                last = mark;
                // Relaxed: `mark` passes it on.
                self.at.store(self.origin.elapsed().as_nanos() as u64, Ordering::Relaxed);
                // Release: pairs with the Acquire in `wait`, so that whoever sees the mark sees its time or a later one.
                self.mark.store(mark, Ordering::Release);
            }
        }
    }

    /// Waits until the reader has seen `mark`, and returns when that was; any time if the run is to stop.
    ///
    /// The publisher lets others have its core at once: the reader may be waiting for that very core, and tells its own time.
    ///
    /// # Errors
    /// If the reader does not see it within 20 s.
    pub(super) fn wait<T: Item>(&self, mark: u64, turn: &Turn<'_, T>) -> Result<Instant> {
        let begin = Instant::now();
        // Acquire: pairs with the Release in `watch`.
        while self.mark.load(Ordering::Acquire) != mark {
            if turn.stop.asked() {
                break;
            }
            ensure!(begin.elapsed() < PATIENCE, "a reader of {} does not see what was published", turn.who.name);
            thread::yield_now();
        }
        // Relaxed: the mark above passed it on, and there is no later mark before the next publish.
        Ok(self.origin + Duration::from_nanos(self.at.load(Ordering::Relaxed)))
    }
}
