//! A datagram to a packet: what a capture of one's own traffic is made of.

use std::net::{IpAddr, SocketAddr};

use etherparse::PacketBuilder;

/// Writes the IP packet that carries `payload` from `source` to `destination` in one datagram: headers without
/// options, checksums as they must be. To be captured as raw IP (`LINKTYPE_RAW`). Replaces what `octets` holds.
///
/// # Errors
/// Addresses of two families, or a payload that is too long for a datagram; `octets` is empty then.
pub fn udp_packet(
    source: SocketAddr,
    destination: SocketAddr,
    payload: &[u8],
    octets: &mut Vec<u8>,
) -> Result<(), NoPacket> {
    octets.clear();
    let builder = match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), HOPS),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), HOPS),
        _ => return Err(NoPacket::TwoFamilies),
    };
    let written = builder.udp(source.port(), destination.port()).write_to_vec(octets, payload);
    written.map_err(|_| {
        octets.clear();
        NoPacket::TooLong(payload.len())
    })
}

/// Why a packet cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPacket {
    /// One address is of IPv4, the other of IPv6.
    #[error("a packet has addresses of one family")]
    TwoFamilies,
    /// So many octets do not fit.
    #[error("{0} octets are too many for a datagram")]
    TooLong(usize),
}

/// What hosts usually begin with.
const HOPS: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_packet_has_lengths_and_checksums_that_hold() {
        let mut octets = vec![1];
        let (source, destination) = ("192.0.2.1:123".parse().unwrap(), "192.0.2.2:40000".parse().unwrap());
        udp_packet(source, destination, &[0xab; 3], &mut octets).unwrap();
        let (length, protocol) = (&octets[2..4], octets[9]);
        assert_eq!((octets.len(), length, protocol, octets[0]), (31, &[0, 31][..], 17, 0x45));
        assert_eq!(&octets[20..26], [0, 123, 0x9c, 0x40, 0, 11]);
        assert_eq!(sum(&octets[..20], 0), 0xffff);
        let pseudo = sum(&octets[12..20], 17 + 11);
        assert_eq!(sum(&octets[20..], pseudo), 0xffff);
    }

    #[test]
    fn an_ipv6_packet_has_lengths_and_checksums_that_hold() {
        let mut octets = Vec::new();
        let (source, destination) =
            ("[2001:db8::1]:123".parse().unwrap(), "[2001:db8::2]:9".parse().unwrap());
        udp_packet(source, destination, &[7; 48], &mut octets).unwrap();
        assert_eq!((octets.len(), octets[0] >> 4, &octets[4..7]), (96, 6, &[0, 56, 17][..]));
        let pseudo = sum(&octets[8..40], 17 + 56);
        assert_eq!(sum(&octets[40..], pseudo), 0xffff);
    }

    #[test]
    fn what_fits_no_packet_makes_none() {
        let mut octets = Vec::new();
        let (v4, v6) = ("192.0.2.1:123".parse().unwrap(), "[2001:db8::1]:123".parse().unwrap());
        assert_eq!(udp_packet(v4, v6, &[], &mut octets), Err(NoPacket::TwoFamilies));
        assert_eq!(udp_packet(v4, v4, &[0; 65_536], &mut octets), Err(NoPacket::TooLong(65_536)));
        assert!(octets.is_empty());
    }

    /// RFC 1071, one octet at a time.
    fn sum(octets: &[u8], before: u32) -> u32 {
        let mut sum = before;
        for (index, octet) in octets.iter().enumerate() {
            sum += u32::from(*octet) << if index % 2 == 0 { 8 } else { 0 };
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum
    }
}
