//! A UDP datagram as it was on the wire, and why a frame has none.

use std::net::SocketAddr;

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
    /// What the UDP checksum says. Never a reason not to read on: sending hosts often leave it to the card.
    pub checksum: u8,
}
