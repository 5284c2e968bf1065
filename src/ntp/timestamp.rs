//! NTP's two fixed-point formats (RFC 5905 section 6).

/// Seconds from 1900-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
const UNIX_EPOCH_IN_NTP_SECONDS: i64 = 2_208_988_800;

/// Length of an era in seconds.
const ERA_SECONDS: i64 = 1 << 32;

/// The first second of era 1, 2036-02-07T06:28:16Z, in seconds since 1970.
pub const ERA_ONE: i64 = ERA_SECONDS - UNIX_EPOCH_IN_NTP_SECONDS;

/// A time in NTP timestamp format: 32 bits of seconds since the start of an era, 32 bits of fraction.
///
/// RFC 5905 section 6. The era is not in the octets; zero means "not known".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NtpTimestamp(pub u64);

/// A time on the UTC scale: seconds since 1970-01-01T00:00:00Z and nanoseconds into that second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime {
    /// Whole seconds, rounded towards the past; negative before 1970.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl NtpTimestamp {
    /// The reserved value for a time that is not known.
    pub const ZERO: NtpTimestamp = NtpTimestamp(0);

    /// Reads the eight octets of the wire format.
    pub fn from_octets(octets: [u8; 8]) -> NtpTimestamp {
        NtpTimestamp(u64::from_be_bytes(octets))
    }

    /// The eight octets of the wire format.
    pub fn to_octets(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// True for the reserved value "not known".
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The time in the era that brings it nearest to `pivot` (seconds since 1970), at most 68 years away.
    /// `None` for the reserved value zero.
    ///
    /// RFC 5905 section 6 leaves the era to knowledge from elsewhere. For a capture that is the capture time;
    /// without one, [`ERA_ONE`] gives the years 1968 to 2104.
    pub fn near(self, pivot: i64) -> Option<UnixTime> {
        if self.is_zero() {
            return None;
        }
        let in_era_zero = i64::from(self.seconds()) - UNIX_EPOCH_IN_NTP_SECONDS;
        let eras = pivot.saturating_sub(in_era_zero).saturating_add(ERA_SECONDS / 2).div_euclid(ERA_SECONDS);
        let seconds = in_era_zero.saturating_add(eras.saturating_mul(ERA_SECONDS));
        Some(UnixTime { seconds, nanoseconds: self.nanoseconds() })
    }

    /// The signed difference `self - earlier` in units of 2^-32 s. Right whatever the eras, for times that are
    /// less than 68 years apart.
    pub fn since(self, earlier: NtpTimestamp) -> i64 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    fn seconds(self) -> u32 {
        let [a, b, c, d, ..] = self.to_octets();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Nanoseconds of the fraction, rounded down.
    fn nanoseconds(self) -> u32 {
        let fraction = self.0 & 0xffff_ffff;
        u32::try_from((fraction * 1_000_000_000) >> 32).unwrap_or(999_999_999)
    }
}

impl UnixTime {
    /// The same instant as an NTP timestamp of its era, rounded down to 2^-32 s.
    pub fn to_ntp(self) -> NtpTimestamp {
        let seconds = self.seconds.wrapping_add(UNIX_EPOCH_IN_NTP_SECONDS).cast_unsigned();
        let fraction = (u64::from(self.nanoseconds) << 32) / 1_000_000_000;
        NtpTimestamp((seconds << 32) | fraction)
    }
}

/// A length of time in NTP short format: 16 bits of seconds, 16 bits of fraction (units of 2^-16 s).
///
/// RFC 5905 section 6; root delay and root dispersion use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NtpShort(pub u32);

impl NtpShort {
    /// The length in seconds; exact, since a double holds every value of the format.
    pub fn as_seconds(self) -> f64 {
        f64::from(self.0) / 65_536.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_2026: i64 = 1_795_581_943;

    fn at(seconds: u32) -> NtpTimestamp {
        NtpTimestamp(u64::from(seconds) << 32)
    }

    #[test]
    fn reads_a_time_of_this_century_in_era_zero() {
        // 2026-11-25T04:45:43Z by the article's own ntp-keygen header: 4004570743.
        assert_eq!(at(4_004_570_743).near(YEAR_2026).unwrap().seconds, 1_795_581_943);
    }

    #[test]
    fn reads_the_first_second_of_era_one() {
        let timestamp = NtpTimestamp(0x8000_0000); // half a second into era 1
        let time = timestamp.near(YEAR_2026).unwrap();
        assert_eq!(time, UnixTime { seconds: 2_085_978_496, nanoseconds: 500_000_000 });
    }

    #[test]
    fn reads_a_time_before_1970_when_that_is_nearer() {
        // 1969-12-31T23:59:59Z
        assert_eq!(at(2_208_988_799).near(YEAR_2026).unwrap().seconds, -1);
    }

    #[test]
    fn zero_is_no_time() {
        assert_eq!(NtpTimestamp::ZERO.near(YEAR_2026), None);
    }

    #[test]
    fn extreme_pivots_do_not_overflow() {
        for pivot in [i64::MIN, i64::MAX, 0, ERA_ONE] {
            assert!(at(1).near(pivot).is_some());
        }
    }

    #[test]
    fn differences_cross_the_era_boundary() {
        assert_eq!(at(1).since(at(u32::MAX)), 2 << 32);
        assert_eq!(at(u32::MAX).since(at(1)), -(2 << 32));
    }

    #[test]
    fn unix_time_becomes_the_same_timestamp() {
        let time = UnixTime { seconds: 2_085_978_496, nanoseconds: 500_000_000 };
        assert_eq!(time.to_ntp(), NtpTimestamp(0x8000_0000));
    }

    #[test]
    fn short_format_counts_in_units_of_two_to_the_minus_sixteen() {
        assert!((NtpShort(0x0001_8000).as_seconds() - 1.5).abs() < f64::EPSILON);
    }
}
