//! For supervisors: whether the daemon lives, and whether it has what it is to serve.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use twinbucket_feed::{Origin, State as TableState, Status};

use super::Shared;
use super::problem::Problem;

/// Answers as long as the daemon can answer.
pub(crate) async fn healthz() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

/// Answers 200 when all tables have content that may be served, and else 503 with those that have not.
///
/// A table that nothing was loaded into counts as one without, also when the load failed; one that its source left empty
/// does not.
pub(crate) async fn readyz(State(app): Shared) -> Response {
    let is_waiting = |status: &Status| match status.state() {
        // Without any content, why it is so makes no difference.
        _ if status.origin() == Origin::Empty => true,
        TableState::Starting => true,
        TableState::Stale => app.server.not_ready_when_stale,
        _ => false,
    };
    let tables = app.tables.all();
    let waiting: Vec<Value> = tables
        .iter()
        .map(|served| (&served.spec.name, served.content.status()))
        .filter(|(_, status)| is_waiting(status))
        .map(|(name, status)| json!({ "name": &**name, "state": status.state().as_str() }))
        .collect();
    if waiting.is_empty() {
        return ([(header::CACHE_CONTROL, "no-store")], axum::Json(json!({ "ready": true }))).into_response();
    }
    let detail = format!("{} of {} tables cannot be served yet", waiting.len(), tables.len());
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail).with("tables", waiting).into_response()
}
