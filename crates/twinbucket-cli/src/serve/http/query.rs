//! What stands after the question mark, and generations as clients name them.

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use twinbucket::Generation;

use super::problem::Problem;
use crate::serve::content::Bucket;
use crate::serve::served::Served;

/// The query of a request; one that makes no sense is a problem document.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let problem = |error: axum::extract::rejection::QueryRejection| {
            Problem::new(StatusCode::BAD_REQUEST, "bad-query", error.body_text())
        };
        query.map(|Query(asked)| Self(asked)).map_err(problem)
    }
}

/// The parts of a path, without percent signs; ones that make no text are a problem document.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        let problem = |error: axum::extract::rejection::PathRejection| {
            Problem::new(StatusCode::BAD_REQUEST, "bad-path", error.body_text())
        };
        path.map(|axum::extract::Path(path)| Self(path)).map_err(problem)
    }
}

/// Finds the version that a client named: `7`, or `7-` and the rest of its entity tag, which no restart repeats.
pub(crate) fn version(served: &Served, text: &str) -> Result<Bucket, Problem> {
    let text = text.trim_matches('"');
    let number = text.split_once('-').map_or(text, |(number, _)| number);
    let number: u64 = number.parse().map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "bad-query", format!("{text:?} is not a generation; give its number"))
    })?;
    let found = version_number(served, number)?;
    let is_other = text.contains('-') && served.etag(found.generation()).trim_matches('"') != text;
    if is_other { Err(gone(served, text)) } else { Ok(found) }
}

/// Finds the version with that number.
pub(crate) fn version_number(served: &Served, number: u64) -> Result<Bucket, Problem> {
    served.at(Generation::from(number)).ok_or_else(|| gone(served, &number.to_string()))
}

/// There is no such version any more, or not yet.
fn gone(served: &Served, asked: &str) -> Problem {
    let current = served.content.status().generation();
    let detail = format!(
        "generation {asked} is not kept, the current one is {current}; start again with that, and raise `keep` to go back \
         further"
    );
    Problem::new(StatusCode::GONE, "generation-gone", detail).with("generation", current.get())
}
