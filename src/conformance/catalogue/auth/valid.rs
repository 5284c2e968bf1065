//! What right MACs are answered with.

use std::collections::HashSet;

use super::{asked_key_id, is_unsigned, without_mac};
use crate::analysis::behaviour::Answer;
use crate::auth::{Key, KeyId};
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{
    authenticated, each, each_with_key, lacks_honoured_key, lacks_nothing, lost, plain, undue,
};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Judgement, Reading};
use crate::ntp::header::HEADER_LENGTH;

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/support",
        source: "RFC 5905 section 9.2: authentication is optional",
        level: Level::May,
        summary: "at least one of the keys draws an authenticated reply",
        why: "Most cases of this group need a key that both sides have; without one only the form of refusals can be \
              looked at.",
        differs: "ntpd-rs, OpenNTPD and busybox verify no MACs",
        lacks: lacks_key,
        ask: |context, seen| Some(Stimulus::one(context.request().signed(context.keys().nth(seen.len())?))),
        judge: support,
    },
    Case {
        slug: "auth/key-id-echo",
        source: "RFC 5905 section 9.2, figure 31: the key ID of a reply is the request's",
        level: Level::Must,
        summary: "a reply is signed under the key ID of its request",
        why: "Clients that look at the digest alone would accept whoever holds another key; those that look at both \
              drop the reply.",
        differs: "",
        lacks: lacks_key,
        ask: |context, seen| {
            let keys = context.keys().take(MOST_KEYS).count();
            let key = context.keys().nth(seen.len().checked_rem(keys)?)?;
            (seen.len() < 2 * keys).then(|| Stimulus::one(context.request().signed(key)))
        },
        judge: key_id_echo,
    },
    Case {
        slug: "auth/reply-digest-as-long",
        source: "RFC 7822 section 3; practice of ntp.org, NTPsec and chrony",
        level: Level::Should,
        summary: "the MAC of a reply is as long as that of its request",
        why: "Clients find the MAC by its length; one that is cut or padded is read as an extension field, or as \
              nothing at all.",
        differs: "",
        lacks: lacks_key,
        ask: |context, seen| {
            let key = context.keys().take(MOST_KEYS).nth(seen.len())?;
            Some(Stimulus::one(context.request().signed(key)))
        },
        judge: digest_as_long,
    },
    Case {
        slug: "auth/mac-fresh",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "the replies under one key have digests of their own, each right",
        why: "A digest that is computed once and kept vouches for times that have passed.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let key = context.honoured_key()?;
            (seen.len() < 4).then(|| Stimulus::one(context.request().signed(key)))
        },
        judge: mac_fresh,
    },
    Case {
        slug: "auth/plain-for-plain",
        source: "RFC 5905 section 9.2 and appendix A.5.1; practice of all implementations",
        level: Level::Must,
        summary: "a request without a MAC draws no MAC and no crypto-NAK",
        why: "Simple clients have a buffer of 48 octets, and a crypto-NAK tells of a failure that did not happen.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| (seen.len() < 3).then(|| Stimulus::one(context.request().octets())),
        judge: plain_for_plain,
    },
];

/// Keys that are asked with where each is asked with.
const MOST_KEYS: usize = 8;

fn lacks_key(context: &Context) -> Option<&'static str> {
    context.keys().next().is_none().then_some("no key is given")
}

fn support(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let mut honoured = Vec::new();
    let mut others = Vec::new();
    for (key, exchange) in context.keys().zip(evidence.own) {
        let id = key.id();
        match context.told(exchange) {
            Told::Reply(reading) if is_authenticated(&reading, id) => {
                honoured.push(id.to_string());
            }
            told => others.push(format!("key {id}: {}", told.describe())),
        }
    }
    let is_unsure = evidence.own.iter().any(|exchange| is_open(&context.told(exchange)));
    match (honoured.is_empty(), others.is_empty()) {
        (false, true) => Judgement::pass(format!("honours keys {}", honoured.join(", "))),
        (false, false) => {
            Judgement::info(format!("honours keys {}; {}", honoured.join(", "), others.join("; ")))
        }
        (true, _) if is_unsure => Judgement::inconclusive(others.join("; ")),
        (true, _) => {
            Judgement::warn("an authenticated reply under one of the keys", others.join("; ")).shown_by(0)
        }
    }
}

