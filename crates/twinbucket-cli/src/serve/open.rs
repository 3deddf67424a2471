//! How a table is opened: the feed's builder, filled from a spec.

use std::fs;
use std::io;
use std::sync::Arc;
use std::thread;

use twinbucket_feed::{
    Builder, Event, Fetched, File, Guard, Http, HttpSetupError, LongPins, Overlaps, Revision, RowPolicy, Source,
    SourceError, Start, Status, Table, Wake,
};

use super::content::Content;
use super::format::{self, AnyFormat};
use super::row::Row;
use super::served::Served;
use super::spec::{FileFormat, LongPinsSpec, OnOverlap, Origin, Otherwise, TableSpec};
use super::swaps::Swaps;

/// Why a table could not be opened.
#[derive(Debug)]
pub(crate) struct NotOpened {
    /// Its name.
    pub(crate) table: Arc<str>,
    /// What is wrong, with the place where that is known.
    pub(crate) problem: String,
}

/// Opens a table, and waits for its first load as the spec says.
pub(crate) fn open(spec: &Arc<TableSpec>, start: u64) -> Result<Arc<Served>, NotOpened> {
    let not_opened = |problem: String| NotOpened { table: Arc::clone(&spec.name), problem };
    let swaps = Arc::new(Swaps::default());
    let content = if spec.format == FileFormat::Cidr {
        let table = settings(spec, format::of_ranges(spec), &swaps).map_err(not_opened)?.open_ranges();
        table.map(Content::Ranges)
    } else {
        let format = format::of(spec).map_err(not_opened)?;
        settings(spec, format, &swaps).map_err(not_opened)?.open().map(Content::Map)
    };
    let content = content.map_err(|error| not_opened(error.to_string()))?;
    Ok(Arc::new(Served::new(Arc::clone(spec), content, swaps, start)))
}

/// Opens several tables at once, one thread each and some at a time, in order. Where there is no thread to be had, one
/// table after the other.
pub(crate) fn open_all(specs: &[Arc<TableSpec>], start: u64) -> Vec<Result<Arc<Served>, NotOpened>> {
    const AT_ONCE: usize = 16;
    let panicked =
        |spec: &TableSpec| NotOpened { table: Arc::clone(&spec.name), problem: "opening it panicked".into() };
    let open_some = |specs: &[Arc<TableSpec>]| {
        thread::scope(|scope| {
            let spawn = |spec| thread::Builder::new().spawn_scoped(scope, move || open(spec, start));
            let threads: Vec<_> = specs.iter().map(spawn).collect();
            let outcome = |(thread, spec): (io::Result<thread::ScopedJoinHandle<'_, _>>, &Arc<TableSpec>)| match thread
            {
                Ok(thread) => thread.join().unwrap_or_else(|_| Err(panicked(spec))),
                Err(_) => open(spec, start),
            };
            threads.into_iter().zip(specs).map(outcome).collect::<Vec<_>>()
        })
    };
    specs.chunks(AT_ONCE).flat_map(open_some).collect()
}

/// Fills a builder.
fn settings<K: 'static>(spec: &TableSpec, format: AnyFormat<K>, swaps: &Arc<Swaps>) -> Result<Builder<K, Row>, String> {
    let overlaps = match spec.overlaps {
        OnOverlap::Error => Overlaps::Error,
        OnOverlap::LaterWins => Overlaps::LaterWins,
    };
    let rows = match spec.quarantine {
        0 => RowPolicy::AllOrNothing,
        max => RowPolicy::Quarantine { max },
    };
    let name = Arc::clone(&spec.name);
    let settings = Table::builder()
        .source(source(spec)?)
        .format(format)
        .guard(guard(spec))
        .rows(rows)
        .overlaps(overlaps)
        .start(start(spec)?)
        .keep(spec.keep)
        .debounce(spec.settle, spec.max_delay)
        .observer(Arc::clone(swaps))
        .on_event(move |event| log(&name, event));
    let settings = match spec.stale_after {
        Some(limit) => settings.stale_after(limit),
        None => settings,
    };
    Ok(match &spec.long_pins {
        Some(pins) => settings.long_pins(long_pins(&spec.name, pins)),
        None => settings,
    })
}

/// Makes the limits on what a load may do.
fn guard(spec: &TableSpec) -> Guard {
    let mut guard = if spec.not_empty { Guard::not_empty() } else { Guard::none() };
    if let Some(part) = spec.max_shrink {
        guard = guard.max_shrink(part);
    }
    if let Some(entries) = spec.max_entries {
        guard = guard.max_entries(entries);
    }
    guard
}

