//! Which modes are answered, and in which.

use std::time::Duration;

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{
    each, lacks_honoured_key, lacks_nothing, lacks_plain_service, limited, silence,
};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Names, Reading};
use crate::ntp::ReferenceId;
use crate::ntp::header::{Header, LeapIndicator, Mode};
use crate::ntp::message::Message;
use crate::ntp::timestamp::NtpShort;

/// How long a server that answers twice is waited for.
const SHORTLY: Duration = Duration::from_secs(3);

/// How long a peer's first poll is waited for: programs that take strangers for peers send one within seconds.
const A_POLL: Duration = Duration::from_secs(5);

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "mode/0",
        source: "RFC 5905 figures 10 and 20; practice of all but ntpd-rs",
        level: Level::Must,
        summary: "mode 0 in version 4 is not answered",
        why: "It is reserved, and what garbage of zeros has.",
        differs: "ntpd-rs answers in mode 4",
        lacks: lacks_nothing,
        ask: |context, seen| in_modes(context, seen, &[(4, 0)]),
        judge: |context, evidence| each_unanswered(context, evidence, answered_as_client),
    },
    Case {
        slug: "mode/0-in-version-2-and-3",
        source: "practice of ntp.org, NTPsec, chrony and OpenNTPD",
        level: Level::Observed,
        summary: "mode 0 in versions 2 and 3 is not answered",
        why: "Only version 1 had no modes.",
        differs: "ntpd-rs answers version 3 in mode 4",
        lacks: lacks_nothing,
        ask: |context, seen| in_modes(context, seen, &[(2, 0), (3, 0)]),
        judge: |context, evidence| each_unanswered(context, evidence, answered_as_client),
    },
    Case {
        slug: "mode/1",
        source: "RFC 5905 figure 20; practice of ntp.org, chrony, OpenNTPD and NTPsec",
        level: Level::Observed,
        summary: "a symmetric-active message without a MAC meets with mode 2 or silence",
        why: "The text would make a peer of a stranger. Servers answer it once in mode 2 and keep nothing of it.",
        differs: "ntpd-rs answers in mode 4",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let stimulus = Stimulus::one(context.request().mode(1).octets());
            match seen.len() {
                0 => Some(stimulus),
                1 => Some(stimulus.then_listen(SHORTLY)),
                _ => None,
            }
        },
        judge: |context, evidence| {
            let answers = each(evidence.own, |exchange| silence(context, exchange, symmetric));
            Judgement::worst([answers, each(evidence.own, at_most_one)])
        },
    },
    Case {
        slug: "mode/1-not-a-peer",
        source: "RFC 5905 section 9.2; practice of ntp.org, NTPsec, chrony and OpenNTPD",
        level: Level::Should,
        summary: "a stranger's symmetric-active message does not make the server poll its sender",
        why: "Else every stranger gets a place in its table, and whoever's address he forges a stream of packets.",
        differs: "",
        lacks: lacks_nothing,
        ask: |context, seen| {
            let stimulus = || Stimulus::one(context.request().mode(1).octets());
            seen.is_empty().then(|| stimulus().then_listen(A_POLL))
        },
        judge: |_, evidence| each(evidence.own, at_most_one),
    },
    Case {
        slug: "mode/2",
        source: "RFC 5905 figure 20",
        level: Level::Must,
        summary: "mode 2 is not answered",
        why: "It is itself an answer: whoever answers answers begins a loop.",
        differs: "ntpd-rs answers in mode 4",
        lacks: lacks_nothing,
        ask: |context, seen| in_modes(context, seen, &[(4, 2)]),
        judge: |context, evidence| each_unanswered(context, evidence, answered_as_client),
    },
    Case {
        slug: "mode/4",
        source: "RFC 5905 figure 20",
        level: Level::Must,
        summary: "a server's reply is not answered",
        why: "One datagram with a forged source sets two servers that do on each other without end.",
        differs: "ntpd-rs answers in mode 4",
        lacks: lacks_nothing,
        ask: |context, seen| in_modes(context, seen, &[(4, 4)]),
        judge: |context, evidence| {
            each_unanswered(context, evidence, |reading| Judgement::fail("silence", reading.describe()))
        },
    },
    Case {
        slug: "mode/5",
        source: "RFC 5905 figure 20",
        level: Level::Must,
        summary: "a broadcast is not answered",
        why: "Broadcasts are for listeners; whoever answers them can be aimed.",
        differs: "ntpd-rs answers in mode 4",
        lacks: lacks_nothing,
        ask: |context, seen| in_modes(context, seen, &[(4, 5), (3, 5)]),
        judge: |context, evidence| {
            each(evidence.own, |exchange| {
                silence(context, exchange, |reading| match mode(reading) {
                    // It has become a client of ours.
                    Some(Mode::Client) => Judgement::warn("silence", reading.describe()),
                    _ => not_due(reading).unwrap_or_else(|| answered_as_client(reading)),
                })
            })
        },
    },
    Case {
        slug: "mode/reply-modes-with-mac",
        source: "RFC 5905 figure 20",
        level: Level::Must,
        summary: "modes 0, 2, 4 and 5 under a right MAC are not answered either",
        why: "A reply to a holder of the key that somebody sends again must start no loop.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let mode = *[0, 2, 4, 5].get(seen.len())?;
            Some(Stimulus::one(context.request().mode(mode).signed(context.honoured_key()?)))
        },
        judge: |context, evidence| {
            each_unanswered(context, evidence, |reading| match reading.answer {
                Answer::PlainReply if asked_mode(reading) != Some(Mode::Server) => {
                    answered_as_client(reading)
                }
                _ => Judgement::fail("silence", reading.describe()),
            })
        },
    },
    Case {
        slug: "mode/6-read",
        source: "RFC 9327; RFC 8633",
        level: Level::Should,
        summary: "a control message of a stranger is not answered",
        why: "The answer tells version, system and peers, and is longer than the question.",
        differs: "ntp.org answers unless it has noquery",
        lacks: lacks_nothing,
        ask: |_, seen| {
            let (version, sequence) = *[(2, 1), (3, 2), (4, 3)].get(seen.len())?;
            Some(Stimulus::one(vec![version << 3 | 6, 2, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 0]))
        },
        judge: |context, evidence| {
            each(evidence.own, |exchange| {
                silence(context, exchange, |reading| {
                    foreign(context, reading, matches!(reading.message, Some(Message::Control(_))))
                })
            })
        },
    },
    Case {
        slug: "mode/7",
        source: "RFC 5905 figure 10; practice of all",
        level: Level::Should,
        summary: "a private request, such as that of monlist, is not answered",
        why: "A list of the last 600 clients for a few octets made NTP known as an amplifier.",
        differs: "",
        lacks: lacks_nothing,
        ask: |_, seen| {
            let mut octets = vec![0x17, 0, 3, 42, 0, 0, 0, 0];
            octets.resize(*[8, 48].get(seen.len())?, 0);
            Some(Stimulus::one(octets))
        },
        judge: |context, evidence| {
            each(evidence.own, |exchange| {
                silence(context, exchange, |reading| {
                    foreign(context, reading, matches!(reading.message, Some(Message::Private(_))))
                })
            })
        },
    },
    Case {
        slug: "mode/3-with-response-values",
        source: "RFC 5905 figure 31; practice of ntp.org's client",
        level: Level::Observed,
        summary: "a client's request that says of itself leap 3, stratum 16 and INIT is answered",
        why: "It is the usual first request of ntp.org's ntpd, and says nothing of the server.",
        differs: "",
        lacks: lacks_plain_service,
        ask: |context, seen| {
            let request = context.request().header(|header| {
                *header = Header {
                    leap_indicator: LeapIndicator::Unknown,
                    stratum: 16,
                    precision: -6,
                    root_dispersion: NtpShort(1 << 16),
                    reference_id: ReferenceId(*b"INIT"),
                    ..*header
                };
            });
            seen.is_empty().then(|| Stimulus::one(request.octets()))
        },
        judge: |context, evidence| each(evidence.own, |exchange| unsynchronised(context, exchange)),
    },
];

