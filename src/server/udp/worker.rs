//! What one thread does.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::batch::{Arrived, BATCH, Departing, Receiver, Sender};
use super::elsewhere::Elsewhere;
use super::misbehaviour::Misbehaviour;
use super::socket::{Socket, source_towards};
use super::{Exchange, Service};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Mode;
use crate::server::clients::Met;
use crate::server::clock::system_time;
use crate::server::control;
use crate::server::counts::Counts;
use crate::server::decision::{Answer, Decision, Silence};
use crate::server::fault::Faults;
use crate::server::policy::Treatment;
use crate::server::responder::{Question, respond};

/// How long to wait for requests before asking whether to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// A thread's sockets and buffers. Once made, it allocates nothing for a request that is answered correctly; for a wait,
/// the list of its sockets.
pub(super) struct Worker<'s> {
    service: Service<'s>,
    begin: Instant,
    // A receiver each: what control data a header has room for depends on what its socket sends along.
    sockets: Vec<(Socket, Receiver)>,
    sender: Sender,
    misbehaviour: Misbehaviour<'s>,
    batch: Batch,
    counts: Counts,
}

/// What is done with the requests of a batch.
struct Batch {
    replies: Vec<Vec<u8>>,
    decided: Vec<Decided>,
    departing: Vec<Departing>,
    /// Indices of the replies that the system did not take.
    unsent: Vec<usize>,
}

/// What is done with a request.
struct Decided {
    decision: Decision,
    replies: usize,
    faults: Vec<&'static str>,
    /// True when what is sent is sent with the batch, and not as faults have it.
    at_once: bool,
}

impl Decided {
    fn at_once(decision: Decision, reply: &[u8]) -> Decided {
        Decided { decision, replies: usize::from(!reply.is_empty()), faults: Vec::new(), at_once: true }
    }
}

impl<'s> Worker<'s> {
    pub(super) fn new(
        service: Service<'s>,
        faults: Faults<'s>,
        (sockets, elsewhere): (Vec<Socket>, Vec<Elsewhere>),
        begin: Instant,
    ) -> Worker<'s> {
        let batch = Batch {
            replies: (0..BATCH).map(|_| Vec::with_capacity(512)).collect(),
            decided: Vec::with_capacity(BATCH),
            departing: Vec::with_capacity(BATCH),
            unsent: Vec::with_capacity(BATCH),
        };
        let misbehaviour = Misbehaviour::new(faults, elsewhere);
        let sockets = sockets.into_iter().map(|socket| (socket, Receiver::new())).collect();
        let (sender, counts) = (Sender::new(), Counts::default());
        Worker { service, begin, sockets, sender, misbehaviour, batch, counts }
    }

    /// Answers until `stop`.
    pub(super) fn run(mut self, stop: &dyn Fn() -> bool) -> io::Result<Counts> {
        while !stop() {
            let mut is_idle = true;
            for index in 0..self.sockets.len() {
                is_idle &= !self.serve(index)?;
            }
            if !self.misbehaviour.is_none() {
                self.send_due()?;
            }
            if is_idle {
                self.service.observer.idle()?;
                self.wait()?;
            }
        }
        self.counts.unsent += self.misbehaviour.waiting();
        Ok(self.counts)
    }

    /// Sends what faults have it send by now.
    fn send_due(&mut self) -> io::Result<()> {
        let Worker { service, sockets, sender, misbehaviour, .. } = self;
        self.counts.unsent += misbehaviour.send(service, self.begin.elapsed(), sockets, sender)?;
        Ok(())
    }

    /// Waits until something comes or is to be sent, and not longer than until it is time to ask whether to stop.
    fn wait(&self) -> io::Result<()> {
        let readable = |socket| PollFd::new(AsFd::as_fd(socket), PollFlags::POLLIN);
        let mut sockets: Vec<PollFd<'_>> = self.sockets.iter().map(|(socket, _)| readable(socket)).collect();
        let due = self.misbehaviour.next().map(|due| due.saturating_sub(self.begin.elapsed()));
        // Rounded up, lest it asks again and again within the last millisecond.
        let milliseconds = due.unwrap_or(PATIENCE).min(PATIENCE).as_micros().div_ceil(1000);
        let timeout = PollTimeout::from(u8::try_from(milliseconds).unwrap_or(u8::MAX));
        match poll(&mut sockets, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers what has come to one socket. False when nothing has.
    fn serve(&mut self, index: usize) -> io::Result<bool> {
        let Some((socket, receiver)) = self.sockets.get_mut(index) else { return Ok(false) };
        if !receiver.receive(socket)? {
            return Ok(false);
        }
        let elapsed = self.begin.elapsed();
        self.batch.decide(&self.service, &mut self.misbehaviour, elapsed, index, receiver);
        let Batch { replies, decided, departing, unsent } = &mut self.batch;
        // Behind the call it would be too late: the next request may have come before the thread runs on.
        let departure = system_time();
        let left = self.service.clock.at(departure);
        let answers = decided.iter().filter_map(|decided| answer_of(&decided.decision));
        self.service
            .clients
            .leave(answers.map(|answer| (answer.receive_timestamp, later(answer.left, left))));
        unsent.clear();
        self.sender.send(socket, departing, replies, unsent);
        self.counts.unsent += unsent.len() as u64;
        let requests = receiver.arrived().zip(decided.iter()).zip(replies.iter()).enumerate();
        for (index, (((arrived, request), decided), reply)) in requests {
            let unsent = unsent.contains(&index);
            let Decided { decision, replies, faults, at_once } = decided;
            self.counts.add(decision);
            self.service.observer.exchange(&Exchange {
                arrival: arrived.time,
                client: arrived.client,
                server: end(socket, arrived.destination),
                source: source_of(socket, arrived),
                request,
                decision,
                reply: if unsent { &[] } else { reply },
                replies: if unsent { 0 } else { *replies },
                unsent,
                departure: at_once.then_some(departure),
                faults,
            })?;
        }
        Ok(true)
    }
}

impl Batch {
    /// Decides on all requests that came to a socket and writes the replies.
    fn decide<'s>(
        &mut self,
        service: &Service<'s>,
        misbehaviour: &mut Misbehaviour<'s>,
        elapsed: Duration,
        socket: usize,
        receiver: &Receiver,
    ) {
        self.decided.clear();
        self.departing.clear();
        for (index, ((arrived, octets), reply)) in receiver.arrived().zip(&mut self.replies).enumerate() {
            let (question, asks_too_often) = question(service, arrived, octets, elapsed);
            let (client, local) = (arrived.client, arrived.local);
            let mut decided = if may_read(service, client, &question) {
                let decision = control::respond(service.policy, octets, service.clock, reply);
                Decided::at_once(decision, reply)
            } else if misbehaviour.is_none() {
                let decision = respond(service.policy, service.keys, &question, service.clock, reply);
                Decided::at_once(decision, reply)
            } else {
                let from = (socket, local, client);
                let (decision, replies, faults) =
                    misbehaviour.respond(service, &question, from, elapsed, reply);
                Decided { decision, replies, faults, at_once: false }
            };
            if asks_too_often && decided.decision == Decision::Silence(Silence::Ignored) {
                decided.decision = Decision::Silence(Silence::TooOften);
            }
            if decided.at_once && decided.replies > 0 {
                self.departing.push(Departing { reply: index, destination: client, local });
            }
            self.decided.push(decided);
        }
    }
}

