//! The checker of long histories: a store as one register whose versions are numbered.
//!
//! Each publish writes a value of its own and knows its generation, so the order of the writes is given, and whether there
//! is a way to put all operations in a row is a matter of sorting. Operation A comes before B if it ended before B began.
//! Then B must not see an older version than A saw or wrote, and if B is a write, its version must be newer. If that
//! holds for all pairs, and each version read was written with that value, the row exists: all by version, and for each
//! one its write, then its reads. If it fails for one pair, there is none.

use std::fmt;

/// Start and end of an operation: points on one time axis for all threads. The first is taken before the operation, the
/// second after it, so that the interval is never too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What an operation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Write,
    Read,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// What it did.
    pub(crate) deed: Deed,
    /// When.
    pub(crate) span: Span,
    /// The version that it wrote or saw.
    pub(crate) version: u64,
    /// The value that it wrote or saw.
    pub(crate) value: u64,
}

/// Why a history is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Two writes have the same version, or one is left out.
    Numbering { version: u64 },
    /// A read has a value that its version does not: a part of another publish, or of none.
    Torn { read: Operation },
    /// An operation is too old for what had ended before it began.
    Stale { later: Operation, seen: u64 },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbering { version } => write!(f, "version {version} was not written exactly once"),
            Self::Torn { read } => write!(f, "that version has another value: {read:?}"),
            Self::Stale { later, seen } => write!(f, "version {seen} was seen or written before this began: {later:?}"),
        }
    }
}

/// Checks a history of a register that begins with version 0 and value 0. O(n log n).
pub(crate) fn check(history: &[Operation]) -> Result<(), Refusal> {
    check_values(history)?;
    let mut by_end: Vec<_> = history.iter().map(|operation| (operation.span.end, operation.version)).collect();
    by_end.sort_unstable();
    let mut by_start: Vec<_> = history.iter().collect();
    by_start.sort_unstable_by_key(|operation| operation.span.start);
    let (mut ended, mut newest) = (by_end.into_iter().peekable(), 0);
    for later in by_start {
        // Two that meet in one point of time may have been at the same time.
        while let Some((_, version)) = ended.next_if(|&(end, _)| end < later.span.start) {
            newest = newest.max(version);
        }
        let oldest = if later.deed == Deed::Write { newest + 1 } else { newest };
        if later.version < oldest {
            return Err(Refusal::Stale { later: *later, seen: newest });
        }
    }
    Ok(())
}

/// Checks that versions are written once each, without a gap, and read with the value that was written.
fn check_values(history: &[Operation]) -> Result<(), Refusal> {
    let (mut writes, reads): (Vec<_>, Vec<_>) =
        history.iter().copied().partition(|operation| operation.deed == Deed::Write);
    writes.sort_unstable_by_key(|write| write.version);
    if let Some((_, version)) = writes.iter().zip(1..).find(|(write, version)| write.version != *version) {
        return Err(Refusal::Numbering { version });
    }
    let value_of = |version: u64| match version {
        0 => Some(0),
        _ => writes.get(usize::try_from(version).ok()? - 1).map(|write| write.value),
    };
    match reads.into_iter().find(|read| value_of(read.version) != Some(read.value)) {
        Some(read) => Err(Refusal::Torn { read }),
        None => Ok(()),
    }
}
