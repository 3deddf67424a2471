//! Hang detection for what should never wait.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long something may take that should be nearly instant; generous, as it is there to tell a hang from a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `work` on a thread of its own and panics if it does not come back.
#[track_caller]
pub(crate) fn finishes<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    let worker = thread::spawn(move || done.send(work()));
    match result.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => unreachable!("the worker sends before it ends"),
        },
    }
}
