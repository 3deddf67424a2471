//! The status page: one file, which asks `/v1/tables` every second and shows what it says.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The page.
const PAGE: &str = include_str!("page.html");

/// What the page may do: run this one script, ask this daemon, and nothing else. A test compares the hash.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; script-src 'sha256-PLubD+21kMWzCHDUpIRTJP5vBS6BF46AOMu88DscTpQ='";

/// Answers with the page.
pub(crate) async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, PAGE).into_response()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn policy_allows_exactly_the_script_of_the_page() {
        let (_, rest) = PAGE.split_once("<script>").unwrap();
        let (script, rest) = rest.split_once("</script>").unwrap();
        let hash = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)));
        assert!(POLICY.contains(&hash), "the script's hash is {hash}");
        assert!(!rest.contains("<script"));
    }

    #[test]
    fn page_needs_nothing_from_elsewhere() {
        for word in ["http://", "https://", "src=", "href=", "@import", "url("] {
            assert!(!PAGE.contains(word), "{word}");
        }
    }
}
