//! What one thread does.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::batch::{Arrived, BATCH, Departing, Receiver, Sender};
use super::misbehaviour::Misbehaviour;
use super::socket::Socket;
use super::{Exchange, Service};
use crate::ntp::NtpTimestamp;
use crate::ntp::header::{Header, Mode};
use crate::server::clock::system_time;
use crate::server::control;
use crate::server::counts::Counts;
use crate::server::decision::{Answer, Decision};
use crate::server::fault::Faults;
use crate::server::policy::Treatment;
use crate::server::responder::{Question, respond};

/// How long to wait for requests before asking whether to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// A thread's sockets and buffers. Once made, it allocates nothing for a request that is answered correctly.
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
}

/// What is done with a request.
struct Decided {
    decision: Decision,
    replies: usize,
    faults: Vec<&'static str>,
}

impl<'s> Worker<'s> {
    pub(super) fn new(
        service: Service<'s>,
        faults: Faults<'s>,
        sockets: Vec<Socket>,
        begin: Instant,
    ) -> Worker<'s> {
        let batch = Batch {
            replies: (0..BATCH).map(|_| Vec::with_capacity(512)).collect(),
            decided: Vec::with_capacity(BATCH),
            departing: Vec::with_capacity(BATCH),
        };
        let misbehaviour = Misbehaviour::new(faults, sockets.len());
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
        let Batch { replies, decided, departing } = &self.batch;
        // Behind the call it would be too late: the next request may have come before the thread runs on.
        let departure = system_time();
        let left = self.service.clock.at(departure);
        let answers = decided.iter().filter_map(|decided| answer_of(&decided.decision));
        self.service
            .clients
            .leave(answers.map(|answer| (answer.receive_timestamp, later(answer.left, left))));
        self.counts.unsent += self.sender.send(socket, departing, replies);
        for (((arrived, request), decided), reply) in receiver.arrived().zip(decided).zip(replies) {
            let Decided { decision, replies, faults } = decided;
            self.counts.add(decision);
            self.service.observer.exchange(&Exchange {
                arrival: arrived.time,
                client: arrived.client,
                server: local_address(socket, arrived),
                request,
                decision,
                reply,
                replies: *replies,
                departure: self.misbehaviour.is_none().then_some(departure),
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
            let question = question(service, arrived, octets, elapsed);
            let (client, local) = (arrived.client, arrived.local);
            let decided = if misbehaviour.is_none() {
                let decision = decide(service, client, &question, reply);
                let replies = usize::from(!reply.is_empty());
                if replies > 0 {
                    self.departing.push(Departing { reply: index, destination: client, local });
                }
                Decided { decision, replies, faults: Vec::new() }
            } else {
                let from = (socket, local, client);
                let (decision, replies, faults) =
                    misbehaviour.respond(service, &question, from, elapsed, reply);
                Decided { decision, replies, faults }
            };
            self.decided.push(decided);
        }
    }
}

/// A request and what is known of it.
fn question<'q>(
    service: &Service<'_>,
    arrived: &Arrived,
    octets: &'q [u8],
    elapsed: Duration,
) -> Question<'q> {
    let client = arrived.client.ip();
    let origin = Header::parse(octets).map(|header| header.origin_timestamp);
    let arrival = service.clock.at(arrived.time);
    let (arrival, earlier_transmit) = service.clients.arrive(client, arrival, origin);
    let treatment = service.clients.treat(client, elapsed);
    Question { octets, arrival, treatment, earlier_transmit }
}

/// Decides as a correct server does.
fn decide(
    service: &Service<'_>,
    client: SocketAddr,
    question: &Question<'_>,
    reply: &mut Vec<u8>,
) -> Decision {
    let is_served = question.treatment == Treatment::Serve;
    if is_served && is_control(question.octets) && service.clients.may_read(client.ip()) {
        return control::respond(service.policy, question.octets, service.clock, reply);
    }
    respond(service.policy, service.keys, question, service.clock, reply)
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

/// Where a request was sent to.
fn local_address(socket: &Socket, arrived: &Arrived) -> SocketAddr {
    let bound = socket.address();
    arrived.local.map_or(bound, |local| SocketAddr::new(local.address, bound.port()))
}
