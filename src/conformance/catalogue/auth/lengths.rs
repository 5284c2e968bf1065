//! Digests of other lengths than are due.

use super::{for_each, once};
use crate::auth::Key;
use crate::conformance::Context;
use crate::conformance::case::{Case, Level};
use crate::conformance::expect::{all_refused, lacks_honoured_key};

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/cut-digest",
        source: "RFC 7822 section 3; no implementation takes a shorter one",
        level: Level::Must,
        summary: "a digest of 20 octets or more that is cut to 16 is refused",
        why: "A server that compares as many octets as came lets an attacker choose how few to guess.",
        differs: "ntpd-rs and OpenNTPD answer plainly",
        lacks: |context| {
            lacks_honoured_key(context).or_else(|| {
                context.key_with_digest(20).is_none().then_some("no honoured key has a digest of 20 octets")
            })
        },
        ask: |context, seen| once(seen, || with_digest_of(context, context.key_with_digest(20)?, 16)),
        judge: all_refused,
    },
    Case {
        slug: "auth/very-cut-digest",
        source: "RFC 7822 section 3; no implementation takes a shorter one",
        level: Level::Must,
        summary: "digests cut to 4, 8 and 12 octets are refused",
        why: "Four octets can be guessed within hours at the rate at which servers answer.",
        differs: "ntpd-rs answers plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            for_each(seen, &[4, 8, 12], |length| with_digest_of(context, context.honoured_key()?, length))
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/padded-digest",
        source: "RFC 7822 section 3; practice of all that verify",
        level: Level::Must,
        summary: "a right MAC with four zero octets behind it is refused",
        why: "What follows the digest is not covered by it.",
        differs: "OpenNTPD answers plainly",
        lacks: |context| {
            lacks_honoured_key(context).or_else(|| {
                paddable(context).is_empty().then_some("no honoured key has a digest of 16 or 20 octets")
            })
        },
        ask: |context, seen| {
            for_each(seen, &paddable(context), |key| {
                let mut octets = context.request().signed(key);
                octets.extend([0; 4]);
                Some(octets)
            })
        },
        judge: all_refused,
    },
];

fn with_digest_of(context: &Context, key: &Key, length: usize) -> Option<Vec<u8>> {
    let request = context.request();
    let digest = request.digest(key);
    Some(request.mac(key.id().0, digest.get(..length)?).octets())
}

/// An honoured key with 16 octets of digest, and one with more whose padded MAC is no extension field.
fn paddable(context: &Context) -> Vec<&Key> {
    let short = context.honoured().find(|key| key.algorithm().digest_length() == 16);
    let is_long =
        |key: &&Key| key.algorithm().digest_length() >= 20 && !matches!(key.id().0 & 0xffff, 16..=28);
    short.into_iter().chain(context.honoured().find(is_long)).collect()
}