/// A request and what is known of it; and whether its sender asks too often.
fn question<'q>(
    service: &Service<'_>,
    arrived: &Arrived,
    octets: &'q [u8],
    elapsed: Duration,
) -> (Question<'q>, bool) {
    let arrival = service.clock.at(arrived.time);
    let met = service.clients.meet(service.policy, arrived.client.ip(), octets, arrival, elapsed);
    let Met { arrival, treatment, asks_too_often, earlier_transmit } = met;
    (Question { octets, arrival, treatment, earlier_transmit }, asks_too_often)
}

/// True for a control message of a client that may read by them. Faults are none of its concern.
fn may_read(service: &Service<'_>, client: SocketAddr, question: &Question<'_>) -> bool {
    let is_served = question.treatment == Treatment::Serve;
    is_served && is_control(question.octets) && service.clients.may_read(client.ip())
}

/// True for a control message, whose header may be too short for another one.
fn is_control(octets: &[u8]) -> bool {
    octets.first().is_some_and(|first| Mode::from_bits(*first) == Mode::Control)
}

fn answer_of(decision: &Decision) -> Option<&Answer> {
    match decision {
        Decision::Answer(answer) => Some(answer),
        Decision::Silence(_) => None,
    }
}

/// The later of two times, which jitter may have put in another order.
fn later(one: NtpTimestamp, other: NtpTimestamp) -> NtpTimestamp {
    if other.since(one) > 0 { other } else { one }
}

/// One of a socket's ends: where it is bound, unless that is to all addresses.
fn end(socket: &Socket, address: Option<IpAddr>) -> SocketAddr {
    let bound = socket.address();
    SocketAddr::new(address.unwrap_or(bound.ip()), bound.port())
}

/// Where a reply leaves from.
fn source_of(socket: &Socket, arrived: &Arrived) -> SocketAddr {
    let source = end(socket, arrived.local.map(|local| local.address));
    match source.ip().is_unspecified() {
        true => SocketAddr::new(source_towards(arrived.client).unwrap_or(source.ip()), source.port()),
        false => source,
    }
}
