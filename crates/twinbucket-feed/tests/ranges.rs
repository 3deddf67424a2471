//! Ranges as text, and the index against a naive scan.
#![cfg(feature = "ranges")]

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::{prop_assert_eq, proptest};
use twinbucket_feed::ranges::{Conflict, Range, RangeIndex};

fn range(text: &str) -> Range {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn index<'a>(ranges: &[&'a str]) -> RangeIndex<&'a str> {
    RangeIndex::new(ranges.iter().map(|&text| (range(text), text))).unwrap()
}

/// Returns the text of the range found.
fn found<'a>(index: &RangeIndex<&'a str>, text: &str) -> Option<&'a str> {
    index.find(address(text)).map(|(_, value)| *value)
}

#[test]
fn range_is_written_in_the_shortest_form_and_read_back() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0-10.255.255.255", "10.0.0.0/8"),
        ("10.0.0.1 - 10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("10.0.0.0-10.0.0.2", "10.0.0.0-10.0.0.2"),
        ("10.0.0.7", "10.0.0.7"),
        ("10.0.0.7/32", "10.0.0.7"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("0-4294967295", "0.0.0.0/0"),
        ("16777216-16777471", "1.0.0.0/24"),
        ("::/0", "::/0"),
        ("::1", "::1"),
        ("2001:DB8::-2001:db8::ff", "2001:db8::/120"),
        ("2001:db8::1-2001:db8::ff", "2001:db8::1-2001:db8::ff"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4-::ffff:1.2.3.6", "1.2.3.4-1.2.3.6"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/80", "::/80"),
    ] {
        assert_eq!(range(text).to_string(), shown, "{text}");
        assert_eq!(range(shown), range(text));
    }
}

#[test]
fn text_that_is_no_range_says_why() {
    let no_address = "is no address; write an address, a network like 10.0.0.0/8, or a range like 10.0.0.1-10.0.0.9";
    for (text, problem) in [
        ("", format!("\"\" {no_address}")),
        ("ten", format!("\"ten\" {no_address}")),
        ("10.0.0.256", format!("\"10.0.0.256\" {no_address}")),
        ("10.0.0.1-", format!("\"\" {no_address}")),
        ("10.0.0.1-+5", format!("\"+5\" {no_address}")),
        ("167772160", format!("\"167772160\" {no_address}")),
        ("0-4294967296", "4294967296 is larger than the number of any IPv4 address".into()),
        ("10.0.0.1/8", "10.0.0.1/8 has bits set after the prefix; the network is 10.0.0.0/8".into()),
        ("10.0.0.0/33", "\"33\" after 10.0.0.0/ is no length of a prefix; write a number from 0 to 32".into()),
        ("10.0.0.0/+8", "\"+8\" after 10.0.0.0/ is no length of a prefix; write a number from 0 to 32".into()),
        ("::/129", "\"129\" after ::/ is no length of a prefix; write a number from 0 to 128".into()),
        ("::/", "\"\" after ::/ is no length of a prefix; write a number from 0 to 128".into()),
        ("10.0.0.9-10.0.0.1", "the last address, 10.0.0.1, is before the first, 10.0.0.9".into()),
        ("1.2.3.4-::1", "one of 1.2.3.4 and ::1 is an IPv4 address and the other an IPv6 address".into()),
        (
            "::1-::ffff:1.2.3.4",
            "::1-::ffff:1.2.3.4 has some of the IPv4-mapped addresses and others too; end it before, or begin it after, \
             ::ffff:0:0/96"
                .into(),
        ),
    ] {
        let error = text.parse::<Range>().expect_err(text);
        assert_eq!(error.to_string(), problem, "{text}");
    }
}

#[test]
fn range_is_the_key_that_serde_reads_and_writes() {
    let json = r#"{"10.0.0.0/8":1}"#;
    let map: std::collections::BTreeMap<Range, u8> = serde_json::from_str(json).unwrap();
    assert_eq!(map, [(range("10.0.0.0/8"), 1)].into());
    assert_eq!(serde_json::to_string(&map).unwrap(), json);
    let error = serde_json::from_str::<Range>("\"10.0.0.1/8\"").unwrap_err();
    assert!(error.to_string().starts_with("10.0.0.1/8 has bits set after the prefix"), "{error}");
}

#[test]
fn network_with_bits_after_the_prefix_is_the_whole_network() {
    assert_eq!(Range::from("10.1.2.3/8".parse::<IpNet>().unwrap()), range("10.0.0.0/8"));
}

#[test]
fn order_is_by_first_address_and_the_outer_before_the_inner() {
    let mut ranges = ["::/0", "10.0.0.0/16", "9.0.0.0/8", "10.0.0.0/8", "::1", "255.0.0.0/8"].map(range);
    ranges.sort();
    assert_eq!(ranges, ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "255.0.0.0/8", "::/0", "::1"].map(range));
}

