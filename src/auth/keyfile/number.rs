//! Numbers as the C library reads them: the key IDs of all three programs go through it.

/// A number at the start of a word, and whether anything but its plain decimal spelling was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leading {
    /// The value after C's conversion to 32 bits.
    pub(super) value: u32,
    /// True for a plain decimal number: no sign, leading zero, overflow or text after it.
    pub(super) plain: bool,
}

/// `atoi`, stored in 32 unsigned bits: reads a signed 64-bit number, clamps it and keeps the low half.
/// A word without digits is zero.
pub(super) fn atoi(word: &[u8]) -> Leading {
    let Some(digits) = Digits::find(word) else { return Leading { value: 0, plain: false } };
    let signed = match (digits.negative, i64::try_from(digits.magnitude)) {
        (false, Ok(value)) => value,
        (false, Err(_)) => i64::MAX,
        (true, Ok(value)) => -value,
        (true, Err(_)) => i64::MIN,
    };
    digits.leading(low_half(signed.cast_unsigned()))
}

/// `scanf` with `%u`: reads an unsigned 64-bit number, negates it for a minus sign and keeps the low half.
/// `None` without digits.
pub(super) fn scanf_unsigned(word: &[u8]) -> Option<Leading> {
    let digits = Digits::find(word)?;
    let unsigned = match (digits.negative, digits.overflow) {
        (_, true) => u64::MAX,
        (false, false) => digits.magnitude,
        (true, false) => digits.magnitude.wrapping_neg(),
    };
    Some(digits.leading(low_half(unsigned)))
}

struct Digits {
    negative: bool,
    /// The number, or the largest there is on overflow.
    magnitude: u64,
    overflow: bool,
    plain: bool,
}

impl Digits {
    fn find(word: &[u8]) -> Option<Digits> {
        // C's isspace also takes the vertical tab.
        let space = |octet: &u8| octet.is_ascii_whitespace() || *octet == 0x0b;
        let unspaced = word.get(word.iter().take_while(|octet| space(octet)).count()..).unwrap_or_default();
        let (negative, unsigned) = match unspaced.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, unspaced),
        };
        let count = unsigned.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let digits = unsigned.get(..count).filter(|digits| !digits.is_empty())?;
        let exact = digits.iter().try_fold(0_u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
        });
        let padded = count > 1 && digits.first() == Some(&b'0');
        Some(Digits {
            negative,
            magnitude: exact.unwrap_or(u64::MAX),
            overflow: exact.is_none(),
            plain: count == word.len() && !padded,
        })
    }

    fn leading(&self, value: u32) -> Leading {
        Leading { value, plain: self.plain && u64::from(value) == self.magnitude }
    }
}

fn low_half(value: u64) -> u32 {
    let [.., a, b, c, d] = value.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leading(value: u32, plain: bool) -> Leading {
        Leading { value, plain }
    }

    #[test]
    fn reads_key_ids_as_atoi_does() {
        assert_eq!(atoi(b"20"), leading(20, true));
        assert_eq!(atoi(b"20abc"), leading(20, false));
        assert_eq!(atoi(b"020"), leading(20, false));
        assert_eq!(atoi(b"+20"), leading(20, false));
        assert_eq!(atoi(b"0x14"), leading(0, false));
        assert_eq!(atoi(b"abc"), leading(0, false));
        assert_eq!(atoi(b"\r"), leading(0, false));
        assert_eq!(atoi(b"\r20"), leading(20, false));
        assert_eq!(atoi(b"-5"), leading(4_294_967_291, false));
        assert_eq!(atoi(b"4294967316"), leading(20, false));
        assert_eq!(atoi(b"99999999999999999999"), leading(u32::MAX, false));
        assert_eq!(atoi(b"-99999999999999999999"), leading(0, false));
    }

    #[test]
    fn reads_key_ids_as_scanf_does() {
        assert_eq!(scanf_unsigned(b"4294967295"), Some(leading(u32::MAX, true)));
        assert_eq!(scanf_unsigned(b"-5"), Some(leading(4_294_967_291, false)));
        assert_eq!(scanf_unsigned(b"0x14"), Some(leading(0, false)));
        assert_eq!(scanf_unsigned(b"20abc"), Some(leading(20, false)));
        assert_eq!(scanf_unsigned(b"020"), Some(leading(20, false)));
        assert_eq!(scanf_unsigned(b"4294967297"), Some(leading(1, false)));
        assert_eq!(scanf_unsigned(b"-99999999999999999999"), Some(leading(u32::MAX, false)));
        assert_eq!(scanf_unsigned(b"x"), None);
        assert_eq!(scanf_unsigned(b"-"), None);
        assert_eq!(scanf_unsigned(b""), None);
    }
}
