//! The resident set of this process, as Linux tells it.

use std::fs;

use anyhow::{Context, Result};

use crate::bench::proc;

/// Bytes by which the resident set grew since this was made. When the system fails to tell it once, it is no longer asked.
#[derive(Debug)]
pub(super) struct Resident {
    /// Bytes at first.
    origin: u64,
    /// What the system did not tell, and why.
    left_out: Option<String>,
}

impl Resident {
    /// Takes what is resident now for nothing.
    pub(super) fn new() -> Self {
        let mut resident = Self { origin: 0, left_out: None };
        resident.origin = resident.now().unwrap_or(0);
        resident
    }

    /// Returns how much more there is now.
    pub(super) fn now(&mut self) -> Option<u64> {
        // Not the figure in `status`, which may be off by some hundred kB.
        self.ask(|| proc::bytes("/proc/self/smaps_rollup", "Rss:"))
    }

    /// Begins a new peak at what is resident now.
    pub(super) fn forget_peak(&mut self) {
        // See proc_pid_clear_refs(5): 5 sets the peak to the current size.
        self.ask(|| fs::write("/proc/self/clear_refs", "5").map(|()| 0).context("/proc/self/clear_refs"));
    }

    /// Returns how much more there was at the peak.
    pub(super) fn peak(&mut self) -> Option<u64> {
        self.ask(|| proc::bytes("/proc/self/status", "VmHWM:"))
    }

    /// Returns what the system did not tell, and why.
    pub(super) fn left_out(self) -> Option<String> {
        self.left_out
    }

    fn ask(&mut self, question: impl FnOnce() -> Result<u64>) -> Option<u64> {
        if self.left_out.is_some() {
            return None;
        }
        match question() {
            Ok(bytes) => Some(bytes.saturating_sub(self.origin)),
            Err(error) => {
                self.left_out = Some(format!("{error:#}"));
                None
            }
        }
    }
}
