//! `--check`: loads everything that would be served, says how it went, and ends.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::process::ExitCode;

use twinbucket_feed::State;

use super::config::Config;
use super::open::open_all;
use super::served::Served;

/// Opens every table, and prints a line for each.
pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut failed = false;
    for outcome in open_all(&config.tables, RandomState::new().hash_one(0)) {
        match outcome.map_err(|error| error.to_string()).and_then(|served| line(&served)) {
            Ok(line) => writeln!(io::stdout(), "{line}")?,
            Err(problem) => {
                failed = true;
                writeln!(io::stderr(), "twinbucket: {problem}")?;
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Says what a table has; or why it has nothing from its source, also where that would not keep it from starting.
fn line(served: &Served) -> Result<String, String> {
    let (status, name) = (served.content.status(), &served.spec.name);
    match (status.error(), status.state()) {
        (Some(error), _) => return Err(format!("table {name}: {error}")),
        (None, State::Starting) => {
            return Err(format!("table {name}: {}: no answer within {:?}", served.content.source(), served.spec.wait));
        }
        _ => {}
    }
    let (entries, source, format) = (status.entries(), served.content.source(), served.spec.format);
    let bad = match status.quarantined_rows() {
        0 => String::new(),
        rows => {
            let first = status.quarantined().first().map(ToString::to_string).unwrap_or_default();
            format!("; {rows} bad rows left out, the first: {first}")
        }
    };
    Ok(format!("table {name}: {entries} entries from {source} ({format}){bad}"))
}
