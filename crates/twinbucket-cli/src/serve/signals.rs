//! What the system asks of the daemon: to reload, or to stop.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{self, SignalKind};

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signal {
    /// To look at everything anew.
    Reload,
    /// To stop.
    Stop,
}

/// The signals of the process.
#[cfg(unix)]
pub(super) struct Signals {
    /// SIGHUP.
    hangup: unix::Signal,
    /// SIGTERM.
    terminate: unix::Signal,
    /// SIGINT.
    interrupt: unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Takes the signals, which from now on do nothing by themselves.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: unix::signal(SignalKind::hangup())?,
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
        }
    }

    /// Waits until the daemon is asked to stop once more.
    pub(super) async fn stop_again(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}

/// The signals of the process: on this system, there is only the one to stop.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Takes the signals.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        // Without one to wait for, nothing but the system ends the process.
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Stop,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the daemon is asked to stop once more.
    pub(super) async fn stop_again(&mut self) {
        self.next().await;
    }
}
