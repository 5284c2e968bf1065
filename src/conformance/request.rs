//! Requests, put together part by part.

use crate::auth::Key;
use crate::auth::mac::append_mac;
use crate::ntp::header::{Header, Mode, Version};
use crate::ntp::{MessageBuilder, NtpTimestamp};

/// A request that is being put together: a header, then what follows it.
#[derive(Clone, Debug)]
pub struct Request {
    header: Header,
    behind: Vec<u8>,
}

impl Request {
    pub(super) fn new(transmit: u64) -> Request {
        let header = Header::request(Version::FOUR, Mode::Client, NtpTimestamp(transmit));
        let header = Header { poll: 6, ..header };
        Request { header, behind: Vec::new() }
    }

    /// With that version, 0 to 7.
    #[must_use]
    pub fn version(self, version: u8) -> Request {
        self.header(|header| header.version = Version::from_bits(version))
    }

    /// With that mode, 0 to 7.
    #[must_use]
    pub fn mode(self, mode: u8) -> Request {
        self.header(|header| header.mode = Mode::from_bits(mode))
    }

    /// With other fields of the header.
    #[must_use]
    pub fn header(mut self, change: impl FnOnce(&mut Header)) -> Request {
        change(&mut self.header);
        self
    }

    /// With an extension field of so many octets in all, its value zero.
    #[must_use]
    pub fn field(self, field_type: u16, octets: usize) -> Request {
        self.field_with(field_type, &vec![0; octets.saturating_sub(4)])
    }

    /// With an extension field of that value.
    #[must_use]
    pub fn field_with(self, field_type: u16, value: &[u8]) -> Request {
        let mut octets = field_type.to_be_bytes().to_vec();
        octets.extend(u16::try_from(value.len() + 4).unwrap_or(u16::MAX).to_be_bytes());
        octets.extend(value);
        self.with(&octets)
    }

    /// With those octets behind all else.
    #[must_use]
    pub fn with(mut self, octets: &[u8]) -> Request {
        self.behind.extend(octets);
        self
    }

    /// With a key ID and a digest.
    #[must_use]
    pub fn mac(self, key_id: u32, digest: &[u8]) -> Request {
        self.with(&key_id.to_be_bytes()).with(digest)
    }

    /// Its octets so far.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = MessageBuilder::new(&self.header).build();
        octets.extend(&self.behind);
        octets
    }

    /// Its octets with a right MAC, the digest cut to 20 octets.
    pub fn signed(&self, key: &Key) -> Vec<u8> {
        let mut octets = self.octets();
        append_mac(&mut octets, key);
        octets
    }

    /// The digest of its octets so far under that key.
    pub fn digest(&self, key: &Key) -> Vec<u8> {
        key.digest(&self.octets()).as_octets().to_vec()
    }

    /// Its transmit timestamp.
    pub fn transmit(&self) -> NtpTimestamp {
        self.header.transmit_timestamp
    }
}
