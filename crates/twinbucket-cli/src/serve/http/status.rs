//! How tables are: what each has, since when, from where, and what went wrong last.

use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use humantime::format_rfc3339_millis;
use serde_json::{Value, json};
use twinbucket_feed::{LoadError, RowError, Status};

use super::Shared;
use super::problem::Problem;
use super::query::Path;
use crate::serve::served::Served;

/// How many bad rows are shown.
const ROWS_SHOWN: usize = 10;

/// Answers with the status of all tables, in order, and of the configuration.
pub(crate) async fn list(State(app): Shared) -> Response {
    let tables: Vec<Value> = app.tables.all().iter().map(|served| table(served)).collect();
    answer(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": format_rfc3339_millis(app.started).to_string(),
        "config": app.config.to_json(),
        "tables": tables,
    }))
}

/// Answers with the status of one table.
pub(crate) async fn one(State(app): Shared, Path(name): Path<String>) -> Result<Response, Problem> {
    let served = app.tables.get(&name).ok_or_else(|| Problem::no_table(&name))?;
    Ok(answer(table(&served)))
}

/// An answer that is another each time, since time passes.
fn answer(value: Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(value)).into_response()
}

/// All that is known of a table.
pub(crate) fn table(served: &Served) -> Value {
    let (status, stats) = (served.content.status(), served.content.stats());
    let pins = served.content.pins();
    let mut value = of(&status);
    let more = json!({
        "name": &*served.spec.name,
        "source": served.content.source(),
        "format": served.spec.format.as_str(),
        "key": served.spec.key,
        "etag": served.etag(status.generation()),
        "store": {
            "leaves": stats.leaves,
            "slots": stats.slots,
            "bytes": stats.bytes,
            "retired_leaves": stats.retired_leaves,
            "retired_bytes": stats.retired_bytes,
            "pinned_generations": stats.pinned_generations,
        },
        "pins": {
            "count": pins.iter().map(|pin| pin.holders()).sum::<usize>(),
            "oldest_seconds": pins.iter().map(|pin| pin.age()).max().map(|age| age.as_secs_f64()),
        },
        "swaps": served.swaps.to_json(),
    });
    let (Value::Object(value), Value::Object(more)) = (&mut value, more) else { unreachable!("both are objects") };
    value.extend(more);
    Value::Object(std::mem::take(value))
}

/// What a feed knows of its content.
pub(crate) fn of(status: &Status) -> Value {
    let (changes, counts) = (status.changes(), status.counts());
    json!({
        "state": status.state().as_str(),
        "origin": status.origin().as_str(),
        "generation": status.generation().get(),
        "entries": status.entries(),
        "revision": status.revision().map(ToString::to_string),
        "age_seconds": status.age().map(|age| age.as_secs_f64()),
        "stale_after_seconds": status.stale_after().map(|limit| limit.as_secs_f64()),
        "last_attempt": status.last_attempt().map(time),
        "last_success": status.last_success().map(time),
        "load_seconds": (status.load_time() > Duration::ZERO).then(|| status.load_time().as_secs_f64()),
        "changes": { "added": changes.added, "changed": changes.changed, "removed": changes.removed },
        "counts": {
            "attempts": counts.attempts,
            "loads": counts.loads,
            "unchanged": counts.unchanged,
            "failures": counts.failures,
        },
        "quarantined": {
            "rows": status.quarantined_rows(),
            "first": status.quarantined().iter().take(ROWS_SHOWN).map(row_error).collect::<Vec<_>>(),
        },
        "error": status.error().map(|error| load_error(error)),
    })
}

/// A moment of the wall clock.
fn time(at: SystemTime) -> String {
    // Some clocks can be set to years that have no name.
    let least = SystemTime::UNIX_EPOCH;
    format_rfc3339_millis(at.max(least).min(least + Duration::from_secs(250_000_000_000))).to_string()
}

/// What went wrong, and where that is known, the place.
fn load_error(error: &LoadError) -> Value {
    let row = match error {
        LoadError::Row(row) | LoadError::TooManyBadRows { first: row, .. } => Some(row),
        _ => None,
    };
    json!({ "message": error.to_string(), "place": row.map(place) })
}

fn row_error(error: &RowError) -> Value {
    json!({ "message": error.to_string(), "place": place(error) })
}

fn place(error: &RowError) -> Value {
    let known = |number: u64| (number > 0).then_some(number);
    json!({ "file": &*error.place.file, "line": known(error.place.line), "column": known(error.place.column) })
}
