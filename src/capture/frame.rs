//! One captured frame: its octets, when they were captured, and on what kind of link.

use super::options::{Options, Origin};

/// When a frame was captured, in UTC. May lie before 1970; finer than a nanosecond is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureTime {
    /// Whole seconds since 1970-01-01T00:00:00Z, rounded towards the past.
    pub seconds: i64,
    /// Nanoseconds into that second, 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// A link-layer header type as registered for pcap and pcapng (`LINKTYPE_...`), without FCS bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// One frame of a capture. The octets are borrowed from the reader until the next frame is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Position in its file, counted from 1 as Wireshark does: pcapng blocks that it lists among the packets
    /// (custom blocks, journal entries) have a number too, and so leave gaps here.
    pub number: u64,
    /// `None` where the capture carries no time (simple packet blocks).
    pub time: Option<CaptureTime>,
    /// How to read `octets`.
    pub link_type: LinkType,
    /// Length of the frame on the wire, in octets; larger than `octets` when the capture cut it.
    pub original_length: u32,
    /// What was captured, from the link header on.
    pub octets: &'a [u8],
    /// The interface that captured it, where the capture tells of one.
    pub origin: Option<&'a Origin>,
    /// What the capture says of this packet, comments for instance.
    pub options: Options<'a>,
}
