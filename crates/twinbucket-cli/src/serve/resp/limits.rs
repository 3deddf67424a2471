//! The limits of the RESP front end: what one client can cost at most.

use std::time::Duration;

use crate::serve::resp_limits::GivenRespLimits;

/// What clients may do at most. Whoever goes past a limit gets an error that says so, and most are then cut off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RespLimits {
    /// Connections at once; one more is told so and closed.
    pub(crate) connections: usize,
    /// Bytes of one request.
    pub(crate) request_bytes: usize,
    /// Words of one request, the command's name included.
    pub(crate) arguments: usize,
    /// Keys, or columns, of one command.
    pub(crate) keys: usize,
    /// Commands that arrive in one read, before an answer to the first can be sent.
    pub(crate) pipeline: usize,
    /// Bytes of one answer.
    pub(crate) reply_bytes: usize,
    /// Entries of a table that KEYS still walks; a larger one is for SCAN.
    pub(crate) keys_entries: usize,
    /// Scans that are open at once, of all clients; each holds a version of its table.
    pub(crate) scans: usize,
    /// Scans that one connection has opened and that are open at once.
    pub(crate) scans_per_connection: usize,
    /// How long a scan stays open without being asked to go on.
    pub(crate) scan_timeout: Duration,
    /// How long a connection may say nothing.
    pub(crate) idle_timeout: Duration,
    /// How long a request may take to arrive, from its first byte.
    pub(crate) request_timeout: Duration,
    /// How long a client may take no byte of its answers.
    pub(crate) write_timeout: Duration,
    /// After how long without a packet the system asks whether a client is still there.
    pub(crate) keep_alive: Duration,
}

impl Default for RespLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            request_bytes: 1 << 20,
            arguments: 16_384,
            keys: 10_000,
            pipeline: 16_384,
            reply_bytes: 64 << 20,
            keys_entries: 10_000,
            scans: 256,
            scans_per_connection: 4,
            scan_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(3600),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
        }
    }
}

impl RespLimits {
    /// Takes what is said, and the default of what is not.
    pub(crate) fn of(given: &GivenRespLimits) -> Self {
        let default = Self::default();
        Self {
            connections: given.connections.unwrap_or(default.connections),
            request_bytes: given.request_bytes.unwrap_or(default.request_bytes),
            arguments: given.arguments.unwrap_or(default.arguments),
            keys: given.keys.unwrap_or(default.keys),
            pipeline: given.pipeline.unwrap_or(default.pipeline),
            reply_bytes: given.reply_bytes.unwrap_or(default.reply_bytes),
            keys_entries: given.keys_entries.unwrap_or(default.keys_entries),
            scans: given.scans.unwrap_or(default.scans),
            scans_per_connection: given.scans_per_connection.unwrap_or(default.scans_per_connection),
            scan_timeout: given.scan_timeout.map_or(default.scan_timeout, |time| time.0),
            idle_timeout: given.idle_timeout.map_or(default.idle_timeout, |time| time.0),
            request_timeout: given.request_timeout.map_or(default.request_timeout, |time| time.0),
            write_timeout: given.write_timeout.map_or(default.write_timeout, |time| time.0),
            keep_alive: default.keep_alive,
        }
    }
}
