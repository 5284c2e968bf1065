//! Mode 6, the control protocol that ntpq speaks (RFC 9327; RFC 1305 appendix B).

use std::fmt;

use super::header::{LeapIndicator, Version};
use super::message::Malformed;
use super::take;
use super::trailer::{DIGEST_LENGTHS, KEY_ID_LENGTH, OddTrailer, Reading, Tail};

/// Length of the header in octets.
pub const HEADER_LENGTH: usize = 12;

/// The operation that reads the variables of the system or of an association.
pub const READ_VARIABLES: u8 = 2;

/// A control message.
#[derive(Clone, Copy, Debug)]
pub struct ControlMessage<'a> {
    /// The two bits that a time message uses for its leap indicator; zero by RFC 9327.
    pub leap_bits: u8,
    /// Protocol version; tools send 2.
    pub version: Version,
    /// R: a reply.
    pub response: bool,
    /// E: the request failed; the status says why.
    pub error: bool,
    /// M: more fragments follow.
    pub more: bool,
    /// Operation code, 0 to 31.
    pub operation: u8,
    /// Ties a reply to its request.
    pub sequence: u16,
    /// System, peer, clock or error status, by operation.
    pub status: u16,
    /// Association that the message is about; 0 for the system.
    pub association_id: u16,
    /// Offset of this fragment's data in the whole, in octets.
    pub offset: u16,
    /// Octets of data in this message.
    pub count: u16,
    /// The whole message.
    pub(super) octets: &'a [u8],
}

impl<'a> ControlMessage<'a> {
    pub(super) fn parse(octets: &'a [u8]) -> Result<ControlMessage<'a>, Malformed> {
        let missing =
            Malformed::Truncated { layout: "control", needed: HEADER_LENGTH, present: octets.len() };
        Self::read(octets).ok_or(missing)
    }

    fn read(octets: &'a [u8]) -> Option<ControlMessage<'a>> {
        let input = &mut &*octets;
        let [flags, operation] = take(input)?;
        Some(ControlMessage {
            leap_bits: flags >> 6,
            version: Version::from_bits(flags >> 3),
            response: operation & 0x80 != 0,
            error: operation & 0x40 != 0,
            more: operation & 0x20 != 0,
            operation: operation & 0x1f,
            sequence: u16::from_be_bytes(take(input)?),
            status: u16::from_be_bytes(take(input)?),
            association_id: u16::from_be_bytes(take(input)?),
            offset: u16::from_be_bytes(take(input)?),
            count: u16::from_be_bytes(take(input)?),
            octets,
        })
    }

    /// A request without data that is about the system.
    pub fn request(version: Version, operation: u8, sequence: u16) -> ControlMessage<'static> {
        ControlMessage {
            leap_bits: 0,
            version,
            response: false,
            error: false,
            more: false,
            operation,
            sequence,
            status: 0,
            association_id: 0,
            offset: 0,
            count: 0,
            octets: &[],
        }
    }

    /// Writes the header to the end of `octets`.
    pub fn write_header(&self, octets: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        octets.push((self.leap_bits << 6) | (self.version.number() << 3) | 6);
        octets.push(
            flag(self.response, 0x80) | flag(self.error, 0x40) | flag(self.more, 0x20) | self.operation,
        );
        for field in [self.sequence, self.status, self.association_id, self.offset, self.count] {
            octets.extend(field.to_be_bytes());
        }
    }

    /// Writes a reply to this request, in one fragment: its status word, whether it is an error, and its data, which
    /// are cut where the count has no room and padded to four octets (RFC 9327 section 2).
    pub fn write_reply(&self, status: u16, error: bool, data: &[u8], octets: &mut Vec<u8>) {
        let count = u16::try_from(data.len()).unwrap_or(u16::MAX);
        let reply = ControlMessage { response: true, error, more: false, status, offset: 0, count, ..*self };
        reply.write_header(octets);
        octets.extend(data.iter().take(usize::from(count)));
        octets.resize(HEADER_LENGTH + usize::from(count).next_multiple_of(4), 0);
    }

    /// The data, as far as it is there.
    pub fn data(&self) -> &'a [u8] {
        let rest = self.octets.get(HEADER_LENGTH..).unwrap_or_default();
        rest.get(..usize::from(self.count)).unwrap_or(rest)
    }

