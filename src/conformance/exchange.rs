//! What is sent for a case, and what came back.

use std::net::SocketAddr;
use std::time::Duration;

/// Datagrams to send, all for one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stimulus {
    /// Each with the port of ours that it leaves from.
    pub datagrams: Vec<(usize, Vec<u8>)>,
    /// The time between them, where there are several.
    pub spacing: Duration,
    /// What ends the wait.
    pub until: Until,
}

/// What ends the wait for replies, at the latest after the time that a run waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The first reply that names the request. While there is none it is asked again, with controls between, so that a
    /// silence is one of the server.
    Reply,
    /// So much time, or that of the run if this is longer; nothing is asked again. What more comes is wanted too.
    Over(Duration),
    /// The time of the run, after a sweep of many: nobody answers all of them. Nothing is asked again, and a control
    /// follows.
    Swept,
}

/// The time between the datagrams of a sweep.
pub const SWEEP: Duration = Duration::from_millis(10);

impl Stimulus {
    /// One request.
    pub fn one(octets: Vec<u8>) -> Stimulus {
        Stimulus { datagrams: vec![(0, octets)], spacing: Duration::ZERO, until: Until::Reply }
    }

    /// Many requests of which each may be answered or not.
    pub fn sweep(all: impl IntoIterator<Item = Vec<u8>>) -> Stimulus {
        let datagrams = all.into_iter().map(|octets| (0, octets)).collect();
        Stimulus { datagrams, spacing: SWEEP, until: Until::Swept }
    }

    /// The same from another port of ours.
    #[must_use]
    pub fn from_port(mut self, port: usize) -> Stimulus {
        self.datagrams.iter_mut().for_each(|(from, _)| *from = port);
        self
    }

    /// The same, after which so long is listened, whatever comes.
    #[must_use]
    pub fn then_listen(self, time: Duration) -> Stimulus {
        Stimulus { until: Until::Over(time), ..self }
    }
}

/// What came of a stimulus.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was sent.
    pub stimulus: Stimulus,
    /// What came, in that order, while it was waited for.
    pub replies: Vec<Received>,
    /// How often it was sent.
    pub tries: u32,
    /// True when controls after it were not answered: the server is gone, or all is lost.
    pub is_dead: bool,
}

/// A datagram that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Who sent it.
    pub source: SocketAddr,
    /// Which of our ports it came to.
    pub port: usize,
    /// Its octets.
    pub octets: Vec<u8>,
    /// How long after the last datagram that we sent.
    pub elapsed: Duration,
    /// When, by our clock: time since 1970.
    pub time: Duration,
    /// Which request its origin timestamp names.
    pub names: Names,
}

/// Which request a reply names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// That datagram of the exchange, counted from zero.
    This(usize),
    /// One of an exchange before: it is late, or sent again.
    Earlier,
    /// None of ours, or it has no such field.
    Nothing,
}

/// Replies of one exchange that are kept: far more than any server should send.
pub(super) const MOST_REPLIES: usize = 1_024;

impl Exchange {
    pub(super) fn new(stimulus: Stimulus) -> Exchange {
        Exchange { stimulus, replies: Vec::new(), tries: 0, is_dead: false }
    }

    /// The octets of the datagram of that number.
    pub fn request(&self, number: usize) -> &[u8] {
        self.stimulus.datagrams.get(number).map_or(&[], |(_, octets)| octets)
    }

    /// The reply to its only datagram: the first that names it, or else the first that names none of ours.
    pub fn reply(&self) -> Option<&Received> {
        let names_this = |reply: &&Received| matches!(reply.names, Names::This(_));
        let names_nothing = |reply: &&Received| reply.names == Names::Nothing;
        self.replies.iter().find(names_this).or_else(|| self.replies.iter().find(names_nothing))
    }
}

/// What a case is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'e> {
    /// The exchanges of the case.
    pub own: &'e [Exchange],
    /// All exchanges of the run until now, with the slugs of their cases; those before the first case have none.
    pub run: &'e [(&'static str, Exchange)],
}
