//! Extension fields: type, length, value (RFC 5905 section 7.5, RFC 7822).

use super::take;

/// Octets of a field before its value: type and length.
pub const FIELD_HEADER_LENGTH: usize = 4;

/// Shortest field that RFC 7822 allows, in octets.
pub const SHORTEST_FIELD: usize = 16;

/// Field type of the NTS authenticator and encrypted fields (RFC 8915 section 5.6).
pub const NTS_AUTHENTICATOR: u16 = 0x0404;

/// One extension field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionField<'a> {
    /// Field type, as on the wire.
    pub field_type: u16,
    /// What follows the four octets of type and length, padding included.
    pub value: &'a [u8],
}

impl<'a> ExtensionField<'a> {
    /// Eats one field from the front of `input`.
    ///
    /// The length must be a multiple of four and within `input`. Fields shorter than RFC 7822 allows are read:
    /// ntp.org takes them too, and the key decides whether they are fields.
    pub fn take(input: &mut &'a [u8]) -> Option<ExtensionField<'a>> {
        let rest = &mut &**input;
        let field_type = u16::from_be_bytes(take(rest)?);
        let length = usize::from(u16::from_be_bytes(take(rest)?));
        if !length.is_multiple_of(4) {
            return None;
        }
        let (value, rest) = rest.split_at_checked(length.checked_sub(FIELD_HEADER_LENGTH)?)?;
        *input = rest;
        Some(ExtensionField { field_type, value })
    }

    /// Length of the whole field in octets.
    pub fn length(&self) -> usize {
        FIELD_HEADER_LENGTH + self.value.len()
    }

    /// True for the fields of NTS (RFC 8915 section 5): unique identifier, cookie, placeholder, authenticator.
    pub fn is_nts(&self) -> bool {
        matches!(self.field_type, 0x0104 | 0x0204 | 0x0304 | NTS_AUTHENTICATOR)
    }

    /// The registered or customary name of the type; `None` when there is none.
    ///
    /// Types 0x0200 to 0x0209 with their response and error bits are Autokey's, except 0x0204, which NTS took
    /// for its cookie; [`Self::is_autokey`] tells where that one may be meant.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self.field_type {
            0x0104 => "nts-unique-identifier",
            0x0204 => "nts-cookie",
            0x0304 => "nts-cookie-placeholder",
            NTS_AUTHENTICATOR => "nts-authenticator",
            0x2005 => "udp-checksum-complement",
            0x010a => "network-correction",
            0xf323 => "chrony-monotonic-root",
            0xf324 => "chrony-network-correction",
            0xf501 => "ntpv5-padding",
            0xf502 => "ntpv5-mac",
            0xf503 => "ntpv5-reference-ids-request",
            0xf504 => "ntpv5-reference-ids-response",
            0xf505 => "ntpv5-server-information",
            0xf507 => "ntpv5-reference-timestamp",
            0xf508 => "ntpv5-monotonic-timestamp",
            0xf509 => "ntpv5-secondary-receive-timestamp",
            0xf5ff => "ntpv5-draft-identification",
            other => return autokey_name(other).or((other >= 0xf000).then_some("experimental")),
        })
    }

    /// True for a type that Autokey uses (RFC 5906 section 10), in ntp.org's octet order or in that of the old
    /// registry. Its code 4 in ntp.org's order is also the NTS cookie.
    pub fn is_autokey(&self) -> bool {
        autokey_code(self.field_type).is_some()
    }
}

/// The Autokey operation code of a field type: version 2 in one octet, code 0 to 9 in the other.
fn autokey_code(field_type: u16) -> Option<u8> {
    let [high, low] = (field_type & 0x3fff).to_be_bytes();
    match (high, low) {
        (2, code @ 0..=9) => Some(code),
        (code @ 0..=9, 2) => Some(code),
        _ => None,
    }
}

fn autokey_name(field_type: u16) -> Option<&'static str> {
    Some(match autokey_code(field_type)? {
        0 => "autokey-no-operation",
        1 => "autokey-association",
        2 => "autokey-certificate",
        3 => "autokey-cookie",
        4 => "autokey-autokey",
        5 => "autokey-leapseconds",
        6 => "autokey-sign",
        7 => "autokey-iff",
        8 => "autokey-gq",
        _ => "autokey-mv",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_field_and_leaves_the_rest() {
        let mut input: &[u8] = &[0x20, 0x05, 0, 8, 1, 2, 3, 4, 9];
        let field = ExtensionField::take(&mut input).unwrap();
        assert_eq!(field, ExtensionField { field_type: 0x2005, value: &[1, 2, 3, 4] });
        assert_eq!(field.name(), Some("udp-checksum-complement"));
        assert_eq!(input, [9]);
    }

    #[test]
    fn refuses_lengths_that_no_field_has() {
        for length in [0, 1, 3, 5, 7, 12, 0xfffc] {
            let [high, low] = u16::to_be_bytes(length);
            let mut input: &[u8] = &[0x20, 0x05, high, low, 1, 2, 3, 4];
            assert_eq!(ExtensionField::take(&mut input), None, "length {length}");
            assert_eq!(input.len(), 8, "nothing is eaten");
        }
    }

    #[test]
    fn names_autokey_in_either_octet_order() {
        for field_type in [0x0201, 0x8201, 0xc201, 0x0102, 0x8102, 0xc102] {
            let field = ExtensionField { field_type, value: &[] };
            assert_eq!(field.name(), Some("autokey-association"), "{field_type:#06x}");
        }
    }

    #[test]
    fn the_cookie_of_nts_keeps_its_name() {
        let field = ExtensionField { field_type: 0x0204, value: &[] };
        assert_eq!(field.name(), Some("nts-cookie"));
        assert!(field.is_autokey(), "the octets alone do not tell");
    }
}
