//! A request and its reply: how they belong together, and what they say about time.

use crate::capture::CaptureTime;
use crate::ntp::timestamp::{NtpTimestamp, UnixTime};

use super::finding::Place;

/// A reply and the request that it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// Where the request is.
    pub request: Place,
    /// Where the reply is. Before the request, where the capture has them in that order.
    pub reply: Place,
    /// How the reply names its request.
    pub mode: ExchangeMode,
    /// What its timestamps say. Nothing in interleaved mode, where the reply tells when the one before it left.
    pub times: Times,
    /// From request to reply as the capture saw them, in seconds; negative when they stand in the other order.
    pub round_trip: Option<f64>,
    /// The exchange before this one, of which an interleaved reply tells the times.
    pub completed: Option<Completed>,
}

/// What the timestamps of an exchange say, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// From the request's arrival to the reply's departure by the server's clock.
    pub server_time: Option<f64>,
    /// Server's clock minus the capture's clock, if both ways took equally long.
    pub offset: Option<f64>,
    /// Both ways between capture and server together.
    pub delay: Option<f64>,
}

/// An exchange whose reply left at the time that the interleaved reply after it tells (RFC 9769 section 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Completed {
    /// Where its request is.
    pub request: Place,
    /// Where its reply is.
    pub reply: Place,
    /// What the timestamps say.
    pub times: Times,
}

/// How a reply names its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeMode {
    /// Origin timestamp = the request's transmit timestamp (RFC 5905 section 8).
    Basic,
    /// Origin timestamp = the request's receive timestamp (RFC 9769).
    Interleaved,
    /// The sequence number of a control message, or the request code of a private one.
    Sequence,
}

impl ExchangeMode {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            ExchangeMode::Basic => "basic",
            ExchangeMode::Interleaved => "interleaved",
            ExchangeMode::Sequence => "sequence",
        }
    }
}

/// One end of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Where its message is.
    pub place: Place,
    /// When that was captured.
    pub time: Option<CaptureTime>,
}

impl Exchange {
    /// Puts together what a reply says by its receive and transmit timestamps.
    pub fn new(
        mode: ExchangeMode,
        request: End,
        reply: End,
        received: NtpTimestamp,
        sent: NtpTimestamp,
    ) -> Exchange {
        let times = match mode {
            ExchangeMode::Basic => Times::new(request, reply, received, sent),
            ExchangeMode::Interleaved | ExchangeMode::Sequence => Times::default(),
        };
        let round_trip = captured(request, reply).map(|(asked, answered)| seconds(answered.since(asked)));
        Exchange { request: request.place, reply: reply.place, mode, times, round_trip, completed: None }
    }
}

impl Times {
    /// Computes them; none where the server's timestamps are not set.
    pub fn new(request: End, reply: End, received: NtpTimestamp, sent: NtpTimestamp) -> Times {
        if received.is_zero() || sent.is_zero() {
            return Times::default();
        }
        let captured = captured(request, reply);
        let server_time = seconds(sent.since(received));
        let offset = captured.map(|(asked, answered)| {
            nanoseconds(f64::midpoint(seconds(received.since(asked)), seconds(sent.since(answered))))
        });
        let delay =
            captured.map(|(asked, answered)| nanoseconds(seconds(answered.since(asked)) - server_time));
        Times { server_time: Some(server_time), offset, delay }
    }
}

/// When request and reply were captured.
fn captured(request: End, reply: End) -> Option<(NtpTimestamp, NtpTimestamp)> {
    request.time.zip(reply.time).map(|(request, reply)| (to_ntp(request), to_ntp(reply)))
}

fn to_ntp(time: CaptureTime) -> NtpTimestamp {
    UnixTime { seconds: time.seconds, nanoseconds: time.nanoseconds }.to_ntp()
}

/// Units of 2^-32 s as seconds, to the nanosecond: captures know no more.
fn seconds(difference: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits hold a year to the nanosecond")]
    let units = difference as f64;
    nanoseconds(units / 4_294_967_296.0)
}

/// Rounds to the nanosecond.
fn nanoseconds(seconds: f64) -> f64 {
    (seconds * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Era 0 ends 0.25 s after the request; the server holds it for 0.5 s, its clock is right.
    #[test]
    fn times_are_computed_across_the_era_boundary() {
        let timestamp = |quarters: i64| NtpTimestamp(quarters.wrapping_mul(1 << 30).cast_unsigned());
        let end = |frame, quarters: i64| {
            let nanoseconds = u32::try_from(quarters.rem_euclid(4)).unwrap() * 250_000_000;
            let seconds = crate::ntp::timestamp::ERA_ONE + quarters.div_euclid(4);
            End { place: Place { capture: 0, frame }, time: Some(CaptureTime { seconds, nanoseconds }) }
        };
        let exchange = Exchange::new(ExchangeMode::Basic, end(1, -2), end(2, 2), timestamp(-1), timestamp(1));
        assert_eq!(exchange.times.server_time, Some(0.5));
        assert_eq!(exchange.times.offset, Some(0.0));
        assert_eq!(exchange.times.delay, Some(0.5));
        assert_eq!(exchange.round_trip, Some(1.0));
    }

    #[test]
    fn interleaved_replies_and_zero_timestamps_tell_no_times() {
        let end = |frame| End { place: Place { capture: 0, frame }, time: None };
        let five = NtpTimestamp(5);
        let interleaved = Exchange::new(ExchangeMode::Interleaved, end(1), end(2), five, five);
        assert_eq!((interleaved.times.server_time, interleaved.round_trip), (None, None));
        let unset = Exchange::new(ExchangeMode::Basic, end(1), end(2), NtpTimestamp::ZERO, five);
        assert_eq!(unset.times.server_time, None);
    }
}
