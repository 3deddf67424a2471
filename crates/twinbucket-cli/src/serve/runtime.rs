//! The threads that answer requests.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::process;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// Starts `threads` of them, or one for each CPU; each calls `on_park` before it goes to sleep. Called before there are
/// others.
///
/// Ends the process if not all of them can be had: the runtime panics then, and on the way out waits without end for those
/// that it has.
///
/// # Errors
/// If something else that the runtime needs cannot be had.
pub(super) fn start(threads: Option<usize>, on_park: fn()) -> anyhow::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    builder.enable_all().thread_name("twinbucket-serve").on_thread_park(on_park);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(end));
    let runtime = builder.build();
    panic::set_hook(hook);
    runtime.context("cannot start the runtime")
}

/// Says why the runtime panics, and ends the process.
fn end(panic: &PanicHookInfo<'_>) {
    let text = panic.payload().downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.payload().downcast_ref().copied()).unwrap_or("it panics");
    // If standard error takes nothing, the exit code has to do.
    let _ = writeln!(io::stderr(), "twinbucket: cannot start the runtime: {text}");
    process::exit(1);
}
