//! Sends what faults have a server send: late, twice, from elsewhere, unasked.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;

use super::batch::{Departing, Local, Receiver, Sender};
use super::socket::{Socket, address_of};
use super::{Observer, Sent, Service};
use crate::server::clock::system_time;
use crate::server::decision::Decision;
use crate::server::fault::{Faults, Sending, Source};
use crate::server::responder::Question;

/// Most datagrams that wait to be sent, so that late replies to a flood of requests do not fill the memory.
const MOST_QUEUED: usize = 1 << 16;

/// The faults of a server, and what they have yet to send.
pub(super) struct Misbehaviour<'s> {
    faults: Faults<'s>,
    sendings: Vec<Sending>,
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
    faults: Vec<&'static str>,
}

/// Where else a socket's replies may come from. Opened when it is first needed.
#[derive(Default)]
struct Elsewhere {
    port: Option<Socket>,
    address: Option<Socket>,
}

impl<'s> Misbehaviour<'s> {
    /// Faults of a server with so many sockets.
    pub(super) fn new(faults: Faults<'s>, sockets: usize) -> Misbehaviour<'s> {
        let elsewhere = (0..sockets).map(|_| Elsewhere::default()).collect();
        Misbehaviour { faults, sendings: Vec::new(), queue: BTreeMap::new(), queued: 0, unsent: 0, elsewhere }
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
        let Service { policy, keys, clock, .. } = *service;
        let mut sendings = std::mem::take(&mut self.sendings);
        let decision = self.faults.respond(policy, keys, question, client, clock, elapsed, &mut sendings);
        let faults = self.faults.applied().to_vec();
        reply.clear();
        reply.extend(sendings.first().map(|sending| sending.octets.as_slice()).unwrap_or_default());
        let count = sendings.len();
        for Sending { octets, after, source } in sendings.drain(..) {
            let faults = faults.clone();
            self.queue(
                elapsed.saturating_add(after),
                Due { socket, source, local, destination: client, octets, faults },
            );
        }
        self.sendings = sendings;
        (decision, count, faults)
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
        let Service { policy, keys, clock, .. } = *service;
        for unasked in self.faults.unasked(elapsed, policy, keys, clock) {
            let destination = unasked.destination;
            let fits = |(socket, _): &(Socket, _)| socket.address().is_ipv4() == destination.is_ipv4();
            // Without a socket of the family it is one more that the system does not send.
            let socket = sockets.iter().position(fits).unwrap_or(usize::MAX);
            let (octets, faults) = (unasked.octets, vec!["unasked"]);
            let due = Due { socket, source: Source::Asked, local: None, destination, octets, faults };
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
            Source::OtherPort => {
                let any = SocketAddr::new(own.address().ip(), 0);
                opened(&mut elsewhere.port, || Socket::first(any))?
            }
            Source::OtherAddress => {
                let other = other_address(asked, sockets)?;
                if own.is_wildcard() {
                    local = Some(Local::new(other));
                    own
                } else {
                    let other = SocketAddr::new(other, own.address().port());
                    opened(&mut elsewhere.address, || Socket::further(other))?
                }
            }
        };
        let departing = [Departing { reply: 0, destination: due.destination, local }];
        let is_sent = sender.send(socket, &departing, std::slice::from_ref(&due.octets)) == 0;
        let address = local.map_or(socket.address().ip(), |local| local.address);
        is_sent.then_some(SocketAddr::new(address, socket.address().port()))
    }
}

fn tell(observer: &dyn Observer, source: SocketAddr, due: &Due) -> io::Result<()> {
    observer.sent(&Sent {
        departure: system_time(),
        source,
        destination: due.destination,
        octets: &due.octets,
        faults: &due.faults,
    })
}

fn opened(place: &mut Option<Socket>, open: impl FnOnce() -> io::Result<Socket>) -> Option<&Socket> {
    if place.is_none() {
        *place = open().ok();
    }
    place.as_ref()
}

/// An address of this host that is not `asked`: another one that is listened on, of an interface, or of loopback.
fn other_address(asked: IpAddr, sockets: &[(Socket, Receiver)]) -> Option<IpAddr> {
    let listened = sockets.iter().map(|(socket, _)| socket.address().ip());
    let interfaces = getifaddrs().into_iter().flatten();
    let interfaces = interfaces.filter_map(|interface| Some(address_of(&interface.address?)?.ip()));
    let loopback = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
    listened.chain(interfaces).chain(loopback).find(|other| {
        let is_local = |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        *other != asked
            && other.is_ipv4() == asked.is_ipv4()
            && other.is_loopback() == asked.is_loopback()
            && !other.is_unspecified()
            && !is_local(*other)
    })
}
