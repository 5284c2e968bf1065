//! Faults in whether, when and how often replies are sent; and what must be remembered for them.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::spec::Fault;
use super::table::FaultKind;
use super::{Sending, Unasked};

/// Earlier replies, and those that are held back.
#[derive(Debug, Default)]
pub(super) struct Memory {
    earlier: VecDeque<(IpAddr, Vec<u8>)>,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    client: SocketAddr,
    octets: Vec<u8>,
    due: Duration,
}

/// Clients whose last reply is remembered, and replies that are held.
const MOST: usize = 1_024;

impl Memory {
    /// The last reply to a client, when it is no longer than an answer may be.
    pub(super) fn earlier(&self, client: IpAddr, longest: usize) -> Option<&[u8]> {
        let mut replies = self.earlier.iter();
        let (_, octets) = replies.find(|(address, _)| *address == client)?;
        (octets.len() <= longest).then_some(octets)
    }

    /// Remembers a reply, of many clients those of the last ones.
    pub(super) fn remember(&mut self, client: IpAddr, octets: &[u8]) {
        self.earlier.retain(|(address, _)| *address != client);
        if self.earlier.len() == MOST {
            self.earlier.pop_front();
        }
        self.earlier.push_back((client, octets.to_vec()));
    }

    /// True when a reply to that client may be held: none is.
    pub(super) fn may_hold(&self, client: IpAddr) -> bool {
        self.held.len() < MOST && self.held.iter().all(|held| held.client.ip() != client)
    }

    pub(super) fn hold(&mut self, client: SocketAddr, sendings: &mut Vec<Sending>, due: Duration) {
        let replies = sendings.drain(..);
        self.held.extend(replies.map(|it| Held {
            client,
            octets: it.octets,
            due: due.saturating_add(it.after),
        }));
    }

    /// Lets the replies go that were held until this client's next request. What went to another port of its is
    /// due at once, as a message of its own.
    pub(super) fn release(&mut self, client: SocketAddr, elapsed: Duration) -> Vec<Vec<u8>> {
        for held in self.held.iter_mut().filter(|held| held.client.ip() == client.ip()) {
            held.due = held.due.min(elapsed);
        }
        self.held.extract_if(.., |held| held.client == client).map(|held| held.octets).collect()
    }

    /// Lets the replies go that were held long enough.
    pub(super) fn overdue(&mut self, elapsed: Duration) -> impl Iterator<Item = Unasked> {
        let due = self.held.extract_if(.., move |held| held.due <= elapsed);
        due.map(|held| Unasked { destination: held.client, octets: held.octets })
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.held.iter().map(|held| held.due).min()
    }
}

/// Changes how a reply is sent; [`FaultKind::Replay`] and [`FaultKind::Reorder`] need the memory and are done there.
pub(super) fn deliver(fault: &Fault, sendings: &mut Vec<Sending>) {
    let delay = fault.parameters.delay;
    match fault.kind {
        FaultKind::Duplicate => {
            let after = delay.unwrap_or_default();
            let again: Vec<Sending> = sendings.iter().map(|it| it.later(after)).collect();
            sendings.extend(again);
        }
        FaultKind::Late => {
            let delay = delay.unwrap_or(Duration::from_secs(2));
            sendings.iter_mut().for_each(|sending| sending.after = sending.after.saturating_add(delay));
        }
        FaultKind::Drop => sendings.clear(),
        _ => {}
    }
}
