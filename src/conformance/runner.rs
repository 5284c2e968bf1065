//! Runs cases one after the other.

use std::collections::HashSet;
use std::time::Duration;

use crate::auth::KeyId;
use crate::probe::{Observation, Plan, Sending, Step};

use super::asking::{Asking, Next, tokens};
use super::case::Case;
use super::context::Context;
use super::exchange::{Evidence, Exchange, Stimulus};
use super::outcome::{Judgement, Outcome};
use super::reading::Told;

/// How patiently a server is asked.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long a reply is waited for.
    pub wait: Duration,
    /// The least time between two stimuli.
    pub interval: Duration,
    /// How often what stays silent is asked, at most.
    pub tries: u32,
}

/// What is run, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cases, in their order.
    pub cases: Vec<&'static Case>,
    /// How patiently.
    pub pace: Pace,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The case.
    pub case: &'static Case,
    /// What is said of it.
    pub judgement: Judgement,
    /// Its exchanges.
    pub exchanges: Vec<Exchange>,
}

/// Runs cases against one server. It is a [`Plan`]: whoever drives it sends and waits.
///
/// Every run begins with a plain request and one under every key, and ends with the same: what a server that is gone
/// does not answer is no silence of its own.
#[derive(Debug)]
pub struct Runner {
    settings: Settings,
    context: Context,
    /// The exchange under way.
    asking: Option<Asking>,
    stage: Stage,
    /// The exchanges of the case under way.
    own: Vec<Exchange>,
    /// All others, with the slugs of their cases.
    run: Vec<(&'static str, Exchange)>,
    results: Vec<CaseResult>,
    /// The origin timestamps that answers to earlier requests have.
    earlier: HashSet<[u8; 8]>,
    /// Why nothing more is asked.
    ended: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Whether it answers at all, and under which keys.
    Before,
    /// The case of that number.
    Case(usize),
    /// Whether it still answers.
    After,
    Done,
}

/// The slug under which the exchanges before and after the cases stand.
pub const SANITY: &str = "sanity";

impl Runner {
    /// A run that has not begun.
    pub fn new(settings: Settings, context: Context) -> Runner {
        Runner {
            settings,
            context,
            asking: None,
            stage: Stage::Before,
            own: Vec::new(),
            run: Vec::new(),
            results: Vec::new(),
            earlier: HashSet::new(),
            ended: None,
        }
    }

    /// What became of the cases so far. At the end there is one for each.
    pub fn results(&self) -> &[CaseResult] {
        &self.results
    }

