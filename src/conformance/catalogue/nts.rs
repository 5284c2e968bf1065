//! Fields of Network Time Security (RFC 8915) at a server that has no key for them.

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{
    each, every_reply, lacks_honoured_key, lacks_nothing, lacks_plain_replies, limited, longer, lost, undue,
};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Exchange, Reading, Request};
use crate::ntp::extension::{ExtensionField, NTS_AUTHENTICATOR};

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "nts/request-to-plain-server",
        source: "RFC 8915 section 5.7; RFC 7822 section 3",
        level: Level::Should,
        summary: "an NTS request with an unknown cookie is not answered as if it were protected",
        why: "A client must see that it is offered time without protection; NTSN tells it to get new cookies.",
        differs: "ntp.org answers with a crypto-NAK, busybox with zeros in place of a MAC",
        lacks: lacks_plain_replies,
        ask: |context, seen| seen.is_empty().then(|| Stimulus::one(protected(context).octets())),
        judge: |context, evidence| each(evidence.own, |exchange| unknown_cookie(context, exchange)),
    },
    Case {
        slug: "nts/ntsn-form",
        source: "RFC 8915 section 5.7",
        level: Level::Must,
        summary: "NTSN names the request by origin timestamp and unique identifier",
        why: "Nothing else shows that it is for us: it is not authenticated.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| seen.is_empty().then(|| Stimulus::one(protected(context).octets())),
        judge: |context, evidence| each(evidence.own, |exchange| ntsn_form(context, exchange)),
    },
    Case {
        slug: "nts/unique-identifier-alone",
        source: "RFC 7822 section 3; RFC 8915 section 5.3",
        level: Level::Should,
        summary: "a unique identifier without the other fields of NTS does no harm",
        why: "Some clients use it as a longer transmit timestamp; a server may echo it or skip it.",
        differs: "ntp.org answers with a crypto-NAK, NTPsec not at all, busybox with zeros in place of a MAC",
        lacks: lacks_plain_replies,
        ask: |context, seen| seen.is_empty().then(|| Stimulus::one(identified(context).octets())),
        judge: |context, evidence| each(evidence.own, |exchange| identifier_alone(context, exchange)),
    },
    Case {
        slug: "nts/placeholder-does-not-amplify",
        source: "RFC 8915 section 5.5",
        level: Level::Must,
        summary: "placeholders for cookies draw no more octets than were sent",
        why: "They exist so that a reply with new cookies is no longer than its request.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let placeholders = (0..4).fold(cookie(context), |request, _| request.field(PLACEHOLDER, 104));
            let request = match seen.len() {
                0 => authenticator(context, placeholders),
                1 => context.request().field(PLACEHOLDER, 28),
                _ => return None,
            };
            Some(Stimulus::one(request.octets()))
        },
        judge: |context, evidence| {
            every_reply(context, evidence, |exchange, reading| {
                longer(exchange, reading).unwrap_or_else(|| Judgement::pass(reading.describe()))
            })
        },
    },
    Case {
        slug: "nts/with-mac",
        source: "RFC 8915 section 5; RFC 5905 section 7.3",
        level: Level::Observed,
        summary: "NTS fields under a right MAC are not answered without either protection",
        why: "Two protections at once are for nobody, and dropping both must not be the way out.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let octets = protected(context).signed(context.honoured_key()?);
            seen.is_empty().then(|| Stimulus::one(octets))
        },
        judge: |context, evidence| each(evidence.own, |exchange| with_mac(context, exchange)),
    },
];

const UNIQUE_IDENTIFIER: u16 = 0x0104;
const COOKIE: u16 = 0x0204;
const PLACEHOLDER: u16 = 0x0304;

fn identified(context: &Context) -> Request {
    context.request().field_with(UNIQUE_IDENTIFIER, &context.octets(32))
}

fn cookie(context: &Context) -> Request {
    identified(context).field_with(COOKIE, &context.octets(100))
}

/// With a nonce and a ciphertext of 16 octets each.
fn authenticator(context: &Context, request: Request) -> Request {
    let value = [[0, 16, 0, 16].as_slice(), &context.octets(32)].concat();
    request.field_with(NTS_AUTHENTICATOR, &value)
}

