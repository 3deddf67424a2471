//! A connection with time limits: for the head of a request, between requests, and for a client to take in what is
//! written.
//!
//! A connection that is closed in the middle of something is closed for writing first, and what the client still sends is
//! thrown away for a moment: closed with something unread, it would take back answers that are on their way.
//!
//! The clock for reading runs while the connection waits for a request; a request that is being answered has the limits
//! of its route. The clock for writing runs while nothing can be written, and begins anew when something was.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::serve::settings::Limits;

/// What a client is told whose request does not arrive.
const TOO_SLOW: &str = "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\
                        content-length: 132\r\n\r\n\
                        {\"type\":\"urn:twinbucket:head-timeout\",\"title\":\"head timeout\",\"status\":408,\
                        \"detail\":\"the head of the request did not arrive in time\"}";

/// How long a client may take to see that a connection is being closed.
const PARTING: Duration = Duration::from_secs(1);

/// Reads of what is thrown away, before others get their turn.
const TURN: usize = 16;

/// Waiting for a request of which nothing has arrived; the clock is not set yet.
const WAITING: u8 = 0;
/// The same, and the clock runs.
const IDLE: u8 = 1;
/// The head of a request has begun to arrive.
const HEAD: u8 = 2;
/// A request is being answered.
const ANSWERING: u8 = 3;

/// What a connection is at.
#[derive(Debug, Default)]
pub(super) struct Phase {
    /// One of the phases above.
    now: AtomicU8,
    /// Whom to wake when the answer has ended: who tried to read meanwhile has set no clock.
    reader: Mutex<Option<Waker>>,
    /// Whether a request was answered of whose body there is more to come.
    is_answered_early: AtomicBool,
}

impl Phase {
    /// The head of a request has arrived.
    pub(super) fn begin(&self) {
        self.set(ANSWERING);
    }

    /// The request was answered before all of its body was read; it is the last one.
    pub(super) fn answer_early(&self) {
        self.is_answered_early.store(true, Ordering::Relaxed);
    }

    /// Tells whether nothing is expected of the client that it might be sending at this moment.
    fn is_quiet(&self) -> bool {
        self.get() == IDLE && !self.is_answered_early.load(Ordering::Relaxed)
    }

    // Relaxed, here and above: all is on the task of the connection.
    fn set(&self, phase: u8) {
        self.now.store(phase, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.now.load(Ordering::Relaxed)
    }

    /// The answer has ended.
    fn end(&self) {
        self.set(WAITING);
        if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.wake();
        }
    }

    /// Has whoever reads woken when the answer has ended.
    fn await_end(&self, cx: &Context<'_>) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
    }
}

/// A connection with time limits.
pub(super) struct Timed {
    /// The connection.
    stream: TcpStream,
    /// The limits.
    limits: Limits,
    /// What it is at.
    phase: Arc<Phase>,
    /// The clock for reading.
    reading: Pin<Box<Sleep>>,
    /// The clock for writing, while nothing can be written.
    writing: Option<Pin<Box<Sleep>>>,
    /// The clock for parting, once it is closed for writing.
    parting: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    pub(super) fn new(stream: TcpStream, limits: Limits, phase: Arc<Phase>) -> Self {
        let reading = Box::pin(sleep_until(Instant::now() + limits.idle_timeout));
        Self { stream, limits, phase, reading, writing: None, parting: None }
    }

    /// Sets the clock for reading.
    fn set(&mut self, phase: u8, time: Duration) {
        self.phase.set(phase);
        self.reading.as_mut().reset(Instant::now() + time);
    }

    /// Ends a wait for writing, or lets its clock run.
    fn write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let until = self.limits.write_timeout;
        let clock = self.writing.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + until)));
        ready!(clock.as_mut().poll(cx));
        tracing::debug!("a client does not take what is written");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Timed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        let phase = this.phase.get();
        if phase == ANSWERING {
            if read.is_pending() {
                this.phase.await_end(cx);
            }
            return read;
        }
        if read.is_ready() {
            if buf.filled().len() > before && phase != HEAD {
                this.set(HEAD, this.limits.header_timeout);
            }
            return read;
        }
        if phase == WAITING {
            this.set(IDLE, this.limits.idle_timeout);
        }
        ready!(this.reading.as_mut().poll(cx));
        if phase == HEAD {
            // Nothing else is being written, and who is too slow to take it has seen the end coming.
            let _ = this.stream.try_write(TOO_SLOW.as_bytes());
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        // As if the client had closed it.
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Timed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.parting.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        if this.phase.is_quiet() {
            return Poll::Ready(Ok(()));
        }
        let clock = this.parting.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + PARTING)));
        let (mut bytes, mut turns) = ([0; 4096], 0..TURN);
        while clock.as_mut().poll(cx).is_pending() {
            let mut sink = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut sink))?;
            if sink.filled().is_empty() {
                break;
            }
            if turns.next().is_none() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The body of an answer; when it ends, the connection waits for the next request.
pub(super) struct Tracked {
    /// The body.
    body: Body,
    /// What the connection is at.
    phase: Arc<Phase>,
}

impl Tracked {
    pub(super) fn new(body: Body, phase: Arc<Phase>) -> Self {
        Self { body, phase }
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.phase.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_to_the_slow_has_the_length_that_it_says() {
        let (head, body) = TOO_SLOW.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
