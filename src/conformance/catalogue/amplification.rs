//! Replies are no longer than their requests, whose source may be forged.

use std::collections::HashMap;
use std::time::Duration;

use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::{SWEEP, Stimulus, Until};
use crate::conformance::expect::{
    every_reply, lacks_honoured_key, lacks_nothing, longer, lost, of_run, plainly,
};
use crate::conformance::outcome::Judgement;
use crate::conformance::{Context, Evidence, Exchange, Names};
use crate::ntp::header::Mode;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "amplification/plain",
        source: "practice of all",
        level: Level::Must,
        summary: "a reply is not longer than its request, without a MAC",
        why: "Requests can carry a false source; what is longer than the question makes the server a weapon.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| plainly(context, seen, 3),
        judge: not_longer,
    },
    Case {
        slug: "amplification/with-mac",
        source: "practice of all",
        level: Level::Must,
        summary: "a reply is not longer than its request, with a right MAC",
        why: "Requests can carry a false source; what is longer than the question makes the server a weapon.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let key = context.honoured().nth(seen.len())?;
            Some(Stimulus::one(context.request().signed(key)))
        },
        judge: not_longer,
    },
    Case {
        slug: "amplification/refusal",
        source: "practice of all",
        level: Level::Must,
        summary: "a refusal is not longer than what is refused",
        why: "A message of anybody's draws it, so here the rule matters most.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let lengths = [4, 8, 12, 16, 20, 24];
            let refused = |octets| context.request().with(&context.no_field(octets)).octets();
            seen.is_empty().then(|| Stimulus::sweep(lengths.map(refused)))
        },
        judge: not_longer,
    },
    Case {
        slug: "amplification/with-fields",
        source: "RFC 7822; practice of all",
        level: Level::Must,
        summary: "a reply is not longer than its request, with extension fields",
        why: "A field may ask for another one, so here a reply can grow.",
        differs: "",
        lacks: lacks_nothing,
        ask: with_fields,
        judge: not_longer,
    },
    Case {
        slug: "amplification/short-request",
        source: "practice of all",
        level: Level::Must,
        summary: "nothing of 48 octets comes back for less",
        why: "A reply to one octet is 48 times as long, whatever one thinks of answering it.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let cut = |octets| context.request().octets().get(..octets).unwrap_or_default().to_vec();
            seen.is_empty().then(|| Stimulus::sweep([1, 4, 8, 12, 24, 47].map(cut)))
        },
        judge: not_longer,
    },
    Case {
        slug: "amplification/mode-6",
        source: "RFC 8633; RFC 9327; practice",
        level: Level::Should,
        summary: "replies to control messages are not longer than those",
        why: "Servers that let strangers ask for their variables are used to flood others.",
        differs: "ntp.org's ntpd answers with 388 octets for 12 unless noquery is set",
        lacks: lacks_nothing,
        ask: |_, seen| {
            // Status, variables, and the clients that were heard of.
            let asking = |opcode| [&[0x16, opcode], [0; 10].as_slice()].concat();
            seen.is_empty().then(|| managing([1, 2, 10, 1, 2, 10].map(asking)))
        },
        judge: |_, evidence| {
            let (sent, came) = octets_of(evidence.own);
            let told = format!("{came} octets for {sent}");
            match came {
                0 if evidence.own.iter().any(|exchange| exchange.is_dead) => lost(),
                _ if came <= sent => Judgement::pass(told),
                // Who may ask is a matter of configuration, and ours may be an address that may.
                _ => Judgement::warn("no more octets than were sent", told),
            }
        },
    },
    Case {
        slug: "amplification/mode-7",
        source: "practice (CVE-2013-5211)",
        level: Level::Must,
        summary: "replies to private-mode requests are not longer than those",
        why: "The best known of all amplifiers: hundreds of octets for eight.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, seen| {
            let length = *[8, 48, 192].get(seen.len())?;
            // The list of clients and the list of peers, of both implementations of the protocol.
            let codes = [(3, 42), (2, 42), (3, 0), (2, 0)];
            Some(managing(codes.map(|(implementation, code)| {
                let mut octets = vec![0x17, 0, implementation, code];
                octets.resize(length, 0);
                octets
            })))
        },
        judge: |_, evidence| {
            let exchanges = evidence.own.iter().enumerate();
            Judgement::worst(exchanges.map(|(number, exchange)| total(exchange).shown_by(number)))
        },
    },
];

