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
    /// So much time, or that of the run if this is longer; nothing is asked again. What more comes is wanted too, and
    /// where nothing comes at all a control follows.
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
    /// What came beyond that, for which there is no room.
    pub left_out: LeftOut,
    /// How often it was sent.
    pub tries: u32,
    /// True when controls after it were not answered: the server is gone, or all is lost.
    pub is_dead: bool,
    /// True when a control after it was answered by a kiss.
    pub is_limited: bool,
}

/// Replies that are counted and not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many there were.
    pub datagrams: usize,
    /// Their octets.
    pub octets: usize,
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

/// Replies of one exchange that are kept beside two for each datagram: more than any server should send.
const MOST_REPLIES: usize = 64;

/// Octets of one exchange's replies that are kept.
const MOST_OCTETS: usize = 64 * 1024;

impl Exchange {
    pub(super) fn new(stimulus: Stimulus) -> Exchange {
        Exchange {
            stimulus,
            replies: Vec::new(),
            left_out: LeftOut::default(),
            tries: 0,
            is_dead: false,
            is_limited: false,
        }
    }

    /// Keeps a reply, or counts it where there is no room: `room` is how many octets the run still takes. The first that
    /// names a request is kept in any case, since without it the exchange would look silent.
    pub(super) fn keep(&mut self, reply: Received, room: usize) {
        let octets = self.octets() + reply.octets.len();
        let most = MOST_REPLIES + 2 * self.stimulus.datagrams.len();
        let has_room = self.replies.len() < most && octets <= MOST_OCTETS.min(room);
        let names_one = |reply: &Received| matches!(reply.names, Names::This(_));
        let is_first = names_one(&reply) && !self.replies.iter().any(names_one);
        if has_room || is_first || self.replies.is_empty() {
            self.replies.push(reply);
        } else {
            self.left_out.datagrams += 1;
            self.left_out.octets += reply.octets.len();
        }
    }

    /// Octets of the replies that are kept.
    pub(super) fn octets(&self) -> usize {
        self.replies.iter().map(|reply| reply.octets.len()).sum()
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
