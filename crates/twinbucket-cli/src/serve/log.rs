//! Log lines on standard error: for people, or as JSON.
//!
//! The daemon does not depend on them. A line that standard error does not take is dropped and counted, whether its disk
//! is full, its reader is gone or stands still; nothing waits for longer than [`PATIENCE`].

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use tracing_subscriber::EnvFilter;

use super::settings::LogFormat;

/// How long a line waits for a reader that is slow. After one that was dropped, lines do not wait until one is taken.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a pipe that is ready takes without waiting; Linux promises no more.
const PIECE: usize = 4096;

/// Lines that were dropped.
static LOST: AtomicU64 = AtomicU64::new(0);

/// What the last line came to; locked while one is written.
static LAST: Mutex<Last> = Mutex::new(Last::Taken);

/// Sends log lines to standard error from now on.
///
/// # Errors
/// If `level` is neither a level nor a list of directives.
pub(crate) fn init(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level)
        .map_err(|error| format!("log level {level:?}: {error}; give error, warn, info, debug or trace"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lines);
    // What it says of its own errors goes to standard error as well, and panics if that does not take it.
    let lines = lines.log_internal_errors(false);
    // One that is set already stays.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    Ok(())
}

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Last {
    /// It was written.
    Taken,
    /// It was dropped as a whole.
    Dropped,
    /// A part of it was written.
    Torn,
}

/// Takes log lines, each in one call.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = put(&mut io::stderr().lock(), line, *last);
        if *last != Last::Taken {
            // Relaxed: a count orders nothing else.
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a line as far as it is taken, on a new line if the last one is torn.
fn put(to: &mut impl Sink, line: &[u8], last: Last) -> Last {
    let patience = if last == Last::Taken { PATIENCE } else { Duration::ZERO };
    if last == Last::Torn && !(to.is_ready(patience) && to.write_all(b"\n").is_ok()) {
        return Last::Torn;
    }
    for (at, piece) in line.chunks(PIECE).enumerate() {
        if !to.is_ready(patience) {
            return if at == 0 { Last::Dropped } else { Last::Torn };
        }
        if to.write_all(piece).is_err() {
            // How much of it was taken is not known.
            return Last::Torn;
        }
    }
    Last::Taken
}

/// What lines are written to.
trait Sink: Write {
    /// Waits until [`PIECE`] bytes can be written without waiting, or writing fails; tells whether that is so now.
    fn is_ready(&self, patience: Duration) -> bool;
}

#[cfg(unix)]
impl Sink for io::StderrLock<'_> {
    fn is_ready(&self, patience: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
        let mut stderr = [PollFd::new(self, PollFlags::OUT)];
        // A signal that comes in between costs a line its patience. What cannot be asked is left to the write.
        match poll(&mut stderr, Some(&patience)) {
            Ok(ready) => ready > 0,
            Err(error) => error != rustix::io::Errno::INTR || poll(&mut stderr, Some(&Timespec::default())) != Ok(0),
        }
    }
}

#[cfg(not(unix))]
impl Sink for io::StderrLock<'_> {
    fn is_ready(&self, _: Duration) -> bool {
        true
    }
}

/// What a scrape reads of the log.
#[derive(Debug)]
pub(crate) struct LogMetrics;

impl Collector for LogMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Log lines that standard error did not take";
        let metric = encoder.encode_descriptor("twinbucket_log_lines_lost", help, None, MetricType::Counter)?;
        ConstCounter::new(LOST.load(Ordering::Relaxed)).encode(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes some pieces, and then nothing.
    struct Pipe {
        /// What was written.
        taken: Vec<u8>,
        /// Pieces that there is room for.
        room: usize,
        /// Whether writing without room fails at once.
        is_full_disk: bool,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.room = self.room.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
            self.taken.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink for Pipe {
        fn is_ready(&self, _: Duration) -> bool {
            self.is_full_disk || self.room > 0
        }
    }

    fn pipe(room: usize) -> Pipe {
        Pipe { taken: Vec::new(), room, is_full_disk: false }
    }

    #[test]
    fn line_without_room_is_dropped_as_a_whole() {
        let mut pipe = pipe(0);
        assert_eq!(put(&mut pipe, b"one\n", Last::Taken), Last::Dropped);
        pipe.room = 1;
        assert_eq!(put(&mut pipe, b"two\n", Last::Dropped), Last::Taken);
        assert_eq!(pipe.taken, b"two\n");
    }

    #[test]
    fn line_after_a_torn_one_begins_anew() {
        let mut pipe = pipe(1);
        let long = [b'x'; PIECE + 1];
        assert_eq!(put(&mut pipe, &long, Last::Taken), Last::Torn);
        assert_eq!(put(&mut pipe, b"two\n", Last::Torn), Last::Torn);
        pipe.room = 2;
        assert_eq!(put(&mut pipe, b"two\n", Last::Torn), Last::Taken);
        assert_eq!(&pipe.taken[PIECE - 1..], b"x\ntwo\n");
    }

    #[test]
    fn line_that_a_full_disk_refuses_is_no_error() {
        let mut pipe = Pipe { is_full_disk: true, ..pipe(0) };
        assert_eq!(put(&mut pipe, b"one\n", Last::Taken), Last::Torn);
    }
}
