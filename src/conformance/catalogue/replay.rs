//! Messages that are sent again: to the server, and back to it.

use std::time::Duration;

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::clock::{tick, units};
use crate::conformance::exchange::{Stimulus, Until};
use crate::conformance::expect::{
    astray, each, from_the, lacks_honoured_key, lacks_plain_replies, limited, plain, silence, undue,
};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::header::Mode;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "replay/same-octets",
        source: "RFC 5905 sections 8 and 9.2",
        level: Level::Should,
        summary: "the same request again is answered again, with new times",
        why: "A server keeps nothing of a request, so it cannot know it again. An answer that was kept has old times.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| again(seen, context.request().octets()),
        judge: |context, evidence| {
            answered_again(context, evidence, |reading| {
                (reading.answer != Answer::PlainReply).then(|| Judgement::inconclusive(reading.describe()))
            })
        },
    },
    Case {
        slug: "replay/same-octets-with-mac",
        source: "RFC 5905 sections 8 and 9.2",
        level: Level::Should,
        summary: "the same signed request again is answered again, with new MACs",
        why: "Without state a server cannot tell a replay, and need not: the client can, by the time it sent.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| again(seen, context.request().signed(context.honoured_key()?)),
        judge: |context, evidence| {
            answered_again(context, evidence, |reading| {
                (!reading.is_signed())
                    .then(|| Judgement::fail("a reply with a right MAC", reading.describe()))
            })
        },
    },
    Case {
        slug: "replay/no-effect-on-others",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "a replayed request does not change what another client gets",
        why: "Whoever is on the path of one client can send its requests again whenever he likes.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let port = *[21, 22, 21, 22].get(seen.len())?;
            let octets = match seen {
                [first, _] => first.request(0).to_vec(),
                _ => context.request().octets(),
            };
            Some(Stimulus::one(octets).from_port(port))
        },
        judge: |context, evidence| {
            each(evidence.own, |exchange| {
                let ordinary = || plain(context, exchange, |told| Judgement::inconclusive(told.describe()));
                astray(evidence, exchange).unwrap_or_else(ordinary)
            })
        },
    },
    Case {
        slug: "replay/reply-sent-back",
        source: "RFC 5905 figure 20",
        level: Level::Must,
        summary: "the server's own reply, sent back to it, is not answered",
        why: "Two servers that answer replies answer each other for ever, once somebody forges the first message.",
        differs: "ntpd-rs answers",
        lacks: lacks_plain_replies,
        ask: sent_back,
        judge: |context, evidence| {
            from_the(context, evidence, 1, |number, exchange| {
                let judge =
                    || silence(context, exchange, |reading| Judgement::fail("silence", reading.describe()));
                (number % 2 == 1).then(judge)
            })
        },
    },
    Case {
        slug: "replay/nak-sent-back",
        source: "RFC 5905 section 9.2, figure 20",
        level: Level::Must,
        summary: "the server's crypto-NAK, sent back as a client's, is not answered",
        why: "A refusal of a refusal never ends.",
        differs: "ntpd-rs answers plainly",
        lacks: lacks_plain_replies,
        ask: nak_sent_back,
        judge: |context, evidence| {
            from_the(context, evidence, 1, |_, exchange| Some(silence(context, exchange, answer_to_nak)))
        },
    },
];

/// Each of several requests three times.
fn again(seen: &[Exchange], octets: Vec<u8>) -> Option<Stimulus> {
    let spacing = Duration::from_millis(200);
    let datagrams = vec![(0, octets.clone()), (0, octets.clone()), (0, octets)];
    (seen.len() < 2).then_some(Stimulus { datagrams, spacing, until: Until::Over(Duration::ZERO) })
}

