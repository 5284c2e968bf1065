//! Fields that are none, and how a server bears them.

use super::{UNKNOWN, lacks_plain_replies};
use crate::analysis::behaviour::Answer;
use crate::auth::KeyId;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each, lacks_nothing, limited, lost, plain, undue};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Judgement, Outcome};

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "extension/long-field",
        source: "RFC 5905 section 7.5: there is no longest field",
        level: Level::Observed,
        summary: "a field of 512 octets without a MAC does no harm",
        why: "A message may be as long as the path allows, and buffers of 68 or 72 octets are in use.",
        differs: "ntp.org sends a crypto-NAK, NTPsec is silent",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            carefully(context, seen, |context, number| {
                (number == 0).then(|| context.request().field(UNKNOWN, 512).octets())
            })
        },
        judge: |context, evidence| borne(context, evidence, long_field),
    },
    Case {
        slug: "extension/field-of-16-alone",
        source: "RFC 5905 erratum 3627, RFC 7822 section 3",
        level: Level::Should,
        summary: "a single field of 16 octets without a MAC is not taken for a field",
        why: "16 octets are neither a MAC nor a last field, so what they are cannot be told.",
        differs: "ntpd-rs answers plainly",
        lacks: lacks_nothing,
        ask: |context, seen| {
            seen.is_empty().then(|| Stimulus::one(context.request().field(UNKNOWN, 16).octets()))
        },
        judge: |context, evidence| each(evidence.own, |exchange| not_taken(context, exchange)),
    },
    Case {
        slug: "extension/field-of-20-and-24-alone",
        source: "RFC 5905 erratum 3627, RFC 7822 section 3",
        level: Level::Must,
        summary: "a single field of 20 or 24 octets is read as a MAC and refused",
        why: "It has exactly the length of a MAC, which is why a last field has 28 octets at least.",
        differs: "ntpd-rs answers 20 octets plainly, OpenNTPD both",
        lacks: |context| {
            let is_key = |length| context.keyring().knows(KeyId((u32::from(UNKNOWN) << 16) + length));
            (is_key(20) || is_key(24)).then_some("a key has the ID that such a field begins with")
        },
        ask: |context, seen| {
            let octets = *[20, 24].get(seen.len())?;
            Some(Stimulus::one(context.request().field(UNKNOWN, octets).octets()))
        },
        judge: |context, evidence| each(evidence.own, |exchange| not_taken(context, exchange)),
    },
    Case {
        slug: "extension/field-shorter-than-16",
        source: "RFC 5905 section 7.5, RFC 7822 section 3",
        level: Level::Must,
        summary: "a field of 8 octets before one of 28 is not accepted",
        why: "A server that takes shorter fields than its peer reads other octets as fields.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let request = context.request().field(UNKNOWN, 8).field(UNKNOWN + 1, 28);
            seen.is_empty().then(|| Stimulus::one(request.octets()))
        },
        judge: |context, evidence| each(evidence.own, |exchange| not_taken(context, exchange)),
    },
    Case {
        slug: "extension/length-zero",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "a field of length zero is not accepted and stops nothing",
        why: "A reader that goes on by this length never gets anywhere.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_nothing,
        ask: |context, seen| {
            carefully(context, seen, |context, number| with_length(context, number, &[0], 28))
        },
        judge: |context, evidence| borne(context, evidence, not_taken),
    },
    Case {
        slug: "extension/length-below-four",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "fields of lengths 1 to 3 are not accepted",
        why: "Such a length is less than that of the field's own beginning, and what is left of it wraps around.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_nothing,
        ask: |context, seen| {
            carefully(context, seen, |context, number| with_length(context, number, &[1, 2, 3], 28))
        },
        judge: |context, evidence| borne(context, evidence, not_taken),
    },
    Case {
        slug: "extension/length-not-multiple-of-four",
        source: "RFC 5905 section 7.5, RFC 7822 section 3",
        level: Level::Must,
        summary: "fields of lengths 30 and 29 are not accepted",
        why: "Fields of version 4 are whole words whose padding counts; those of version 5 are not, so a reader of both \
              may slip.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_nothing,
        ask: |context, seen| {
            carefully(context, seen, |context, number| with_length(context, number, &[30, 29], 28))
        },
        judge: |context, evidence| borne(context, evidence, not_taken),
    },
    Case {
        slug: "extension/length-beyond-the-end",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "a field that claims more octets than are there is not accepted",
        why: "Reading past the end of a message gives away what lies in memory behind it.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_nothing,
        ask: |context, seen| {
            carefully(context, seen, |context, number| with_length(context, number, &[32, 1024, 65_532], 24))
        },
        judge: |context, evidence| borne(context, evidence, nothing_behind),
    },
    Case {
        slug: "extension/field-in-version-3",
        source: "RFC 5905 section 7.5; practice of ntp.org, NTPsec, chrony and ntpd-rs",
        level: Level::Should,
        summary: "version 3 has no fields: what follows its header is a MAC or nothing",
        why: "28 octets are a MAC that nobody sends, and no field either.",
        differs: "OpenNTPD answers plainly",
        lacks: lacks_plain_replies,
        ask: |context, seen| match seen.len() {
            0 => Some(Stimulus::one(context.request().version(3).octets())),
            1 => Some(Stimulus::one(context.request().version(3).field(UNKNOWN, 28).octets())),
            _ => None,
        },
        judge: in_version_3,
    },
];

