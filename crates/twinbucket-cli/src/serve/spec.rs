//! What is to be known of a table to open it: its source, its format, and how it behaves.
//!
//! Two specs that are equal make the same table, so that a new configuration leaves those tables alone that it does not
//! change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

/// Longest name of a table, in bytes.
const LONGEST_NAME: usize = 64;

/// The formats that tables can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FileFormat {
    /// Lines of fields, separated by commas or semicolons.
    Csv,
    /// Lines of fields, separated by tabs.
    Tsv,
    /// An object, or an array of objects.
    Json,
    /// A JSON value a line.
    Ndjson,
    /// Keys and tables of TOML.
    Toml,
    /// A mapping, or a sequence of mappings.
    Yaml,
    /// Lines of fields of which the first say an address range; keys are looked up as addresses.
    Cidr,
}

impl FileFormat {
    /// All formats, by the names that users give.
    const NAMES: [(&'static str, Self); 7] = [
        ("csv", Self::Csv),
        ("tsv", Self::Tsv),
        ("json", Self::Json),
        ("ndjson", Self::Ndjson),
        ("toml", Self::Toml),
        ("yaml", Self::Yaml),
        ("cidr", Self::Cidr),
    ];

    /// Returns the name.
    pub(crate) fn as_str(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, format)| *format == self).expect("every format has a name").0
    }

    /// Tells the format of a file, a pattern or an address by how its name ends.
    fn of_name(name: &str) -> Option<Self> {
        let name = name.split(['?', '#']).next().unwrap_or_default();
        let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
        match &*extension {
            "jsonl" => Some(Self::Ndjson),
            "yml" => Some(Self::Yaml),
            other => other.parse().ok(),
        }
    }
}

impl FromStr for FileFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, format)| format);
        found.ok_or_else(|| format!("{text:?} is not a format; give one of {}", names()))
    }
}

/// The names of the formats, for messages.
fn names() -> String {
    FileFormat::NAMES.map(|(name, _)| name).join(", ")
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FileFormat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a table's content comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// One file.
    File(PathBuf),
    /// The files of a directory that match a pattern.
    Directory(PathBuf, String),
    /// An address on a web server.
    Http(String),
}

impl Origin {
    /// Takes what a user wrote; relative paths begin at `base`.
    pub(crate) fn parse(text: &str, base: &Path) -> Result<Self, String> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Http(text.to_owned()));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("{scheme}:// is not known; give a file, a pattern such as conf.d/*.toml, or http://"));
        }
        let path = Path::new(text);
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(format!(
                "{text:?} does not name a file; give a file, a pattern such as conf.d/*.toml, or http://"
            ));
        };
        if !name.contains(['*', '?', '[']) {
            return Ok(Self::File(base.join(path)));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if directory.to_string_lossy().contains(['*', '?']) {
            return Err(format!("{text:?} has a pattern in its directory; only the name of the file may be one"));
        }
        Ok(Self::Directory(base.join(directory), name.to_owned()))
    }

    /// Tells the format by how the name ends.
    fn format(&self) -> Option<FileFormat> {
        match self {
            Self::File(path) => FileFormat::of_name(&path.to_string_lossy()),
            Self::Directory(_, name) => FileFormat::of_name(name),
            Self::Http(address) => FileFormat::of_name(address.split_once("://").map_or(address, |(_, rest)| rest)),
        }
    }
}

/// What a table has where nothing could be loaded in time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Otherwise {
    /// It does not open.
    #[default]
    Fail,
    /// Nothing.
    Empty,
    /// The content of a file that is read at the start.
    Embedded(PathBuf),
}

/// What becomes of a key that several files of a directory have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnOverlap {
    /// The second row is a bad row.
    #[default]
    Error,
    /// The later file wins.
    LaterWins,
}

/// How an address on a web server is asked.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct HttpSpec {
    /// Headers to send.
    pub(crate) headers: Vec<(String, String)>,
    /// File with a token to send.
    pub(crate) bearer_file: Option<PathBuf>,
    /// Time for one look.
    pub(crate) timeout: Option<Duration>,
    /// Longest pause after failures.
    pub(crate) max_backoff: Option<Duration>,
}

/// What to do about read buckets that are held for long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LongPinsSpec {
    /// How long is long.
    pub(crate) after: Duration,
    /// Whether to log the place that took one.
    pub(crate) log: bool,
    /// File to list all pins in.
    pub(crate) dump: Option<PathBuf>,
}

