//! Entity tags: what a client has already is not sent again.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Tells whether a client has the answer with that tag, by its If-None-Match. Weak tags count as strong ones.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(tags).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Splits a list of tags at the commas that stand in none of them.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let is_end = move |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    list.split(is_end).map(str::trim).filter(|tag| !tag.is_empty())
}

/// The answer to a client that has everything already.
pub(crate) fn not_modified() -> Response {
    StatusCode::NOT_MODIFIED.into_response()
}

/// Adds tag and generation to an answer.
pub(crate) fn tagged(mut response: Response, etag: &str, generation: u64) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(etag).expect("a tag is made of digits"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(super::GENERATION, HeaderValue::from(generation));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
        is_known(&headers, "\"7-ab\"")
    }

    #[test]
    fn lists_weak_tags_and_the_star_match() {
        for value in ["\"7-ab\"", "*", "W/\"7-ab\"", "\"1\", \"7-ab\"", "\"a,b\",W/\"7-ab\" , \"x\"", " , \"7-ab\""] {
            assert!(known(value), "{value}");
        }
        for value in ["\"7-a\"", "7-ab", "", "\"1,\"7-ab\"", "W/", "\"x, \\\"7-ab\\\"\""] {
            assert!(!known(value), "{value}");
        }
    }
}
