//! One connection: reads requests, lets them run in batches, and sends the answers.
//!
//! All requests that have arrived in one read run as one batch, without a pause in between and with the thread's readers
//! at hand, and their answers are sent at once. While answers are being sent nothing is read, so that a client that does
//! not take its answers is not given more of them; if it takes none for too long it is cut off. What a connection holds
//! is one request, one read, and the answers up to [`FLUSH`] and one more.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::command::Flow;
use super::gets::Gets;
use super::request::Requests;
use super::server::{Admitted, Server};
use super::session::{Session, Tally};
use super::views::{Tables, Views};

/// Bytes that one read takes at least, if they are there.
const READ: usize = 16 * 1024;

/// Length of answers from which on they are sent before the next command runs.
pub(crate) const FLUSH: usize = 256 * 1024;

/// Memory that a connection keeps from one batch to the next.
const KEPT: usize = 64 * 1024;

/// How long a client that is cut off may take to read why.
const PARTING: Duration = Duration::from_secs(1);

/// One connection.
pub(crate) struct Connection {
    /// The client.
    stream: TcpStream,
    /// What was read and has not run.
    input: BytesMut,
    /// Finds the requests in it.
    requests: Requests,
    /// What the server knows of it.
    session: Session,
    /// What all connections share.
    server: Arc<Server>,
    /// When the client sent something last.
    heard: Instant,
    /// When the request began that is not there as a whole.
    waiting_since: Option<Instant>,
    /// Commands since the last read.
    depth: usize,
    /// Takes it out of the server's list.
    _admitted: Admitted,
}

/// What is to be done after a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    /// Read more.
    Read,
    /// Run another batch: there is more in the input.
    Run,
    /// End the connection, as the client wants it.
    End,
    /// Cut it off: the answer that says why is the last.
    Cut,
}

impl Connection {
    /// Takes a client that was let in.
    pub(crate) fn new(stream: TcpStream, admitted: Admitted) -> Self {
        let server = Arc::clone(&admitted.server);
        Self {
            stream,
            input: BytesMut::new(),
            requests: Requests::new(&server.limits),
            session: Session::new(Arc::clone(&admitted.client)),
            server,
            heard: Instant::now(),
            waiting_since: None,
            depth: 0,
            _admitted: admitted,
        }
    }

    /// Answers requests until the client goes, is cut off, or `stop` is cancelled and all that has arrived is answered.
    pub(crate) async fn run<T: Tables>(mut self, tables: Arc<T>, stop: CancellationToken) {
        let mut stop = pin!(stop.cancelled());
        let mut alarm = pin!(sleep_until(self.deadline()));
        loop {
            match self.read(stop.as_mut(), alarm.as_mut()).await {
                Ok(true) => {}
                // Whoever is gone cannot be told anything.
                Ok(false) | Err(_) => return,
            }
            self.depth = 0;
            loop {
                let after = tables.lend(|views| self.batch(views));
                self.tally();
                if self.send().await.is_err() {
                    self.server.counts.cut.add(1);
                    return;
                }
                match after {
                    After::Run => {}
                    After::Read => break,
                    After::End => return,
                    After::Cut => return self.part().await,
                }
            }
            self.note_waiting(alarm.as_mut());
        }
    }

    /// Reads once. `false` if there will be nothing more to read.
    async fn read(
        &mut self,
        mut stop: Pin<&mut WaitForCancellationFuture<'_>>,
        mut alarm: Pin<&mut Sleep>,
    ) -> io::Result<bool> {
        if self.input.is_empty() && self.input.capacity() > KEPT {
            self.input = BytesMut::new();
        }
        self.input.reserve(READ);
        loop {
            tokio::select! {
                biased;
                read = self.stream.read_buf(&mut self.input) => {
                    let read = read?;
                    self.server.counts.bytes_in.add(read as u64);
                    self.heard = Instant::now();
                    return Ok(read > 0);
                }
                () = stop.as_mut() => return Ok(false),
                () = alarm.as_mut() => {
                    let deadline = self.deadline();
                    if Instant::now() >= deadline {
                        return self.time_out().await.map(|()| false);
                    }
                    alarm.as_mut().reset(deadline);
                }
            }
        }
    }

