//! Interleaved mode (RFC 9769): replies that tell when the reply before them left.

use std::time::Duration;

use crate::analysis::behaviour::Answer;
use crate::conformance::case::{Case, Level};
use crate::conformance::clock::{resolution, units};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{
    authenticated, each, each_with_key, from_the, lacks_honoured_key, lacks_plain_replies, limited, lost,
    refused, undue, unless_once,
};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange, Reading, Request};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Header;

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "interleaved/supported",
        source: "RFC 9769 section 2",
        level: Level::May,
        summary: "a request in interleaved mode draws an interleaved or a basic reply",
        why: "The mode tells clients the true time of sending. It is optional, and a reply says which it is by its \
              origin timestamp.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            (seen.len() < 4).then(|| Some(Stimulus::one(next(context, seen)?.octets()))).flatten()
        },
        judge: supported,
    },
    Case {
        slug: "interleaved/transmit-of-earlier",
        source: "RFC 9769 section 2",
        level: Level::Must,
        summary: "an interleaved reply tells when the reply before it left",
        why: "The client puts it together with the exchange before; the time of another reply is wrong by as much as \
              lies between.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            (seen.len() < 4).then(|| Some(Stimulus::one(next(context, seen)?.octets()))).flatten()
        },
        judge: |context, evidence| interleaved_replies(context, evidence, transmit_of_earlier),
    },
    Case {
        slug: "interleaved/receive-of-this",
        source: "RFC 9769 section 2",
        level: Level::Must,
        summary: "an interleaved reply tells when the present request came",
        why: "The client names the exchange by it the next time; an old one would name one exchange twice.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            (seen.len() < 4).then(|| Some(Stimulus::one(next(context, seen)?.octets()))).flatten()
        },
        judge: |context, evidence| interleaved_replies(context, evidence, receive_of_this),
    },
    Case {
        slug: "interleaved/basic-without-match",
        source: "RFC 9769 section 2",
        level: Level::Must,
        summary: "an origin timestamp that names no reply draws a basic reply",
        why: "Clients without the mode send other times there, and would take a stranger's time of sending for theirs.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let origin = match seen.len() {
                0 => return Some(Stimulus::one(context.request().octets())),
                1..=3 => NtpTimestamp(context.random()),
                4 => transmit_alone(context, seen.first()?),
                _ => return None,
            };
            Some(Stimulus::one(naming(context, origin).octets()))
        },
        judge: |context, evidence| each(evidence.own, |exchange| basic(context, exchange)),
    },
    Case {
        slug: "interleaved/basic-when-equal",
        source: "RFC 9769 section 2",
        level: Level::Must,
        summary: "equal receive and transmit timestamps draw a basic reply",
        why: "The origin timestamp of the reply would fit both modes then, so only one of them can be meant.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let equal = |request: Request| {
                request.header(|header| header.receive_timestamp = header.transmit_timestamp)
            };
            let request = next(context, seen)?;
            let request = if seen.is_empty() { request } else { equal(request) };
            (seen.len() < 4).then(|| Stimulus::one(request.octets()))
        },
        judge: |context, evidence| {
            let pairs = evidence.own.iter().zip(evidence.own.iter().skip(1)).enumerate();
            let all: Vec<Judgement> = pairs
                .map(|(number, (before, exchange))| {
                    basic_when_equal(context, before, exchange).shown_by(number + 1)
                })
                .collect();
            match all.is_empty() {
                true => from_the(context, evidence, 1, |_, exchange| Some(basic(context, exchange))),
                false => unless_once(all),
            }
        },
    },
    Case {
        slug: "interleaved/origin-zero",
        source: "RFC 9769 section 2",
        level: Level::Must,
        summary: "an origin timestamp of zero draws a basic reply, whatever went before",
        why: "By zero a client says that it starts anew.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let request = match seen.len() {
                0..=2 => next(context, seen)?,
                3 | 4 => naming(context, NtpTimestamp::ZERO),
                _ => return None,
            };
            Some(Stimulus::one(request.octets()))
        },
        judge: |context, evidence| {
            from_the(context, evidence, 3, |_, exchange| Some(basic(context, exchange)))
        },
    },
    Case {
        slug: "interleaved/port-change",
        source: "RFC 9769 section 2; RFC 9109",
        level: Level::Should,
        summary: "a client that changes its port can go on in interleaved mode",
        why: "Clients that take a new port for each request would never get an interleaved reply.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let port = *[41, 41, 41, 41, 42, 43].get(seen.len())?;
            Some(Stimulus::one(next(context, seen)?.octets()).from_port(port))
        },
        judge: port_change,
    },
    Case {
        slug: "interleaved/with-mac",
        source: "RFC 9769 section 2; RFC 5905 section 7.3",
        level: Level::Must,
        summary: "replies to signed requests in interleaved mode are signed rightly",
        why: "The MAC must cover the transmit timestamp that is sent, whichever that is.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let octets = next(context, seen)?.signed(context.honoured_key()?);
            (seen.len() < 4).then(|| Stimulus::one(octets))
        },
        judge: |context, evidence| {
            each_with_key(context, evidence, |exchange, key| {
                authenticated(context, exchange, key.id(), |told| match told {
                    Told::Silence => Judgement::warn("a reply with a right MAC", told.describe()),
                    told => Judgement::fail("a reply with a right MAC", told.describe()),
                })
            })
        },
    },
    Case {
        slug: "interleaved/refused-request",
        source: "RFC 9769 section 2; RFC 5905 section 9.2",
        level: Level::Should,
        summary: "a refusal tells nothing of the exchange before",
        why: "Whoever is refused has shown no key. A client that looks for its transmit timestamp could not tell what \
              was refused.",
        differs: "",
        lacks: lacks_honoured_key,
        ask: |context, seen| {
            let key = context.honoured_key()?;
            let mut octets = next(context, seen)?.signed(key);
            if seen.len() == 1 {
                *octets.last_mut()? ^= 1;
            }
            (seen.len() < 2).then(|| Stimulus::one(octets))
        },
        judge: |context, evidence| {
            from_the(context, evidence, 1, |_, exchange| Some(refusal(context, exchange)))
        },
    },
];

