//! Content from a web server: asked for now and then, and only sent when it has changed.
//!
//! Owns what is remembered between two looks, and when the next one is due. What an exchange is lies in `exchange`, what
//! tells old content from new in `validators`, pauses in `backoff`, and what may be shown and sent where in `address`.

mod address;
mod backoff;
mod error;
mod exchange;
mod validators;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use ureq::Agent;
use ureq::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, TRANSFER_ENCODING,
};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use self::address::Address;
use self::backoff::Backoff;
pub use self::error::HttpSetupError;
use self::exchange::{Answer, Failure, Limits, Question};
use self::validators::Validators;
use crate::{Fetched, Part, Revision, Source, SourceError};

/// Headers that are the source's own to set.
const OWN_HEADERS: [HeaderName; 11] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    TRANSFER_ENCODING,
];

/// An address on a web server, asked again at an interval.
///
/// - **Asks for changes only.** The server's ETag and time of last change are sent back, and 304 proves that the content
///   is current. A server that knows no conditions is no obstacle: equal bytes are the same content. The revision is the
///   ETag as sent, `etag:"abc"`, or else `sha256:` and the content's hash.
/// - **Whole content or none.** An answer that is cut off, too long, too slow, or has another status than 200 or 304 is an
///   error. An answer that tells neither its length nor is sent in chunks ends where its connection ends, as HTTP has it:
///   there, only the format can tell what is missing.
/// - **Never gives up.** After a failure it asks again after a tenth of the interval, at least a second, and then after
///   twice as long each time, up to [`max_backoff`](Self::max_backoff). A server's Retry-After is heeded, also up to
///   there. All pauses are spread at random, so that a fleet does not ask in step.
/// - **Keeps secrets.** User name and password in the address, headers and tokens are in no message, and are sent to no
///   other server by a redirect (but to the same host over https). A redirect from https to http is not followed. The
///   query of the address is shown: it is no place for a secret.
///
/// Proxies are taken from the environment (`HTTP_PROXY`, `NO_PROXY` and their like). Addresses with https need the feature
/// `https`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use twinbucket_feed::{Http, Source};
///
/// let source = Http::poll("http://config.internal/routes.json", Duration::from_secs(30))?
///     .bearer_file("/run/secrets/token")
///     .timeout(Duration::from_secs(10))
///     .max_bytes(16 << 20);
/// assert_eq!(source.name(), "http://config.internal/routes.json");
/// # Ok::<(), twinbucket_feed::HttpSetupError>(())
/// ```
pub struct Http {
    /// Where the content is.
    address: Address,
    /// What to send along.
    headers: HeaderMap,
    /// Where to read the token to send along.
    bearer_file: Option<PathBuf>,
    /// How much an answer may cost.
    limits: Limits,
    /// When to ask again.
    backoff: Backoff,
    /// Speaks HTTP.
    agent: Agent,
    /// What was given last.
    given: Option<Given>,
    /// An ETag that stood for two contents.
    distrusted: Option<Box<str>>,
}

/// Content that was given, by what it is known.
#[derive(Debug)]
struct Given {
    /// Its name.
    revision: Revision,
    /// Its SHA-256.
    hash: [u8; 32],
    /// The ETag that the server sent with it last.
    etag: Option<Box<str>>,
    /// What to ask with.
    validators: Validators,
}

impl Http {
    /// Asks `address` every `interval`, give or take a tenth of it.
    ///
    /// # Errors
    /// If the address is not one for HTTP, or the interval is zero.
    pub fn poll(address: &str, interval: Duration) -> Result<Self, HttpSetupError> {
        let (address, authorization) = Address::parse(address)?;
        if interval.is_zero() {
            return Err(HttpSetupError::NoInterval);
        }
        Ok(Self {
            address,
            headers: authorization.into_iter().map(|value| (AUTHORIZATION, value)).collect(),
            bearer_file: None,
            limits: Limits { time: Duration::from_secs(30), bytes: 256 << 20, redirects: 5 },
            backoff: Backoff::new(interval, Duration::from_secs(300), Rng::new()),
            agent: exchange::agent(),
            given: None,
            distrusted: None,
        })
    }

