//! What is sent along to learn whether content is still the same.
//!
//! A server tells of each content an ETag, the time of its last change, or both, and answers 304 to a request that brings
//! them back while they still hold. A time counts in whole seconds, and many servers make their ETags of it: content that
//! was fetched in the second of its change may change once more without a sign. It is then asked for without conditions.

use std::time::Duration;

use httpdate::parse_http_date;
use ureq::http::HeaderMap;
use ureq::http::header::{DATE, ETAG, HeaderName, LAST_MODIFIED};

use super::address::Address;

/// The longest ETag that is used. Longer ones are no names.
const LONGEST_ETAG: usize = 1024;

/// What a server told of some content, to be asked again with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Validators {
    /// Where the content was, after redirects.
    pub(super) at: Address,
    /// Its ETag, as sent.
    pub(super) etag: Option<Box<str>>,
    /// The time of its last change, as sent.
    modified: Option<Box<str>>,
    /// Whether it was fetched in the second of that change, or may have been.
    is_fresh: bool,
}

impl Validators {
    /// Reads what a server at `at` told.
    pub(super) fn of(headers: &HeaderMap, at: Address) -> Self {
        let modified = text(headers, &LAST_MODIFIED);
        let etag = text(headers, &ETAG).filter(|etag| !etag.is_empty() && etag.len() <= LONGEST_ETAG);
        let times = modified.and_then(|modified| parse_http_date(modified).ok());
        let date = text(headers, &DATE).and_then(|date| parse_http_date(date).ok());
        let age = times.zip(date).map(|(modified, date)| date.duration_since(modified).unwrap_or_default());
        Self {
            at,
            etag: etag.map(Into::into),
            // Without a date, nothing tells how old the last change is.
            modified: modified.filter(|_| age.is_some()).map(Into::into),
            is_fresh: age.is_some_and(|age| age < Duration::from_secs(1)),
        }
    }

    /// Returns the ETag to ask with.
    pub(super) fn if_none_match(&self) -> Option<&str> {
        self.etag.as_deref().filter(|_| !self.is_fresh)
    }

    /// Returns the time to ask with.
    pub(super) fn if_modified_since(&self) -> Option<&str> {
        self.modified.as_deref().filter(|_| !self.is_fresh)
    }

    /// Forgets everything that the server told, which has proved wrong.
    pub(super) fn distrust(&mut self) {
        (self.etag, self.modified) = (None, None);
    }
}

/// Returns the text of a header.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
