//! Why a frame holds no datagram of interest.

use std::borrow::Cow;
use std::fmt;

/// Why a frame gave no datagram. Most are ordinary other traffic.
///
/// Cheap to copy and to count. There are at most about 132,000 distinct values, nearly all of them unknown link or
/// Ethernet types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A link type that is not decoded.
    LinkType(u16),
    /// The frame ends inside a link header.
    LinkHeaderCut,
    /// A link header makes no sense.
    LinkHeaderMalformed,
    /// An Ethernet type that is not decoded.
    EtherType(u16),
    /// Address resolution.
    Arp,
    /// IEEE 802.2 LLC for something else than IP; the destination service access point.
    Llc(u8),
    /// IEEE 802.3 with a SNAP header of a private protocol.
    Snap,
    /// A PPP protocol that is not decoded.
    Ppp(u16),
    /// MPLS around something that is neither IP nor Ethernet.
    Mpls,
    /// IEEE 802.1AE frame that is encrypted.
    MacsecEncrypted,
    /// The frame ends inside a tunnel header.
    TunnelHeaderCut,
    /// A tunnel header of an unknown version or with unknown fields.
    TunnelHeaderUnknown,
    /// Tunnels inside tunnels, more than are followed.
    TooDeep,
    /// The frame ends inside an IP header or an IPv6 extension header.
    IpHeaderCut,
    /// An IP header of impossible length.
    IpHeaderMalformed,
    /// Neither IPv4 nor IPv6 where one of them is announced.
    IpVersion,
    /// A transport protocol that is not decoded.
    IpProtocol(u8),
    /// TCP.
    Tcp,
    /// ICMP or ICMPv6.
    Icmp,
    /// An ICMP error that quotes a datagram from or to a port looked for: told of, but no traffic of its own.
    IcmpQuotesNtp,
    /// Encrypted by IPsec.
    Esp,
    /// IPv6 without a transport protocol (next header 59).
    NoNextHeader,
    /// A fragment that waits for others.
    FragmentHeld,
    /// A fragment that was cut by the capture, so its datagram cannot be put together.
    FragmentCut,
    /// A fragment that contradicts another of its datagram in where it ends, or of impossible size.
    FragmentMalformed,
    /// A fragment that overlaps another of its datagram with other octets; the datagram is dropped.
    FragmentsOverlap,
    /// A fragment inside a datagram put together from fragments.
    FragmentsNested,
    /// The frame ends inside the UDP header.
    UdpHeaderCut,
    /// A UDP length less than the 8 octets of its own header, on a port looked for.
    UdpLengthBelowHeader,
    /// UDP on other ports.
    UdpOtherPort,
}

impl Reason {
    /// A stable identifier in kebab case.
    pub fn code(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Reason::LinkType(number) => return Cow::Owned(format!("link-type-{number}")),
            Reason::EtherType(number) => return Cow::Owned(format!("ethertype-0x{number:04x}")),
            Reason::Llc(number) => return Cow::Owned(format!("llc-0x{number:02x}")),
            Reason::Ppp(number) => return Cow::Owned(format!("ppp-0x{number:04x}")),
            Reason::IpProtocol(number) => return Cow::Owned(format!("ip-protocol-{number}")),
            Reason::LinkHeaderCut => "link-header-cut",
            Reason::LinkHeaderMalformed => "link-header-malformed",
            Reason::Arp => "arp",
            Reason::Snap => "snap",
            Reason::Mpls => "mpls",
            Reason::MacsecEncrypted => "macsec-encrypted",
            Reason::TunnelHeaderCut => "tunnel-header-cut",
            Reason::TunnelHeaderUnknown => "tunnel-header-unknown",
            Reason::TooDeep => "too-deep",
            Reason::IpHeaderCut => "ip-header-cut",
            Reason::IpHeaderMalformed => "ip-header-malformed",
            Reason::IpVersion => "ip-version",
            Reason::Tcp => "tcp",
            Reason::Icmp => "icmp",
            Reason::IcmpQuotesNtp => "icmp-quotes-ntp",
            Reason::Esp => "esp",
            Reason::NoNextHeader => "ipv6-no-next-header",
            Reason::FragmentHeld => "ip-fragment-held",
            Reason::FragmentCut => "ip-fragment-cut",
            Reason::FragmentMalformed => "ip-fragment-malformed",
            Reason::FragmentsOverlap => "fragments-overlap",
            Reason::FragmentsNested => "fragments-nested",
            Reason::UdpHeaderCut => "udp-header-cut",
            Reason::UdpLengthBelowHeader => "udp-length-below-header",
            Reason::UdpOtherPort => "udp-other-port",
        })
    }

    /// Whether something was damaged, cut or beyond this program, rather than ordinary other traffic.
    pub fn is_trouble(self) -> bool {
        match self {
            Reason::LinkType(_)
            | Reason::LinkHeaderCut
            | Reason::LinkHeaderMalformed
            | Reason::TunnelHeaderCut
            | Reason::TunnelHeaderUnknown
            | Reason::TooDeep
            | Reason::IpHeaderCut
            | Reason::IpHeaderMalformed
            | Reason::IpVersion
            | Reason::FragmentCut
            | Reason::FragmentMalformed
            | Reason::FragmentsOverlap
            | Reason::FragmentsNested
            | Reason::UdpHeaderCut
            | Reason::UdpLengthBelowHeader => true,
            Reason::EtherType(_)
            | Reason::Arp
            | Reason::Llc(_)
            | Reason::Snap
            | Reason::Ppp(_)
            | Reason::Mpls
            | Reason::MacsecEncrypted
            | Reason::IpProtocol(_)
            | Reason::Tcp
            | Reason::Icmp
            | Reason::IcmpQuotesNtp
            | Reason::Esp
            | Reason::NoNextHeader
            | Reason::FragmentHeld
            | Reason::UdpOtherPort => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.code())
    }
}
