//! The four timestamps of a reply, within it and from one to the next.

use crate::conformance::case::{Case, Level};
use crate::conformance::clock::{SECOND, goes_astray, resolution, tick, units};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{lacks_nothing, served};
use crate::conformance::outcome::Judgement;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Header;

use super::state::is_synchronised;
use super::{each_header, ordinary, replies};

/// So many requests show whether timestamps advance.
const MANY: usize = 8;

/// By how much the clocks of the two ends may differ in rate and resolution within one round trip.
const ALLOWANCE: i64 = SECOND / 1_000;

/// The reference timestamp by which a server of version 4 says that it has version 5, where it is asked.
const VERSION_5: NtpTimestamp = NtpTimestamp(u64::from_be_bytes(*b"NTP5NTP5"));

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "header/receive-not-zero",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "the receive timestamp is not zero",
        why: "Zero means that it is not known: neither offset nor delay can be computed.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 3),
        judge: |context, evidence| {
            each_header(context, evidence, |header| known("receive", header.receive_timestamp))
        },
    },
    Case {
        slug: "header/transmit-not-zero",
        source: "RFC 5905 sections 7.3 and 8",
        level: Level::Must,
        summary: "the transmit timestamp is not zero",
        why: "It is the first that a client checks of a reply. The clock of an unsynchronised server runs too.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 3),
        judge: |context, evidence| {
            each_header(context, evidence, |header| known("transmit", header.transmit_timestamp))
        },
    },
    Case {
        slug: "header/receive-before-transmit",
        source: "RFC 5905 sections 7.3 and 8",
        level: Level::Must,
        summary: "the receive timestamp is not after the transmit timestamp",
        why: "A reply that leaves before its request came makes the delay too long, and the offset wrong by half of \
              that.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, MANY),
        judge: |context, evidence| of_replies(context, evidence, receive_before_transmit),
    },
    Case {
        slug: "header/receive-is-not-transmit",
        source: "RFC 9769 section 2, for servers with interleaved mode",
        level: Level::Should,
        summary: "receive and transmit timestamp of a reply differ where the server interleaves",
        why: "A client tells interleaved replies from others by which of its two timestamps comes back; of equal ones \
              it cannot.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| match seen.len() {
            MANY => Some(interleaved(context, seen)),
            _ => ordinary(context, seen, MANY),
        },
        judge: |context, evidence| of_replies(context, evidence, receive_is_not_transmit),
    },
    Case {
        slug: "header/transmit-advances",
        source: "RFC 5905 sections 4 and 8",
        level: Level::Must,
        summary: "each reply's transmit timestamp is later than the one before",
        why: "A client takes a reply with the transmit timestamp of the last one for a duplicate, and drops it.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, MANY),
        judge: |context, evidence| {
            of_replies(context, evidence, |replies| {
                advancing(replies, "transmit timestamps", |header| header.transmit_timestamp)
            })
        },
    },
    Case {
        slug: "header/receive-advances",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "receive timestamps are later than the transmit timestamps of replies before",
        why: "The request left when the reply before had come; by one clock its arrival is later. Else it is no \
              arrival that is told.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, MANY),
        judge: |context, evidence| {
            of_replies(context, evidence, |replies| {
                advancing(replies, "receive timestamps", |header| header.receive_timestamp)
            })
        },
    },
    Case {
        slug: "header/processing-within-round-trip",
        source: "RFC 5905 section 8",
        level: Level::Must,
        summary: "the time between receive and transmit fits into the round trip",
        why: "Else the delay is negative, which no network explains: timestamps are taken at the wrong moment.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, MANY),
        judge: processing,
    },
    Case {
        slug: "header/reference-not-after-transmit",
        source: "RFC 5905 section 7.3, appendix A.5.5.3",
        level: Level::Must,
        summary: "the reference timestamp is not later than the transmit timestamp",
        why: "It says when the clock was last set; clients tell by it how old its time is, and none was set in the \
              future.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 3),
        judge: |context, evidence| each_header(context, evidence, reference_before_transmit),
    },
    Case {
        slug: "header/reference-time-of-synchronised",
        source: "RFC 5905 section 7.3",
        level: Level::Should,
        summary: "a synchronised server tells when its clock was last set",
        why: "Clients distrust a server whose clock was set long ago; zero says that it never was.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 2),
        judge: |context, evidence| each_header(context, evidence, reference_time),
    },
];

