//! ICMP and ICMPv6, which are no traffic of interest but may quote some.

use etherparse::{LaxIpSlice, UdpHeaderSlice};

use super::ip;
use super::reason::Reason;
use super::walk::wants;

/// Whether an ICMP message is an error that quotes a datagram from or to one of `ports`.
///
/// A quote is the beginning of a packet that was sent, so it is never traffic of its own.
pub(super) fn reason(ports: &[u16], protocol: u8, octets: &[u8]) -> Reason {
    match quoted_ports(protocol, octets) {
        Some((source, destination)) if wants(ports, source, destination) => Reason::IcmpQuotesNtp,
        _ => Reason::Icmp,
    }
}

/// The UDP ports in the packet that an ICMP error quotes.
fn quoted_ports(protocol: u8, octets: &[u8]) -> Option<(u16, u16)> {
    let (header, quote) = octets.split_first_chunk::<8>()?;
    let [kind, ..] = header;
    let is_error = match protocol {
        // Unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792).
        ip::ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        // Unreachable, too big, time exceeded, parameter problem (RFC 4443).
        _ => matches!(kind, 1..=4),
    };
    let (packet, _) = LaxIpSlice::from_slice(quote).ok().filter(|_| is_error)?;
    let payload = packet.payload();
    if payload.ip_number.0 != ip::UDP {
        return None;
    }
    // A quoted later fragment has no ports; what stands in their place must not be taken for them.
    let begins = match &packet {
        LaxIpSlice::Ipv4(packet) => packet.header().fragments_offset().value() == 0,
        LaxIpSlice::Ipv6(_) => !payload.fragmented,
    };
    let header = UdpHeaderSlice::from_slice(payload.payload).ok().filter(|_| begins)?;
    Some((header.source_port(), header.destination_port()))
}
