//! Link headers other than Ethernet: what comes first in a frame of each link type.

use crate::capture::LinkType;

use super::ether;
use super::reason::Reason;
use super::walk::Layer;

/// The first layer of a frame behind the header its link type puts in front.
#[inline]
pub(super) fn first_layer(link_type: LinkType, octets: &[u8]) -> Result<Layer<'_>, Reason> {
    match link_type.0 {
        ETHERNET => Ok(Layer::Ethernet(octets)),
        NULL | LOOP => family(octets),
        RAW | RAW_OPENBSD | RAW_BSD => Ok(Layer::Ip(octets)),
        RAW_IPV4 => Ok(Layer::Ipv4(octets)),
        RAW_IPV6 => Ok(Layer::Ipv6(octets)),
        LINUX_SLL => cooked(octets),
        LINUX_SLL2 => cooked_2(octets),
        PPP => Ok(Layer::Ppp(octets)),
        PPP_HDLC | CISCO_HDLC => hdlc(octets),
        // One octet tells the direction; in the second form it stands in place of the address.
        PPP_WITH_DIRECTION => after(octets, 1).map(Layer::Ppp),
        PPP_PPPD => after(octets, if octets.get(1) == Some(&PPP_CONTROL) { 2 } else { 1 }).map(Layer::Ppp),
        PPP_OVER_ETHERNET => pppoe(octets),
        ATM_RFC1483 => Ok(Layer::Llc(octets)),
        PKTAP => packet_tap(octets),
        // What older macOS wrote for the same; others use the number for headers of their own.
        USER_2 => packet_tap(octets).map_err(|_| Reason::LinkType(USER_2)),
        other => Err(Reason::LinkType(other)),
    }
}

/// PPP, its address and control octets left out or not, its protocol compressed or not (RFC 1661, RFC 1662).
pub(super) fn ppp(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    let octets = match octets {
        [PPP_ADDRESS, PPP_CONTROL, rest @ ..] => rest,
        _ => octets,
    };
    let (protocol, rest) = match octets {
        // The last octet of a protocol number is odd, the others are even.
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Err(Reason::LinkHeaderCut),
    };
    match protocol {
        0x0021 => Ok(Layer::Ipv4(rest)),
        0x0057 => Ok(Layer::Ipv6(rest)),
        0x0281 => Ok(Layer::EtherType(0x8847, rest)),
        0x0283 => Ok(Layer::EtherType(0x8848, rest)),
        other => Err(Reason::Ppp(other)),
    }
}

/// A PPP over Ethernet session header (RFC 2516): what follows its length is padding.
pub(super) fn pppoe(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    let (&[_version, code, _, _, high, low], rest) =
        octets.split_first_chunk().ok_or(Reason::LinkHeaderCut)?;
    // Anything but zero belongs to discovery, not to a session.
    if code != 0 {
        return Err(Reason::LinkHeaderMalformed);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    Ok(Layer::Ppp(rest.get(..length).unwrap_or(rest)))
}

/// MPLS labels down to the bottom of the stack, and what the first octet behind them is taken for (RFC 4928).
pub(super) fn labelled(mut octets: &[u8]) -> Result<Layer<'_>, Reason> {
    loop {
        let (&[_, _, bottom, _], rest) = octets.split_first_chunk().ok_or(Reason::LinkHeaderCut)?;
        octets = rest;
        if bottom & 1 == 1 {
            break;
        }
    }
    match octets.first().map(|octet| octet >> 4) {
        Some(4) => Ok(Layer::Ipv4(octets)),
        Some(6) => Ok(Layer::Ipv6(octets)),
        // A control word, which pseudowires have to be told from IP.
        Some(0) => after(octets, 4).map(Layer::Ethernet),
        Some(_) => Err(Reason::Mpls),
        None => Err(Reason::LinkHeaderCut),
    }
}

/// An address family in the byte order of the capturing host (NULL) or the network (LOOP), then IP.
fn family(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    let (family, rest) = octets.split_first_chunk().ok_or(Reason::LinkHeaderCut)?;
    // Families are small numbers, so only one byte order makes sense of the word.
    match u32::from_be_bytes(*family).min(u32::from_le_bytes(*family)) {
        // IPv4, and IPv6 as Linux, NetBSD, FreeBSD and macOS number it.
        2 | 10 | 24 | 28 | 30 => Ok(Layer::Ip(rest)),
        _ => Err(Reason::LinkHeaderMalformed),
    }
}

