//! Faults in whether, when and how often replies are sent; and what must be remembered for them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::server::decision::Decision;

use super::Armed;
use super::header::Frozen;
use super::recent::Recent;
use super::sending::{Dispatch, Request, Source, Unasked};
use super::table::FaultKind;

/// What went before, and replies that are held back.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last request of each client.
    pub(super) requests: Recent,
    /// The last reply to each client, and when it left.
    pub(super) replies: Recent,
    /// What the clock shows since it stands still.
    pub(super) frozen: Option<Frozen>,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    client: SocketAddr,
    dispatch: Dispatch,
    due: Duration,
}

/// Replies that are held.
const MOST: usize = 1_024;

/// Octets of all replies that are held. The replies to one request more may be.
const MOST_OCTETS: usize = 4 << 20;

impl Memory {
    /// The last reply to a client, when it is no longer than an answer may be.
    pub(super) fn earlier(&self, client: IpAddr, longest: usize) -> Option<&[u8]> {
        let reply = self.replies.of(client)?;
        (reply.octets.len() <= longest).then_some(&reply.octets)
    }

    /// True when a reply to that client may be held: none is.
    pub(super) fn may_hold(&self, client: IpAddr) -> bool {
        let total: usize = self.held.iter().map(|held| held.dispatch.octets.len()).sum();
        self.held.len() < MOST
            && total < MOST_OCTETS
            && self.held.iter().all(|held| held.client.ip() != client)
    }

    fn hold(&mut self, client: SocketAddr, dispatches: impl Iterator<Item = Dispatch>, due: Duration) {
        self.held.extend(dispatches.map(|dispatch| {
            let due = due.saturating_add(dispatch.after);
            Held { client, dispatch, due }
        }));
    }

    /// Lets the replies go that were held until this client's next request. What went to another port of its is
    /// due at once, as a message of its own.
    pub(super) fn release(&mut self, client: SocketAddr, elapsed: Duration) -> Vec<Dispatch> {
        for held in self.held.iter_mut().filter(|held| held.client.ip() == client.ip()) {
            held.due = held.due.min(elapsed);
        }
        self.held.extract_if(.., |held| held.client == client).map(|held| held.dispatch).collect()
    }

    /// Lets the replies go that were held long enough.
    pub(super) fn overdue(&mut self, elapsed: Duration) -> impl Iterator<Item = Unasked> {
        let due = self.held.extract_if(.., move |held| held.due <= elapsed);
        due.map(|Held { client, dispatch, .. }| {
            let Dispatch { octets, faults, decision, .. } = dispatch;
            Unasked { destination: client, octets, faults, decision }
        })
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.held.iter().map(|held| held.due).min()
    }
}

/// What is sent of a reply, as its faults have it.
pub(super) fn deliver(
    chosen: &[&Armed],
    memory: &mut Memory,
    request: &Request<'_>,
    octets: Vec<u8>,
    decision: Decision,
) -> Vec<Dispatch> {
    let in_octets = |armed: &&&Armed| {
        let kind = armed.fault.kind;
        kind.is_in_octets() || kind == FaultKind::Replay
    };
    let reply = Dispatch {
        octets,
        after: Duration::ZERO,
        source: Source::Asked,
        faults: chosen.iter().filter(in_octets).map(|armed| armed.fault.name()).collect(),
        decision: Some(decision),
    };
    let mut dispatches = vec![reply];
    for armed in chosen {
        change(armed, memory, request, &mut dispatches);
    }
    dispatches
}

/// Changes how often, when and whether a reply is sent.
fn change(armed: &Armed, memory: &mut Memory, request: &Request<'_>, dispatches: &mut Vec<Dispatch>) {
    let (name, delay) = (armed.fault.name(), armed.fault.parameters.delay);
    match armed.fault.kind {
        FaultKind::OtherSource => {
            let source = armed.fault.parameters.source.unwrap_or(Source::OtherPort);
            dispatches.iter_mut().for_each(|dispatch| {
                dispatch.source = source;
                dispatch.faults.push(name);
            });
        }
        FaultKind::Duplicate => {
            let after = delay.unwrap_or_default();
            let again: Vec<Dispatch> = dispatches.iter().map(|it| it.again(after, name)).collect();
            dispatches.extend(again);
        }
        FaultKind::Late => {
            let delay = delay.unwrap_or(Duration::from_secs(2));
            dispatches.iter_mut().for_each(|dispatch| dispatch.put_off(delay, name));
        }
        FaultKind::Drop => dispatches.clear(),
        FaultKind::Reorder => {
            let wait = delay.unwrap_or(Duration::from_secs(1));
            dispatches.iter_mut().for_each(|dispatch| dispatch.faults.push(name));
            memory.hold(request.client, dispatches.drain(..), request.elapsed.saturating_add(wait));
        }
        _ => {}
    }
}