/// A request with that origin timestamp, and a random receive timestamp.
fn naming(context: &Context, origin: NtpTimestamp) -> Request {
    context.request().header(|header| {
        header.origin_timestamp = origin;
        header.receive_timestamp = NtpTimestamp(context.random());
    })
}

/// The request that goes on in interleaved mode after the last reply; a plain one at first. `None` without a reply.
fn next(context: &Context, seen: &[Exchange]) -> Option<Request> {
    match seen.last() {
        None => Some(context.request()),
        Some(last) => Some(naming(context, times(context, last)?.0)),
    }
}

/// Receive and transmit timestamps of an exchange's reply.
fn times(context: &Context, exchange: &Exchange) -> Option<(NtpTimestamp, NtpTimestamp)> {
    match context.told(exchange) {
        Told::Reply(reading) if reading.answer != Answer::Kiss => {
            reading.header().map(|header| (header.receive_timestamp, header.transmit_timestamp))
        }
        _ => None,
    }
}

/// The transmit timestamp of an exchange's reply; random where it is the receive timestamp too, or none.
fn transmit_alone(context: &Context, exchange: &Exchange) -> NtpTimestamp {
    let transmit = times(context, exchange).filter(|(receive, transmit)| receive != transmit);
    transmit.map_or_else(|| NtpTimestamp(context.random()), |(_, transmit)| transmit)
}

/// Whether a reply's origin timestamp is the request's receive timestamp. `None` where it is no timestamp of the request.
fn is_interleaved(reading: &Reading<'_>) -> Option<bool> {
    let (header, asked) = (reading.header()?, reading.asked()?);
    match header.origin_timestamp {
        origin if origin == asked.transmit_timestamp => Some(false),
        origin if origin == asked.receive_timestamp => Some(true),
        _ => None,
    }
}

fn supported(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let form = |exchange| match context.told(exchange) {
        Told::Reply(reading) => is_interleaved(&reading),
        _ => None,
    };
    let interleaved = evidence.own.iter().filter(|exchange| form(exchange) == Some(true)).count();
    let asked = evidence.own.len().saturating_sub(1);
    let judgement = each(evidence.own, |exchange| match context.told(exchange) {
        Told::Lost => lost(),
        Told::Silence => Judgement::warn("a reply", "silence"),
        Told::Reply(reading) if reading.answer == Answer::Kiss => limited(&reading),
        Told::Reply(reading) if is_interleaved(&reading).is_none() => {
            Judgement::fail("the request's transmit or receive timestamp as origin", reading.describe())
        }
        Told::Reply(reading) => undue(&reading).unwrap_or_else(|| Judgement::pass("")),
    });
    match judgement.actual.is_empty() {
        true if interleaved > 0 => {
            Judgement::pass(format!("{interleaved} of {asked} replies are interleaved"))
        }
        true => Judgement::info("all replies are basic"),
        false => judgement,
    }
}

