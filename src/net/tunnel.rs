//! GRE with what travels in it, VXLAN, Geneve.

use super::encapsulation::Encapsulation;
use super::reason::Reason;
use super::walk::{Layer, Walk};

/// GRE version 0 (RFC 2784, RFC 2890) and 1 (PPTP, RFC 2637).
pub(super) fn gre<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
    walk.descend(Encapsulation::GRE)?;
    let (&[flags, version, high, low], rest) = octets.split_first_chunk().ok_or(Reason::TunnelHeaderCut)?;
    let protocol = u16::from_be_bytes([high, low]);
    let has = |flag: u8| flags & flag != 0;
    let word = |present: bool| if present { 4 } else { 0 };
    // A source route (RFC 1701) has a length only its own walk would tell, and nobody sends one.
    if has(GRE_ROUTING) {
        return Err(Reason::TunnelHeaderUnknown);
    }
    let optional = match version & 0b111 {
        0 => word(has(GRE_CHECKSUM)) + word(has(GRE_KEY)) + word(has(GRE_SEQUENCE)),
        1 => word(has(GRE_KEY)) + word(has(GRE_SEQUENCE)) + word(version & GRE_ACKNOWLEDGEMENT != 0),
        _ => return Err(Reason::TunnelHeaderUnknown),
    };
    let rest = rest.get(optional..).ok_or(Reason::TunnelHeaderCut)?;
    match protocol {
        ETHERNET => Ok(Layer::Ethernet(rest)),
        PPP => Ok(Layer::Ppp(rest)),
        // Type I has no header of its own, and no sequence number either.
        ERSPAN if !has(GRE_SEQUENCE) => erspan(walk, rest, 0),
        ERSPAN => erspan(walk, rest, 8),
        ERSPAN_3 => {
            // The lowest bit of the header announces 8 more octets.
            let longer = rest.get(11).is_some_and(|octet| octet & 1 == 1);
            erspan(walk, rest, if longer { 20 } else { 12 })
        }
        other => Ok(Layer::EtherType(other, rest)),
    }
}

/// A mirrored Ethernet frame after `header` octets.
fn erspan<'a>(walk: &mut Walk<'_>, octets: &'a [u8], header: usize) -> Result<Layer<'a>, Reason> {
    walk.encapsulation.add(Encapsulation::ERSPAN);
    octets.get(header..).map(Layer::Ethernet).ok_or(Reason::TunnelHeaderCut)
}

/// VXLAN (RFC 7348).
pub(super) fn vxlan<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
    walk.descend(Encapsulation::VXLAN)?;
    let (&[flags, ..], rest) = octets.split_first_chunk::<8>().ok_or(Reason::TunnelHeaderCut)?;
    if flags & 0x08 == 0 { Err(Reason::TunnelHeaderUnknown) } else { Ok(Layer::Ethernet(rest)) }
}

/// Geneve (RFC 8926).
pub(super) fn geneve<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
    walk.descend(Encapsulation::GENEVE)?;
    let (&[first, _, high, low, ..], rest) =
        octets.split_first_chunk::<8>().ok_or(Reason::TunnelHeaderCut)?;
    if first >> 6 != 0 {
        return Err(Reason::TunnelHeaderUnknown);
    }
    let rest = rest.get(usize::from(first & 0x3f) * 4..).ok_or(Reason::TunnelHeaderCut)?;
    match u16::from_be_bytes([high, low]) {
        ETHERNET => Ok(Layer::Ethernet(rest)),
        other => Ok(Layer::EtherType(other, rest)),
    }
}

/// The destination port of VXLAN.
pub(super) const VXLAN_PORT: u16 = 4789;
/// The one Linux had before, which flannel still uses.
pub(super) const VXLAN_PORT_LINUX: u16 = 8472;
/// The destination port of Geneve.
pub(super) const GENEVE_PORT: u16 = 6081;

/// Whether datagrams to `port` are taken for a tunnel.
pub(super) fn is_port(port: u16) -> bool {
    matches!(port, VXLAN_PORT | VXLAN_PORT_LINUX | GENEVE_PORT)
}

const GRE_CHECKSUM: u8 = 0x80;
const GRE_ROUTING: u8 = 0x40;
const GRE_KEY: u8 = 0x20;
const GRE_SEQUENCE: u8 = 0x10;
/// In the second octet, version 1 only.
const GRE_ACKNOWLEDGEMENT: u8 = 0x80;

const ETHERNET: u16 = 0x6558;
const PPP: u16 = 0x880b;
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
