//! Entries: one by its key, or all of a frozen version as a stream.
//!
//! A stream has all entries of one generation, whatever is published meanwhile. Within a generation the order is always
//! the same, so that one that broke off goes on after the last key that arrived: `?generation=G&after=KEY`. Finding the
//! place costs a step for each entry before it. The versions that were streamed last are held for a minute after; beyond
//! that, a generation must be kept by the table.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::etag::{is_known, not_modified, tagged};
use super::problem::Problem;
use super::query::{Asked, Path, version};
use super::{Shared, json, stream};
use crate::serve::content::Bucket;

/// How many entries are skipped before others get a turn.
const SKIPPED_AT_ONCE: usize = 4096;

/// Answers with the row of one key.
pub(crate) async fn one(
    State(app): Shared,
    Path((table, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = app.tables.with(&table, |served, reader| {
        let (generation, entry) =
            reader.find(&key).map_err(|bad| Problem::new(StatusCode::BAD_REQUEST, "bad-key", bad.0))?;
        let etag = served.etag(generation);
        let Some(entry) = entry else {
            let detail = format!("table {table:?} has no key {key:?} in generation {generation}");
            return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-key", detail).with("generation", generation.get()));
        };
        if is_known(&headers, &etag) {
            return Ok(tagged(not_modified(), &etag, generation.get()));
        }
        let mut body = Vec::with_capacity(256);
        entry.row.write_json(&mut body);
        Ok(tagged(json(body), &etag, generation.get()))
    });
    found.unwrap_or_else(|| Err(Problem::no_table(&table)))
}

/// What can be asked of a stream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Which generation; the current one if not given.
    generation: Option<String>,
    /// After which key to begin.
    after: Option<String>,
    /// How many entries at most.
    limit: Option<u64>,
}

/// Streams the entries of a version, one JSON object a line.
pub(crate) async fn stream(
    State(app): Shared,
    method: Method,
    Path(table): Path<String>,
    Asked(which): Asked<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let served = app.tables.get(&table).ok_or_else(|| Problem::no_table(&table))?;
    if which.after.is_some() && which.generation.is_none() {
        let detail = "`after` needs `generation`, since the order is another in each; take it from the stream's header";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad-query", detail));
    }
    let bucket = match &which.generation {
        Some(generation) => version(&served, generation)?,
        None => served.content.read(),
    };
    let generation = bucket.generation();
    if let Some(key) = which.after.as_deref().filter(|key| !bucket.has(key)) {
        let detail = format!("`after`: generation {generation} has no key {key:?}");
        return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-key", detail).with("generation", generation.get()));
    }
    let etag = served.etag(generation);
    if is_known(&headers, &etag) {
        return Ok(tagged(not_modified(), &etag, generation.get()));
    }
    let entries = bucket.len();
    let response = if method == Method::HEAD {
        stream::empty()
    } else {
        served.hold(&bucket);
        stream::start(&app, move |sink| send(bucket, which.after, which.limit, sink))?
    };
    let mut response = tagged(response, &etag, generation.get());
    response.headers_mut().insert(HeaderName::from_static("twinbucket-entries"), HeaderValue::from(entries));
    Ok(response)
}

/// Sends the entries of a version.
async fn send(bucket: Bucket, after: Option<String>, limit: Option<u64>, sink: stream::Sink) {
    let mut entries = bucket.entries();
    if let Some(last) = after {
        let mut steps = 0_usize;
        for entry in entries.by_ref() {
            if entry.key.is(&last) {
                break;
            }
            steps += 1;
            if steps % SKIPPED_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    let mut entries = entries.take(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
    sink.lines(move |line| {
        let entry = entries.next()?;
        entry.write_json(line);
        Some(())
    })
    .await;
}
