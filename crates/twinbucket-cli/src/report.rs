//! The report for people: what was measured, in a table of at most 80 columns.

use std::io::{self, Write};

use crate::measure::Summary;
use crate::run::{Outcome, Plan, Side};
use crate::table::Table;
use crate::threads::{BATCH, Reads};
use crate::units::{Bytes, Counted, Grouped, Number, Time, ratio};

/// Everything that a report tells of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report<'a> {
    /// The table that the stores held.
    pub(crate) table: &'a Table,
    /// What the run was to do.
    pub(crate) plan: &'a Plan,
    /// What it found.
    pub(crate) outcome: &'a Outcome,
}

impl Report<'_> {
    /// Writes the report.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.setting(out)?;
        self.publishes(out)?;
        self.reloads(out)?;
        self.reads(out)?;
        self.throughput(out)?;
        self.walks(out)?;
        self.memory(out)?;
        self.method(out)?;
        self.summary(out)
    }

    /// What was run.
    fn setting(&self, out: &mut impl Write) -> io::Result<()> {
        let (table, plan) = (self.table, self.plan);
        writeln!(out, "twinbucket {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "  table    {}", table.name)?;
        let key = table.columns.first().map_or("", String::as_str);
        let columns = Counted(table.columns.len() as u64, "column");
        writeln!(out, "           {}, {columns}, key \"{key}\"", Counted(table.rows.len() as u64, "row"))?;
        let readers = Counted(plan.readers as u64, "reader");
        writeln!(out, "  threads  {readers} at full speed, a writer, a frozen walk; {} here", Counted(cpus(), "CPU"))?;
        write!(out, "  writer   {} per publish, ", Counted(plan.delta as u64, "change"))?;
        if plan.interval.is_zero() {
            writeln!(out, "without a pause")?;
        } else {
            writeln!(out, "one publish due every {}", Time(plan.interval))?;
        }
        writeln!(out, "  time     {} in {}", Time(plan.time), Counted(plan.rounds(table.rows.len()).into(), "round"))
    }

    /// How long publishes took.
    fn publishes(&self, out: &mut impl Write) -> io::Result<()> {
        let (twin, swap) = (&self.outcome.twin.writes, &self.outcome.swap.writes);
        heading(out, &format!("Publish of {}", Counted(self.plan.delta as u64, "change")))?;
        let (twin_deltas, swap_deltas) = (twin.deltas.summary(), swap.deltas.summary());
        line(out, "twinbucket", twin_deltas)?;
        line(out, "clone-and-swap", swap_deltas)?;
        ratios(out, twin_deltas, swap_deltas)?;
        let reached = |name, per_second| format!("{name} {} a second", Number(per_second));
        let rates = [reached("twinbucket", twin.per_second()), reached("clone-and-swap", swap.per_second())];
        writeln!(out, "  Publishes reached: {}", rates.join(", "))
    }

    /// How long full reloads took.
    fn reloads(&self, out: &mut impl Write) -> io::Result<()> {
        let (twin, swap) = (&self.outcome.twin.writes, &self.outcome.swap.writes);
        heading(out, "Full reload of the table")?;
        line(out, "twinbucket, sync", twin.syncs.summary())?;
        line(out, "twinbucket, replace_all", twin.replacements.summary())?;
        let mut rebuilt = swap.syncs.clone();
        rebuilt.merge(&swap.replacements);
        line(out, "clone-and-swap, new map", rebuilt.summary())
    }

    /// How long lookups took.
    fn reads(&self, out: &mut impl Write) -> io::Result<()> {
        heading(out, "One lookup")?;
        self.each_reads(|label, reads| line(out, label, reads.single.summary()))?;
        heading(out, &format!("{BATCH} lookups in a row"))?;
        self.each_reads(|label, reads| line(out, label, reads.batch.summary()))
    }

    /// How many lookups there were.
    fn throughput(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\n{:<33}{:>14}{:>16}", "Lookups per second", "per reader", "all readers")?;
        let readers = self.plan.readers as f64;
        self.each_reads(|label, reads| {
            let per_reader = reads.per_second();
            writeln!(
                out,
                "  {label:<31}{:>14}{:>16}",
                Number(per_reader).to_string(),
                Number(per_reader * readers).to_string()
            )
        })
    }

    /// Calls `show` for each kind of reading, in the order of the report.
    fn each_reads(&self, mut show: impl FnMut(&str, &Reads) -> io::Result<()>) -> io::Result<()> {
        let (twin, swap) = (&self.outcome.twin, &self.outcome.swap);
        show("twinbucket, readers alone", &twin.quiet)?;
        show("twinbucket, publishing", &twin.busy)?;
        show("clone-and-swap, readers alone", &swap.quiet)?;
        show("clone-and-swap, publishing", &swap.busy)
    }

    /// What the walks of the frozen version saw.
    fn walks(&self, out: &mut impl Write) -> io::Result<()> {
        heading(out, "Walk of all entries, frozen")?;
        line(out, "twinbucket", self.outcome.twin.walks.summary())?;
        line(out, "clone-and-swap", self.outcome.swap.walks.summary())?;
        let Side { frozen, last_generation, walks, .. } = &self.outcome.twin;
        let (walks, rows) = (Counted(walks.count(), "walk"), Counted(frozen.entries, "row"));
        writeln!(out, "  {walks} of twinbucket's generation {}, each of {rows}, checksum", frozen.generation)?;
        writeln!(out, "  {:016x}: exactly what was published then.", frozen.checksum)?;
        writeln!(out, "  Now at generation {}, the store holds all that was written to it.", Grouped(*last_generation))
    }

    /// How much memory the structures take.
    fn memory(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\n{:<33}{:>14}{:>16}{:>16}", "Structure", "current", "bytes per entry", "frozen, extra")?;
        for (label, side) in [("twinbucket", &self.outcome.twin), ("clone-and-swap", &self.outcome.swap)] {
            let current = Bytes(side.held.current_bytes).to_string();
            let per_entry = format!("{:.1}", side.held.current_bytes as f64 / side.frozen.entries.max(1) as f64);
            writeln!(out, "  {label:<31}{current:>14}{per_entry:>16}{:>16}", Bytes(side.held.older_bytes).to_string())?;
        }
        let left = self.outcome.twin.released.older_bytes;
        writeln!(out, "  Once the frozen version is let go, twinbucket keeps {} extra.", Bytes(left))?;
        writeln!(out, "  Clone-and-swap needs one more whole map while it publishes.")
    }

    /// How it was measured.
    fn method(&self, out: &mut impl Write) -> io::Result<()> {
        let floor = Time(self.outcome.clock_floor);
        writeln!(out, "\nHow it was measured")?;
        writeln!(out, "  A publish is timed from asking for the write bucket, or the copy, until it is")?;
        writeln!(out, "  visible. One lookup of each {BATCH} is timed by itself, and all {BATCH} together, so")?;
        writeln!(out, "  that any stall shows. Reading the clock costs {floor}, which is in each time.")?;
        writeln!(out, "  The longest times include the turns that other threads had on the same CPU.")
    }

    /// The outcome in a few sentences, where a terminal shows it without scrolling.
    fn summary(&self, out: &mut impl Write) -> io::Result<()> {
        let (twin, swap) = (&self.outcome.twin, &self.outcome.swap);
        let (Some(ours), Some(theirs)) = (twin.writes.deltas.summary(), swap.writes.deltas.summary()) else {
            return Ok(());
        };
        let changes = Counted(self.plan.delta as u64, "change");
        let times = Number(ratio(theirs.p50, ours.p50));
        let (ours, theirs) = (Time(ours.p50), Time(theirs.p50));
        writeln!(out, "\nIn short")?;
        writeln!(out, "  A publish of {changes} takes {ours}.")?;
        writeln!(out, "  Clone-and-swap takes {theirs} for it, {times} times that.")?;
        let lookups = |side: &Side| (Number(side.busy.per_second()), Number(side.quiet.per_second()));
        let ((busy, quiet), (swap_busy, swap_quiet)) = (lookups(twin), lookups(swap));
        writeln!(out, "  Meanwhile a reader does {busy} lookups a second, and {quiet} if left alone.")?;
        writeln!(out, "  With clone-and-swap it does {swap_busy}, and {swap_quiet} if left alone.")
    }
}

