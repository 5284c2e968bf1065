//! Datagrams that nobody means.

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{
    each, every_reply, lacks_nothing, lacks_plain_replies, limited, longer, plain, silence, unless_gone,
};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Names, Reading};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Mode;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "robustness/all-zeros",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "48, 68 and 512 octets of zeros are not answered",
        why: "The commonest garbage; it says version 0 and no mode.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, seen| filled(seen, 0),
        judge: |context, evidence| {
            garbage(context, evidence, |reading| Judgement::fail("silence", reading.describe()))
        },
    },
    Case {
        slug: "robustness/all-ones",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "48, 68 and 512 octets of ones are not answered as a request for the time",
        why: "All flags are set at once; it says version 7 and the private mode.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, seen| filled(seen, 0xff),
        judge: |context, evidence| garbage(context, evidence, answer_to_ones),
    },
    Case {
        slug: "robustness/random-octets",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "random datagrams do no harm",
        why: "A server on the Internet gets them all day.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let random = |_| {
                let octets = usize::try_from(context.random() % 600).unwrap_or_default();
                context.octets(octets + 1)
            };
            seen.is_empty().then(|| Stimulus::sweep((0..200).map(random)))
        },
        judge: |context, evidence| {
            let all = every_reply(context, evidence, |exchange, reading| {
                let longer = longer(exchange, reading).filter(|_| !is_management(reading));
                longer.unwrap_or_else(|| Judgement::pass(reading.describe()))
            });
            unless_gone(context, evidence, all)
        },
    },
    Case {
        slug: "robustness/extreme-timestamps",
        source: "RFC 5905 sections 6 and 8",
        level: Level::Must,
        summary: "timestamps at the ends of their range do no harm",
        why: "Whatever a client's clock says: before 1970 and after 2036 it is a value to be copied.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let ends = NtpTimestamp(u64::MAX);
            let transmit = [context.random(), 1, u64::MAX >> 1];
            let transmit = NtpTimestamp(*transmit.get(seen.len())?);
            let request = context.request().header(|header| {
                header.transmit_timestamp = transmit;
                if seen.is_empty() {
                    header.reference_timestamp = ends;
                    header.origin_timestamp = ends;
                    header.receive_timestamp = ends;
                }
            });
            Some(Stimulus::one(request.octets()))
        },
        judge: |context, evidence| {
            let all = each(evidence.own, |exchange| extreme(context, exchange));
            unless_gone(context, evidence, all)
        },
    },
];

/// Datagrams of three lengths full of that octet.
fn filled(seen: &[Exchange], octet: u8) -> Option<Stimulus> {
    let length = *[48, 68, 512].get(seen.len())?;
    Some(Stimulus::one(vec![octet; length]))
}

/// Judges the replies to garbage, and whether the server was there after it.
fn garbage(context: &Context, evidence: &Evidence<'_>, judge: fn(&Reading<'_>) -> Judgement) -> Judgement {
    let all = each(evidence.own, |exchange| silence(context, exchange, judge));
    unless_gone(context, evidence, all)
}

fn mode_of(reading: &Reading<'_>) -> Option<Mode> {
    reading.reply.octets.first().map(|first| Mode::from_bits(*first))
}

/// Replies in the modes that manage servers, which are judged by other cases.
fn is_management(reading: &Reading<'_>) -> bool {
    matches!(mode_of(reading), Some(Mode::Control | Mode::Private))
}

fn answer_to_ones(reading: &Reading<'_>) -> Judgement {
    let is_longer = reading.reply.octets.len() > reading.request.len();
    match mode_of(reading) {
        Some(Mode::Private) if !is_longer => Judgement::info("an error in the private mode"),
        _ => Judgement::fail("silence", reading.describe()),
    }
}

fn extreme(context: &Context, exchange: &Exchange) -> Judgement {
    match context.told(exchange) {
        Told::Reply(reading) if reading.answer == Answer::Kiss => limited(&reading),
        Told::Reply(reading) if reading.reply.names == Names::Nothing => {
            Judgement::fail("a reply that names the request", reading.describe())
        }
        _ => plain(context, exchange, |told| match told {
            Told::Reply(reading) => Judgement::fail("a reply without a MAC", reading.describe()),
            told => Judgement::warn("a reply", told.describe()),
        }),
    }
}
