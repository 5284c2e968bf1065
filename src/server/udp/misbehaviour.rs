//! Sends what faults have a server send: late, twice, from elsewhere, unasked.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::batch::{Departing, Local, Receiver, Sender};
use super::elsewhere::{Elsewhere, other_address};
use super::socket::{Socket, source_towards};
use super::{Observer, Sent, Service};
use crate::server::clock::system_time;
use crate::server::decision::Decision;
use crate::server::fault::{Dispatch, Faults, Outcome, Request, Source, Unasked};
use crate::server::responder::Question;

/// Most datagrams that wait to be sent, so that late replies to a flood of requests do not fill the memory.
const MOST_QUEUED: usize = 1 << 16;

/// The faults of a server, and what they have yet to send.
pub(super) struct Misbehaviour<'s> {
    faults: Faults<'s>,
    /// By the time since the server's start, and in the order in which they were decided on.
    queue: BTreeMap<(Duration, u64), Due>,
    queued: u64,
    unsent: u64,
    elsewhere: Vec<Elsewhere>,
}

/// A datagram that is to be sent.
struct Due {
    /// Index of the socket.
    socket: usize,
    source: Source,
    /// The address that was asked, where the socket has several.
    local: Option<Local>,
    destination: SocketAddr,
    octets: Vec<u8>,
    /// What was decided on the request that it answers.
    decision: Option<Decision>,
    faults: Vec<&'static str>,
}

impl<'s> Misbehaviour<'s> {
    /// Faults of a server with as many sockets as `elsewhere` has places.
    pub(super) fn new(faults: Faults<'s>, elsewhere: Vec<Elsewhere>) -> Misbehaviour<'s> {
        Misbehaviour { faults, queue: BTreeMap::new(), queued: 0, unsent: 0, elsewhere }
    }

    /// True when there are no faults: service is correct.
    pub(super) fn is_none(&self) -> bool {
        self.faults.is_empty()
    }

    /// Decides on a request that `client` sent to a socket, and queues what is to be sent. Writes the first of it to
    /// `reply`, and gives its number and the faults in it.
    pub(super) fn respond(
        &mut self,
        service: &Service<'s>,
        question: &Question<'_>,
        (socket, local, client): (usize, Option<Local>, SocketAddr),
        elapsed: Duration,
        reply: &mut Vec<u8>,
    ) -> (Decision, usize, Vec<&'static str>) {
        let Service { policy, clock, .. } = *service;
        let Outcome { decision, faults, dispatches } =
            self.faults.answer(policy, clock, &Request { question, client, elapsed });
        reply.clear();
        reply.extend(dispatches.first().map(|dispatch| dispatch.octets.as_slice()).unwrap_or_default());
        let count = dispatches.len();
        for Dispatch { octets, after, source, faults, decision } in dispatches {
            let due = Due { socket, source, local, destination: client, octets, decision, faults };
            self.queue(elapsed.saturating_add(after), due);
        }
        (decision, count, faults)
    }

    /// How many datagrams wait to be sent, or were to be queued and found no room.
    pub(super) fn waiting(&self) -> u64 {
        self.queue.len() as u64 + self.unsent
    }

    /// When something is to be sent next.
    pub(super) fn next(&self) -> Option<Duration> {
        let queued = self.queue.first_key_value().map(|((due, _), _)| *due);
        queued.into_iter().chain(self.faults.next_unasked()).min()
    }

    /// Sends what is due, and gives the number of datagrams that the system did not take.
    pub(super) fn send(
        &mut self,
        service: &Service<'s>,
        elapsed: Duration,
        sockets: &[(Socket, Receiver)],
        sender: &mut Sender,
    ) -> io::Result<u64> {
        if self.faults.next_unasked().is_some_and(|due| due <= elapsed) {
            self.queue_unasked(service, elapsed, sockets);
        }
        let mut unsent = std::mem::take(&mut self.unsent);
        while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= elapsed) {
            let due = first.remove();
            match self.send_one(&due, sockets, sender) {
                Some(source) => tell(service.observer, source, &due)?,
                None => unsent += 1,
            }
        }
        Ok(unsent)
    }

    fn queue_unasked(&mut self, service: &Service<'s>, elapsed: Duration, sockets: &[(Socket, Receiver)]) {
        let Service { policy, clock, .. } = *service;
        for unasked in self.faults.unasked(elapsed, policy, clock) {
            let destination = unasked.destination;
            let fits = |(socket, _): &(Socket, _)| socket.address().is_ipv4() == destination.is_ipv4();
            // Without a socket of the family it is one more that the system does not send.
            let socket = sockets.iter().position(fits).unwrap_or(usize::MAX);
            let Unasked { octets, faults, decision, .. } = unasked;
            let (source, local) = (Source::Asked, None);
            let due = Due { socket, source, local, destination, octets, decision, faults };
            self.queue(elapsed, due);
        }
    }

    /// Queues a datagram, unless too many wait already: then it counts as one that is not sent.
    fn queue(&mut self, at: Duration, due: Due) {
        self.queued += 1;
        if self.queue.len() < MOST_QUEUED {
            self.queue.insert((at, self.queued), due);
        } else {
            self.unsent += 1;
        }
    }

    /// Sends a datagram and gives the address that it left from; `None` where there is no such address.
    fn send_one(
        &mut self,
        due: &Due,
        sockets: &[(Socket, Receiver)],
        sender: &mut Sender,
    ) -> Option<SocketAddr> {
        let (own, _) = sockets.get(due.socket)?;
        let asked = due.local.map_or(own.address().ip(), |local| local.address);
        let elsewhere = self.elsewhere.get_mut(due.socket)?;
        let mut local = due.local;
        let socket = match due.source {
            Source::Asked => own,
            Source::OtherPort => elsewhere.port(own)?,
            Source::OtherAddress if own.is_wildcard() => {
                let listened: Vec<SocketAddr> = sockets.iter().map(|(socket, _)| socket.address()).collect();
                local = Some(Local::new(other_address(asked, &listened)?));
                own
            }
            Source::OtherAddress => {
                elsewhere.address(|index| sockets.get(index).map(|(socket, _)| socket))?
            }
        };
        let departing = [Departing { reply: 0, destination: due.destination, local }];
        let mut unsent = Vec::new();
        sender.send(socket, &departing, std::slice::from_ref(&due.octets), &mut unsent);
        let bound = local.map_or(socket.address().ip(), |local| local.address);
        let chosen = || source_towards(due.destination).unwrap_or(bound);
        let address = if bound.is_unspecified() { chosen() } else { bound };
        unsent.is_empty().then_some(SocketAddr::new(address, socket.address().port()))
    }
}

fn tell(observer: &dyn Observer, source: SocketAddr, due: &Due) -> io::Result<()> {
    observer.sent(&Sent {
        departure: system_time(),
        source,
        destination: due.destination,
        octets: &due.octets,
        decision: due.decision.as_ref(),
        faults: &due.faults,
    })
}
