//! Mode 6, as far as it reads (RFC 9327): what `ntpq -c rv` asks for.
//!
//! A reply may be longer than its request, up to [`LONGEST_REPLY`] octets to 12. Whoever sends requests under a false
//! address could use that, so the shell answers only the addresses that it was given for this.

use std::fmt::Write as _;

use crate::ntp::NtpTimestamp;
use crate::ntp::control::ControlMessage;
use crate::ntp::header::Mode;
use crate::ntp::message::Message;

use super::clock::Clock;
use super::decision::{Answer, AnswerKind, Decision, Silence};
use super::policy::{Policy, System};

/// Octets of the longest reply.
pub const LONGEST_REPLY: usize = 256;

/// Operation codes that only read.
const READ_STATUS: u8 = 1;
const READ_VARIABLES: u8 = 2;

/// Error codes, in the upper octet of the status word.
const INVALID_OPERATION: u16 = 3 << 8;
const UNKNOWN_ASSOCIATION: u16 = 4 << 8;
const UNKNOWN_VARIABLE: u16 = 5 << 8;

/// Decides on a control message and writes the reply to `reply`, which is empty otherwise.
pub fn respond(policy: &Policy, octets: &[u8], clock: &dyn Clock, reply: &mut Vec<u8>) -> Decision {
    reply.clear();
    let request = match Message::parse(octets) {
        Ok(Message::Control(request)) if is_request(&request) => request,
        Ok(message) => return Decision::Silence(Silence::Mode(message.mode())),
        Err(_) => return Decision::Silence(Silence::TooShort(octets.len())),
    };
    let now = clock.now();
    match data(&policy.system, &request, now) {
        Ok(text) => request.write_reply(status(&policy.system), false, text.as_bytes(), reply),
        Err(error) => request.write_reply(error, true, &[], reply),
    }
    Decision::Answer(Answer {
        kind: AnswerKind::Control,
        mode: Mode::Control,
        interleaved: false,
        receive_timestamp: NtpTimestamp::ZERO,
        left: now,
    })
}

/// True for a request of the versions that tools send, with all the data that it announces.
fn is_request(request: &ControlMessage<'_>) -> bool {
    let is_known = (2..=4).contains(&request.version.number());
    !request.response && is_known && usize::from(request.count) <= request.rest().len()
}

/// What is read, or the error code.
fn data(system: &System, request: &ControlMessage<'_>, now: NtpTimestamp) -> Result<String, u16> {
    match (request.operation, request.association_id) {
        // There are no associations to list.
        (READ_STATUS, 0) => Ok(String::new()),
        (READ_VARIABLES, 0) => variables(system, request.data(), now),
        (READ_STATUS | READ_VARIABLES, _) => Err(UNKNOWN_ASSOCIATION),
        _ => Err(INVALID_OPERATION),
    }
}

/// The variables that are asked for, by their names, as far as they are known here; all of them when none is named.
fn variables(system: &System, asked: &[u8], now: NtpTimestamp) -> Result<String, u16> {
    let asked = String::from_utf8_lossy(asked);
    let asked: Vec<&str> = asked
        .split(',')
        .map(|name| name.trim_matches(['\0', ' ', '\r', '\n']))
        .filter(|name| !name.is_empty())
        .collect();
    let all = all_variables(system, now);
    if !asked.is_empty() && all.iter().all(|(known, _)| !asked.contains(known)) {
        return Err(UNKNOWN_VARIABLE);
    }
    let mut text = String::new();
    for (name, value) in all.iter().filter(|(name, _)| asked.is_empty() || asked.contains(name)) {
        let joint = if text.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{joint}{name}={value}");
    }
    Ok(text)
}