/// Makes what is done about read buckets that are held for long.
fn long_pins(table: &Arc<str>, spec: &LongPinsSpec) -> LongPins {
    let mut long_pins = LongPins::after(spec.after);
    if spec.log {
        let table = Arc::clone(table);
        long_pins = long_pins.report(move |pin| {
            let place = pin.location().map(ToString::to_string).unwrap_or_default();
            let (table, generation) = (&*table, pin.generation().get());
            tracing::warn!(table, generation, age = ?pin.age(), place, "a version is held for long");
        });
    }
    match &spec.dump {
        Some(path) => long_pins.dump(path),
        None => long_pins,
    }
}

/// Makes the start.
fn start(spec: &TableSpec) -> Result<Start, String> {
    let start = Start::wait(spec.wait);
    Ok(match &spec.otherwise {
        Otherwise::Fail => start,
        Otherwise::Empty => start.or_empty(),
        Otherwise::Embedded(path) => {
            let content = fs::read_to_string(path);
            start.or_embedded(content.map_err(|error| format!("{}: {error}; check `or_embedded`", path.display()))?)
        }
    })
}

/// Any source.
struct BoxedSource(Box<dyn Source>);

impl Source for BoxedSource {
    fn name(&self) -> String {
        self.0.name()
    }

    fn watch(&mut self, wake: Wake) {
        self.0.watch(wake);
    }

    fn fetch(&mut self, known: Option<&Revision>) -> Result<Fetched, SourceError> {
        self.0.fetch(known)
    }

    fn pause(&mut self) -> std::time::Duration {
        self.0.pause()
    }
}

/// Makes the source.
fn source(spec: &TableSpec) -> Result<BoxedSource, String> {
    let source: Box<dyn Source> = match &spec.origin {
        Origin::File(path) => {
            let mut file = File::watch(path);
            if let Some(time) = spec.recheck {
                file = file.recheck(time);
            }
            if let Some(time) = spec.poll {
                file = file.poll_every(time);
            }
            Box::new(match spec.max_bytes {
                Some(bytes) => file.max_bytes(bytes),
                None => file,
            })
        }
        Origin::Directory(path, pattern) => {
            let mut files = File::directory(path, pattern).map_err(|error| error.to_string())?;
            if let Some(time) = spec.recheck {
                files = files.recheck(time);
            }
            if let Some(time) = spec.poll {
                files = files.poll_every(time);
            }
            Box::new(match spec.max_bytes {
                Some(bytes) => files.max_bytes(bytes),
                None => files,
            })
        }
        Origin::Http(address) => Box::new(http(spec, address).map_err(|error| error.to_string())?),
    };
    Ok(BoxedSource(source))
}

/// Makes a source on a web server.
fn http(spec: &TableSpec, address: &str) -> Result<Http, HttpSetupError> {
    let mut source = Http::poll(address, spec.interval)?;
    for (name, value) in &spec.http.headers {
        source = source.header(name, value)?;
    }
    if let Some(path) = &spec.http.bearer_file {
        source = source.bearer_file(path);
    }
    if let Some(time) = spec.http.timeout {
        source = source.timeout(time);
    }
    if let Some(time) = spec.http.max_backoff {
        source = source.max_backoff(time);
    }
    Ok(match spec.max_bytes {
        Some(bytes) => source.max_bytes(usize::try_from(bytes).unwrap_or(usize::MAX)),
        None => source,
    })
}

/// Logs what happens to a table.
fn log(table: &str, event: &Event) {
    let status = event.status();
    let (generation, entries) = (status.generation().get(), status.entries());
    let error = || status.error().map(ToString::to_string).unwrap_or_default();
    match event {
        Event::Published(_) => {
            let (changes, took) = (status.changes(), status.load_time());
            let (added, changed, removed) = (changes.added, changes.changed, changes.removed);
            tracing::info!(table, generation, entries, added, changed, removed, ?took, "loaded");
            log_quarantine(table, status);
        }
        Event::Unchanged(_) => tracing::debug!(table, generation, "unchanged"),
        Event::Failed(_) => {
            tracing::error!(table, generation, error = error(), "load failed; the table stays as it is")
        }
        Event::Stale(_) => tracing::warn!(table, generation, age = ?status.age(), error = error(), "stale"),
        Event::RolledBack(_) => tracing::warn!(table, generation, entries, "rolled back"),
        _ => {}
    }
}

/// Logs the first of the rows that were left out.
fn log_quarantine(table: &str, status: &Status) {
    if let Some(first) = status.quarantined().first() {
        let rows = status.quarantined_rows();
        tracing::warn!(table, rows, %first, "bad rows were left out");
    }
}

impl std::fmt::Display for NotOpened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "table {}: {}", self.table, self.problem)
    }
}
