//! The report for programs: all figures with their units in their names, in one JSON file.

use std::env;
use std::time::Duration;

use serde_json::{Value, json};

use crate::contender::Footprint;
use crate::measure::Durations;
use crate::report::{Report, cpus};
use crate::run::Side;
use crate::threads::{BATCH, Reads};
use crate::units::ratio;

impl Report<'_> {
    /// The report as JSON, with a line end.
    pub(crate) fn to_json(self) -> String {
        let Self { table, plan, outcome } = self;
        let (twin, swap) = (&outcome.twin, &outcome.swap);
        let report = json!({
            "program": "twinbucket",
            "version": env!("CARGO_PKG_VERSION"),
            "command_line": env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>(),
            "os": env::consts::OS,
            "arch": env::consts::ARCH,
            "cpus": cpus(),
            "table": {
                "name": table.name,
                "rows": table.rows.len(),
                "columns": table.columns,
                "text_bytes": table.rows.iter().map(|row| row.key.len() + row.fields.text_bytes()).sum::<usize>(),
            },
            "plan": {
                "time_s": plan.time.as_secs_f64(),
                "rounds": plan.rounds(table.rows.len()),
                "readers": plan.readers,
                "changes_per_publish": plan.delta,
                "publish_interval_ns": nanos(plan.interval),
                "lookups_per_batch": BATCH,
            },
            "clock_floor_ns": nanos(outcome.clock_floor),
            "twinbucket": side(twin),
            "clone_and_swap": side(swap),
            "clone_and_swap_to_twinbucket": {
                "publish_p50_ratio": median_ratio(&swap.writes.deltas, &twin.writes.deltas),
                "lookups_per_second_readers_alone_ratio": swap.quiet.per_second() / twin.quiet.per_second(),
                "lookups_per_second_publishing_ratio": swap.busy.per_second() / twin.busy.per_second(),
                "structure_bytes_ratio": swap.held.current_bytes as f64 / twin.held.current_bytes.max(1) as f64,
            },
            "content_equals_model": true,
        });
        format!("{report:#}\n")
    }
}

/// The figures of one store.
fn side(side: &Side) -> Value {
    json!({
        "publish": durations(&side.writes.deltas),
        "full_reload_sync": durations(&side.writes.syncs),
        "full_reload_replace_all": durations(&side.writes.replacements),
        "publishes_per_second": side.writes.per_second(),
        "reads_alone": reads(&side.quiet),
        "reads_while_publishing": reads(&side.busy),
        "frozen_walk": {
            "walk": durations(&side.walks),
            "generation": side.frozen.generation,
            "entries": side.frozen.entries,
            "checksum": format!("{:016x}", side.frozen.checksum),
            "exactly_its_own_generation": true,
        },
        "last_generation": side.last_generation,
        "structure_with_frozen_version_held": footprint(side.held),
        "structure_after_it_was_let_go": footprint(side.released),
    })
}

/// The figures of one kind of reading.
fn reads(reads: &Reads) -> Value {
    json!({
        "single_lookup": durations(&reads.single),
        "batch_of_lookups": durations(&reads.batch),
        "lookups": reads.lookups,
        "hits": reads.hits,
        "lookups_per_second_per_reader": reads.per_second(),
    })
}

/// The bytes of a structure.
fn footprint(footprint: Footprint) -> Value {
    json!({ "current_bytes": footprint.current_bytes, "older_versions_bytes": footprint.older_bytes })
}

/// The figures of one kind of event; without any event only their number.
fn durations(durations: &Durations) -> Value {
    match durations.summary() {
        None => json!({ "count": 0 }),
        Some(summary) => json!({
            "count": summary.events,
            "p50_ns": nanos(summary.p50),
            "p99_ns": nanos(summary.p99),
            "p99_9_ns": nanos(summary.p999),
            "max_ns": nanos(summary.max),
        }),
    }
}

/// How many times as long as the median of `base` the median of `durations` is.
fn median_ratio(durations: &Durations, base: &Durations) -> Option<f64> {
    Some(ratio(durations.summary()?.p50, base.summary()?.p50))
}

/// Whole nanoseconds.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_of_event_without_events_is_only_counted() {
        assert_eq!(durations(&Durations::new()), json!({ "count": 0 }));
    }
}
