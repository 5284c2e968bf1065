//! Mode 7, ntp.org's private protocol that ntpdc speaks. No RFC describes it.

use super::header::Version;
use super::message::Malformed;
use super::take;
use super::trailer::{DIGEST_LENGTHS, KEY_ID_LENGTH, OddTrailer, Reading, Tail};

/// Length of the header in octets.
pub const HEADER_LENGTH: usize = 8;

/// Octets of an authenticated request before its key identifier: header, item area, timestamp.
const REQUEST_WITHOUT_MAC: usize = 184;

/// A private message.
#[derive(Clone, Copy, Debug)]
pub struct PrivateMessage<'a> {
    /// R: a reply.
    pub response: bool,
    /// M: more packets follow.
    pub more: bool,
    /// Protocol version; tools send 2.
    pub version: Version,
    /// A: the request carries a timestamp and a MAC.
    pub authenticated: bool,
    /// Number of this packet in a reply of several, 0 to 127.
    pub sequence: u8,
    /// Which implementation's request codes are meant: 2 and 3 are ntp.org's.
    pub implementation: u8,
    /// Request code.
    pub request_code: u8,
    /// Error code of a reply, 0 to 15.
    pub error: u8,
    /// Number of data items, 0 to 4095.
    pub item_count: u16,
    /// The four bits before the item size; zero by custom.
    pub reserved: u8,
    /// Size of a data item in octets, 0 to 4095.
    pub item_size: u16,
    /// The whole message.
    pub(super) octets: &'a [u8],
}

impl<'a> PrivateMessage<'a> {
    pub(super) fn parse(octets: &'a [u8]) -> Result<PrivateMessage<'a>, Malformed> {
        let missing =
            Malformed::Truncated { layout: "private", needed: HEADER_LENGTH, present: octets.len() };
        Self::read(octets).ok_or(missing)
    }

    fn read(octets: &'a [u8]) -> Option<PrivateMessage<'a>> {
        let input = &mut &*octets;
        let [flags, sequence, implementation, request_code] = take(input)?;
        let items = u16::from_be_bytes(take(input)?);
        let size = u16::from_be_bytes(take(input)?);
        Some(PrivateMessage {
            response: flags & 0x80 != 0,
            more: flags & 0x40 != 0,
            version: Version::from_bits(flags >> 3),
            authenticated: sequence & 0x80 != 0,
            sequence: sequence & 0x7f,
            implementation,
            request_code,
            error: items.to_be_bytes()[0] >> 4,
            item_count: items & 0x0fff,
            reserved: size.to_be_bytes()[0] >> 4,
            item_size: size & 0x0fff,
            octets,
        })
    }

    /// Writes the header to the end of `octets`.
    pub fn write_header(&self, octets: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        octets.push(flag(self.response, 0x80) | flag(self.more, 0x40) | (self.version.number() << 3) | 7);
        octets.push(flag(self.authenticated, 0x80) | self.sequence);
        octets.extend([self.implementation, self.request_code]);
        octets.extend(((u16::from(self.error) << 12) | self.item_count).to_be_bytes());
        octets.extend(((u16::from(self.reserved) << 12) | self.item_size).to_be_bytes());
    }

    /// All that follows the header.
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(HEADER_LENGTH..).unwrap_or_default()
    }

    /// What ntp.org's implementation means by the request code; `None` for others.
    pub fn request_name(&self) -> Option<&'static str> {
        let is_ntp_org = matches!(self.implementation, 2 | 3);
        let name = REQUESTS.get(usize::from(self.request_code)).filter(|_| is_ntp_org)?;
        (!name.is_empty()).then_some(*name)
    }

