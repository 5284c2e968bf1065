//! IPv4, IPv6 and its extension headers.

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, err,
};

use super::encapsulation::Encapsulation;
use super::fragments::{Fragment, Identity};
use super::reason::Reason;
use super::walk::{Addresses, Layer, Walk};

/// What is inside a header that may announce a fragment.
pub(super) enum Inside<'a> {
    Layer(Layer<'a>),
    Fragment(Fragment<'a>),
}

/// An IP packet of the version its first octet names.
#[inline]
pub(super) fn either(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    match octets.first().map(|octet| octet >> 4) {
        Some(4) => Ok(Layer::Ipv4(octets)),
        Some(6) => Ok(Layer::Ipv6(octets)),
        Some(_) => Err(Reason::IpVersion),
        None => Err(Reason::IpHeaderCut),
    }
}

/// An IPv4 packet (RFC 791).
#[inline]
pub(super) fn ipv4<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Inside<'a>, Reason> {
    let header = Ipv4HeaderSlice::from_slice(octets).map_err(|error| match error {
        err::ipv4::HeaderSliceError::Len(_) if octets.first().is_some_and(|octet| octet >> 4 != 4) => {
            Reason::IpVersion
        }
        err::ipv4::HeaderSliceError::Len(_) => Reason::IpHeaderCut,
        err::ipv4::HeaderSliceError::Content(err::ipv4::HeaderError::UnexpectedVersion { .. }) => {
            Reason::IpVersion
        }
        err::ipv4::HeaderSliceError::Content(_) => Reason::IpHeaderMalformed,
    })?;
    let header_length = header.slice().len();
    let total = usize::from(header.total_len());
    // Zero is what the kernel writes before segmentation is handed to the card: all that was captured belongs to it.
    // With another length too small for the header no receiver takes the packet.
    if (1..header_length).contains(&total) {
        return Err(Reason::IpHeaderMalformed);
    }
    let end = if total == 0 { octets.len() } else { total };
    let payload = octets.get(header_length..end.min(octets.len())).unwrap_or_default();
    walk.ip = Addresses {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        missing: end.saturating_sub(octets.len()),
        length_known: total > 0,
        rerouted: false,
    };
    let protocol = header.protocol().0;
    if header.is_fragmenting_payload() {
        can_hold_udp(protocol)?;
        return Ok(Inside::Fragment(Fragment {
            identity: Identity::V4(header.identification()),
            protocol,
            offset: header.fragments_offset(),
            more: header.more_fragments(),
            octets: payload,
            ..Fragment::of(walk)
        }));
    }
    Ok(Inside::Layer(Layer::Transport(protocol, payload)))
}

/// An IPv6 packet (RFC 8200).
#[inline]
pub(super) fn ipv6<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
    let header = Ipv6HeaderSlice::from_slice(octets).map_err(|error| match error {
        err::ipv6::HeaderSliceError::Len(_) if octets.first().is_some_and(|octet| octet >> 4 != 6) => {
            Reason::IpVersion
        }
        err::ipv6::HeaderSliceError::Len(_) => Reason::IpHeaderCut,
        err::ipv6::HeaderSliceError::Content(_) => Reason::IpVersion,
    })?;
    let rest = octets.get(header.slice().len()..).unwrap_or_default();
    // Zero is a jumbogram or a packet not yet segmented: all that was captured belongs to it.
    let length = match header.payload_length() {
        0 => rest.len(),
        length => usize::from(length),
    };
    walk.ip = Addresses {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        missing: length.saturating_sub(rest.len()),
        length_known: header.payload_length() != 0,
        rerouted: false,
    };
    Ok(Layer::Transport(header.next_header().0, rest.get(..length).unwrap_or(rest)))
}

/// A hop-by-hop, routing or destination options header. Their order is not checked.
pub(super) fn ipv6_extension<'a>(
    walk: &mut Walk<'_>,
    protocol: u8,
    octets: &'a [u8],
) -> Result<Layer<'a>, Reason> {
    let header = Ipv6RawExtHeaderSlice::from_slice(octets).map_err(|_| Reason::IpHeaderCut)?;
    // Routing headers carry the number of segments left in their fourth octet.
    if protocol == IPV6_ROUTING && octets.get(3).is_some_and(|left| *left > 0) {
        walk.ip.rerouted = true;
    }
    Ok(Layer::Transport(header.next_header().0, octets.get(header.slice().len()..).unwrap_or_default()))
}

/// An authentication header (RFC 4302): its digest is not ours to check.
pub(super) fn authentication_header<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
    let header = IpAuthHeaderSlice::from_slice(octets).map_err(|error| match error {
        err::ip_auth::HeaderSliceError::Len(_) => Reason::IpHeaderCut,
        err::ip_auth::HeaderSliceError::Content(_) => Reason::IpHeaderMalformed,
    })?;
    walk.encapsulation.add(Encapsulation::AUTHENTICATION_HEADER);
    Ok(Layer::Transport(header.next_header().0, octets.get(header.slice().len()..).unwrap_or_default()))
}

/// A fragment header (RFC 8200 section 4.5). One that says "first and last" leaves the packet as it is (RFC 6946).
pub(super) fn ipv6_fragment<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Inside<'a>, Reason> {
    let header = Ipv6FragmentHeaderSlice::from_slice(octets).map_err(|_| Reason::IpHeaderCut)?;
    let payload = octets.get(header.slice().len()..).unwrap_or_default();
    let protocol = header.next_header().0;
    if !header.is_fragmenting_payload() {
        return Ok(Inside::Layer(Layer::Transport(protocol, payload)));
    }
    can_hold_udp(protocol)?;
    Ok(Inside::Fragment(Fragment {
        identity: Identity::V6(header.identification()),
        protocol,
        offset: header.fragment_offset(),
        more: header.more_fragments(),
        octets: payload,
        ..Fragment::of(walk)
    }))
}

/// Refuses fragments of protocols that are given up anyway, before anything is held for them.
fn can_hold_udp(protocol: u8) -> Result<(), Reason> {
    match protocol {
        TCP => Err(Reason::Tcp),
        ICMP | ICMPV6 => Err(Reason::Icmp),
        ESP => Err(Reason::Esp),
        IPV6_NO_NEXT => Err(Reason::NoNextHeader),
        UDP
        | GRE
        | IPV4_IN_IP
        | IPV6_IN_IP
        | AUTHENTICATION_HEADER
        | IPV6_HOP_BY_HOP
        | IPV6_ROUTING
        | IPV6_DESTINATION => Ok(()),
        other => Err(Reason::IpProtocol(other)),
    }
}

pub(super) const IPV6_HOP_BY_HOP: u8 = 0;
pub(super) const ICMP: u8 = 1;
pub(super) const IPV4_IN_IP: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const IPV6_IN_IP: u8 = 41;
pub(super) const IPV6_ROUTING: u8 = 43;
pub(super) const IPV6_FRAGMENT: u8 = 44;
pub(super) const GRE: u8 = 47;
pub(super) const ESP: u8 = 50;
pub(super) const AUTHENTICATION_HEADER: u8 = 51;
pub(super) const ICMPV6: u8 = 58;
pub(super) const IPV6_NO_NEXT: u8 = 59;
pub(super) const IPV6_DESTINATION: u8 = 60;
