//! The settings of the daemon itself, which flags and the configuration file share: what can be said, and what is the
//! case where nothing is said.
//!
//! Each setting stands once, as an option of the command line and as a key of the file. What tables are set to is for
//! [`spec`](super::spec).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::resp_limits::GivenRespLimits;

/// A length of time, written as `250ms`, `5s` or `1m 30s`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Time(pub(crate) Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = humantime::parse_duration(text.trim());
        time.map(Self).map_err(|error| format!("{text:?} is not a time ({error}); write it as 250ms, 5s or 1m"))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is said of the daemon itself, in flags or in the file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GivenServer {
    /// Address to answer HTTP on; port 0 takes a free one, which the log names [default: 127.0.0.1:7878]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,

    /// Address to answer Redis clients on [default: none]
    #[arg(long, value_name = "ADDR")]
    pub(crate) resp: Option<SocketAddr>,

    /// Address for administration: all of HTTP, and reload and rollback, which are nowhere else [default: none]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<SocketAddr>,

    /// File with the token that administration asks for; must be there if --admin is not a loopback address
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token: Option<PathBuf>,

    /// How to write log lines [default: text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) log: Option<LogFormat>,

    /// What to log: error, warn, info, debug, trace, or directives such as info,hyper=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,

    /// Number of threads that answer requests [default: one for each CPU]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,

    /// How long to let requests end after SIGTERM [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) drain: Option<Time>,

    /// Whether a STALE table makes /readyz answer 503, as one that is STARTING does
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) not_ready_when_stale: Option<bool>,
}

/// What is said of the limits of the HTTP front end.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Limits of HTTP")]
pub(crate) struct GivenLimits {
    /// Connections at once; one more is answered 503 and closed [default: 1024]
    #[arg(long = "max-connections", value_name = "N")]
    pub(crate) connections: Option<usize>,

    /// Bytes in the head of a request; more are answered 431 [default: 16384]
    #[arg(long = "max-header-bytes", value_name = "N")]
    pub(crate) header_bytes: Option<usize>,

    /// Bytes in the body of a request; more are answered 413 [default: 1048576]
    #[arg(long = "max-body-bytes", value_name = "N")]
    pub(crate) body_bytes: Option<usize>,

    /// Keys in one lookup; more are answered 413 [default: 10000]
    #[arg(long = "max-keys", value_name = "N")]
    pub(crate) keys: Option<usize>,

    /// Bytes in the answer to one lookup; more are answered 413 [default: 67108864]
    #[arg(long = "max-answer-bytes", value_name = "N")]
    pub(crate) answer_bytes: Option<usize>,

    /// Streams of entries or changes at once; one more is answered 503 [default: 64]
    #[arg(long = "max-streams", value_name = "N")]
    pub(crate) streams: Option<usize>,

    /// Time for the head of a request to arrive; then it is answered 408 [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) header_timeout: Option<Time>,

    /// Time for the body of a request to arrive; then it is answered 408 [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub(crate) body_timeout: Option<Time>,

    /// Time that a connection may be idle between requests; then it is closed [default: 1m]
    #[arg(long, value_name = "TIME")]
    pub(crate) idle_timeout: Option<Time>,

    /// Time for a client to take in what was written; then it is cut off [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub(crate) write_timeout: Option<Time>,
}

/// The settings of the daemon itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    /// Address of the HTTP front end.
    pub(crate) listen: SocketAddr,
    /// Address of the RESP front end, if there is one.
    pub(crate) resp: Option<SocketAddr>,
    /// Address of administration, if there is one.
    pub(crate) admin: Option<SocketAddr>,
    /// File with the token of administration.
    pub(crate) admin_token: Option<PathBuf>,
    /// How log lines are written.
    pub(crate) log: LogFormat,
    /// What is logged.
    pub(crate) log_level: String,
    /// Threads that answer requests; `None` for one for each CPU.
    pub(crate) threads: Option<usize>,
    /// How long requests may go on after SIGTERM.
    pub(crate) drain: Duration,
    /// Whether stale tables count as not ready.
    pub(crate) not_ready_when_stale: bool,
    /// Limits of the HTTP front end.
    pub(crate) limits: Limits,
    /// What was said of the limits of the RESP front end.
    pub(crate) resp_limits: GivenRespLimits,
}

/// The limits of the HTTP front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Bytes in the head of a request.
    pub(crate) header_bytes: usize,
    /// Bytes in the body of a request.
    pub(crate) body_bytes: usize,
    /// Keys in one lookup.
    pub(crate) keys: usize,
    /// Bytes in the answer to one lookup.
    pub(crate) answer_bytes: usize,
    /// Streams at once.
    pub(crate) streams: usize,
    /// Time for the head of a request to arrive.
    pub(crate) header_timeout: Duration,
    /// Time for the body of a request to arrive.
    pub(crate) body_timeout: Duration,
    /// Time between two requests of a connection.
    pub(crate) idle_timeout: Duration,
    /// Time for a client to take in what was written.
    pub(crate) write_timeout: Duration,
}