    /// When the client has to have sent something.
    fn deadline(&self) -> Instant {
        let limits = &self.server.limits;
        let idle = self.heard + limits.idle_timeout;
        self.waiting_since.map_or(idle, |since| idle.min(since + limits.request_timeout))
    }

    /// Notes whether a request has begun and not ended, and sets the alarm for it.
    fn note_waiting(&mut self, alarm: Pin<&mut Sleep>) {
        if self.input.is_empty() {
            self.waiting_since = None;
        } else if self.waiting_since.is_none() {
            self.waiting_since = Some(self.heard);
            alarm.reset(self.deadline());
        }
    }

    /// Runs what is in the input, until it ends or there are many answers to send.
    fn batch(&mut self, views: &mut Views) -> After {
        let Self { input, requests, session, server, depth, waiting_since, .. } = self;
        session.settle(views);
        let (mut at, mut gets, most) = (0, Gets::default(), server.limits.pipeline);
        let after = loop {
            // GETs are gathered, to be answered together before whatever comes next.
            let found = loop {
                let rest = &input[at..];
                let found = requests.find(rest);
                let get = matches!(found, Ok(Some(_)) if *depth < most).then(|| requests.key_of_get(rest)).flatten();
                let (Ok(Some(len)), Some(key)) = (found, get) else { break found };
                let is_full = gets.push(at + key.start..at + key.end, at + len);
                at += len;
                *depth += 1;
                if is_full {
                    break Ok(Some(0));
                }
            };
            if let Some(left) = gets.answer(input, session, views, server) {
                requests.restart();
                at = left.from;
                *depth -= left.count;
                break After::Run;
            }
            match found {
                Ok(None) => break After::Read,
                Ok(Some(0)) => {}
                Ok(Some(_)) if *depth >= most => {
                    session.fail(&format!("ERR more than {most} commands at once; wait for answers in between"));
                    break After::Cut;
                }
                Ok(Some(len)) => {
                    *depth += 1;
                    let flow = session.run(requests.words(&input[at..at + len]), views, server);
                    at += len;
                    if flow == Flow::Close {
                        break After::End;
                    }
                }
                Err(error) => {
                    session.fail(&format!("ERR {error}"));
                    break After::Cut;
                }
            }
            if session.replies.len() >= FLUSH {
                break After::Run;
            }
        };
        if at > 0 {
            *waiting_since = None;
        }
        input.advance(at);
        after
    }

    /// Adds what the batch did to the totals.
    fn tally(&mut self) {
        let counts = &self.server.counts;
        let Tally { commands, errors, hits, misses } = std::mem::take(&mut self.session.tally);
        counts.commands.add(commands);
        counts.errors.add(errors);
        counts.hits.add(hits);
        counts.misses.add(misses);
        counts.bytes_out.add(self.session.replies.len() as u64);
    }

    /// Sends all answers.
    async fn send(&mut self) -> io::Result<()> {
        let mut rest = self.session.replies.bytes();
        while !rest.is_empty() {
            let sent = timeout(self.server.limits.write_timeout, self.stream.write(rest)).await??;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[sent..];
        }
        self.session.replies.clear(KEPT);
        Ok(())
    }

    /// Tells the client that it took too long, if it was about to say something.
    async fn time_out(&mut self) -> io::Result<()> {
        self.server.counts.cut.add(1);
        if self.waiting_since.is_some() {
            let limit = self.server.limits.request_timeout;
            self.session.fail(&format!("ERR the request did not arrive within {limit:?}; send it at once"));
            self.tally();
            self.send().await?;
        }
        Ok(())
    }

    /// Lets the client read why it is cut off: closed with something unread, the answer could get lost on its way.
    async fn part(mut self) {
        self.server.counts.cut.add(1);
        let parting = async {
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // However it ends, it ends.
        let _ = timeout(PARTING, parting).await;
    }
}
