//! One exchange: its datagrams, the controls between, and what comes back.

use std::collections::HashSet;

use crate::ntp::header::HEADER_LENGTH;
use crate::probe::{Reply, Sending};

use super::exchange::{Exchange, Names, Received, Stimulus, Until};
use super::reading::{is_echo, is_refusal_to_serve};
use super::runner::Pace;

/// Controls that are sent one after the other before the server is taken for gone.
const MOST_CONTROLS: u32 = 3;

/// An exchange that is under way.
#[derive(Debug)]
pub(super) struct Asking {
    exchange: Exchange,
    state: State,
    /// The last control.
    control: Vec<u8>,
    /// How many octets of replies the run still takes.
    room: usize,
    is_control_answered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many of its datagrams were sent.
    Sending(usize),
    /// So many controls were sent in a row.
    Controlling(u32),
}

/// What is to be done next.
pub(super) enum Next {
    /// A datagram of the stimulus.
    Send(Sending),
    /// A control, which is to be made.
    Control,
    /// Nothing more.
    Done,
}

impl Asking {
    pub(super) fn new(stimulus: Stimulus, room: usize) -> Asking {
        Asking {
            exchange: Exchange::new(stimulus),
            state: State::Sending(0),
            control: Vec::new(),
            room,
            is_control_answered: false,
        }
    }

    /// What to do after the wait for the last datagram is over.
    pub(super) fn next(&mut self, pace: &Pace) -> Next {
        let datagrams = self.exchange.stimulus.datagrams.len();
        match self.state {
            State::Sending(sent) if sent < datagrams => {
                self.exchange.tries += u32::from(sent == 0);
                self.state = State::Sending(sent + 1);
                self.datagram(sent, pace).map_or(Next::Done, Next::Send)
            }
            State::Sending(_) if self.needs_control() => self.controlling(1),
            State::Sending(_) => Next::Done,
            State::Controlling(_) if self.is_answered() && !self.is_asked_once() => Next::Done,
            State::Controlling(_) if self.is_control_answered => {
                if self.is_asked_once() || self.exchange.tries >= pace.tries {
                    return Next::Done;
                }
                self.state = State::Sending(0);
                self.next(pace)
            }
            State::Controlling(sent) if sent < MOST_CONTROLS => self.controlling(sent + 1),
            State::Controlling(_) => {
                self.exchange.is_dead = true;
                Next::Done
            }
        }
    }

    fn controlling(&mut self, sent: u32) -> Next {
        self.state = State::Controlling(sent);
        self.is_control_answered = false;
        Next::Control
    }

    fn datagram(&self, number: usize, pace: &Pace) -> Option<Sending> {
        let stimulus = &self.exchange.stimulus;
        let (port, octets) = stimulus.datagrams.get(number)?;
        let is_last = number + 1 == stimulus.datagrams.len();
        let wait = match stimulus.until {
            _ if !is_last => stimulus.spacing,
            Until::Over(time) => time.max(pace.wait),
            Until::Reply | Until::Swept => pace.wait,
        };
        let pause = if number == 0 { pace.interval } else { stimulus.spacing };
        Some(Sending { octets: octets.clone(), wait, pause, port: *port })
    }

    /// Takes note of a control that is sent.
    pub(super) fn controls_with(&mut self, control: &[u8]) {
        self.control = control.to_vec();
    }

    /// Takes in a datagram. True when nothing more is waited for.
    pub(super) fn take(&mut self, reply: &Reply, earlier: &HashSet<[u8; 8]>) -> bool {
        let origin = field(&reply.octets, ORIGIN);
        let is_controlling = matches!(self.state, State::Controlling(_));
        if is_controlling && is_echo(&self.control, &reply.octets) {
            return false;
        }
        if is_controlling && origin.is_some() && origin == field(&self.control, TRANSMIT) {
            return self.take_control(&reply.octets);
        }
        let names = self.names(origin, earlier);
        let says_nothing = names == Names::Nothing || origin == Some([0; 8]);
        if is_controlling && says_nothing {
            // The control was sent last, so this is the reply to it: it shows that the server is there.
            return self.take_control(&reply.octets);
        }
        let received = Received {
            source: reply.source,
            port: reply.port,
            octets: reply.octets.clone(),
            elapsed: reply.elapsed,
            time: reply.sent.saturating_add(reply.elapsed),
            names,
        };
        self.exchange.keep(received, self.room);
        let is_asked =
            matches!(self.state, State::Sending(sent) if sent == self.exchange.stimulus.datagrams.len());
        is_asked && self.exchange.stimulus.until == Until::Reply && matches!(names, Names::This(_))
    }

    /// Takes in the answer to a control. A kiss shows that the server is there, and not that it would have answered.
    fn take_control(&mut self, octets: &[u8]) -> bool {
        let is_kiss = is_refusal_to_serve(octets);
        self.exchange.is_limited |= is_kiss;
        self.is_control_answered = !is_kiss;
        true
    }

    fn names(&self, origin: Option<[u8; 8]>, earlier: &HashSet<[u8; 8]>) -> Names {
        let Some(origin) = origin else { return Names::Nothing };
        let datagrams = self.exchange.stimulus.datagrams.iter();
        let found = datagrams.rev().position(|(_, octets)| tokens(octets).any(|token| token == origin));
        match found {
            Some(from_end) => Names::This(self.exchange.stimulus.datagrams.len() - 1 - from_end),
            None if earlier.contains(&origin) => Names::Earlier,
            None => Names::Nothing,
        }
    }

    fn is_answered(&self) -> bool {
        self.exchange.reply().is_some()
    }

    /// True for what is not asked again.
    fn is_asked_once(&self) -> bool {
        self.exchange.stimulus.until != Until::Reply
    }

    fn needs_control(&self) -> bool {
        match self.exchange.stimulus.until {
            Until::Swept => true,
            Until::Reply => !self.is_answered(),
            Until::Over(_) => self.exchange.replies.is_empty(),
        }
    }

    /// The exchange at its end.
    pub(super) fn finish(self) -> Exchange {
        self.exchange
    }
}

const ORIGIN: usize = 24;
const RECEIVE: usize = 32;
const TRANSMIT: usize = 40;

/// Eight octets of a header.
fn field(octets: &[u8], offset: usize) -> Option<[u8; 8]> {
    let header = octets.get(..HEADER_LENGTH)?;
    header.get(offset..offset + 8)?.try_into().ok()
}

/// The origin timestamps by which a reply names a request: its transmit timestamp, and in interleaved mode its receive
/// timestamp.
pub(super) fn tokens(request: &[u8]) -> impl Iterator<Item = [u8; 8]> {
    let interleaved = field(request, RECEIVE).filter(|time| *time != [0; 8]);
    field(request, TRANSMIT).into_iter().chain(interleaved)
}
