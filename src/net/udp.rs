//! UDP (RFC 768), and the tunnels told by a UDP port.

use std::net::{IpAddr, SocketAddr};

use etherparse::{UdpHeader, UdpHeaderSlice};

use super::datagram::{Checksum, Datagram, Shortfall};
use super::reason::Reason;
use super::tunnel;
use super::walk::{Layer, Walk, Wanted};

/// What a UDP datagram turns out to be.
pub(super) enum Inside<'a> {
    Datagram(Datagram<'a>),
    Tunnel(Layer<'a>),
}

/// Reads a datagram if it is from or to a port looked for, or a tunnel.
#[inline]
pub(super) fn read<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Inside<'a>, Reason> {
    let Ok(header) = UdpHeaderSlice::from_slice(octets) else { return Err(cut(walk, octets)) };
    let (source, destination) = (header.source_port(), header.destination_port());
    let ends = (SocketAddr::new(walk.ip.source, source), SocketAddr::new(walk.ip.destination, destination));
    let Wanted { ports, askers } = walk.wanted;
    if ports.contains(&destination) && !ports.contains(&source) {
        askers.note(ends.0);
    }
    let is_wanted = walk.wants(source, destination)
        || askers.may_be_answered(ends.1, octets.get(HEADER..).unwrap_or_default());
    if !is_wanted {
        // What follows the datagram in its packet is not carried by it. A length that says nothing ends nothing.
        let end = match usize::from(header.length()) {
            length if length < HEADER => octets.len(),
            length => length.min(octets.len()),
        };
        let payload = octets.get(HEADER..end).unwrap_or_default();
        return match destination {
            tunnel::VXLAN_PORT | tunnel::VXLAN_PORT_LINUX => tunnel::vxlan(walk, payload).map(Inside::Tunnel),
            tunnel::GENEVE_PORT => tunnel::geneve(walk, payload).map(Inside::Tunnel),
            _ => Err(Reason::UdpOtherPort),
        };
    }
    let announced = octets.len() + walk.ip.missing;
    let length = match (usize::from(header.length()), walk.ip.source) {
        // Over IPv6 zero stands for the length of the packet (RFC 2675 section 4).
        (0, IpAddr::V6(_)) => announced,
        (length, _) if length < HEADER => return Err(Reason::UdpLengthBelowHeader),
        (length, _) => length,
    };
    let datagram = octets.get(..length).unwrap_or(octets);
    let payload = datagram.get(HEADER..).unwrap_or_default();
    let shortfall = shortfall(walk, datagram.len(), length, announced);
    Ok(Inside::Datagram(Datagram {
        source: ends.0,
        destination: ends.1,
        octets: payload,
        length: length - HEADER,
        shortfall,
        checksum: checksum(walk, &header.to_header(), payload, shortfall.is_none()),
        encapsulation: walk.encapsulation,
        fragments: &[],
    }))
}

/// Why `present` octets of a datagram are fewer than its `length`, in an IP packet that has room for `announced`.
fn shortfall(walk: &Walk<'_>, present: usize, length: usize, announced: usize) -> Option<Shortfall> {
    let beyond_ip = length > announced;
    if present == length {
        None
    } else if walk.snapped && !(beyond_ip && walk.ip.length_known) {
        Some(Shortfall::Snapped)
    } else if beyond_ip {
        Some(Shortfall::UdpLength)
    } else {
        Some(Shortfall::IpLength)
    }
}

/// The reason for a datagram of which not even the header was captured.
fn cut(walk: &Walk<'_>, octets: &[u8]) -> Reason {
    match octets.first_chunk::<4>() {
        Some(&[a, b, c, d]) if !walk.wants(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])) => {
            Reason::UdpOtherPort
        }
        _ => Reason::UdpHeaderCut,
    }
}

/// Compares the checksum, where everything that goes into it is known.
fn checksum(walk: &Walk<'_>, header: &UdpHeader, payload: &[u8], complete: bool) -> Checksum {
    let expected = match (walk.ip.source, walk.ip.destination) {
        (IpAddr::V4(_), _) if header.checksum == 0 => return Checksum::Absent,
        _ if !complete || walk.ip.rerouted => return Checksum::Unchecked,
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            header.calc_checksum_ipv6_raw(source.octets(), destination.octets(), payload)
        }
        _ => return Checksum::Unchecked,
    };
    match (header.checksum, expected) {
        (_, Err(_)) => Checksum::Unchecked,
        (found, Ok(expected)) if found == expected => Checksum::Correct,
        (found, Ok(expected)) => Checksum::Wrong { found, expected },
    }
}

/// Octets of a UDP header.
const HEADER: usize = UdpHeader::LEN;
