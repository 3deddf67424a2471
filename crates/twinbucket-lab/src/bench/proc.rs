//! Numbers that Linux tells in `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// Returns the bytes that a line of a file gives in kB after the name of its field.
///
/// # Errors
/// If there is no such file or line, as on other systems.
pub(super) fn bytes(file: &str, field: &str) -> Result<u64> {
    let text = fs::read_to_string(file).context(file.to_owned())?;
    let rest = text.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("{file}: no {field}"))?;
    let number = rest.trim().strip_suffix(" kB").and_then(|number| number.parse::<u64>().ok());
    Ok(number.with_context(|| format!("{file}: {field} without a number of kB"))? * 1_024)
}
