//! `twinbucket serve`: tables that follow their sources, over HTTP and RESP.
//!
//! This is the order of things: the configuration, the tables, the addresses, and then requests until a signal ends
//! them. What a request gets is for [`http`]; what a table is, for [`served`].
//!
//! Modules that the rest of the program could do without seeing are visible to it for the fuzz targets in `fuzz/`, which
//! take in this directory.

mod args;
mod check;
pub(crate) mod config;
pub(crate) mod content;
pub(crate) mod follow;
mod format;
pub(crate) mod http;
pub(crate) mod listen;
mod log;
mod memory;
pub(crate) mod open;
pub(crate) mod resp;
mod resp_limits;
mod row;
mod runtime;
pub(crate) mod served;
pub(crate) mod settings;
mod signals;
mod spec;
mod swaps;
pub(crate) mod tables;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::args::ServeArgs;
use self::config::{Config, Flags};
use self::follow::{ConfigState, Running};
use self::http::{App, Metrics, Token};
use self::listen::Front;
use self::log::LogMetrics;
use self::resp::RespLimits;
use self::served::Served;
use self::settings::{Limits, Server};
use self::signals::{Signal, Signals};
use self::tables::Tables;

/// How often versions are let go of that no stream asked for in a while, and memory that nobody uses any more.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Connections to the administration address at once.
const ADMIN_CONNECTIONS: usize = 64;

/// Connections that may wait to be taken, as far as the system allows it.
const BACKLOG: u32 = 4096;

/// Runs the daemon until a signal ends it, or checks what it would serve.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let flags = args.flags()?;
    let config = configuration(args.config.as_deref(), &flags)?;
    let token = Arc::new(Token::default());
    if let Some(path) = &config.server.admin_token {
        token.read(path).map_err(anyhow::Error::msg)?;
    }
    if args.check {
        return check::run(&config);
    }
    log::init(config.server.log, &config.server.log_level).map_err(anyhow::Error::msg)?;
    let server = Arc::new(config.server);
    let runtime = runtime::start(server.threads, release)?;
    let bound = {
        let _inside = runtime.enter();
        Addresses::bind(&server)?
    };
    let start = RandomState::new().hash_one(std::process::id());
    let tables = Arc::new(Tables::new(open_tables(&config.tables, start)?));
    tables::release();
    let state = Arc::new(ConfigState::default());
    if let Some(path) = &args.config {
        let running =
            Running { tables: Arc::clone(&tables), server: Arc::clone(&server), state: Arc::clone(&state), start };
        follow::follow(path, flags, running).with_context(|| format!("cannot follow {}", path.display()))?;
    }
    let daemon = Daemon { tables, server, state, token };
    runtime.block_on(daemon.run(bound))?;
    // What is still going on had its time.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// Reads the configuration.
fn configuration(path: Option<&Path>, flags: &Flags) -> anyhow::Result<Config> {
    let Some(path) = path else { return Config::of_flags(flags).map_err(crate::error::bad_usage) };
    let name: Arc<str> = path.to_string_lossy().into();
    let text = fs::read_to_string(path).with_context(|| format!("{name}: cannot read the configuration"))?;
    Config::of_file(flags, &name, &text).map_err(|error| anyhow!("{error}"))
}

/// Opens all tables, or tells which cannot be.
fn open_tables(specs: &[Arc<spec::TableSpec>], start: u64) -> anyhow::Result<Vec<Arc<Served>>> {
    let (mut tables, mut failed) = (Vec::new(), 0_usize);
    for outcome in open::open_all(specs, start) {
        match outcome {
            Ok(served) => tables.push(served),
            Err(error) => {
                tracing::error!(table = &*error.table, error = &*error.problem, "cannot be opened");
                failed += 1;
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} tables cannot be opened; see the lines above", specs.len());
    }
    Ok(tables)
}

/// An address that was bound.
struct Bound {
    /// What is spoken there.
    protocol: &'static str,
    /// The address, with the port that was free if any was asked for.
    address: SocketAddr,
    /// Where connections come from.
    listener: TcpListener,
}

impl Bound {
    /// Binds an address; `flag` chooses another.
    fn new(protocol: &'static str, address: SocketAddr, flag: &str) -> anyhow::Result<Self> {
        let bind = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // On Windows, this would let another program take the address.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            Ok::<_, io::Error>(Self { protocol, address: listener.local_addr()?, listener })
        };
        bind().with_context(|| format!("cannot bind {address} ({protocol}); choose another address with --{flag}"))
    }

    /// Says where the protocol is spoken, and gives the listener; programs that start the daemon on a free port wait for
    /// this line.
    fn announced(self) -> TcpListener {
        let Self { protocol, address, listener } = self;
        tracing::info!(protocol, %address, "listening");
        listener
    }
}

