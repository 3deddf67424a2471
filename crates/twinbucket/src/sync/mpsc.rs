//! Shuttle's channel, but one whose receiver gives up at a time-out: shuttle's own waits on. Time is not modelled, so
//! any time is up as soon as the channel is empty.

use std::time::Duration;

use shuttle::sync::mpsc;
pub(crate) use shuttle::sync::mpsc::{RecvTimeoutError, Sender};
use shuttle::thread;

/// The receiver's end.
pub(crate) struct Receiver<T>(mpsc::Receiver<T>);

pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel();
    (sender, Receiver(receiver))
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, mpsc::RecvError> {
        self.0.recv()
    }

    pub(crate) fn recv_timeout(&self, _: Duration) -> Result<T, RecvTimeoutError> {
        thread::yield_now();
        self.0.try_recv().map_err(|error| match error {
            mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
            mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }
}
