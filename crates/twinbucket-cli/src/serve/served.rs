//! One table that is served: its content, what it was opened by, and what streams need of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use twinbucket::Generation;

use super::content::{Bucket, Content};
use super::spec::TableSpec;
use super::swaps::Swaps;

/// How long a version that was streamed can be asked for again.
const RESUME_WITHIN: Duration = Duration::from_secs(60);

/// The most versions that are held for streams to go on with.
const MOST_HELD: usize = 4;

/// A table that is served.
#[derive(Debug)]
pub(crate) struct Served {
    /// Number of this table in this process; a table that is opened again gets another.
    pub(crate) id: u64,
    /// What it was opened by.
    pub(crate) spec: Arc<TableSpec>,
    /// What it has.
    pub(crate) content: Content,
    /// What sets its generations apart from those of any other table and start, in hexadecimal digits.
    nonce: Box<str>,
    /// How long its publishes took.
    pub(crate) swaps: Arc<Swaps>,
    /// Versions that streams may go on with, the last used one last.
    held: Mutex<Vec<Held>>,
}

/// A version that is held for streams.
#[derive(Debug)]
struct Held {
    /// The version.
    bucket: Bucket,
    /// When it was last asked for.
    used: Instant,
}

impl Served {
    /// Takes a table that was opened; `start` sets this start of the process apart from others.
    pub(crate) fn new(spec: Arc<TableSpec>, content: Content, swaps: Arc<Swaps>, start: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only the number must be another.
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let nonce = format!("{:x}", start.wrapping_add(id)).into();
        Self { id, spec, content, nonce, swaps, held: Mutex::default() }
    }

    /// Returns the entity tag of a generation: its number, and what no other table and no other start has.
    pub(crate) fn etag(&self, generation: Generation) -> String {
        format!("\"{generation}-{}\"", self.nonce)
    }

    /// Returns a version that is current, kept, or was streamed lately.
    pub(crate) fn at(&self, generation: Generation) -> Option<Bucket> {
        let held = self.held();
        let found = held.iter().find(|held| held.bucket.generation() == generation).map(|held| held.bucket.clone());
        drop(held);
        found.or_else(|| self.content.at(generation))
    }

    /// Keeps a version for streams to go on with, for a while.
    pub(crate) fn hold(&self, bucket: &Bucket) {
        let mut held = self.held();
        held.retain(|held| held.bucket.generation() != bucket.generation());
        if held.len() == MOST_HELD {
            held.remove(0);
        }
        held.push(Held { bucket: bucket.clone(), used: Instant::now() });
    }

    /// Lets go of versions that no stream has asked for in a while.
    pub(crate) fn sweep(&self) {
        self.held().retain(|held| held.used.elapsed() < RESUME_WITHIN);
    }

    /// Lets go of all versions that are held for streams.
    pub(crate) fn let_go(&self) {
        self.held().clear();
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
