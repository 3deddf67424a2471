//! One range of addresses: what it holds, how it is written and read, and which of two comes first.
//!
//! An IPv4-mapped IPv6 address, `::ffff:1.2.3.4`, is the IPv4 address in everything here: a socket that serves both
//! families shows its IPv4 peers that way, and they are to find what others find.

use std::cmp::Reverse;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The addresses from a first one to a last one, both included, of one family.
///
/// Read from a network in CIDR notation, from first and last address, or from a single address, and written in the
/// shortest of these. In first and last, an IPv4 address may also be its number, as GeoIP files have it.
///
/// The order is that of the first address, IPv4 before IPv6, and a range comes before those that lie within it.
///
/// # IPv4-mapped addresses
/// A range within `::ffff:0:0/96` is the IPv4 range. One that has all of that block and more, such as `::/0`, is of IPv6,
/// and does not contain the IPv4 addresses. One that has some of the block and more is an error.
///
/// # Examples
/// ```
/// use std::net::IpAddr;
/// use twinbucket_feed::ranges::Range;
///
/// let network: Range = "10.0.0.0/8".parse()?;
/// assert_eq!(network, "10.0.0.0-10.255.255.255".parse()?);
/// assert_eq!(network, "167772160 - 184549375".parse()?);
/// assert!(network.contains("10.1.2.3".parse::<IpAddr>()?));
/// assert!(network.contains("::ffff:10.1.2.3".parse::<IpAddr>()?));
/// assert_eq!(network.to_string(), "10.0.0.0/8");
/// assert_eq!("10.0.0.1-10.0.0.2".parse::<Range>()?.to_string(), "10.0.0.1-10.0.0.2");
///
/// let error = "10.0.0.1/8".parse::<Range>().unwrap_err();
/// assert_eq!(error.to_string(), "10.0.0.1/8 has bits set after the prefix; the network is 10.0.0.0/8");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Range(Ends);

/// First and last address of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Of an IPv4 range.
    V4(Ipv4Addr, Ipv4Addr),
    /// Of an IPv6 range.
    V6(Ipv6Addr, Ipv6Addr),
}

/// First and last of the IPv4-mapped IPv6 addresses.
const MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);

impl Range {
    /// Makes the range from `first` to `last`.
    ///
    /// # Errors
    /// If they are of different families, or `last` is before `first`, or the range has some of the IPv4-mapped addresses
    /// and other addresses too.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, RangeError> {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => Ok(Self(Ends::V4(first, last))),
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => Self::v6(first, last),
            _ if first.is_ipv4() != last.is_ipv4() => Err(RangeError::MixedFamilies { first, last }),
            _ => Err(RangeError::Reversed { first, last }),
        }
    }

    /// Makes a range of IPv6 addresses in order, or of the IPv4 addresses that they stand for.
    fn v6(first: Ipv6Addr, last: Ipv6Addr) -> Result<Self, RangeError> {
        if let (Some(first), Some(last)) = (first.to_ipv4_mapped(), last.to_ipv4_mapped()) {
            return Ok(Self(Ends::V4(first, last)));
        }
        let (from, to) = (first.to_bits(), last.to_bits());
        let is_apart = to < MAPPED.0 || MAPPED.1 < from;
        let has_all = from <= MAPPED.0 && MAPPED.1 <= to;
        if is_apart || has_all { Ok(Self(Ends::V6(first, last))) } else { Err(RangeError::CutsMapped { first, last }) }
    }

    /// Returns the first address.
    pub fn first(&self) -> IpAddr {
        match self.0 {
            Ends::V4(first, _) => first.into(),
            Ends::V6(first, _) => first.into(),
        }
    }

    /// Returns the last address.
    pub fn last(&self) -> IpAddr {
        match self.0 {
            Ends::V4(_, last) => last.into(),
            Ends::V6(_, last) => last.into(),
        }
    }

    pub(super) fn ends(&self) -> Ends {
        self.0
    }

    /// Tells whether the range has that address.
    pub fn contains(&self, address: impl Into<IpAddr>) -> bool {
        match (self.0, address.into().to_canonical()) {
            (Ends::V4(first, last), IpAddr::V4(address)) => (first..=last).contains(&address),
            (Ends::V6(first, last), IpAddr::V6(address)) => (first..=last).contains(&address),
            _ => false,
        }
    }

    /// Tells whether all addresses of `other` are in this range.
    pub fn contains_range(&self, other: &Self) -> bool {
        self.is_ipv4() == other.is_ipv4() && self.first() <= other.first() && other.last() <= self.last()
    }

    /// Tells whether the range is one of IPv4 addresses.
    pub fn is_ipv4(&self) -> bool {
        matches!(self.0, Ends::V4(..))
    }

    /// Returns the network that has just the addresses of this range, if there is one.
    pub fn network(&self) -> Option<IpNet> {
        // The largest network that begins at the first address and goes no further than to the last.
        let network = match self.0 {
            Ends::V4(first, last) => IpNet::from(Ipv4Subnets::new(first, last, 0).next()?),
            Ends::V6(first, last) => IpNet::from(Ipv6Subnets::new(first, last, 0).next()?),
        };
        (Self::from(network) == *self).then_some(network)
    }
}

impl From<IpNet> for Range {
    /// Makes the range of a network; bits after the prefix count as zeros.
    fn from(network: IpNet) -> Self {
        match network {
            IpNet::V4(network) => network.into(),
            IpNet::V6(network) => network.into(),
        }
    }
}

