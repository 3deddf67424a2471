//! The frozen index: which range an address lies in, and which ranges that one lies in.
//!
//! Ranges that nest cut the addresses into segments, each of which has one innermost range or none. The segments' first
//! addresses are sorted, so that a look-up is one search and one row, however deep the ranges nest.

use std::error::Error;
use std::fmt;
use std::iter::FusedIterator;
use std::net::IpAddr;

use crate::ranges::Range;
use crate::ranges::range::Ends;
use crate::ranges::starts::{Address, Starts};

/// Stands for a row where there is none.
const NONE: u32 = u32::MAX;

/// Values by range: finds the innermost range that has an address, which among networks is that of the longest prefix.
///
/// Never changes. [`RangeTable`](crate::ranges::RangeTable) publishes one for each version of a table; it can also be
/// made and used by itself. Ranges may lie within others, but must not cross.
///
/// # Examples
/// ```
/// use std::net::{IpAddr, Ipv4Addr};
/// use twinbucket_feed::ranges::{Range, RangeIndex};
///
/// let range = |text: &str| text.parse::<Range>().unwrap();
/// let zones = RangeIndex::new([(range("10.0.0.0/8"), "inside"), (range("10.9.0.5-10.9.0.7"), "printers")])?;
///
/// let printer = Ipv4Addr::new(10, 9, 0, 6);
/// assert_eq!(zones.find(printer), Some((&range("10.9.0.5-10.9.0.7"), &"printers")));
/// assert_eq!(zones.find_all(printer).map(|(_, zone)| *zone).collect::<Vec<_>>(), ["printers", "inside"]);
/// assert_eq!(zones.find(Ipv4Addr::new(11, 0, 0, 0)), None);
/// # Ok::<(), twinbucket_feed::ranges::Conflict>(())
/// ```
pub struct RangeIndex<V> {
    /// Ranges and values in order.
    rows: Box<[(Range, V)]>,
    /// For each row, the innermost row whose range has its range, or `NONE`.
    outer: Box<[u32]>,
    /// The IPv4 segments.
    v4: Segments<u32>,
    /// The IPv6 segments.
    v6: Segments<u128>,
}

impl<V> RangeIndex<V> {
    /// Makes an index of `entries`, which need no order. Costs O(n log n): some 0.25 s for 677,000 ranges.
    ///
    /// # Errors
    /// If a range comes twice, or two cross: they overlap, and neither lies within the other.
    pub fn new(entries: impl IntoIterator<Item = (Range, V)>) -> Result<Self, Conflict> {
        let mut rows: Vec<(Range, V)> = entries.into_iter().collect();
        rows.sort_unstable_by_key(|row| row.0);
        let mut outer = Vec::with_capacity(rows.len());
        let (mut v4, mut v6) = (Cutter::new(), Cutter::new());
        for (range, _) in &rows {
            let row = u32::try_from(outer.len()).ok().filter(|&row| row != NONE).ok_or(Conflict::TooMany)?;
            let within = match range.ends() {
                Ends::V4(first, last) => v4.add(Open { row, first: first.to_bits(), last: last.to_bits() }),
                Ends::V6(first, last) => v6.add(Open { row, first: first.to_bits(), last: last.to_bits() }),
            };
            outer.push(within.map_err(|other| Conflict::between(rows[other as usize].0, *range))?);
        }
        Ok(Self { rows: rows.into(), outer: outer.into(), v4: v4.finish(), v6: v6.finish() })
    }

    /// Finds the innermost range that has `address`, and its value.
    ///
    /// Never waits. Costs a search of O(log n), less where the addresses are spread evenly. An IPv4-mapped address finds
    /// what the IPv4 address finds.
    pub fn find(&self, address: impl Into<IpAddr>) -> Option<(&Range, &V)> {
        self.row(self.row_of(address.into()))
    }

    /// Iterates over the ranges that have `address` and their values: the innermost first, as [`find`](Self::find) finds
    /// it, then each one that the one before lies in.
    pub fn find_all(&self, address: impl Into<IpAddr>) -> impl FusedIterator<Item = (&Range, &V)> {
        let mut next = self.row_of(address.into());
        std::iter::from_fn(move || {
            let row = self.row(next)?;
            next = self.outer[next as usize];
            Some(row)
        })
        .fuse()
    }

    /// Returns the value of just that range. Costs O(log n).
    pub fn get(&self, range: &Range) -> Option<&V> {
        let row = self.rows.binary_search_by_key(range, |row| row.0).ok()?;
        Some(&self.rows[row].1)
    }