/// A plain request of each of these versions and modes.
fn in_modes(context: &Context, seen: &[Exchange], all: &[(u8, u8)]) -> Option<Stimulus> {
    let (version, mode) = *all.get(seen.len())?;
    Some(Stimulus::one(context.request().version(version).mode(mode).octets()))
}

/// What must not be answered. `otherwise` judges a reply that is due but for its mode.
fn each_unanswered(
    context: &Context,
    evidence: &Evidence<'_>,
    otherwise: fn(&Reading<'_>) -> Judgement,
) -> Judgement {
    each(evidence.own, |exchange| {
        silence(context, exchange, |reading| not_due(reading).unwrap_or_else(|| otherwise(reading)))
    })
}

/// What is to be said of a reply that is not due by more than its mode.
fn not_due(reading: &Reading<'_>) -> Option<Judgement> {
    let field = reading.undue().filter(|field| *field != "mode")?;
    Some(Judgement::inconclusive(format!("a reply whose {field} is not due: {}", reading.describe())))
}

/// A reply as to a client is what one implementation gives to most modes. A client drops it, whoever it was meant for.
fn answered_as_client(reading: &Reading<'_>) -> Judgement {
    match (mode(reading), reading.answer) {
        (Some(Mode::Server), Answer::PlainReply | Answer::Kiss) => {
            Judgement::warn("silence", reading.describe())
        }
        _ => Judgement::fail("silence", reading.describe()),
    }
}

fn mode(reading: &Reading<'_>) -> Option<Mode> {
    Header::parse(&reading.reply.octets).map(|header| header.mode)
}

fn asked_mode(reading: &Reading<'_>) -> Option<Mode> {
    Header::parse(reading.request).map(|header| header.mode)
}

fn symmetric(reading: &Reading<'_>) -> Judgement {
    const EXPECTED: &str = "mode symmetric-passive, or silence";
    match (mode(reading), reading.answer) {
        _ if not_due(reading).is_some() => not_due(reading).unwrap_or_else(|| limited(reading)),
        (Some(Mode::SymmetricPassive), Answer::PlainReply) => Judgement::pass(reading.describe()),
        (_, Answer::Kiss) => limited(reading),
        (Some(Mode::Server), _) => Judgement::warn(EXPECTED, reading.describe()),
        (Some(Mode::SymmetricPassive), _) => Judgement::inconclusive(reading.describe()),
        _ => Judgement::fail(EXPECTED, reading.describe()),
    }
}

/// Within what time the replies to a request come that the network has doubled.
const DOUBLED: Duration = Duration::from_millis(200);

/// No datagram comes beside one for each that was sent. Networks may double one: what is the same is the same.
fn at_most_one(exchange: &Exchange) -> Judgement {
    let own = || exchange.replies.iter().filter(|reply| reply.names != Names::Earlier);
    let mut different: Vec<&[u8]> = own().map(|reply| reply.octets.as_slice()).collect();
    different.sort_unstable();
    different.dedup();
    let (sent, came) = (exchange.tries.max(1), different.len());
    let actual = format!("{came} datagrams to {sent}");
    let elapsed = || own().map(|reply| reply.elapsed);
    let is_at_once =
        elapsed().max().zip(elapsed().min()).is_none_or(|(last, first)| last.saturating_sub(first) < DOUBLED);
    match u32::try_from(came) {
        Ok(came) if came <= sent => Judgement::pass(actual),
        // The network may have doubled the request.
        Ok(came) if came <= 2 * sent && is_at_once => Judgement::warn("one datagram at most to each", actual),
        _ => Judgement::fail("one datagram at most to each", actual),
    }
}

/// What another protocol's request must not meet with. An answer in kind that is no longer tells nothing.
fn foreign(context: &Context, reading: &Reading<'_>, is_in_kind: bool) -> Judgement {
    let (asked, answered) = (reading.request.len(), reading.reply.octets.len());
    let actual = format!("{answered} octets to {asked}");
    // Such a request has no transmit timestamp that a reply could name.
    let is_for_it = reading.header().is_none_or(|header| header.origin_timestamp.is_zero());
    match is_in_kind {
        true if answered <= asked => Judgement::info(actual),
        true => Judgement::warn("silence", actual),
        false if is_for_it && context.facts.answers_plainly => Judgement::fail("silence", reading.describe()),
        false => Judgement::inconclusive(format!("a reply that names no request: {}", reading.describe())),
    }
}

fn unsynchronised(context: &Context, exchange: &Exchange) -> Judgement {
    let reading = match context.told(exchange) {
        Told::Reply(reading) => reading,
        Told::Silence if context.facts.answers_plainly => return Judgement::warn("a reply", "silence"),
        told => return Judgement::inconclusive(told.describe()),
    };
    let is_copied = |header: &Header| {
        (header.stratum, header.precision, header.root_dispersion) == (16, -6, NtpShort(1 << 16))
    };
    match (reading.undue(), reading.answer) {
        (Some(_), _) => Judgement::inconclusive(reading.describe()),
        (None, Answer::Kiss) => limited(&reading),
        (None, Answer::PlainReply) if reading.header().is_some_and(is_copied) => {
            Judgement::fail("values of the server's own", format!("the request's: {}", reading.describe()))
        }
        (None, Answer::PlainReply) => Judgement::pass(reading.describe()),
        (None, _) => Judgement::inconclusive(reading.describe()),
    }
}
