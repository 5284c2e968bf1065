//! Version 5, as far as a server of version 4 meets with it: its offer in version 4, and its requests.

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{
    each, each_reply, lacks_nothing, lacks_plain_replies, limited, longer, lost, plain, plainly, silence,
};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Version;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "ntpv5/magic-in-version-4",
        source: "draft-ietf-ntp-ntpv5; RFC 5905 figure 31",
        level: Level::Must,
        summary: "NTP5NTP5 as a request's reference timestamp does no harm",
        why: "The offer of version 5 was put there because servers do not look at that field.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| seen.is_empty().then(|| offering(context, MAGIC)),
        judge: |context, evidence| each(evidence.own, |exchange| offered(context, exchange)),
    },
    Case {
        slug: "ntpv5/draft-magic-in-version-4",
        source: "practice (ntpd-rs)",
        level: Level::Observed,
        summary: "NTP5DRFT as a request's reference timestamp does no harm",
        why: "It is what clients of the draft send today.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| seen.is_empty().then(|| offering(context, DRAFT_MAGIC)),
        judge: |context, evidence| each(evidence.own, |exchange| offered(context, exchange)),
    },
    Case {
        slug: "ntpv5/magic-not-offered-unasked",
        source: "draft-ietf-ntp-ntpv5",
        level: Level::Should,
        summary: "a server does not offer version 5 to who did not",
        why: "Clients would take the offer for a time in 1941, or for one that they made.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| plainly(context, seen, 3),
        judge: |context, evidence| {
            each_reply(context, evidence, |reading| match offer(reading) {
                None => Judgement::pass(reading.describe()),
                Some(_) => Judgement::fail("a time as reference timestamp", "an offer of version 5"),
            })
        },
    },
    Case {
        slug: "ntpv5/offer-is-kept",
        source: "draft-ietf-ntp-ntpv5",
        level: Level::Should,
        summary: "who offers version 5 answers version 5",
        why: "A client that takes the offer would wait for nothing.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| match seen {
            [] => Some(offering(context, MAGIC)),
            [offered] => {
                let Told::Reply(reading) = context.told(offered) else { return None };
                (offer(&reading) == Some(MAGIC)).then(|| Stimulus::one(named(context)))
            }
            _ => None,
        },
        judge: |context, evidence| match evidence.own {
            [_, exchange] => offer_kept(context, exchange).shown_by(1),
            _ => Judgement::skip("the server does not offer version 5"),
        },
    },
    Case {
        slug: "ntpv5/version-5-layout",
        source: "draft-ietf-ntp-ntpv5; RFC 5905 appendix A.5.1",
        level: Level::Must,
        summary: "a request of version 5 draws a reply of version 5 with its cookie, or none",
        why: "The cookie stands where version 4 has the origin timestamp; a server that copies what version 4 copies \
              loses it.",
        differs: "ntp.org, OpenNTPD and busybox answer by the layout of version 4",
        lacks: lacks_nothing,
        ask: |context, seen| match seen.len() {
            0 => Some(Stimulus::one(version_5(context, 3))),
            1 => Some(Stimulus::one(named(context))),
            _ => None,
        },
        judge: |context, evidence| each(evidence.own, |exchange| layout(context, exchange)),
    },
    Case {
        slug: "ntpv5/version-5-other-modes",
        source: "draft-ietf-ntp-ntpv5",
        level: Level::Must,
        summary: "version 5 is not answered in modes 0, 1, 2, 4 and 5",
        why: "It has requests and replies and nothing else.",
        differs: "ntp.org, OpenNTPD and busybox answer mode 1 by the layout of version 4",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let mode = *[0, 1, 2, 4, 5].get(seen.len())?;
            Some(Stimulus::one(version_5(context, mode)))
        },
        judge: other_modes,
    },
];

const MAGIC: NtpTimestamp = NtpTimestamp(u64::from_be_bytes(*b"NTP5NTP5"));
const DRAFT_MAGIC: NtpTimestamp = NtpTimestamp(u64::from_be_bytes(*b"NTP5DRFT"));

/// A request of version 4 that offers version 5.
fn offering(context: &Context, magic: NtpTimestamp) -> Stimulus {
    let request = context.request().header(|header| header.reference_timestamp = magic);
    Stimulus::one(request.octets())
}

