//! MACs of requests and replies.

use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{each, lacks_honoured_key, refused};

pub(super) static CASES: &[Case] = &[Case {
    slug: "auth/wrong-digest",
    source: "RFC 5905 section 9.2; practice of NTPsec and chrony for silence",
    level: Level::Must,
    summary: "a MAC with one bit of its digest flipped is refused",
    why: "This is what MACs are for. ntp.org's ntpd refuses aloud, NTPsec and chrony in silence.",
    differs: "OpenNTPD and ntpd-rs answer plainly",
    lacks: lacks_honoured_key,
    ask: |context, seen| {
        let mut octets = context.request().signed(context.honoured_key()?);
        *octets.last_mut()? ^= 1;
        seen.is_empty().then(|| Stimulus::one(octets))
    },
    judge: |context, evidence| each(evidence.own, |exchange| refused(context, exchange)),
}];