impl From<Ipv4Net> for Range {
    fn from(network: Ipv4Net) -> Self {
        Self(Ends::V4(network.network(), network.broadcast()))
    }
}

impl From<Ipv6Net> for Range {
    fn from(network: Ipv6Net) -> Self {
        let (first, last) = (network.network(), network.broadcast());
        Self::v6(first, last).expect("of two networks, one has the other or they are apart")
    }
}

impl From<IpAddr> for Range {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(Ends::V4(address, address)),
            IpAddr::V6(address) => Self(Ends::V6(address, address)),
        }
    }
}

impl Hash for Range {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Ends::V4(first, last) => {
                state.write_u64(u64::from(first.to_bits()) << 32 | u64::from(last.to_bits()));
            }
            Ends::V6(first, last) => {
                state.write_u128(first.to_bits());
                state.write_u128(last.to_bits());
            }
        }
    }
}

impl Ord for Range {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self.0, other.0) {
            (Ends::V4(first, last), Ends::V4(its_first, its_last)) => {
                (first, Reverse(last)).cmp(&(its_first, Reverse(its_last)))
            }
            (Ends::V6(first, last), Ends::V6(its_first, its_last)) => {
                (first, Reverse(last)).cmp(&(its_first, Reverse(its_last)))
            }
            _ => other.is_ipv4().cmp(&self.is_ipv4()),
        }
    }
}

impl PartialOrd for Range {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.first(), self.last());
        match self.network() {
            _ if first == last => write!(f, "{first}"),
            Some(network) => write!(f, "{network}"),
            None => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        if let Some((first, last)) = text.split_once('-') {
            return Self::new(end(first.trim())?, end(last.trim())?);
        }
        match text.split_once('/') {
            Some((address_text, length)) => network(address(address_text)?, length).map(Self::from),
            None => address(text).map(Self::from),
        }
    }
}

/// Reads an address.
fn address(text: &str) -> Result<IpAddr, RangeError> {
    text.parse().map_err(|cause| RangeError::NoAddress { text: text.into(), cause })
}

/// Reads the first or last address of a range, which may be the number of an IPv4 address.
fn end(text: &str) -> Result<IpAddr, RangeError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(number) if is_number => Ok(Ipv4Addr::from_bits(number).into()),
        _ if is_number => Err(RangeError::TooLarge { text: text.into() }),
        _ => address(text),
    }
}

/// Makes the network of a prefix of `address`, as long as `length` says.
fn network(address: IpAddr, length: &str) -> Result<IpNet, RangeError> {
    let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
    let network = length.parse().ok().filter(|_| is_number).and_then(|length| IpNet::new(address, length).ok());
    let network = network.ok_or_else(|| RangeError::BadLength { address, length: length.into() })?;
    if network.network() == address { Ok(network) } else { Err(RangeError::HostBits { network }) }
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Takes a range from a text.
struct Text;

impl Visitor<'_> for Text {
    type Value = Range;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address, a network like 10.0.0.0/8, or a range like 10.0.0.1-10.0.0.9")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Range, E> {
        text.parse().map_err(E::custom)
    }
}

/// Why some text or two addresses are no [`Range`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RangeError {
    /// There should be an address.
    NoAddress {
        /// What is there.
        text: Box<str>,
        /// Why that is none.
        cause: AddrParseError,
    },
    /// A number is larger than those of IPv4 addresses.
    TooLarge {
        /// The number.
        text: Box<str>,
    },
    /// The length of a prefix is no number, or larger than an address is long.
    BadLength {
        /// The address before it.
        address: IpAddr,
        /// The length.
        length: Box<str>,
    },
    /// A network's address has bits set after the prefix.
    HostBits {
        /// The network with that address.
        network: IpNet,
    },
    /// The last address is before the first.
    Reversed {
        /// The first address.
        first: IpAddr,
        /// The last address.
        last: IpAddr,
    },
    /// One is an IPv4 address and the other an IPv6 address.
    MixedFamilies {
        /// The first address.
        first: IpAddr,
        /// The last address.
        last: IpAddr,
    },
    /// Some IPv4-mapped addresses are in the range and some are not, and it has others.
    CutsMapped {
        /// The first address.
        first: Ipv6Addr,
        /// The last address.
        last: Ipv6Addr,
    },
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress { text, .. } => write!(
                f,
                "{text:?} is no address; write an address, a network like 10.0.0.0/8, or a range like 10.0.0.1-10.0.0.9"
            ),
            Self::TooLarge { text } => write!(f, "{text} is larger than the number of any IPv4 address"),
            Self::BadLength { address, length } => {
                let most = if address.is_ipv4() { 32 } else { 128 };
                write!(f, "{length:?} after {address}/ is no length of a prefix; write a number from 0 to {most}")
            }
            Self::HostBits { network } => {
                write!(f, "{network} has bits set after the prefix; the network is {}", network.trunc())
            }
            Self::Reversed { first, last } => write!(f, "the last address, {last}, is before the first, {first}"),
            Self::MixedFamilies { first, last } => {
                write!(f, "one of {first} and {last} is an IPv4 address and the other an IPv6 address")
            }
            Self::CutsMapped { first, last } => write!(
                f,
                "{first}-{last} has some of the IPv4-mapped addresses and others too; end it before, or begin it after, \
                 ::ffff:0:0/96"
            ),
        }
    }
}

impl Error for RangeError {}