/// A field whose length says one of those values, before so many octets.
fn with_length(context: &Context, number: usize, lengths: &[u16], octets: usize) -> Option<Vec<u8>> {
    let mut field = UNKNOWN.to_be_bytes().to_vec();
    field.extend(lengths.get(number)?.to_be_bytes());
    field.extend(vec![0; octets]);
    Some(context.request().with(&field).octets())
}

/// Makes the request of that number.
type Make = fn(&Context, usize) -> Option<Vec<u8>>;

/// Asks what a server may not bear. Where no control after a request is answered, it is asked whether it is there again,
/// and then the same once more, so that it is no outage that is seen.
fn carefully(context: &Context, seen: &[Exchange], make: Make) -> Option<Stimulus> {
    let octets = match seen.iter().position(|exchange| exchange.is_dead) {
        None => make(context, seen.len()),
        Some(dead) => match seen.len() - dead {
            1 => Some(context.request().octets()),
            2 if seen.last().is_some_and(|exchange| !exchange.is_dead) => make(context, dead),
            _ => None,
        },
    };
    octets.map(Stimulus::one)
}

/// Judges what was asked [`carefully`].
fn borne(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: fn(&Context, &Exchange) -> Judgement,
) -> Judgement {
    const EXPECTED: &str = "a server that answers others afterwards";
    let Some(dead) = evidence.own.iter().position(|exchange| exchange.is_dead) else {
        return each(evidence.own, |exchange| judge(context, exchange));
    };
    let was_dead = dead == 0 && evidence.run.last().is_some_and(|(_, exchange)| exchange.is_dead);
    let is_mute = |after: usize| {
        evidence.own.get(dead + after).map(|exchange| exchange.is_dead && exchange.replies.is_empty())
    };
    let is_limited = evidence.own.iter().any(|exchange| exchange.is_limited);
    let judgement = match (is_mute(0), is_mute(1), is_mute(2)) {
        _ if is_limited => lost(),
        (Some(true), Some(false), Some(true)) => {
            Judgement::fail(EXPECTED, "twice no control after this was answered")
        }
        (Some(true), Some(true), _) if !was_dead => {
            Judgement::warn(EXPECTED, "nothing has been answered since this was asked")
        }
        _ => lost(),
    };
    judgement.shown_by(dead)
}

/// What is no field must not be read as one. Who answers plainly has not looked.
fn not_taken(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "a crypto-NAK or silence";
    match context.told(exchange) {
        Told::Silence => Judgement::pass("silence"),
        Told::Lost => lost(),
        Told::Reply(reading) => match reading.answer {
            _ if undue(&reading).is_some() => undue(&reading).unwrap_or_else(lost),
            _ if reading.reply.octets.len() > exchange.request(0).len() => {
                Judgement::fail("no more octets than were sent", reading.describe())
            }
            Answer::Kiss => limited(&reading),
            Answer::CryptoNak => Judgement::pass(reading.describe()),
            Answer::PlainReply | Answer::ZeroTrailer => Judgement::warn(EXPECTED, reading.describe()),
            _ => Judgement::fail(EXPECTED, reading.describe()),
        },
    }
}

/// As [`not_taken`], and octets behind a plain header may come from anywhere.
fn nothing_behind(context: &Context, exchange: &Exchange) -> Judgement {
    let judgement = not_taken(context, exchange);
    match context.told(exchange) {
        Told::Reply(reading)
            if judgement.outcome == Outcome::Warn && reading.behind().iter().any(|octet| *octet != 0) =>
        {
            Judgement::fail("no octets behind the header", reading.describe())
        }
        _ => judgement,
    }
}

fn long_field(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "a reply without a MAC";
    match context.told(exchange) {
        Told::Reply(reading) if reading.reply.octets.len() > exchange.request(0).len() => {
            Judgement::fail("no more octets than were sent", reading.describe())
        }
        _ => plain(context, exchange, |told| match told {
            Told::Reply(reading) if !matches!(reading.answer, Answer::CryptoNak | Answer::ZeroTrailer) => {
                Judgement::fail(EXPECTED, reading.describe())
            }
            told => Judgement::warn(EXPECTED, told.describe()),
        }),
    }
}

fn in_version_3(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let [bare, with_field] = evidence.own else { return Judgement::inconclusive("not all was asked") };
    match context.told(bare) {
        Told::Lost => lost(),
        Told::Silence => Judgement::skip("version 3 is not answered"),
        Told::Reply(_) => not_taken(context, with_field).shown_by(1),
    }
}