/// Number of CPUs that this process may use.
pub(crate) fn cpus() -> u64 {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64)
}

/// Writes the head of a table of durations.
fn heading(out: &mut impl Write, title: &str) -> io::Result<()> {
    writeln!(out, "\n{title:<31}{:>9}{:>9}{:>9}{:>9}{:>12}", "p50", "p99", "p99.9", "max", "timed")
}

/// Writes one line of a table of durations.
fn line(out: &mut impl Write, label: &str, summary: Option<Summary>) -> io::Result<()> {
    let Some(Summary { events, p50, p99, p999, max }) = summary else {
        return writeln!(out, "  {label:<29}{:>9}{:>9}{:>9}{:>9}{:>12}", "-", "-", "-", "-", 0);
    };
    write!(out, "  {label:<29}")?;
    for time in [p50, p99, p999, max] {
        write!(out, "{:>9}", Time(time).to_string())?;
    }
    writeln!(out, "{:>12}", Grouped(events).to_string())
}

/// Writes how many times as long as `ours` each of `theirs` is.
fn ratios(out: &mut impl Write, ours: Option<Summary>, theirs: Option<Summary>) -> io::Result<()> {
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        return Ok(());
    };
    write!(out, "  {:<29}", "clone-and-swap takes")?;
    for (ours, theirs) in
        [(ours.p50, theirs.p50), (ours.p99, theirs.p99), (ours.p999, theirs.p999), (ours.max, theirs.max)]
    {
        write!(out, "{:>9}", format!("{} x", Number(ratio(theirs, ours))))?;
    }
    writeln!(out)
}
