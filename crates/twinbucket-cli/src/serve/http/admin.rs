//! Administration: reload and rollback, and who may ask for them.
//!
//! With a token, whoever sends it may; it is compared in a time that does not tell how much of it was right. Without
//! one, which only a loopback address can be, whoever is on this machine may, but for web pages that a browser on it
//! shows. A page of another origin cannot send a POST with JSON as its content type without asking first, and is never
//! answered that it may; a page whose name was bound to a loopback address after it was loaded shows in the Host header,
//! which must be an address or `localhost`; and an Origin must be that of the host.

use std::net::IpAddr;
use std::path::Path as FilePath;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use twinbucket_feed::{LoadError, ReloadError, RollbackError};

use super::problem::Problem;
use super::query::{Asked, Path, version_number};
use super::{App, Shared, lookup, status};
use crate::serve::served::Served;

/// Fewest bytes that a token may have.
const SHORTEST_TOKEN: usize = 16;

/// How long a request waits for the load that it asked for.
const RELOAD_WITHIN: Duration = Duration::from_secs(60);

/// The token of administration, which can be replaced while the daemon runs.
#[derive(Default)]
pub(crate) struct Token {
    /// The token, if one is asked for.
    token: RwLock<Option<Box<[u8]>>>,
}

impl Token {
    /// Reads a token from its file; white space around it is dropped.
    ///
    /// # Errors
    /// If the file cannot be read, or the token is too short to be safe. The one before stays.
    pub(crate) fn read(&self, path: &FilePath) -> Result<(), String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("{}: {error}; it should have the admin token", path.display()))?;
        let token = text.trim();
        if token.len() < SHORTEST_TOKEN {
            let problem = format!("the admin token has {} bytes, and needs {SHORTEST_TOKEN} at least", token.len());
            return Err(format!("{}: {problem}", path.display()));
        }
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token.as_bytes().into());
        Ok(())
    }

    /// Tells whether a request has the token; `None` if none is asked for.
    fn is_in(&self, headers: &HeaderMap) -> Option<bool> {
        let token = self.token.read().unwrap_or_else(PoisonError::into_inner);
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        let scheme = given.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
        let given = if scheme { given[7..].trim_ascii() } else { b"" };
        token.as_ref().map(|token| bool::from(token.ct_eq(given)))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

/// Lets only those requests through that may administrate.
pub(crate) async fn only_allowed(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let checked = match app.token.is_in(headers) {
        Some(true) => Ok(()),
        Some(false) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "token-needed",
            "send the admin token, as `Authorization: Bearer TOKEN`",
        )
        .header(header::WWW_AUTHENTICATE, "Bearer")),
        None => is_no_page(headers),
    };
    match checked.and_then(|()| is_json(headers)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Checks that a request does not come from a web page of somebody else.
fn is_no_page(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let host = text(header::HOST).unwrap_or_default();
    if !is_local(host) {
        let detail = format!("without a token, administration is for the host localhost or an address, not {host:?}");
        return Err(Problem::new(StatusCode::FORBIDDEN, "foreign-host", detail));
    }
    match text(header::ORIGIN) {
        Some(origin) if origin.strip_prefix("http://") != Some(host) => {
            let detail = format!("without a token, administration is not for pages of other origins, such as {origin}");
            Err(Problem::new(StatusCode::FORBIDDEN, "foreign-origin", detail))
        }
        _ => Ok(()),
    }
}

/// Tells whether a Host header names this machine by something that nobody else can give out.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    name.eq_ignore_ascii_case("localhost") || is_address(address) || is_address(host)
}

/// Checks that a request says that it is JSON, as no page of another origin can unasked.
fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "administration takes requests with `Content-Type: application/json` only, also without a body";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail))
}

/// Answers on the public address.
pub(crate) async fn elsewhere() -> Problem {
    let detail = "reload and rollback are on the admin address only; start the daemon with --admin";
    Problem::new(StatusCode::NOT_FOUND, "admin-only", detail)
}

