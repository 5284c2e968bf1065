//! Runs cases one after the other.

use std::collections::HashSet;
use std::time::Duration;

use crate::probe::{Observation, Plan, Sending, Step};

use super::asking::{Asking, Next, tokens};
use super::case::Case;
use super::context::{Context, NOT_KNOWN};
use super::exchange::{Evidence, Exchange, Stimulus};
use super::outcome::{Judgement, Outcome};
use super::sanity::Sanity;

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
    sanity: Sanity,
    /// The exchanges of the case under way.
    own: Vec<Exchange>,
    /// All others, with the slugs of their cases.
    run: Vec<(&'static str, Exchange)>,
    results: Vec<CaseResult>,
    /// The origin timestamps that answers to earlier requests have.
    earlier: HashSet<[u8; 8]>,
    /// Why nothing more is asked.
    ended: Option<String>,
    /// Octets of replies that are kept.
    kept: usize,
    /// Exchanges in a row in which nothing came, not even to controls, and the slug of the first one's case.
    gone: (u32, &'static str),
}

/// Octets of replies that a run keeps, once for its cases and once for those about the whole run.
const MOST_OCTETS: usize = 16 * 1024 * 1024;

/// Exchanges in a row in which nothing comes, not even to controls, before a server is taken for gone.
const MOST_GONE: u32 = 3;

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

/// The group of cases about kisses.
const KISSES: &str = "kiss";

/// How often it is asked at the end whether the server is there, each time with controls.
const LAST_TRIES: usize = 2;

impl Runner {
    /// A run that has not begun.
    pub fn new(settings: Settings, context: Context) -> Runner {
        let sanity = Sanity::new(context.keys().map(crate::auth::Key::id));
        Runner {
            settings,
            context,
            sanity,
            asking: None,
            stage: Stage::Before,
            own: Vec::new(),
            run: Vec::new(),
            results: Vec::new(),
            earlier: HashSet::new(),
            ended: None,
            kept: 0,
            gone: (0, SANITY),
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
                    Some(stimulus) => {
                        let room = MOST_OCTETS.saturating_sub(self.kept);
                        self.asking = Some(Asking::new(stimulus, room));
                    }
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

    fn next_stimulus(&mut self) -> Option<Stimulus> {
        match self.stage {
            Stage::Before => self.first_request(),
            Stage::Case(number) => {
                let case = self.settings.cases.get(number)?;
                if (case.lacks)(&self.context).is_some() {
                    None
                } else {
                    (case.ask)(&self.context, &self.own)
                }
            }
            Stage::After => {
                let is_lost = self.own.iter().all(|exchange| exchange.is_dead && exchange.reply().is_none());
                (is_lost && self.own.len() < LAST_TRIES).then(|| Stimulus::one(self.control_octets()))
            }
            Stage::Done => None,
        }
    }

    /// A plain request, one under each key, and again what is not sure.
    fn first_request(&mut self) -> Option<Stimulus> {
        let request = self.context.request();
        let octets = match self.sanity.next()? {
            None => request.octets(),
            Some(key_id) => request.signed(self.context.key(key_id)?),
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
        self.kept += exchange.octets();
        if self.stage == Stage::Before {
            self.sanity.take(&exchange, &self.context);
            self.context.facts = self.sanity.facts();
        }
        self.count_gone(&exchange);
        self.own.push(exchange);
    }

    /// Counts how long the server has been gone.
    fn count_gone(&mut self, exchange: &Exchange) {
        let is_mute = exchange.is_dead && !exchange.is_limited && exchange.replies.is_empty();
        let slug = match self.stage {
            Stage::Case(number) => self.settings.cases.get(number).map_or(SANITY, |case| case.slug),
            Stage::Before | Stage::After | Stage::Done => SANITY,
        };
        self.gone = match self.gone {
            (0, _) if is_mute => (1, slug),
            (count, since) if is_mute => (count + 1, since),
            _ => (0, SANITY),
        };
    }

    /// Ends a run whose server has not answered for long.
    fn give_up(&mut self) {
        let (count, since) = self.gone;
        if count >= MOST_GONE && matches!(self.stage, Stage::Case(_)) {
            self.doubt();
            self.blame(since);
            self.abandon(&match since {
                SANITY => "the server has not answered since the first requests".to_owned(),
                case => format!("the server has not answered since {case}"),
            });
        }
    }

    /// Warns of the case after whose stimulus the server stopped.
    fn blame(&mut self, since: &str) {
        const EXPECTED: &str = "a server that answers others afterwards";
        let result = self.results.iter_mut().find(|result| result.case.slug == since);
        let Some(result) = result.filter(|result| result.judgement.outcome != Outcome::Fail) else { return };
        let actual =
            "nothing has been answered since this was asked: it hangs, is gone or limits its clients";
        let judgement = Judgement::warn(EXPECTED, actual);
        let shown = result.exchanges.iter().position(|exchange| exchange.is_dead);
        result.judgement = shown.map_or(judgement.clone(), |number| judgement.shown_by(number));
    }

    fn finish_stage(&mut self) {
        let own = std::mem::take(&mut self.own);
        let slug = match self.stage {
            Stage::Before => {
                self.learn();
                SANITY
            }
            Stage::Case(number) => self.judge(number, &own).unwrap_or(SANITY),
            Stage::After => {
                if own.iter().all(|exchange| exchange.is_dead && exchange.reply().is_none()) {
                    self.doubt();
                    self.blame(self.gone.1);
                    self.ended.get_or_insert_with(|| "the server did not answer at the end".to_owned());
                }
                SANITY
            }
            Stage::Done => return,
        };
        self.run.extend(own.into_iter().map(|exchange| (slug, exchange)));
        self.give_up();
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

    /// Asks no more of a server that answers nothing.
    fn learn(&mut self) {
        if let Some(reason) = self.sanity.is_hopeless() {
            self.abandon(reason);
        }
    }

    fn judge(&mut self, number: usize, own: &[Exchange]) -> Option<&'static str> {
        let case = *self.settings.cases.get(number)?;
        let judgement = match (case.lacks)(&self.context) {
            // What it lacks may be there: it is not known.
            Some(_) if self.context.hopefully(case.lacks).is_none() => Judgement::inconclusive(NOT_KNOWN),
            Some(reason) => Judgement::skip(reason),
            None => (case.judge)(&self.context, &Evidence { own, run: &self.run }),
        };
        let judgement = self.unless_limited(case, judgement);
        self.results.push(CaseResult { case, judgement, exchanges: own.to_vec() });
        Some(case.slug)
    }

    /// Where nothing but kisses came before the first case, only they are judged.
    fn unless_limited(&self, case: &Case, judgement: Judgement) -> Judgement {
        let is_of_rules = matches!(judgement.outcome, Outcome::Pass | Outcome::Info | Outcome::Warn);
        match self.sanity.is_limited() && is_of_rules && case.group() != KISSES {
            true => {
                Judgement::inconclusive(format!("the server serves nothing but kisses: {}", judgement.actual))
            }
            false => judgement,
        }
    }

    /// When the server does not answer at the end, what rests on a silence is in doubt, wherever in the run.
    fn doubt(&mut self) {
        for result in &mut self.results {
            let is_silent = result.exchanges.iter().any(|exchange| exchange.replies.is_empty());
            let is_doubtful =
                matches!(result.judgement.outcome, Outcome::Pass | Outcome::Info | Outcome::Warn);
            if is_silent && is_doubtful {
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
