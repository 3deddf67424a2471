//! Log lines on standard error: for people, or as JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use super::settings::LogFormat;

/// Sends log lines to standard error from now on.
///
/// # Errors
/// If `level` is neither a level nor a list of directives.
pub(crate) fn init(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level)
        .map_err(|error| format!("log level {level:?}: {error}; give error, warn, info, debug or trace"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // One that is set already stays.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    Ok(())
}
