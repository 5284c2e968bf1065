//! A right MAC of every algorithm that key files commonly have.

use super::{cut_length, is_unsigned, once};
use crate::analysis::behaviour::Answer;
use crate::auth::Algorithm;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{authenticated, each};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Judgement, Outcome};

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/valid-md5",
        source: "RFC 5905 sections 7.3 and 9.2; deprecated by RFC 8573",
        level: Level::Must,
        summary: "a right MD5 MAC draws a reply with a right MD5 MAC",
        why: "It is the oldest algorithm and the one that every appliance has; a server that has the key must use it \
              rightly.",
        differs: "ntpd-rs and OpenNTPD answer plainly",
        lacks: |context| lacks_key_of(context, Algorithm::Md5, "no MD5 key is given"),
        ask: |context, seen| ask_with(context, seen, Algorithm::Md5),
        judge: |context, evidence| valid(context, evidence, Algorithm::Md5),
    },
    Case {
        slug: "auth/valid-sha1",
        source: "practice of ntp.org, NTPsec and chrony",
        level: Level::Observed,
        summary: "a right SHA-1 MAC draws a reply with a right SHA-1 MAC",
        why: "It is what most networks with keys use: the hash of secret and message, no HMAC.",
        differs: "ntpd-rs is silent, OpenNTPD answers plainly",
        lacks: |context| lacks_key_of(context, Algorithm::Sha1, "no SHA-1 key is given"),
        ask: |context, seen| ask_with(context, seen, Algorithm::Sha1),
        judge: |context, evidence| valid(context, evidence, Algorithm::Sha1),
    },
    Case {
        slug: "auth/valid-sha256",
        source: "practice of ntp.org, NTPsec and chrony; RFC 7822 section 3 for the cut to 20 octets",
        level: Level::Observed,
        summary: "a SHA-256 MAC cut to 20 octets draws the like in version 4",
        why: "Several versions of ntp.org's ntpd load such keys and cannot verify with them; chrony sends version 3 \
              under them by itself.",
        differs: "ntpd-rs is silent, OpenNTPD answers plainly",
        lacks: |context| lacks_key_of(context, Algorithm::Sha256, "no SHA-256 key is given"),
        ask: |context, seen| ask_with(context, seen, Algorithm::Sha256),
        judge: |context, evidence| valid(context, evidence, Algorithm::Sha256),
    },
    Case {
        slug: "auth/valid-sha384",
        source: "practice of ntp.org, NTPsec and chrony; RFC 7822 section 3 for the cut to 20 octets",
        level: Level::Observed,
        summary: "a SHA-384 MAC cut to 20 octets draws the like in version 4",
        why: "The rule is that of SHA-256, but some readers of key files have never met it.",
        differs: "ntpd-rs is silent, OpenNTPD answers plainly",
        lacks: |context| lacks_key_of(context, Algorithm::Sha384, "no SHA-384 key is given"),
        ask: |context, seen| ask_with(context, seen, Algorithm::Sha384),
        judge: |context, evidence| valid(context, evidence, Algorithm::Sha384),
    },
    Case {
        slug: "auth/valid-sha512",
        source: "practice of ntp.org, NTPsec and chrony; RFC 7822 section 3 for the cut to 20 octets",
        level: Level::Observed,
        summary: "a SHA-512 MAC cut to 20 octets draws the like in version 4",
        why: "It is the longest digest in use, and so the first to overrun a buffer that is made for 20 octets.",
        differs: "ntpd-rs is silent, OpenNTPD answers plainly",
        lacks: |context| lacks_key_of(context, Algorithm::Sha512, "no SHA-512 key is given"),
        ask: |context, seen| ask_with(context, seen, Algorithm::Sha512),
        judge: |context, evidence| valid(context, evidence, Algorithm::Sha512),
    },
    Case {
        slug: "auth/valid-aes128-cmac",
        source: "RFC 8573",
        level: Level::Should,
        summary: "a right AES-128-CMAC draws a reply with a right one of 16 octets",
        why: "It is what replaces MD5, and as long; a server that ignores the key's type takes it for MD5.",
        differs: "ntpd-rs and OpenNTPD answer plainly",
        lacks: |context| lacks_key_of(context, Algorithm::Aes128Cmac, "no AES-128-CMAC key is given"),
        ask: |context, seen| ask_with(context, seen, Algorithm::Aes128Cmac),
        judge: |context, evidence| valid(context, evidence, Algorithm::Aes128Cmac),
    },
    Case {
        slug: "auth/valid-aes256-cmac",
        source: "practice of NTPsec and chrony",
        level: Level::Observed,
        summary: "a right AES-256-CMAC draws a reply with a right one of 16 octets",
        why: "RFC 8573 names the cipher of 128 bits alone; two programs take the longer key too.",
        differs: "ntp.org's key files have no name for it, so it refuses; ntpd-rs and OpenNTPD answer plainly",
        lacks: |context| lacks_key_of(context, Algorithm::Aes256Cmac, "no AES-256-CMAC key is given"),
        ask: |context, seen| ask_with(context, seen, Algorithm::Aes256Cmac),
        judge: |context, evidence| valid(context, evidence, Algorithm::Aes256Cmac),
    },
];

fn lacks_key_of(context: &Context, algorithm: Algorithm, reason: &'static str) -> Option<&'static str> {
    context.key_of(algorithm).is_none().then_some(reason)
}

fn ask_with(context: &Context, seen: &[Exchange], algorithm: Algorithm) -> Option<Stimulus> {
    once(seen, || Some(context.request().signed(context.key_of(algorithm)?)))
}

/// A reply with a right MAC, as long as is due, is right. A server may lack the key, or not want its algorithm.
fn valid(context: &Context, evidence: &Evidence<'_>, algorithm: Algorithm) -> Judgement {
    let Some(key) = context.key_of(algorithm) else { return Judgement::skip("no such key is given") };
    let expected = format!("a reply with a right MAC under key {}", key.id());
    each(evidence.own, |exchange| {
        let judgement = authenticated(context, exchange, key.id(), |told| match told {
            told if is_unsigned(told) && !context.authenticates() => context.none_honoured(),
            Told::Reply(reading) if reading.answer != Answer::CryptoNak => {
                Judgement::fail(expected.clone(), reading.describe())
            }
            told => Judgement::warn(expected.clone(), told.describe()),
        });
        let digest = match context.told(exchange) {
            Told::Reply(reading) => reading.digest.map_or(0, <[u8]>::len),
            Told::Silence | Told::Lost => 0,
        };
        let due = cut_length(algorithm);
        if judgement.outcome == Outcome::Pass && digest != due {
            Judgement::fail(format!("a digest of {due} octets"), format!("one of {digest} octets"))
        } else {
            judgement
        }
    })
}
