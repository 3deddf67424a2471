//! The command line of `twinbucket serve`.

use std::path::PathBuf;

use super::config::Flags;
use super::settings::Given;
use super::spec::TableSpec;
use crate::error::bad_usage;

/// Serve tables that follow their sources, over HTTP and to Redis clients
///
/// Each table is loaded from its source, checked as a whole, and swapped in at once; if something is wrong, the last
/// good version stays. Reads never wait for that.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ServeArgs {
    /// Table to serve; may be given several times, and the first one is the default for Redis clients
    ///
    /// SOURCE is a file, a pattern for the files of a directory (conf.d/*.toml) or an http:// address. FORMAT is csv,
    /// tsv, json, ndjson, toml, yaml or cidr, by default what SOURCE ends with.
    #[arg(long, value_name = "NAME=SOURCE[:FORMAT]", value_parser = TableSpec::from_flag)]
    table: Vec<TableSpec>,

    /// Column with the key, for one table or all; by default the first
    #[arg(long, value_name = "[TABLE=]COLUMN", value_parser = key)]
    key: Vec<Key>,

    /// Configuration file in TOML, which is followed; what flags say wins
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Load and check everything, print a line for each table, and exit
    #[arg(long)]
    pub(crate) check: bool,

    /// What the file can say as well.
    #[command(flatten)]
    given: Given,
}

/// What `--help` says at its end.
const EXIT_CODES: &str = "Exit code: 0 after SIGTERM or a check that went well, 1 if something cannot be loaded or \
                          bound, 2 for bad usage. SIGHUP reloads everything.";

/// A table, or all of them, and a column.
type Key = (Option<String>, String);

impl ServeArgs {
    /// Returns what the flags say.
    ///
    /// # Errors
    /// If they say nothing, or something that makes no sense.
    pub(crate) fn flags(&self) -> anyhow::Result<Flags> {
        self.given.check().map_err(bad_usage)?;
        if self.table.is_empty() && self.config.is_none() {
            return Err(bad_usage("nothing to serve; name a table with --table NAME=SOURCE, or a file with --config"));
        }
        Ok(Flags { given: self.given.clone(), tables: self.table.clone(), keys: self.key.clone() })
    }
}

/// Parses the value of `--key`.
fn key(text: &str) -> Result<Key, String> {
    let (table, column) = match text.split_once('=') {
        Some((table, column)) => (Some(table.to_owned()), column),
        None => (None, text),
    };
    if column.is_empty() || table.as_deref() == Some("") {
        return Err("write it as COLUMN or TABLE=COLUMN".to_owned());
    }
    Ok((table, column.to_owned()))
}