    /// What the server turned out to do.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// All exchanges, with the slugs of their cases.
    pub fn exchanges(&self) -> &[(&'static str, Exchange)] {
        &self.run
    }

    /// Why the run ended before its end.
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Ends a run where it is: cases that were not judged are inconclusive.
    pub fn abandon(&mut self, reason: &str) {
        self.ended.get_or_insert_with(|| reason.to_owned());
        let reason = self.ended.clone().unwrap_or_default();
        let judged = self.results.len();
        for case in self.settings.cases.iter().skip(judged) {
            let judgement = Judgement::inconclusive(reason.clone());
            self.results.push(CaseResult { case, judgement, exchanges: Vec::new() });
        }
        self.stage = Stage::Done;
    }

    /// The next datagram, or nothing more.
    fn advance(&mut self) -> Step {
        loop {
            if self.stage == Stage::Done {
                return Step::Done;
            }
            let Some(asking) = &mut self.asking else {
                match self.next_stimulus() {
                    Some(stimulus) => self.asking = Some(Asking::new(stimulus)),
                    None => self.finish_stage(),
                }
                continue;
            };
            match asking.next(&self.settings.pace) {
                Next::Send(sending) => return Step::Send(sending),
                Next::Control => return self.control(),
                Next::Done => self.finish_exchange(),
            }
        }
    }

    fn next_stimulus(&self) -> Option<Stimulus> {
        match self.stage {
            Stage::Before => self.sanity(),
            Stage::Case(number) => {
                let case = self.settings.cases.get(number)?;
                if (case.lacks)(&self.context).is_some() {
                    None
                } else {
                    (case.ask)(&self.context, &self.own)
                }
            }
            Stage::After => self.own.is_empty().then(|| self.control_octets()).map(Stimulus::one),
            Stage::Done => None,
        }
    }

    /// A plain request, then one under each key.
    fn sanity(&self) -> Option<Stimulus> {
        let request = self.context.request();
        let octets = match self.own.len().checked_sub(1) {
            None => request.octets(),
            Some(number) => request.signed(self.context.keys().nth(number)?),
        };
        Some(Stimulus::one(octets))
    }

    /// What shows that the server is there: a plain request, or one under a key where it answers those alone.
    fn control_octets(&self) -> Vec<u8> {
        let request = self.context.request();
        match self.context.honoured_key().filter(|_| !self.context.facts.answers_plainly) {
            Some(key) => request.signed(key),
            None => request.octets(),
        }
    }

    fn control(&mut self) -> Step {
        let octets = self.control_octets();
        // A second or late answer to a control is none to the case.
        self.earlier.extend(tokens(&octets));
        if let Some(asking) = &mut self.asking {
            asking.controls_with(&octets);
        }
        let Pace { wait, interval, .. } = self.settings.pace;
        Step::Send(Sending { octets, wait, pause: interval, port: 0 })
    }

    fn finish_exchange(&mut self) {
        let Some(asking) = self.asking.take() else { return };
        let exchange = asking.finish();
        for (_, octets) in &exchange.stimulus.datagrams {
            self.earlier.extend(tokens(octets));
        }
        self.earlier.remove(&[0; 8]);
        self.own.push(exchange);
    }

    fn finish_stage(&mut self) {
        let own = std::mem::take(&mut self.own);
        let slug = match self.stage {
            Stage::Before => {
                self.learn(&own);
                SANITY
            }
            Stage::Case(number) => self.judge(number, &own).unwrap_or(SANITY),
            Stage::After => {
                self.doubt(&own);
                SANITY
            }
            Stage::Done => return,
        };
        self.run.extend(own.into_iter().map(|exchange| (slug, exchange)));
        if self.stage == Stage::Done {
            return;
        }
        self.stage = match self.stage {
            Stage::Before if self.settings.cases.is_empty() => Stage::After,
            Stage::Before => Stage::Case(0),
            Stage::Case(number) if number + 1 < self.settings.cases.len() => Stage::Case(number + 1),
            Stage::Case(_) => Stage::After,
            Stage::After | Stage::Done => Stage::Done,
        };
    }

    /// Takes note of what the server answers before the first case. One that answers nothing is asked no more.
    fn learn(&mut self, own: &[Exchange]) {
        let told = |number: usize| own.get(number).map(|exchange| self.context.told(exchange));
        let answers_plainly = matches!(told(0), Some(Told::Reply(reading)) if reading.undue().is_none());
        let keys: Vec<KeyId> = self.context.keys().map(|key| key.id()).collect();
        let is_honoured = |(number, key_id): &(usize, &KeyId)| match told(number + 1) {
            Some(Told::Reply(reading)) => reading.is_signed() && reading.key_id == Some(**key_id),
            _ => false,
        };
        let honoured: Vec<KeyId> =
            keys.iter().enumerate().filter(is_honoured).map(|(_, key_id)| *key_id).collect();
        let is_there = own.iter().any(|exchange| !exchange.replies.is_empty());
        self.context.facts.answers_plainly = answers_plainly;
        self.context.facts.honoured = honoured;
        if !is_there {
            self.abandon("the server answers nothing");
        }
    }

    fn judge(&mut self, number: usize, own: &[Exchange]) -> Option<&'static str> {
        let case = *self.settings.cases.get(number)?;
        let judgement = match (case.lacks)(&self.context) {
            Some(reason) => Judgement::skip(reason),
            None => (case.judge)(&self.context, &Evidence { own, run: &self.run }),
        };
        self.results.push(CaseResult { case, judgement, exchanges: own.to_vec() });
        Some(case.slug)
    }

    /// When the server does not answer at the end, silences since its last answer are none of its own.
    fn doubt(&mut self, own: &[Exchange]) {
        if own.iter().any(|exchange| exchange.reply().is_some()) {
            return;
        }
        let is_answered = |result: &CaseResult| result.exchanges.iter().any(|one| !one.replies.is_empty());
        let last = self.results.iter().rposition(is_answered).map_or(0, |last| last + 1);
        for result in self.results.iter_mut().skip(last).filter(|result| !result.exchanges.is_empty()) {
            if matches!(result.judgement.outcome, Outcome::Pass | Outcome::Info) {
                result.judgement = Judgement::inconclusive("the server did not answer any more at the end");
            }
        }
    }
}

impl Plan for Runner {
    fn next(&mut self, seen: Option<Observation>) -> Step {
        let is_over = match seen {
            None | Some(Observation::Silence(_)) => true,
            Some(Observation::Reply(reply)) => {
                self.asking.as_mut().is_none_or(|asking| asking.take(&reply, &self.earlier))
            }
            Some(Observation::Refused) => {
                self.abandon("ICMP: nobody listens on that port");
                true
            }
            Some(Observation::Unreachable(reason) | Observation::Failed(reason)) => {
                self.abandon(&reason);
                true
            }
        };
        if is_over { self.advance() } else { Step::Listen }
    }
}
