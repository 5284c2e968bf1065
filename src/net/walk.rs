//! The way through the layers of one frame, outside in.

use std::net::IpAddr;

use crate::capture::Frame;

use super::askers::Askers;
use super::datagram::Datagram;
use super::encapsulation::Encapsulation;
use super::fragments::Fragment;
use super::reason::Reason;
use super::{ether, icmp, ip, link, tunnel, udp};

/// What is at the end of the way.
pub(super) enum Found<'a> {
    Datagram(Datagram<'a>),
    Fragment(Fragment<'a>),
    Nothing(Reason),
}

/// A layer not yet read, with the octets from its header on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer<'a> {
    /// An Ethernet frame.
    Ethernet(&'a [u8]),
    /// What an Ethernet type announces. Up to 1500 the number is the length of an LLC frame.
    EtherType(u16, &'a [u8]),
    /// An IEEE 802.2 LLC frame.
    Llc(&'a [u8]),
    /// A PPP frame, with or without its address and control octets.
    Ppp(&'a [u8]),
    /// An IPv4 or IPv6 packet, told by its first octet.
    Ip(&'a [u8]),
    /// An IPv4 packet.
    Ipv4(&'a [u8]),
    /// An IPv6 packet.
    Ipv6(&'a [u8]),
    /// What an IP protocol number announces.
    Transport(u8, &'a [u8]),
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'p> {
    /// The ports.
    pub(super) ports: &'p [u16],
    /// Who has sent to one of them.
    pub(super) askers: &'p Askers,
}

/// What is known on the way down.
pub(super) struct Walk<'p> {
    /// What is looked for.
    pub(super) wanted: Wanted<'p>,
    /// Whether the capture kept less than the whole frame.
    pub(super) snapped: bool,
    /// What was passed.
    pub(super) encapsulation: Encapsulation,
    /// The innermost IP header passed.
    pub(super) ip: Addresses,
    /// Frames and packets inside others so far.
    depth: u8,
    /// Whether these octets were put together from fragments.
    whole: bool,
}

/// What a transport protocol needs to know of the IP header before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// How many octets the IP length announces beyond those at hand.
    pub(super) missing: usize,
    /// Whether the IP length says anything; if not, `missing` is zero.
    pub(super) length_known: bool,
    /// Whether a routing header means that `destination` is not the last one.
    pub(super) rerouted: bool,
}

impl<'p> Walk<'p> {
    /// A way that starts at a frame.
    #[inline]
    pub(super) fn new(wanted: Wanted<'p>, snapped: bool) -> Self {
        Self {
            wanted,
            snapped,
            encapsulation: Encapsulation::default(),
            ip: Addresses::NONE,
            depth: 0,
            whole: false,
        }
    }

    /// A way that goes on where `fragment` stopped, once the others are there.
    pub(super) fn reassembled(wanted: Wanted<'p>, fragment: &Fragment<'_>) -> Self {
        Self {
            wanted,
            snapped: false,
            encapsulation: fragment.encapsulation,
            ip: Addresses { missing: 0, ..fragment.ip },
            depth: fragment.depth,
            whole: true,
        }
    }

    /// Follows a frame from its link header on.
    #[inline]
    pub(super) fn frame<'a>(mut self, frame: &Frame<'a>) -> Found<'a> {
        match link::first_layer(frame.link_type, frame.octets) {
            Ok(layer) => self.follow(layer),
            Err(reason) => Found::Nothing(reason),
        }
    }

    /// Follows a datagram put together from fragments.
    pub(super) fn whole<'a>(mut self, protocol: u8, octets: &'a [u8]) -> Found<'a> {
        self.follow(Layer::Transport(protocol, octets))
    }

    /// Follows layers to the end. Each consumes octets, so this ends even where depth is not counted.
    #[inline]
    fn follow<'a>(&mut self, mut layer: Layer<'a>) -> Found<'a> {
        loop {
            let next = match layer {
                Layer::Ethernet(octets) => ether::ethernet(octets),
                Layer::EtherType(number, octets) => ether::ether_type(self, number, octets),
                Layer::Llc(octets) => ether::llc(octets),
                Layer::Ppp(octets) => link::ppp(octets),
                Layer::Ip(octets) => ip::either(octets),
                Layer::Ipv4(octets) => match ip::ipv4(self, octets) {
                    Ok(ip::Inside::Layer(layer)) => Ok(layer),
                    Ok(ip::Inside::Fragment(fragment)) => return self.fragment(fragment),
                    Err(reason) => Err(reason),
                },
                Layer::Ipv6(octets) => ip::ipv6(self, octets),
                Layer::Transport(ip::UDP, octets) => match udp::read(self, octets) {
                    Ok(udp::Inside::Datagram(datagram)) => return Found::Datagram(datagram),
                    Ok(udp::Inside::Tunnel(layer)) => Ok(layer),
                    Err(reason) => Err(reason),
                },
                Layer::Transport(ip::IPV6_FRAGMENT, octets) => match ip::ipv6_fragment(self, octets) {
                    Ok(ip::Inside::Layer(layer)) => Ok(layer),
                    Ok(ip::Inside::Fragment(fragment)) => return self.fragment(fragment),
                    Err(reason) => Err(reason),
                },
                Layer::Transport(protocol, octets) => self.transport(protocol, octets),
            };
            match next {
                Ok(next) => layer = next,
                Err(reason) => return Found::Nothing(reason),
            }
        }
    }

    /// A fragment, unless it is inside a datagram that was itself put together.
    fn fragment<'a>(&self, fragment: Fragment<'a>) -> Found<'a> {
        match self.whole {
            true => Found::Nothing(Reason::FragmentsNested),
            false => Found::Fragment(Fragment { depth: self.depth, ..fragment }),
        }
    }

    /// What an IP protocol other than UDP holds.
    #[inline]
    fn transport<'a>(&mut self, protocol: u8, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
        match protocol {
            ip::TCP => Err(Reason::Tcp),
            ip::ICMP | ip::ICMPV6 => Err(icmp::reason(self.wanted.ports, protocol, octets)),
            ip::ESP => Err(Reason::Esp),
            ip::IPV6_NO_NEXT => Err(Reason::NoNextHeader),
            ip::IPV4_IN_IP => {
                self.descend(Encapsulation::IP_IN_IP)?;
                Ok(Layer::Ipv4(octets))
            }
            ip::IPV6_IN_IP => {
                self.descend(Encapsulation::IP_IN_IP)?;
                Ok(Layer::Ipv6(octets))
            }
            ip::GRE => tunnel::gre(self, octets),
            ip::AUTHENTICATION_HEADER => ip::authentication_header(self, octets),
            ip::IPV6_HOP_BY_HOP | ip::IPV6_ROUTING | ip::IPV6_DESTINATION => {
                ip::ipv6_extension(self, protocol, octets)
            }
            other => Err(Reason::IpProtocol(other)),
        }
    }

    /// Goes one tunnel deeper.
    pub(super) fn descend(&mut self, wrapping: Encapsulation) -> Result<(), Reason> {
        self.encapsulation.add(wrapping);
        self.depth += 1;
        if self.depth > DEEPEST { Err(Reason::TooDeep) } else { Ok(()) }
    }

    /// Whether a datagram between these ports is looked for.
    #[inline]
    pub(super) fn wants(&self, source: u16, destination: u16) -> bool {
        wants(self.wanted.ports, source, destination)
    }
}

/// Whether one of two ports is among `ports`.
#[inline]
pub(super) fn wants(ports: &[u16], source: u16, destination: u16) -> bool {
    ports.iter().any(|port| *port == destination || *port == source)
}

impl Addresses {
    /// Before the first IP header.
    const NONE: Self = Self {
        source: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        destination: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        missing: 0,
        length_known: false,
        rerouted: false,
    };
}

/// Tunnels that are followed.
const DEEPEST: u8 = 8;
