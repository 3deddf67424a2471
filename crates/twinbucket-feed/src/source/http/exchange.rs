//! One look at an address: a request, those that redirects ask for, and an answer that is whole or an error.
//!
//! All of it shares one time limit. Knows nothing of earlier looks but what it is told to ask with.

use std::io::Read;
use std::time::{Duration, Instant, SystemTime};

use httpdate::parse_http_date;
use sha2::{Digest, Sha256};
use ureq::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, DATE, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER, USER_AGENT,
};
use ureq::http::{HeaderMap, HeaderName, Response, StatusCode};
use ureq::{Agent, Body, Timeout};

use super::address::{Address, BadRedirect};
use super::validators::{Validators, text};
use crate::source::try_thread;

/// How much of a body is read at once.
const CHUNK: usize = 64 * 1024;
/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How much an answer may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// All the time, from the look-up of the name to the last byte.
    pub(super) time: Duration,
    /// The longest body, as it is when it is unpacked.
    pub(super) bytes: usize,
    /// Redirects that are followed.
    pub(super) redirects: u32,
}

/// What to ask.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// Where.
    pub(super) address: &'a Address,
    /// What to send along to the address's own server.
    pub(super) headers: &'a HeaderMap,
    /// What to ask with, if the content may be the same as before.
    pub(super) conditions: Option<&'a Validators>,
    /// Whether caches on the way are to ask, too.
    pub(super) past_caches: bool,
    /// How much the answer may cost.
    pub(super) limits: Limits,
}

/// A good answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// What the conditions say still holds.
    NotModified,
    /// Content.
    Content {
        /// All of it.
        bytes: Vec<u8>,
        /// Its SHA-256.
        hash: [u8; 32],
        /// What to ask with next time.
        validators: Validators,
    },
}

/// Why there is no good answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// What went wrong, to be said after the address.
    pub(super) problem: String,
    /// How long the server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self { problem, retry_after: None }
    }
}

