//! Key IDs that are not those of the key that the digest is made with.

use super::{cut, cut_length, for_each, once};
use crate::analysis::behaviour::Answer;
use crate::auth::{Key, KeyId};
use crate::conformance::case::{Case, Level};
use crate::conformance::expect::{all_refused, each, lacks_honoured_key, lacks_nothing, refused};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Judgement, Outcome};

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/unknown-key",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "a MAC under a key ID that the server does not have is refused",
        why: "Nothing can be verified, so nothing may be signed, and a plain reply hides from the client that its key is \
              not there.",
        differs: "ntpd-rs answers 16 octets of digest plainly, OpenNTPD all",
        lacks: lacks_nothing,
        ask: |context, seen| {
            for_each(seen, &[16, 20], |length| {
                let digest = context.octets(length);
                Some(context.request().mac(context.unknown_key_id(), &digest).octets())
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/unknown-key-over-65535",
        source: "RFC 5905 section 7.3: a key ID has 32 bits; practice of ntp.org",
        level: Level::Observed,
        summary: "a key ID beyond 65535 is refused like any unknown one",
        why: "ntp.org's ntpd takes such IDs for those of Autokey, while appliances give them to keys.",
        differs: "ntpd-rs and OpenNTPD answer plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            for_each(seen, &[0, 1], |steps| {
                let id = if steps == 0 { large_key_id(context)? } else { context.unknown_key_id() };
                Some(context.request().mac(id, &context.octets(16)).octets())
            })
        },
        judge: like_a_small_one,
    },
    Case {
        slug: "auth/key-id-modulo-65536",
        source: "RFC 5905 section 7.3: a key ID has 32 bits",
        level: Level::Must,
        summary: "a key ID whose low 16 bits are those of a key is not that key",
        why: "A server that keeps 16 bits of the ID answers requests that were never meant for its key.",
        differs: "",
        lacks: |context| {
            lacks_honoured_key(context)
                .or_else(|| aliased(context).is_none().then_some("the keys have both of two such IDs"))
        },
        ask: |context, seen| {
            once(seen, || {
                let (key, alias) = aliased(context)?;
                let request = context.request();
                let digest = cut(request.digest(key));
                Some(request.mac(alias, &digest).octets())
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/swapped-key-id",
        source: "RFC 5905 section 7.3",
        level: Level::Must,
        summary: "a right MAC of one key under the ID of another is refused",
        why: "The ID chooses the key; a server that tries all its keys lets one client speak as another.",
        differs: "",
        lacks: |context| {
            lacks_honoured_key(context).or_else(|| {
                pair(context).is_none().then_some("no two honoured keys have digests of one length")
            })
        },
        ask: |context, seen| {
            for_each(seen, &[false, true], |is_reversed| {
                let (one, other) = pair(context)?;
                let (named, used) = if is_reversed { (one, other) } else { (other, one) };
                let request = context.request();
                let digest = cut(request.digest(used));
                Some(request.mac(named.id().0, &digest).octets())
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/key-id-zero",
        source: "RFC 5905 section 7.3 and appendix A.5.1: key ID zero is that of a crypto-NAK",
        level: Level::Must,
        summary: "key ID zero with a digest is refused",
        why: "Zero names no key, though a reader of key files may well take in a line that has it.",
        differs: "ntpd-rs and OpenNTPD answer plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            for_each(seen, &[false, true], |is_zero| {
                let request = context.request();
                let mut digest = request.digest(context.honoured_key()?);
                digest.truncate(16);
                if is_zero {
                    digest.fill(0);
                }
                Some(request.mac(0, &digest).octets())
            })
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/zero-digest",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "a digest of zeros under a known key ID is refused",
        why: "It is what a digest that was never written looks like. With 16 octets it is also how members of a Windows \
              domain ask, so a longer one is sent where there is a key for it.",
        differs: "ntpd-rs answers 16 octets plainly, OpenNTPD all",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || {
                let key = context.key_with_digest(20).or_else(|| context.honoured_key())?;
                let zeros = vec![0; cut_length(key.algorithm())];
                Some(context.request().mac(key.id().0, &zeros).octets())
            })
        },
        judge: zero_digest,
    },
];

/// A key ID beyond 65535 that no key file of ours has, nor its low 16 bits.
fn large_key_id(context: &Context) -> Option<u32> {
    let low = context.unknown_key_id();
    (1..100).map(|high| low + high * 65_536).find(|id| !context.keyring().knows(KeyId(*id)))
}

/// An honoured key, and an ID with its low 16 bits that no key has.
fn aliased(context: &Context) -> Option<(&Key, u32)> {
    let with_alias = context.honoured().map(|key| (key, key.id().0 ^ 65_536));
    with_alias.into_iter().find(|(_, alias)| !context.keyring().knows(KeyId(*alias)))
}

/// Two honoured keys whose digests cannot be told apart by their length.
fn pair(context: &Context) -> Option<(&Key, &Key)> {
    context.honoured().find_map(|one| {
        let is_like = |other: &&Key| {
            other.id() != one.id()
                && other.identity() != one.identity()
                && cut_length(other.algorithm()) == cut_length(one.algorithm())
        };
        context.honoured().find(is_like).map(|other| (one, other))
    })
}

/// Refused is right; refused in another way than a smaller ID is noted.
fn like_a_small_one(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let judgement = evidence.own.first().map(|exchange| refused(context, exchange).shown_by(0));
    let Some(judgement) = judgement else { return Judgement::inconclusive("it was not asked") };
    let is_nak = |exchange| match context.told(exchange) {
        Told::Reply(reading) => Some(reading.answer == Answer::CryptoNak),
        Told::Silence => Some(false),
        Told::Lost => None,
    };
    let mut naks = evidence.own.iter().map(is_nak);
    match (naks.next().flatten(), naks.next().flatten()) {
        (Some(large), Some(small)) if judgement.outcome == Outcome::Pass && large != small => {
            let word = if large { "a crypto-NAK, silence" } else { "silence, a crypto-NAK" };
            Judgement::info(format!("{word} for a smaller ID"))
        }
        _ => judgement,
    }
}

fn zero_digest(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| {
        let judgement = refused(context, exchange);
        // A server of a Windows domain signs for the account whose number stands there.
        let may_be_ms_sntp = exchange.request(0).len() == MS_SNTP_LENGTH
            && matches!(context.told(exchange), Told::Reply(reading)
                if !reading.is_signed() && matches!(reading.answer, Answer::BadMacReply | Answer::OtherReply));
        match judgement.outcome {
            Outcome::Fail if may_be_ms_sntp => {
                Judgement::info(format!("perhaps signed for a Windows account: {}", judgement.actual))
            }
            _ => judgement,
        }
    })
}

/// A header, an account's number and 16 zero octets.
const MS_SNTP_LENGTH: usize = 68;
