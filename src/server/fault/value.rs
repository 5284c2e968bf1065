//! Values of parameters, from text.

use std::time::Duration;

use crate::auth::Algorithm;
use crate::ntp::header::{Mode, Version};

use super::Source;
use super::scope::Span;
use super::spec::Offset;

pub(super) const DURATION: &str = "a time with its unit, such as 200ms, 8s or 2m";
pub(super) const SPAN: &str = "a number up to 65535, or the first and the last, such as 60-200";
pub(super) const VERSION: &str = "a number from 0 to 7";
pub(super) const YES_OR_NO: &str = "yes or no";

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
    letters(text)
}

/// Printable letters, one at least, with zeros behind them.
fn letters<const MOST: usize>(text: &str) -> Option<[u8; MOST]> {
    let is_printable = text.bytes().all(|octet| octet.is_ascii_graphic());
    if text.is_empty() || text.len() > MOST || !is_printable {
        return None;
    }
    let mut letters = [0; MOST];
    letters.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    Some(letters)
}

pub(super) fn version(text: &str) -> Option<Version> {
    let number: u8 = text.parse().ok().filter(|number| *number < 8)?;
    Some(Version::from_bits(number))
}

/// A number, or the first and the last one: `80`, `60-200`.
pub(super) fn span(text: &str) -> Option<Span> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let span = Span { first: first.parse().ok()?, last: last.parse().ok()? };
    (span.first <= span.last).then_some(span)
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

/// A field of the header that a fault sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a field of `Header`")]
pub enum HeaderField {
    Leap,
    Stratum,
    Poll,
    Precision,
    RootDelay,
    RootDispersion,
    ReferenceId,
    ReferenceTime,
    ReceiveTime,
    TransmitTime,
}

impl HeaderField {
    const ALL: [(&'static str, HeaderField); 10] = [
        ("leap", HeaderField::Leap),
        ("stratum", HeaderField::Stratum),
        ("poll", HeaderField::Poll),
        ("precision", HeaderField::Precision),
        ("root-delay", HeaderField::RootDelay),
        ("root-dispersion", HeaderField::RootDispersion),
        ("reference-id", HeaderField::ReferenceId),
        ("reference-time", HeaderField::ReferenceTime),
        ("receive-time", HeaderField::ReceiveTime),
        ("transmit-time", HeaderField::TransmitTime),
    ];

    pub(super) const EXPECTED: &'static str = "leap, stratum, poll, precision, root-delay, root-dispersion, \
                                               reference-id, reference-time, receive-time or transmit-time";

    pub(super) fn of_name(name: &str) -> Option<HeaderField> {
        named(name, HeaderField::ALL)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        HeaderField::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }

    /// What its value is, in words.
    pub fn expects(self) -> &'static str {
        match self {
            HeaderField::Leap => "a number from 0 to 3",
            HeaderField::Stratum => "a number from 0 to 255",
            HeaderField::Poll | HeaderField::Precision => "a number from -128 to 127",
            HeaderField::RootDelay | HeaderField::RootDispersion => "a number of seconds up to 65535",
            HeaderField::ReferenceId => "one to four letters, or a number of 32 bits",
            HeaderField::ReferenceTime | HeaderField::ReceiveTime | HeaderField::TransmitTime => {
                "0, eight letters, or how far it is off with sign and unit, such as +1h"
            }
        }
    }

    /// True for a value that the field can have.
    pub fn takes(self, value: Value) -> bool {
        let (number, is_short, is_full) = match value {
            Value::Number(number) => (Some(number), false, false),
            Value::Letters([_, _, _, _, fifth, .., last]) => (None, fifth == 0, last != 0),
            Value::Offset(_) => (None, false, true),
        };
        let is_up_to = |first: i64, last: i64| number.is_some_and(|it| (first..=last).contains(&it));
        match self {
            HeaderField::Leap => is_up_to(0, 3),
            HeaderField::Stratum => is_up_to(0, 255),
            HeaderField::Poll | HeaderField::Precision => is_up_to(-128, 127),
            HeaderField::RootDelay | HeaderField::RootDispersion => is_up_to(0, 65_535),
            HeaderField::ReferenceId => is_short || is_up_to(0, u32::MAX.into()),
            HeaderField::ReferenceTime | HeaderField::ReceiveTime | HeaderField::TransmitTime => {
                is_full || is_up_to(0, 0)
            }
        }
    }
}

/// What a field of the header is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, as the field counts.
    Number(i64),
    /// So far from what is right.
    Offset(Offset),
    /// Letters, with zeros behind them.
    Letters([u8; 8]),
}

impl Value {
    /// A number, in hexadecimal behind `0x`; a time with sign and unit; or letters.
    pub(super) fn of_text(text: &str) -> Option<Value> {
        let number = match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        let has_sign = text.starts_with(['+', '-']);
        let offset = || offset(text).filter(|_| has_sign).map(Value::Offset);
        number.map(Value::Number).or_else(offset).or_else(|| letters(text).map(Value::Letters))
    }
}

/// Why a datagram is not answered, as far as a fault can have it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its version.
    Version,
    /// Its mode.
    Mode,
    /// It is shorter than a header.
    Short,
    /// What follows its header.
    Trailer,
    /// It is a crypto-NAK.
    CryptoNak,
    /// It is a control message or a private one, whatever else it is.
    Control,
}

impl Reason {
    pub(super) const EXPECTED: &'static str = "version, mode, short, trailer, crypto-nak or control";

    pub(super) fn of_name(name: &str) -> Option<Reason> {
        let all = [
            ("version", Reason::Version),
            ("mode", Reason::Mode),
            ("short", Reason::Short),
            ("trailer", Reason::Trailer),
            ("crypto-nak", Reason::CryptoNak),
            ("control", Reason::Control),
        ];
        named(name, all)
    }
}

/// How something is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Without a MAC.
    Plain,
    /// With a MAC.
    Signed,
    /// With a crypto-NAK.
    Nak,
}

impl Form {
    pub(super) const EXPECTED: &'static str = "plain, signed or nak";

    pub(super) fn of_name(name: &str) -> Option<Form> {
        named(name, [("plain", Form::Plain), ("signed", Form::Signed), ("nak", Form::Nak)])
    }
}

fn named<T, const COUNT: usize>(name: &str, all: [(&str, T); COUNT]) -> Option<T> {
    all.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}
