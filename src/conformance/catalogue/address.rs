//! Where replies come from, and to which port of the client's they go.

use std::net::SocketAddr;

use crate::conformance::case::{Case, Level};
use crate::conformance::exchange::Stimulus;
use crate::conformance::expect::{astray, each, each_reply, lacks_plain_replies, lost, plain, served};
use crate::conformance::outcome::Judgement;
use crate::conformance::reading::Told;
use crate::conformance::{Context, Evidence, Exchange};

pub(super) static CASES: &[Case] = &[
    Case {
        slug: "address/source-port",
        source: "RFC 5905 section 9.1",
        level: Level::Must,
        summary: "the reply comes from the port that was asked",
        why: "Connected sockets and firewalls never let through what comes from another port.",
        differs: "",
        lacks: lacks_target,
        ask: |context, seen| (seen.len() < 3).then(|| Stimulus::one(served(context, &context.request()))),
        judge: |context, evidence| from_where(context, evidence, source_port),
    },
    Case {
        slug: "address/source-address",
        source: "RFC 5905 section 9.1",
        level: Level::Must,
        summary: "the reply comes from the address that was asked",
        why: "A server with several addresses answers from whichever is on the way back, unless it takes care; clients \
              discard that.",
        differs: "",
        lacks: lacks_target,
        ask: |context, seen| (seen.len() < 3).then(|| Stimulus::one(served(context, &context.request()))),
        judge: |context, evidence| from_where(context, evidence, source_address),
    },
    Case {
        slug: "address/any-client-port",
        source: "RFC 5905 section 9.1; RFC 9109",
        level: Level::Must,
        summary: "clients are served whatever port they ask from",
        why: "Clients take a random port so that nobody off the path can guess it; a server or firewall that knows \
              port 123 alone undoes that.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let port = next_port(seen)?;
            Some(Stimulus::one(context.request().octets()).from_port(port))
        },
        judge: any_port,
    },
    Case {
        slug: "address/port-change",
        source: "RFC 9109; RFC 9769 section 2",
        level: Level::Must,
        summary: "a client that changes its port is served alike, each reply at its port",
        why: "State that is kept by address and port breaks clients that take a new port for each request.",
        differs: "",
        lacks: lacks_plain_replies,
        ask: |context, seen| {
            let port = *[5, 6, 5, 6].get(seen.len())?;
            Some(Stimulus::one(context.request().octets()).from_port(port))
        },
        judge: |context, evidence| {
            at_their_ports(context, evidence, |told| Judgement::inconclusive(told.describe()))
        },
    },
];

/// Ports that are asked from, and how often what stays silent is asked again from each.
const PORTS: usize = 4;
const AGAIN: usize = 3;

/// The exchanges from that port.
fn of_port(exchanges: &[Exchange], port: usize) -> impl Iterator<Item = (usize, &Exchange)> {
    let is_of_port =
        move |exchange: &Exchange| exchange.stimulus.datagrams.first().is_some_and(|(from, _)| *from == port);
    exchanges.iter().enumerate().filter(move |(_, exchange)| is_of_port(exchange))
}

/// Each port once, then those again from which nothing is answered: what is lost is not lost so often.
fn next_port(seen: &[Exchange]) -> Option<usize> {
    if seen.len() < PORTS {
        return Some(seen.len() + 1);
    }
    (1..=PORTS).find(|port| {
        let is_answered = of_port(seen, *port).any(|(_, exchange)| exchange.reply().is_some());
        !is_answered && of_port(seen, *port).count() < AGAIN
    })
}

fn any_port(context: &Context, evidence: &Evidence<'_>) -> Judgement {
    let of_exchange = |(number, exchange): (usize, &Exchange)| {
        let ordinary = || plain(context, exchange, |told| Judgement::inconclusive(told.describe()));
        astray(evidence, exchange).unwrap_or_else(ordinary).shown_by(number)
    };
    Judgement::worst((1..=PORTS).flat_map(|port| {
        let asked: Vec<(usize, &Exchange)> = of_port(evidence.own, port).collect();
        let is_silent = |(_, exchange): &(usize, &Exchange)| matches!(context.told(exchange), Told::Silence);
        let answered = asked.iter().copied().filter(|(_, exchange)| exchange.reply().is_some());
        let answered: Vec<Judgement> = answered.map(of_exchange).collect();
        match (answered.is_empty(), asked.first()) {
            (true, Some((number, _))) if asked.len() >= AGAIN && asked.iter().all(is_silent) => {
                vec![Judgement::fail("a reply, as at other ports", "silence").shown_by(*number)]
            }
            (true, _) => vec![Judgement::inconclusive("nothing came, and it may have been lost")],
            (false, _) => answered,
        }
    }))
}

fn lacks_target(context: &Context) -> Option<&'static str> {
    context.target().is_none().then_some("which address is asked is not known")
}

/// Judges the sources of replies, with that of the requests' destination.
fn from_where(
    context: &Context,
    evidence: &Evidence<'_>,
    judge: fn(SocketAddr, SocketAddr) -> Judgement,
) -> Judgement {
    each_reply(context, evidence, |reading| match context.target() {
        Some(target) => judge(reading.reply.source, target),
        None => lost(),
    })
}

fn source_port(source: SocketAddr, target: SocketAddr) -> Judgement {
    match source.port() == target.port() {
        true => Judgement::pass(format!("port {}", source.port())),
        false => Judgement::fail(format!("port {}", target.port()), format!("port {}", source.port())),
    }
}

fn source_address(source: SocketAddr, target: SocketAddr) -> Judgement {
    let [source, target] = [source, target].map(|address| address.ip().to_canonical());
    match source == target {
        true => Judgement::pass(source.to_string()),
        false => Judgement::fail(target.to_string(), source.to_string()),
    }
}

/// Plain replies, each at the port that its request left from.
fn at_their_ports(
    context: &Context,
    evidence: &Evidence<'_>,
    otherwise: fn(&Told<'_>) -> Judgement,
) -> Judgement {
    each(evidence.own, |exchange| {
        astray(evidence, exchange).unwrap_or_else(|| plain(context, exchange, otherwise))
    })
}
