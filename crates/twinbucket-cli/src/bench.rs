//! `twinbucket bench`: runs the lab's benches and shows what they found.
//!
//! What to measure is the plan of `args`, how it is measured the lab's business, and what becomes of the results that
//! of `outputs`. This file puts them in order: everything that can be refused is refused before anything is measured.

mod args;
mod bar;
mod folder;
mod options;
mod outputs;
mod probe;
mod values;

use std::env;
use std::io::{self, BufWriter, Write};
use std::process::{self, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use indicatif::ProgressBar;
use twinbucket_lab::plan::Plan;
use twinbucket_lab::results::{Environment, FORMAT, Results};
use twinbucket_lab::run::{self, Stop};

use self::args::{Report, What};
use self::bar::Bar;
use self::outputs::{Judgement, Outputs};
use crate::BAD_USAGE;
use crate::allocator::{self, Allocator};
use crate::error::bad_usage;

pub(crate) use self::args::BenchArgs;

/// Exit code when a budget is broken.
const BROKEN_BUDGET: u8 = 3;
/// Exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Ends the run early after Ctrl-C.
static STOP: Stop = Stop::new();
/// Held while files are written, so that no Ctrl-C leaves a half-written one behind.
static SAVING: Mutex<()> = Mutex::new(());

/// Does what the command line says.
///
/// # Errors
/// If the plan or an output is refused, or a bench or an output fails.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let Some(output_args) = args.what.outputs() else {
        probe::answer()?;
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(allocator) = args.what.allocator() {
        use_allocator(allocator)?;
    }
    let outputs;
    let results = match &args.what {
        What::Report(Report { from, .. }) if !from.is_empty() => {
            let results = outputs::read_all(from)?;
            outputs = Outputs::prepare(output_args, &args.what)?;
            results
        }
        what => {
            let plan = what.plan()?;
            run::check(&plan).map_err(bad_usage)?;
            outputs = Outputs::prepare(output_args, what)?;
            measure(&plan)?
        }
    };
    finish(&results, &outputs)
}

/// Saves and prints the results.
fn finish(results: &Results, outputs: &Outputs<'_>) -> anyhow::Result<ExitCode> {
    let interrupted = STOP.asked();
    if interrupted && results.measurements.is_empty() {
        writeln!(io::stderr(), "twinbucket: stopped before anything was measured; no file was written")?;
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let saved = {
        let _saving = SAVING.lock().unwrap_or_else(PoisonError::into_inner);
        outputs.save(results)
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = outputs.print(results, &mut out).and_then(|judgement| out.flush().map(|()| judgement));
    saved?;
    let judgement = printed.context("cannot write to standard output")?;
    Ok(match judgement {
        _ if interrupted => ExitCode::from(INTERRUPTED),
        Judgement::Kept => ExitCode::SUCCESS,
        Judgement::Broken => ExitCode::from(BROKEN_BUDGET),
        Judgement::Impossible => ExitCode::from(BAD_USAGE),
    })
}

/// Carries out a plan.
fn measure(plan: &Plan) -> anyhow::Result<Results> {
    let began = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let bar = Bar::new();
    stop_on_ctrl_c(bar.shared())?;
    let measurements = run::run(plan, &bar, &STOP, &probe::ask)?;
    Ok(Results {
        format: FORMAT,
        environment: Environment::read(Allocator::in_use().name()),
        command: command(),
        began,
        complete: !STOP.asked(),
        measurements,
    })
}

/// The command line, without the folder that the program is in.
fn command() -> Vec<String> {
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    ["twinbucket".to_owned()].into_iter().chain(words).collect()
}

/// Lets the first Ctrl-C end the run early, and the second one the program.
fn stop_on_ctrl_c(bar: ProgressBar) -> anyhow::Result<()> {
    let handler = move || {
        if STOP.asked() {
            let _saving = SAVING.lock().unwrap_or_else(PoisonError::into_inner);
            bar.finish_and_clear();
            process::exit(INTERRUPTED.into());
        }
        STOP.ask();
        bar.println("stopping after this turn; Ctrl-C again ends at once");
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")
}

/// Starts the program anew with another allocator, unless it has the one that is wanted.
fn use_allocator(wanted: Allocator) -> anyhow::Result<()> {
    if Allocator::in_use() == wanted {
        return Ok(());
    }
    let message = || format!("cannot start again with the allocator {}", wanted.name());
    let asked_before = env::var_os(allocator::VARIABLE).is_some_and(|value| value == wanted.name());
    anyhow::ensure!(!asked_before, "{}", message());
    Err(restart(wanted)).with_context(message)
}

/// Puts a new process of this program, with the given allocator, in the place of this one; returns only if that fails.
#[cfg(unix)]
fn restart(allocator: Allocator) -> io::Error {
    use std::os::unix::process::CommandExt;

    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    process::Command::new(program).args(env::args_os().skip(1)).env(allocator::VARIABLE, allocator.name()).exec()
}

/// Says how to do it by hand, as there is no portable way.
#[cfg(not(unix))]
fn restart(allocator: Allocator) -> io::Error {
    io::Error::other(format!("set the environment variable {}={}", allocator::VARIABLE, allocator.name()))
}
