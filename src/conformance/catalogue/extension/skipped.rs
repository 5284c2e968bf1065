//! Fields that are to be skipped.

use super::{UNKNOWN, lacks_plain_replies};
use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{
    all_refused, authenticated, each, each_with_key, lacks_honoured_key, limited, lost, plain, undue,
};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Judgement, Outcome, Request};

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "extension/unknown-field",
        source: "RFC 7822 section 3, RFC 5905 erratum 3627; practice differs",
        level: Level::Should,
        summary: "an unknown field of 28 octets without a MAC is skipped",
        why: "Every extension of version 4 rests on this, yet not all servers can be asked in this way.",
        differs: "ntp.org sends a crypto-NAK, NTPsec is silent",
        lacks: lacks_plain_replies,
        ask: |context, seen| plainly(seen, || context.request().field(UNKNOWN, 28)),
        judge: all_skipped,
    },
    Case {
        slug: "extension/unknown-field-with-mac",
        source: "RFC 7822 section 3, RFC 5905 section 7.5",
        level: Level::Should,
        summary: "an unknown field under a right MAC is skipped and the reply signed",
        why: "The MAC covers the field, so nobody on the way has put it in.",
        differs: "NTPsec is silent, ntpd-rs and OpenNTPD verify nothing",
        lacks: lacks_honoured_key,
        ask: |context, seen| signed(context, seen, |request| request.field(UNKNOWN, 28)),
        judge: all_signed,
    },
    Case {
        slug: "extension/short-field-with-mac",
        source: "RFC 7822 section 3, RFC 5905 section 7.5",
        level: Level::Should,
        summary: "a field of 16 octets under a right MAC is skipped",
        why: "It is the shortest field there is; only the rule that a MAC has 24 octets at most tells where it ends.",
        differs: "NTPsec is silent, ntpd-rs and OpenNTPD verify nothing",
        lacks: lacks_honoured_key,
        ask: |context, seen| signed(context, seen, |request| request.field(UNKNOWN, 16)),
        judge: all_signed,
    },
    Case {
        slug: "extension/several-fields",
        source: "RFC 7822 section 3, RFC 5905 erratum 3627; practice differs",
        level: Level::Should,
        summary: "unknown fields of 16, 20 and 28 octets without a MAC are skipped",
        why: "The last field alone needs 28 octets.",
        differs: "ntp.org sends a crypto-NAK, NTPsec is silent",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            plainly(seen, || {
                context.request().field(UNKNOWN, 16).field(UNKNOWN + 1, 20).field(UNKNOWN + 2, 28)
            })
        },
        judge: all_skipped,
    },
    Case {
        slug: "extension/several-fields-with-mac",
        source: "RFC 7822 section 3",
        level: Level::Should,
        summary: "three unknown fields of 16 octets under a right MAC are skipped",
        why: "The MAC stands behind all of them, wherever that is.",
        differs: "NTPsec is silent, ntpd-rs and OpenNTPD verify nothing",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            signed(context, seen, |request| {
                request.field(UNKNOWN, 16).field(UNKNOWN + 1, 16).field(UNKNOWN + 2, 16)
            })
        },
        judge: all_signed,
    },
    Case {
        slug: "extension/mac-over-header-only",
        source: "RFC 5905 section 7.3: the digest covers header and fields",
        level: Level::Must,
        summary: "a MAC that does not cover the field before it is refused",
        why: "Otherwise fields can be put in on the way.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let (request, key) = (context.request(), context.honoured_key()?);
            let mut digest = request.digest(key);
            digest.truncate(20);
            seen.is_empty()
                .then(|| Stimulus::one(request.field(UNKNOWN, 28).mac(key.id().0, &digest).octets()))
        },
        judge: all_refused,
    },
    Case {
        slug: "extension/field-not-echoed",
        source: "RFC 7822 section 3; practice of chrony and ntpd-rs",
        level: Level::Observed,
        summary: "an unknown field does not come back in the reply",
        why: "A copy of what nobody understood says that it was understood.",
        differs: "Cisco IOS is known to send back up to 500 octets",
        lacks: lacks_plain_replies,
        ask: |context, seen| plainly(seen, || context.request().field_with(UNKNOWN, &context.octets(60))),
        judge: not_echoed,
    },
    Case {
        slug: "extension/critical-looking-field",
        source: "practice: version 4 has no bit for critical fields",
        level: Level::Observed,
        summary: "a field type with its top bits set is taken like any other",
        why: "Autokey gave these bits a meaning, and nothing has since.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| like_unknown(context, seen, 0xc005),
        judge: taken_alike,
    },
    Case {
        slug: "extension/checksum-complement",
        source: "RFC 7821",
        level: Level::Observed,
        summary: "a checksum complement is taken like any other field",
        why: "It is the one field that hardware on the way may add.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| like_unknown(context, seen, 0x2005),
        judge: taken_alike,
    },
];

