//! A reply before it is signed: what a fault changes, and what is then written.

use crate::auth::{Key, KeyId};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::{HEADER_LENGTH, Header};
use crate::ntp::trailer::KEY_ID_LENGTH;

use super::clock::Clock;

/// A reply, but for the time at which it leaves.
#[derive(Clone, Debug)]
pub struct Draft<'k> {
    /// Its header. The transmit timestamp is set when it is written, unless `transmit` is fixed.
    pub header: Header,
    /// When the request came, whatever the header says: the reply leaves after it.
    pub received: NtpTimestamp,
    /// True when the header's transmit timestamp is final: kisses and interleaved replies.
    pub has_transmit: bool,
    /// Its extension fields, as on the wire.
    pub fields: Vec<u8>,
    /// What follows them.
    pub tail: DraftTail<'k>,
}

/// The end of a reply.
#[derive(Clone, Debug)]
pub enum DraftTail<'k> {
    /// Nothing.
    Nothing,
    /// Key ID zero and no digest.
    CryptoNak,
    /// So many zero octets.
    Zeros(usize),
    /// A MAC.
    Mac {
        /// The key ID that is written.
        key_id: KeyId,
        /// What the digest is computed with.
        key: &'k Key,
        /// Octets of digest that are written; no more than the algorithm has.
        digest_length: usize,
        /// True when the digest covers the header and not the extension fields: a fault.
        covers_header_only: bool,
    },
}

impl<'k> Draft<'k> {
    /// A reply of a header alone.
    pub fn new(header: Header) -> Draft<'k> {
        let received = header.receive_timestamp;
        Draft { header, received, has_transmit: false, fields: Vec::new(), tail: DraftTail::Nothing }
    }

    /// Writes the reply to `octets` and gives the time at which it leaves. The clock is asked as late as can be,
    /// since the MAC covers that time too.
    pub fn write(&self, clock: &dyn Clock, octets: &mut Vec<u8>) -> NtpTimestamp {
        octets.clear();
        let now = self.leaves(clock);
        let transmit_timestamp = if self.has_transmit { self.header.transmit_timestamp } else { now };
        Header { transmit_timestamp, ..self.header }.write(octets);
        octets.extend_from_slice(&self.fields);
        match &self.tail {
            DraftTail::Nothing => {}
            DraftTail::CryptoNak => octets.extend([0; KEY_ID_LENGTH]),
            DraftTail::Zeros(count) => octets.resize(octets.len() + count, 0),
            DraftTail::Mac { key_id, key, digest_length, covers_header_only } => {
                let covered = if *covers_header_only { HEADER_LENGTH } else { octets.len() };
                let digest = key.digest(octets.get(..covered).unwrap_or_default());
                octets.extend(key_id.0.to_be_bytes());
                octets.extend(digest.as_octets().iter().take(*digest_length));
            }
        }
        now
    }

    /// When the reply leaves, if that is now: after its request came, whatever the clock resolves (RFC 9769 section 2
    /// relies on it).
    pub(super) fn leaves(&self, clock: &dyn Clock) -> NtpTimestamp {
        let now = clock.now();
        if now.since(self.received) > 0 { now } else { NtpTimestamp(self.received.0.wrapping_add(1)) }
    }
}
