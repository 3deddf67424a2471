//! The command line.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand};

#[cfg(feature = "lab")]
use crate::bench::BenchArgs;
use crate::run::Plan;
#[cfg(feature = "serve")]
use crate::serve::ServeArgs;
use crate::table::first_repeated;

/// Longest run, in seconds.
const LONGEST: f64 = 86_400.0;

/// Put a lookup table into a twinbucket store, and measure reads while it changes.
///
/// Reader threads look up keys at full speed. A writer publishes small changes, and now and then reloads the
/// whole table. One more thread walks the table as it was before the first change, again and again, and
/// checks that it never sees anything newer. The same is done with the usual way (clone the whole map, change
/// the clone, swap a pointer), and the report shows both.
///
/// Without options this runs for 5 seconds on a table that comes with the program: the Unicode character
/// database.
#[derive(Debug, Parser)]
#[command(name = "twinbucket", version, max_term_width = 100, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    /// Another job than the main one.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Table to load instead of the built-in one: a CSV or TSV file in UTF-8
    ///
    /// The first column is the key, and no key may stand twice. The first line names the columns, unless
    /// --columns does. A file that is called .tsv has tabs between its fields; for other files the first line
    /// shows whether it is tabs, commas or semicolons.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,

    /// Names of the columns, for a table whose first line is a row already
    #[arg(long, value_name = "A,B,C", value_parser = columns, requires = "table")]
    columns: Option<Columns>,

    /// Time to measure, in seconds
    #[arg(long, value_name = "N", default_value = "5", value_parser = seconds)]
    seconds: Duration,

    /// Number of reader threads [default: one less than there are CPUs, but at least 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    readers: Option<u16>,

    /// Number of changes per publish
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    delta: u32,

    /// Publishes per second that the writer tries to reach; 0 for as many as it can
    #[arg(long, value_name = "N", default_value = "5000", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    rate: u32,

    /// Write all figures to a JSON file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// A job of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "lab")]
    Bench(Box<BenchArgs>),
    #[cfg(not(feature = "lab"))]
    Bench(NoBench),
    #[cfg(feature = "serve")]
    Serve(Box<ServeArgs>),
    #[cfg(not(feature = "serve"))]
    Serve(NoServe),
}

/// Serve tables over HTTP and to Redis clients; this build leaves that out, one with the default features has it
#[cfg(not(feature = "serve"))]
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct NoServe {
    /// Whatever a build that has it would understand.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<std::ffi::OsString>,
}

/// Measure the store beside other maps; this build leaves that out, one with `--features peers` has it
#[cfg(not(feature = "lab"))]
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct NoBench {
    /// Whatever a build that has it would understand.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<std::ffi::OsString>,
}

/// What `--help` says at its end.
const EXIT_CODES: &str = "Exit code: 0 on success, 1 if the table cannot be loaded or a check fails, 2 for bad usage.";

/// Names of columns, as one argument.
#[derive(Clone, Debug)]
pub(crate) struct Columns(Vec<String>);

impl Columns {
    /// The names.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl Args {
    /// The table to load and the names of its columns, if its first line does not have them; `None` for the built-in
    /// table.
    pub(crate) fn table(&self) -> Option<(&PathBuf, Option<&[String]>)> {
        self.table.as_ref().map(|path| (path, self.columns.as_ref().map(Columns::names)))
    }

    /// What the run is to do.
    pub(crate) fn plan(&self) -> Plan {
        let spare_cpus = || thread::available_parallelism().map_or(1, |cpus| cpus.get().saturating_sub(1).max(1));
        Plan {
            time: self.seconds,
            readers: self.readers.map_or_else(spare_cpus, usize::from),
            delta: usize::try_from(self.delta).unwrap_or(usize::MAX),
            interval: Duration::from_secs(1).checked_div(self.rate).unwrap_or_default(),
        }
    }
}

/// Parses the names of columns.
pub(crate) fn columns(text: &str) -> Result<Columns, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err("a column has no name; separate the names by single commas".to_owned());
    }
    match first_repeated(&names) {
        Some(name) => Err(format!("column {name:?} is named twice")),
        None => Ok(Columns(names)),
    }
}

/// Parses a number of seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=LONGEST).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("not between 0.001 and {LONGEST}"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn seconds_are_positive_and_finite() {
        for text in ["0", "-1", "nan", "inf", "1e9", "five", ""] {
            assert!(seconds(text).is_err(), "{text:?}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn columns_have_names_of_their_own() {
        assert_eq!(columns("a, b,c").unwrap().0, ["a", "b", "c"]);
        for text in ["", "a,,b", "a,b,", "a,b, a"] {
            assert!(columns(text).is_err(), "{text:?}");
        }
    }
}
