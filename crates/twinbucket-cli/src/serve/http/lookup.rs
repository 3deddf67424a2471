//! Several keys in one request, all looked up in the same version.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::time::timeout;

use super::etag::tagged;
use super::problem::Problem;
use super::query::Path;
use super::{App, Shared, json};
use crate::serve::content::Bucket;

/// What a client asks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The keys.
    keys: Vec<String>,
}

/// Answers with an entry for each key, in order; null for a key that is not there.
pub(crate) async fn lookup(State(app): Shared, Path(table): Path<String>, body: Body) -> Result<Response, Problem> {
    // Before the body is read: who asks for nothing need not send anything.
    if app.tables.get(&table).is_none() {
        return Err(Problem::no_table(&table));
    }
    let body = read(&app, body).await?;
    let question: Question = serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("the body is not {{\"keys\": [...]}}: {error}");
        Problem::new(StatusCode::BAD_REQUEST, "bad-body", detail)
    })?;
    let limit = app.server.limits.keys;
    if question.keys.len() > limit {
        let detail = format!("{} keys, and {limit} are allowed; ask several times", question.keys.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-keys", detail).with("limit", limit));
    }
    let found = app.tables.with(&table, |served, reader| (served.clone(), reader.bucket()));
    let (served, bucket) = found.ok_or_else(|| Problem::no_table(&table))?;
    let generation = bucket.generation();
    let answer = answer(&bucket, &question.keys, app.server.limits.answer_bytes)?;
    Ok(tagged(json(answer), &served.etag(generation), generation.get()))
}

/// Looks up all keys, as far as the answer may be long.
fn answer(bucket: &Bucket, keys: &[String], most: usize) -> Result<Vec<u8>, Problem> {
    let mut out = format!("{{\"generation\":{},\"entries\":[", bucket.generation()).into_bytes();
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let entry = bucket.find(key).map_err(|bad| Problem::new(StatusCode::BAD_REQUEST, "bad-key", bad.0))?;
        match entry {
            Some(entry) => entry.write_json(&mut out),
            None => out.extend_from_slice(b"null"),
        }
        if out.len() > most {
            let detail = format!("the answer is longer than {most} bytes; ask for fewer keys");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "answer-too-long", detail).with("limit", most));
        }
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

/// Reads a body, within the limits of size and time.
pub(super) async fn read(app: &App, body: Body) -> Result<Bytes, Problem> {
    let limits = &app.server.limits;
    let too_large = || {
        let detail = format!("the body is larger than {} bytes; send less", limits.body_bytes);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail).with("limit", limits.body_bytes)
    };
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return Err(too_large());
    }
    // One more than is allowed, to tell a body that is too large from one that is cut off.
    match timeout(limits.body_timeout, axum::body::to_bytes(body, limits.body_bytes + 1)).await {
        Ok(Ok(bytes)) if bytes.len() <= limits.body_bytes => Ok(bytes),
        Ok(Ok(_)) => Err(too_large()),
        Ok(Err(error)) if is_length(&error) => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "bad-body", "the body did not arrive whole")),
        Err(_) => {
            let detail = format!("the body did not arrive within {:?}", limits.body_timeout);
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", detail)
                .header(axum::http::header::CONNECTION, "close"))
        }
    }
}

/// Tells whether a body was given up because of its length.
fn is_length(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}
