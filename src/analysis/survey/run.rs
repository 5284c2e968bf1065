//! The plan of a run: which request is next, and what its replies are.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{KeyId, Keyring, Keyrings};
use crate::ntp::control::ControlMessage;
use crate::ntp::header::HEADER_LENGTH;
use crate::ntp::message::TimeMessage;
use crate::probe::{Observation, Plan, Reply, Sending, Step};

use super::draw::Draw;
use super::exposure::Exposure;
use super::loss::Loss;
use super::pacing::Pacing;
use super::reply::{self, Flaw, Replied, Seen};
use super::stimulus::{CONTROL, Extent, Question, Stimulus};

/// What a run asks, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server.
    pub target: SocketAddr,
    /// The keys that are asked for. Those that the key files lack are not asked for.
    pub keys: Vec<KeyId>,
    /// What is asked beside the keys.
    pub extent: Extent,
    /// How often a request is sent at most whose silence is not explained.
    pub tries: u32,
    /// How long a reply is waited for.
    pub wait: Duration,
    /// How far apart requests are.
    pub pacing: Pacing,
    /// What the transmit timestamps and wrong secrets come from. Nobody should be able to guess it.
    pub seed: u64,
}

/// Asks one server. It is a [`Plan`]: whoever drives it sends and waits.
#[derive(Debug)]
pub struct Survey {
    pub(super) settings: Settings,
    pub(super) keys: Arc<Keyrings>,
    pub(super) stimuli: Vec<Stimulus>,
    pub(super) sent: Vec<Sent>,
    pub(super) stopped: Option<Stop>,
    pub(super) exposure: Exposure,
    draw: Draw,
    queue: VecDeque<usize>,
}

/// A request that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// Which of the stimuli.
    pub(super) index: usize,
    /// What came of it.
    pub(super) outcome: Attempt,
    question: Question,
}

/// What came of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Attempt {
    Open,
    Answered(Seen),
    Silent,
    Flawed(Flaw),
    Refused,
    Unreachable,
    Failed,
}

/// Why a run ended before all was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The server asks us to slow down or go away.
    Kiss([u8; 4]),
    /// An ICMP message says that nobody takes our requests.
    Refused,
    /// There is no way to it.
    Unreachable(String),
    /// We cannot send.
    Failed(String),
}

/// Requests between two controls.
const BETWEEN_CONTROLS: usize = 4;

/// Controls in a row that are sent before their silence is taken for the end.
const MOST_CONTROLS: usize = 3;

/// Refusals, failures and flawed replies that are enough.
const REPEATED: usize = 2;

impl Survey {
    /// A run with these settings. Replies are judged by the keys for the target.
    pub fn new(settings: Settings, keys: Arc<Keyrings>) -> Survey {
        let mut scratch = Draw::new(0);
        let mut stimuli = Stimulus::selection(&settings.keys, settings.extent);
        stimuli.retain(|stimulus| {
            stimulus.question(ring(&keys, settings.target, stimulus.key_id()), &mut scratch).is_some()
        });
        let draw = Draw::new(settings.seed);
        let queue = spaced(0..stimuli.len(), 0);
        let exposure = Exposure::default();
        Survey { settings, keys, stimuli, sent: Vec::new(), stopped: None, exposure, draw, queue }
    }

    /// What is asked, in the order in which it is asked first.
    pub fn stimuli(&self) -> &[Stimulus] {
        &self.stimuli
    }

    /// The keys among which is that of requests under `key_id`. Their replies are judged by them.
    pub(super) fn ring(&self, key_id: Option<KeyId>) -> &Keyring {
        ring(&self.keys, self.settings.target, key_id)
    }

    /// Requests that are sent at most.
    pub fn most_requests(&self) -> u64 {
        let tries = u64::from(self.settings.tries);
        let asked = (self.stimuli.len() as u64).saturating_mul(tries);
        asked + asked / BETWEEN_CONTROLS as u64 + MOST_CONTROLS as u64 * (tries + 1)
    }

