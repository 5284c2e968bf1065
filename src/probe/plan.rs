//! What a plan wants done, and what it is told.

use std::net::SocketAddr;
use std::time::Duration;

/// A sequence of datagrams, each of which may depend on what the ones before it met with.
pub trait Plan {
    /// Takes in what was observed since the last step, nothing at first, and says what to do next.
    fn next(&mut self, seen: Option<Observation>) -> Step;

    /// Takes note that the last sending has left. Until then it may have waited for its turn in vain.
    fn left(&mut self) {}
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send a datagram and wait for the first one that comes.
    Send(Sending),
    /// Go on waiting for as long as the last sending said: what came is not all that may come.
    Listen,
    /// Nothing more.
    Done,
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Its octets.
    pub octets: Vec<u8>,
    /// How long to wait for replies, from when it is sent.
    pub wait: Duration,
    /// The least time from the sending before to this one.
    pub pause: Duration,
    /// Which of our ports it leaves from, counted from zero; each is another client to the server.
    pub port: usize,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A datagram came.
    Reply(Reply),
    /// None came, or no more, in the time that was given.
    Silence(Duration),
    /// An ICMP message says that nobody takes the datagram.
    Refused,
    /// There is no way to the target, by our own system or by an ICMP message of a router.
    Unreachable(String),
    /// Our side could not send or receive. It says nothing of the other.
    Failed(String),
}

/// A datagram that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who sent it.
    pub source: SocketAddr,
    /// Which of our ports it came to.
    pub port: usize,
    /// Its octets.
    pub octets: Vec<u8>,
    /// When the last sending left, by our wall clock: time since 1970.
    pub sent: Duration,
    /// From then until it came.
    pub elapsed: Duration,
}
