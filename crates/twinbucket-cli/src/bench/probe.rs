//! Memory, measured in a process of its own: the program starts itself for each rival, so that none finds what another
//! left.

use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use twinbucket_lab::memory::{self, MemoryFigures, MemoryJob};

use crate::bench::STOP;

/// How long Ctrl-C may take to reach this process when it has ended the other one.
const GRACE: Duration = Duration::from_millis(100);

/// Starts the program anew to do `job`, with the same allocator, and takes its answer; after Ctrl-C, that is empty.
///
/// # Errors
/// If the process cannot be started or fails; it tells why on standard error.
pub(crate) fn ask(job: &MemoryJob) -> anyhow::Result<MemoryFigures> {
    let about = || format!("cannot measure the memory of {}", job.rival);
    let mut child = Command::new(env::current_exe()?)
        .args(["bench", "memory-probe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(about)?;
    let mut question = child.stdin.take().expect("it was piped");
    // If the child ends before it has read all, its exit code tells.
    let _ = question.write_all(&serde_json::to_vec(job)?);
    drop(question);
    let answer = child.wait_with_output().with_context(about)?;
    if !answer.status.success() && is_interrupted() {
        return Ok(MemoryFigures { states: Vec::new(), left_out: None });
    }
    ensure!(answer.status.success(), "{}: the process for it ended with {}", about(), answer.status);
    serde_json::from_slice(&answer.stdout).with_context(about)
}

/// Tells whether the run is to stop, once another process has failed. A terminal sends Ctrl-C to both.
fn is_interrupted() -> bool {
    thread::sleep(GRACE);
    STOP.asked()
}

/// Does the job on standard input and answers on standard output.
///
/// # Errors
/// If there is no such job, or it cannot be done.
pub(crate) fn answer() -> anyhow::Result<()> {
    let job: MemoryJob = serde_json::from_reader(io::stdin().lock()).context("standard input holds no job")?;
    serde_json::to_writer(io::stdout().lock(), &memory::measure(&job)?)?;
    Ok(())
}
