//! The configuration: the file, the flags, and what the two say together.
//!
//! An error in the file names its line and column. What the flags say wins over the file; tables are those of the flags
//! and then those of the file.

mod file;

use std::path::Path;
use std::sync::Arc;

use twinbucket_feed::{Place, RowError};

use self::file::ConfigFile;
use super::settings::{Given, Server};
use super::spec::TableSpec;

/// Most tables that a daemon has.
const MOST_TABLES: usize = 10_000;

/// A whole configuration.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Config {
    /// The daemon's own settings.
    pub(crate) server: Server,
    /// The tables, in order.
    pub(crate) tables: Vec<Arc<TableSpec>>,
}

/// What the flags say.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    /// The daemon's own settings.
    pub(crate) given: Given,
    /// The tables.
    pub(crate) tables: Vec<TableSpec>,
    /// What `--key` says: a table, or all of them, and the column.
    pub(crate) keys: Vec<(Option<String>, String)>,
}

impl Config {
    /// Makes a configuration of flags alone.
    ///
    /// # Errors
    /// If two tables have one name, or the flags speak of a table that is not there.
    pub(crate) fn of_flags(flags: &Flags) -> Result<Self, String> {
        let server = Server::new(&flags.given, &Given::default());
        let tables = tables(flags, Vec::new()).map_err(|(_, problem)| problem)?;
        check_admin(&server)?;
        Ok(Self { server, tables })
    }

    /// Makes a configuration of the text of a file, and of flags. Relative paths in the file begin at the file's
    /// directory.
    ///
    /// # Errors
    /// If the file cannot be understood, or as [`of_flags`](Self::of_flags); with the place in the file.
    pub(crate) fn of_file(flags: &Flags, file: &Arc<str>, text: &str) -> Result<Self, RowError> {
        let at = |offset: Option<usize>, problem: &str| {
            let (line, column) = offset.map_or((0, 0), |offset| position(text, offset));
            RowError::new(Place { file: Arc::clone(file), line, column }, problem)
        };
        let base = Path::new(&**file).parent().unwrap_or(Path::new(""));
        let parsed: ConfigFile =
            toml::from_str(text).map_err(|error| at(error.span().map(|span| span.start), error.message()))?;
        let (given, specs) = parsed.resolve(base).map_err(|(offset, problem)| at(Some(offset), &problem))?;
        given.check().map_err(|problem| at(None, &problem))?;
        let server = Server::new(&flags.given, &given);
        let tables = tables(flags, specs).map_err(|(offset, problem)| at(offset, &problem))?;
        check_admin(&server).map_err(|problem| at(None, &problem))?;
        Ok(Self { server, tables })
    }
}

/// Puts the tables of the flags and of the file together; an error may have a place in the file.
fn tables(flags: &Flags, of_file: Vec<(usize, TableSpec)>) -> Result<Vec<Arc<TableSpec>>, (Option<usize>, String)> {
    let of_flags = flags.tables.iter().cloned().map(|spec| (None, spec));
    let mut specs: Vec<(Option<usize>, TableSpec)> =
        of_flags.chain(of_file.into_iter().map(|(offset, spec)| (Some(offset), spec))).collect();
    if specs.len() > MOST_TABLES {
        return Err((None, format!("there are {} tables; {MOST_TABLES} can be served", specs.len())));
    }
    let mut names = hashbrown::HashSet::new();
    for (offset, spec) in &specs {
        if !names.insert(Arc::clone(&spec.name)) {
            return Err((*offset, format!("there is a table {:?} already; give this one another name", spec.name)));
        }
    }
    for (table, column) in &flags.keys {
        let meant = |spec: &TableSpec| table.as_deref().is_none_or(|name| *name == *spec.name);
        let mut found = specs.iter_mut().filter(|(_, spec)| meant(spec)).peekable();
        if found.peek().is_none() {
            let table = table.as_deref().unwrap_or_default();
            return Err((None, format!("--key {table}={column}: there is no table {table:?}; add it with --table")));
        }
        found.for_each(|(_, spec)| spec.key = Some(column.clone()));
    }
    Ok(specs.into_iter().map(|(_, spec)| Arc::new(spec)).collect())
}

/// Checks that administration is not open to others.
fn check_admin(server: &Server) -> Result<(), String> {
    let open = server.admin.filter(|admin| !admin.ip().is_loopback() && server.admin_token.is_none());
    match open {
        Some(admin) => Err(format!(
            "administration on {admin} can be reached from other machines and needs a token; name its file with \
             --admin-token, or take a loopback address"
        )),
        None => Ok(()),
    }
}

/// Finds line and column, in characters, both counted from 1.
fn position(text: &str, offset: usize) -> (u64, u64) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (line as u64 + 1, column as u64 + 1)
}

#[cfg(test)]
mod tests;
