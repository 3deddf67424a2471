//! Criterion: a pass of look-ups by address in tables of GeoIP size, and how long such a table takes to build.
//!
//! The ranges are those of Debian's package tor-geoipdb where it is installed, or else made ones of as many. An address is
//! drawn from a random range. prefix-trie has the same ranges, cut into networks; "index, then hash" takes only the
//! range from the index, and its value from a store.

use std::fs;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastrand::Rng;
use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use prefix_trie::PrefixMap;
use twinbucket::Store;
use twinbucket_feed::ranges::{Range, RangeIndex};

/// Addresses in a pass.
const PASS: usize = 1 << 16;

/// Returns ranges in order, of one family, with their rows' numbers as values.
fn ranges(file: &str, most: usize, made: impl Fn(u32) -> IpAddr) -> Vec<(Range, u32)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#')).take(most);
    let mut ranges: Vec<Range> = lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            format!("{}-{}", fields[0], fields[1]).parse().expect("the file has first and last address")
        })
        .collect();
    if ranges.is_empty() {
        let each = u32::try_from(most.min(300_000)).expect("it is not so many");
        let step = u32::MAX / each;
        let one = |at| Range::new(made(at * step), made(at * step + step - 1)).expect("the first is before the last");
        ranges = (0..each).map(one).collect();
    }
    ranges.into_iter().zip(0..).collect()
}

/// Draws an address from each of many random ranges.
fn addresses(ranges: &[(Range, u32)]) -> Vec<IpAddr> {
    let mut rng = Rng::with_seed(1);
    let mut draw = || {
        let (range, random) = (ranges[rng.usize(..ranges.len())].0, rng.u128(..));
        match (range.first(), range.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let more = random % u128::from(last.to_bits() - first.to_bits() + 1);
                let more = u32::try_from(more).expect("the range is not so wide");
                Ipv4Addr::from_bits(first.to_bits() + more).into()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let more = random % (last.to_bits() - first.to_bits() + 1);
                Ipv6Addr::from_bits(first.to_bits() + more).into()
            }
            _ => unreachable!("a range has one family"),
        }
    };
    (0..PASS).map(|_| draw()).collect()
}

/// Sums up the values of all `addresses`.
fn sum(addresses: &[IpAddr], find: impl Fn(IpAddr) -> Option<u32>) -> u64 {
    addresses.iter().filter_map(|&address| find(black_box(address))).map(u64::from).sum()
}

/// The networks that a range consists of.
fn networks(range: &Range) -> Vec<IpNet> {
    match (range.first(), range.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Ipv4Subnets::new(first, last, 0).map(IpNet::from).collect(),
        (IpAddr::V6(first), IpAddr::V6(last)) => Ipv6Subnets::new(first, last, 0).map(IpNet::from).collect(),
        _ => unreachable!("a range has one family"),
    }
}

/// Ranges as networks, one trie for each family.
#[derive(Default)]
struct Tries {
    /// IPv4.
    v4: PrefixMap<Ipv4Net, u32>,
    /// IPv6.
    v6: PrefixMap<Ipv6Net, u32>,
}

impl Tries {
    fn new(ranges: &[(Range, u32)]) -> Self {
        let mut tries = Self::default();
        for (range, value) in ranges {
            for network in networks(range) {
                match network {
                    IpNet::V4(network) => drop(tries.v4.insert(network, *value)),
                    IpNet::V6(network) => drop(tries.v6.insert(network, *value)),
                }
            }
        }
        tries
    }

    fn find(&self, address: IpAddr) -> Option<u32> {
        match address {
            IpAddr::V4(address) => self.v4.get_lpm(&address.into()).map(|(_, value)| *value),
            IpAddr::V6(address) => self.v6.get_lpm(&address.into()).map(|(_, value)| *value),
        }
    }
}

fn family(criterion: &mut Criterion, name: &str, ranges: &[(Range, u32)]) {
    let addresses = addresses(ranges);
    let mut group = criterion.benchmark_group(format!("ranges/{name}/{}", ranges.len()));
    group.sample_size(10);
    // In no order, as a store has them.
    let mut shuffled = ranges.to_vec();
    Rng::with_seed(2).shuffle(&mut shuffled);
    group.bench_function("build index", |bencher| {
        bencher.iter(|| RangeIndex::new(shuffled.iter().copied()).expect("they do not cross").len());
    });
    group.bench_function("build prefix-trie", |bencher| bencher.iter(|| Tries::new(&shuffled)));

    group.throughput(Throughput::Elements(addresses.len() as u64));
    let index = RangeIndex::new(ranges.iter().copied()).expect("they do not cross");
    let by_index = |address: IpAddr| index.find(address).map(|(_, value)| *value);
    let store: Store<Range, u32> = ranges.iter().copied().collect();
    let bucket = store.read();
    let by_hash = |address: IpAddr| bucket.get(index.find(address)?.0).copied();
    let tries = Tries::new(ranges);
    let expected = sum(&addresses, by_index);
    assert_eq!(sum(&addresses, by_hash), expected);
    assert_eq!(sum(&addresses, |address| tries.find(address)), expected);
    group.bench_function("index", |bencher| bencher.iter(|| sum(black_box(&addresses), by_index)));
    group.bench_function("index, then hash", |bencher| bencher.iter(|| sum(black_box(&addresses), by_hash)));
    group.bench_function("prefix-trie", |bencher| {
        bencher.iter(|| sum(black_box(&addresses), |address| tries.find(address)));
    });
}

fn lookup(criterion: &mut Criterion) {
    let most = if std::env::args().any(|argument| argument == "--bench") { usize::MAX } else { 1_000 };
    let v4 = ranges("/usr/share/tor/geoip", most, |bits| Ipv4Addr::from_bits(bits).into());
    family(criterion, "v4", &v4);
    let v6 = ranges("/usr/share/tor/geoip6", most, |bits| Ipv6Addr::from_bits(u128::from(bits) << 96).into());
    family(criterion, "v6", &v6);
}

criterion_group!(benches, lookup);
criterion_main!(benches);