/// What is true of all that was sent and came.
pub(super) static RUN: &[Case] = &[Case {
    slug: "amplification/datagrams",
    source: "practice of all",
    level: Level::Must,
    summary: "nothing in the whole run drew more octets than it had",
    why: "One rule over everything catches what no other case thinks of.",
    differs: "",
    lacks: lacks_nothing,
    ask: |_, _| None,
    judge: |_, evidence| {
        let is_control = |exchange: &Exchange| {
            let first = exchange.request(0).first().copied().unwrap_or_default();
            Mode::from_bits(first) == Mode::Control
        };
        let judged = evidence.run.iter().enumerate().filter(|(_, (_, exchange))| !is_control(exchange));
        let judged = judged.map(|(number, (slug, exchange))| of_run(number, slug, total(exchange)));
        let longer = Judgement::worst(judged.filter(|judgement| !judgement.expected.is_empty()));
        match longer.expected.is_empty() {
            true => Judgement::pass(format!("{} exchanges", evidence.run.len())),
            false => longer,
        }
    },
}];

fn with_fields(context: &Context, seen: &[Exchange]) -> Option<Stimulus> {
    // What chrony asks its own servers with.
    let chrony = [&[0xf5, 0xbe, 0xdd, 0x9a], [0; 20].as_slice()].concat();
    let mut all = vec![
        context.request().field(0xf0f0, 28).octets(),
        context.request().field(0xf503, 28).octets(),
        context.request().field_with(0xf323, &chrony).octets(),
    ];
    all.extend(context.honoured_key().map(|key| context.request().field(0xf0f0, 28).signed(key)));
    seen.is_empty().then(|| Stimulus::sweep(all))
}

fn not_longer(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    every_reply(context, evidence, |exchange, reading| {
        longer(exchange, reading).unwrap_or_else(|| Judgement::pass(reading.describe()))
    })
}

/// Messages of the modes that manage servers: replies do not name their requests.
fn managing(all: impl IntoIterator<Item = Vec<u8>>) -> Stimulus {
    Stimulus { until: Until::Over(Duration::ZERO), spacing: SWEEP, ..Stimulus::sweep(all) }
}

/// Octets that were sent in those exchanges, and that came for them.
fn octets_of(exchanges: &[Exchange]) -> (usize, usize) {
    let sent = |exchange: &Exchange| {
        let once: usize = exchange.stimulus.datagrams.iter().map(|(_, octets)| octets.len()).sum();
        once * usize::try_from(exchange.tries).unwrap_or(1)
    };
    (exchanges.iter().map(sent).sum(), exchanges.iter().map(drawn).sum())
}

/// Octets that an exchange drew. What comes twice may be the network's doing, so it counts once.
fn drawn(exchange: &Exchange) -> usize {
    let own = exchange.replies.iter().filter(|reply| reply.names != Names::Earlier);
    let mut copies: HashMap<&[u8], usize> = HashMap::new();
    own.for_each(|reply| *copies.entry(reply.octets.as_slice()).or_default() += 1);
    let kept: usize = copies.into_iter().map(|(octets, count)| octets.len() * count.div_ceil(2)).sum();
    kept + exchange.left_out.octets.div_ceil(2)
}

fn total(exchange: &Exchange) -> Judgement {
    const EXPECTED: &str = "no more octets than were sent";
    let (sent, came) = octets_of(std::slice::from_ref(exchange));
    let told = format!("{came} octets for {sent}");
    let longest = exchange.stimulus.datagrams.iter().map(|(_, octets)| octets.len()).max().unwrap_or(0);
    let is_longer = exchange.replies.iter().any(|reply| reply.octets.len() > longest);
    match came {
        0 if exchange.is_dead => lost(),
        _ if came <= sent => Judgement::pass(told),
        // The network may have doubled the requests.
        _ if came <= 2 * sent && !is_longer => Judgement::warn(EXPECTED, told),
        _ => Judgement::fail(EXPECTED, told),
    }
}
