//! The 48 octets that every time message begins with (RFC 5905 section 7.3).

use super::reference_id::ReferenceId;
use super::take;
use super::timestamp::{NtpShort, NtpTimestamp};

/// Length of the header in octets.
pub const HEADER_LENGTH: usize = 48;

/// Warning of a leap second (RFC 5905 figure 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeapIndicator {
    /// 0: no warning.
    None,
    /// 1: the last minute of the day has 61 seconds.
    Insert,
    /// 2: the last minute of the day has 59 seconds.
    Delete,
    /// 3: the clock is not synchronised.
    Unknown,
}

impl LeapIndicator {
    /// Reads the two bits of the wire format; higher bits are not looked at.
    pub fn from_bits(bits: u8) -> LeapIndicator {
        match bits & 3 {
            0 => LeapIndicator::None,
            1 => LeapIndicator::Insert,
            2 => LeapIndicator::Delete,
            _ => LeapIndicator::Unknown,
        }
    }

    /// The two bits of the wire format, 0 to 3.
    pub fn bits(self) -> u8 {
        match self {
            LeapIndicator::None => 0,
            LeapIndicator::Insert => 1,
            LeapIndicator::Delete => 2,
            LeapIndicator::Unknown => 3,
        }
    }

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            LeapIndicator::None => "none",
            LeapIndicator::Insert => "insert",
            LeapIndicator::Delete => "delete",
            LeapIndicator::Unknown => "unknown",
        }
    }
}

/// Version number, 0 to 7. Versions 1 to 4 share the layout that this crate decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(u8);

impl Version {
    /// Version 3, the last without extension fields.
    pub const THREE: Version = Version(3);
    /// Version 4 (RFC 5905).
    pub const FOUR: Version = Version(4);

    /// Reads three bits; higher bits are not looked at.
    pub fn from_bits(bits: u8) -> Version {
        Version(bits & 7)
    }

    /// The number, 0 to 7.
    pub fn number(self) -> u8 {
        self.0
    }

    /// True for versions 1 to 4. Version 0 predates the layout, version 5 has another one, 6 and 7 have none.
    pub fn is_decoded(self) -> bool {
        (1..=4).contains(&self.0)
    }
}

/// Association mode (RFC 5905 figure 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// 0. Version 1 clients and servers use it too.
    Reserved,
    /// 1.
    SymmetricActive,
    /// 2.
    SymmetricPassive,
    /// 3.
    Client,
    /// 4.
    Server,
    /// 5, broadcast and multicast.
    Broadcast,
    /// 6, the control protocol (RFC 9327).
    Control,
    /// 7, ntp.org's private protocol.
    Private,
}

impl Mode {
    /// Reads three bits; higher bits are not looked at.
    pub fn from_bits(bits: u8) -> Mode {
        match bits & 7 {
            0 => Mode::Reserved,
            1 => Mode::SymmetricActive,
            2 => Mode::SymmetricPassive,
            3 => Mode::Client,
            4 => Mode::Server,
            5 => Mode::Broadcast,
            6 => Mode::Control,
            _ => Mode::Private,
        }
    }

    /// The three bits of the wire format, 0 to 7.
    pub fn bits(self) -> u8 {
        match self {
            Mode::Reserved => 0,
            Mode::SymmetricActive => 1,
            Mode::SymmetricPassive => 2,
            Mode::Client => 3,
            Mode::Server => 4,
            Mode::Broadcast => 5,
            Mode::Control => 6,
            Mode::Private => 7,
        }
    }

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Reserved => "reserved",
            Mode::SymmetricActive => "symmetric-active",
            Mode::SymmetricPassive => "symmetric-passive",
            Mode::Client => "client",
            Mode::Server => "server",
            Mode::Broadcast => "broadcast",
            Mode::Control => "control",
            Mode::Private => "private",
        }
    }
}

/// The fixed header of a time message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Leap second warning.
    pub leap_indicator: LeapIndicator,
    /// Protocol version.
    pub version: Version,
    /// Association mode.
    pub mode: Mode,
    /// 0 unspecified or kiss code, 1 primary, 2 to 15 secondary, 16 unsynchronised.
    pub stratum: u8,
    /// Longest interval between messages, log2 seconds.
    pub poll: i8,
    /// Precision of the clock, log2 seconds.
    pub precision: i8,
    /// Round trip to the primary reference.
    pub root_delay: NtpShort,
    /// Dispersion accumulated up to the primary reference.
    pub root_dispersion: NtpShort,
    /// Source of the time, or kiss code at stratum 0.
    pub reference_id: ReferenceId,
    /// When the clock was last set.
    pub reference_timestamp: NtpTimestamp,
    /// In a reply: the request's transmit timestamp.
    pub origin_timestamp: NtpTimestamp,
    /// In a reply: when the request arrived.
    pub receive_timestamp: NtpTimestamp,
    /// When the message left.
    pub transmit_timestamp: NtpTimestamp,
}

