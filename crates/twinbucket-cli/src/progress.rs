//! The progress bar, on standard error and only if that is a terminal.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two updates of the bar.
const TICK: Duration = Duration::from_millis(50);

/// Shows how far the run is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The bar; a hidden one draws nothing.
    bar: ProgressBar,
    /// When the first phase began.
    begin: Cell<Instant>,
}

impl Progress {
    /// Starts without a bar, only a message.
    pub(crate) fn new(message: &'static str) -> Self {
        let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is constant and valid"));
        bar.set_message(message);
        bar.tick();
        Self { bar, begin: Cell::new(Instant::now()) }
    }

    /// Begins the measured time, which lasts for `total`.
    pub(crate) fn start(&self, total: Duration) {
        let style =
            ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}").expect("the template is constant and valid");
        self.bar.set_style(style);
        self.bar.set_length(millis(total));
        self.begin.set(Instant::now());
    }

    /// Names what is going on now, and with which store.
    pub(crate) fn say(&self, store: &str, phase: &str) {
        self.bar.set_message(format!("{store}, {phase}"));
    }

    /// Sleeps for `time` and moves the bar meanwhile.
    pub(crate) fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.bar.set_position(millis(self.begin.get().elapsed()));
            thread::sleep(left.min(TICK));
        }
    }
}

impl Drop for Progress {
    /// Takes the bar off the screen.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Whole milliseconds in `time`.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
