//! What the programs take for a MAC, each by its own rules.

use crate::ntp::extension::{ExtensionField, SHORTEST_FIELD};
use crate::ntp::header::Version;
use crate::ntp::trailer::{KEY_ID_LENGTH, Tail, by_rule};

/// What follows a request's header, as a program reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trailer<'a> {
    /// Nothing.
    Nothing,
    /// Extension fields and no MAC.
    Fields,
    /// Key ID zero and no digest.
    CryptoNak,
    /// A MAC behind so many octets of extension fields. Its digest may have any length, and be no digest at all.
    Mac { fields: usize, key_id: u32, digest: &'a [u8] },
    /// Octets that mean nothing to the program.
    Odd,
}

/// The most octets that ntp.org's and other programs take for a MAC: key ID and 20 octets of digest.
const LONGEST_MAC: usize = 24;

/// RFC 7822 for version 4, and all of the trailer a MAC before.
pub(super) fn by_rfc(version: Version, trailer: &[u8]) -> Trailer<'_> {
    match by_rule(version, trailer) {
        Err(_) => Trailer::Odd,
        Ok((reading, _)) => match reading.tail {
            Tail::Nothing if reading.fields.is_empty() => Trailer::Nothing,
            Tail::Nothing => Trailer::Fields,
            Tail::CryptoNak => Trailer::CryptoNak,
            Tail::Mac { key_id, digest } => Trailer::Mac { fields: reading.fields.len(), key_id, digest },
        },
    }
}

/// ntp.org's ntpd, in every version: fields of any length while more than 24 octets are left.
pub(super) fn by_ntp_org(_: Version, trailer: &[u8]) -> Trailer<'_> {
    if !trailer.len().is_multiple_of(4) {
        return Trailer::Odd;
    }
    let mut rest = trailer;
    while rest.len() > LONGEST_MAC {
        if ExtensionField::take(&mut rest).is_none() {
            return Trailer::Odd;
        }
    }
    behind(trailer, rest)
}

/// NTPsec's ntpd: a MAC of one of three lengths right behind the header and nothing else; in version 4 what is
/// longer is for NTS. Version 2 may carry 6 octets and version 3 72 that are not looked at.
pub(super) fn by_ntpsec(version: Version, trailer: &[u8]) -> Trailer<'_> {
    match (version.number(), trailer.len()) {
        (_, 0) | (2, 6) | (3, 72) => Trailer::Nothing,
        (_, KEY_ID_LENGTH) | (3 | 4, 20 | LONGEST_MAC) => behind(trailer, trailer),
        _ => Trailer::Odd,
    }
}

/// chronyd: all of the trailer a MAC before version 4; in version 4 fields while more than 24 octets are left, and
/// then 20 to 24 of MAC. A field of NTS without a MAC behind it is for NTS alone.
pub(super) fn by_chrony(version: Version, trailer: &[u8]) -> Trailer<'_> {
    if version < Version::FOUR {
        return behind(trailer, trailer);
    }
    let (mut rest, mut is_nts) = (trailer, false);
    while rest.len() > LONGEST_MAC {
        match ExtensionField::take(&mut rest) {
            Some(field) if field.length() >= SHORTEST_FIELD => is_nts |= field.is_nts(),
            _ => return Trailer::Odd,
        }
    }
    match rest.len() {
        0 if is_nts => Trailer::Odd,
        0 | KEY_ID_LENGTH | 20..=LONGEST_MAC => behind(trailer, rest),
        _ => Trailer::Odd,
    }
}

/// ntpd-rs: in version 4 fields of any length while more than 24 octets are left; then nothing, or 4 to 20 that are not
/// looked at.
pub(super) fn by_ntpd_rs(version: Version, trailer: &[u8]) -> Trailer<'_> {
    let mut rest = trailer;
    while version >= Version::FOUR && rest.len() > LONGEST_MAC {
        if ExtensionField::take(&mut rest).is_none() {
            return Trailer::Odd;
        }
    }
    if matches!(rest.len(), 0 | KEY_ID_LENGTH..=20) { Trailer::Nothing } else { Trailer::Odd }
}

/// busybox: 20 or 24 octets of whatever. Its buffer has room for no more.
pub(super) fn by_busybox(_: Version, trailer: &[u8]) -> Trailer<'_> {
    match trailer.len() {
        0 | 20 | 24 => behind(trailer, trailer),
        _ => Trailer::Odd,
    }
}

/// OpenNTPD: 20 octets of whatever. Its buffer has room for no more.
pub(super) fn by_openntpd(_: Version, trailer: &[u8]) -> Trailer<'_> {
    match trailer.len() {
        0 | 20 => behind(trailer, trailer),
        _ => Trailer::Odd,
    }
}

/// What is left behind the extension fields.
fn behind<'a>(trailer: &'a [u8], rest: &'a [u8]) -> Trailer<'a> {
    let fields = trailer.len() - rest.len();
    match rest.split_first_chunk::<KEY_ID_LENGTH>() {
        None if !rest.is_empty() => Trailer::Odd,
        None if fields > 0 => Trailer::Fields,
        None => Trailer::Nothing,
        Some((&[0, 0, 0, 0], [])) => Trailer::CryptoNak,
        Some((_, [])) => Trailer::Odd,
        Some((key_id, digest)) => Trailer::Mac { fields, key_id: u32::from_be_bytes(*key_id), digest },
    }
}
