//! For supervisors: whether the daemon lives, and whether it has what it is to serve.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use twinbucket_feed::State as TableState;

use super::Shared;
use super::problem::Problem;

/// Answers as long as the daemon can answer.
pub(crate) async fn healthz() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

/// Answers 200 when all tables have content that may be served, and else 503 with those that have not.
pub(crate) async fn readyz(State(app): Shared) -> Response {
    let is_waiting = |state: TableState| match state {
        TableState::Starting => true,
        TableState::Stale => app.server.not_ready_when_stale,
        _ => false,
    };
    let states = app
        .tables
        .all()
        .iter()
        .map(|served| (served.spec.name.clone(), served.content.status().state()))
        .collect::<Vec<_>>();
    let waiting: Vec<Value> = states
        .iter()
        .filter(|(_, state)| is_waiting(*state))
        .map(|(name, state)| json!({ "name": &**name, "state": state.as_str() }))
        .collect();
    if waiting.is_empty() {
        return ([(header::CACHE_CONTROL, "no-store")], axum::Json(json!({ "ready": true }))).into_response();
    }
    let detail = format!("{} of {} tables cannot be served yet", waiting.len(), states.len());
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail).with("tables", waiting).into_response()
}
