//! Secrets that stand in manuals and articles: whoever looks for a key tries these.

use crate::auth::hex;

/// Where a secret is published, if it is known to be.
pub(super) fn source_of(octets: &[u8]) -> Option<&'static str> {
    TEXTS
        .iter()
        .find(|(text, _)| text.as_bytes() == octets)
        .or_else(|| DIGITS.iter().find(|(digits, _)| is_spelled(digits, octets)))
        .map(|(_, source)| *source)
}

/// True when the octets are those that the digits stand for, or the digits themselves as text.
fn is_spelled(digits: &str, octets: &[u8]) -> bool {
    octets.eq_ignore_ascii_case(digits.as_bytes())
        || hex::decode(digits.as_bytes()).as_deref() == Some(octets)
}

const CHRONY: &str = "chrony's example key file";
const CHRONY_MANUAL: &str = "chrony's manual";
const LANTIME: &str = "the manual of Meinberg's LANTIME";
const TIMETOOLS: &str = "a manual of TimeTools' servers";
const TRUETIME: &str = "the manual of the XLi time server";
const CISCO: &str = "a guide to Cisco devices";

const TEXTS: [(&str, &str); 15] = [
    ("ALongAndRandomPassword", CHRONY),
    ("AVeryLongAndRandomPassword", CHRONY),
    ("tulip", CHRONY_MANUAL),
    ("hyacinth", CHRONY_MANUAL),
    ("crocus", CHRONY_MANUAL),
    ("sundial", LANTIME),
    ("RIrop8KPPvQvYotM", LANTIME),
    ("RaBBit", TIMETOOLS),
    ("TiMeLy", TIMETOOLS),
    ("MYKEY", TIMETOOLS),
    ("truetime", TRUETIME),
    ("TTXli", TRUETIME),
    ("aNiceKey", CISCO),
    ("AcingTheCCNA!", CISCO),
    ("a-secret-in-letters", "the test keys of ntpcap"),
];

const DIGITS: [(&str, &str); 6] = [
    ("B028F91EA5C38D06C2E140B26C7F41EC", CHRONY),
    ("29233E0461ECD6AE", LANTIME),
    ("933F62BE1D604E68A81B557F18CFA200483F5B70", CHRONY_MANUAL),
    ("7EA62AE64D190114D46D5A082F948EC1", CHRONY_MANUAL),
    ("37DDCBC67BB902BCB8E995977FAB4D2B5642F5B32EBCEEE421921D97E5CBFE39", CHRONY_MANUAL),
    ("0d7a7c31e1c1911f57a19c333b583ce2574c8e63", "the test keys of ntpcap"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_secrets_are_known_as_octets_and_as_digits() {
        assert_eq!(source_of(b"tulip"), Some(CHRONY_MANUAL));
        assert_eq!(source_of(b"7ea62ae64d190114d46d5a082f948ec1"), Some(CHRONY_MANUAL));
        let octets = hex::decode(b"29233E0461ECD6AE").unwrap();
        assert_eq!(source_of(&octets), Some(LANTIME));
        assert_eq!(source_of(b"tulips"), None);
    }
}
