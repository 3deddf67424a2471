//! What a daemon has of the system: memory, threads, descriptors; and that it comes back to its level.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, SOON};

/// What a process has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    /// Resident memory in KiB.
    pub(crate) resident: u64,
    /// Threads.
    pub(crate) threads: usize,
    /// Descriptors.
    pub(crate) descriptors: usize,
}

impl Level {
    /// What a daemon has now.
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let proc = |name: &str| format!("/proc/{}/{name}", daemon.pid());
        let entries = |name: &str| fs::read_dir(proc(name)).unwrap().count();
        let status = fs::read_to_string(proc("status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it lives");
        let resident = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { resident, threads: entries("task"), descriptors: entries("fd") }
    }

    /// Waits until a daemon has no more threads and descriptors than this, and not that many KiB more of memory.
    pub(crate) fn await_return(&self, daemon: &Daemon, more: u64) -> Self {
        let deadline = Instant::now() + SOON;
        loop {
            let now = Self::of(daemon);
            let is_back = now.threads <= self.threads && now.descriptors <= self.descriptors;
            if is_back && now.resident <= self.resident + more {
                return now;
            }
            assert!(Instant::now() < deadline, "from {self:?} to {now:?}, {more} KiB more are allowed");
            thread::sleep(Duration::from_millis(50));
        }
    }
}
