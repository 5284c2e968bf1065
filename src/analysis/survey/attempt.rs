//! Requests that were sent, and what came of each.

use crate::analysis::behaviour::Answer;
use crate::auth::KeyId;
use crate::ntp::header::HEADER_LENGTH;

use super::reply::{Flaw, Seen};
use super::stimulus::Question;

/// A request that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    /// Which of the stimuli.
    pub(super) index: usize,
    /// In which round, counted from one.
    pub(super) round: usize,
    /// What came of it.
    pub(super) outcome: Attempt,
    /// Answers of other kinds that came, too. The best proof is the outcome.
    pub(super) also: Vec<Answer>,
    /// True when an answer came after the next request was sent.
    pub(super) is_late: bool,
    /// True once it has left.
    pub(super) has_left: bool,
    /// What was asked.
    pub(super) question: Question,
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
    /// Somebody ended it.
    Interrupted,
}

impl Sent {
    /// A request that is about to be sent.
    pub(super) fn new(index: usize, round: usize, question: Question) -> Sent {
        let (outcome, also) = (Attempt::Open, Vec::new());
        Sent { index, round, outcome, also, is_late: false, has_left: false, question }
    }

    /// True while its replies are waited for.
    pub(super) fn is_open(&self) -> bool {
        self.outcome == Attempt::Open
    }

    /// The answer, where one came.
    pub(super) fn answer(&self) -> Option<&Seen> {
        match &self.outcome {
            Attempt::Answered(seen) => Some(seen),
            _ => None,
        }
    }

    /// Octets of the request behind its header.
    pub(super) fn trailer(&self) -> usize {
        self.question.octets.len().saturating_sub(HEADER_LENGTH)
    }

    /// Takes in an answer. Where several come, a right MAC under the key `proof` wins: whoever sees a request can forge
    /// the others.
    pub(super) fn take_answer(&mut self, seen: Seen, proof: Option<KeyId>) {
        let is_proof = |seen: &Seen| {
            seen.answer == Answer::AuthenticatedReply && proof.is_some() && seen.key_id == proof
        };
        match self.outcome {
            Attempt::Answered(first) if is_proof(&seen) && !is_proof(&first) => {
                self.outcome = Attempt::Answered(seen);
                self.take_other(first.answer, seen.answer);
            }
            Attempt::Answered(first) => self.take_other(seen.answer, first.answer),
            _ => self.outcome = Attempt::Answered(seen),
        }
    }

    /// Takes in a reply that is no answer. It says less than any answer.
    pub(super) fn take_flaw(&mut self, flaw: Flaw) {
        if !matches!(self.outcome, Attempt::Answered(_)) {
            self.outcome = Attempt::Flawed(flaw);
        }
    }

    fn take_other(&mut self, other: Answer, best: Answer) {
        if other != best && !self.also.contains(&other) {
            self.also.push(other);
        }
        self.also.retain(|also| *also != best);
    }
}
