//! The HTTP front end: which address answers what, and what all answers have in common.
//!
//! The public address has everything that reads. The administration address has that too, and reload and rollback.
//! Look-ups take no lock: each thread has its own readers. What may wait, which is administration, is done on threads of
//! its own.

mod admin;
mod changes;
mod entries;
mod etag;
mod frame;
mod lookup;
mod metrics;
mod page;
mod probes;
mod problem;
mod query;
mod status;
mod stream;

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

pub(crate) use self::admin::Token;
pub(crate) use self::metrics::{HttpMetrics, Metrics};
use self::problem::Problem;
pub(crate) use self::status::of as status_json;
use super::follow::ConfigState;
use super::settings::Server;
use super::tables::Tables;

/// The header that names the generation that an answer was made of.
const GENERATION: HeaderName = HeaderName::from_static("twinbucket-generation");

/// Reloads and rollbacks at once.
const ADMIN_JOBS: usize = 8;

/// What all requests share.
pub(crate) struct App {
    /// The tables.
    pub(crate) tables: Arc<Tables>,
    /// The daemon's settings.
    pub(crate) server: Arc<Server>,
    /// How the configuration is.
    pub(crate) config: Arc<ConfigState>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// The token of administration, if it asks for one.
    pub(crate) token: Arc<Token>,
    /// When the daemon started.
    pub(crate) started: SystemTime,
    /// Streams that may be opened.
    pub(crate) streams: Arc<Semaphore>,
    /// Jobs of administration that may be begun.
    pub(crate) jobs: Arc<Semaphore>,
}

impl App {
    /// Puts together what requests share.
    pub(crate) fn new(
        tables: Arc<Tables>,
        server: Arc<Server>,
        config: Arc<ConfigState>,
        metrics: Arc<Metrics>,
        token: Arc<Token>,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(server.limits.streams));
        let jobs = Arc::new(Semaphore::new(ADMIN_JOBS));
        Self { tables, server, config, metrics, token, started: SystemTime::now(), streams, jobs }
    }
}

/// What answers on the public address.
pub(crate) fn public(app: &Arc<App>) -> Router {
    let elsewhere = || post(admin::elsewhere);
    let routes =
        reads().route("/v1/tables/{table}/reload", elsewhere()).route("/v1/tables/{table}/rollback", elsewhere());
    framed(routes, app)
}

/// What answers on the administration address.
pub(crate) fn administration(app: &Arc<App>) -> Router {
    let admin = Router::new()
        .route("/v1/tables/{table}/reload", post(admin::reload))
        .route("/v1/tables/{table}/rollback", post(admin::rollback))
        .route_layer(middleware::from_fn_with_state(Arc::clone(app), admin::only_allowed));
    framed(reads().merge(admin), app)
}

/// The routes that read.
fn reads() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(page::page))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(metrics::scrape))
        .route("/v1/tables", get(status::list))
        .route("/v1/tables/{table}", get(status::one))
        .route("/v1/tables/{table}/entries", get(entries::stream))
        .route("/v1/tables/{table}/entries/{*key}", get(entries::one))
        .route("/v1/tables/{table}/lookup", post(lookup::lookup))
        .route("/v1/tables/{table}/changes", get(changes::changes))
}

/// Adds what all routes have in common.
fn framed(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
        .fallback(async || Problem::plain(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::plain(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method; see the header Allow")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(app), frame::frame))
        .with_state(Arc::clone(app))
}

/// An answer of JSON.
fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

/// The state as handlers take it.
type Shared = State<Arc<App>>;