fn plainly(seen: &[Exchange], make: impl FnOnce() -> Request) -> Option<Stimulus> {
    seen.is_empty().then(|| Stimulus::one(make().octets()))
}

fn signed(context: &Context, seen: &[Exchange], fields: fn(Request) -> Request) -> Option<Stimulus> {
    let key = context.honoured_key()?;
    seen.is_empty().then(|| Stimulus::one(fields(context.request()).signed(key)))
}

/// Without a MAC, two programs of five refuse the field.
fn skipped(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "a reply without a MAC";
    plain(context, exchange, |told| match told {
        Told::Reply(reading) if !matches!(reading.answer, Answer::CryptoNak | Answer::ZeroTrailer) => {
            Judgement::fail(EXPECTED, reading.describe())
        }
        told => Judgement::warn(EXPECTED, told.describe()),
    })
}

fn all_skipped(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| skipped(context, exchange))
}

fn all_signed(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each_with_key(context, evidence, |exchange, key| {
        let expected = format!("a reply with a right MAC under key {}", key.id());
        authenticated(context, exchange, key.id(), |told| match told {
            Told::Reply(reading) if reading.answer != Answer::CryptoNak => {
                Judgement::fail(expected, reading.describe())
            }
            told => Judgement::warn(expected, told.describe()),
        })
    })
}

fn not_echoed(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| match context.told(exchange) {
        Told::Lost => lost(),
        Told::Silence => Judgement::skip("the field is not answered"),
        Told::Reply(reading) => {
            let types: Vec<u16> = reading
                .trailer
                .iter()
                .flat_map(|trailer| trailer.extension_fields())
                .map(|field| field.field_type)
                .collect();
            match reading.answer {
                _ if undue(&reading).is_some() => undue(&reading).unwrap_or_else(lost),
                Answer::Kiss => limited(&reading),
                Answer::CryptoNak | Answer::ZeroTrailer => {
                    Judgement::skip(format!("the field is not skipped: {}", reading.describe()))
                }
                _ if types.contains(&UNKNOWN) => Judgement::warn(
                    "a reply without that field",
                    format!("it comes back: {}", reading.describe()),
                ),
                Answer::PlainReply if types.is_empty() => Judgement::pass(reading.describe()),
                Answer::PlainReply => Judgement::info(format!("other fields: {}", reading.describe())),
                _ => Judgement::inconclusive(reading.describe()),
            }
        }
    })
}

/// A field of that type, then one of a type that nobody knows.
fn like_unknown(context: &Context, seen: &[Exchange], field_type: u16) -> Option<Stimulus> {
    let field_type = *[field_type, UNKNOWN].get(seen.len())?;
    Some(Stimulus::one(context.request().field(field_type, 28).octets()))
}

/// Whether unknown fields are skipped at all is asked by `extension/unknown-field`.
fn taken_alike(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let [of_type, unknown] = evidence.own else { return Judgement::inconclusive("not all was asked") };
    let judgement = skipped(context, of_type).shown_by(0);
    let unknown = skipped(context, unknown);
    match (judgement.outcome, unknown.outcome) {
        (Outcome::Warn, Outcome::Warn) => Judgement::info(format!("as any field: {}", judgement.actual)),
        (Outcome::Pass, Outcome::Warn) => {
            Judgement::info(format!("{}; an unknown field: {}", judgement.actual, unknown.actual))
        }
        _ => judgement,
    }
}
