//! What a scrape gets to know of the RESP front end. Nothing is counted for it that INFO does not count as well.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::server::Server;

impl Collector for Server {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = &self.counts;
        let totals = [
            ("twinbucket_resp_commands", "Commands of Redis clients that were answered", &counts.commands),
            ("twinbucket_resp_errors", "Commands of Redis clients that were answered with an error", &counts.errors),
            ("twinbucket_resp_keys_found", "Keys that Redis clients asked for and that were there", &counts.hits),
            (
                "twinbucket_resp_keys_missed",
                "Keys that Redis clients asked for and that were not there",
                &counts.misses,
            ),
            (
                "twinbucket_resp_connections_accepted",
                "Connections of Redis clients that were taken",
                &counts.connections,
            ),
            (
                "twinbucket_resp_connections_refused",
                "Connections of Redis clients that were refused because there were too many",
                &counts.refused,
            ),
            (
                "twinbucket_resp_connections_cut",
                "Connections of Redis clients that were cut off because of a limit or of what they sent",
                &counts.cut,
            ),
            ("twinbucket_resp_received_bytes", "Bytes that Redis clients sent", &counts.bytes_in),
            ("twinbucket_resp_sent_bytes", "Bytes that Redis clients were sent", &counts.bytes_out),
        ];
        for (name, help, count) in totals {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count.get()).encode(metric)?;
        }
        let gauges = [
            ("twinbucket_resp_connections", "Connections of Redis clients that are open", self.connected()),
            ("twinbucket_resp_scans", "Scans of Redis clients that are open", self.scans.len()),
        ];
        for (name, help, value) in gauges {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)?;
        }
        Ok(())
    }
}
