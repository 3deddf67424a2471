//! The daemon, as `twinbucket serve` sets it up, and what answers on a connection.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::serve::config::{Config, Flags};
use crate::serve::content::Entry;
use crate::serve::follow::ConfigState;
use crate::serve::http::{App, Metrics, Token, administration, public};
use crate::serve::listen::Front;
use crate::serve::open::open_all;
use crate::serve::resp::connection::Connection;
use crate::serve::resp::{RespLimits, Server};
use crate::serve::served::Served;
use crate::serve::settings::{Given, Server as Settings};
use crate::serve::tables::Tables;

/// The configuration, which says where the tables are.
const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tables/serve.toml");

/// How long a connection may take until it is said to hang.
const PATIENCE: Duration = Duration::from_secs(8);

/// Turns of the other tasks after each piece: enough for it to be read before the next one comes.
const TURNS: usize = 4;

/// The one daemon of this process.
static DAEMON: LazyLock<Daemon> = LazyLock::new(Daemon::new);

/// The daemon, with a few small tables.
pub struct Daemon {
    /// Runs it, on the thread that asks.
    runtime: Runtime,
    /// The tables.
    tables: Arc<Tables>,
    /// The settings.
    settings: Arc<Settings>,
    /// Answers everybody over HTTP.
    public: Front,
    /// Answers those who administrate.
    administration: Front,
}

/// What answers on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrontEnd {
    /// The public address over HTTP.
    Http,
    /// The administration address over HTTP.
    Administration,
    /// The address for Redis clients.
    Resp,
}

/// What came over a connection.
#[derive(Debug)]
pub struct Answers {
    /// The answers.
    pub bytes: Vec<u8>,
    /// Whether the connection was closed with something unread; then a client far away may not get all of them.
    pub is_reset: bool,
}

impl Daemon {
    /// Returns the daemon, and starts it if need be.
    pub fn get() -> &'static Self {
        &DAEMON
    }

    /// Starts it.
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let text = std::fs::read_to_string(CONFIGURATION).expect("the configuration is there");
        let flags = Flags { given: Given::default(), tables: Vec::new(), keys: Vec::new() };
        let config = Config::of_file(&flags, &CONFIGURATION.into(), &text).expect("the configuration can be read");
        let opened = open_all(&config.tables, 0).into_iter().collect::<Result<Vec<_>, _>>();
        let tables = Arc::new(Tables::new(opened.expect("the tables can be read")));
        let settings = Arc::new(config.server);
        let metrics =
            Arc::new(Metrics::new(|registry| registry.register_collector(Box::new(tables.metrics().clone()))));
        let state = Arc::new(ConfigState::default());
        let app = App::new(tables.clone(), settings.clone(), state, metrics.clone(), Arc::new(Token::default()));
        let app = Arc::new(app);
        let front = |router| Front {
            // Nobody connects to it, but a front end has an address.
            listener: runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("an address"),
            router,
            limits: settings.limits,
            metrics: Arc::clone(&metrics.http),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        let (public, administration) = (front(public(&app)), front(administration(&app)));
        Self { runtime, tables, settings, public, administration }
    }

    /// Sends pieces one after the other over a connection of its own, and returns all answers.
    ///
    /// # Panics
    /// If the front end panics, or the connection does not end in time.
    pub fn exchange<'a>(&self, front_end: FrontEnd, pieces: impl Iterator<Item = &'a [u8]>) -> Answers {
        self.runtime.block_on(async {
            let (ours, theirs) = Pair::pair().expect("a pair of sockets");
            let serving = tokio::spawn(self.answer(front_end, as_connection(theirs)));
            ours.set_nonblocking(true).expect("a socket can be set so");
            let (mut from, mut to) = UnixStream::from_std(ours).expect("a socket can be waited for").into_split();
            let sending = async move {
                for piece in pieces {
                    // It may cut us off before it has all.
                    if to.write_all(piece).await.is_err() {
                        break;
                    }
                    for _ in 0..TURNS {
                        tokio::task::yield_now().await;
                    }
                }
                drop(to);
            };
            let mut bytes = Vec::new();
            let outcome = timeout(PATIENCE, async { tokio::join!(sending, from.read_to_end(&mut bytes)).1 }).await;
            let Ok(read) = outcome else {
                panic!("the connection does not end; so far it gave {}", bytes.escape_ascii())
            };
            let ended = timeout(PATIENCE, serving).await;
            ended.expect("the front end does not end").expect("the front end panicked");
            Answers { bytes, is_reset: read.is_err() }
        })
    }

    /// Answers on a connection until it ends.
    fn answer(&self, front_end: FrontEnd, stream: TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match front_end {
            FrontEnd::Http => Box::pin(self.public.connection(stream)),
            FrontEnd::Administration => Box::pin(self.administration.connection(stream)),
            FrontEnd::Resp => {
                // A server of its own, so that what an input does is the same after any other.
                let server = Arc::new(Server::new(RespLimits::of(&self.settings.resp_limits)));
                let address = SocketAddr::from(([127, 0, 0, 1], 6379));
                let admitted = server.admit(address, address).expect("there is room for one");
                Box::pin(Connection::new(stream, admitted).run(Arc::clone(&self.tables), CancellationToken::new()))
            }
        }
    }

    /// Brings back what the files have, after a rollback.
    ///
    /// # Panics
    /// If that fails.
    pub fn reload(&self) {
        for served in self.tables.all().iter() {
            served.content.reload(true, PATIENCE).expect("the files can be read");
        }
    }

    /// Writes down what the tables have: each name, how often it was published, and its entries in order.
    pub fn contents(&self) -> Vec<(String, u64, Vec<u8>)> {
        let content = |served: &Arc<Served>| {
            let bucket = served.content.read();
            let mut entries: Vec<Vec<u8>> = bucket.entries().map(|entry| written(&entry)).collect();
            entries.sort_unstable();
            (served.spec.name.to_string(), bucket.generation().get(), entries.concat())
        };
        self.tables.all().iter().map(content).collect()
    }
}

/// An entry as JSON.
fn written(entry: &Entry<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    entry.write_json(&mut text);
    text
}

/// One end of a pair of sockets, as what the front ends take. Nothing that they do with it needs a network.
fn as_connection(socket: Pair) -> TcpStream {
    socket.set_nonblocking(true).expect("a socket can be set so");
    TcpStream::from_std(OwnedFd::from(socket).into()).expect("a socket can be waited for")
}
