//! Answers that are written while they are made, line by line.
//!
//! A task makes chunks of about 64 KiB and hands them on one at a time, so that no more is made than the client takes.
//! A client that takes none for as long as the write time limit is given up: the task ends, and with it what it holds.
//! An answer that ends early is broken off, never closed as if it were whole.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::App;
use super::problem::Problem;

/// Bytes in a chunk, about.
const CHUNK: usize = 64 << 10;

/// Where a task puts what it makes.
pub(crate) struct Sink {
    /// To the answer.
    to: Sender<Piece>,
    /// How long the client may take to make room for a chunk.
    time: Duration,
}

/// What a task hands on.
enum Piece {
    /// Some bytes.
    Chunk(Bytes),
    /// All was handed on.
    End,
}

/// Why an answer was broken off.
#[derive(Debug)]
struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the client was too slow to take the stream")
    }
}

impl std::error::Error for BrokenOff {}

/// Begins a stream of lines of JSON, which `make` hands to its sink.
///
/// # Errors
/// If there are as many streams as there may be.
pub(crate) fn start<F>(app: &App, make: impl FnOnce(Sink) -> F) -> Result<Response, Problem>
where
    F: Future<Output = ()> + Send + 'static,
{
    let permit = app.streams.clone().try_acquire_owned().map_err(|_| {
        let most = app.server.limits.streams;
        Problem::busy(format!("{most} streams are open, which is the limit; try again when one has ended"))
    })?;
    let (to, from) = channel(1);
    let task = make(Sink { to, time: app.server.limits.write_timeout });
    let open = app.metrics.http.stream();
    tokio::spawn(async move {
        task.await;
        drop((permit, open));
    });
    Ok(lines(Body::new(Pieces { from, ended: false })))
}

/// The head of a stream alone.
pub(crate) fn empty() -> Response {
    lines(Body::new(Nothing))
}

/// An answer of lines of JSON.
fn lines(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

impl Sink {
    /// Sends lines until `write` has no more. It appends one to the vector each time.
    pub(crate) async fn lines(self, mut write: impl FnMut(&mut Vec<u8>) -> Option<()>) {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 8);
            let mut more = true;
            while more && chunk.len() < CHUNK {
                more = write(&mut chunk).is_some();
                if more {
                    chunk.push(b'\n');
                }
            }
            if !chunk.is_empty() && !self.send(Piece::Chunk(chunk.into())).await {
                return;
            }
            if !more {
                self.send(Piece::End).await;
                return;
            }
            // Making a chunk takes a while, and there are other requests.
            tokio::task::yield_now().await;
        }
    }

    /// Hands something on; `false` if nobody wants it any more.
    async fn send(&self, piece: Piece) -> bool {
        match timeout(self.time, self.to.send(piece)).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                tracing::warn!(limit = ?self.time, "a client was too slow to take its stream, and was cut off");
                false
            }
        }
    }
}

/// The body that a task fills.
struct Pieces {
    /// From the task.
    from: Receiver<Piece>,
    /// Whether all has come.
    ended: bool,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = ready!(self.from.poll_recv(cx));
        self.ended = !matches!(piece, Some(Piece::Chunk(_)));
        Poll::Ready(match piece {
            Some(Piece::Chunk(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => None,
            None => Some(Err(BrokenOff)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// A body without anything in it, of which nobody knows the length.
struct Nothing;

impl HttpBody for Nothing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}