/// Judges the interleaved replies of a sequence, each with the exchanges before it.
fn interleaved_replies(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: fn(&Context, &Reading<'_>, &[Exchange]) -> Judgement,
) -> Judgement {
    let judged = evidence.own.iter().enumerate().filter_map(|(number, exchange)| {
        let Told::Reply(reading) = context.told(exchange) else { return None };
        let before = evidence.own.get(..number)?;
        let is_reply = number > 0 && reading.answer != Answer::Kiss;
        let is_judged = is_reply && is_interleaved(&reading) == Some(true);
        is_judged.then(|| judge(context, &reading, before).shown_by(number))
    });
    let all: Vec<Judgement> = judged.collect();
    match all.is_empty() {
        true => from_the(context, evidence, 1, |_, exchange| none_interleaved(context, exchange)),
        false => unless_once(all),
    }
}

/// What a reply says that is not interleaved.
fn none_interleaved(context: &Context, exchange: &Exchange) -> Option<Judgement> {
    match context.told(exchange) {
        Told::Lost => Some(lost()),
        Told::Reply(reading) if reading.answer == Answer::Kiss => Some(limited(&reading)),
        _ => Some(Judgement::skip("no reply is interleaved")),
    }
}

/// By how much a time of sending may lie outside of its exchange: clocks of network cards are not the system's.
const SLACK: Duration = Duration::from_millis(1);

/// True when a time lies within the exchange whose reply has that receive timestamp. `None` when that cannot be told.
fn is_within(context: &Context, time: NtpTimestamp, exchange: &Exchange) -> Option<bool> {
    let (receive, _) = times(context, exchange)?;
    let reply = exchange.reply()?;
    let slack = units(SLACK).max(Header::parse(&reply.octets).map_or(0, |header| resolution(&header)));
    let since = time.since(receive);
    (exchange.tries == 1).then(|| since >= -slack && since <= units(reply.elapsed).saturating_add(slack))
}

fn transmit_of_earlier(context: &Context, reading: &Reading<'_>, before: &[Exchange]) -> Judgement {
    let Some((header, named)) = reading.header().zip(before.last()) else { return lost() };
    match is_within(context, header.transmit_timestamp, named) {
        Some(true) => Judgement::pass(reading.describe()),
        Some(false) => {
            Judgement::fail("a transmit timestamp within the exchange before", "one outside of it")
        }
        None => Judgement::inconclusive("the exchange before was asked several times"),
    }
}

/// The precision of clocks that always tell one request from the next.
const FINE: i8 = -10;

fn receive_of_this(context: &Context, reading: &Reading<'_>, before: &[Exchange]) -> Judgement {
    let Some(header) = reading.header() else { return lost() };
    // The reply before is of the same machine, which remembers it; those before that may be older than a step.
    let Some((receive, _)) = before.last().and_then(|exchange| times(context, exchange)) else {
        return lost();
    };
    let by = header.receive_timestamp.since(receive);
    match by {
        1.. => Judgement::pass(reading.describe()),
        // Less than the clock tells apart.
        _ if header.precision > FINE && by >= -resolution(header) => {
            Judgement::info("a receive timestamp within the clock's precision")
        }
        _ => Judgement::fail("a receive timestamp later than those before", "an earlier one"),
    }
}

/// A reply in basic mode is right.
fn basic(context: &Context, exchange: &Exchange) -> Judgement {
    match context.told(exchange) {
        Told::Lost => lost(),
        Told::Silence => Judgement::warn("a basic reply", "silence"),
        Told::Reply(reading) if reading.answer == Answer::Kiss => limited(&reading),
        Told::Reply(reading) if is_interleaved(&reading) == Some(true) => {
            Judgement::fail("a basic reply", format!("an interleaved one: {}", reading.describe()))
        }
        Told::Reply(reading) => undue(&reading).unwrap_or_else(|| Judgement::pass(reading.describe())),
    }
}

/// Only its transmit timestamp shows the form of such a reply.
fn basic_when_equal(context: &Context, before: &Exchange, exchange: &Exchange) -> Judgement {
    match context.told(exchange) {
        Told::Reply(reading) if reading.answer != Answer::Kiss && undue(&reading).is_none() => {
            let Some(header) = reading.header() else { return lost() };
            let (transmit, receive) = (header.transmit_timestamp, header.receive_timestamp);
            match is_within(context, transmit, before) {
                _ if transmit.since(receive) >= 0 => Judgement::pass(reading.describe()),
                Some(true) => {
                    Judgement::fail("a basic reply", "one that tells when the reply before it left")
                }
                _ => Judgement::inconclusive("the times of the replies do not go together"),
            }
        }
        _ => basic(context, exchange),
    }
}

fn port_change(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let form = |exchange| match context.told(exchange) {
        Told::Reply(reading) => is_interleaved(&reading),
        _ => None,
    };
    let same = evidence.own.get(1..4).unwrap_or_default();
    if !same.iter().any(|exchange| form(exchange) == Some(true)) {
        return Judgement::skip("no reply is interleaved");
    }
    let moved = evidence.own.iter().enumerate().skip(4);
    Judgement::worst(moved.map(|(number, exchange)| {
        let judgement = match (form(exchange), context.told(exchange)) {
            (_, Told::Lost) => lost(),
            (Some(true), _) => Judgement::pass("interleaved"),
            (Some(false), _) => Judgement::warn("an interleaved reply, as at the same port", "a basic one"),
            (None, Told::Reply(reading)) => undue(&reading).unwrap_or_else(lost),
            (None, told) => Judgement::warn("an interleaved reply, as at the same port", told.describe()),
        };
        judgement.shown_by(number)
    }))
}

fn refusal(context: &Context, exchange: &Exchange) -> Judgement {
    match context.told(exchange) {
        Told::Reply(reading)
            if reading.answer == Answer::CryptoNak && is_interleaved(&reading) == Some(true) =>
        {
            Judgement::warn("a crypto-NAK that names the request", "one in interleaved form")
        }
        _ => refused(context, exchange),
    }
}
