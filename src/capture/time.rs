//! Capture times out of the units files keep them in.

use super::frame::CaptureTime;

const NANOSECONDS: u32 = 1_000_000_000;

impl CaptureTime {
    /// From whole seconds and a fraction of `units` a second. True beside it when the fraction holds a second or more.
    #[inline]
    pub(super) fn from_parts(seconds: u32, fraction: u32, units: FractionUnit) -> (Self, bool) {
        let (limit, scale) = match units {
            FractionUnit::Microsecond => (1_000_000, 1_000),
            FractionUnit::Nanosecond => (NANOSECONDS, 1),
        };
        let carried = fraction >= limit;
        let seconds = i64::from(seconds) + i64::from(fraction / limit);
        (Self { seconds, nanoseconds: (fraction % limit) * scale }, carried)
    }
}

/// What the fraction of a classic record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FractionUnit {
    /// Millionths of a second.
    Microsecond,
    /// Thousand-millionths of a second.
    Nanosecond,
}

/// How an interface counts time (`if_tsresol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Units of 10^-n s, n up to 127.
    Decimal(u8),
    /// Units of 2^-n s, n up to 127.
    Binary(u8),
}

impl Resolution {
    /// Microseconds, where an interface says nothing.
    pub(super) const DEFAULT: Self = Resolution::Decimal(6);

    /// From the octet of the option: the high bit chooses the base.
    pub(super) fn from_octet(octet: u8) -> Self {
        match octet & 0x80 {
            0 => Resolution::Decimal(octet),
            _ => Resolution::Binary(octet & 0x7f),
        }
    }

    /// The time `ticks` units and `offset` seconds after 1970.
    ///
    /// Seconds beyond what 64 bits hold stay at the limit. All else is exact, rounded towards the past.
    #[inline]
    pub(super) fn time(self, ticks: u64, offset: i64) -> CaptureTime {
        let (seconds, nanoseconds) = match self {
            Resolution::Decimal(6) => (ticks / 1_000_000, (ticks % 1_000_000) * 1_000),
            Resolution::Decimal(9) => (ticks / 1_000_000_000, ticks % 1_000_000_000),
            Resolution::Decimal(exponent) => decimal(ticks, exponent),
            Resolution::Binary(exponent) => binary(ticks, exponent),
        };
        CaptureTime {
            seconds: i64::try_from(i128::from(seconds) + i128::from(offset)).unwrap_or(i64::MAX),
            nanoseconds: u32::try_from(nanoseconds).unwrap_or(NANOSECONDS - 1),
        }
    }
}

/// Seconds and nanoseconds of `ticks` units of 10^-`exponent` s.
fn decimal(ticks: u64, exponent: u8) -> (u64, u64) {
    // Beyond 38 the power does not fit; 2^64 such units are far less than a nanosecond.
    let Some(units) = 10_u128.checked_pow(u32::from(exponent)) else { return (0, 0) };
    split(u128::from(ticks), units)
}

/// Seconds and nanoseconds of `ticks` units of 2^-`exponent` s.
fn binary(ticks: u64, exponent: u8) -> (u64, u64) {
    match 1_u128.checked_shl(u32::from(exponent)) {
        Some(units) => split(u128::from(ticks), units),
        None => (0, 0),
    }
}

/// Seconds and nanoseconds of `ticks` where a second has `units`, which is not zero.
fn split(ticks: u128, units: u128) -> (u64, u64) {
    let rest = ticks % units;
    // `rest` is below 2^64, so the product is below 2^94.
    let nanoseconds = rest * u128::from(NANOSECONDS) / units;
    (u64::try_from(ticks / units).unwrap_or(u64::MAX), u64::try_from(nanoseconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(octet: u8, ticks: u64, offset: i64) -> (i64, u32) {
        let time = Resolution::from_octet(octet).time(ticks, offset);
        (time.seconds, time.nanoseconds)
    }

    #[test]
    fn reads_every_resolution_exactly() {
        assert_eq!(time(6, 1_500_000, 0), (1, 500_000_000));
        assert_eq!(time(9, 1_000_000_001, 0), (1, 1));
        assert_eq!(time(0, 7, 0), (7, 0));
        assert_eq!(time(3, 7_123, 0), (7, 123_000_000));
        assert_eq!(time(12, 7_123_456_789_999, 0), (7, 123_456_789));
        assert_eq!(time(0x80 | 32, (5 << 32) | 0x8000_0000, 0), (5, 500_000_000));
        assert_eq!(time(0x80 | 10, 1024 + 256, 0), (1, 250_000_000));
        assert_eq!(time(0x80 | 64, u64::MAX, 0), (0, 999_999_999));
        assert_eq!(time(19, u64::MAX, 0), (1, 844_674_407));
        assert_eq!(time(0x80, 9, 0), (9, 0));
    }

    #[test]
    fn no_resolution_or_offset_overflows() {
        for octet in 0..=255 {
            for offset in [i64::MIN, -1, 0, i64::MAX] {
                for ticks in [0, 1, u64::MAX] {
                    assert!(time(octet, ticks, offset).1 < NANOSECONDS);
                }
            }
        }
        assert_eq!(time(0, u64::MAX, i64::MAX).0, i64::MAX);
        assert_eq!(time(6, 1_000_000, -3), (-2, 0));
    }

    #[test]
    fn carries_a_fraction_of_a_second_or_more() {
        let parts = |fraction, unit| CaptureTime::from_parts(10, fraction, unit);
        let time = |seconds, nanoseconds| CaptureTime { seconds, nanoseconds };
        assert_eq!(parts(999_999, FractionUnit::Microsecond), (time(10, 999_999_000), false));
        assert_eq!(parts(1_000_001, FractionUnit::Microsecond), (time(11, 1_000), true));
        assert_eq!(parts(4_000_000_005, FractionUnit::Nanosecond), (time(14, 5), true));
    }
}
