//! A part of a case: what the client asked, what it was sent, and what it believed.

use std::net::SocketAddr;
use std::time::Duration;

/// How the client is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseKind {
    /// As a correct server does.
    Correct,
    /// With the fault.
    Faulty,
}

impl PhaseKind {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            PhaseKind::Correct => "correct",
            PhaseKind::Faulty => "faulty",
        }
    }
}

/// A request of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it came, since 1970 by the system's clock.
    pub time: Duration,
    /// Where it came from.
    pub client: SocketAddr,
    /// Where it was sent.
    pub server: SocketAddr,
    /// Its octets.
    pub octets: Vec<u8>,
    /// Its frame in the capture, where one is made.
    pub frame: Option<u64>,
}

/// A datagram that the client was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// When it left.
    pub time: Duration,
    /// Where it left from.
    pub source: SocketAddr,
    /// Where it was sent.
    pub destination: SocketAddr,
    /// Its octets.
    pub octets: Vec<u8>,
    /// What is wrong with it, by the names of the faults.
    pub faults: Vec<&'static str>,
    /// Its frame in the capture, where one is made.
    pub frame: Option<u64>,
}

/// Where it is known from what the client believes. The first that tells counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What its later requests say of the replies before.
    Requests,
    /// What it serves to others.
    AskedClient,
    /// What a command says that was given for this.
    Command,
    /// What it wrote, and how it ended.
    Output,
    /// What the person at the terminal says.
    Human,
}

impl Source {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Source::Requests => "requests",
            Source::AskedClient => "ask-client",
            Source::Command => "observe",
            Source::Output => "output",
            Source::Human => "ask-human",
        }
    }

    /// The same, in a sentence.
    pub fn phrase(self) -> &'static str {
        match self {
            Source::Requests => "by its later requests",
            Source::AskedClient => "by what it serves",
            Source::Command => "by the command that observes it",
            Source::Output => "by its output",
            Source::Human => "by the answer of the person asked",
        }
    }
}

/// What a client believes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Belief {
    /// It has a time of the server, so many seconds ahead of its own clock where that is told.
    Synchronised(Option<f64>),
    /// It has no time of the server.
    Unsynchronised,
    /// It ended as no program should.
    Died,
    /// This source does not tell.
    Untold,
}

impl Belief {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Belief::Synchronised(_) => "synchronised",
            Belief::Unsynchronised => "unsynchronised",
            Belief::Died => "died",
            Belief::Untold => "untold",
        }
    }

    /// How far the believed time is ahead, in seconds.
    pub fn offset(self) -> Option<f64> {
        match self {
            Belief::Synchronised(offset) => offset,
            _ => None,
        }
    }
}

/// What one source tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Where it is known from.
    pub source: Source,
    /// What is told.
    pub belief: Belief,
    /// The words that it rests on.
    pub detail: String,
}

/// What happened while the client was served in one way.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// How it was served.
    pub kind: PhaseKind,
    /// The faults, as they were given.
    pub faults: Vec<String>,
    /// How far the time that was told is off, in seconds.
    pub shift: f64,
    /// What the client asked.
    pub requests: Vec<Request>,
    /// What it was sent.
    pub replies: Vec<Reply>,
    /// What it believed at the end.
    pub evidence: Vec<Evidence>,
}

impl Phase {
    /// What is told first, in the order of the sources.
    pub fn told(&self) -> Option<&Evidence> {
        let telling = self.evidence.iter().filter(|evidence| evidence.belief != Belief::Untold);
        telling.min_by_key(|evidence| evidence.source)
    }

    /// What is believed, as far as it is told.
    pub fn belief(&self) -> Belief {
        self.told().map_or(Belief::Untold, |evidence| evidence.belief)
    }

    /// The datagrams that have all of those faults; a fault that sends nothing is none that can be seen.
    pub fn with_faults<'p>(&'p self, names: &'p [&str]) -> impl Iterator<Item = &'p Reply> {
        self.replies.iter().filter(move |reply| names.iter().all(|name| reply.faults.contains(name)))
    }
}