/// As many replies as requests, each of them new. When one is lost the other round shows what is the rule.
fn answered_again(
    context: &Context,
    evidence: &Evidence<'_>,
    otherwise: fn(&Reading<'_>) -> Option<Judgement>,
) -> Judgement {
    let old = each(evidence.own, |exchange| {
        let mut all: Vec<Reading<'_>> = context.readings(exchange).collect();
        all.dedup_by(|second, first| is_copy(first, second));
        let wrong = all.iter().find_map(|reading| match reading.answer {
            _ if undue(reading).is_some() => undue(reading),
            Answer::Kiss => Some(limited(reading)),
            _ => otherwise(reading),
        });
        let same = all.iter().zip(all.iter().skip(1)).find(|(first, second)| is_same_time(first, second));
        match (wrong, same) {
            (_, Some(_)) if all.len() > exchange.stimulus.datagrams.len() => {
                Judgement::inconclusive("more replies than requests; see robustness/one-reply-each")
            }
            (_, Some((first, second))) if !is_apart(first, second) => Judgement::warn(
                "a new transmit timestamp in each reply",
                "the same one within the clock's tick",
            ),
            (_, Some(_)) => Judgement::fail("a new transmit timestamp in each reply", "the same one twice"),
            (Some(wrong), None) => wrong,
            (None, None) => Judgement::pass(format!("{} replies to three requests", all.len())),
        }
    });
    let most = evidence.own.iter().map(|exchange| context.readings(exchange).count()).max().unwrap_or(0);
    let few = match most {
        0 => Some(Judgement::inconclusive("no reply")),
        1 | 2 => Some(Judgement::warn("three replies to three requests", format!("{most}"))),
        _ => None,
    };
    Judgement::worst([old].into_iter().chain(few))
}

/// What the network may make of one datagram: the same again, shortly after.
const COPIED: Duration = Duration::from_millis(100);

fn is_copy(first: &Reading<'_>, second: &Reading<'_>) -> bool {
    first.reply.octets == second.reply.octets && second.reply.time.saturating_sub(first.reply.time) < COPIED
}

/// True for replies so long after each other that their server's clock tells them apart.
fn is_apart(first: &Reading<'_>, second: &Reading<'_>) -> bool {
    let passed = units(second.reply.time.saturating_sub(first.reply.time));
    first.header().is_some_and(|header| passed > tick(header))
}

fn is_same_time(first: &Reading<'_>, second: &Reading<'_>) -> bool {
    let transmit = |reading: &Reading<'_>| reading.header().map(|header| header.transmit_timestamp);
    transmit(first).is_some() && transmit(first) == transmit(second) && first.answer != Answer::Kiss
}

/// A request and its reply sent back, then the same under a key.
fn sent_back(context: &Context, seen: &[Exchange]) -> Option<Stimulus> {
    let octets = match seen.len() {
        0 => context.request().octets(),
        2 => context.request().signed(context.honoured_key()?),
        1 | 3 => seen.last()?.reply()?.octets.clone(),
        _ => return None,
    };
    Some(Stimulus::one(octets))
}

/// A request under a key that nobody has, then the refusal as if a client had sent it; one that we make up where none came.
fn nak_sent_back(context: &Context, seen: &[Exchange]) -> Option<Stimulus> {
    let octets = match seen {
        [] => context.request().mac(context.unknown_key_id(), &context.octets(16)).octets(),
        [refused] => match context.told(refused) {
            Told::Reply(reading) if reading.answer == Answer::CryptoNak => {
                let mut octets = reading.reply.octets.clone();
                let first = octets.first_mut()?;
                *first = (*first & !7) | Mode::Client.bits();
                octets
            }
            _ => context.request().with(&[0; 4]).octets(),
        },
        _ => return None,
    };
    Some(Stimulus::one(octets))
}

fn answer_to_nak(reading: &Reading<'_>) -> Judgement {
    match reading.answer {
        Answer::PlainReply if !reading.is_signed() => Judgement::warn("silence", reading.describe()),
        Answer::Kiss => limited(reading),
        _ => Judgement::fail("silence", reading.describe()),
    }
}