    /// The time that the run takes at most.
    pub fn longest(&self) -> Duration {
        let requests = self.most_requests();
        let waits = self.settings.wait.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX));
        self.settings.pacing.span(requests).max(waits).saturating_add(self.settings.wait)
    }

    /// The requests of that stimulus.
    pub(super) fn attempts(&self, index: usize) -> impl Iterator<Item = &Attempt> {
        self.sent.iter().filter(move |sent| sent.index == index).map(|sent| &sent.outcome)
    }

    /// The answers to that stimulus.
    pub(super) fn answers(&self, index: usize) -> impl Iterator<Item = &Seen> {
        self.attempts(index).filter_map(|attempt| match attempt {
            Attempt::Answered(seen) => Some(seen),
            _ => None,
        })
    }

    /// Silences of that stimulus after which something was answered: a server that died refuses nothing.
    pub(super) fn silences(&self, index: usize) -> u32 {
        let end = self.last_answered().unwrap_or(0);
        let silent = self.sent.iter().take(end);
        let silent = silent.filter(|sent| sent.index == index && sent.outcome == Attempt::Silent);
        u32::try_from(silent.count()).unwrap_or(u32::MAX)
    }

    /// True when the silence of that stimulus is no loss, nor the end of a server's patience.
    pub(super) fn is_silent(&self, index: usize) -> bool {
        let has_kiss = matches!(self.stopped, Some(Stop::Kiss(_)));
        let is_bare = self.attempts(index).all(|attempt| matches!(attempt, Attempt::Silent));
        is_bare && !has_kiss && self.loss().cannot_explain(self.silences(index))
    }

    /// What is lost of that which the server answers.
    fn loss(&self) -> Loss {
        let mut loss = Loss::default();
        for index in (0..self.stimuli.len()).filter(|index| self.answers(*index).next().is_some()) {
            for attempt in self.attempts(index) {
                loss.answered += u32::from(matches!(attempt, Attempt::Answered(_)));
                loss.lost += u32::from(matches!(attempt, Attempt::Silent));
            }
        }
        loss
    }

    fn last_answered(&self) -> Option<usize> {
        self.sent.iter().rposition(|sent| matches!(sent.outcome, Attempt::Answered(_)))
    }

    /// The stimulus that shows that the server is there: the plain request, or where it answers none a right MAC.
    fn control(&self) -> usize {
        let is_answered = |index: &usize| self.answers(*index).next().is_some();
        let valid = (0..self.stimuli.len()).filter(|index| self.is_basic(*index));
        valid.into_iter().find(is_answered).unwrap_or(0)
    }

    /// True for what every server answers that has the key: the plain request and right MACs.
    fn is_basic(&self, index: usize) -> bool {
        self.stimuli.get(index).is_some_and(|one| matches!(*one, CONTROL | Stimulus::Valid(_)))
    }

    /// True when nothing more is to be learnt of that stimulus.
    fn is_settled(&self, index: usize) -> bool {
        let count = |wanted: fn(&Attempt) -> bool| self.attempts(index).filter(|one| wanted(one)).count();
        let tries = usize::try_from(self.settings.tries).unwrap_or(usize::MAX);
        count(|attempt| matches!(attempt, Attempt::Answered(_))) > 0
            || count(|attempt| matches!(attempt, Attempt::Flawed(_))) >= REPEATED
            || count(|_| true) >= tries
            || self.is_silent(index)
    }

    /// What is asked next; `None` at the end.
    fn choose(&mut self) -> Option<usize> {
        if let Some(index) = self.queue.pop_front() {
            return Some(index);
        }
        let control = self.control();
        if let Some(last) = self.last_answered() {
            let since = self.sent.get(last + 1..).unwrap_or_default();
            let controls = since.iter().rev().take_while(|sent| sent.index == control).count();
            if since.iter().any(|sent| sent.outcome == Attempt::Silent) && controls < MOST_CONTROLS {
                return Some(control);
            }
        }
        let is_dead = self.last_answered().is_none();
        let is_wanted = |index: &usize| !self.is_settled(*index) && (self.is_basic(*index) || !is_dead);
        let round: Vec<usize> = (0..self.stimuli.len()).filter(is_wanted).collect();
        self.queue = spaced(round, control);
        self.queue.pop_front()
    }

    fn send(&mut self, index: usize) -> Option<Step> {
        let stimulus = self.stimuli.get(index)?;
        let ring = ring(&self.keys, self.settings.target, stimulus.key_id());
        let question = stimulus.question(ring, &mut self.draw)?;
        let pause = self.settings.pacing.gap(self.sent.len() as u64);
        let sending = Sending { octets: question.octets.clone(), wait: self.settings.wait, pause, port: 0 };
        self.sent.push(Sent { index, outcome: Attempt::Open, question });
        Some(Step::Send(sending))
    }

    /// True when the wait for the last request is over.
    fn take_in(&mut self, observation: Observation) -> bool {
        match observation {
            Observation::Reply(reply) => return self.take_reply(&reply),
            Observation::Silence(_) => self.conclude(Attempt::Silent),
            Observation::Refused => {
                self.conclude(Attempt::Refused);
                self.stop_after(Attempt::Refused, Stop::Refused);
            }
            Observation::Unreachable(reason) => {
                self.conclude(Attempt::Unreachable);
                self.stop_after(Attempt::Unreachable, Stop::Unreachable(reason));
            }
            Observation::Failed(reason) => {
                self.conclude(Attempt::Failed);
                self.stop_after(Attempt::Failed, Stop::Failed(reason));
            }
        }
        true
    }

    /// Ends the run when nothing but that comes of requests.
    fn stop_after(&mut self, attempt: Attempt, stop: Stop) {
        let all = self.sent.iter().rev().take_while(|sent| sent.outcome == attempt).count();
        if all >= REPEATED {
            self.stopped = Some(stop);
        }
    }

    fn conclude(&mut self, attempt: Attempt) {
        if let Some(last) = self.sent.last_mut().filter(|last| last.outcome == Attempt::Open) {
            last.outcome = attempt;
        }
    }

    fn take_reply(&mut self, reply: &Reply) -> bool {
        let message = match reply::message(reply, self.settings.target) {
            Ok(message) => message,
            Err(flaw) => {
                self.conclude(Attempt::Flawed(flaw));
                return false;
            }
        };
        let Some(index) = self.sent.iter().position(|sent| sent.question.token == message.token()) else {
            self.conclude(Attempt::Flawed(Flaw::Origin));
            return false;
        };
        let is_late = index + 1 < self.sent.len();
        match message {
            Replied::Time(message) => self.take_time(reply, message, index, is_late),
            Replied::Control(message) => {
                self.take_control(reply, &message, index);
                // There may be more: it comes in pieces.
                false
            }
        }
    }

    fn take_time(&mut self, reply: &Reply, message: TimeMessage<'_>, index: usize, is_late: bool) -> bool {
        let keys = Arc::clone(&self.keys);
        let Some(sent) = self.sent.get_mut(index) else { return false };
        let key_id = self.stimuli.get(sent.index).and_then(|stimulus| stimulus.key_id());
        let ring = ring(&keys, self.settings.target, key_id);
        // What answers a second time tells nothing more.
        if matches!(sent.outcome, Attempt::Answered(_)) {
            return false;
        }
        match reply::see(reply, message, &sent.question, is_late, ring) {
            Err(flaw) => {
                sent.outcome = Attempt::Flawed(flaw);
                false
            }
            Ok(seen) => {
                sent.outcome = Attempt::Answered(seen);
                self.stopped = seen.kiss.map(Stop::Kiss).or(self.stopped.take());
                !is_late
            }
        }
    }

    fn take_control(&mut self, reply: &Reply, message: &ControlMessage<'_>, index: usize) {
        let Some(sent) = self.sent.get_mut(index) else { return };
        match reply::see_control(reply, message, &sent.question) {
            Ok(seen) => {
                self.exposure.take(message, reply.octets.len());
                sent.outcome = Attempt::Answered(seen);
            }
            Err(flaw) if sent.outcome == Attempt::Open => sent.outcome = Attempt::Flawed(flaw),
            Err(_) => {}
        }
    }
}