/// Makes what speaks HTTP. Each look takes a new connection: looks are rare, and an old one may have died unnoticed.
pub(super) fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .timeout_connect(Some(CONNECT_TIME))
        .user_agent(concat!("twinbucket-feed/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

impl Question<'_> {
    /// Asks, and follows redirects.
    pub(super) fn ask(&self, agent: &Agent) -> Result<Answer, Failure> {
        // A limit beyond what a clock can tell is none.
        let deadline = Instant::now().checked_add(self.limits.time);
        let mut at = self.address.clone();
        for _ in 0..=self.limits.redirects {
            let (response, is_conditional) = self.request(agent, &at, deadline)?;
            match response.status() {
                StatusCode::OK => return self.content(response, at),
                StatusCode::NOT_MODIFIED if is_conditional => return Ok(Answer::NotModified),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => at = next(&response, &at)?,
                _ => return Err(self.refusal(&response, &at)),
            }
        }
        Err(format!("more than {} redirects; is it a loop?", self.limits.redirects).into())
    }

    /// Sends one request; also tells whether it had conditions.
    fn request(
        &self,
        agent: &Agent,
        at: &Address,
        deadline: Option<Instant>,
    ) -> Result<(Response<Body>, bool), Failure> {
        let mut request = agent.get(at.as_str());
        let is_trusted = self.address.trusts(at);
        for (name, value) in self.headers.iter().filter(|(name, _)| is_trusted || is_harmless(name)) {
            request = request.header(name, value);
        }
        // They mean something only where they came from.
        let conditions = self.conditions.filter(|conditions| conditions.at == *at);
        let (etag, modified) =
            (conditions.and_then(Validators::if_none_match), conditions.and_then(Validators::if_modified_since));
        for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, modified)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if self.past_caches {
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        // Names are looked up on a thread of their own, and where there is none to be had, that panics.
        try_thread().map_err(|error| format!("the host cannot be looked up: {error}"))?;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let response = request.config().timeout_global(left).build().call().map_err(|error| self.explain(error))?;
        Ok((response, etag.or(modified).is_some()))
    }

    /// Reads the body of a good answer.
    fn content(&self, mut response: Response<Body>, at: Address) -> Result<Answer, Failure> {
        // What is left here was not unpacked.
        let encoding = text(response.headers(), &CONTENT_ENCODING);
        if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Err(format!("the answer is packed as {encoding:?}, and gzip was asked for").into());
        }
        let most = self.limits.bytes;
        if response.body().content_length().is_some_and(|length| length > most as u64) {
            return Err(self.too_long());
        }
        let validators = Validators::of(response.headers(), at);
        let mut body = response.body_mut().as_reader();
        let (mut bytes, mut hasher) = (Vec::new(), Sha256::new());
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = body.read(&mut chunk).map_err(|error| self.explain_body(error.into(), bytes.len()))?;
            if read == 0 {
                break;
            }
            if read > most - bytes.len() {
                return Err(self.too_long());
            }
            append(&mut bytes, &chunk[..read], most);
            hasher.update(&chunk[..read]);
        }
        Ok(Answer::Content { bytes, hash: hasher.finalize().into(), validators })
    }

    fn too_long(&self) -> Failure {
        format!("the answer is longer than the {} bytes that are allowed", self.limits.bytes).into()
    }

    /// Says what an answer without content means.
    fn refusal(&self, response: &Response<Body>, at: &Address) -> Failure {
        let place = if at == self.address { String::new() } else { format!(" from {}", at.shown_without_query()) };
        Failure {
            problem: format!("the answer{place} is {}", response.status()),
            retry_after: retry_after(response.headers()),
        }
    }

    /// Says what an error before the body means. Nothing that may hold a secret is repeated.
    fn explain(&self, error: ureq::Error) -> Failure {
        use ureq::Error;
        match error {
            Error::Timeout(Timeout::Connect) => format!("no connection within {CONNECT_TIME:?}"),
            Error::Timeout(_) => format!("no complete answer within {:?}", self.limits.time),
            Error::HostNotFound => "the host is not known".to_owned(),
            Error::Io(error) => format!("no answer: {error}"),
            Error::Protocol(error) => format!("the answer is not HTTP: {error}"),
            Error::BadUri(_) => "the address cannot be asked".to_owned(),
            Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => "the proxy cannot be used".to_owned(),
            other => format!("no answer: {other}"),
        }
        .into()
    }

    /// Says what an error after `read` bytes of the body means.
    fn explain_body(&self, error: ureq::Error, read: usize) -> Failure {
        match error {
            ureq::Error::Timeout(_) => self.explain(error),
            other => format!("the answer is cut off or broken after {read} bytes: {other}").into(),
        }
    }
}

/// Appends `chunk` to `bytes`, which never takes more room than `most`.
fn append(bytes: &mut Vec<u8>, chunk: &[u8], most: usize) {
    if bytes.capacity() - bytes.len() < chunk.len() {
        let more = bytes.capacity().max(chunk.len()).min(most - bytes.len());
        bytes.reserve_exact(more);
    }
    bytes.extend_from_slice(chunk);
}

/// Returns where a redirect from `at` leads.
fn next(response: &Response<Body>, at: &Address) -> Result<Address, Failure> {
    let location = text(response.headers(), &LOCATION)
        .ok_or_else(|| format!("the answer is {}, without the address to go to", response.status()))?;
    at.follow(location).map_err(|why| match why {
        BadRedirect::NotHttp => "redirected to what is no address for HTTP".to_owned().into(),
        BadRedirect::Unencrypted => "redirected from https to http, which is not followed".to_owned().into(),
    })
}

/// Tells whether a header may be sent to any server.
fn is_harmless(name: &HeaderName) -> bool {
    [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT].contains(name)
}

/// Returns how long a server asks to be left alone: in seconds, or until a time on its own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = text(headers, &DATE).and_then(|date| parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
    parse_http_date(asked).ok().map(|until| until.duration_since(now).unwrap_or_default())
}
