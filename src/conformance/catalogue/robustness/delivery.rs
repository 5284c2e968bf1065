//! How many replies come, when, and to whom.

use std::time::Duration;

use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::{Stimulus, Until};
use crate::conformance::expect::{astray, each, lacks_plain_replies, lost, undue};
use crate::conformance::outcome::{Judgement, Outcome};
use crate::conformance::{Context, Evidence, Exchange, Names, Reading, Received};

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "robustness/one-reply-each",
        source: "RFC 5905 section 9.2",
        level: Level::Must,
        summary: "each request draws one reply",
        why: "What answers twice makes more traffic than it gets, and the second reply shows a delay that is none.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| listening(context, seen, 4, Duration::from_secs(1)),
        judge: |_, evidence| replies_each(evidence),
    },
    Case {
        slug: "robustness/nothing-unasked",
        source: "RFC 5905 figure 20",
        level: Level::Must,
        summary: "nothing comes from the server that names no request",
        why: "What nobody asked for is what an attacker sends; a server that does it too hides him.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| listening(context, seen, 1, Duration::from_secs(5)),
        judge: |_, evidence| each(evidence.own, nothing_unasked),
    },
    Case {
        slug: "robustness/answers-promptly",
        source: "practice of all",
        level: Level::Observed,
        summary: "replies come within a second",
        why: "Half of what a reply waits on one way counts as offset.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| listening(context, seen, 2, Duration::from_secs(2)),
        judge: promptly,
    },
    Case {
        slug: "robustness/interleaved-load",
        source: "practice of all",
        level: Level::Observed,
        summary: "ten requests at once from ten ports are all answered rightly",
        why: "What requests share in a server shows only when there are several.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let datagrams = (11..=20).map(|port| (port, context.request().octets())).collect();
            let until = Until::Over(Duration::from_secs(1));
            seen.is_empty().then_some(Stimulus { datagrams, spacing: Duration::ZERO, until })
        },
        judge: |context, evidence| each(evidence.own, |exchange| load(context, evidence, exchange)),
    },
];

/// Plain requests, each of which is followed by such a time in which all is heard.
fn listening(context: &Context, seen: &[Exchange], count: usize, time: Duration) -> Option<Stimulus> {
    (seen.len() < count).then(|| Stimulus::one(context.request().octets()).then_listen(time))
}

/// What the network may make of one datagram: the same again, at once.
const COPIED: Duration = Duration::from_millis(1);

/// Networks double a datagram now and then, requests too. What each request meets with is the server's doing.
fn replies_each(evidence: &Evidence<'_>) -> Judgement {
    let judgement = each(evidence.own, one_reply);
    let is_always = evidence.own.iter().all(|exchange| one_reply(exchange).outcome == Outcome::Fail);
    match judgement.outcome {
        Outcome::Fail if !is_always => Judgement { outcome: Outcome::Warn, ..judgement },
        _ => judgement,
    }
}

fn one_reply(exchange: &Exchange) -> Judgement {
    let named = |reply: &&Received| matches!(reply.names, Names::This(_));
    let all: Vec<&Received> = exchange.replies.iter().filter(named).collect();
    match all.as_slice() {
        [] => Judgement::inconclusive("no reply that names the request"),
        [_] => Judgement::pass("one"),
        [first, second] if is_copy(first, second) => Judgement::warn("one", "the same twice, at once"),
        more => Judgement::fail("one", format!("{}", more.len())),
    }
}

fn is_copy(first: &Received, second: &Received) -> bool {
    first.octets == second.octets && second.elapsed.saturating_sub(first.elapsed) <= COPIED
}

fn nothing_unasked(exchange: &Exchange) -> Judgement {
    let is_answered = exchange.replies.iter().any(|reply| matches!(reply.names, Names::This(_)));
    let unasked = exchange.replies.iter().filter(|reply| reply.names == Names::Nothing).count();
    let earlier = exchange.replies.iter().filter(|reply| reply.names == Names::Earlier).count();
    match (unasked, earlier) {
        (0, 0) => Judgement::pass("nothing"),
        (0, _) => Judgement::inconclusive("a reply to an earlier request: late, or sent again"),
        (1, _) if !is_answered => Judgement::inconclusive("no reply but one that names no request"),
        _ => Judgement::fail("nothing that names no request", format!("{unasked} in 5 s")),
    }
}

/// The time in which a reply should come.
const PROMPT: Duration = Duration::from_secs(1);

fn promptly(_: &Context, evidence: &Evidence<'_>) -> Judgement {
    let is_prompt = |reply: &Received| matches!(reply.names, Names::This(_)) && reply.elapsed <= PROMPT;
    let prompt = evidence.own.iter().filter(|exchange| exchange.replies.iter().any(is_prompt)).count();
    let told = format!("{prompt} of {} replies within a second", evidence.own.len());
    match prompt {
        0 if evidence.own.iter().any(|exchange| exchange.is_dead) => lost(),
        0 => Judgement::warn("replies within a second", told),
        _ => Judgement::pass(told),
    }
}

fn load(context: &Context, evidence: &Evidence<'_>, exchange: &Exchange) -> Judgement {
    if let Some(judgement) = astray(evidence, exchange) {
        return judgement;
    }
    let undue = |reading: Reading<'_>| Some(undue(&reading)?.shown_by_reply(exchange, reading.reply));
    if let Some(judgement) = context.readings(exchange).find_map(undue) {
        return judgement;
    }
    let is_answered =
        |number: &usize| exchange.replies.iter().any(|reply| reply.names == Names::This(*number));
    let asked = exchange.stimulus.datagrams.len();
    let answered = (0..asked).filter(is_answered).count();
    let told = format!("{answered} of {asked} answered");
    match asked - answered {
        _ if exchange.is_dead => lost(),
        0..=2 => Judgement::pass(told),
        _ => Judgement::warn("replies to all, but for what is lost", told),
    }
}
