//! Digests that are not those of their message.

use super::hmac::hmac;
use super::{cut, once, with_other_algorithm, with_other_secret};
use crate::auth::{Algorithm, Key};
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{all_refused, each, lacks_honoured_key, lost, refusal};
use crate::conformance::{Context, Evidence, Judgement};
use crate::ntp::header::HEADER_LENGTH;

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/wrong-digest",
        source: "RFC 5905 section 9.2; practice of NTPsec and chrony for silence",
        level: Level::Must,
        summary: "a MAC with one bit of its digest flipped is refused",
        why: "This is what MACs are for. ntp.org's ntpd refuses aloud, NTPsec and chrony in silence.",
        differs: "OpenNTPD and ntpd-rs answer plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || {
                let mut octets = context.request().signed(context.honoured_key()?);
                *octets.last_mut()? ^= 1;
                Some(octets)
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/wrong-first-octet",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "a MAC with the first bit of its digest flipped is refused",
        why: "A comparison that looks at the end of the digest only, or stops early, lets either this or a flipped last \
              bit through.",
        differs: "OpenNTPD and ntpd-rs answer plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || {
                let mut octets = context.request().signed(context.honoured_key()?);
                *octets.get_mut(HEADER_LENGTH + 4)? ^= 0x80;
                Some(octets)
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/wrong-secret",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "a MAC made with another secret under a known key ID is refused",
        why: "It is the plainest mistake of a rollout and the plainest attack.",
        differs: "OpenNTPD and ntpd-rs answer plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || {
                let stranger = with_other_secret(context, context.honoured_key()?)?;
                Some(context.request().signed(&stranger))
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/other-algorithm",
        source: "RFC 5905 section 7.3; practice of ntp.org, NTPsec and chrony",
        level: Level::Must,
        summary: "the right secret with another algorithm is refused",
        why: "The algorithm is part of the key; a server that goes by the length of the digest can be talked down to MD5.",
        differs: "ntpd-rs answers MD5 plainly, OpenNTPD all",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || {
                let key = context.honoured_key()?;
                let other = if key.algorithm() == Algorithm::Sha1 { Algorithm::Md5 } else { Algorithm::Sha1 };
                Some(context.request().signed(&with_other_algorithm(key, other)?))
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/other-algorithm-same-length",
        source: "RFC 8573",
        level: Level::Must,
        summary: "an MD5 digest with the secret of an AES-128 key is refused",
        why: "Both digests have 16 octets, so nothing but the type of the key tells them apart.",
        differs: "ntpd-rs and OpenNTPD answer plainly",
        lacks: |context| {
            lacks_honoured_key(context)
                .or_else(|| cipher_key(context).is_none().then_some("no AES-128-CMAC key is honoured"))
        },
        ask: |context, seen| {
            once(seen, || {
                Some(context.request().signed(&with_other_algorithm(cipher_key(context)?, Algorithm::Md5)?))
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/hmac",
        source: "practice of ntp.org, NTPsec and chrony",
        level: Level::Observed,
        summary: "an HMAC in place of the keyed hash is refused",
        why: "Some appliances call their algorithm hmac-sha1; whoever computes one must not be taken for a holder of \
              the key.",
        differs: "",
        lacks: |context| {
            lacks_honoured_key(context)
                .or_else(|| hash_key(context).is_none().then_some("no MD5, SHA-1 or SHA-2 key is honoured"))
        },
        ask: |context, seen| {
            once(seen, || {
                let (request, key) = (context.request(), hash_key(context)?);
                let digest = hmac(key, &request.octets())?;
                Some(request.mac(key.id().0, &cut(digest)).octets())
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/mac-of-another-message",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "a MAC behind a header with another transmit timestamp is refused",
        why: "The transmit timestamp is what ties a reply to its request, and whoever forges one must choose it.",
        differs: "ntpd-rs and OpenNTPD answer plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| once(seen, || flipped(context, (47, 1))),
        judge: all_refused,
    },
    Case {
        slug: "auth/every-header-field-covered",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "one bit changed in any of the header's fields spoils the MAC",
        why: "A server that hashes the fields that it has read, and not the octets that came, may leave some out.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            seen.is_empty()
                .then(|| Stimulus::sweep(FIELDS.into_iter().filter_map(|bit| flipped(context, bit))))
        },
        judge: swept_refused,
    },
    Case {
        slug: "auth/key-id-not-covered",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "a digest that covers the key ID too is refused",
        why: "It is a natural misreading; two programs that share it would understand each other only.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || {
                let key = context.honoured_key()?;
                let request = context.request().with(&key.id().0.to_be_bytes());
                let digest = request.digest(key);
                Some(request.with(&cut(digest)).octets())
            })
        },
        judge: all_refused,
    },
];

/// A bit of every field of the header but version and mode: the octet, and its value there.
const FIELDS: [(usize, u8); 11] =
    [(0, 0x40), (1, 1), (2, 1), (3, 1), (7, 1), (11, 1), (15, 1), (23, 1), (31, 1), (39, 1), (47, 1)];

/// A signed request of which a bit is flipped afterwards.
fn flipped(context: &Context, (octet, bit): (usize, u8)) -> Option<Vec<u8>> {
    let mut octets = context.request().signed(context.honoured_key()?);
    *octets.get_mut(octet)? ^= bit;
    Some(octets)
}

fn cipher_key(context: &Context) -> Option<&Key> {
    context.honoured().find(|key| key.algorithm() == Algorithm::Aes128Cmac)
}

fn hash_key(context: &Context) -> Option<&Key> {
    context.honoured().find(|key| hmac(key, &[]).is_some())
}

/// Each reply to a sweep must be a refusal. Silence of a server that is there is one too.
fn swept_refused(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| {
        let refusals = context
            .readings(exchange)
            .map(|reading| refusal(context, &reading).shown_by_reply(exchange, reading.reply));
        match refusals.collect::<Vec<Judgement>>() {
            refusals if !refusals.is_empty() => Judgement::worst(refusals),
            _ if exchange.is_dead => lost(),
            _ => Judgement::pass("silence"),
        }
    })
}
