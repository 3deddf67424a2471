//! Errors as RFC 9457 has them: JSON with a type, a title, the status, what is wrong in this case, and the path.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// An answer that says what is wrong. The path is added where the answer leaves the daemon; see [`render`].
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The status.
    status: StatusCode,
    /// What kind of problem it is, as a word; `None` if the status says it all.
    kind: Option<&'static str>,
    /// What is wrong in this case, and what to do.
    detail: String,
    /// More members of the document.
    more: Map<String, Value>,
    /// More headers.
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// Makes a problem of which the status says what kind it is.
    pub(crate) fn plain(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into(), more: Map::new(), headers: Vec::new() }
    }

    /// Makes a problem of a kind that clients can tell from others of that status.
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: Some(kind), ..Self::plain(status, detail) }
    }

    /// Adds a member to the document.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    /// There is no such table.
    pub(crate) fn no_table(name: &str) -> Self {
        let detail = format!("there is no table {name:?}; GET /v1/tables lists them");
        Self::new(StatusCode::NOT_FOUND, "no-such-table", detail)
    }

    /// The daemon has too much to do of one kind.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).header(header::RETRY_AFTER, "1")
    }

    fn document(&self, path: &str) -> String {
        let reason = self.status.canonical_reason().unwrap_or("Error");
        let (kind, title) = match self.kind {
            None => ("about:blank".to_owned(), reason.to_owned()),
            Some(kind) => (format!("urn:twinbucket:{kind}"), kind.replace('-', " ")),
        };
        let mut document = json!({
            "type": kind,
            "title": title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": path,
        });
        document.as_object_mut().expect("it is written as one above").extend(self.more.clone());
        document.to_string()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives an answer that is a problem its body; others stay as they are.
pub(crate) fn render(mut response: Response, path: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let document = problem.document(path);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(document.len()));
    headers.extend(problem.headers);
    *response.body_mut() = Body::from(document);
    response
}
