//! What a run found.

use std::net::SocketAddr;

use crate::analysis::behaviour::{Answer, Asked, Class, Profile};
use crate::analysis::exchange::Times;
use crate::auth::{Algorithm, KeyId};

use super::exposure::Exposure;
use super::family::{self, Guess};
use super::reply::{Flaw, Seen};
use super::run::{Attempt, Stop, Survey};
use super::stimulus::{CONTROL, Stimulus};
use super::verdict::KeyVerdict;

/// What a run found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The server.
    pub target: SocketAddr,
    /// What is to be said of it in one word: the first key verdict that is not the best, or else what it does with
    /// plain requests.
    pub verdict: TargetVerdict,
    /// The keys that were asked for.
    pub keys: Vec<KeyOutcome>,
    /// What was asked and how that was answered.
    pub rows: Vec<Row>,
    /// The answers in the words of captures. Silence is counted where loss cannot explain it.
    pub profile: Profile,
    /// The class of its behaviour.
    pub class: Option<Class>,
    /// Whether it answers those who do not authenticate; `None` when that is not known.
    pub requires_authentication: Option<bool>,
    /// Which program it may be.
    pub guess: Guess,
    /// What control messages tell to anybody; `None` where none were sent.
    pub exposure: Option<Exposure>,
    /// Of all exchanges that with the shortest delay.
    pub times: Times,
    /// Why not everything was asked.
    pub stopped: Option<Stop>,
}

/// The verdict on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetVerdict {
    /// No key was asked for, and it answers.
    Answers,
    /// What is true of a key that was asked for, or of all.
    Key(KeyVerdict),
}

impl std::fmt::Display for TargetVerdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TargetVerdict::Answers => formatter.write_str("answers"),
            TargetVerdict::Key(verdict) => verdict.fmt(formatter),
        }
    }
}

/// What was found of one key.
#[derive(Clone, Copy, Debug)]
pub struct KeyOutcome {
    /// The key.
    pub key_id: KeyId,
    /// Its algorithm, by the key file.
    pub algorithm: Option<Algorithm>,
    /// The verdict.
    pub verdict: KeyVerdict,
    /// Requests with a right MAC under it.
    pub sent: usize,
    /// Those that were answered.
    pub answered: usize,
}

/// One kind of request and how it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The request.
    pub stimulus: Stimulus,
    /// How often it was sent.
    pub sent: usize,
    /// What it met with.
    pub told: Told,
    /// Octets behind the header of the request.
    pub trailer: usize,
}

/// What a kind of request met with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    /// An answer.
    Answer(Seen),
    /// Silence that loss cannot explain.
    Silence,
    /// Nothing but replies that are no answers.
    Flawed(Flaw),
    /// An ICMP refusal.
    Refused,
    /// There is no way to the server.
    Unreachable,
    /// It is not known: it may have been lost, or was not asked.
    Unknown,
}

impl Told {
    /// The answer in the words of captures; `None` where there is none.
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Told::Answer(seen) => Some(seen.answer),
            Told::Silence => Some(Answer::Silence),
            Told::Flawed(_) | Told::Refused | Told::Unreachable | Told::Unknown => None,
        }
    }

    /// The word used in every output.
    pub fn name(&self) -> &'static str {
        match self {
            Told::Flawed(flaw) => flaw.name(),
            Told::Refused => "refused",
            Told::Unreachable => "unreachable",
            Told::Unknown => "unknown",
            Told::Answer(_) | Told::Silence => self.answer().map_or("unknown", Answer::name),
        }
    }
}

impl Survey {
    /// What was found until now.
    pub fn outcome(&self) -> Outcome {
        let rows: Vec<Row> = (0..self.stimuli.len()).filter_map(|index| self.row(index)).collect();
        let keys: Vec<KeyOutcome> =
            self.settings.keys.iter().map(|key_id| self.key(*key_id, &rows)).collect();
        let profile = self.profile();
        let exposure = self.settings.extent.control.then(|| self.exposure.clone());
        Outcome {
            target: self.settings.target,
            verdict: self.verdict(&keys, &rows),
            class: self.class(&profile),
            requires_authentication: requires_authentication(&rows),
            guess: family::guess(&rows, exposure.as_ref().and_then(Exposure::program)),
            times: self.best_times(),
            exposure,
            stopped: self.stopped.clone(),
            keys,
            rows,
            profile,
        }
    }

    fn row(&self, index: usize) -> Option<Row> {
        let stimulus = *self.stimuli.get(index)?;
        let attempts: Vec<&Attempt> = self.attempts(index).collect();
        let flaw = attempts.iter().find_map(|attempt| match attempt {
            Attempt::Flawed(flaw) => Some(*flaw),
            _ => None,
        });
        let told = match (self.answers(index).next(), flaw) {
            (Some(seen), _) => Told::Answer(*seen),
            (None, Some(flaw)) => Told::Flawed(flaw),
            (None, None) if attempts.contains(&&Attempt::Refused) => Told::Refused,
            (None, None) if attempts.contains(&&Attempt::Unreachable) => Told::Unreachable,
            (None, None) if self.is_silent(index) => Told::Silence,
            (None, None) => Told::Unknown,
        };
        let sent = self.sent.iter().find(|sent| sent.index == index);
        Some(Row { stimulus, sent: attempts.len(), told, trailer: sent.map_or(0, super::run::Sent::trailer) })
    }