/// A request as NTS has it, with a cookie that no server has made.
fn protected(context: &Context) -> Request {
    authenticator(context, cookie(context))
}

/// The value of the first field of that type.
fn field_of(mut behind: &[u8], field_type: u16) -> Option<&[u8]> {
    let mut fields = std::iter::from_fn(|| ExtensionField::take(&mut behind));
    fields.find(|field| field.field_type == field_type).map(|field| field.value)
}

fn is_ntsn(reading: &Reading<'_>) -> bool {
    reading.header().is_some_and(|header| header.stratum == 0 && header.reference_id.0 == *b"NTSN")
}

/// True when a reply has the unique identifier of its request.
fn is_identified(reading: &Reading<'_>) -> bool {
    let asked = reading.request.get(48..).and_then(|behind| field_of(behind, UNIQUE_IDENTIFIER));
    asked.is_some() && asked == field_of(reading.behind(), UNIQUE_IDENTIFIER)
}

fn unknown_cookie(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "silence, NTSN or a reply without protection";
    let reading = match context.told(exchange) {
        Told::Lost => return lost(),
        Told::Silence => return Judgement::pass("silence"),
        Told::Reply(reading) => reading,
    };
    if let Some(judgement) = longer(exchange, &reading).or_else(|| undue(&reading)) {
        return judgement;
    }
    let claims_protection = field_of(reading.behind(), NTS_AUTHENTICATOR).is_some();
    match reading.answer {
        Answer::Kiss => limited(&reading),
        _ if claims_protection => {
            Judgement::fail(EXPECTED, format!("an authenticator: {}", reading.describe()))
        }
        _ if is_ntsn(&reading) && !is_identified(&reading) => {
            Judgement::warn("NTSN with the unique identifier", reading.describe())
        }
        Answer::PlainReply => Judgement::pass(reading.describe()),
        Answer::CryptoNak | Answer::ZeroTrailer => Judgement::warn(EXPECTED, reading.describe()),
        _ => Judgement::fail(EXPECTED, reading.describe()),
    }
}

fn ntsn_form(context: &Context, exchange: &Exchange) -> Judgement {
    let Told::Reply(reading) = context.told(exchange) else { return Judgement::skip("no NTSN came") };
    match reading.undue() {
        _ if !is_ntsn(&reading) => Judgement::skip("no NTSN came"),
        Some(field) => Judgement::fail("a kiss that is due", format!("its {field} is not")),
        None if !is_identified(&reading) => {
            Judgement::fail("NTSN with the unique identifier", reading.describe())
        }
        None if field_of(reading.behind(), NTS_AUTHENTICATOR).is_some() => {
            Judgement::fail("NTSN without an authenticator", reading.describe())
        }
        None => Judgement::pass(reading.describe()),
    }
}

fn identifier_alone(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "a reply without a MAC";
    match context.told(exchange) {
        Told::Lost => lost(),
        Told::Silence => Judgement::warn(EXPECTED, "silence"),
        Told::Reply(reading) => match reading.answer {
            _ if undue(&reading).is_some() => undue(&reading).unwrap_or_else(lost),
            Answer::Kiss => limited(&reading),
            Answer::PlainReply => Judgement::pass(reading.describe()),
            Answer::CryptoNak | Answer::ZeroTrailer => Judgement::warn(EXPECTED, reading.describe()),
            _ => Judgement::fail(EXPECTED, reading.describe()),
        },
    }
}

fn with_mac(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "silence, NTSN or a reply with a right MAC";
    match context.told(exchange) {
        Told::Lost => lost(),
        Told::Silence => Judgement::pass("silence"),
        Told::Reply(reading) => match reading.answer {
            _ if undue(&reading).is_some() => undue(&reading).unwrap_or_else(lost),
            _ if is_ntsn(&reading) || reading.is_signed() => Judgement::pass(reading.describe()),
            Answer::Kiss => limited(&reading),
            Answer::CryptoNak => Judgement::warn(EXPECTED, reading.describe()),
            _ => Judgement::fail(EXPECTED, reading.describe()),
        },
    }
}
