//! What is seen in the whole run.

use crate::analysis::verdict::{Status, judge_message};
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{lacks_honoured_key, lost};
use crate::conformance::{Context, Evidence, Exchange, Judgement, Reading};
use crate::ntp::Message;

pub(in super::super) static CASES: &[Case] = &[Case {
    slug: "auth/nothing-signed-for-the-unverified",
    source: "RFC 5905 section 9.2 and appendix A.5.1; practice of NTPsec and chrony",
    level: Level::Must,
    summary: "no reply to a request that cannot be verified has a right MAC",
    why: "Whoever signs for strangers can be asked to sign anything, and proves to a client that its request was \
          accepted when it was not. Kiss codes count too.",
    differs: "ntp.org signs RATE before it verifies, where it limits clients and says so",
    lacks: lacks_honoured_key,
    ask: |context, seen| {
        let key = context.honoured_key()?;
        let wrong = |_| {
            let mut octets = context.request().signed(key);
            *octets.last_mut()? ^= 1;
            Some(octets)
        };
        // Quickly one after the other, so that a server that limits its clients says so.
        seen.is_empty().then(|| Stimulus::sweep((0..BURST).filter_map(wrong)))
    },
    judge: nothing_signed,
}];

const BURST: u32 = 12;

fn nothing_signed(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let own = evidence.own.iter().enumerate().map(|(number, exchange)| (Err(number), exchange));
    let earlier = evidence.run.iter().enumerate();
    let earlier = earlier.map(|(number, (slug, exchange))| (Ok((number, *slug)), exchange));
    let mut count = 0;
    for (place, exchange) in earlier.chain(own) {
        count +=
            exchange.stimulus.datagrams.iter().filter(|(_, octets)| is_unverified(context, octets)).count();
        if let Some(reading) = signed_for_nothing(context, exchange) {
            let words = reading.describe();
            let failed = |words| {
                let expected = "no right MAC in the reply to a wrong one";
                Judgement::fail(expected, words).shown_by_reply(exchange, reading.reply)
            };
            return match place {
                Ok((number, slug)) => failed(format!("{words}, in {slug}")).shown_in_run(number),
                Err(number) => failed(words).shown_by(number),
            };
        }
    }
    if evidence.own.iter().any(|exchange| exchange.is_dead) {
        return lost();
    }
    Judgement::pass(format!("{count} requests that cannot be verified, no reply to them signed"))
}

/// The first reply with a right MAC to a request with a wrong one.
fn signed_for_nothing<'e>(context: &Context, exchange: &'e Exchange) -> Option<Reading<'e>> {
    let is_it = |reading: &Reading<'_>| {
        reading.is_signed() && reading.undue().is_none() && is_unverified(context, reading.request)
    };
    context.readings(exchange).find(is_it)
}

/// True for a request whose trailer no key of ours vouches for. Requests without any are none.
fn is_unverified(context: &Context, request: &[u8]) -> bool {
    let status = Message::parse(request).map(|message| judge_message(&message, context.keyring()).status);
    matches!(
        status,
        Ok(Status::Invalid | Status::UnknownKey | Status::MsSntp | Status::CryptoNak | Status::Malformed)
    )
}
