//! What of a request comes back in its reply, and what must not.

use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each, each_reply, lacks_nothing, lacks_plain_service, lost, served};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading, Request};
use crate::ntp::header::{Header, LeapIndicator, Mode};
use crate::ntp::timestamp::NtpShort;
use crate::ntp::{NtpTimestamp, ReferenceId};

use super::{ordinary, replies, unanswered};

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "header/length",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "a reply without fields and MAC is 48 octets long",
        why: "Clients with a fixed buffer drop anything else, and nobody asked for a MAC.",
        differs: "",
        lacks: lacks_plain_service,
        ask: |context, seen| (seen.len() < 3).then(|| Stimulus::one(context.request().octets())),
        judge: |context, evidence| each_of(context, evidence, "length", length),
    },
    Case {
        slug: "header/origin-echo",
        source: "RFC 5905 section 8, figure 31",
        level: Level::Must,
        summary: "the origin timestamp is the request's transmit timestamp, bit for bit",
        why: "It is the only thing in a plain reply that an attacker off the path cannot know; clients drop every other \
              reply as bogus.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let values = [context.random(), 1, u64::MAX, 1 << 63];
            let transmit = NtpTimestamp(*values.get(seen.len())?);
            let request = context.request().header(|header| header.transmit_timestamp = transmit);
            Some(Stimulus::one(served(context, &request)))
        },
        judge: |context, evidence| {
            each(evidence.own, |exchange| match context.told(exchange) {
                Told::Silence => unanswered(context, Judgement::warn("a reply", "silence")),
                told => origin_of(&told),
            })
        },
    },
    Case {
        slug: "header/origin-of-zero-transmit",
        source: "practice of ntp.org, NTPsec, chrony, ntpd-rs and OpenNTPD, which all answer",
        level: Level::Observed,
        summary: "a request whose transmit timestamp is zero is answered with origin zero",
        why: "SNTP clients without a clock send zero. Copying it is right; a value that was never sent is not.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let request = context.request().header(|header| header.transmit_timestamp = NtpTimestamp::ZERO);
            seen.is_empty().then(|| Stimulus::one(served(context, &request)))
        },
        judge: |context, evidence| {
            each(evidence.own, |exchange| match context.told(exchange) {
                Told::Silence => unanswered(context, Judgement::info("silence")),
                told => origin_of(&told),
            })
        },
    },
    Case {
        slug: "header/version-echo",
        source: "RFC 5905 figure 31",
        level: Level::Must,
        summary: "the reply has the version of the request",
        why: "A client of version 3 reads a reply of version 4 by rules that it does not have, and some drop it.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let version = *[4, 4, 3, 3].get(seen.len())?;
            Some(Stimulus::one(served(context, &context.request().version(version))))
        },
        judge: |context, evidence| each_of(context, evidence, "version", version),
    },
    Case {
        slug: "header/mode-server",
        source: "RFC 5905 section 9.2, figure 31",
        level: Level::Must,
        summary: "a client's request is answered in mode 4",
        why: "A client takes mode 4 and no other: modes 2 and 5 are dropped, or begin something else.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| ordinary(context, seen, 3),
        judge: |context, evidence| each_of(context, evidence, "mode", mode),
    },
    Case {
        slug: "header/poll-echo",
        source: "RFC 5905 figure 31",
        level: Level::Should,
        summary: "the poll exponent is the request's, or a limit of the server's",
        why: "The text copies it. Servers that raise it ask the client to be slower, which a client may heed.",
        differs: "busybox gives its own, 0",
        lacks: lacks_nothing,
        ask: |context, seen| polling(context, seen, &[4, 6, 10, 17]),
        judge: |context, evidence| each_poll(context, evidence, poll),
    },
    Case {
        slug: "header/poll-odd-values",
        source: "practice of ntp.org, NTPsec, chrony, ntpd-rs and OpenNTPD, which all answer",
        level: Level::Observed,
        summary: "poll exponents of 0, 1 and -6 do no harm",
        why: "The field has no bearing on whether a time can be told; who stumbles over it checks too much.",
        differs: "ntp.org raises 0 and 1 to 3; busybox gives its own, 0",
        lacks: lacks_nothing,
        ask: |context, seen| polling(context, seen, &[0, 1, -6]),
        judge: |context, evidence| {
            each(evidence.own, |exchange| match context.told(exchange) {
                Told::Silence => unanswered(context, Judgement::warn("a reply", "silence")),
                _ => each_poll(
                    context,
                    &Evidence { own: std::slice::from_ref(exchange), ..*evidence },
                    odd_poll,
                ),
            })
        },
    },
    Case {
        slug: "header/request-values-not-copied",
        source: "RFC 5905 figures 21 and 31",
        level: Level::Must,
        summary: "leap, stratum, precision, root values and reference ID are the server's own",
        why: "A server that sends a request back with its times changed makes every client believe itself.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let request = match seen.len() {
                0 | 2 => context.request(),
                1 => full_request(context),
                _ => return None,
            };
            Some(Stimulus::one(served(context, &request)))
        },
        judge: values_of_its_own,
    },
];

