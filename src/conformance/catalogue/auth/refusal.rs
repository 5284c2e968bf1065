//! How requests that nothing vouches for are met.

use super::{cut_length, for_each, once, unverifiable, with_other_algorithm, with_other_secret};
use crate::analysis::behaviour::Answer;
use crate::auth::{Algorithm, Key};
use crate::conformance::case::{Case, Level};
use crate::conformance::expect::{
    all_refused, each, lacks_honoured_key, lacks_nothing, limited, lost, refused, silence, undue,
};
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Judgement, Outcome};
use crate::ntp::Mode;

pub(in super::super) static CASES: &[Case] = &[
    Case {
        slug: "auth/key-id-alone",
        source: "RFC 5905 section 7.3: a MAC has a digest; practice of all but ntpd-rs",
        level: Level::Must,
        summary: "a key ID without a digest draws no reply but a refusal",
        why: "It is neither a MAC nor a crypto-NAK; where it is answered, digests can be left out.",
        differs: "ntpd-rs answers plainly",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || Some(context.request().mac(context.honoured_key()?.id().0, &[]).octets()))
        },
        judge: all_refused,
    },
    Case {
        slug: "auth/crypto-nak-as-request",
        source: "RFC 5905 section 9.2, figure 20; practice of all but ntpd-rs",
        level: Level::Must,
        summary: "a request that is itself a crypto-NAK is not answered",
        why: "A refusal asks for nothing, and two servers that refuse refusals never end.",
        differs: "ntpd-rs answers plainly",
        lacks: lacks_nothing,
        ask: |context, seen| once(seen, || Some(context.request().with(&[0; 4]).octets())),
        judge: nak_as_request,
    },
    Case {
        slug: "auth/refusal-in-mode-1",
        source: "RFC 5905 section 9.2, figure 20; practice of ntp.org, NTPsec and chrony",
        level: Level::Must,
        summary: "a symmetric-active message with a wrong MAC is refused",
        why: "Who asks to be a peer asks to be trusted with the server's clock, and is to be verified most of all.",
        differs: "OpenNTPD answers plainly in mode 2",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            once(seen, || {
                let stranger = with_other_secret(context, context.honoured_key()?)?;
                Some(context.request().mode(1).signed(&stranger))
            })
        },
        judge: in_mode_1,
    },
    Case {
        slug: "auth/refusal-consistent",
        source: "practice of ntp.org, NTPsec and chrony",
        level: Level::Observed,
        summary: "a wrong secret, an unknown key and a wrong algorithm are refused alike",
        why: "A difference tells strangers which key IDs there are.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            for_each(seen, &[Wrong::Secret, Wrong::Id, Wrong::Algorithm], |wrong| {
                wrong.ask(context, context.honoured_key()?)
            })
        },
        judge: consistent,
    },
];

fn nak_as_request(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| {
        silence(context, exchange, |reading| match reading.answer {
            _ if undue(reading).is_some() => undue(reading).unwrap_or_else(lost),
            Answer::Kiss => limited(reading),
            Answer::PlainReply | Answer::ZeroTrailer => Judgement::warn("silence", reading.describe()),
            _ => Judgement::fail("silence", reading.describe()),
        })
    })
}

fn in_mode_1(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    each(evidence.own, |exchange| {
        let judgement = refused(context, exchange);
        let mode = match context.told(exchange) {
            Told::Reply(reading) => reading.header().map(|header| header.mode),
            Told::Silence | Told::Lost => None,
        };
        match mode {
            Some(mode) if judgement.outcome == Outcome::Pass && mode != Mode::SymmetricPassive => {
                Judgement::warn("a crypto-NAK in mode 2, or silence", judgement.actual)
            }
            _ => judgement,
        }
    })
}

/// What is wrong with a MAC whose digest has the length that is due.
#[derive(Clone, Copy)]
enum Wrong {
    Secret,
    Id,
    Algorithm,
}

impl Wrong {
    fn ask(self, context: &Context, key: &Key) -> Option<Vec<u8>> {
        let request = context.request();
        Some(match self {
            Wrong::Secret => unverifiable(context),
            Wrong::Id => {
                let digest = context.octets(cut_length(key.algorithm()));
                request.mac(context.unknown_key_id(), &digest).octets()
            }
            Wrong::Algorithm => request.signed(&with_other_algorithm(key, as_long(key.algorithm()))?),
        })
    }
}

/// Another algorithm whose digests are as long in version 4, and whose secrets may have any length.
fn as_long(algorithm: Algorithm) -> Algorithm {
    match (algorithm, cut_length(algorithm)) {
        (Algorithm::Md5, _) => Algorithm::Shake128,
        (_, 16) => Algorithm::Md5,
        (Algorithm::Sha1, _) => Algorithm::Sha256,
        _ => Algorithm::Sha1,
    }
}

fn consistent(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let told: Vec<Told<'_>> = evidence.own.iter().map(|exchange| context.told(exchange)).collect();
    let kinds: Vec<&str> = told.iter().map(kind).collect();
    let [secret, id, algorithm] = kinds.as_slice() else {
        return Judgement::inconclusive("not all was asked");
    };
    if told.iter().any(|told| matches!(told, Told::Lost)) {
        return lost();
    }
    if kinds.contains(&Answer::Kiss.name()) {
        return Judgement::inconclusive("the server limits its clients");
    }
    if secret == id && id == algorithm {
        return Judgement::pass(format!("{secret} to each"));
    }
    Judgement::info(format!("a wrong secret: {secret}; an unknown key: {id}; another algorithm: {algorithm}"))
}

fn kind(told: &Told<'_>) -> &'static str {
    match told {
        Told::Reply(reading) => reading.answer.name(),
        Told::Silence | Told::Lost => Answer::Silence.name(),
    }
}
