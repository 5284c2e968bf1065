//! The plan of a run: which request is next, and what its replies are.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{KeyId, Keyring, Keyrings};
use crate::ntp::control::ControlMessage;
use crate::ntp::header::Mode;
use crate::ntp::message::TimeMessage;
use crate::probe::{Observation, Plan, Reply, Sending, Step};

use super::attempt::{Attempt, Sent, Stop};
use super::draw::Draw;
use super::exposure::Exposure;
use super::pacing::Pacing;
use super::reply::{self, Replied, Seen};
use super::stimulus::{CONTROL, Extent, Stimulus};

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
    pub(super) draw: Draw,
    /// What is left of the round.
    pub(super) queue: VecDeque<usize>,
    /// Rounds that were begun.
    pub(super) round: usize,
    /// The control of the round.
    pub(super) anchor: usize,
    /// True when there is nothing more to do.
    pub(super) is_over: bool,
}

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
        let mut survey = Survey {
            settings,
            keys,
            stimuli,
            sent: Vec::new(),
            stopped: None,
            exposure: Exposure::default(),
            draw,
            queue: VecDeque::new(),
            round: 0,
            anchor: 0,
            is_over: false,
        };
        survey.begin_first_round();
        survey
    }

    /// What is asked. The order of each round is drawn.
    pub fn stimuli(&self) -> &[Stimulus] {
        &self.stimuli
    }

    /// The keys among which is that of requests under `key_id`. Their replies are judged by them.
    pub(super) fn ring(&self, key_id: Option<KeyId>) -> &Keyring {
        ring(&self.keys, self.settings.target, key_id)
    }

    /// The time that the run takes at most.
    pub fn longest(&self) -> Duration {
        let gaps = (0..self.most_requests()).map(|number| self.gap(number));
        gaps.fold(self.settings.wait, Duration::saturating_add)
    }

    /// The time before the request of that number. Never less than the wait for a reply: else the gap would depend on
    /// whether the one before was answered, and a server that drops what comes too early would drop what follows
    /// answers, and nothing else.
    fn gap(&self, number: u64) -> Duration {
        let gap = self.settings.pacing.gap(number);
        if number == 0 { gap } else { gap.max(self.settings.wait) }
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

    /// The stimulus that shows that the server is there: the plain request, or where it answers none a right MAC.
    pub(super) fn control(&self) -> usize {
        let basics = (0..self.stimuli.len()).filter(|index| self.is_basic(*index));
        basics.into_iter().find(|index| self.is_answered(*index)).unwrap_or(0)
    }

    /// True when it was answered.
    pub(super) fn is_answered(&self, index: usize) -> bool {
        self.answers(index).next().is_some()
    }

    /// True for what every server answers that has the key: the plain request and right MACs.
    pub(super) fn is_basic(&self, index: usize) -> bool {
        self.stimuli.get(index).is_some_and(|one| matches!(*one, CONTROL | Stimulus::Valid(_)))
    }

    /// True while another request may tell more: it was neither answered, nor met with flawed replies often enough.
    pub(super) fn is_open(&self, index: usize) -> bool {
        let flawed = self.attempts(index).filter(|attempt| matches!(attempt, Attempt::Flawed(_))).count();
        !self.is_answered(index) && flawed < REPEATED
    }

    fn send(&mut self, index: usize) -> Option<Step> {
        let stimulus = self.stimuli.get(index)?;
        let ring = ring(&self.keys, self.settings.target, stimulus.key_id());
        let question = stimulus.question(ring, &mut self.draw)?;
        let pause = self.gap(self.sent.len() as u64);
        let sending = Sending { octets: question.octets.clone(), wait: self.settings.wait, pause, port: 0 };
        self.sent.push(Sent::new(index, self.round, question));
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
            let is_control = self.sent.last().is_some_and(|sent| sent.question.mode == Mode::Control);
            self.conclude(Attempt::Flawed(message.stray(is_control)));
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
        let Some(stimulus) = self.stimuli.get(sent.index) else { return false };
        let ring = ring(&keys, self.settings.target, stimulus.key_id());
        match reply::see(reply, message, &sent.question, is_late, ring) {
            Err(flaw) => {
                sent.take_flaw(flaw);
                false
            }
            Ok(seen) => {
                sent.take_answer(seen, stimulus.proof());
                sent.is_late |= is_late;
                let may_be_better = stimulus.proof().is_some() && !seen.is_signed;
                if !may_be_better {
                    self.heed_kisses();
                }
                !is_late && !may_be_better
            }
        }
    }

    /// Ends the run at a kiss that asks us to slow down or go away.
    fn heed_kisses(&mut self) {
        let kiss = self.sent.iter().find_map(|sent| match sent.outcome {
            Attempt::Answered(Seen { kiss: Some(code), .. }) if reply::ends_the_run(code) => Some(code),
            _ => None,
        });
        self.stopped = kiss.map(Stop::Kiss).or(self.stopped.take());
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
        let is_waited_for = seen.is_some_and(|observation| !self.take_in(observation));
        if self.stopped.is_none() && is_waited_for {
            return Step::Listen;
        }
        self.heed_kisses();
        let may_ask = self.stopped.is_none() && (self.sent.len() as u64) < self.most_requests();
        let index = if may_ask { self.choose() } else { None };
        let step = index.and_then(|index| self.send(index)).unwrap_or(Step::Done);
        self.is_over = step == Step::Done;
        step
    }

    fn left(&mut self) {
        if let Some(last) = self.sent.last_mut() {
            last.has_left = true;
        }
    }
}

/// The keys for a server: those of its own file, or all others where that lacks the key.
fn ring(keys: &Keyrings, target: SocketAddr, key_id: Option<KeyId>) -> &Keyring {
    let mut rings = keys.for_message(target.ip(), target.ip());
    rings.find(|ring| key_id.is_none_or(|key_id| ring.knows(key_id))).unwrap_or(keys.default_keyring())
}
