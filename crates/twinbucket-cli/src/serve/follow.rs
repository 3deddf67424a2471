//! Follows the configuration file, which is a feed like any other: a new one is taken as a whole, or the old one stays.
//!
//! Tables that a new configuration adds or changes are opened before it is taken, those that it does not change go on
//! undisturbed, and then the whole set is replaced in one swap. What only a restart can change is named in the status.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::{Value, json};
use twinbucket_feed::{Event, File, Format, OpenError, Part, RowError, Rows, Start, Table};

use super::config::{Config, Flags};
use super::http::status_json;
use super::open::open_all;
use super::served::Served;
use super::settings::Server;
use super::tables::{self, Tables};

/// How often to look whether anybody still uses a table that is served no more.
const RETIRE_EVERY: Duration = Duration::from_millis(50);

/// How the configuration is.
#[derive(Debug, Default)]
pub(crate) struct ConfigState {
    /// The file, once it is followed.
    feed: OnceLock<Table<(), Arc<Config>>>,
    /// Settings that are new in the file and need a restart.
    needs_restart: Mutex<Vec<&'static str>>,
}

impl ConfigState {
    /// Returns what is known of the file; null if there is none.
    pub(crate) fn to_json(&self) -> Value {
        let Some(feed) = self.feed.get() else { return Value::Null };
        let mut value = status_json(&feed.status());
        value["source"] = json!(feed.source());
        value["needs_restart"] = json!(*self.needs_restart.lock().unwrap_or_else(PoisonError::into_inner));
        value
    }

    /// Returns the file, if it is followed.
    pub(crate) fn feed(&self) -> Option<&Table<(), Arc<Config>>> {
        self.feed.get()
    }

    /// Takes note of what a new configuration has that only a restart brings.
    fn note(&self, differences: Vec<&'static str>) {
        if !differences.is_empty() {
            tracing::warn!(settings = differences.join(", "), "these settings are new and need a restart");
        }
        *self.needs_restart.lock().unwrap_or_else(PoisonError::into_inner) = differences;
    }
}

/// What a scrape reads of the configuration: nothing if there is no file.
impl Collector for ConfigState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(feed) = self.feed.get() else { return Ok(()) };
        let status = feed.status();
        let mut gauge = |name, help, value: f64| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        let successful = if status.error().is_none() { 1.0 } else { 0.0 };
        let help = "Whether the configuration file is in force; 0 if the last one was refused";
        gauge("twinbucket_config_last_reload_successful", help, successful)?;
        let since = status.last_success().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let help = "When the configuration file was last known to be in force, in seconds of Unix time";
        let seconds = since.map_or(0.0, |since| since.as_secs_f64());
        gauge("twinbucket_config_last_reload_success_timestamp_seconds", help, seconds)?;
        let restart = self.needs_restart.lock().unwrap_or_else(PoisonError::into_inner).len();
        let help = "Settings of the configuration file that are new and need a restart";
        gauge("twinbucket_config_needs_restart", help, restart as f64)
    }
}

/// What a new configuration is brought to.
pub(crate) struct Running {
    /// The tables that are served.
    pub(crate) tables: Arc<Tables>,
    /// The settings that the daemon was started with.
    pub(crate) server: Arc<Server>,
    /// Where to say how the configuration is.
    pub(crate) state: Arc<ConfigState>,
    /// What sets this start apart from others.
    pub(crate) start: u64,
}

impl Running {
    /// Opens what is new, and takes the configuration; or changes nothing.
    fn take(&self, config: &Config) -> Result<(), String> {
        let current = self.tables.all();
        // This thread looks at the set now and then only.
        tables::release();
        let same = |spec: &_| current.iter().find(|served| served.spec == *spec);
        let new: Vec<_> = config.tables.iter().filter(|spec| same(spec).is_none()).cloned().collect();
        let (mut opened, mut problems) = (Vec::new(), Vec::new());
        for outcome in open_all(&new, self.start) {
            match outcome {
                Ok(served) => opened.push(served),
                Err(error) => problems.push(error.to_string()),
            }
        }
        if !problems.is_empty() {
            return Err(problems.join("; "));
        }
        let mut opened = opened.into_iter();
        let next = |spec: &_| same(spec).cloned().or_else(|| opened.next());
        let tables: Vec<_> = config.tables.iter().filter_map(next).collect();
        let gone = current.iter().filter(|old| !tables.iter().any(|new| Arc::ptr_eq(old, new))).cloned().collect();
        let (count, opened) = (tables.len(), new.len());
        self.tables.replace(tables);
        self.state.note(self.server.fixed_differences(&config.server));
        // Last: whoever reads this line finds everything as it says.
        tracing::info!(tables = count, opened, "configuration taken");
        drop(current);
        retire(gone);
        Ok(())
    }
}

/// Ends tables when nobody uses them any more, on a thread of its own, since that frees all that they have.
fn retire(tables: Vec<Arc<Served>>) {
    if tables.is_empty() {
        return;
    }
    let wait = move || {
        for served in tables {
            served.let_go();
            while Arc::strong_count(&served) > 1 {
                thread::sleep(RETIRE_EVERY);
            }
            tracing::info!(table = &*served.spec.name, "no longer served");
        }
    };
    if let Err(error) = thread::Builder::new().name("twinbucket-retire".into()).spawn(wait) {
        tracing::error!(%error, "cannot start a thread; whoever uses the old tables last frees them");
    }
}

/// Follows the file at `path`.
///
/// # Errors
/// If no thread can be started for it.
pub(crate) fn follow(path: &Path, flags: Flags, running: Running) -> Result<(), OpenError> {
    let state = Arc::clone(&running.state);
    let feed = Table::builder()
        .source(File::watch(path))
        .format(ConfigFormat { flags })
        .start(Start::wait(Duration::from_secs(5)).or_empty())
        .validate(move |_, new| new.get(&()).map_or(Ok(()), |config: &Arc<Config>| running.take(config)))
        .on_event(log)
        .open()?;
    state.feed.set(feed).expect("the file is followed once");
    Ok(())
}

/// Logs what happens to the file.
fn log(event: &Event) {
    let error = || event.status().error().map(ToString::to_string).unwrap_or_default();
    match event {
        Event::Failed(_) => tracing::error!(error = error(), "configuration refused; the old one stays"),
        Event::Published(status) => tracing::debug!(generation = status.generation().get(), "configuration published"),
        _ => {}
    }
}

/// Reads a configuration as the only row of a table.
struct ConfigFormat {
    /// What the flags say.
    flags: Flags,
}

impl Format<(), Arc<Config>> for ConfigFormat {
    fn read(&self, part: &Part, rows: &mut Rows<'_, (), Arc<Config>>) -> Result<(), RowError> {
        let text = std::str::from_utf8(&part.bytes)
            .map_err(|_| RowError::new(rows.place(0, 0), "not UTF-8; save the file as UTF-8"))?;
        let config = Config::of_file(&self.flags, &part.name, text)?;
        let _ = rows.push(1, (), Arc::new(config));
        Ok(())
    }
}