    /// All that follows the header.
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(HEADER_LENGTH..).unwrap_or_default()
    }

    /// Name of the operation; `None` for codes that no program uses.
    pub fn operation_name(&self) -> Option<&'static str> {
        Some(match self.operation {
            1 => "read-status",
            2 => "read-variables",
            3 => "write-variables",
            4 => "read-clock-variables",
            5 => "write-clock-variables",
            6 => "set-trap",
            7 => "trap-response",
            8 => "configure",
            9 => "save-configuration",
            10 => "read-mru-list",
            11 => "read-ordered-list",
            12 => "request-nonce",
            31 => "unset-trap",
            _ => return None,
        })
    }

    /// The reason that an error reply gives; `None` for other messages and for codes without a name.
    pub fn error_name(&self) -> Option<&'static str> {
        if !(self.response && self.error) {
            return None;
        }
        Some(match self.status >> 8 {
            1 => "authentication-failure",
            2 => "invalid-message",
            3 => "invalid-operation",
            4 => "unknown-association",
            5 => "unknown-variable",
            6 => "invalid-value",
            7 => "not-permitted",
            _ => return None,
        })
    }

    /// What the status word of a reply means (RFC 9327 section 3); `None` where it means nothing: requests, and
    /// operations that leave it zero.
    pub fn status_meaning(&self) -> Option<Status> {
        let [high, low] = self.status.to_be_bytes();
        let (event_count, event) = (low >> 4, low & 0x0f);
        match (self.response, self.error, self.operation) {
            (false, ..) | (true, true, _) => None,
            (_, _, 1..=3) if self.association_id == 0 => {
                let leap_indicator = LeapIndicator::from_bits(high >> 6);
                Some(Status::System { leap_indicator, source: high & 0x3f, event_count, event })
            }
            (_, _, 1..=3) => Some(Status::Peer { flags: high >> 3, selection: high & 7, event_count, event }),
            (_, _, 4 | 5) => Some(Status::Clock { status: high, event: low }),
            _ => None,
        }
    }

    /// Places where a MAC may begin, in octets, the customary one first.
    ///
    /// RFC 9327 pads the data to 4 octets, ntpq and ntpd to 8. A reply without data has its MAC right behind
    /// the header.
    fn tail_offsets(&self) -> impl Iterator<Item = usize> + use<> {
        let end = HEADER_LENGTH + usize::from(self.count);
        let (four, eight) = (end.next_multiple_of(4), end.next_multiple_of(8));
        let (first, second) = if self.count == 0 { (four, eight) } else { (eight, four) };
        std::iter::once(first).chain((second != first).then_some(second))
    }

    /// Every place where the octets allow a MAC.
    pub(super) fn mac_readings(self) -> impl Iterator<Item = Reading<'a>> + use<'a> {
        self.tail_offsets().filter_map(move |offset| self.mac_at(offset))
    }

    /// What follows the data, by the padding that programs use.
    ///
    /// Padding is not always zero: NTPsec leaves there what was in its buffer.
    pub(super) fn by_rule(&self) -> Result<Reading<'a>, OddTrailer> {
        let Some(behind_data) = self.rest().get(usize::from(self.count)..) else {
            return Err(OddTrailer::Count { count: self.count, present: self.rest().len() });
        };
        let is_refusal = self.response && self.error && self.count == 0;
        let reading = |tail| Ok(Reading { fields: &[], tail });
        match behind_data {
            [0, 0, 0, 0] if is_refusal => reading(Tail::CryptoNak),
            padding if padding.len() < 8 || padding.iter().all(|octet| *octet == 0) => reading(Tail::Nothing),
            other => {
                let mac = self.tail_offsets().find_map(|offset| self.mac_at(offset));
                mac.ok_or(OddTrailer::Length(other.len()))
            }
        }
    }

    fn mac_at(&self, offset: usize) -> Option<Reading<'a>> {
        let mut tail = self.octets.get(offset..)?;
        if !DIGEST_LENGTHS.contains(&tail.len().checked_sub(KEY_ID_LENGTH)?) {
            return None;
        }
        let key_id = u32::from_be_bytes(take(&mut tail)?);
        Some(Reading { fields: &[], tail: Tail::Mac { key_id, digest: tail } })
    }
}

/// A status word, taken apart (RFC 9327 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Of the system (section 3.1).
    System {
        /// Leap second warning.
        leap_indicator: LeapIndicator,
        /// Where the time comes from, 0 to 63.
        source: u8,
        /// Events since the last that was told of, 0 to 15.
        event_count: u8,
        /// The last event, 0 to 15.
        event: u8,
    },
    /// Of an association (section 3.2).
    Peer {
        /// Configured, authentication enabled, authenticated, reachable, broadcast; 16 to 1.
        flags: u8,
        /// How far the association came in selecting the source of time, 0 to 7.
        selection: u8,
        /// Events since the last that was told of, 0 to 15.
        event_count: u8,
        /// The last event, 0 to 15.
        event: u8,
    },
    /// Of a reference clock (section 3.3).
    Clock {
        /// State of the clock.
        status: u8,
        /// The last event.
        event: u8,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::System { leap_indicator, source, event_count, event } => {
                let source = SOURCES.get(usize::from(*source)).copied().unwrap_or("unknown");
                let leap = leap_indicator.name();
                write!(formatter, "system: leap {leap}, source {source}, events {event_count}, last {event}")
            }
            Status::Peer { flags, selection, event_count, event } => {
                formatter.write_str("association:")?;
                for (bit, name) in FLAGS {
                    if flags & bit != 0 {
                        write!(formatter, " {name},")?;
                    }
                }
                let selection = SELECTIONS.get(usize::from(*selection)).copied().unwrap_or("unknown");
                write!(formatter, " selection {selection}, events {event_count}, last {event}")
            }
            Status::Clock { status, event } => write!(formatter, "clock: status {status}, event {event}"),
        }
    }
}

