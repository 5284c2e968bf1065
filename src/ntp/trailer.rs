//! What follows a header: nothing, extension fields, a MAC, a crypto-NAK, or octets that no rule allows.
//!
//! A MAC has no type and no length of its own, so the same octets can often be read in several ways. This file
//! lists the ways and names the one that the rules prefer; only a key can prove one.

use super::extension::{ExtensionField, SHORTEST_FIELD};
use super::header::Version;
use super::take;

/// Octets of a key identifier.
pub const KEY_ID_LENGTH: usize = 4;

/// Digest lengths that some implementation sends, in octets, the usual ones first: MD5 and AES-CMAC; SHA-1 and
/// cut digests; SHA-256; SHA-512; SHA-384; SHA-224; Tiger.
pub const DIGEST_LENGTHS: [usize; 7] = [16, 20, 32, 64, 48, 28, 24];

/// Most octets that RFC 7822 leaves to a MAC: a key identifier and 20 octets of digest.
const LONGEST_MAC: usize = 24;

/// One way to read what follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The octets of the extension fields; what a MAC covers besides the header.
    pub fields: &'a [u8],
    /// What stands behind them.
    pub tail: Tail<'a>,
}

/// What stands behind header and extension fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail<'a> {
    /// The message ends there.
    Nothing,
    /// Four zero octets: key identifier zero and no digest.
    CryptoNak,
    /// A key identifier and a digest.
    Mac {
        /// The key identifier, in network order as RFC 5905 has it.
        key_id: u32,
        /// The digest as sent, perhaps cut.
        digest: &'a [u8],
    },
}

/// The rule by which a reading was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The MAC verified: no other reading is possible.
    Key,
    /// No rule allows the octets, but there is a MAC of a known key's length where its key identifier stands.
    KeyId,
    /// RFC 7822: extension fields while more than 24 octets are left.
    Rfc7822,
    /// Versions 1 to 3 have no extension fields: all that follows the header is the MAC.
    Version,
    /// The length fields of a control or private message.
    Layout,
    /// The extended authenticator of [MS-SNTP] 2.2.3.
    MsSntp,
}

impl Rule {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Key => "key",
            Rule::KeyId => "key-id",
            Rule::Rfc7822 => "rfc7822",
            Rule::Version => "version",
            Rule::Layout => "layout",
            Rule::MsSntp => "ms-sntp",
        }
    }
}

impl<'a> Reading<'a> {
    /// The extension fields of this reading, in order.
    pub fn extension_fields(&self) -> impl Iterator<Item = ExtensionField<'a>> + use<'a> {
        let mut rest = self.fields;
        std::iter::from_fn(move || ExtensionField::take(&mut rest))
    }

    fn mac(fields: &'a [u8], mut tail: &'a [u8]) -> Option<Reading<'a>> {
        let key_id = u32::from_be_bytes(take(&mut tail)?);
        Some(Reading { fields, tail: Tail::Mac { key_id, digest: tail } })
    }
}

/// Every reading with a MAC: one for each digest length that leaves whole extension fields before it, in
/// whatever version. At most one for each of [`DIGEST_LENGTHS`], so what follows cannot make this slow.
pub fn mac_readings(trailer: &[u8]) -> impl Iterator<Item = Reading<'_>> {
    DIGEST_LENGTHS.into_iter().filter_map(move |digest_length| {
        let split = trailer.len().checked_sub(KEY_ID_LENGTH + digest_length)?;
        let (fields, tail) = trailer.split_at_checked(split)?;
        is_whole_fields(fields).then(|| Reading::mac(fields, tail)).flatten()
    })
}

/// The reading that the rules give without a key; `Err` when they allow none.
pub fn by_rule(version: Version, trailer: &[u8]) -> Result<(Reading<'_>, Rule), OddTrailer> {
    if version <= Version::THREE {
        by_version(trailer).map(|reading| (reading, Rule::Version))
    } else {
        by_rfc7822(trailer).map(|reading| (reading, Rule::Rfc7822))
    }
}

/// Versions 1 to 3: no extension fields, so all of it is the MAC. Eight octets of digest are RFC 1305's, more
/// than 20 are what chrony sends.
fn by_version(trailer: &[u8]) -> Result<Reading<'_>, OddTrailer> {
    match trailer.len() {
        0 => Ok(Reading { fields: &[], tail: Tail::Nothing }),
        4 => crypto_nak(&[], trailer),
        length @ (12 | 20 | 24 | 32 | 36 | 52 | 68) => {
            Reading::mac(&[], trailer).ok_or(OddTrailer::Length(length))
        }
        length => Err(OddTrailer::Length(length)),
    }
}

/// RFC 7822 section 3: fields while more than 24 octets are left; then nothing, or a MAC of 4, 20 or 24 octets.
fn by_rfc7822(trailer: &[u8]) -> Result<Reading<'_>, OddTrailer> {
    let mut rest = trailer;
    while rest.len() > LONGEST_MAC {
        let offset = trailer.len() - rest.len();
        let field = ExtensionField::take(&mut rest).filter(|field| field.length() >= SHORTEST_FIELD);
        if field.is_none() {
            return Err(OddTrailer::NoField { offset, left: trailer.len() - offset });
        }
    }
    let (fields, tail) = trailer.split_at_checked(trailer.len() - rest.len()).unwrap_or((trailer, &[]));
    match tail.len() {
        0 => Ok(Reading { fields, tail: Tail::Nothing }),
        4 => crypto_nak(fields, tail),
        20 | 24 => Reading::mac(fields, tail).ok_or(OddTrailer::Length(tail.len())),
        left => Err(OddTrailer::Length(left)),
    }
}

