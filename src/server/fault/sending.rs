//! What goes in and out of a server's faults: a request, and what is sent for it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::server::decision::{Decision, Silence};
use crate::server::responder::Question;

use super::table::FaultKind;

/// A request, as faults see it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'q> {
    /// What was asked.
    pub question: &'q Question<'q>,
    /// Who asked.
    pub client: SocketAddr,
    /// When, counted from the server's start.
    pub elapsed: Duration,
}

/// What a server with faults makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The correct server's decision, unless a fault decides otherwise or drops the reply.
    pub decision: Decision,
    /// The names of all faults that this request has brought about, in the order in which they applied; also those
    /// of a reply that is dropped or held back.
    pub faults: Vec<&'static str>,
    /// What is sent to the client: nothing, the reply, or more.
    pub dispatches: Vec<Dispatch>,
}

impl Outcome {
    pub(super) fn silent(silence: Silence) -> Outcome {
        Outcome { decision: Decision::Silence(silence), faults: Vec::new(), dispatches: Vec::new() }
    }

    /// While nobody is answered: to what is not answered anyway, that is no fault.
    pub(super) fn hung(silence: Option<Silence>) -> Outcome {
        match silence {
            Some(silence) => Outcome::silent(silence),
            None => Outcome { faults: vec![FaultKind::Hang.row().name], ..Outcome::silent(Silence::Dropped) },
        }
    }
}

/// A datagram to send to the client that asked, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Its octets.
    pub octets: Vec<u8>,
    /// How long to wait before it is sent. Those that wait equally long are sent in their order.
    pub after: Duration,
    /// Where it is sent from.
    pub source: Source,
    /// The names of the faults in this datagram and its delivery, in the order in which they applied.
    pub faults: Vec<&'static str>,
    /// The decision that it carries out: that of the request which it answers, be that an earlier one. `None` when
    /// it answers nobody.
    pub decision: Option<Decision>,
}

impl Dispatch {
    /// The same again, so much later, because of that fault.
    pub(super) fn again(&self, delay: Duration, fault: &'static str) -> Dispatch {
        let mut again = self.clone();
        again.put_off(delay, fault);
        again
    }

    pub(super) fn put_off(&mut self, delay: Duration, fault: &'static str) {
        self.after = self.after.saturating_add(delay);
        self.faults.push(fault);
    }
}

/// Where a datagram is sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The address and port that the request was sent to.
    Asked,
    /// Another port of that address.
    OtherPort,
    /// Another address of the server.
    OtherAddress,
}

/// A datagram that is sent by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    /// Where it is sent.
    pub destination: SocketAddr,
    /// Its octets.
    pub octets: Vec<u8>,
    /// The names of the faults in it, as [`Dispatch::faults`] has them.
    pub faults: Vec<&'static str>,
    /// For a reply that was held back, the decision on the request that it answers.
    pub decision: Option<Decision>,
}