fn is_authenticated(reading: &Reading<'_>, key_id: KeyId) -> bool {
    let is_due = reading.undue().is_none() && reading.answer != Answer::Kiss;
    is_due && reading.is_signed() && reading.key_id == Some(key_id)
}

/// True for what does not tell whether a key is honoured.
fn is_open(told: &Told<'_>) -> bool {
    match told {
        Told::Reply(reading) => reading.answer == Answer::Kiss || reading.undue().is_some(),
        Told::Silence => false,
        Told::Lost => true,
    }
}

/// Judges the MAC of each reply. What has none tells nothing, least of all where its key is not honoured.
fn each_mac(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: impl Fn(&Reading<'_>) -> Judgement,
) -> Judgement {
    let mut judgements = Vec::new();
    for (number, exchange) in evidence.own.iter().enumerate() {
        let is_honoured = asked_key_id(exchange.request(0))
            .is_some_and(|key_id| context.facts.honoured.contains(&KeyId(key_id)));
        let judgement = match context.told(exchange) {
            Told::Reply(reading) if undue(&reading).is_some() => undue(&reading).unwrap_or_else(lost),
            told if is_unsigned(&told) && !is_honoured => continue,
            Told::Reply(reading) if !is_unsigned(&Told::Reply(reading)) => judge(&reading),
            told => without_mac(context, &told),
        };
        judgements.push(judgement.shown_by(number));
    }
    if judgements.is_empty() { context.none_honoured() } else { Judgement::worst(judgements) }
}

fn key_id_echo(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each_mac(context, evidence, |reading| {
        let (Some(asked), Some(seen)) = (asked_key_id(reading.request), reading.key_id) else {
            return Judgement::inconclusive(reading.describe());
        };
        if seen.0 == asked {
            Judgement::pass(format!("key {seen}"))
        } else {
            Judgement::fail(format!("a MAC under key {asked}"), format!("a MAC under key {seen}"))
        }
    })
}

fn digest_as_long(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each_mac(context, evidence, |reading| {
        let due = reading.request.len().saturating_sub(HEADER_LENGTH);
        let fields = reading.trailer.map_or(0, |trailer| trailer.fields.len());
        let seen = reading.behind().len().saturating_sub(fields);
        if seen == due {
            Judgement::pass(format!("a MAC of {seen} octets"))
        } else {
            Judgement::fail(format!("a MAC of {due} octets"), format!("{seen} octets in place of a MAC"))
        }
    })
}

fn mac_fresh(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let mut digests = HashSet::new();
    each_with_key(context, evidence, |exchange, key| {
        let judgement = signed(context, exchange, key);
        let digest = match context.told(exchange) {
            Told::Reply(reading) if reading.is_signed() => reading.digest,
            _ => None,
        };
        match digest {
            Some(digest) if !digests.insert(digest.to_vec()) => {
                Judgement::fail("a digest of its own", "the digest of an earlier reply")
            }
            _ => judgement,
        }
    })
}

fn signed(context: &Context, exchange: &Exchange, key: &Key) -> Judgement {
    authenticated(context, exchange, key.id(), |told| {
        if is_unsigned(told) {
            without_mac(context, told)
        } else {
            Judgement::fail("a reply whose MAC is right", told.describe())
        }
    })
}

fn plain_for_plain(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    const EXPECTED: &str = "a reply without a MAC";
    each(evidence.own, |exchange| {
        plain(context, exchange, |told| match told {
            Told::Silence if context.authenticates() => {
                Judgement::info("silence: the server wants a MAC of every client")
            }
            Told::Silence => Judgement::inconclusive("silence"),
            Told::Reply(reading) if reading.answer == Answer::OtherReply && reading.header().is_none() => {
                Judgement::inconclusive(reading.describe())
            }
            told => Judgement::fail(EXPECTED, told.describe()),
        })
    })
}