fn crypto_nak<'a>(fields: &'a [u8], tail: &'a [u8]) -> Result<Reading<'a>, OddTrailer> {
    match tail {
        [0, 0, 0, 0] => Ok(Reading { fields, tail: Tail::CryptoNak }),
        _ => Err(OddTrailer::KeyIdAlone),
    }
}

fn is_whole_fields(mut octets: &[u8]) -> bool {
    while !octets.is_empty() {
        if ExtensionField::take(&mut octets).is_none() {
            return false;
        }
    }
    true
}

/// Why no rule allows what follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OddTrailer {
    /// Not the length of a MAC.
    #[error("{} left, which is not the length of a MAC", octets_are(*.0))]
    Length(usize),
    /// A key identifier other than zero with no digest behind it.
    #[error("a key ID stands without a digest")]
    KeyIdAlone,
    /// A control message announces more data than it has.
    #[error("{} announced as data, {present} are there", octets_are(usize::from(*count)))]
    Count {
        /// Octets of data by the header.
        count: u16,
        /// Octets behind the header.
        present: usize,
    },
    /// More than a MAC is left, and it does not begin with an extension field.
    #[error(
        "{left} octets are left at offset {offset} of the trailer: too many for a MAC, and no extension field"
    )]
    NoField {
        /// Octets from the end of the header.
        offset: usize,
        /// Octets from there to the end.
        left: usize,
    },
}

/// `1 octet is` or `2 octets are`.
fn octets_are(count: usize) -> String {
    if count == 1 { "1 octet is".to_owned() } else { format!("{count} octets are") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(field_type: u16, length: u16) -> Vec<u8> {
        let mut octets = field_type.to_be_bytes().to_vec();
        octets.extend(length.to_be_bytes());
        octets.resize(usize::from(length), 0xee);
        octets
    }

    fn mac(key_id: u32, digest_length: usize) -> Vec<u8> {
        let mut octets = key_id.to_be_bytes().to_vec();
        octets.resize(4 + digest_length, 0xdd);
        octets
    }

    #[test]
    fn twenty_four_octets_are_key_id_and_sha1_digest() {
        let trailer = mac(11, 20);
        let (reading, rule) = by_rule(Version::FOUR, &trailer).unwrap();
        assert_eq!(rule, Rule::Rfc7822);
        assert_eq!(reading.tail, Tail::Mac { key_id: 11, digest: &[0xdd; 20] });
        assert!(reading.fields.is_empty());
    }

    #[test]
    fn a_field_of_28_octets_is_not_taken_for_a_mac() {
        let trailer = field(0x2005, 28);
        let (reading, _) = by_rule(Version::FOUR, &trailer).unwrap();
        assert_eq!(reading.tail, Tail::Nothing);
        assert_eq!(reading.extension_fields().count(), 1);
    }

    #[test]
    fn field_and_mac_are_both_found() {
        let trailer = [field(0xf323, 28), mac(3, 20)].concat();
        let (reading, _) = by_rule(Version::FOUR, &trailer).unwrap();
        assert_eq!(reading.fields.len(), 28);
        assert_eq!(reading.tail, Tail::Mac { key_id: 3, digest: &[0xdd; 20] });
    }

    #[test]
    fn version_three_has_no_fields() {
        let trailer = mac(0x2005_0024, 32);
        let (reading, rule) = by_rule(Version::THREE, &trailer).unwrap();
        assert_eq!(rule, Rule::Version);
        assert_eq!(reading.tail, Tail::Mac { key_id: 0x2005_0024, digest: &[0xdd; 32] });
        assert_eq!(mac_readings(&trailer).count(), 1);
    }

    #[test]
    fn four_zero_octets_are_a_crypto_nak_and_other_four_are_not() {
        assert_eq!(by_rule(Version::FOUR, &[0; 4]).unwrap().0.tail, Tail::CryptoNak);
        assert_eq!(by_rule(Version::FOUR, &[0, 0, 0, 1]), Err(OddTrailer::KeyIdAlone));
    }

    #[test]
    fn odd_lengths_are_named() {
        assert_eq!(by_rule(Version::FOUR, &[9; 22]), Err(OddTrailer::Length(22)));
        assert_eq!(by_rule(Version::from_bits(2), &[9; 25]), Err(OddTrailer::Length(25)));
        assert_eq!(by_rule(Version::FOUR, &[9; 36]), Err(OddTrailer::NoField { offset: 0, left: 36 }));
    }

    #[test]
    fn rfc1305_authenticators_of_12_octets_are_read_in_version_three_alone() {
        assert!(by_rule(Version::THREE, &[9; 12]).is_ok());
        assert_eq!(by_rule(Version::FOUR, &[9; 12]), Err(OddTrailer::Length(12)));
    }

    #[test]
    fn every_split_that_leaves_whole_fields_is_a_reading() {
        // One field of 16 octets and a 20-octet MAC; as a whole also key ID and 32 octets of digest.
        let trailer = [field(0x2005, 16), mac(1, 16)].concat();
        let splits: Vec<usize> = mac_readings(&trailer).map(|reading| reading.fields.len()).collect();
        assert_eq!(splits, [16, 0]);
    }
}
