//! Hexadecimal digits.

/// The value of a digit of either case.
pub(crate) fn digit_value(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

/// The octets of an even number of digits.
pub(crate) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(octet).collect()
}

fn octet(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    Some(digit_value(*high)? << 4 | digit_value(*low)?)
}

/// Octets as lower-case digits.
pub(crate) fn to_hex(octets: &[u8]) -> Vec<u8> {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_pairs_of_either_case() {
        assert_eq!(from_hex(b"0a1BfF").unwrap(), [0x0a, 0x1b, 0xff]);
        assert_eq!(from_hex(b"0a1"), None);
        assert_eq!(from_hex(b"0g"), None);
        assert_eq!(to_hex(&[0x0a, 0xff]), b"0aff");
    }
}
