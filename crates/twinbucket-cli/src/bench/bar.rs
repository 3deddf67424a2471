//! The progress bar of a bench, with the time left; on standard error and only if that is a terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use twinbucket_lab::run::Progress;

/// How the bar looks before the first turn, and then.
const PREPARING: &str = "{msg}";
/// See [`PREPARING`].
const RUNNING: &str = "{bar:30} {percent:>3} %  {left} left  {wide_msg}";

/// Shows how far a run is.
///
/// It is drawn between turns only, never by a thread of its own, so that it does not disturb what is measured.
#[derive(Debug)]
pub(crate) struct Bar {
    /// The bar; a hidden one draws nothing.
    bar: ProgressBar,
    /// Turns that have begun.
    begun: AtomicU64,
}

impl Bar {
    /// Starts without a bar, only a message.
    pub(crate) fn new() -> Self {
        let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        bar.set_style(style(PREPARING));
        bar.set_message("preparing");
        bar.tick();
        Self { bar, begun: AtomicU64::new(0) }
    }

    /// The bar itself, to be used by another thread.
    pub(crate) fn shared(&self) -> ProgressBar {
        self.bar.clone()
    }
}

impl Progress for Bar {
    fn begin(&self, turns: u64) {
        self.bar.set_length(turns);
        self.bar.set_style(style(RUNNING));
        self.bar.reset_eta();
    }

    fn turn(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        // Relaxed: the number stands for itself. The turn that begins now is not done yet.
        self.bar.set_position(self.begun.fetch_add(1, Ordering::Relaxed));
    }

    fn note(&self, what: &str) {
        self.bar.suspend(|| {
            // If standard error is closed, nobody wants to know.
            let _ = writeln!(io::stderr(), "twinbucket: {what}");
        });
    }
}

impl Drop for Bar {
    /// Takes the bar off the screen.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The style of a template.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is constant and valid").with_key("left", write_left)
}

/// Writes the time left; nobody knows it before the first turn is over.
fn write_left(state: &ProgressState, out: &mut dyn fmt::Write) {
    // A message that cannot be formatted is not worth a panic.
    let _ = match state.pos() {
        0 => out.write_str("?"),
        _ => write!(out, "{:#}", HumanDuration(state.eta())),
    };
}