/// All addresses.
struct Addresses {
    /// For everybody.
    http: Bound,
    /// For administration.
    admin: Option<Bound>,
    /// For Redis clients.
    resp: Option<Bound>,
}

impl Addresses {
    /// Binds all that the settings name.
    fn bind(server: &Server) -> anyhow::Result<Self> {
        Ok(Self {
            http: Bound::new("http", server.listen, "listen")?,
            admin: server.admin.map(|address| Bound::new("admin", address, "admin")).transpose()?,
            resp: server.resp.map(|address| Bound::new("resp", address, "resp")).transpose()?,
        })
    }
}

/// All that the daemon has.
struct Daemon {
    /// The tables.
    tables: Arc<Tables>,
    /// The settings.
    server: Arc<Server>,
    /// How the configuration is.
    state: Arc<ConfigState>,
    /// The token of administration.
    token: Arc<Token>,
}

impl Daemon {
    /// Answers requests until a signal ends it.
    async fn run(&self, bound: Addresses) -> anyhow::Result<()> {
        let mut signals = Signals::new().context("cannot wait for signals")?;
        let redis = bound.resp.is_some().then(|| Arc::new(resp::Server::new(RespLimits::of(&self.server.resp_limits))));
        let metrics = Arc::new(Metrics::new(|registry| {
            registry.register_collector(Box::new(self.tables.metrics().clone()));
            registry.register_collector(Box::new(Arc::clone(&self.state)));
            registry.register_collector(Box::new(LogMetrics));
            if let Some(redis) = &redis {
                registry.register_collector(Box::new(Arc::clone(redis)));
            }
        }));
        let app = Arc::new(App::new(
            Arc::clone(&self.tables),
            Arc::clone(&self.server),
            Arc::clone(&self.state),
            Arc::clone(&metrics),
            Arc::clone(&self.token),
        ));
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let limits = self.server.limits;
        let front = |listener: TcpListener, router: Router, limits: Limits| Front {
            listener,
            router,
            limits,
            metrics: Arc::clone(&metrics.http),
            stop: stop.clone(),
            tracker: tracker.clone(),
        };
        tracker.spawn(front(bound.http.announced(), http::public(&app), limits).run());
        if let Some(listener) = bound.admin {
            let limits = Limits { connections: ADMIN_CONNECTIONS, ..limits };
            tracker.spawn(front(listener.announced(), http::administration(&app), limits).run());
        }
        if let (Some(listener), Some(redis)) = (bound.resp, redis) {
            tracker.spawn(resp::serve(listener.announced(), Arc::clone(&self.tables), redis, stop.clone()));
        }
        tracker.spawn(sweep(Arc::clone(&self.tables), stop.clone()));
        tracing::info!(tables = self.tables.all().len(), "serving");
        tables::release();
        while let Signal::Reload = signals.next().await {
            self.reload();
        }
        tracing::info!(drain = ?self.server.drain, connections = tracker.len(), "stopping");
        stop.cancel();
        tracker.close();
        let drained = async {
            tokio::select! {
                outcome = timeout(self.server.drain, tracker.wait()) => outcome.is_ok(),
                () = signals.stop_again() => false,
            }
        };
        match drained.await {
            true => tracing::info!("stopped"),
            false => tracing::warn!(tasks = tracker.len(), "stopped in the middle of requests"),
        }
        Ok(())
    }

    /// Looks at everything anew: tables, configuration, and the token.
    fn reload(&self) {
        tracing::info!("reloading everything");
        if let Some(feed) = self.state.feed() {
            feed.request_reload();
        }
        for served in self.tables.all().iter() {
            served.content.request_reload();
        }
        tables::release();
        if let Some(path) = &self.server.admin_token {
            if let Err(error) = self.token.read(path) {
                tracing::error!(error, "the admin token stays as it is");
            }
        }
    }
}

/// Lets go of what a thread holds of tables, before it goes to sleep.
fn release() {
    tables::release();
    resp::release();
}

/// Lets go of versions that no stream asked for in a while, and of memory that connections had.
async fn sweep(tables: Arc<Tables>, stop: CancellationToken) {
    let mut ticks = interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                tables.all().iter().for_each(|served| served.sweep());
                memory::give_back();
            }
            () = stop.cancelled() => return,
        }
    }
}
