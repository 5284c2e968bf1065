//! A UDP datagram as it was on the wire.

use std::net::SocketAddr;

use super::encapsulation::Encapsulation;

/// A UDP datagram found in a frame, or put together from fragments.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Address and port of the sender.
    pub source: SocketAddr,
    /// Address and port of the receiver.
    pub destination: SocketAddr,
    /// The payload as far as it was captured, never more than `length` octets: what follows it in the frame
    /// (padding, frame check sequence) is not part of it.
    pub octets: &'a [u8],
    /// Length of the payload by the UDP header, in octets. Larger than `octets` when the capture cut it.
    pub length: usize,
    /// Why there are fewer octets than `length`; `None` when they are all there.
    pub shortfall: Option<Shortfall>,
    /// What the UDP checksum says. Never a reason not to read on: sending hosts often leave it to the card.
    pub checksum: Checksum,
    /// What the datagram was wrapped in besides a plain link header.
    pub encapsulation: Encapsulation,
    /// The numbers of the frames it was put together from, in order of arrival; empty when it was not fragmented.
    pub fragments: &'a [u64],
}

/// Why fewer octets of a datagram are at hand than its length says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shortfall {
    /// The capture kept only the beginning of the frame (snap length).
    Snapped,
    /// The UDP length reaches beyond the IP packet around it: no receiver would take this datagram.
    UdpLength,
    /// The IP length reaches beyond the frame, though the capture claims to have kept all of it.
    IpLength,
}

impl Shortfall {
    /// A stable identifier in kebab case.
    pub fn code(self) -> &'static str {
        match self {
            Shortfall::Snapped => "snapped",
            Shortfall::UdpLength => "udp-length-beyond-ip",
            Shortfall::IpLength => "ip-length-beyond-frame",
        }
    }
}

/// What the UDP checksum of a datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// It fits.
    Correct,
    /// It does not: damage on the way, or a capture at the sender before the card filled it in. Over IPv6 this
    /// includes zero, which RFC 8200 section 8.1 does not allow.
    Wrong {
        /// What the datagram has.
        found: u16,
        /// What it should have.
        expected: u16,
    },
    /// The sender gave none (zero over IPv4, RFC 768).
    Absent,
    /// Not known: octets are missing, or a routing header hides the address it is made with.
    Unchecked,
}
