//! The scans that are open: a frozen version of a table each, with a place in it.
//!
//! A cursor is the number of one page of one scan. Asking for the page uses the cursor up and gives the one for the next
//! page; so nothing comes twice and nothing is skipped, whatever is published meanwhile. Scans belong to the server and
//! not to a connection, because clients with a pool of connections send each page over another one.
//!
//! What a scan holds is bounded: there is a number of scans for each connection and for all of them, above which the one
//! that was asked to go on longest ago is closed, and a time after which a scan that nobody goes on with is.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::RespLimits;
use super::views::Walk;

/// The number of a page. Below 2^53, because some clients keep it in a floating-point number; 0 is never one.
pub(crate) type Cursor = u64;

/// A scan between two pages.
#[derive(Debug)]
pub(crate) struct Scan {
    /// What is left.
    pub(crate) walk: Walk,
    /// What to put before each key: the name of the table, if the pattern began with it.
    pub(crate) prefix: Box<str>,
    /// The connection that began it.
    pub(crate) owner: u64,
}

/// The scans that are open.
#[derive(Debug)]
pub(crate) struct Scans {
    /// Each by the cursor of its next page; so the one used longest ago comes first.
    open: Mutex<Open>,
    /// The most of one connection.
    per_connection: usize,
    /// The most of all.
    most: usize,
    /// How long one stays open unused.
    timeout: Duration,
}

/// The open scans by their cursors.
#[derive(Debug)]
struct Open {
    /// The next cursor to give away.
    next: Cursor,
    /// When each was used last, and the scan.
    scans: BTreeMap<Cursor, (Instant, Scan)>,
}

impl Scans {
    /// Begins without scans, at a cursor that an earlier run of the program has hardly given away.
    pub(crate) fn new(limits: &RespLimits) -> Self {
        let start = (RandomState::new().hash_one(std::process::id()) % (1 << 20) + 1) << 32;
        Self {
            open: Mutex::new(Open { next: start, scans: BTreeMap::new() }),
            per_connection: limits.scans_per_connection,
            most: limits.scans,
            timeout: limits.scan_timeout,
        }
    }

    /// Takes out the scan of a cursor, whose page is then to be answered.
    pub(crate) fn take(&self, cursor: Cursor, now: Instant) -> Option<Scan> {
        let mut open = self.open();
        self.close_old(&mut open, now);
        open.scans.remove(&cursor).map(|(_, scan)| scan)
    }

    /// Puts in a scan that goes on, and returns the cursor of its next page. May close another scan.
    pub(crate) fn put(&self, scan: Scan, now: Instant) -> Cursor {
        let mut open = self.open();
        self.close_old(&mut open, now);
        let owner = scan.owner;
        let mut its = open.scans.iter().filter(|(_, (_, scan))| scan.owner == owner).map(|(&cursor, _)| cursor);
        let oldest = its.next().filter(|_| its.count() + 1 >= self.per_connection);
        if let Some(oldest) = oldest {
            open.scans.remove(&oldest);
        } else if open.scans.len() >= self.most {
            open.scans.pop_first();
        }
        let cursor = open.next;
        open.next += 1;
        open.scans.insert(cursor, (now, scan));
        cursor
    }

    /// Closes the scans that nobody has gone on with for too long. To be called now and then, also without scans.
    pub(crate) fn sweep(&self, now: Instant) {
        self.close_old(&mut self.open(), now);
    }

    /// Returns how many are open.
    pub(crate) fn len(&self) -> usize {
        self.open().scans.len()
    }

    fn close_old(&self, open: &mut Open, now: Instant) {
        while let Some(first) = open.scans.first_entry() {
            if now.saturating_duration_since(first.get().0) < self.timeout {
                break;
            }
            first.remove();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // No panic can leave it half changed.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