#[test]
fn innermost_range_wins_and_what_lies_between_goes_to_the_outer_one() {
    let index = index(&["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0-10.1.2.9", "10.1.2.9"]);
    for (address, expected) in [
        ("9.255.255.255", None),
        ("10.0.0.0", Some("10.0.0.0/8")),
        ("10.1.0.0", Some("10.1.0.0/16")),
        ("10.1.1.255", Some("10.1.0.0/16")),
        ("10.1.2.0", Some("10.1.2.0-10.1.2.9")),
        ("10.1.2.8", Some("10.1.2.0-10.1.2.9")),
        ("10.1.2.9", Some("10.1.2.9")),
        ("10.1.2.10", Some("10.1.0.0/16")),
        ("10.2.0.0", Some("10.0.0.0/8")),
        ("10.255.255.255", Some("10.0.0.0/8")),
        ("11.0.0.0", None),
        ("::", None),
    ] {
        assert_eq!(found(&index, address), expected, "{address}");
    }
    let all: Vec<&str> = index.find_all(address("10.1.2.9")).map(|(_, value)| *value).collect();
    assert_eq!(all, ["10.1.2.9", "10.1.2.0-10.1.2.9", "10.1.0.0/16", "10.0.0.0/8"]);
}

#[test]
fn first_and_last_addresses_of_both_families_are_found() {
    let all = index(&["0.0.0.0/0", "::/0"]);
    let last_v6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    assert_eq!(found(&all, "0.0.0.0"), Some("0.0.0.0/0"));
    assert_eq!(found(&all, "255.255.255.255"), Some("0.0.0.0/0"));
    assert_eq!(found(&all, "::"), Some("::/0"));
    assert_eq!(found(&all, last_v6), Some("::/0"));

    let ends = index(&["0.0.0.0", "255.255.255.255", "::", last_v6]);
    assert_eq!(found(&ends, "0.0.0.0"), Some("0.0.0.0"));
    assert_eq!(found(&ends, "0.0.0.1"), None);
    assert_eq!(found(&ends, "255.255.255.254"), None);
    assert_eq!(found(&ends, "255.255.255.255"), Some("255.255.255.255"));
    assert_eq!(found(&ends, "::"), Some("::"));
    assert_eq!(found(&ends, "::1"), None);
    assert_eq!(found(&ends, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), None);
    assert_eq!(found(&ends, last_v6), Some(last_v6));
}

#[test]
fn mapped_address_finds_what_the_ipv4_address_finds() {
    let both = index(&["10.0.0.0/8", "::/0"]);
    assert_eq!(found(&both, "::ffff:10.1.1.1"), Some("10.0.0.0/8"));
    assert_eq!(found(&both, "::ffff:11.1.1.1"), None);
    assert_eq!(found(&both, "11.1.1.1"), None);
    assert_eq!(found(&both, "::fffe:ffff:ffff"), Some("::/0"));
    assert!(range("10.0.0.0/8").contains(address("::ffff:10.1.1.1")));
    assert!(!range("::/0").contains(address("::ffff:10.1.1.1")));
}

#[test]
fn ranges_that_cross_or_come_twice_are_named() {
    let conflict = |ranges: &[&str]| RangeIndex::new(ranges.iter().map(|&text| (range(text), ()))).unwrap_err();
    let crossing = conflict(&["10.0.0.128-10.0.1.3", "10.0.0.0/24", "10.0.0.0/8"]);
    assert_eq!(crossing, Conflict::Crossing(range("10.0.0.0/24"), range("10.0.0.128-10.0.1.3")));
    assert_eq!(
        crossing.to_string(),
        "the ranges 10.0.0.0/24 and 10.0.0.128-10.0.1.3 overlap, and neither lies within the other; shorten or split one \
         of them"
    );
    let twice = conflict(&["::1", "10.0.0.0/24", "10.0.0.0-10.0.0.255"]);
    assert_eq!(twice, Conflict::Twice(range("10.0.0.0/24")));
}

#[test]
fn walk_is_in_order_and_can_go_on_after_any_range() {
    let index = index(&["::/0", "10.1.0.0/16", "10.0.0.0/8", "12.0.0.0/8"]);
    let after = |text: &str| index.iter_after(&range(text)).map(|(_, value)| *value).collect::<Vec<_>>();
    assert_eq!(
        index.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
        ["10.0.0.0/8", "10.1.0.0/16", "12.0.0.0/8", "::/0"]
    );
    assert_eq!(after("10.0.0.0/8"), ["10.1.0.0/16", "12.0.0.0/8", "::/0"]);
    assert_eq!(after("11.0.0.0/8"), ["12.0.0.0/8", "::/0"]);
    assert_eq!(after("::/0"), [""; 0]);
}

/// Addresses where something may go wrong: near the ends of the family, of its halves, of the IPv4-mapped ones; and any.
fn near_edges() -> impl Strategy<Value = IpAddr> {
    let v4 = prop_oneof![Just(0), Just(u32::MAX - 20), Just(0x0a00_fff8), (0..64_u32).prop_map(|top| top << 26)];
    let upper = |half: u64| u128::from(half) << 64;
    let v6 = prop_oneof![
        Just(0),
        Just(u128::MAX - 20),
        Just(0xffff_0000_0000 - 10),
        Just(upper(1) - 10),
        Just(upper(0x2001_0db8_0000_0000)),
        Just(upper(0x2001_0db8_0000_0001) - 10),
        any::<u8>().prop_map(move |top| upper(u64::from(top) << 56)),
    ];
    prop_oneof![
        (v4, 0..20_u32).prop_map(|(base, more)| IpAddr::from(Ipv4Addr::from_bits(base + more))),
        (v6, 0..20_u128).prop_map(|(base, more)| IpAddr::from(Ipv6Addr::from_bits(base + more))),
    ]
}

