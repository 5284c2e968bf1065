//! MACs in other versions than 4, and digests that are not cut.

use super::{is_unsigned, long_key, once};
use crate::analysis::behaviour::Answer;
use crate::auth::Key;
use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{authenticated, each, lacks_honoured_key};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Judgement, Outcome};

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/whole-sha256-in-version-4",
        source: "RFC 7822 section 3; practice of ntp.org, NTPsec, chrony and ntpd-rs",
        level: Level::Should,
        summary: "a digest of more than 20 octets is not accepted in version 4",
        why: "What is longer than 24 octets is read as an extension field before it can be a MAC. ntpdig sends such \
              MACs all the same, and no server honours them.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_long_key,
        ask: |context, seen| ask_whole(context, seen, 4),
        judge: whole_in_version_4,
    },
    Case {
        slug: "auth/whole-sha256-in-version-3",
        source: "practice of chrony, which sends and takes it",
        level: Level::Observed,
        summary: "a digest of more than 20 octets in version 3 is refused or answered alike",
        why: "chrony asks in version 3 by itself where a digest is long, and half of all servers do not understand it.",
        differs: "chrony honours it, ntp.org, NTPsec and ntpd-rs are silent, OpenNTPD answers plainly",
        lacks: lacks_long_key,
        ask: |context, seen| ask_whole(context, seen, 3),
        judge: |context, evidence| each_long(context, evidence, whole_in_version_3),
    },
    Case {
        slug: "auth/cut-sha256-in-version-3",
        source: "practice of ntp.org and NTPsec",
        level: Level::Observed,
        summary: "a digest cut to 20 octets in version 3 is refused or answered alike",
        why: "No text gives the length of such a digest in version 3, so each side must know what the other takes.",
        differs: "ntp.org and NTPsec honour it, chrony does not",
        lacks: lacks_long_key,
        ask: |context, seen| once(seen, || Some(context.request().version(3).signed(long_key(context)?))),
        judge: |context, evidence| each_long(context, evidence, of_old_version),
    },
    Case {
        slug: "auth/valid-in-version-3",
        source: "RFC 5905 section 9.2, RFC 1305",
        level: Level::Should,
        summary: "a right MAC in version 3 draws a signed reply in version 3",
        why: "Appliances and Windows ask in version 3 with MACs.",
        differs: "ntpd-rs is silent or answers plainly, OpenNTPD answers plainly",
        lacks: lacks_short_key,
        ask: |context, seen| once(seen, || Some(context.request().version(3).signed(short_key(context)?))),
        judge: |context, evidence| each_short(context, evidence, in_version_3),
    },
    Case {
        slug: "auth/valid-in-version-2-and-1",
        source: "practice of ntp.org and chrony, which answer; NTPsec does not",
        level: Level::Observed,
        summary: "a right MAC in versions 2 and 1 draws a signed reply or a refusal",
        why: "Old versions are served, but by some without authentication only.",
        differs: "ntp.org and chrony sign, NTPsec and ntpd-rs are silent, OpenNTPD answers plainly",
        lacks: lacks_short_key,
        ask: |context, seen| {
            let version = *[2, 1].get(seen.len())?;
            Some(Stimulus::one(context.request().version(version).signed(short_key(context)?)))
        },
        judge: |context, evidence| each_short(context, evidence, of_old_version),
    },
];

fn lacks_long_key(context: &Context) -> Option<&'static str> {
    lacks_honoured_key(context).or_else(|| {
        let reason =
            "no honoured key has a digest of more than 20 octets and an ID that is no field's length";
        long_key(context).is_none().then_some(reason)
    })
}

/// The first honoured key whose digest is never cut.
fn short_key(context: &Context) -> Option<&Key> {
    context.honoured().find(|key| key.algorithm().digest_length() <= TRUNCATED_LENGTH)
}

fn lacks_short_key(context: &Context) -> Option<&'static str> {
    lacks_honoured_key(context).or_else(|| {
        short_key(context).is_none().then_some("no honoured key has a digest of at most 20 octets")
    })
}

fn ask_whole(context: &Context, seen: &[Exchange], version: u8) -> Option<Stimulus> {
    once(seen, || {
        let (request, key) = (context.request().version(version), long_key(context)?);
        let digest = request.digest(key);
        Some(request.mac(key.id().0, &digest).octets())
    })
}

type JudgeWith = fn(&Context, &Exchange, &Key) -> Judgement;

fn each_long(context: &Context, evidence: &Evidence<'_>, judge: JudgeWith) -> Judgement {
    let Some(key) = long_key(context) else { return Judgement::skip("no such key is honoured") };
    each(evidence.own, |exchange| judge(context, exchange, key))
}

fn each_short(context: &Context, evidence: &Evidence<'_>, judge: JudgeWith) -> Judgement {
    let Some(key) = short_key(context) else { return Judgement::skip("no such key is honoured") };
    each(evidence.own, |exchange| judge(context, exchange, key))
}

/// True for silence and a crypto-NAK.
fn is_refusal(told: &Told<'_>) -> bool {
    match told {
        Told::Reply(reading) => reading.answer == Answer::CryptoNak,
        told => is_unsigned(told),
    }
}

fn whole_in_version_4(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    const EXPECTED: &str = "a crypto-NAK or silence";
    each_long(context, evidence, |context, exchange, key| {
        let judgement = authenticated(context, exchange, key.id(), |told| match told {
            told if is_refusal(told) => Judgement::info(told.describe()),
            told => Judgement::fail(EXPECTED, told.describe()),
        });
        match judgement.outcome {
            Outcome::Pass => Judgement::warn(EXPECTED, judgement.actual),
            Outcome::Info => Judgement::pass(judgement.actual),
            _ => judgement,
        }
    })
}

fn whole_in_version_3(context: &Context, exchange: &Exchange, key: &Key) -> Judgement {
    let judgement = of_old_version(context, exchange, key);
    let due = key.algorithm().digest_length();
    match context.told(exchange) {
        Told::Reply(reading) if judgement.outcome == Outcome::Pass => {
            match reading.digest.map_or(0, <[u8]>::len) {
                length if length == due => judgement,
                length => Judgement::warn(
                    format!("a digest of {due} octets"),
                    format!("a digest of {length} octets"),
                ),
            }
        }
        _ => judgement,
    }
}

/// A right MAC is right, a refusal is the server's choice, all else is wrong.
fn of_old_version(context: &Context, exchange: &Exchange, key: &Key) -> Judgement {
    authenticated(context, exchange, key.id(), |told| match told {
        told if is_refusal(told) => Judgement::info(format!("refused: {}", told.describe())),
        told => Judgement::fail("a reply with a right MAC, a crypto-NAK or silence", told.describe()),
    })
}

/// A right MAC is right, a refusal is doubtful, all else is wrong.
fn in_version_3(context: &Context, exchange: &Exchange, key: &Key) -> Judgement {
    const EXPECTED: &str = "a reply with a right MAC";
    authenticated(context, exchange, key.id(), |told| match told {
        told if is_refusal(told) => Judgement::warn(EXPECTED, told.describe()),
        told => Judgement::fail(EXPECTED, told.describe()),
    })
}
