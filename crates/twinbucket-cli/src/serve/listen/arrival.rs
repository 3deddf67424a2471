//! Whether all of a request's body has arrived at what answers it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};

/// Tells whether a body was read to its end.
pub(super) struct Arrival(Arc<AtomicBool>);

impl Arrival {
    /// Watches the body of a request.
    pub(super) fn of(request: Request<Incoming>) -> (Request<Body>, Self) {
        let ended = Arc::new(AtomicBool::new(request.body().is_end_stream()));
        let watched = |body| Body::new(Watched { body, ended: Arc::clone(&ended) });
        (request.map(watched), Self(ended))
    }

    /// Tells whether it was, or there was none.
    pub(super) fn has_ended(&self) -> bool {
        // Relaxed: the body is read on the task of the connection, or by a job that the answer waits for.
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that is watched.
struct Watched {
    /// The body.
    body: Incoming,
    /// Whether all of it was read.
    ended: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.ended.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
