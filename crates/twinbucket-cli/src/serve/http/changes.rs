//! The exact difference between an older generation and the current one, as a stream.

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::Deserialize;

use super::etag::{is_known, not_modified, tagged};
use super::problem::Problem;
use super::query::{Asked, Path, version};
use super::{Shared, stream};

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    /// The generation that the client has.
    since: String,
}

/// Streams what was added, changed and removed since a generation, one JSON object a line.
///
/// The answer's generation is the one to ask from next; it is held for a minute.
pub(crate) async fn changes(
    State(app): Shared,
    method: Method,
    Path(table): Path<String>,
    Asked(Since { since }): Asked<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let served = app.tables.get(&table).ok_or_else(|| Problem::no_table(&table))?;
    let newer = served.content.read();
    let older = version(&served, &since)?;
    let generation = newer.generation();
    let etag = served.etag(generation);
    if is_known(&headers, &etag) {
        return Ok(tagged(not_modified(), &etag, generation.get()));
    }
    let response = if method == Method::HEAD {
        stream::empty()
    } else {
        served.hold(&newer);
        stream::start(&app, move |sink| async move {
            let mut differences = newer.diff(&older);
            let write = |line: &mut Vec<u8>| differences.next().map(|difference| difference.write_json(line));
            sink.lines(write).await;
        })?
    };
    Ok(tagged(response, &etag, generation.get()))
}