/// Judges each reply that is due but for that field, which the case is about.
fn each_of(
    context: &Context,
    evidence: &Evidence<'_>,
    field: &str,
    judge: impl Fn(&Reading<'_>) -> Judgement,
) -> Judgement {
    each(evidence.own, |exchange| match context.told(exchange) {
        Told::Reply(reading) => match reading.undue() {
            Some(other) if other != field && !is_other_layout(&reading) => {
                Judgement::inconclusive(format!("a reply whose {other} is not due: {}", reading.describe()))
            }
            _ => judge(&reading),
        },
        // What a MAC of version 3 looks like is another matter.
        Told::Silence if field == "version" && context.facts.answers_plainly => {
            Judgement::warn("a reply", "silence")
        }
        told => Judgement::inconclusive(told.describe()),
    })
}

/// True for a reply in mode 6 or 7, whose octets 0 to 47 are no header of time.
fn is_other_layout(reading: &Reading<'_>) -> bool {
    reading.header().is_none() && Header::parse(&reading.reply.octets).is_some()
}

fn length(reading: &Reading<'_>) -> Judgement {
    let fields = reading.trailer.is_some_and(|trailer| trailer.extension_fields().count() > 0);
    match reading.reply.octets.len() {
        48 => Judgement::pass(reading.describe()),
        _ if fields && reading.key_id.is_none() => Judgement::warn("48 octets", reading.describe()),
        _ => Judgement::fail("48 octets", reading.describe()),
    }
}

fn origin_of(told: &Told<'_>) -> Judgement {
    let Told::Reply(reading) = told else { return Judgement::inconclusive(told.describe()) };
    let (Some(header), Some(asked)) = (reading.header(), reading.asked()) else {
        return Judgement::inconclusive(reading.describe());
    };
    let (seen, due) = (header.origin_timestamp.0, asked.transmit_timestamp.0);
    match seen == due {
        true => Judgement::pass(format!("origin {seen:016x}")),
        false => Judgement::fail(format!("origin {due:016x}"), format!("origin {seen:016x}")),
    }
}

fn version(reading: &Reading<'_>) -> Judgement {
    let (Some(header), Some(asked)) = (reading.header(), reading.asked()) else {
        return Judgement::inconclusive(reading.describe());
    };
    match header.version == asked.version {
        true => Judgement::pass(reading.describe()),
        false => Judgement::fail(format!("version {}", asked.version.number()), reading.describe()),
    }
}

fn mode(reading: &Reading<'_>) -> Judgement {
    match Header::parse(&reading.reply.octets).map(|header| header.mode) {
        Some(Mode::Server) => Judgement::pass("mode server"),
        Some(mode) => Judgement::fail("mode server", format!("mode {}", mode.name())),
        None => Judgement::inconclusive(reading.describe()),
    }
}

fn polling(context: &Context, seen: &[Exchange], polls: &[i8]) -> Option<Stimulus> {
    let poll = *polls.get(seen.len())?;
    Some(Stimulus::one(served(context, &context.request().header(|header| header.poll = poll))))
}

/// Judges the poll exponents of request and reply.
fn each_poll(context: &Context, evidence: &Evidence<'_>, judge: fn(i8, i8) -> Judgement) -> Judgement {
    each_reply(context, evidence, |reading| match (reading.asked(), reading.header()) {
        (Some(asked), Some(header)) => judge(asked.poll, header.poll),
        _ => lost(),
    })
}

fn poll(asked: i8, seen: i8) -> Judgement {
    let (expected, actual) = (format!("poll {asked}"), format!("poll {seen} to poll {asked}"));
    match (asked, seen) {
        _ if asked == seen => Judgement::pass(actual),
        (4, 5..=10) | (17, 10..=16) => Judgement::info(actual),
        (_, -8..=24) => Judgement::warn(expected, actual),
        _ => Judgement::fail(expected, actual),
    }
}

fn odd_poll(asked: i8, seen: i8) -> Judgement {
    let actual = format!("poll {seen} to poll {asked}");
    match seen {
        _ if asked == seen => Judgement::pass(actual),
        3..=10 => Judgement::info(actual),
        _ => Judgement::warn(format!("poll {asked}, or a limit"), actual),
    }
}

/// A request that says of a client what no server says of itself.
fn full_request(context: &Context) -> Request {
    let times = [context.random(), context.random(), context.random()].map(NtpTimestamp);
    let [reference_timestamp, origin_timestamp, receive_timestamp] = times;
    context.request().header(|header| {
        *header = Header {
            leap_indicator: LeapIndicator::Delete,
            stratum: 9,
            precision: 5,
            root_delay: NtpShort(7 << 16),
            root_dispersion: NtpShort(8 << 16),
            reference_id: ReferenceId([203, 0, 113, 77]),
            reference_timestamp,
            origin_timestamp,
            receive_timestamp,
            ..*header
        };
    })
}

fn values_of_its_own(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    if let Some(Told::Silence) = evidence.own.get(1).map(|exchange| context.told(exchange)) {
        return unanswered(context, Judgement::warn("a reply", "silence").shown_by(1));
    }
    let replies = match replies(context, evidence.own) {
        Ok(replies) => replies,
        Err(judgement) => return judgement,
    };
    let [(before, _), (between, reading), (after, _)] = replies.as_slice() else { return lost() };
    let Some(asked) = reading.asked() else { return lost() };
    let judgement = match copied(&asked, between, before) {
        Some(field) => Judgement::fail("values of the server's own", format!("the request's {field}")),
        None if !is_same(before, after) => Judgement::inconclusive("the values change meanwhile"),
        None if !is_same(before, between) => {
            Judgement::warn("the values of replies before and after", reading.describe())
        }
        None => Judgement::pass(reading.describe()),
    };
    judgement.shown_by(1)
}

/// A field of a header as a number.
type Field = fn(&Header) -> u64;

/// The field of a reply that is the request's, and not what the server says of itself otherwise.
fn copied(asked: &Header, reply: &Header, own: &Header) -> Option<&'static str> {
    let is_copied = |field: Field| {
        let value = field(reply);
        value == field(asked) && value != field(own)
    };
    let fields: [(&'static str, Field); 7] = [
        ("leap indicator", |header| header.leap_indicator.bits().into()),
        ("stratum", |header| header.stratum.into()),
        ("precision", |header| header.precision.cast_unsigned().into()),
        ("root delay", |header| header.root_delay.0.into()),
        ("root dispersion", |header| header.root_dispersion.0.into()),
        ("reference ID", |header| u32::from_be_bytes(header.reference_id.0).into()),
        ("reference timestamp", |header| header.reference_timestamp.0),
    ];
    fields.into_iter().find(|(_, field)| is_copied(*field)).map(|(name, _)| name)
}

/// True when two replies say the same of the server; its dispersion may have grown by a second.
fn is_same(one: &Header, other: &Header) -> bool {
    one.leap_indicator == other.leap_indicator
        && one.stratum == other.stratum
        && one.precision == other.precision
        && one.root_delay == other.root_delay
        && one.root_dispersion.0.abs_diff(other.root_dispersion.0) <= 1 << 16
        && one.reference_id == other.reference_id
}