impl Plan for Survey {
    fn next(&mut self, seen: Option<Observation>) -> Step {
        let is_over = seen.is_none_or(|observation| self.take_in(observation));
        if self.stopped.is_some() {
            return Step::Done;
        }
        if !is_over {
            return Step::Listen;
        }
        self.choose().and_then(|index| self.send(index)).unwrap_or(Step::Done)
    }
}

/// Stimuli with the control after every few.
fn spaced(stimuli: impl IntoIterator<Item = usize>, control: usize) -> VecDeque<usize> {
    let mut queue = VecDeque::new();
    for (count, index) in stimuli.into_iter().enumerate() {
        if count > 0 && count % BETWEEN_CONTROLS == 0 {
            queue.push_back(control);
        }
        queue.push_back(index);
    }
    queue
}

/// The keys for a server: those of its own file, or all others where that lacks the key.
fn ring(keys: &Keyrings, target: SocketAddr, key_id: Option<KeyId>) -> &Keyring {
    let mut rings = keys.for_message(target.ip(), target.ip());
    rings.find(|ring| key_id.is_none_or(|key_id| ring.knows(key_id))).unwrap_or(keys.default_keyring())
}

impl Sent {
    /// Octets of the request behind its header.
    pub(super) fn trailer(&self) -> usize {
        self.question.octets.len().saturating_sub(HEADER_LENGTH)
    }
}
