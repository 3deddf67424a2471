//! What every request goes through: limits on its head, the count of it, and the last touch to its answer.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::metrics::Route;
use super::problem::{Problem, render};

/// Longest path with its query, in bytes.
const LONGEST_URI: usize = 8 << 10;

/// Answers a request.
pub(crate) async fn frame(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let uri = request.uri().clone();
    let route = Route::of(uri.path());
    let response = match too_large(&app, &request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    let mut response = render(response, uri.path());
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    app.metrics.http.note(route, response.status(), began.elapsed());
    response
}

/// Checks the size of a request's head.
fn too_large(app: &App, request: &Request) -> Option<Problem> {
    let limit = app.server.limits.header_bytes;
    let (uri, longest) = (request.uri(), LONGEST_URI.min(limit));
    if uri.path().len() + uri.query().map_or(0, str::len) > longest {
        let detail = format!("the path is longer than {longest} bytes; POST .../lookup takes long keys");
        return Some(Problem::new(StatusCode::URI_TOO_LONG, "uri-too-long", detail));
    }
    (size(request.headers()) > limit).then(|| {
        let detail = format!("the head of the request is larger than {limit} bytes; send fewer headers");
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", detail)
    })
}

/// The size of the headers as they were sent.
fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}
