//! Octets as hex digits.

/// The octets of an even number of hex digits.
pub fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(hex_octet).collect()
}

/// Octets as lower-case hex digits.
pub fn encode(octets: &[u8]) -> Vec<u8> {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect()
}

fn hex_octet(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    Some(hex_value(*high)? << 4 | hex_value(*low)?)
}

/// The value of a hex digit.
fn hex_value(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_pairs_of_either_case() {
        assert_eq!(decode(b"0a1BfF").unwrap(), [0x0a, 0x1b, 0xff]);
        assert_eq!(decode(b"0a1"), None);
        assert_eq!(decode(b"0g"), None);
        assert_eq!(encode(&[0x0a, 0xff]), b"0aff");
    }
}