    fn key(&self, key_id: KeyId, rows: &[Row]) -> KeyOutcome {
        let index = self.stimuli.iter().position(|stimulus| *stimulus == Stimulus::Valid(key_id));
        let told = rows.iter().find(|row| row.stimulus == Stimulus::Valid(key_id)).map(|row| row.told);
        let verdict = match told {
            Some(Told::Answer(seen)) => KeyVerdict::of_answer(key_id, &seen),
            Some(Told::Flawed(flaw)) => KeyVerdict::of_flaw(flaw),
            Some(Told::Silence) => KeyVerdict::DropsRequest,
            Some(Told::Refused | Told::Unreachable | Told::Unknown) | None => self.without_answer(),
        };
        let algorithm =
            self.ring(Some(key_id)).lookup(key_id).first().map(|candidate| candidate.key.algorithm());
        let sent = index.map_or(0, |index| self.attempts(index).count());
        let answered = index.map_or(0, |index| self.answers(index).count());
        KeyOutcome { key_id, algorithm, verdict, sent, answered }
    }

    /// What is true of every key when nothing tells of one.
    fn without_answer(&self) -> KeyVerdict {
        let has = |wanted: fn(&Attempt) -> bool| self.sent.iter().any(|sent| wanted(&sent.outcome));
        let is_reply = |attempt: &Attempt| matches!(attempt, Attempt::Answered(_) | Attempt::Flawed(_));
        if has(is_reply) || has(|attempt| matches!(attempt, Attempt::Failed | Attempt::Open)) {
            KeyVerdict::Inconclusive
        } else if has(|attempt| *attempt == Attempt::Refused) {
            KeyVerdict::Refused
        } else if has(|attempt| *attempt == Attempt::Unreachable) {
            KeyVerdict::Unreachable
        } else if self.sent.len() > 1 {
            KeyVerdict::NoResponse
        } else {
            KeyVerdict::Inconclusive
        }
    }

    fn verdict(&self, keys: &[KeyOutcome], rows: &[Row]) -> TargetVerdict {
        if let Some(Stop::Kiss(code)) = self.stopped {
            return TargetVerdict::Key(KeyVerdict::Kiss(code));
        }
        let is_wrong = |key: &&KeyOutcome| key.verdict != KeyVerdict::Authenticated;
        if let Some(key) = keys.iter().find(is_wrong).or(keys.first()) {
            return TargetVerdict::Key(key.verdict);
        }
        let told = rows.iter().find(|row| row.stimulus == CONTROL).map(|row| row.told);
        match told {
            Some(Told::Answer(seen)) if seen.is_unsynchronised => {
                TargetVerdict::Key(KeyVerdict::Unsynchronised)
            }
            Some(Told::Answer(_)) => TargetVerdict::Answers,
            Some(Told::Flawed(flaw)) => TargetVerdict::Key(KeyVerdict::of_flaw(flaw)),
            _ => TargetVerdict::Key(self.without_answer()),
        }
    }

    fn profile(&self) -> Profile {
        let mut profile = Profile::default();
        for (index, stimulus) in self.stimuli.iter().enumerate() {
            let asked = stimulus.asked();
            if asked == Asked::Other {
                continue;
            }
            for seen in self.answers(index) {
                profile.count(asked, seen.answer);
            }
            let silences = if self.is_silent(index) { self.silences(index) } else { 0 };
            for _ in 0..silences {
                profile.count(asked, Answer::Silence);
            }
        }
        profile
    }

    /// The class by the profile; no response when there was none. That it answers plainly is no class here: it was
    /// asked for more, and what it does then is not known.
    fn class(&self, profile: &Profile) -> Option<Class> {
        if profile.is_empty() {
            return (self.without_answer() == KeyVerdict::NoResponse).then_some(Class::NoResponse);
        }
        profile.class().filter(|class| *class != Class::AnswersPlainly)
    }

    fn best_times(&self) -> Times {
        let all = (0..self.stimuli.len()).flat_map(|index| self.answers(index));
        let usable = all.filter(|seen| seen.kiss.is_none() && !seen.is_unsynchronised);
        let times = usable.map(|seen| seen.times).filter(|times| times.delay.is_some());
        times.min_by(|one, other| f64::total_cmp(&delay(one), &delay(other))).unwrap_or_default()
    }
}

fn delay(times: &Times) -> f64 {
    times.delay.unwrap_or(f64::INFINITY)
}

/// Known when a plain request is answered, or is not while right MACs are.
fn requires_authentication(rows: &[Row]) -> Option<bool> {
    let plain = rows.iter().find(|row| row.stimulus == CONTROL)?;
    let signs = rows.iter().any(|row| {
        let is_valid = matches!(row.stimulus, Stimulus::Valid(_));
        is_valid && row.told.answer() == Some(Answer::AuthenticatedReply)
    });
    match plain.told.answer()? {
        Answer::PlainReply => Some(false),
        Answer::Silence if signs => Some(true),
        _ => None,
    }
}
