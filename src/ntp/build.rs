//! Writing messages: the inverse of parsing.

use super::header::Header;
use super::message::Message;

/// Puts a time message together, part by part in wire order.
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    octets: Vec<u8>,
}

impl MessageBuilder {
    /// Begins with a header.
    pub fn new(header: &Header) -> MessageBuilder {
        let mut octets = Vec::with_capacity(128);
        header.write(&mut octets);
        MessageBuilder { octets }
    }

    /// Adds an extension field. The value is padded with zeros to a multiple of four octets (RFC 7822
    /// section 2); a value that does not fit a field's 16-bit length is cut there.
    #[must_use]
    pub fn extension_field(mut self, field_type: u16, value: &[u8]) -> MessageBuilder {
        let padded = (value.len() + 4).next_multiple_of(4);
        let length = u16::try_from(padded).unwrap_or(u16::MAX - 3);
        self.octets.extend(field_type.to_be_bytes());
        self.octets.extend(length.to_be_bytes());
        let end = self.octets.len() + usize::from(length) - 4;
        self.octets.extend(value.iter().take(usize::from(length) - 4));
        self.octets.resize(end, 0);
        self
    }

    /// Adds a key identifier and a digest.
    #[must_use]
    pub fn mac(mut self, key_id: u32, digest: &[u8]) -> MessageBuilder {
        self.octets.extend(key_id.to_be_bytes());
        self.octets.extend(digest);
        self
    }

    /// Adds a crypto-NAK: key identifier zero and no digest.
    #[must_use]
    pub fn crypto_nak(self) -> MessageBuilder {
        self.mac(0, &[])
    }

    /// The octets so far: what a MAC added next would cover.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The finished message.
    pub fn build(self) -> Vec<u8> {
        self.octets
    }
}

/// Writes a parsed message again from its parts. The octets are those that were parsed.
pub fn rebuild(message: &Message<'_>) -> Vec<u8> {
    let mut octets = Vec::with_capacity(message.octets().len());
    let rest = match message {
        Message::Time(time) => {
            time.header.write(&mut octets);
            time.trailer()
        }
        Message::Control(control) => {
            control.write_header(&mut octets);
            control.rest()
        }
        Message::Private(private) => {
            private.write_header(&mut octets);
            private.rest()
        }
    };
    octets.extend(rest);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ntp::trailer::Tail;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parse_then_rebuild_gives_the_same_octets(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(message) = Message::parse(&octets) {
                prop_assert_eq!(rebuild(&message), octets);
            }
        }

        #[test]
        fn every_reading_lies_within_the_message(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(message) = Message::parse(&octets) {
                for reading in message.mac_readings().chain(message.by_rule().map(|(reading, _)| reading)) {
                    let covered = message.covered(&reading);
                    prop_assert!(octets.starts_with(covered));
                }
            }
        }
    }

    #[test]
    fn builds_what_the_parser_reads() {
        let header = Header::parse(&[0x23; 48]).unwrap();
        let octets = MessageBuilder::new(&header).extension_field(0x2005, &[1; 21]).mac(7, &[9; 16]).build();
        assert_eq!(octets.len(), 48 + 28 + 20);
        let message = Message::parse(&octets).unwrap();
        let (reading, _) = message.by_rule().unwrap();
        assert_eq!(reading.tail, Tail::Mac { key_id: 7, digest: &[9; 16] });
        let field = reading.extension_fields().next().unwrap();
        assert_eq!(field.value, [&[1; 21][..], &[0; 3]].concat());
    }

    #[test]
    fn a_crypto_nak_has_52_octets() {
        let header = Header::parse(&[0x24; 48]).unwrap();
        let octets = MessageBuilder::new(&header).crypto_nak().build();
        assert_eq!(octets.len(), 52);
        assert_eq!(Message::parse(&octets).unwrap().by_rule().unwrap().0.tail, Tail::CryptoNak);
    }
}