impl Header {
    /// A request's header that tells nothing of its sender: every field is zero but these (RFC 5905 section 14 has
    /// clients of SNTP do so).
    pub fn request(version: Version, mode: Mode, transmit_timestamp: NtpTimestamp) -> Header {
        Header {
            leap_indicator: LeapIndicator::None,
            version,
            mode,
            stratum: 0,
            poll: 0,
            precision: 0,
            root_delay: NtpShort(0),
            root_dispersion: NtpShort(0),
            reference_id: ReferenceId([0; 4]),
            reference_timestamp: NtpTimestamp::ZERO,
            origin_timestamp: NtpTimestamp::ZERO,
            receive_timestamp: NtpTimestamp::ZERO,
            transmit_timestamp,
        }
    }

    /// Reads the first 48 octets. `None` when there are fewer.
    pub fn parse(octets: &[u8]) -> Option<Header> {
        let input = &mut &*octets;
        let [flags, stratum, poll, precision] = take(input)?;
        Some(Header {
            leap_indicator: LeapIndicator::from_bits(flags >> 6),
            version: Version::from_bits(flags >> 3),
            mode: Mode::from_bits(flags),
            stratum,
            poll: poll.cast_signed(),
            precision: precision.cast_signed(),
            root_delay: NtpShort(u32::from_be_bytes(take(input)?)),
            root_dispersion: NtpShort(u32::from_be_bytes(take(input)?)),
            reference_id: ReferenceId(take(input)?),
            reference_timestamp: NtpTimestamp::from_octets(take(input)?),
            origin_timestamp: NtpTimestamp::from_octets(take(input)?),
            receive_timestamp: NtpTimestamp::from_octets(take(input)?),
            transmit_timestamp: NtpTimestamp::from_octets(take(input)?),
        })
    }

    /// Writes the header to the end of `octets`: exactly [`HEADER_LENGTH`] octets.
    pub fn write(&self, octets: &mut Vec<u8>) {
        let flags = (self.leap_indicator.bits() << 6) | (self.version.number() << 3) | self.mode.bits();
        octets.extend([flags, self.stratum, self.poll.cast_unsigned(), self.precision.cast_unsigned()]);
        octets.extend(self.root_delay.0.to_be_bytes());
        octets.extend(self.root_dispersion.0.to_be_bytes());
        octets.extend(self.reference_id.0);
        octets.extend(self.reference_timestamp.to_octets());
        octets.extend(self.origin_timestamp.to_octets());
        octets.extend(self.receive_timestamp.to_octets());
        octets.extend(self.transmit_timestamp.to_octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_field_of_a_reply() {
        let octets = [
            0xe4, 0x02, 0x06,
            0xe8, // unsynchronised, version 4, server; stratum 2; poll 6; precision -24
            0x00, 0x01, 0x80, 0x00, 0x00, 0x00, 0x40, 0x00, 0x7f, 0x7f, 0x01, 0x00, //
            0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8,
        ];
        let header = Header::parse(&octets).unwrap();
        assert_eq!(header.leap_indicator, LeapIndicator::Unknown);
        assert_eq!(header.version, Version::FOUR);
        assert_eq!(header.mode, Mode::Server);
        assert_eq!((header.stratum, header.poll, header.precision), (2, 6, -24));
        assert!((header.root_delay.as_seconds() - 1.5).abs() < f64::EPSILON);
        assert!((header.root_dispersion.as_seconds() - 0.25).abs() < f64::EPSILON);
        assert_eq!(header.reference_id.to_string(), "127.127.1.0");
        assert_eq!(header.reference_timestamp.0, 0x0000_0001_0000_0002);
        assert_eq!(header.transmit_timestamp.0, 0x0000_0007_0000_0008);
        let mut written = Vec::new();
        header.write(&mut written);
        assert_eq!(written, octets);
    }

    #[test]
    fn forty_seven_octets_are_no_header() {
        assert_eq!(Header::parse(&[0x23; 47]), None);
    }

    #[test]
    fn every_first_octet_survives() {
        for first in 0..=255 {
            let mut octets = vec![first];
            octets.extend([0; 47]);
            let mut written = Vec::new();
            Header::parse(&octets).unwrap().write(&mut written);
            assert_eq!(written, octets);
        }
    }
}
