//! Frames to UDP datagrams: link headers, tunnels, IP, fragments, UDP.
//!
//! A [`Decoder`] looks at one [`Frame`] at a time and says either which datagram it holds or why it holds none of
//! interest. Every octet is untrusted: what makes no sense is a [`Reason`], never an error.

mod askers;
mod build;
mod datagram;
mod encapsulation;
mod ether;
mod fragments;
mod icmp;
mod ip;
mod link;
mod reason;
mod tunnel;
mod udp;
mod walk;

use crate::capture::Frame;

pub use build::{NoPacket, udp_packet};
pub use datagram::{Checksum, Datagram, Shortfall};
pub use encapsulation::Encapsulation;
pub use fragments::FragmentCounts;
pub use reason::Reason;

use askers::Askers;
use fragments::Fragments;
use walk::{Found, Walk, Wanted};

/// Finds datagrams to or from given ports in frames.
#[derive(Debug)]
pub struct Decoder {
    ports: Vec<u16>,
    askers: Askers,
    fragments: Fragments,
}

/// What a frame holds.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// A datagram from or to one of the ports looked for.
    Datagram(Datagram<'a>),
    /// Something else, or something that cannot be read.
    Undecoded(Reason),
}

impl Decoder {
    /// Looks for datagrams whose source or destination port is one of `ports`, and for what looks like a server's
    /// message to somebody who has sent to one of them.
    pub fn new(ports: &[u16]) -> Self {
        Self { ports: ports.to_vec(), askers: Askers::default(), fragments: Fragments::default() }
    }

    /// The datagram in `frame`, or why there is none.
    ///
    /// A fragmented datagram is found in the frame that completes it; its octets are then held here until the next
    /// call. Nothing is allocated for other frames.
    #[inline]
    pub fn decode<'s>(&'s mut self, frame: &Frame<'s>) -> Decoded<'s> {
        let wanted = Wanted { ports: &self.ports, askers: &self.askers };
        let walk = Walk::new(wanted, frame.octets.len() < capped(frame.original_length));
        let fragment = match walk.frame(frame) {
            Found::Datagram(datagram) => return Decoded::Datagram(datagram),
            Found::Nothing(reason) => return Decoded::Undecoded(reason),
            Found::Fragment(fragment) => fragment,
        };
        match self.fragments.add(&fragment, frame, &self.ports) {
            Err(reason) => Decoded::Undecoded(reason),
            Ok(whole) => match Walk::reassembled(wanted, &fragment).whole(whole.protocol, whole.octets) {
                Found::Datagram(datagram) => {
                    Decoded::Datagram(Datagram { fragments: whole.frames, ..datagram })
                }
                Found::Nothing(reason) => Decoded::Undecoded(reason),
                Found::Fragment(_) => Decoded::Undecoded(Reason::FragmentsNested),
            },
        }
    }

    /// Closes the fragments still waiting for others, and says what became of all of them.
    pub fn finish(&mut self) -> FragmentCounts {
        self.fragments.finish()
    }
}

/// A length as far as it can be compared with that of a slice.
fn capped(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
