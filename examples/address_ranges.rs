//! Ranges of addresses: networks within networks, looked up by address. The innermost range counts, and a file in which
//! two ranges cross is refused.
//!
//! With the name of a file of first and last addresses as its argument, such as `geoip` of Debian's package tor-geoipdb,
//! it counts what that file has.
//!
//! Prints:
//!
//! ```text
//! 10.9.1.1 is in guests (10.9.0.0/16)
//! 10.1.1.1 is in office (10.0.0.0/8)
//! 192.0.2.1 is in none
//! 2001:db8::1 is in lab (2001:db8::-2001:db8::2ff)
//! ```

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use twinbucket_feed::format::Csv;
use twinbucket_feed::ranges::{FirstLast, RangeTable};
use twinbucket_feed::{File, Start, Table};

/// Networks that the program has with it.
const ZONES: &str = "\
range,zone
10.0.0.0/8,office
10.9.0.0/16,guests
2001:db8::-2001:db8::2ff,lab
";

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(file) = std::env::args().nth(1) {
        return count(&file);
    }
    let zones: RangeTable<String> = Table::builder()
        .source(File::watch("zones.csv"))
        .format(Csv::new())
        .start(Start::wait(Duration::ZERO).or_embedded(ZONES))
        .open_ranges()?;
    let mut reader = zones.reader();
    for address in ["10.9.1.1", "10.1.1.1", "192.0.2.1", "2001:db8::1"] {
        match reader.find(address.parse::<IpAddr>()?) {
            Some((range, zone)) => println!("{address} is in {zone} ({range})"),
            None => println!("{address} is in none"),
        }
    }
    Ok(())
}

/// Loads a file of first and last addresses, and says how many ranges it has.
fn count(file: &str) -> Result<(), Box<dyn Error>> {
    let format = FirstLast(Csv::new().columns(["range", "country"]));
    let countries: RangeTable<String> = Table::builder().source(File::watch(file)).format(format).open_ranges()?;
    let status = countries.table().status();
    println!("{file}: {} ranges, loaded in {:.1?}", status.entries(), status.load_time());
    Ok(())
}
