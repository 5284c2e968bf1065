//! What a run found.

use std::net::SocketAddr;

use crate::analysis::behaviour::{Answer, Asked, Class, Profile};
use crate::analysis::exchange::Times;
use crate::auth::{Algorithm, KeyId};

use super::attempt::{Attempt, Sent, Stop};
use super::exposure::Exposure;
use super::family::{self, Guess};
use super::reply::{Flaw, Seen, ServerClock};
use super::run::Survey;
use super::stimulus::{CONTROL, Stimulus};
use super::verdict::{Checks, KeyVerdict};

/// What a run found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The server.
    pub target: SocketAddr,
    /// What is to be said of it in one word: the first key verdict that is not the best, or else what it does with
    /// plain requests.
    pub verdict: TargetVerdict,
    /// What to look at next, where that is not said of a key.
    pub checks: Option<Checks>,
    /// Whether the kiss that the verdict tells of has a right MAC. It proves nothing of a key all the same.
    pub kiss_signed: Option<bool>,
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
    /// What it says of its clock.
    pub clock: Option<ServerClock>,
    /// Answers that came after the next request was sent.
    pub late: usize,
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
    /// Whether the kiss that the verdict tells of has a right MAC.
    pub kiss_signed: Option<bool>,
    /// What to look at next.
    pub checks: Option<Checks>,
    /// Requests with a right MAC under it.
    pub sent: usize,
    /// Those that were answered.
    pub answered: usize,
}

/// One kind of request and how it was answered.
#[derive(Clone, Debug)]
pub struct Row {
    /// The request.
    pub stimulus: Stimulus,
    /// How often it was sent.
    pub sent: usize,
    /// What it met with.
    pub told: Told,
    /// What came beside that, to the same requests.
    pub also: Vec<Answer>,
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
    /// The answer in the words of captures; `None` where there is none. A kiss is none: it says nothing of what the server
    /// does with such requests.
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Told::Answer(seen) => Some(seen.answer).filter(|answer| *answer != Answer::Kiss),
            Told::Silence => Some(Answer::Silence),
            Told::Flawed(_) | Told::Refused | Told::Unreachable | Told::Unknown => None,
        }
    }

    /// The word of what is known, kisses too; `None` where nothing is.
    pub fn known(&self) -> Option<&'static str> {
        matches!(self, Told::Answer(_) | Told::Silence).then(|| self.name())
    }

    /// The word used in every output.
    pub fn name(&self) -> &'static str {
        match self {
            Told::Flawed(flaw) => flaw.name(),
            Told::Refused => "refused",
            Told::Unreachable => "unreachable",
            Told::Unknown => "unknown",
            Told::Answer(seen) => seen.answer.name(),
            Told::Silence => Answer::Silence.name(),
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
        let verdict = self.verdict(&keys, &rows);
        Outcome {
            target: self.settings.target,
            verdict,
            checks: self.target_checks(verdict, &keys),
            kiss_signed: self.kiss_signed(verdict),
            class: self.class(&profile),
            requires_authentication: requires_authentication(&rows),
            guess: family::guess(&rows, exposure.as_ref().and_then(Exposure::program)),
            clock: self.clock(),
            late: self.sent.iter().filter(|sent| sent.is_late).count(),
            times: self.best_times(),
            exposure,
            stopped: self.stop_reason(),
            keys,
            rows,
            profile,
        }
    }

    /// Why not all was asked. Who asks before the end of the run has ended it.
    fn stop_reason(&self) -> Option<Stop> {
        self.stopped.clone().or((!self.is_over).then_some(Stop::Interrupted))
    }

    /// What to look at next when no key says it: none was asked for, or the verdict is none of a key.
    fn target_checks(&self, verdict: TargetVerdict, keys: &[KeyOutcome]) -> Option<Checks> {
        match verdict {
            TargetVerdict::Key(verdict) if keys.iter().all(|key| key.verdict != verdict) => {
                verdict.next_checks(self.stop_reason().as_ref())
            }
            _ => None,
        }
    }

    /// Whether a kiss with the code of the verdict was signed: the best that came.
    fn kiss_signed(&self, verdict: TargetVerdict) -> Option<bool> {
        let TargetVerdict::Key(KeyVerdict::Kiss(code)) = verdict else { return None };
        let all = self.all_answers().filter(|seen| seen.kiss == Some(code));
        all.map(|seen| seen.is_signed).max()
    }

    /// What the server says of its clock, in the last reply that is no kiss.
    fn clock(&self) -> Option<ServerClock> {
        let all = self.sent.iter().rev().filter_map(Sent::answer);
        all.filter(|seen| seen.kiss.is_none()).find_map(|seen| seen.clock)
    }

    fn all_answers(&self) -> impl Iterator<Item = &Seen> {
        self.sent.iter().filter_map(Sent::answer)
    }

    fn row(&self, index: usize) -> Option<Row> {
        let stimulus = *self.stimuli.get(index)?;
        let attempts: Vec<&Attempt> = self.attempts(index).collect();
        let flaw = attempts.iter().find_map(|attempt| match attempt {
            Attempt::Flawed(flaw) => Some(*flaw),
            _ => None,
        });
        let told = match (self.best_answer(index), flaw) {
            (Some(seen), _) => Told::Answer(*seen),
            (None, Some(flaw)) => Told::Flawed(flaw),
            (None, None) if attempts.contains(&&Attempt::Refused) => Told::Refused,
            (None, None) if attempts.contains(&&Attempt::Unreachable) => Told::Unreachable,
            (None, None) if self.is_silent(index) => Told::Silence,
            (None, None) => Told::Unknown,
        };
        let all: Vec<&Sent> = self.sent.iter().filter(|sent| sent.index == index).collect();
        let mut also: Vec<Answer> = all.iter().flat_map(|sent| &sent.also).copied().collect();
        also.sort_unstable();
        also.dedup();
        Some(Row {
            stimulus,
            sent: self.left(index),
            told,
            also,
            trailer: all.first().map_or(0, |sent| sent.trailer()),
        })
    }

    /// The answer that tells of that kind: the first that is no kiss, or the first.
    fn best_answer(&self, index: usize) -> Option<&Seen> {
        self.answers(index).find(|seen| seen.kiss.is_none()).or(self.answers(index).next())
    }

    /// Requests of that kind that have left.
    fn left(&self, index: usize) -> usize {
        self.sent.iter().filter(|sent| sent.index == index && sent.has_left).count()
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
        let sent = index.map_or(0, |index| self.left(index));
        let answered = index.map_or(0, |index| self.answers(index).count());
        let kiss_signed = match (verdict, told) {
            (KeyVerdict::Kiss(_), Some(Told::Answer(seen))) => Some(seen.is_signed),
            _ => None,
        };
        let checks = verdict.next_checks(self.stop_reason().as_ref());
        KeyOutcome { key_id, algorithm, verdict, kiss_signed, checks, sent, answered }
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
            Some(Told::Answer(Seen { kiss: Some(code), .. })) => TargetVerdict::Key(KeyVerdict::Kiss(code)),
            Some(Told::Answer(seen)) if seen.is_unsynchronised() => {
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
            let silences = if self.is_silent(index) { self.circumstances(index).silences } else { 0 };
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
        let usable = self.all_answers().filter(|seen| seen.kiss.is_none() && !seen.is_unsynchronised());
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