fn known(name: &str, time: NtpTimestamp) -> Judgement {
    let actual = format!("{name} timestamp {:016x}", time.0);
    match time.is_zero() {
        true => Judgement::fail(format!("a {name} timestamp that is not zero"), actual),
        false => Judgement::pass(actual),
    }
}

/// Judges all replies together, where all came.
fn of_replies(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: fn(&[(Header, Reading<'_>)]) -> Judgement,
) -> Judgement {
    replies(context, evidence.own).map_or_else(|otherwise| otherwise, |replies| judge(&replies))
}

/// What is to be said of exceptions, which are a fault where they are proved and doubtful otherwise.
fn exceptions(expected: &str, pass: String, found: &[(usize, String)], is_proved: bool) -> Judgement {
    let Some((number, one)) = found.first() else { return Judgement::pass(pass) };
    let told = match found.len() {
        1 => format!("once {one}"),
        many => format!("{many} times, at first {one}"),
    };
    let judgement = match is_proved {
        true => Judgement::fail(expected, told),
        false => Judgement::warn(expected, told),
    };
    judgement.shown_by(*number)
}

fn receive_before_transmit(replies: &[(Header, Reading<'_>)]) -> Judgement {
    const EXPECTED: &str = "receive timestamps before transmit timestamps";
    let spent = |header: &Header| header.transmit_timestamp.since(header.receive_timestamp);
    let wrong = replies.iter().enumerate().filter(|(_, (header, _))| spent(header) < 0);
    let wrong: Vec<(usize, &Header)> = wrong.map(|(number, (header, _))| (number, header)).collect();
    let told = |header: &Header| format!("the request came {} after the reply left", seconds(-spent(header)));
    let is_clear = |(_, header): &&(usize, &Header)| -spent(header) > resolution(header).max(ALLOWANCE);
    // A single one may be a clock that was set just then.
    let is_proved = wrong.iter().filter(is_clear).count() > 1;
    let found: Vec<(usize, String)> = wrong.iter().map(|(number, header)| (*number, told(header))).collect();
    exceptions(EXPECTED, format!("{} replies", replies.len()), &found, is_proved)
}

/// A request that asks for an interleaved reply, as one that follows the last.
fn interleaved(context: &Context, seen: &[Exchange]) -> Stimulus {
    let last = seen.last().and_then(Exchange::reply).and_then(|reply| Header::parse(&reply.octets));
    let receive = NtpTimestamp(context.random());
    let request = context.request().header(|header| {
        header.origin_timestamp = last.map_or(NtpTimestamp::ZERO, |last| last.receive_timestamp);
        header.receive_timestamp = receive;
    });
    Stimulus::one(served(context, &request))
}

fn receive_is_not_transmit(replies: &[(Header, Reading<'_>)]) -> Judgement {
    let Some(((last, reading), basic)) = replies.split_last() else { return Judgement::pass("") };
    let interleaves = reading.asked().is_some_and(|asked| last.origin_timestamp == asked.receive_timestamp);
    let is_equal =
        |(header, _): &(Header, Reading<'_>)| header.receive_timestamp == header.transmit_timestamp;
    let actual = match interleaves {
        true => "the server interleaves",
        false => "the server does not interleave",
    };
    match basic.iter().position(is_equal) {
        None => Judgement::pass(format!("all differ; {actual}")),
        Some(number) if interleaves => {
            Judgement::fail("timestamps that differ", format!("equal ones; {actual}")).shown_by(number)
        }
        Some(number) => Judgement::info(format!("equal ones; {actual}")).shown_by(number),
    }
}

/// Timestamps are to be later than the transmit timestamp of the reply before.
fn advancing(
    replies: &[(Header, Reading<'_>)],
    name: &str,
    timestamp: fn(&Header) -> NtpTimestamp,
) -> Judgement {
    let expected = format!("{name} later than the transmit timestamp before");
    let steps = replies.iter().zip(replies.iter().skip(1)).enumerate();
    let step = |(number, ((before, _), (after, _))): (usize, (&(Header, _), &(Header, _)))| {
        let by = timestamp(after).since(before.transmit_timestamp);
        let told = || match by {
            0 => "the same".to_owned(),
            _ => format!("{} earlier", seconds(by.saturating_neg())),
        };
        (by <= 0).then(|| (number + 1, told()))
    };
    let wrong: Vec<(usize, String)> = steps.filter_map(step).collect();
    let is_astray = |before: usize, after: usize| match (replies.get(before), replies.get(after)) {
        (Some((before, sent)), Some((after, came))) => {
            let by = timestamp(after).since(before.transmit_timestamp);
            by <= 0 && passed(sent, came).saturating_sub(by) > tick(before)
        }
        _ => false,
    };
    let is_proved = goes_astray(replies.len(), is_astray);
    exceptions(&expected, format!("{} replies", replies.len()), &wrong, is_proved)
}

/// How long after a reply came, at least, the request for another one left.
fn passed(before: &Reading<'_>, after: &Reading<'_>) -> i64 {
    let left = after.reply.time.saturating_sub(after.reply.elapsed);
    units(left.saturating_sub(before.reply.time))
}

fn processing(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let replies = match replies(context, evidence.own) {
        Ok(replies) => replies,
        Err(judgement) => return judgement,
    };
    // What was asked again may be the answer to the first request: nobody knows its round trip.
    let once = evidence.own.iter().zip(&replies).enumerate().filter(|(_, (exchange, _))| exchange.tries <= 1);
    let wrong = once.filter_map(|(number, (_, (header, reading)))| {
        let spent = header.transmit_timestamp.since(header.receive_timestamp);
        let round_trip = units(reading.reply.elapsed);
        let off = (-spent).max(spent.saturating_sub(round_trip.saturating_add(ALLOWANCE)));
        let told = || format!("{} of a round trip of {}", seconds(spent), seconds(round_trip));
        (off > 0).then(|| (number, told(), off > tick(header)))
    });
    let wrong: Vec<(usize, String, bool)> = wrong.collect();
    let is_proved = wrong.iter().filter(|(_, _, is_clear)| *is_clear).count() > 1;
    let wrong: Vec<(usize, String)> = wrong.into_iter().map(|(number, told, _)| (number, told)).collect();
    match wrong.as_slice() {
        [(number, one)] => Judgement::info(format!("once {one}")).shown_by(*number),
        _ => {
            exceptions("from 0 s to the round trip", format!("{} replies", replies.len()), &wrong, is_proved)
        }
    }
}

fn reference_before_transmit(header: &Header) -> Judgement {
    const EXPECTED: &str = "a reference timestamp that is not later than the transmit timestamp";
    let reference = header.reference_timestamp;
    let later = reference.since(header.transmit_timestamp);
    match later {
        _ if reference.is_zero() => Judgement::pass("reference timestamp zero"),
        _ if reference == VERSION_5 => Judgement::info("reference timestamp NTP5NTP5"),
        ..=0 => Judgement::pass(format!("{} earlier", seconds(later.saturating_neg()))),
        1..=SECOND => Judgement::warn(EXPECTED, format!("{} later", seconds(later))),
        _ => Judgement::fail(EXPECTED, format!("{} later", seconds(later))),
    }
}

fn reference_time(header: &Header) -> Judgement {
    const EXPECTED: &str = "a reference timestamp of the last 36 hours";
    const LONGEST: i64 = 36 * 3_600 * SECOND;
    if !is_synchronised(header) {
        return Judgement::skip("the server is not synchronised");
    }
    let age = header.transmit_timestamp.since(header.reference_timestamp);
    match age {
        _ if header.reference_timestamp.is_zero() => Judgement::warn(EXPECTED, "reference timestamp zero"),
        LONGEST.. => Judgement::warn(EXPECTED, format!("{} before", seconds(age))),
        _ => Judgement::pass(format!("{} before", seconds(age))),
    }
}

/// A difference of timestamps in words.
fn seconds(difference: i64) -> String {
    let nanoseconds = (i128::from(difference) * 1_000_000_000) >> 32;
    match nanoseconds.unsigned_abs() {
        0..1_000_000_000 => format!("{} us", nanoseconds / 1_000),
        long => {
            let sign = if nanoseconds < 0 { "-" } else { "" };
            format!("{sign}{}.{:03} s", long / 1_000_000_000, long / 1_000_000 % 1_000)
        }
    }
}
