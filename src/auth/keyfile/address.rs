//! The addresses behind a key in ntp.org's key files: `192.0.2.0/24,2001:db8::1`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    /// An address in it.
    pub address: IpAddr,
    /// Number of leading bits that other addresses must share: 0 to 32 or 128.
    pub bits: u8,
}

impl AddressRange {
    /// True when `address` is of the same family and shares the leading bits.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => (mine.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(mine), IpAddr::V6(other)) => (mine.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.bits)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.bits)
    }
}

/// What is wrong with one item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not an address, or something other than digits after the slash. ntp.org counts an error.
    Bad,
    /// More bits than the address has; ntp.org says so and takes them all.
    TooManyBits,
}

/// One item of a list.
pub(super) struct Item {
    /// Octets before it in the list.
    pub(super) offset: usize,
    /// The block, unless it is [`Fault::Bad`].
    pub(super) range: Option<AddressRange>,
    pub(super) fault: Option<Fault>,
}

/// Reads a list as ntp.org does: every item on its own.
pub(super) fn read_list(list: &[u8]) -> impl Iterator<Item = Item> {
    let mut offset = 0;
    list.split(|octet| *octet == b',').map(move |text| {
        let item = read_item(text, offset);
        offset += text.len() + 1;
        item
    })
}

fn read_item(text: &[u8], offset: usize) -> Item {
    let bad = Item { offset, range: None, fault: Some(Fault::Bad) };
    let slash = text.iter().position(|octet| *octet == b'/');
    let (host, mask) = text.split_at_checked(slash.unwrap_or(text.len())).unwrap_or((text, &[]));
    let Some(address) = parse_address(host) else { return bad };
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let bits = match mask.split_first() {
        None => Some(whole),
        // An empty mask is zero bits: ntp.org starts counting there.
        Some((_, digits)) => parse_bits(digits),
    };
    let Some(bits) = bits else { return bad };
    let fault = (bits > whole).then_some(Fault::TooManyBits);
    Item { offset, range: Some(AddressRange { address, bits: bits.min(whole) }), fault }
}

/// `None` for anything but digits; 255 stands for every larger number up to ntp.org's own limit.
fn parse_bits(digits: &[u8]) -> Option<u8> {
    let mut bits = 0_u32;
    for digit in digits {
        if !digit.is_ascii_digit() || bits > LARGEST_MASK {
            return None;
        }
        bits = bits * 10 + u32::from(digit.wrapping_sub(b'0'));
    }
    Some(u8::try_from(bits).unwrap_or(u8::MAX))
}

/// ntp.org reads no further digit once the number is larger than this, and calls that digit invalid.
const LARGEST_MASK: u32 = 1000;

/// An IPv4 address, or an IPv6 one with or without brackets and a zone after `%`, which ntp.org drops.
fn parse_address(host: &[u8]) -> Option<IpAddr> {
    let host = std::str::from_utf8(host).ok()?;
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(address));
    }
    let unbracketed = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next()?,
        None => host,
    };
    let unzoned = unbracketed.split('%').next()?;
    unzoned.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<(usize, Option<String>, Option<Fault>)> {
        let item = |item: Item| (item.offset, item.range.map(|range| range.to_string()), item.fault);
        read_list(list.as_bytes()).map(item).collect()
    }

    #[test]
    fn reads_both_families_with_and_without_mask() {
        let expected = [
            (0, Some("192.0.2.1/32".to_owned()), None),
            (10, Some("10.0.0.0/8".to_owned()), None),
            (21, Some("2001:db8::/32".to_owned()), None),
            (35, Some("::1/128".to_owned()), None),
            (41, Some("fe80::1/128".to_owned()), None),
        ];
        assert_eq!(read("192.0.2.1,10.0.0.0/8,2001:db8::/32,[::1],fe80::1%eth0"), expected);
    }

    #[test]
    fn names_what_is_no_address() {
        assert_eq!(read("nonsense"), [(0, None, Some(Fault::Bad))]);
        assert_eq!(read("10.0.0.1/x"), [(0, None, Some(Fault::Bad))]);
        assert_eq!(read(""), [(0, None, Some(Fault::Bad))]);
        assert_eq!(read("10.0.0.1,")[1], (9, None, Some(Fault::Bad)));
        assert_eq!(read("10.0.0.1/33"), [(0, Some("10.0.0.1/32".to_owned()), Some(Fault::TooManyBits))]);
        assert_eq!(read("10.0.0.1/"), [(0, Some("10.0.0.1/0".to_owned()), None)]);
    }

    #[test]
    fn compares_leading_bits_within_one_family() {
        let range = AddressRange { address: "192.0.2.64".parse().unwrap(), bits: 26 };
        assert!(range.contains("192.0.2.127".parse().unwrap()));
        assert!(!range.contains("192.0.2.128".parse().unwrap()));
        assert!(!range.contains("::ffff:192.0.2.64".parse().unwrap()));
        let all = AddressRange { address: "::".parse().unwrap(), bits: 0 };
        assert!(all.contains("2001:db8::1".parse().unwrap()));
    }
}
