//! The obfuscation that routers call type 7. It hides a password from a glance and from nothing else.

use super::hex::{from_hex, to_hex};

/// The text that type 7 hides: two decimal digits say where in a fixed string to begin, and each octet of the text is
/// combined with one of that string by exclusive or. `None` when it is no such text, or hides none that can be
/// printed.
pub(crate) fn from_type7(text: &[u8]) -> Option<Vec<u8>> {
    let (salt, digits) = text.split_at_checked(2).filter(|(_, digits)| !digits.is_empty())?;
    let salt: usize = std::str::from_utf8(salt).ok()?.parse().ok()?;
    if salt >= STRING.len() {
        return None;
    }
    let plain = combine(&from_hex(digits)?, salt);
    plain.iter().all(|octet| matches!(octet, b' '..=b'~')).then_some(plain)
}

/// The type-7 text that hides `plain`, with capital digits as routers show it.
pub(crate) fn to_type7(plain: &[u8], salt: usize) -> Vec<u8> {
    let mut text = format!("{salt:02}").into_bytes();
    text.extend(to_hex(&combine(plain, salt)).to_ascii_uppercase());
    text
}

fn combine(octets: &[u8], salt: usize) -> Vec<u8> {
    let keys = STRING.iter().cycle().skip(salt);
    octets.iter().zip(keys).map(|(octet, key)| octet ^ key).collect()
}

/// The string that every router uses.
const STRING: &[u8; 53] = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87";

/// Salts that routers choose among.
pub(crate) const TYPE7_SALTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts shown in public documentation of the scheme; `tests/make/diagnosis.py` decodes them too.
    #[test]
    fn type_7_texts_give_what_is_published() {
        for hidden in ["094F471A1A0A", "0822455D0A16", "13061E010803", "02050D480809", "060506324F41"] {
            assert_eq!(from_type7(hidden.as_bytes()).as_deref(), Some(&b"cisco"[..]), "{hidden}");
        }
        assert_eq!(to_type7(b"cisco", 9), b"094F471A1A0A");
        assert_eq!(to_type7(b"cisco", 2), b"02050D480809");
        for none in ["", "09", "99AABB", "094F471A1A0", "x94F471A1A0A", "00FFFFFF"] {
            assert_eq!(from_type7(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn type_7_begins_again_where_its_string_ends() {
        let plain = vec![b'p'; 60];
        for salt in [0, 15, 52] {
            assert_eq!(from_type7(&to_type7(&plain, salt)).unwrap(), plain);
        }
    }
}
