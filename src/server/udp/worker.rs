//! What one thread does.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::batch::{Arrived, BATCH, Departing, Receiver, Sender};
use super::socket::Socket;
use super::{Exchange, Service};
use crate::ntp::header::{Header, Mode};
use crate::server::clock::system_time;
use crate::server::control;
use crate::server::counts::Counts;
use crate::server::policy::Treatment;
use crate::server::responder::{Answer, Decision, Question, respond};

/// How long to wait for requests before asking whether to stop, in milliseconds.
const PATIENCE: u8 = 100;

/// A thread's sockets and buffers. Once made, it allocates nothing for a request.
pub(super) struct Worker<'s> {
    service: Service<'s>,
    begin: Instant,
    // A receiver each: what control data a header has room for depends on what its socket sends along.
    sockets: Vec<(Socket, Receiver)>,
    sender: Sender,
    batch: Batch,
    counts: Counts,
}

/// What is done with the requests of a batch.
struct Batch {
    replies: Vec<Vec<u8>>,
    decisions: Vec<Decision>,
    departing: Vec<Departing>,
}

impl<'s> Worker<'s> {
    pub(super) fn new(service: Service<'s>, sockets: Vec<Socket>, begin: Instant) -> Worker<'s> {
        let batch = Batch {
            replies: (0..BATCH).map(|_| Vec::with_capacity(512)).collect(),
            decisions: Vec::with_capacity(BATCH),
            departing: Vec::with_capacity(BATCH),
        };
        let sockets = sockets.into_iter().map(|socket| (socket, Receiver::new())).collect();
        Worker { service, begin, sockets, sender: Sender::new(), batch, counts: Counts::default() }
    }

    /// Answers until `stop`.
    pub(super) fn run(mut self, stop: &dyn Fn() -> bool) -> io::Result<Counts> {
        while !stop() {
            let mut is_idle = true;
            for index in 0..self.sockets.len() {
                is_idle &= !self.serve(index)?;
            }
            if is_idle {
                self.service.observer.idle()?;
                self.wait()?;
            }
        }
        Ok(self.counts)
    }

    fn wait(&self) -> io::Result<()> {
        let readable = |socket| PollFd::new(AsFd::as_fd(socket), PollFlags::POLLIN);
        let mut sockets: Vec<PollFd<'_>> = self.sockets.iter().map(|(socket, _)| readable(socket)).collect();
        match poll(&mut sockets, PollTimeout::from(PATIENCE)) {
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
        self.batch.decide(&self.service, self.begin.elapsed(), receiver);
        let Batch { replies, decisions, departing } = &self.batch;
        self.counts.unsent += self.sender.send(socket, departing, replies);
        let departure = system_time();
        let receipts = decisions.iter().filter_map(answer_of).map(|answer| answer.receive_timestamp);
        self.service.clients.leave(receipts, self.service.clock.at(departure));
        for (((arrived, request), decision), reply) in receiver.arrived().zip(decisions).zip(replies) {
            self.counts.add(decision);
            let server = local_address(socket, arrived);
            let (arrival, client) = (arrived.time, arrived.client);
            let exchange = Exchange { arrival, client, server, request, decision, reply, departure };
            self.service.observer.exchange(&exchange)?;
        }
        Ok(true)
    }
}

impl Batch {
    /// Decides on all requests that came and writes the replies.
    fn decide(&mut self, service: &Service<'_>, elapsed: Duration, receiver: &Receiver) {
        self.decisions.clear();
        self.departing.clear();
        for (index, ((arrived, octets), reply)) in receiver.arrived().zip(&mut self.replies).enumerate() {
            let client = arrived.client.ip();
            let origin = Header::parse(octets).map(|header| header.origin_timestamp);
            let arrival = service.clock.at(arrived.time);
            let (arrival, earlier_transmit) = service.clients.arrive(client, arrival, origin);
            let treatment = service.clients.treat(client, elapsed);
            let question = Question { octets, arrival, treatment, earlier_transmit };
            let decision = match question.treatment {
                Treatment::Serve if is_control(octets) && service.clients.may_read(client) => {
                    control::respond(service.policy, octets, service.clock, reply)
                }
                _ => respond(service.policy, service.keys, &question, service.clock, reply),
            };
            if !reply.is_empty() {
                let (destination, local) = (arrived.client, arrived.local);
                self.departing.push(Departing { reply: index, destination, local });
            }
            self.decisions.push(decision);
        }
    }
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

/// Where a request was sent to.
fn local_address(socket: &Socket, arrived: &Arrived) -> SocketAddr {
    let bound = socket.address();
    arrived.local.map_or(bound, |local| SocketAddr::new(local.address, bound.port()))
}
