//! Waiting for what another thread does in its own time.

use std::thread;
use std::time::{Duration, Instant};

/// How long something may take that should be nearly instant; generous, as it is there to tell a hang from a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until `holds`, and panics if it never does.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
