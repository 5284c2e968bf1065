//! Lengths and trailers that no rule makes a request of.

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{every_reply, lacks_plain_replies, limited, longer, undue, unless_gone};
use crate::conformance::outcome::Judgement;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::header::HEADER_LENGTH;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "robustness/shorter-than-header",
        source: "RFC 5905 section 9.2; practice of all",
        level: Level::Must,
        summary: "datagrams of 0 to 47 octets are not answered",
        why: "They have no transmit timestamp that a reply could name, and 48 octets for one make the server a weapon.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let cut = |octets| context.request().octets().get(..octets).unwrap_or_default().to_vec();
            seen.is_empty().then(|| Stimulus::sweep((0..HEADER_LENGTH).map(cut)))
        },
        judge: |context, evidence| {
            swept(context, evidence, |_, reading| Judgement::fail("silence", reading.describe()))
        },
    },
    Case {
        slug: "robustness/not-whole-words",
        source: "RFC 5905 sections 7.5 and 9.2",
        level: Level::Should,
        summary: "requests whose length is no multiple of four are not answered",
        why: "Nothing of NTP has such a length; where lengths are not checked it gets in.",
        differs: "ntpd-rs and OpenNTPD answer some plainly, busybox with zeros in place of a MAC",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let lengths = [1, 2, 3, 5, 6, 7, 9, 18, 21, 22, 23, 25, 30, 70];
            seen.is_empty().then(|| Stimulus::sweep(lengths.map(|length| trailing(context, length))))
        },
        judge: |context, evidence| swept(context, evidence, no_trailer),
    },
    Case {
        slug: "robustness/short-trailers",
        source: "RFC 7822 section 3; practice of all but one",
        level: Level::Should,
        summary: "trailers of 8, 12 and 16 octets are neither MAC nor field",
        why: "MACs of 12 octets went with DES; nobody makes them any more, and who takes them for nothing answers \
              requests that were damaged on their way.",
        differs: "ntpd-rs answers plainly",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let lengths = [8, 12, 16, 8, 12, 16];
            seen.is_empty().then(|| Stimulus::sweep(lengths.map(|length| trailing(context, length))))
        },
        judge: |context, evidence| swept(context, evidence, no_trailer),
    },
    Case {
        slug: "robustness/long-trailers",
        source: "RFC 7822 section 3; practice of all but one",
        level: Level::Should,
        summary: "trailers of 28 to 100 octets that are no field are not taken for nothing",
        why: "A server with a short buffer answers the part that it has read.",
        differs: "OpenNTPD answers plainly, busybox with zeros in place of a MAC",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let lengths = [28, 32, 36, 40, 44, 52, 68, 72, 100];
            let twice = lengths.into_iter().chain(lengths);
            seen.is_empty().then(|| Stimulus::sweep(twice.map(|length| trailing(context, length))))
        },
        judge: |context, evidence| swept(context, evidence, no_trailer),
    },
    Case {
        slug: "robustness/all-lengths",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "requests of every length from 48 to 200 octets do no harm",
        why: "Zeros behind the header are a MAC of key zero, a field of no length and a crypto-NAK by turns.",
        differs: "busybox answers with zeros in place of a MAC",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let request = |zeros| context.request().with(&vec![0; zeros]).octets();
            seen.is_empty().then(|| Stimulus::sweep((0..=152).map(request)))
        },
        judge: |context, evidence| swept(context, evidence, any_length),
    },
];

/// A request with so many octets behind it that are no field.
fn trailing(context: &Context, octets: usize) -> Vec<u8> {
    context.request().with(&context.no_field(octets)).octets()
}

/// Judges what a sweep drew, and whether the server was there after it.
fn swept(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: fn(&Exchange, &Reading<'_>) -> Judgement,
) -> Judgement {
    unless_gone(context, evidence, every_reply(context, evidence, judge))
}

/// A trailer that nobody can read: refused or not answered at all.
fn no_trailer(exchange: &Exchange, reading: &Reading<'_>) -> Judgement {
    const EXPECTED: &str = "silence or a crypto-NAK";
    if let Some(judgement) = longer(exchange, reading).or_else(|| undue(reading)) {
        return judgement;
    }
    match reading.answer {
        Answer::CryptoNak => Judgement::pass(reading.describe()),
        Answer::Kiss => limited(reading),
        Answer::PlainReply | Answer::ZeroTrailer => Judgement::warn(EXPECTED, reading.describe()),
        _ => Judgement::fail(EXPECTED, reading.describe()),
    }
}

fn any_length(exchange: &Exchange, reading: &Reading<'_>) -> Judgement {
    const EXPECTED: &str = "a reply without a MAC, a crypto-NAK or silence";
    if let Some(judgement) = longer(exchange, reading).or_else(|| undue(reading)) {
        return judgement;
    }
    match reading.answer {
        Answer::PlainReply | Answer::CryptoNak => Judgement::pass(reading.describe()),
        Answer::Kiss => limited(reading),
        Answer::ZeroTrailer => Judgement::warn(EXPECTED, reading.describe()),
        _ => Judgement::fail(EXPECTED, reading.describe()),
    }
}