    /// Sends a header along, in place of one with the same name.
    ///
    /// # Errors
    /// If name or value cannot be sent, or the header is the source's own to set, as conditions are.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HttpSetupError> {
        let refuse = |problem| HttpSetupError::Header { name: name.into(), problem };
        let key = HeaderName::try_from(name).map_err(|_| refuse("its name has characters that a name may not have"))?;
        if OWN_HEADERS.contains(&key) {
            return Err(refuse("the source sets it by itself"));
        }
        let mut value =
            HeaderValue::try_from(value).map_err(|_| refuse("its value has characters that a value may not have"))?;
        value.set_sensitive(true);
        self.headers.insert(key, value);
        Ok(self)
    }

    /// Sends the content of a file along as a bearer token.
    ///
    /// The file is read before each look, so that the token may be replaced; a look without a token fails. White space
    /// around the token is dropped.
    #[must_use]
    pub fn bearer_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.bearer_file = Some(path.into());
        self
    }

    /// Limits the time of a look, from the look-up of the name to the last byte, redirects included. 30 seconds unless
    /// set; the connection alone may take 5 seconds.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Limits the length of the content, as it is when it is unpacked. 256 MiB unless set.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Limits the redirects that a look follows. 5 unless set.
    #[must_use]
    pub fn max_redirects(mut self, redirects: u32) -> Self {
        self.limits.redirects = redirects;
        self
    }

    /// Limits the pause after failures, and what a server may ask for with Retry-After. 5 minutes unless set.
    ///
    /// What a server asked for is exceeded by up to a tenth.
    #[must_use]
    pub fn max_backoff(mut self, time: Duration) -> Self {
        self.backoff.longest = time;
        self
    }

    /// Asks for the content.
    fn look(&mut self, known: Option<&Revision>) -> Result<Fetched, Failure> {
        let mut headers = self.headers.clone();
        if let Some(path) = &self.bearer_file {
            headers.insert(AUTHORIZATION, bearer(path)?);
        }
        // To whom has something else than was given last, "not modified" would mean the wrong content.
        let given = self.given.as_ref().filter(|given| known == Some(&given.revision));
        let is_known = given.is_some();
        let question = Question {
            address: &self.address,
            headers: &headers,
            conditions: given.map(|given| &given.validators),
            past_caches: known.is_none(),
            limits: self.limits,
        };
        match question.ask(&self.agent)? {
            Answer::NotModified => Ok(Fetched::Same),
            Answer::Content { bytes, hash, validators } => Ok(self.take(bytes, hash, validators, is_known)),
        }
    }

    /// Compares what came with what was given last, which the caller has if `is_known`.
    fn take(&mut self, bytes: Vec<u8>, hash: [u8; 32], mut validators: Validators, is_known: bool) -> Fetched {
        let etag = validators.etag.clone();
        let before = self.given.take();
        if etag.is_some() && before.as_ref().is_some_and(|before| before.hash != hash && before.etag == etag) {
            self.distrusted.clone_from(&etag);
        }
        if etag.is_some() && etag == self.distrusted {
            validators.distrust();
        }
        if let Some(before) = before.filter(|before| is_known && before.hash == hash) {
            self.given = Some(Given { revision: before.revision, hash, etag, validators });
            return Fetched::Same;
        }
        let revision = match &validators.etag {
            Some(etag) => Revision::new(format!("etag:{etag}")),
            None => Revision::new(format!("sha256:{}", hex(&hash))),
        };
        self.given = Some(Given { revision: revision.clone(), hash, etag, validators });
        Fetched::New { parts: vec![Part { name: Arc::from(self.address.shown()), bytes }], revision }
    }
}

impl Source for Http {
    fn name(&self) -> String {
        self.address.shown().to_owned()
    }

    fn fetch(&mut self, known: Option<&Revision>) -> Result<Fetched, SourceError> {
        match self.look(known) {
            Ok(fetched) => {
                self.backoff.succeeded();
                Ok(fetched)
            }
            Err(failure) => {
                self.backoff.failed(failure.retry_after);
                Err(SourceError::new(format!("{}: {}", self.address.shown(), failure.problem)))
            }
        }
    }

    fn pause(&mut self) -> Duration {
        self.backoff.pause()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("address", &self.address.shown())
            // All values are marked as sensitive.
            .field("headers", &self.headers)
            .field("bearer_file", &self.bearer_file)
            .field("limits", &self.limits)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

/// Reads a bearer token.
fn bearer(path: &Path) -> Result<HeaderValue, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("the bearer token cannot be read from {}: {error}", path.display()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("the file {} has no bearer token in it", path.display()));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| format!("the file {} has no bearer token in it, but other characters", path.display()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Writes bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
