//! Connections over HTTP: how many, how long they may take, and how they end.
//!
//! There is one task for each connection. When the daemon stops, a connection ends after the request that it is at.

mod arrival;
mod timed;

use std::convert::Infallible;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::arrival::Arrival;
use self::timed::{Phase, Timed, Tracked};
use super::http::HttpMetrics;
use super::memory::Connection;
use super::settings::Limits;

/// Connections that are being told that there are too many; more are closed without a word.
const REFUSALS: usize = 64;

/// How long a client may take to take in that there are too many connections.
const REFUSE_WITHIN: Duration = Duration::from_secs(1);

/// Pause after a failure to accept, which mostly is a want of file descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// Most headers of a request.
const HEADERS: usize = 100;

/// What a connection is told when there are too many.
const TOO_MANY: &str = "{\"type\":\"urn:twinbucket:too-many-connections\",\"title\":\"too many connections\",\
                        \"status\":503,\"detail\":\"all connections are in use; try again later\"}";

/// One address that answers over HTTP.
pub(crate) struct Front {
    /// Where connections come from.
    pub(crate) listener: TcpListener,
    /// What answers.
    pub(crate) router: Router,
    /// The limits.
    pub(crate) limits: Limits,
    /// What is counted.
    pub(crate) metrics: Arc<HttpMetrics>,
    /// Ends it.
    pub(crate) stop: CancellationToken,
    /// Knows the connections that are open.
    pub(crate) tracker: TaskTracker,
}

impl Front {
    /// Answers until it is stopped; connections may go on after that.
    pub(crate) async fn run(self) {
        let free = Arc::new(Semaphore::new(self.limits.connections));
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        let mut is_deaf = false;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        // Once, and not for each attempt: it may last.
                        if !mem::replace(&mut is_deaf, true) {
                            tracing::error!(%error, "cannot accept connections; trying again, raise the limit of open files");
                        }
                        sleep(BREATH).await;
                    }
                    continue;
                }
            };
            is_deaf = false;
            match Arc::clone(&free).try_acquire_owned() {
                Ok(permit) => {
                    let connection = self.connection(stream);
                    let open = (self.metrics.connection(), Connection::open());
                    self.tracker.spawn(async move {
                        connection.await;
                        drop((permit, open));
                    });
                }
                Err(_) => {
                    self.metrics.refuse();
                    if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                        self.tracker.spawn(async move {
                            let _ = timeout(REFUSE_WITHIN, refuse(stream)).await;
                            drop(permit);
                        });
                    }
                }
            }
        }
    }

    /// Answers the requests of one connection.
    pub(crate) fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + Send + 'static {
        // Answers are written as a whole: there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        let (limits, stop) = (self.limits, self.stop.clone());
        let phase = Arc::new(Phase::default());
        let io = TokioIo::new(Timed::new(stream, limits, Arc::clone(&phase)));
        let router = TowerToHyperService::new(self.router.clone());
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            phase.begin();
            let (request, arrival) = Arrival::of(request);
            let answer = router.call(request);
            let phase = Arc::clone(&phase);
            async move {
                let mut response = answer.await?;
                if !arrival.has_ended() {
                    // What is left of the body stands where the next request would.
                    phase.answer_early();
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response.map(|body| Tracked::new(body, phase)))
            }
        });
        async move {
            let mut builder = http1::Builder::new();
            // Its own time limit is for the head and for being idle in one; `Timed` tells them apart.
            builder.header_read_timeout(None).max_headers(HEADERS).max_buf_size(buffer(limits));
            // Who has said all that it has to say still gets its answers.
            builder.half_close(true);
            let mut connection = std::pin::pin!(builder.serve_connection(io, service));
            let outcome = tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = outcome {
                tracing::debug!(%error, "a connection ended early");
            }
        }
    }
}

/// The size of a connection's buffer: it has room for the head of a request, and some more to tell that one is too
/// large.
fn buffer(limits: Limits) -> usize {
    (2 * limits.header_bytes).max(16 << 10)
}

/// Tells whether a failure to accept is of one connection and says nothing of the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Says that there are too many connections. Reads what the client sends meanwhile, since closing with something unread
/// would take back the answer.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
                connection: close\r\n";
    let answer = format!("{head}content-length: {}\r\n\r\n{TOO_MANY}", TOO_MANY.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut sink = [0; 1024];
    while stream.read(&mut sink).await? > 0 {}
    Ok(())
}