/// All that makes a table what it is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TableSpec {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Where its content comes from.
    pub(crate) origin: Origin,
    /// How that is read.
    pub(crate) format: FileFormat,
    /// Column with the key, if it is not the first.
    pub(crate) key: Option<String>,
    /// Name of the array that has the rows, in a TOML, JSON or YAML file that has more than rows.
    pub(crate) rows_at: Option<String>,
    /// The most bad rows to leave out; 0 for none.
    pub(crate) quarantine: usize,
    /// What becomes of a key that several files have.
    pub(crate) overlaps: OnOverlap,
    /// Whether an empty table is refused.
    pub(crate) not_empty: bool,
    /// The greatest part of its entries that the table may lose at once.
    pub(crate) max_shrink: Option<f64>,
    /// The most entries that it may have.
    pub(crate) max_entries: Option<usize>,
    /// After what time without proof it is stale.
    pub(crate) stale_after: Option<Duration>,
    /// How long to wait for it at the start.
    pub(crate) wait: Duration,
    /// What it has if that was in vain.
    pub(crate) otherwise: Otherwise,
    /// Generations to keep before the current one.
    pub(crate) keep: usize,
    /// How long a change must have settled.
    pub(crate) settle: Duration,
    /// How long a change may take to settle.
    pub(crate) max_delay: Duration,
    /// Time between two looks at a file whose watch is well.
    pub(crate) recheck: Option<Duration>,
    /// Time between two looks at a file that cannot be watched.
    pub(crate) poll: Option<Duration>,
    /// Time between two looks at an address.
    pub(crate) interval: Duration,
    /// The most bytes that the content may have.
    pub(crate) max_bytes: Option<u64>,
    /// How an address is asked.
    pub(crate) http: HttpSpec,
    /// What to do about read buckets that are held for long.
    pub(crate) long_pins: Option<LongPinsSpec>,
}

impl TableSpec {
    /// Makes a spec with the defaults for all that is not said; relative paths begin at `base`.
    ///
    /// # Errors
    /// If the name or the source cannot be used, or no format is given and the source's name tells none.
    pub(crate) fn new(name: &str, source: &str, format: Option<FileFormat>, base: &Path) -> Result<Self, String> {
        check_name(name)?;
        let origin = Origin::parse(source, base)?;
        let format = format
            .or_else(|| origin.format())
            .ok_or_else(|| format!("the format of {source:?} cannot be told from its name; give one of {}", names()))?;
        Ok(Self {
            name: name.into(),
            origin,
            format,
            key: None,
            rows_at: None,
            quarantine: 0,
            overlaps: OnOverlap::default(),
            not_empty: false,
            max_shrink: None,
            max_entries: None,
            stale_after: None,
            wait: Duration::from_secs(5),
            otherwise: Otherwise::default(),
            keep: 2,
            settle: Duration::from_millis(50),
            max_delay: Duration::from_secs(1),
            recheck: None,
            poll: None,
            interval: Duration::from_secs(30),
            max_bytes: None,
            http: HttpSpec::default(),
            long_pins: None,
        })
    }

    /// Takes the value of `--table`: `NAME=SOURCE` or `NAME=SOURCE:FORMAT`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn from_flag(text: &str) -> Result<Self, String> {
        let Some((name, source)) = text.split_once('=') else {
            return Err(format!("{text:?} is not a table; write it as NAME=SOURCE or NAME=SOURCE:FORMAT"));
        };
        let (source, format) = split_format(source)?;
        Self::new(name, source, format, Path::new(""))
    }
}

/// Splits off the format at the end of a source.
fn split_format(source: &str) -> Result<(&str, Option<FileFormat>), String> {
    let Some((front, end)) = source.rsplit_once(':') else { return Ok((source, None)) };
    match end.parse() {
        Ok(format) => Ok((front, Some(format))),
        // The port or the path of an address, a drive, or the name of a file that is so called.
        Err(_) if source.contains("://") || end.is_empty() || !end.bytes().all(|b| b.is_ascii_alphabetic()) => {
            Ok((source, None))
        }
        Err(problem) => Err(problem),
    }
}

/// Checks the name of a table.
fn check_name(name: &str) -> Result<(), String> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_fine) {
        return Err(format!(
            "{name:?} cannot be the name of a table; use letters, digits, dots, dashes and underscores, {LONGEST_NAME} at \
             most"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(text: &str) -> (Origin, FileFormat) {
        let spec = TableSpec::from_flag(text).unwrap();
        (spec.origin, spec.format)
    }

    #[test]
    fn sources_are_files_patterns_and_addresses() {
        assert_eq!(flag("a=routes.csv"), (Origin::File("routes.csv".into()), FileFormat::Csv));
        assert_eq!(flag("a=geoip:cidr"), (Origin::File("geoip".into()), FileFormat::Cidr));
        assert_eq!(flag("a=conf.d/*.toml"), (Origin::Directory("conf.d".into(), "*.toml".into()), FileFormat::Toml));
        assert_eq!(flag("a=*.yml"), (Origin::Directory(".".into(), "*.yml".into()), FileFormat::Yaml));
        let address = "http://host:80/x";
        assert_eq!(flag("a=http://host:80/x:ndjson"), (Origin::Http(address.into()), FileFormat::Ndjson));
        assert_eq!(flag("a=http://h:80/x.json?y=1").1, FileFormat::Json);
    }

    #[test]
    fn what_makes_no_table_is_refused_with_what_to_do() {
        for (text, part) in [
            ("routes.csv", "write it as NAME=SOURCE"),
            ("a=routes.dat", "cannot be told from its name; give one of csv, tsv"),
            ("a=routes.dat:jsn", "\"jsn\" is not a format"),
            ("a b=routes.csv", "cannot be the name of a table"),
            ("=routes.csv", "cannot be the name of a table"),
            ("a=", "does not name a file"),
            ("a=ftp://x/y.csv", "ftp:// is not known"),
            ("a=c*/*.toml", "only the name of the file"),
            ("a=http://host:80", "cannot be told from its name"),
        ] {
            let problem = TableSpec::from_flag(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
