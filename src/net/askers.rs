//! Who has sent to a port looked for: what comes to it from another port is of interest too.
//!
//! A server that answers from another port than was asked, or somebody who poses as one, is seen so.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};

/// Senders that are remembered; each has one place, and the next one of that place takes it.
const PLACES: usize = 1_024;

/// Octets of the shortest reply that is looked for.
const SHORTEST: usize = 48;

/// The last senders, by place.
#[derive(Debug)]
pub(super) struct Askers {
    places: Box<[Cell<Option<SocketAddr>>]>,
}

impl Default for Askers {
    fn default() -> Self {
        Askers { places: (0..PLACES).map(|_| Cell::new(None)).collect() }
    }
}

impl Askers {
    /// Remembers a sender.
    #[inline]
    pub(super) fn note(&self, sender: SocketAddr) {
        if let Some(place) = self.places.get(place_of(sender)) {
            place.set(Some(sender));
        }
    }

    /// True for what a sender who is remembered may have been answered with from another port: a message of a server,
    /// and not some other protocol's.
    #[inline]
    pub(super) fn may_be_answered(&self, destination: SocketAddr, payload: &[u8]) -> bool {
        const SERVER: u8 = 4;
        let is_reply = payload.len() >= SHORTEST
            && payload
                .first()
                .is_some_and(|flags| flags & 7 == SERVER && (1..=4).contains(&(flags >> 3 & 7)));
        is_reply
            && self.places.get(place_of(destination)).is_some_and(|place| place.get() == Some(destination))
    }
}

/// The place of an address and port.
fn place_of(address: SocketAddr) -> usize {
    let ip = match address.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.segments().iter().fold(0, |sum, part| sum * 31 + u64::from(*part)),
    };
    let mixed = (ip ^ u64::from(address.port()) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 54).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_reply_to_somebody_who_asked_is_one() {
        let askers = Askers::default();
        let asker: SocketAddr = "10.0.0.2:40000".parse().unwrap();
        let mut reply = [0; 48];
        reply[0] = 0x24;
        assert!(!askers.may_be_answered(asker, &reply));
        askers.note(asker);
        assert!(askers.may_be_answered(asker, &reply));
        assert!(!askers.may_be_answered("10.0.0.2:40001".parse().unwrap(), &reply));
        assert!(!askers.may_be_answered(asker, &reply[..47]));
        for flags in [0x23, 0x04, 0x2c, 0x16] {
            reply[0] = flags;
            assert!(!askers.may_be_answered(asker, &reply), "{flags:#x}");
        }
    }

    #[test]
    fn every_address_has_a_place() {
        for address in ["0.0.0.0:0", "255.255.255.255:65535", "[::]:1", "[ffff::ffff]:65535", "10.0.0.1:123"]
        {
            assert!(place_of(address.parse().unwrap()) < PLACES);
        }
    }
}
