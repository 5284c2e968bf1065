//! Times as text: RFC 3339, UTC, nanoseconds.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::capture::CaptureTime;
use crate::ntp::timestamp::{ERA_ONE, NtpTimestamp, UnixTime};

/// A time that writes itself as `2026-11-25T04:26:56.123456789Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339(UnixTime);

impl Rfc3339 {
    /// Of a capture time.
    pub fn of_capture(time: CaptureTime) -> Rfc3339 {
        Rfc3339(UnixTime { seconds: time.seconds, nanoseconds: time.nanoseconds })
    }

    fn timestamp(self) -> Option<jiff::Timestamp> {
        // jiff wants seconds and nanoseconds of one sign; adding keeps times before 1970 right.
        let seconds = jiff::Timestamp::from_second(self.0.seconds).ok()?;
        seconds.checked_add(jiff::SignedDuration::from_nanos(i64::from(self.0.nanoseconds))).ok()
    }
}

/// An NTP timestamp in the era nearest to the capture time; `None` for zero.
pub fn near_capture(timestamp: NtpTimestamp, capture: Option<CaptureTime>) -> Option<Rfc3339> {
    timestamp.near(capture.map_or(ERA_ONE, |time| time.seconds)).map(Rfc3339)
}

impl fmt::Display for Rfc3339 {
    /// A precision says how many digits of the second's fraction are written; nine without one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = formatter.precision().unwrap_or(9);
        match self.timestamp() {
            Some(timestamp) => write!(formatter, "{timestamp:.digits$}"),
            // Years that the calendar does not reach.
            None => write!(formatter, "@{}.{:09}", self.0.seconds, self.0.nanoseconds),
        }
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64, nanoseconds: u32) -> String {
        Rfc3339(UnixTime { seconds, nanoseconds }).to_string()
    }

    #[test]
    fn writes_nine_digits_and_utc() {
        assert_eq!(text(1_795_581_943, 5), "2026-11-25T04:45:43.000000005Z");
        assert_eq!(text(2_085_978_496, 0), "2036-02-07T06:28:16.000000000Z");
    }

    #[test]
    fn counts_up_from_the_second_before_1970() {
        assert_eq!(text(-1, 999_999_999), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn years_beyond_the_calendar_are_still_written() {
        assert_eq!(text(i64::MAX, 1), "@9223372036854775807.000000001");
    }
}
