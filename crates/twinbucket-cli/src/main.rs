//! The program `twinbucket`: the store's main job on a real table, measured beside clone-and-swap; and with the feature
//! `lab` also `twinbucket bench`, which measures the store beside other maps; and with the feature `serve`, which is on by
//! default, `twinbucket serve`, the daemon.
//!
//! Exit codes: 0 for success, 1 for a table that cannot be loaded, a check that failed or a result that
//! cannot be written, 2 for bad usage; `bench` has two more. Whoever closes standard output has read enough, which is
//! success.

#[cfg(feature = "lab")]
mod allocator;
mod args;
#[cfg(feature = "lab")]
mod bench;
mod builtin;
mod contender;
mod edits;
mod error;
mod files;
mod json;
mod measure;
mod progress;
mod random;
mod report;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod table;
mod threads;
mod units;
mod walk;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::args::{Args, Command};
use crate::error::BadUsage;
use crate::files::OutputFile;
use crate::progress::Progress;
use crate::report::Report;
use crate::table::Table;

/// Exit code for a command line that makes no sense.
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed as well, the exit code has to do.
            let _ = writeln!(io::stderr(), "twinbucket: {error:#}");
            if error.is::<BadUsage>() { ExitCode::from(BAD_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// Does what the command line says.
fn run() -> anyhow::Result<ExitCode> {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) if usage.use_stderr() => {
            // If standard error is closed, the exit code has to do.
            let _ = usage.print();
            return Ok(ExitCode::from(BAD_USAGE));
        }
        Err(help) => {
            help.print()?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    match args.command {
        Some(Command::Bench(bench)) => run_bench(&bench),
        Some(Command::Serve(serve)) => run_serve(&serve),
        None => run_main_job(&args),
    }
}

/// Runs `twinbucket bench`.
#[cfg(feature = "lab")]
fn run_bench(args: &bench::BenchArgs) -> anyhow::Result<ExitCode> {
    bench::run(args)
}

/// Says which build has `twinbucket bench`.
#[cfg(not(feature = "lab"))]
fn run_bench(_: &args::NoBench) -> anyhow::Result<ExitCode> {
    Err(error::bad_usage("this build has no bench; `cargo run --release --features peers -- bench ...` has"))
}

/// Runs `twinbucket serve`.
#[cfg(feature = "serve")]
fn run_serve(args: &serve::ServeArgs) -> anyhow::Result<ExitCode> {
    serve::run(args)
}

/// Says which build has `twinbucket serve`.
#[cfg(not(feature = "serve"))]
fn run_serve(_: &args::NoServe) -> anyhow::Result<ExitCode> {
    Err(error::bad_usage("this build has no daemon; `cargo run --release -- serve ...` has, with the default features"))
}

/// Runs the store's main job.
fn run_main_job(args: &Args) -> anyhow::Result<ExitCode> {
    let json = args.json.as_deref().map(|path| OutputFile::prepare("JSON file", path)).transpose()?;
    let plan = args.plan();
    let progress = Progress::new("loading the table");
    let table = match args.table() {
        Some((path, columns)) => Table::open(path, columns)?,
        None => builtin::unicode_data()?,
    };
    let outcome = run::run(&table, &plan, &progress)?;
    drop(progress);
    let report = Report { table: &table, plan: &plan, outcome: &outcome };
    let saved = json.map_or(Ok(()), |json| json.write(&report.to_json()));
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = report.print(&mut out).and_then(|()| out.flush());
    saved?;
    printed.context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// Tells whether `error` comes from writing to someone who no longer reads.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(broken)
}