/// The header Linux puts in place of those of several interfaces: its last two octets are the protocol.
fn cooked(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    let (header, rest) = octets.split_first_chunk::<16>().ok_or(Reason::LinkHeaderCut)?;
    let [_, _, kind_high, kind_low, .., high, low] = *header;
    cooked_protocol(u16::from_be_bytes([kind_high, kind_low]), u16::from_be_bytes([high, low]), rest)
}

/// The second version of that header: its first two octets are the protocol.
fn cooked_2(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    let (header, rest) = octets.split_first_chunk::<20>().ok_or(Reason::LinkHeaderCut)?;
    let [high, low, _, _, _, _, _, _, kind_high, kind_low, ..] = *header;
    cooked_protocol(u16::from_be_bytes([kind_high, kind_low]), u16::from_be_bytes([high, low]), rest)
}

/// What follows a cooked header, by kind of interface (ARPHRD) and protocol.
fn cooked_protocol(kind: u16, protocol: u16, rest: &[u8]) -> Result<Layer<'_>, Reason> {
    match (kind, protocol) {
        // On these the protocol is not an Ethernet type.
        (ARPHRD_NETLINK | ARPHRD_RADIOTAP | ARPHRD_FRAD, _) => Err(Reason::EtherType(protocol)),
        (_, COOKED_LLC) => Ok(Layer::Llc(rest)),
        // Everything below the smallest Ethernet type is a number of Linux's own.
        (_, 0..=0x05ff) => Err(Reason::EtherType(protocol)),
        _ => Ok(Layer::EtherType(protocol, rest)),
    }
}

/// Cisco's HDLC, or PPP in HDLC-like framing: the first octet tells which.
fn hdlc(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    match octets {
        [0x0f | 0x8f, _, rest @ ..] => ether::typed(rest),
        _ => Ok(Layer::Ppp(octets)),
    }
}

/// The header Apple's pktap interfaces put in front, always little-endian: its length, and the link type behind it.
fn packet_tap(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    let (header, _) = octets.split_first_chunk::<12>().ok_or(Reason::LinkHeaderCut)?;
    let [a, b, c, d, _, _, _, _, low, high, 0, 0] = *header else { return Err(Reason::LinkHeaderMalformed) };
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let rest = after(octets, length.max(header.len()))?;
    match u16::from_le_bytes([low, high]) {
        PKTAP | USER_2 => Err(Reason::LinkHeaderMalformed),
        link_type => first_layer(LinkType(link_type), rest),
    }
}

/// What follows `count` octets.
fn after(octets: &[u8], count: usize) -> Result<&[u8], Reason> {
    octets.get(count..).ok_or(Reason::LinkHeaderCut)
}

const NULL: u16 = 0;
const ETHERNET: u16 = 1;
const PPP: u16 = 9;
const RAW_BSD: u16 = 12;
const RAW_OPENBSD: u16 = 14;
const PPP_HDLC: u16 = 50;
const PPP_OVER_ETHERNET: u16 = 51;
const ATM_RFC1483: u16 = 100;
const RAW: u16 = 101;
const CISCO_HDLC: u16 = 104;
const LOOP: u16 = 108;
const LINUX_SLL: u16 = 113;
const USER_2: u16 = 149;
const PPP_PPPD: u16 = 166;
const PPP_WITH_DIRECTION: u16 = 204;
const RAW_IPV4: u16 = 228;
const RAW_IPV6: u16 = 229;
const PKTAP: u16 = 258;
const LINUX_SLL2: u16 = 276;

const PPP_ADDRESS: u8 = 0xff;
const PPP_CONTROL: u8 = 0x03;

/// IEEE 802.2 LLC in a cooked header.
const COOKED_LLC: u16 = 4;
const ARPHRD_FRAD: u16 = 770;
const ARPHRD_RADIOTAP: u16 = 803;
const ARPHRD_NETLINK: u16 = 824;
