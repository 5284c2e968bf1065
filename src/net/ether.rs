//! Ethernet, and what its types announce before IP is reached.

use super::encapsulation::Encapsulation;
use super::link;
use super::reason::Reason;
use super::walk::{Layer, Walk};

/// An Ethernet frame: two addresses, then a type or length.
#[inline]
pub(super) fn ethernet(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    typed(octets.get(12..).unwrap_or_default())
}

/// A type, then what it announces.
#[inline]
pub(super) fn typed(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    let (number, rest) = octets.split_first_chunk().ok_or(Reason::LinkHeaderCut)?;
    Ok(Layer::EtherType(u16::from_be_bytes(*number), rest))
}

/// What an Ethernet type announces.
#[inline]
pub(super) fn ether_type<'a>(
    walk: &mut Walk<'_>,
    number: u16,
    octets: &'a [u8],
) -> Result<Layer<'a>, Reason> {
    match number {
        IPV4 => Ok(Layer::Ipv4(octets)),
        IPV6 => Ok(Layer::Ipv6(octets)),
        ARP => Err(Reason::Arp),
        VLAN | VLAN_SERVICE | VLAN_9100 | VLAN_9200 => {
            walk.encapsulation.add(Encapsulation::VLAN);
            typed(octets.get(2..).unwrap_or_default())
        }
        VN_TAG => {
            walk.encapsulation.add(Encapsulation::VN_TAG);
            typed(octets.get(4..).unwrap_or_default())
        }
        BACKBONE => {
            walk.descend(Encapsulation::BACKBONE)?;
            octets.get(4..).map(Layer::Ethernet).ok_or(Reason::LinkHeaderCut)
        }
        MACSEC => macsec(walk, octets),
        MPLS | MPLS_UPSTREAM => mpls(walk, octets),
        PPPOE_SESSION => {
            walk.encapsulation.add(Encapsulation::PPPOE);
            link::pppoe(octets)
        }
        0..=LONGEST_LENGTH => {
            let length = usize::from(number);
            Ok(Layer::Llc(octets.get(..length).unwrap_or(octets)))
        }
        other => Err(Reason::EtherType(other)),
    }
}

/// IEEE 802.2, with SNAP behind it or IP directly.
pub(super) fn llc(octets: &[u8]) -> Result<Layer<'_>, Reason> {
    match octets {
        [0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, high, low, rest @ ..] => {
            match u16::from_be_bytes([*high, *low]) {
                // A length has no business here, and following it would lead back to this place.
                0..=LONGEST_LENGTH => Err(Reason::Snap),
                number => Ok(Layer::EtherType(number, rest)),
            }
        }
        [0xaa, 0xaa, 0x03, _, _, _, _, _, ..] => Err(Reason::Snap),
        [0x06, 0x06, 0x03, rest @ ..] => Ok(Layer::Ipv4(rest)),
        [_] | [_, _] | [] => Err(Reason::LinkHeaderCut),
        [0xaa, 0xaa, 0x03, ..] => Err(Reason::LinkHeaderCut),
        [destination, ..] => Err(Reason::Llc(*destination)),
    }
}

/// IEEE 802.1AE. Without encryption the frame stands in it readable, followed by a check value.
fn macsec<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
    let control = *octets.first().ok_or(Reason::LinkHeaderCut)?;
    if control & (MACSEC_ENCRYPTED | MACSEC_CHANGED) != 0 {
        return Err(Reason::MacsecEncrypted);
    }
    walk.encapsulation.add(Encapsulation::MACSEC);
    let header = if control & MACSEC_CHANNEL != 0 { 14 } else { 6 };
    typed(octets.get(header..).unwrap_or_default())
}

/// MPLS (RFC 3032): labels down to the bottom of the stack, then IP, or Ethernet as a pseudowire (RFC 4385).
fn mpls<'a>(walk: &mut Walk<'_>, octets: &'a [u8]) -> Result<Layer<'a>, Reason> {
    walk.descend(Encapsulation::MPLS)?;
    link::labelled(octets)
}

/// Numbers up to this are the length of an IEEE 802.3 frame.
const LONGEST_LENGTH: u16 = 1500;

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const VLAN: u16 = 0x8100;
const IPV6: u16 = 0x86dd;
const MPLS: u16 = 0x8847;
const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const VLAN_SERVICE: u16 = 0x88a8;
const MACSEC: u16 = 0x88e5;
const BACKBONE: u16 = 0x88e7;
const VN_TAG: u16 = 0x8926;
const VLAN_9100: u16 = 0x9100;
const VLAN_9200: u16 = 0x9200;

const MACSEC_CHANNEL: u8 = 0x20;
const MACSEC_ENCRYPTED: u8 = 0x08;
const MACSEC_CHANGED: u8 = 0x04;
