//! Cisco's type-7 texts: secrets that are hidden, not encrypted.

use super::hex;

/// The text that Cisco's type-7 obfuscation hides: two decimal digits say where in a fixed string to begin, and each
/// octet of the text is combined with one of that string by exclusive or. `None` when it is no such text, or hides
/// none that can be printed.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (salt, digits) = text.split_at_checked(2).filter(|(_, digits)| !digits.is_empty())?;
    let salt: usize = std::str::from_utf8(salt).ok()?.parse().ok()?;
    if salt >= PAD.len() {
        return None;
    }
    let plain = combine(&hex::decode(digits)?, salt);
    plain.iter().all(|octet| matches!(octet, b' '..=b'~')).then_some(plain)
}

/// The type-7 text that hides `plain`, with capital digits as routers show it.
pub fn encode(plain: &[u8], salt: usize) -> Vec<u8> {
    let mut text = format!("{salt:02}").into_bytes();
    text.extend(hex::encode(&combine(plain, salt)).to_ascii_uppercase());
    text
}

fn combine(octets: &[u8], salt: usize) -> Vec<u8> {
    let keys = PAD.iter().cycle().skip(salt);
    octets.iter().zip(keys).map(|(octet, key)| octet ^ key).collect()
}

/// The string that every router uses.
const PAD: &[u8; 53] = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87";

/// Salts that routers choose among.
pub const SALTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts shown in public documentation of the scheme; `tests/make/diagnosis.py` decodes them too.
    #[test]
    fn type_7_texts_give_what_is_published() {
        for hidden in ["094F471A1A0A", "0822455D0A16", "13061E010803", "02050D480809", "060506324F41"] {
            assert_eq!(decode(hidden.as_bytes()).as_deref(), Some(b"cisco".as_slice()), "{hidden}");
        }
        assert_eq!(encode(b"cisco", 9), b"094F471A1A0A");
        assert_eq!(encode(b"cisco", 2), b"02050D480809");
        for none in ["", "09", "99AABB", "094F471A1A0", "x94F471A1A0A", "00FFFFFF"] {
            assert_eq!(decode(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn type_7_begins_again_where_its_string_ends() {
        let plain = vec![b'p'; 60];
        for salt in [0, 15, 52] {
            assert_eq!(decode(&encode(&plain, salt)).unwrap(), plain);
        }
    }
}