/// The system variables, in the order in which ntp.org's ntpd gives them.
fn all_variables(system: &System, now: NtpTimestamp) -> [(&'static str, String); 9] {
    let hexadecimal = |time: NtpTimestamp| format!("{:#010x}.{:08x}", time.0 >> 32, time.0 & 0xffff_ffff);
    let milliseconds = |seconds: f64| format!("{:.3}", seconds * 1_000.0);
    [
        ("version", concat!("\"ntpcap ", env!("CARGO_PKG_VERSION"), "\"").to_owned()),
        ("leap", format!("{:02b}", system.leap_indicator.bits())),
        ("stratum", if system.stratum == 0 { 16 } else { system.stratum }.to_string()),
        ("precision", system.precision.to_string()),
        ("rootdelay", milliseconds(system.root_delay.as_seconds())),
        ("rootdisp", milliseconds(system.root_dispersion.as_seconds())),
        ("refid", system.reference_id.display(system.stratum)),
        ("reftime", hexadecimal(system.reference_timestamp(now))),
        ("clock", hexadecimal(now)),
    ]
}

/// The system status word (RFC 9327 section 3): leap indicator, and where the time comes from: 5 for a clock at hand, 0
/// for none.
fn status(system: &System) -> u16 {
    let source = if system.stratum == 0 || system.stratum >= 16 { 0 } else { 5 };
    u16::from(system.leap_indicator.bits()) << 14 | source << 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{FixedClock, Habit};
    use proptest::prelude::*;

    const NOW: NtpTimestamp = NtpTimestamp(0xee00_0005_4000_0000);

    fn ask(octets: &[u8]) -> (Decision, Vec<u8>) {
        let policy = Policy::new(Habit::of_name("ntpcap").unwrap());
        let mut reply = vec![9];
        (respond(&policy, octets, &FixedClock::new(NOW, 0), &mut reply), reply)
    }

    fn request(operation: u8, association: u8, data: &[u8]) -> Vec<u8> {
        let count = u8::try_from(data.len()).unwrap();
        [&[0x16, operation, 0, 7, 0, 0, 0, association, 0, 0, 0, count][..], data].concat()
    }

    fn answered(octets: &[u8]) -> (u16, bool, String) {
        let (decision, reply) = ask(octets);
        assert!(matches!(decision, Decision::Answer(Answer { kind: AnswerKind::Control, .. })));
        let Ok(Message::Control(message)) = Message::parse(&reply) else { panic!("{reply:?}") };
        assert!(message.response && message.sequence == 7 && reply.len() <= LONGEST_REPLY);
        (message.status, message.error, String::from_utf8(message.data().to_vec()).unwrap())
    }

    #[test]
    fn all_variables_are_told_when_none_is_named() {
        let expected = concat!(
            "version=\"ntpcap ",
            env!("CARGO_PKG_VERSION"),
            "\", leap=00, stratum=5, precision=-20, ",
            "rootdelay=0.000, rootdisp=1.007, refid=127.127.1.0, reftime=0xee000000.00000000, ",
            "clock=0xee000005.40000000"
        );
        assert_eq!(answered(&request(2, 0, &[])), (0x0500, false, expected.to_owned()));
    }

    #[test]
    fn named_variables_alone_are_told_and_unknown_ones_are_an_error() {
        assert_eq!(answered(&request(2, 0, b"stratum, leap\r\n")).2, "leap=00, stratum=5");
        assert_eq!(answered(&request(2, 0, b"offset")), (UNKNOWN_VARIABLE, true, String::new()));
        assert_eq!(
            answered(&request(2, 0, b"stratum,offset")).2,
            "stratum=5",
            "tools ask for more than there is"
        );
    }

    #[test]
    fn there_are_no_associations_and_nothing_can_be_written() {
        assert_eq!(answered(&request(1, 0, &[])), (0x0500, false, String::new()));
        assert_eq!(answered(&request(2, 3, &[])).0, UNKNOWN_ASSOCIATION);
        for operation in [3, 5, 6, 8, 9, 10, 12, 31] {
            assert_eq!(answered(&request(operation, 0, b"x=1")), (INVALID_OPERATION, true, String::new()));
        }
    }

    #[test]
    fn replies_and_other_modes_are_not_answered() {
        assert_eq!(ask(&request(0x82, 0, &[])), (Decision::Silence(Silence::Mode(Mode::Control)), vec![]));
        let mut beyond = request(2, 0, b"leap");
        beyond[11] = 99;
        let version_1 = [&[0x0e][..], &request(2, 0, &[])[1..]].concat();
        for octets in [beyond, version_1] {
            assert_eq!(ask(&octets).0, Decision::Silence(Silence::Mode(Mode::Control)));
        }
        assert_eq!(ask(&[0x16, 2, 0]).0, Decision::Silence(Silence::TooShort(3)));
        assert_eq!(ask(&[0x23; 48]).0, Decision::Silence(Silence::Mode(Mode::Client)));
    }

    proptest! {
        #[test]
        fn whatever_comes_the_reply_is_bounded(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut octets = octets;
            if let Some(first) = octets.first_mut() {
                *first = 0x16;
            }
            prop_assert!(ask(&octets).1.len() <= LONGEST_REPLY);
        }
    }
}