/// How to reload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct How {
    /// Whether the guard is asked.
    guard: Option<Switch>,
}

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// Looks at a table's source now, and answers when that is done.
pub(crate) async fn reload(
    State(app): Shared,
    Path(table): Path<String>,
    Asked(how): Asked<How>,
) -> Result<Response, Problem> {
    let served = app.tables.get(&table).ok_or_else(|| Problem::no_table(&table))?;
    let unguarded = how.guard == Some(Switch::Off);
    tracing::info!(table, unguarded, "reload asked for");
    let outcome = job(&app, &served, move |served| served.content.reload(unguarded, RELOAD_WITHIN)).await?;
    match outcome {
        Ok(_) => Ok(axum::Json(status::table(&served)).into_response()),
        Err(ReloadError::Failed(error)) => Err(refused(&error)),
        Err(error @ ReloadError::TimedOut(_)) => {
            Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "reload-timeout", error.to_string()))
        }
        Err(error) => Err(Problem::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

/// A load that failed: because of the source, or because of what is in it.
fn refused(error: &LoadError) -> Problem {
    match error {
        LoadError::Source(_) => Problem::new(StatusCode::BAD_GATEWAY, "source-failed", error.to_string()),
        LoadError::Refused(_) => {
            let detail = format!("{error}; to take it for once, reload with ?guard=off");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "guard-refused", detail)
        }
        _ => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-content", error.to_string()),
    }
}

/// Where to roll back to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    /// The generation.
    generation: u64,
}

/// Brings an older generation back.
pub(crate) async fn rollback(State(app): Shared, Path(table): Path<String>, body: Body) -> Result<Response, Problem> {
    let served = app.tables.get(&table).ok_or_else(|| Problem::no_table(&table))?;
    let body = lookup::read(&app, body).await?;
    let target: Target = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "bad-body", format!("the body is not {{\"generation\": G}}: {error}"))
    })?;
    let bucket = version_number(&served, target.generation)?;
    let generation = bucket.generation();
    drop(bucket);
    tracing::info!(table, generation = generation.get(), "rollback asked for");
    match job(&app, &served, move |served| served.content.rollback(generation)).await? {
        Ok(generation) => Ok(axum::Json(json!({ "generation": generation.get() })).into_response()),
        Err(error @ RollbackError::NotKept { .. }) => {
            Err(Problem::new(StatusCode::GONE, "generation-gone", error.to_string()))
        }
        Err(error) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-content", error.to_string())),
    }
}

/// Does what may wait on a thread of its own.
async fn job<R: Send + 'static>(
    app: &App,
    served: &Arc<Served>,
    work: impl FnOnce(&Served) -> R + Send + 'static,
) -> Result<R, Problem> {
    let permit = app.jobs.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("several reloads or rollbacks are under way; try again later"))?;
    let served = Arc::clone(served);
    let (done, outcome) = oneshot::channel();
    // Not one of the runtime's: where there is no thread to be had, that would let the job wait for one in silence.
    let started = thread::Builder::new().name("twinbucket-admin".into()).spawn(move || {
        let outcome = work(&served);
        drop((served, permit));
        // Whoever asked may be gone.
        let _ = done.send(outcome);
    });
    if let Err(error) = started {
        tracing::error!(%error, "cannot start a thread for a reload or rollback");
        return Err(Problem::busy("the system has no thread for it; try again later"));
    }
    outcome.await.map_err(|_| Problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "the job panicked; see the log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_local() {
        for host in ["localhost", "LOCALHOST:7879", "127.0.0.1:1", "[::1]:7879", "::1", "10.0.0.1"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:7879", "127.0.0.1.evil.example", "localhost.evil:1", "[::1"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn token_must_be_the_same_and_follow_its_scheme() {
        let token = Token { token: RwLock::new(Some((*b"0123456789abcdef").into())) };
        let is_in = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            token.is_in(&headers).unwrap()
        };
        assert!(is_in("Bearer 0123456789abcdef") && is_in("bearer  0123456789abcdef"));
        assert!(!is_in("Bearer 0123456789abcdeF") && !is_in("0123456789abcdef") && !is_in("Bearer 0123456789abcdef0"));
        assert!(!is_in("Bearer") && !is_in("") && !is_in("Basic 0123456789abcdef"));
        assert_eq!(token.is_in(&HeaderMap::new()), Some(false));
        assert_eq!(Token::default().is_in(&HeaderMap::new()), None);
    }
}
