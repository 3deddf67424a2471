//! Ranges of addresses that were read, and the index of them, compared with a search of all of them.

use std::net::IpAddr;

use twinbucket_feed::ranges::{Conflict, Range, RangeIndex};

/// Ranges that are compared with each other.
const MOST: usize = 64;

/// Checks the ranges and their index.
pub(crate) fn check(mut ranges: Vec<Range>) {
    for range in &ranges {
        assert!(range.first() <= range.last());
        assert_eq!(range.to_string().parse().as_ref(), Ok(range), "what is printed can be read");
    }
    ranges.truncate(MOST);
    let cross = |one: &Range, other: &Range| {
        let overlap = one.contains(other.first()) || other.contains(one.first());
        overlap && !one.contains_range(other) && !other.contains_range(one)
    };
    let is_crossed = ranges.iter().any(|one| ranges.iter().any(|other| cross(one, other)));
    match RangeIndex::new(ranges.iter().map(|&range| (range, ()))) {
        Ok(index) => {
            assert!(!is_crossed, "ranges cross: {ranges:?}");
            ranges.iter().for_each(|range| check_at(&index, &ranges, range));
        }
        Err(Conflict::Crossing(one, other)) => assert!(cross(&one, &other), "{one} and {other} do not cross"),
        Err(conflict) => panic!("keys come once: {conflict:?}"),
    }
}

/// The index finds at the ends of a range, and beside it, what a search of all ranges finds.
fn check_at(index: &RangeIndex<()>, ranges: &[Range], range: &Range) {
    assert!(index.get(range).is_some());
    for address in [Some(range.first()), Some(range.last()), after(range.last())].into_iter().flatten() {
        let mut expected: Vec<&Range> = ranges.iter().filter(|range| range.contains(address)).collect();
        // The innermost first: of ranges that have one address and do not cross, each lies within all larger ones.
        expected.sort_by_key(|range| ranges.iter().filter(|inner| range.contains_range(inner)).count());
        let found: Vec<&Range> = index.find_all(address).map(|(range, ())| range).collect();
        assert_eq!(found, expected, "at {address}");
        assert_eq!(index.find(address).map(|(range, ())| range), expected.first().copied());
    }
}

/// The address after one, if there is one.
fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(IpAddr::V4(address.to_bits().checked_add(1)?.into())),
        IpAddr::V6(address) => Some(IpAddr::V6(address.to_bits().checked_add(1)?.into())),
    }
}