    /// Iterates over all ranges and their values, in the order of [`Range`].
    pub fn iter(&self) -> Iter<'_, V> {
        Iter { rows: self.rows.iter() }
    }

    /// Iterates over what comes after `range` in order, whether that is there or not: to go on with a walk.
    pub fn iter_after(&self, range: &Range) -> Iter<'_, V> {
        let from = self.rows.partition_point(|(other, _)| other <= range);
        Iter { rows: self.rows[from..].iter() }
    }

    /// Returns the number of ranges.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells whether there is no range.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The innermost row for `address`, or `NONE`.
    fn row_of(&self, address: IpAddr) -> u32 {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        }
    }

    /// The row at a place that may be `NONE`.
    fn row(&self, row: u32) -> Option<(&Range, &V)> {
        // No index has so many rows that `NONE` is one of them.
        self.rows.get(row as usize).map(|(range, value)| (range, value))
    }
}

impl<V> Default for RangeIndex<V> {
    /// Makes an index without ranges.
    fn default() -> Self {
        Self { rows: [].into(), outer: [].into(), v4: Cutter::new().finish(), v6: Cutter::new().finish() }
    }
}

impl<V: fmt::Debug> fmt::Debug for RangeIndex<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<'a, V> IntoIterator for &'a RangeIndex<V> {
    type Item = (&'a Range, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

/// Iterator over the ranges of an index and their values, in the order of [`Range`].
#[derive(Clone, Debug)]
pub struct Iter<'a, V> {
    /// What is left.
    rows: std::slice::Iter<'a, (Range, V)>,
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a Range, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(|(range, value)| (range, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<V> DoubleEndedIterator for Iter<'_, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rows.next_back().map(|(range, value)| (range, value))
    }
}

impl<V> ExactSizeIterator for Iter<'_, V> {}

impl<V> FusedIterator for Iter<'_, V> {}

/// Why ranges cannot be in one table.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Conflict {
    /// Two ranges overlap, and neither lies within the other.
    Crossing(Range, Range),
    /// A range comes twice.
    Twice(Range),
    /// There are more than 2^32 - 1 ranges.
    TooMany,
}

impl Conflict {
    /// Says what is wrong with two ranges, of which the second neither lies within the first nor after it.
    fn between(first: Range, second: Range) -> Self {
        if first == second { Self::Twice(first) } else { Self::Crossing(first, second) }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crossing(first, second) => write!(
                f,
                "the ranges {first} and {second} overlap, and neither lies within the other; shorten or split one of them"
            ),
            Self::Twice(range) => write!(f, "the range {range} comes twice; keep one of the two"),
            Self::TooMany => f.write_str("there are more than 4,294,967,295 ranges"),
        }
    }
}

impl Error for Conflict {}

/// The segments of one family, and the innermost row of each.
struct Segments<A: Address> {
    /// The segments' first addresses.
    starts: A::Starts,
    /// Their innermost rows, or `NONE`.
    rows: Box<[u32]>,
}

impl<A: Address> Segments<A> {
    /// Returns the row of the segment that `address` is in.
    fn find(&self, address: A) -> u32 {
        self.rows[self.starts.find(address)]
    }
}

/// Cuts the addresses of one family into segments, range by range in order.
struct Cutter<A> {
    /// First addresses of the segments so far.
    starts: Vec<A>,
    /// Their rows.
    rows: Vec<u32>,
    /// The ranges that the last one lies in, the outermost first, and that one.
    open: Vec<Open<A>>,
}

/// A range that may go on.
#[derive(Clone, Copy)]
struct Open<A> {
    /// Its row.
    row: u32,
    /// Its first address.
    first: A,
    /// Its last address.
    last: A,
}

impl<A: Address + Default> Cutter<A> {
    fn new() -> Self {
        Self { starts: vec![A::default()], rows: vec![NONE], open: Vec::new() }
    }

    /// Adds a range that does not come before the last one; returns the row that it lies in.
    ///
    /// # Errors
    /// If it lies neither within nor after some other range, or is the same: returns that one's row.
    fn add(&mut self, range: Open<A>) -> Result<u32, u32> {
        while self.open.last().is_some_and(|inner| inner.last < range.first) {
            self.close();
        }
        let outer = self.open.last();
        if let Some(outer) = outer {
            let is_same = outer.first == range.first && outer.last == range.last;
            if is_same || outer.last < range.last {
                return Err(outer.row);
            }
        }
        let within = outer.map_or(NONE, |outer| outer.row);
        self.cut(range.first, range.row);
        self.open.push(range);
        Ok(within)
    }

    /// Ends the innermost range.
    fn close(&mut self) {
        let Some(ended) = self.open.pop() else { return };
        if ended.last < A::MAX {
            self.cut(ended.last.next(), self.open.last().map_or(NONE, |outer| outer.row));
        }
    }

    /// Begins a segment at `start`, in place of one that began there.
    fn cut(&mut self, start: A, row: u32) {
        if self.starts.last() == Some(&start) {
            self.rows.pop();
        } else {
            self.starts.push(start);
        }
        self.rows.push(row);
    }

    /// Ends all ranges.
    fn finish(mut self) -> Segments<A> {
        while !self.open.is_empty() {
            self.close();
        }
        Segments { starts: A::Starts::new(self.starts), rows: self.rows.into() }
    }
}