    /// The reason that an error reply gives; `None` for others and for codes without a name.
    pub fn error_name(&self) -> Option<&'static str> {
        Some(match (self.response, self.error) {
            (true, 1) => "incompatible-implementation",
            (true, 2) => "unknown-request",
            (true, 3) => "invalid-format",
            (true, 4) => "no-data",
            (true, 7) => "authentication-failure",
            _ => return None,
        })
    }

    /// Every place where the octets allow a MAC: at the end of a request whose A bit is set.
    pub(super) fn mac_readings(self) -> impl Iterator<Item = Reading<'a>> + use<'a> {
        let signed = self.authenticated && !self.response;
        DIGEST_LENGTHS.into_iter().filter(move |_| signed).filter_map(move |length| self.mac_of(length))
    }

    /// Where ntpdc puts the MAC.
    pub(super) fn by_rule(&self) -> Result<Reading<'a>, OddTrailer> {
        if !self.authenticated || self.response {
            return Ok(Reading { fields: &[], tail: Tail::Nothing });
        }
        let left = self.octets.len().saturating_sub(REQUEST_WITHOUT_MAC);
        let digest_length = left.checked_sub(KEY_ID_LENGTH).filter(|length| DIGEST_LENGTHS.contains(length));
        digest_length.and_then(|length| self.mac_of(length)).ok_or(OddTrailer::Length(left))
    }

    fn mac_of(&self, digest_length: usize) -> Option<Reading<'a>> {
        let offset = self.octets.len().checked_sub(KEY_ID_LENGTH + digest_length)?;
        let mut tail = self.octets.get(offset..).filter(|_| offset >= HEADER_LENGTH)?;
        let key_id = u32::from_be_bytes(take(&mut tail)?);
        Some(Reading { fields: &[], tail: Tail::Mac { key_id, digest: tail } })
    }
}

/// ntp.org's request codes, 0 to 45.
const REQUESTS: [&str; 46] = [
    "peer-list",
    "peer-list-summary",
    "peer-info",
    "peer-statistics",
    "system-info",
    "system-statistics",
    "io-statistics",
    "memory-statistics",
    "loop-info",
    "timer-statistics",
    "configure",
    "unconfigure",
    "set-system-flag",
    "clear-system-flag",
    "monitor",
    "no-monitor",
    "get-restrictions",
    "add-restriction-flags",
    "remove-restriction-flags",
    "unrestrict",
    "monitor-list",
    "reset-statistics",
    "reset-peer",
    "reread-keys",
    "do-dirty-hack",
    "dont-dirty-hack",
    "trust-key",
    "untrust-key",
    "authentication-info",
    "traps",
    "add-trap",
    "clear-trap",
    "request-key",
    "control-key",
    "control-statistics",
    "leap-info",
    "clock-info",
    "set-clock-fudge",
    "kernel-info",
    "clock-debug-info",
    "",
    "set-precision",
    "monitor-list-1",
    "host-name",
    "interface-statistics",
    "interface-reload",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_survives_and_is_named() {
        let octets = [0xd7, 0x85, 0x03, 0x2a, 0x70, 0x06, 0x00, 0x48];
        let message = PrivateMessage::parse(&octets).unwrap();
        assert_eq!(
            (message.sequence, message.request_code, message.item_count, message.item_size),
            (5, 42, 6, 72)
        );
        assert_eq!(message.request_name(), Some("monitor-list-1"));
        assert_eq!(message.error_name(), Some("authentication-failure"));
        let mut written = Vec::new();
        message.write_header(&mut written);
        assert_eq!(written, octets);
    }

    #[test]
    fn an_authenticated_request_ends_with_its_mac() {
        let mut octets = vec![0x17, 0x80, 3, 10, 0, 1, 0, 0xa8];
        octets.resize(184, 0);
        octets.extend([0, 0, 0, 3]);
        octets.resize(208, 0xdd);
        let reading = PrivateMessage::parse(&octets).unwrap().by_rule().unwrap();
        assert_eq!(reading.tail, Tail::Mac { key_id: 3, digest: &[0xdd; 20] });
    }

    #[test]
    fn the_a_bit_decides_whether_there_is_a_mac() {
        let octets = [&[0x17, 0, 3, 0, 0, 0, 0, 0][..], &[0; 184]].concat();
        let message = PrivateMessage::parse(&octets).unwrap();
        assert_eq!(message.by_rule().unwrap().tail, Tail::Nothing);
        assert_eq!(message.mac_readings().count(), 0);
    }
}
