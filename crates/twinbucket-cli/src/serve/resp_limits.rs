//! What can be said of the limits of the RESP front end, in flags or in the file.

use serde::Deserialize;

use super::settings::Time;

/// What is said of the limits of the RESP front end.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Limits of RESP")]
pub(crate) struct GivenRespLimits {
    /// Connections of Redis clients at once; one more is answered with an error and closed [default: 1024]
    #[arg(id = "resp_connections", long = "resp-max-connections", value_name = "N")]
    pub(crate) connections: Option<usize>,

    /// Bytes of one request [default: 1048576]
    #[arg(id = "resp_request_bytes", long = "resp-max-request-bytes", value_name = "N")]
    pub(crate) request_bytes: Option<usize>,

    /// Words of one request, the command's name included [default: 16384]
    #[arg(id = "resp_arguments", long = "resp-max-arguments", value_name = "N")]
    pub(crate) arguments: Option<usize>,

    /// Keys, or columns, of one command [default: 10000]
    #[arg(id = "resp_keys", long = "resp-max-keys", value_name = "N")]
    pub(crate) keys: Option<usize>,

    /// Commands that may be sent without waiting for an answer [default: 16384]
    #[arg(id = "resp_pipeline", long = "resp-max-pipeline", value_name = "N")]
    pub(crate) pipeline: Option<usize>,

    /// Bytes of one answer [default: 67108864]
    #[arg(id = "resp_reply_bytes", long = "resp-max-reply-bytes", value_name = "N")]
    pub(crate) reply_bytes: Option<usize>,

    /// Entries of a table that KEYS still lists [default: 10000]
    #[arg(id = "resp_keys_entries", long = "resp-max-keys-entries", value_name = "N")]
    pub(crate) keys_entries: Option<usize>,

    /// Scans that are open at once, of all clients; each holds a version of its table [default: 256]
    #[arg(id = "resp_scans", long = "resp-max-scans", value_name = "N")]
    pub(crate) scans: Option<usize>,

    /// Scans that are open at once, of one connection [default: 4]
    #[arg(id = "resp_scans_per_connection", long = "resp-max-scans-per-connection", value_name = "N")]
    pub(crate) scans_per_connection: Option<usize>,

    /// Time for a client to go on with a scan; then it is closed [default: 1m]
    #[arg(id = "resp_scan_timeout", long = "resp-scan-timeout", value_name = "TIME")]
    pub(crate) scan_timeout: Option<Time>,

    /// Time that a connection may say nothing; then it is closed [default: 1h]
    #[arg(id = "resp_idle_timeout", long = "resp-idle-timeout", value_name = "TIME")]
    pub(crate) idle_timeout: Option<Time>,

    /// Time for a request to arrive [default: 30s]
    #[arg(id = "resp_request_timeout", long = "resp-request-timeout", value_name = "TIME")]
    pub(crate) request_timeout: Option<Time>,

    /// Time for a client to take in what was written; then it is cut off [default: 10s]
    #[arg(id = "resp_write_timeout", long = "resp-write-timeout", value_name = "TIME")]
    pub(crate) write_timeout: Option<Time>,
}

impl GivenRespLimits {
    /// Takes from `other` what is not said here.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            connections: self.connections.or(other.connections),
            request_bytes: self.request_bytes.or(other.request_bytes),
            arguments: self.arguments.or(other.arguments),
            keys: self.keys.or(other.keys),
            pipeline: self.pipeline.or(other.pipeline),
            reply_bytes: self.reply_bytes.or(other.reply_bytes),
            keys_entries: self.keys_entries.or(other.keys_entries),
            scans: self.scans.or(other.scans),
            scans_per_connection: self.scans_per_connection.or(other.scans_per_connection),
            scan_timeout: self.scan_timeout.or(other.scan_timeout),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            request_timeout: self.request_timeout.or(other.request_timeout),
            write_timeout: self.write_timeout.or(other.write_timeout),
        }
    }

    /// Lists the numbers, by their names, with the most that each may be.
    pub(crate) fn counts(&self) -> [(&'static str, Option<usize>, usize); 9] {
        [
            ("resp connections", self.connections, 1 << 20),
            ("resp request_bytes", self.request_bytes, 1 << 30),
            ("resp arguments", self.arguments, 1 << 24),
            ("resp keys", self.keys, 1 << 24),
            ("resp pipeline", self.pipeline, 1 << 24),
            ("resp reply_bytes", self.reply_bytes, 1 << 32),
            ("resp keys_entries", self.keys_entries, 1 << 24),
            ("resp scans", self.scans, 1 << 16),
            ("resp scans_per_connection", self.scans_per_connection, 1 << 16),
        ]
    }

    /// Lists the times, by their names.
    pub(crate) fn times(&self) -> [(&'static str, Option<Time>); 4] {
        [
            ("resp scan_timeout", self.scan_timeout),
            ("resp idle_timeout", self.idle_timeout),
            ("resp request_timeout", self.request_timeout),
            ("resp write_timeout", self.write_timeout),
        ]
    }
}