impl Server {
    /// Puts together what the flags say and, where they say nothing, the file.
    pub(crate) fn new(flags: &Given, file: &Given) -> Self {
        let (f, c) = (&flags.server, &file.server);
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: f.listen.or(c.listen).unwrap_or_else(|| local(7878)),
            resp: f.resp.or(c.resp),
            admin: f.admin.or(c.admin),
            admin_token: f.admin_token.clone().or_else(|| c.admin_token.clone()),
            log: f.log.or(c.log).unwrap_or_default(),
            log_level: f.log_level.clone().or_else(|| c.log_level.clone()).unwrap_or_else(|| "info".into()),
            threads: f.threads.or(c.threads),
            drain: time(f.drain, c.drain, 10),
            not_ready_when_stale: f.not_ready_when_stale.or(c.not_ready_when_stale).unwrap_or(false),
            limits: Limits::new(&flags.limits, &file.limits),
            resp_limits: flags.resp_limits.or(&file.resp_limits),
        }
    }

    /// Names the settings in which `other` differs and that only a restart can change.
    pub(crate) fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        let differences = [
            ("listen", self.listen != other.listen),
            ("resp", self.resp != other.resp),
            ("admin", self.admin != other.admin),
            ("admin_token", self.admin_token != other.admin_token),
            ("log", self.log != other.log),
            ("log_level", self.log_level != other.log_level),
            ("threads", self.threads != other.threads),
            ("drain", self.drain != other.drain),
            ("not_ready_when_stale", self.not_ready_when_stale != other.not_ready_when_stale),
            ("limits", self.limits != other.limits),
            ("resp_limits", self.resp_limits != other.resp_limits),
        ];
        differences.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

impl Limits {
    fn new(f: &GivenLimits, c: &GivenLimits) -> Self {
        Self {
            connections: f.connections.or(c.connections).unwrap_or(1024),
            header_bytes: f.header_bytes.or(c.header_bytes).unwrap_or(16 << 10),
            body_bytes: f.body_bytes.or(c.body_bytes).unwrap_or(1 << 20),
            keys: f.keys.or(c.keys).unwrap_or(10_000),
            answer_bytes: f.answer_bytes.or(c.answer_bytes).unwrap_or(64 << 20),
            streams: f.streams.or(c.streams).unwrap_or(64),
            header_timeout: time(f.header_timeout, c.header_timeout, 10),
            body_timeout: time(f.body_timeout, c.body_timeout, 30),
            idle_timeout: time(f.idle_timeout, c.idle_timeout, 60),
            write_timeout: time(f.write_timeout, c.write_timeout, 30),
        }
    }
}

/// All that flags or the file can say, but for tables.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub(crate) struct Given {
    /// Of the daemon.
    #[command(flatten)]
    pub(crate) server: GivenServer,
    /// Of the limits of HTTP.
    #[command(flatten)]
    pub(crate) limits: GivenLimits,
    /// Of the limits of RESP.
    #[command(flatten)]
    pub(crate) resp_limits: GivenRespLimits,
}

impl Given {
    /// Checks what can be checked without looking at anything else; names the setting that is wrong, and why.
    pub(crate) fn check(&self) -> Result<(), String> {
        let limits = &self.limits;
        let counts = [
            ("threads", self.server.threads, 1024),
            ("connections", limits.connections, 1 << 20),
            ("header_bytes", limits.header_bytes, 1 << 20),
            ("body_bytes", limits.body_bytes, 1 << 30),
            ("keys", limits.keys, 1 << 24),
            ("answer_bytes", limits.answer_bytes, 1 << 32),
            ("streams", limits.streams, 1 << 20),
        ];
        for (name, count, most) in counts.into_iter().chain(self.resp_limits.counts()) {
            if count.is_some_and(|count| !(1..=most).contains(&count)) {
                return Err(format!("{name} must be between 1 and {most}"));
            }
        }
        let times = [
            ("header_timeout", limits.header_timeout),
            ("body_timeout", limits.body_timeout),
            ("idle_timeout", limits.idle_timeout),
            ("write_timeout", limits.write_timeout),
        ];
        let mut times = times.into_iter().chain(self.resp_limits.times());
        match times.find(|(_, time)| time.is_some_and(|Time(time)| time < Duration::from_millis(1))) {
            Some((name, _)) => Err(format!("{name} must be at least 1ms")),
            None => Ok(()),
        }
    }
}

/// Chooses a time: the flag's, the file's, or that many seconds.
fn time(flag: Option<Time>, file: Option<Time>, seconds: u64) -> Duration {
    flag.or(file).map_or(Duration::from_secs(seconds), |Time(time)| time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_defaults() {
        let (mut flags, mut file) = (Given::default(), Given::default());
        file.limits.keys = Some(5);
        file.limits.streams = Some(6);
        flags.limits.keys = Some(7);
        let server = Server::new(&flags, &file);
        assert_eq!((server.limits.keys, server.limits.streams, server.limits.connections), (7, 6, 1024));
        assert!(server.listen.ip().is_loopback());
    }

    #[test]
    fn limits_of_nothing_are_refused() {
        let mut given = Given::default();
        given.limits.keys = Some(0);
        assert_eq!(given.check().unwrap_err(), "keys must be between 1 and 16777216");
        given = Given::default();
        given.limits.idle_timeout = Some(Time(Duration::ZERO));
        assert_eq!(given.check().unwrap_err(), "idle_timeout must be at least 1ms");
    }

    #[test]
    fn times_have_units() {
        assert_eq!("1m 30s".parse(), Ok(Time(Duration::from_secs(90))));
        assert!("5".parse::<Time>().unwrap_err().contains("write it as"));
    }
}
