//! Values of parameters, from text.

use std::time::Duration;

use crate::auth::Algorithm;
use crate::ntp::header::Mode;

use super::Source;
use super::spec::Offset;

/// A time with its unit: `200ms`, `8s`, `2m`, `1h`, or `0`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "us" => return Some(Duration::from_micros(number)),
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "" if number == 0 => 1,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

/// A time with sign and unit: `+1h`, `-500ms`.
pub(super) fn offset(text: &str) -> Option<Offset> {
    let (is_behind, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let time = duration(rest)?;
    let seconds = i64::try_from(time.as_secs()).ok().filter(|seconds| *seconds < 1 << 31)?;
    let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
    let units = (seconds << 32) | fraction.cast_signed();
    Some(Offset(if is_behind { -units } else { units }))
}

/// A number that is not zero.
pub(super) fn from_one(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

pub(super) fn algorithm(text: &str) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == text)
}

/// A kiss code: one to four printable letters, as on the wire.
pub(super) fn code(text: &str) -> Option<[u8; 4]> {
    let is_printable = text.bytes().all(|octet| octet.is_ascii_graphic());
    if text.is_empty() || text.len() > 4 || !is_printable {
        return None;
    }
    let mut code = [0; 4];
    code.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    Some(code)
}

/// A mode by its name or number.
pub(super) fn mode(text: &str) -> Option<Mode> {
    (0..8).map(Mode::from_bits).find(|mode| mode.name() == text || mode.bits().to_string() == text)
}

pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

pub(super) fn source(text: &str) -> Option<Source> {
    match text {
        "same" => Some(Source::Asked),
        "port" => Some(Source::OtherPort),
        "address" => Some(Source::OtherAddress),
        _ => None,
    }
}

/// A number in decimal or, behind `0x`, in hexadecimal.
pub(super) fn field_type(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