/// Which offer a reply makes. A kiss makes none: in ntp.org's form it has the reference timestamp of its request.
fn offer(reading: &Reading<'_>) -> Option<NtpTimestamp> {
    let reference = reading.header()?.reference_timestamp;
    let is_offer = |magic: &NtpTimestamp| *magic == reference && reading.answer != Answer::Kiss;
    [MAGIC, DRAFT_MAGIC].into_iter().find(is_offer)
}

/// A request of version 5: zeros but for its poll exponent and the client's cookie.
fn version_5(context: &Context, mode: u8) -> Vec<u8> {
    let cookie = NtpTimestamp(context.random());
    let request = context.request().version(5).mode(mode).header(|header| {
        header.origin_timestamp = cookie;
        header.transmit_timestamp = NtpTimestamp::ZERO;
    });
    request.octets()
}

/// The same with the field that names a draft.
fn named(context: &Context) -> Vec<u8> {
    let mut octets = version_5(context, 3);
    octets.extend([0xf5, 0xff, 0, 32]);
    let mut name = b"draft-ietf-ntp-ntpv5-09".to_vec();
    name.resize(28, 0);
    octets.extend(name);
    octets
}

fn offered(context: &Context, exchange: &Exchange) -> Judgement {
    match context.told(exchange) {
        Told::Reply(reading) if reading.undue() == Some("version") => {
            Judgement::fail("version 4", reading.describe())
        }
        Told::Reply(reading) if reading.undue().is_none() && offer(&reading).is_some() => {
            Judgement::info("the server offers version 5")
        }
        _ => plain(context, exchange, |told| match told {
            Told::Reply(reading) => Judgement::fail("a reply without a MAC", reading.describe()),
            told => Judgement::warn("a reply", told.describe()),
        }),
    }
}

/// What a reply to version 5 has where the client's cookie was.
#[derive(PartialEq, Eq)]
enum Cookie {
    Ours,
    Zero,
    Other,
}

fn cookie(reading: &Reading<'_>) -> Cookie {
    let at = |octets: &[u8]| octets.get(24..32).map(<[u8]>::to_vec);
    match at(&reading.reply.octets) {
        cookie if cookie == at(reading.request) => Cookie::Ours,
        Some(cookie) if cookie == [0; 8] => Cookie::Zero,
        _ => Cookie::Other,
    }
}

fn is_version_5(reading: &Reading<'_>) -> bool {
    reading.header().is_some_and(|header| header.version == Version::from_bits(5))
}

fn offer_kept(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "a reply of version 5 with our cookie";
    match context.told(exchange) {
        Told::Lost => lost(),
        Told::Silence => Judgement::warn(EXPECTED, "silence"),
        Told::Reply(reading) if reading.answer == Answer::Kiss => limited(&reading),
        Told::Reply(reading) if is_version_5(&reading) && cookie(&reading) == Cookie::Ours => {
            Judgement::pass(reading.describe())
        }
        Told::Reply(reading) => Judgement::fail(EXPECTED, reading.describe()),
    }
}

fn layout(context: &Context, exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "silence or a reply of version 5 with our cookie";
    let reading = match context.told(exchange) {
        Told::Lost => return lost(),
        Told::Silence => return Judgement::pass("silence"),
        Told::Reply(reading) => reading,
    };
    if let Some(judgement) = longer(exchange, &reading) {
        return judgement;
    }
    match cookie(&reading) {
        _ if reading.answer == Answer::Kiss => limited(&reading),
        _ if reading.undue() == Some("mode") || reading.is_echo() => {
            Judgement::inconclusive(format!("a message of another mode: {}", reading.describe()))
        }
        _ if !is_version_5(&reading) => Judgement::fail(EXPECTED, reading.describe()),
        Cookie::Ours => Judgement::pass(reading.describe()),
        Cookie::Zero => Judgement::warn(EXPECTED, format!("no cookie: {}", reading.describe())),
        Cookie::Other => Judgement::fail(EXPECTED, format!("another cookie: {}", reading.describe())),
    }
}

fn other_modes(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| {
        silence(context, exchange, |reading| {
            let is_active = reading.request.first().is_some_and(|first| first & 7 == 1);
            let is_old = is_version_5(reading) && cookie(reading) == Cookie::Zero;
            match is_active && is_old {
                _ if reading.answer == Answer::Kiss => limited(reading),
                true => Judgement::warn("silence", reading.describe()),
                false => Judgement::fail("silence", reading.describe()),
            }
        })
    })
}
