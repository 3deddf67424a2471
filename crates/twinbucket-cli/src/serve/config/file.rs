//! The configuration file as it is written.
//!
//! ```toml
//! [server]
//! listen = "127.0.0.1:7878"
//!
//! [[table]]
//! name = "routes"
//! source = "routes.csv"
//! ```
//!
//! A key that is not known is an error, so that a slip of the pen does not pass for a setting.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::serve::resp_limits::GivenRespLimits;
use crate::serve::settings::{Given, GivenLimits, GivenServer, Time};
use crate::serve::spec::{FileFormat, HttpSpec, LongPinsSpec, OnOverlap, Otherwise, TableSpec};

/// Where in the file something is wrong, in bytes, and what.
type Problem = (usize, String);

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    /// The daemon itself.
    server: GivenServer,
    /// Limits of HTTP.
    limits: GivenLimits,
    /// Limits of RESP.
    resp_limits: GivenRespLimits,
    /// The tables, in order.
    table: Vec<TableEntry>,
}

/// One table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableEntry {
    /// Its name.
    name: Spanned<String>,
    /// File, pattern or address.
    source: Spanned<String>,
    /// How it is read; by the source's name if not given.
    format: Option<FileFormat>,
    /// Column with the key.
    key: Option<String>,
    /// Name of the array that has the rows.
    rows_at: Option<String>,
    /// The most bad rows to leave out.
    #[serde(default)]
    quarantine: usize,
    /// What becomes of a key that several files have.
    #[serde(default)]
    overlaps: OnOverlap,
    /// Limits on what a load may do.
    #[serde(default)]
    guard: GuardEntry,
    /// After what time without proof it is stale.
    stale_after: Option<Time>,
    /// How it starts.
    #[serde(default)]
    start: Option<Spanned<StartEntry>>,
    /// Generations to keep.
    keep: Option<usize>,
    /// How long a change must have settled.
    settle: Option<Time>,
    /// How long a change may take to settle.
    max_delay: Option<Time>,
    /// Time between two looks at a file whose watch is well.
    recheck: Option<Time>,
    /// Time between two looks at a file that cannot be watched.
    poll: Option<Time>,
    /// Time between two looks at an address.
    interval: Option<Time>,
    /// The most bytes that the content may have.
    max_bytes: Option<u64>,
    /// How an address is asked.
    #[serde(default)]
    http: HttpEntry,
    /// What to do about read buckets that are held for long.
    long_pins: Option<LongPinsEntry>,
}

/// Limits on what a load may do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GuardEntry {
    /// Whether an empty table is refused.
    not_empty: bool,
    /// The greatest part of its entries that the table may lose.
    max_shrink: Option<Spanned<f64>>,
    /// The most entries.
    max_entries: Option<usize>,
}

/// How a table starts.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct StartEntry {
    /// How long to wait for the first load.
    wait: Option<Time>,
    /// Whether to start empty then.
    or_empty: bool,
    /// File with what to start with then.
    or_embedded: Option<PathBuf>,
}

/// How an address is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpEntry {
    /// Headers to send.
    headers: BTreeMap<String, String>,
    /// File with a token to send.
    bearer_file: Option<PathBuf>,
    /// Time for one look.
    timeout: Option<Time>,
    /// Longest pause after failures.
    max_backoff: Option<Time>,
}

/// What to do about read buckets that are held for long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongPinsEntry {
    /// How long is long.
    after: Time,
    /// Whether to log them.
    #[serde(default = "yes")]
    log: bool,
    /// File to list all pins in.
    dump: Option<PathBuf>,
}

/// What is the case unless it is denied.
fn yes() -> bool {
    true
}

impl ConfigFile {
    /// Returns the daemon's settings, and each table with its place in the file.
    pub(super) fn resolve(self, base: &Path) -> Result<(Given, Vec<(usize, TableSpec)>), Problem> {
        let mut server = self.server;
        server.admin_token = server.admin_token.map(|path| base.join(path));
        let given = Given { server, limits: self.limits, resp_limits: self.resp_limits };
        let tables = self.table.into_iter().map(|entry| Ok((entry.name.span().start, entry.resolve(base)?)));
        Ok((given, tables.collect::<Result<_, Problem>>()?))
    }
}

impl TableEntry {
    fn resolve(self, base: &Path) -> Result<TableSpec, Problem> {
        let (name, source) = (self.name.span(), self.source.span());
        let spec = TableSpec::new(self.name.as_ref(), self.source.as_ref(), self.format, base);
        let problem_at = |problem: &str| if problem.contains("name of a table") { name.start } else { source.start };
        let mut spec = spec.map_err(|problem| (problem_at(&problem), problem))?;
        self.guard.check()?;
        let time = |given: Option<Time>| given.map(|Time(time)| time);
        if let Some(start) = self.start {
            let span = start.span();
            let start = start.into_inner();
            spec.wait = time(start.wait).unwrap_or(spec.wait);
            spec.otherwise = start.otherwise(base, span)?;
        }
        spec.key = self.key;
        spec.rows_at = self.rows_at;
        spec.quarantine = self.quarantine;
        spec.overlaps = self.overlaps;
        spec.not_empty = self.guard.not_empty;
        spec.max_shrink = self.guard.max_shrink.map(Spanned::into_inner);
        spec.max_entries = self.guard.max_entries;
        spec.stale_after = time(self.stale_after);
        spec.keep = self.keep.unwrap_or(spec.keep);
        spec.settle = time(self.settle).unwrap_or(spec.settle);
        spec.max_delay = time(self.max_delay).unwrap_or(spec.max_delay);
        spec.recheck = time(self.recheck);
        spec.poll = time(self.poll);
        spec.interval = time(self.interval).unwrap_or(spec.interval);
        spec.max_bytes = self.max_bytes;
        spec.http = self.http.resolve(base);
        spec.long_pins = self.long_pins.map(|pins| pins.resolve(base));
        Ok(spec)
    }
}

impl GuardEntry {
    fn check(&self) -> Result<(), Problem> {
        match &self.max_shrink {
            Some(part) if !(0.0..=1.0).contains(part.as_ref()) => {
                let problem = format!("max_shrink = {}: give the part of the entries, from 0.0 to 1.0", part.as_ref());
                Err((part.span().start, problem))
            }
            _ => Ok(()),
        }
    }
}

impl StartEntry {
    fn otherwise(self, base: &Path, span: Range<usize>) -> Result<Otherwise, Problem> {
        match (self.or_empty, self.or_embedded) {
            (true, Some(_)) => Err((span.start, "or_empty and or_embedded exclude each other; keep one".to_owned())),
            (true, None) => Ok(Otherwise::Empty),
            (false, Some(path)) => Ok(Otherwise::Embedded(base.join(path))),
            (false, None) => Ok(Otherwise::Fail),
        }
    }
}

impl HttpEntry {
    fn resolve(self, base: &Path) -> HttpSpec {
        HttpSpec {
            headers: self.headers.into_iter().collect(),
            bearer_file: self.bearer_file.map(|path| base.join(path)),
            timeout: self.timeout.map(|Time(time)| time),
            max_backoff: self.max_backoff.map(|Time(time)| time),
        }
    }
}

impl LongPinsEntry {
    fn resolve(self, base: &Path) -> LongPinsSpec {
        LongPinsSpec { after: self.after.0, log: self.log, dump: self.dump.map(|path| base.join(path)) }
    }
}