/// Ranges between such addresses, as far as there can be some.
fn ranges() -> impl Strategy<Value = Vec<Range>> {
    let range = (near_edges(), near_edges())
        .prop_map(|(first, last)| Range::new(first, last).or_else(|_| Range::new(last, first)).ok());
    vec(range, 0..80).prop_map(|ranges| ranges.into_iter().flatten().collect())
}

fn overlap(one: &Range, other: &Range) -> bool {
    one.is_ipv4() == other.is_ipv4() && one.first() <= other.last() && other.first() <= one.last()
}

fn cross(one: &Range, other: &Range) -> bool {
    overlap(one, other) && !one.contains_range(other) && !other.contains_range(one)
}

/// Leaves out each range that crosses or repeats an earlier one.
fn nested(ranges: Vec<Range>) -> Vec<Range> {
    let mut kept: Vec<Range> = Vec::new();
    for range in ranges {
        if !kept.iter().any(|other| *other == range || cross(other, &range)) {
            kept.push(range);
        }
    }
    kept
}

/// Returns the ranges that have `address`, the innermost first.
fn scan(ranges: &[Range], address: IpAddr) -> Vec<Range> {
    let mut found: Vec<Range> = ranges.iter().filter(|range| range.contains(address)).copied().collect();
    found.sort_by_key(|range| ranges.iter().filter(|other| range.contains_range(other)).count());
    found
}

/// Returns the addresses beside `address`, with it.
fn around(address: IpAddr) -> Vec<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            [bits.saturating_sub(1), bits, bits.saturating_add(1)].map(|bits| Ipv4Addr::from_bits(bits).into()).into()
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [bits.saturating_sub(1), bits, bits.saturating_add(1)].map(|bits| Ipv6Addr::from_bits(bits).into()).into()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn index_finds_what_a_scan_finds(ranges in ranges(), others in vec(near_edges(), 20)) {
        let ranges = nested(ranges);
        let index = RangeIndex::new(ranges.iter().map(|range| (*range, range.to_string()))).unwrap();
        let ends = ranges.iter().flat_map(|range| [range.first(), range.last()]).flat_map(around);
        for address in ends.chain(others) {
            let expected = scan(&ranges, address);
            let all: Vec<Range> = index.find_all(address).map(|(range, _)| *range).collect();
            prop_assert_eq!(&all, &expected, "{}", address);
            let innermost = expected.first().map(|range| (*range, range.to_string()));
            let found = index.find(address).map(|(range, value)| (*range, value.clone()));
            prop_assert_eq!(found, innermost, "{}", address);
        }
        for range in &ranges {
            prop_assert_eq!(index.get(range), Some(&range.to_string()));
        }
        let mut sorted = ranges;
        sorted.sort();
        prop_assert_eq!(index.iter().map(|(range, _)| *range).collect::<Vec<_>>(), sorted);
    }

    #[test]
    fn index_is_refused_if_and_only_if_ranges_cross_or_come_twice(ranges in ranges()) {
        let is_twice = ranges.iter().collect::<HashSet<_>>().len() < ranges.len();
        let is_crossing = ranges.iter().any(|one| ranges.iter().any(|other| cross(one, other)));
        match RangeIndex::new(ranges.iter().map(|range| (*range, ()))) {
            Ok(_) => prop_assert_eq!((is_twice, is_crossing), (false, false)),
            Err(Conflict::Twice(range)) => {
                prop_assert_eq!(ranges.iter().filter(|other| **other == range).count() > 1, true);
            }
            Err(Conflict::Crossing(one, other)) => prop_assert_eq!(cross(&one, &other), true),
            Err(other) => panic!("{other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn index_of_many_ranges_finds_what_a_scan_finds(
        firsts in vec(any::<u32>(), 1..2_000),
        others in vec(any::<u32>(), 100),
    ) {
        let last = |first: u32| Ipv4Addr::from_bits(first.saturating_add(first % 0x10_0000)).into();
        let some = firsts.iter().map(|&first| Range::new(Ipv4Addr::from_bits(first).into(), last(first)).unwrap());
        let ranges = nested(some.collect());
        let index = RangeIndex::new(ranges.iter().map(|range| (*range, ()))).unwrap();
        let ends = ranges.iter().take(50).flat_map(|range| [range.first(), range.last()]).flat_map(around);
        for address in ends.chain(others.into_iter().map(|bits| Ipv4Addr::from_bits(bits).into())) {
            let found = index.find(address).map(|(range, ())| *range);
            prop_assert_eq!(found, scan(&ranges, address).first().copied(), "{}", address);
        }
    }
}
