//! A real table by range: the GeoIP files of Debian's package `tor-geoipdb`, as they are.
#![cfg(all(feature = "csv", feature = "ranges"))]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;
use std::{env, fs, str};

use twinbucket_feed::format::{self, Csv};
use twinbucket_feed::ranges::{FirstLast, Range, RangeTable};
use twinbucket_feed::{Fetched, Overlaps, Part, Revision, RowPolicy, Source, SourceError, Start, Table};

/// The files, IPv4 and IPv6.
const FILES: [&str; 2] = ["/usr/share/tor/geoip", "/usr/share/tor/geoip6"];

/// The files' content.
struct Files(Vec<Part>);

impl Source for Files {
    fn name(&self) -> String {
        "tor-geoipdb".to_owned()
    }

    fn fetch(&mut self, _: Option<&Revision>) -> Result<Fetched, SourceError> {
        Ok(Fetched::New { parts: self.0.clone(), revision: Revision::new("installed") })
    }

    fn pause(&mut self) -> Duration {
        Duration::from_secs(3600)
    }
}

/// Reads the files; `None` where the package is not installed.
fn files() -> Option<Vec<Part>> {
    if let Some(missing) = FILES.iter().find(|file| !Path::new(file).exists()) {
        let message = format!("{missing} is missing: install the Debian package tor-geoipdb");
        assert!(env::var_os("CI").is_none(), "{message}");
        eprintln!("skipped: {message}");
        return None;
    }
    let part = |file: &str| Part { name: file.into(), bytes: fs::read(file).unwrap() };
    Some(FILES.iter().map(|file| part(file)).collect())
}

/// Reads the rows of a file by themselves: first address, last address, country.
fn rows(part: &Part) -> Vec<(IpAddr, IpAddr, &str)> {
    let address = |text: &str| match text.parse::<u32>() {
        Ok(number) => IpAddr::from(Ipv4Addr::from_bits(number)),
        Err(_) => text.parse().unwrap(),
    };
    let text = std::str::from_utf8(&part.bytes).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            (address(fields[0]), address(fields[1]), fields[2])
        })
        .collect()
}

/// Returns the address before and the address after, where there are some of the same family.
fn neighbours(first: IpAddr, last: IpAddr) -> [Option<IpAddr>; 2] {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => [first.to_bits().checked_sub(1), last.to_bits().checked_add(1)]
            .map(|bits| bits.map(|bits| IpAddr::from(Ipv4Addr::from_bits(bits)))),
        (IpAddr::V6(first), IpAddr::V6(last)) => [first.to_bits().checked_sub(1), last.to_bits().checked_add(1)]
            .map(|bits| bits.map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits)))),
        _ => panic!("a row has addresses of two families"),
    }
}

#[test]
fn every_geoip_range_is_found_by_its_first_and_its_last_address_and_not_beyond() {
    let Some(files) = files() else { return };
    let table: RangeTable<Box<str>> = Table::builder()
        .source(Files(files.clone()))
        .format(FirstLast(Csv::new().columns(["range", "country"])))
        .start(Start::wait(Duration::from_secs(30)))
        .open_ranges()
        .unwrap();
    let version = table.read();
    let [v4, v6] = [rows(&files[0]), rows(&files[1])];
    eprintln!("{} IPv4 ranges, {} IPv6 ranges", v4.len(), v6.len());
    // Editions of the package differ in their numbers, but not by half.
    assert!(v4.len() > 200_000 && v6.len() > 150_000, "the files are too short to show anything");
    assert_eq!(version.iter().filter(|(range, _)| range.is_ipv4()).count(), v4.len());
    assert_eq!(version.len(), v4.len() + v6.len());
    let expected = [v4, v6].concat();

    for &(first, last, country) in &expected {
        let row = Range::new(first, last).unwrap();
        for address in [first, last] {
            let (range, found) = version.find(address).unwrap_or_else(|| panic!("{address} of {row} is not found"));
            assert_eq!((*range, &**found), (row, country), "{address}");
        }
        for address in neighbours(first, last).into_iter().flatten() {
            if let Some((range, _)) = version.find(address) {
                assert!(*range != row && range.contains(address), "{address} is not of {range}");
            }
        }
    }
    let gaps = expected.windows(2).filter(|rows| rows[0].0.is_ipv4() == rows[1].0.is_ipv4()).filter_map(|rows| {
        let next = neighbours(rows[0].0, rows[0].1)[1]?;
        (next < rows[1].0).then_some(next)
    });
    let mut count = 0;
    for address in gaps {
        assert_eq!(version.find(address), None, "{address} is in a gap");
        count += 1;
    }
    eprintln!("{count} gaps");
    assert!(count > 0, "no gap was tested");
}

/// The rows of `text`, or the message for it.
fn read(text: &str) -> Result<Vec<(Range, String)>, String> {
    let part = Part { name: "geoip".into(), bytes: text.into() };
    let format = FirstLast(Csv::new().columns(["range", "country"]));
    let content = format::read(&format, &[part], RowPolicy::AllOrNothing, Overlaps::Error);
    content.map(|content| content.entries).map_err(|error| error.to_string())
}

#[test]
fn comment_ends_with_its_line_however_that_ends() {
    let row = ("1.0.0.0/24".parse().unwrap(), "AU".to_owned());
    for end in ["\n", "\r\n", "\r"] {
        let rows = read(&format!("# a comment{end}16777216,16777471,AU{end}#{end}"));
        assert_eq!(rows, Ok(vec![row.clone()]), "{end:?}");
        let message = read(&format!("# a comment{end}# another{end}1,0,AU{end}")).unwrap_err();
        assert!(message.starts_with("geoip:3:1: "), "{end:?}: {message}");
    }
}

#[test]
fn comment_keeps_its_line_where_line_ends_are_mixed() {
    for ends in [["\r", "\n"], ["\n", "\r"], ["\r\n", "\n"], ["\r", "\r\n"], ["\r", "\r"]] {
        let message = read(&format!("1,2,AU{}# a comment{}1,0,AU", ends[0], ends[1])).unwrap_err();
        assert!(message.starts_with("geoip:3:1: "), "{ends:?}: {message}");
    }
}

#[test]
fn comment_after_a_byte_order_mark_is_one() {
    assert_eq!(read("\u{feff}# first, last, country\n"), Ok(Vec::new()));
}