const SOURCES: [&str; 10] = [
    "unspecified",
    "pps",
    "lf-radio",
    "hf-radio",
    "uhf-radio",
    "local",
    "ntp",
    "other",
    "wristwatch",
    "telephone",
];

const FLAGS: [(u8, &str); 5] = [
    (16, "configured"),
    (8, "authentication enabled"),
    (4, "authenticated"),
    (2, "reachable"),
    (1, "broadcast"),
];

const SELECTIONS: [&str; 8] =
    ["rejected", "falseticker", "excess", "outlier", "candidate", "backup", "system-peer", "pps-peer"];

#[cfg(test)]
mod tests {
    use super::*;

    fn request(count: u16, total: usize) -> Vec<u8> {
        let mut octets = vec![0x16, 0x08, 0, 1, 0, 0, 0, 0, 0, 0];
        octets.extend(count.to_be_bytes());
        octets.resize(total, 0xaa);
        octets
    }

    fn digest_lengths(octets: &[u8]) -> Vec<usize> {
        let message = ControlMessage::parse(octets).unwrap();
        let length = |reading: Reading<'_>| match reading.tail {
            Tail::Mac { digest, .. } => digest.len(),
            _ => 0,
        };
        message.mac_readings().map(length).collect()
    }

    #[test]
    fn the_mac_of_a_request_stands_behind_data_padded_to_eight() {
        assert_eq!(digest_lengths(&request(18, 56)), [20], "12 + 18, padded to 32, key ID, 20 of digest");
        assert_eq!(digest_lengths(&request(15, 52)), [16, 20], "both paddings leave a MAC: the key decides");
    }

    #[test]
    fn a_reply_without_data_has_its_mac_behind_the_header() {
        assert_eq!(digest_lengths(&request(0, 32)), [16]);
    }

    #[test]
    fn padding_is_not_authentication() {
        let mut octets = request(2, 14);
        octets.resize(16, 0);
        let reading = ControlMessage::parse(&octets).unwrap().by_rule().unwrap();
        assert_eq!(reading.tail, Tail::Nothing);
    }

    /// NTPsec 1.2.2 answers so: 29 octets of data and, up to the next multiple of four, what was there before.
    #[test]
    fn padding_may_be_left_over_text() {
        let mut octets = request(29, 12 + 29);
        octets.extend(b"=-2");
        assert_eq!(ControlMessage::parse(&octets).unwrap().by_rule().unwrap().tail, Tail::Nothing);
    }

    /// ntp.org pads 367 octets of data with five zeros; the last four of them are no crypto-NAK.
    #[test]
    fn zeros_up_to_a_multiple_of_eight_are_no_refusal() {
        let mut octets = request(367, 12 + 367);
        octets[1] = 0x82;
        octets.extend([0; 5]);
        assert_eq!(ControlMessage::parse(&octets).unwrap().by_rule().unwrap().tail, Tail::Nothing);
    }

    #[test]
    fn a_count_beyond_the_message_is_odd() {
        let message = request(1_000, 56);
        let odd = ControlMessage::parse(&message).unwrap().by_rule().unwrap_err();
        assert_eq!(odd, OddTrailer::Count { count: 1_000, present: 44 });
    }

    #[test]
    fn an_error_with_four_zero_octets_is_a_crypto_nak() {
        let octets = [0xd6, 0xc8, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let message = ControlMessage::parse(&octets).unwrap();
        assert_eq!(message.by_rule().unwrap().tail, Tail::CryptoNak);
        assert_eq!(message.error_name(), Some("authentication-failure"));
        assert_eq!(message.operation_name(), Some("configure"));
    }

    #[test]
    fn status_words_are_taken_apart() {
        let meaning = |octets: [u8; 12]| {
            ControlMessage::parse(&octets).unwrap().status_meaning().map(|m| m.to_string())
        };
        let reply = |operation, high, low, association| {
            [0xd6, operation, 0, 1, high, low, 0, association, 0, 0, 0, 0]
        };
        // As ntpq shows them: 0615 leap_none, sync_ntp, 1 event, clock_sync; 963a conf, reach, sys.peer, 3 events.
        assert_eq!(
            meaning(reply(0x82, 0x06, 0x15, 0)).unwrap(),
            "system: leap none, source ntp, events 1, last 5"
        );
        let peer = "association: configured, reachable, selection system-peer, events 3, last 10";
        assert_eq!(meaning(reply(0x82, 0x96, 0x3a, 1)).unwrap(), peer);
        assert_eq!(meaning(reply(0x02, 0x06, 0x15, 0)), None, "a request has no status");
    }

    #[test]
    fn header_survives() {
        let octets = [0xd6, 0xea, 0x12, 0x34, 0x06, 0x15, 0xab, 0xcd, 0x01, 0xd4, 0x00, 0x00];
        let mut written = Vec::new();
        ControlMessage::parse(&octets).unwrap().write_header(&mut written);
        assert_eq!(written, octets);
    }
}
