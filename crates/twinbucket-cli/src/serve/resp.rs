//! The RESP front end: any Redis client reads the tables.
//!
//! It speaks versions 2 and 3 of the protocol. What the commands mean for tables is in `docs/resp.md`; in short: the
//! first table is the default one, `SELECT` and a key's beginning `table:` choose another, GET answers with the value or
//! the row as JSON, the commands on hashes with its columns, and every write is refused.
//!
//! # Who waits for whom
//! A batch of commands takes no lock but for SCAN, CLIENT and INFO, and waits for no reload. It runs on the thread of its
//! connection from its first command to its last; everything that bounds one command bounds how long others wait.
//!
//! # Which version a command sees
//! Each command answers from one read bucket of a table, also MGET, EXISTS, HMGET and HGETALL with many keys or columns.
//! Commands sent together are not one: a reload may be published between two of them, as other clients' writes in Redis
//! may. A scan sees one version from its first page to its last.

mod about;
mod client;
mod columns;
mod command;
pub(crate) mod connection;
mod counts;
mod entries;
mod gets;
mod greeting;
mod limits;
mod metrics;
mod pattern;
mod registry;
mod reply;
mod request;
mod scans;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod views;
mod walks;

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Connection;
pub(crate) use self::limits::RespLimits;
pub(crate) use self::registry::release;
pub(crate) use self::server::Server;
pub(crate) use self::views::Tables;
use super::memory;

/// How long to wait after a connection could not be taken, for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// How often scans that nobody goes on with are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Answers clients of `listener` until `stop` is cancelled and the answers to all that has arrived are sent.
pub(crate) async fn serve<T: Tables>(
    listener: TcpListener,
    tables: Arc<T>,
    server: Arc<Server>,
    stop: CancellationToken,
) {
    let (connections, mut sweep, mut is_deaf) = (TaskTracker::new(), tokio::time::interval(SWEEP), false);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = sweep.tick() => server.scans.sweep(Instant::now()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    is_deaf = false;
                    let (tables, server, stop) = (Arc::clone(&tables), Arc::clone(&server), stop.clone());
                    connections.spawn(welcome(stream, tables, server, stop));
                }
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    // Once, and not for each attempt: it may last.
                    if !mem::replace(&mut is_deaf, true) {
                        tracing::error!(%error, "cannot take a connection; raise the limit of open files or lower --resp-max-connections");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Lets a client in, or tells it that there are too many.
async fn welcome<T: Tables>(mut stream: TcpStream, tables: Arc<T>, server: Arc<Server>, stop: CancellationToken) {
    let addresses = stream.peer_addr().and_then(|peer| Ok((peer, stream.local_addr()?)));
    // A client that is gone already needs no answer.
    let Ok((peer, local)) = addresses else { return };
    match server.admit(peer, local) {
        Some(admitted) => {
            let _open = memory::Connection::open();
            prepare(&stream, &server.limits);
            Connection::new(stream, admitted).run(tables, stop).await;
        }
        None => {
            let told = async {
                stream.write_all(b"-ERR max number of clients reached\r\n").await?;
                stream.shutdown().await
            };
            // Not waited for: there are too many already.
            let _ = tokio::time::timeout(PAUSE, told).await;
        }
    }
}

/// Sends answers without delay, and notices clients that are gone without a word.
fn prepare(stream: &TcpStream, limits: &RespLimits) {
    let keep_alive = TcpKeepalive::new().with_time(limits.keep_alive).with_interval(limits.keep_alive / 4);
    // Both are for the better only; a connection without them works.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keep_alive);
}

/// Tells whether an error of `accept` concerns the one connection only, which is then gone.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
