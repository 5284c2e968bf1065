//! One NTP message: which of the protocol's layouts its octets have, and its parts.

use super::control::ControlMessage;
use super::header::{HEADER_LENGTH, Header, Mode, Version};
use super::private::PrivateMessage;
use super::trailer::{self, OddTrailer, Reading, Rule};

/// A message, by layout.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// Modes 0 to 5: a header of 48 octets and what follows it.
    Time(TimeMessage<'a>),
    /// Mode 6.
    Control(ControlMessage<'a>),
    /// Mode 7.
    Private(PrivateMessage<'a>),
}

impl<'a> Message<'a> {
    /// Reads a UDP payload.
    ///
    /// # Errors
    /// [`Malformed`] when it is too short for the layout that its mode says.
    pub fn parse(octets: &'a [u8]) -> Result<Message<'a>, Malformed> {
        let Some(first) = octets.first() else { return Err(Malformed::Empty) };
        Ok(match Mode::from_bits(*first) {
            Mode::Control => Message::Control(ControlMessage::parse(octets)?),
            Mode::Private => Message::Private(PrivateMessage::parse(octets)?),
            _ => Message::Time(TimeMessage::parse(octets)?),
        })
    }

    /// Protocol version, 0 to 7.
    pub fn version(&self) -> Version {
        match self {
            Message::Time(message) => message.header.version,
            Message::Control(message) => message.version,
            Message::Private(message) => message.version,
        }
    }

    /// Mode, which is also what tells the layouts apart.
    pub fn mode(&self) -> Mode {
        match self {
            Message::Time(message) => message.header.mode,
            Message::Control(_) => Mode::Control,
            Message::Private(_) => Mode::Private,
        }
    }

    /// All octets of the message.
    pub fn octets(&self) -> &'a [u8] {
        match self {
            Message::Time(message) => message.octets,
            Message::Control(message) => message.octets,
            Message::Private(message) => message.octets,
        }
    }

    /// Every place where the octets allow a MAC, for a key to choose from.
    pub fn mac_readings(&self) -> impl Iterator<Item = Reading<'a>> + use<'a> {
        let (time, control, private) = match self {
            Message::Time(message) => (Some(message.trailer()), None, None),
            Message::Control(message) => (None, Some(message.mac_readings()), None),
            Message::Private(message) => (None, None, Some(message.mac_readings())),
        };
        time.into_iter()
            .flat_map(trailer::mac_readings)
            .chain(control.into_iter().flatten())
            .chain(private.into_iter().flatten())
    }

    /// The reading of what follows the header that the rules give without a key.
    ///
    /// # Errors
    /// [`OddTrailer`] when no rule allows it.
    pub fn by_rule(&self) -> Result<(Reading<'a>, Rule), OddTrailer> {
        match self {
            Message::Time(message) => trailer::by_rule(message.header.version, message.trailer()),
            Message::Control(message) => message.by_rule().map(|reading| (reading, Rule::Layout)),
            Message::Private(message) => message.by_rule().map(|reading| (reading, Rule::Layout)),
        }
    }

    /// The octets that the MAC of `reading` covers: all before the key identifier.
    pub fn covered(&self, reading: &Reading<'a>) -> &'a [u8] {
        let octets = self.octets();
        let tail = match reading.tail {
            trailer::Tail::Nothing => 0,
            trailer::Tail::CryptoNak => trailer::KEY_ID_LENGTH,
            trailer::Tail::Mac { digest, .. } => trailer::KEY_ID_LENGTH + digest.len(),
        };
        octets.len().checked_sub(tail).and_then(|length| octets.get(..length)).unwrap_or_default()
    }
}

/// A message of modes 0 to 5.
///
/// Versions 0 and 5 to 7 come here too, since a plain header of version 4 under another number is what several
/// servers send; [`Version::is_decoded`] says whether the header's fields mean what their names say.
#[derive(Clone, Copy, Debug)]
pub struct TimeMessage<'a> {
    /// The first 48 octets.
    pub header: Header,
    octets: &'a [u8],
}

impl<'a> TimeMessage<'a> {
    fn parse(octets: &'a [u8]) -> Result<TimeMessage<'a>, Malformed> {
        match Header::parse(octets) {
            Some(header) => Ok(TimeMessage { header, octets }),
            None => {
                Err(Malformed::Truncated { layout: "time", needed: HEADER_LENGTH, present: octets.len() })
            }
        }
    }

    /// What follows the header.
    pub fn trailer(&self) -> &'a [u8] {
        self.octets.get(HEADER_LENGTH..).unwrap_or_default()
    }
}

/// Why octets are not an NTP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No octets at all.
    #[error("the datagram is empty")]
    Empty,
    /// Fewer octets than the header of its layout has.
    #[error("a {layout} message has at least {needed} octets, this one {present}")]
    Truncated {
        /// `time`, `control` or `private`.
        layout: &'static str,
        /// Length of that header.
        needed: usize,
        /// Octets that are there.
        present: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ntp::trailer::Tail;

    #[test]
    fn the_mac_covers_header_and_fields_but_not_its_key_id() {
        let mut octets = vec![0x23; 48];
        octets.extend([0x20, 0x05, 0, 28]);
        octets.extend([0; 24]);
        octets.extend([0, 0, 0, 1]);
        octets.extend([7; 16]);
        let message = Message::parse(&octets).unwrap();
        let (reading, _) = message.by_rule().unwrap();
        assert_eq!(reading.tail, Tail::Mac { key_id: 1, digest: &[7; 16] });
        assert_eq!(message.covered(&reading), &octets[..76]);
    }

    #[test]
    fn short_messages_say_what_is_missing() {
        assert_eq!(Message::parse(&[]).unwrap_err(), Malformed::Empty);
        let error = Message::parse(&[0x23; 47]).unwrap_err();
        assert_eq!(error.to_string(), "a time message has at least 48 octets, this one 47");
    }
}
