//! Trying the hypotheses of the plan on one message, within a budget.

use crate::auth::KeyId;
use crate::ntp::extension::ExtensionField;
use crate::ntp::message::Message;
use crate::ntp::trailer::{KEY_ID_LENGTH, Reading, Tail};

use super::attempt::{Attempt, Budget, FEWEST_OCTETS, Outcome, Target};
use super::evidence::{Diagnosis, Limit, MOST_EXPLANATIONS, Tried};
use super::plan::{Plan, STEPS, Scope, Shelf};
use crate::analysis::verdict::Verdict;
use crate::auth::algorithm::LONGEST_DIGEST;

/// Ways to read one message's trailer that are tried, at most.
const MOST_TARGETS: usize = 4;

/// A key ID that a message may claim, and the MAC behind it.
pub(super) type Claim<'a> = (KeyId, Target<'a>);

/// The MACs that the octets may be meant as: that of the verdict, or else whatever has room for 8 octets of digest.
pub(super) fn claims<'a>(message: &Message<'a>, verdict: &Verdict<'a, '_>) -> Vec<Claim<'a>> {
    if let Some((reading, _)) = verdict.reading {
        return claim(message, &reading).into_iter().collect();
    }
    let readings = message.mac_readings().chain(odd_readings(message));
    let mut claims: Vec<Claim<'a>> = Vec::new();
    for (key_id, target) in readings.filter_map(|reading| claim(message, &reading)) {
        if claims.iter().all(|(_, known)| known.covered != target.covered) && claims.len() < MOST_TARGETS {
            claims.push((key_id, target));
        }
    }
    claims
}

fn claim<'a>(message: &Message<'a>, reading: &Reading<'a>) -> Option<Claim<'a>> {
    let Tail::Mac { key_id, digest } = reading.tail else { return None };
    let covered = message.covered(reading).len();
    let possible = (FEWEST_OCTETS..=LONGEST_DIGEST + 2 * KEY_ID_LENGTH).contains(&digest.len());
    possible.then(|| (KeyId(key_id), Target::new(message, covered, digest)))
}

/// Readings that no rule allows: all of the trailer a MAC, or all that is left behind whole extension fields, or all
/// that is left behind the data of a control message.
fn odd_readings<'a>(message: &Message<'a>) -> impl Iterator<Item = Reading<'a>> + use<'a> {
    let (trailer, behind) = match message {
        Message::Time(time) => {
            let mut behind = time.trailer();
            while ExtensionField::take(&mut behind).is_some() {}
            (time.trailer(), behind)
        }
        Message::Control(control) => {
            let data = usize::from(control.count);
            let rest = control.rest();
            (rest.get(data..).unwrap_or_default(), rest.get(data.next_multiple_of(4)..).unwrap_or_default())
        }
        Message::Private(_) => (&[][..], &[][..]),
    };
    [trailer, behind].into_iter().filter_map(|tail| {
        let (key_id, digest) = tail.split_first_chunk::<KEY_ID_LENGTH>()?;
        Some(Reading { fields: &[], tail: Tail::Mac { key_id: u32::from_be_bytes(*key_id), digest } })
    })
}

/// What was found, with the hypotheses that matched, for trying them first the next time.
pub(super) struct Found<'k> {
    pub(super) diagnosis: Diagnosis<'k>,
    pub(super) attempts: Vec<Attempt<'k>>,
}

/// Tries every step until one matches or the budget is used up.
pub(super) fn search<'k>(
    claims: &[Claim<'_>],
    own: &Shelf<'k>,
    all: &[Shelf<'k>],
    budget: &mut Budget,
) -> Found<'k> {
    let before = budget.digests;
    let mut trial = Trial { found: Found::nothing(), budget };
    for (key_id, target) in claims {
        let scope = Scope::new(own, all, *key_id);
        let mut plan = Plan::default();
        for step in STEPS {
            step(&scope, &mut plan);
            trial.run(plan.take().into_iter(), target);
            if !trial.found.attempts.is_empty() || trial.found.diagnosis.tried.limit.is_some() {
                break;
            }
        }
        if !trial.found.attempts.is_empty() {
            break;
        }
    }
    let mut found = trial.found;
    found.diagnosis.tried.digests = before - budget.digests;
    found
}

/// Tries hypotheses that are known. `None` when none of them matches.
pub(super) fn try_again<'k>(
    known: &[Attempt<'k>],
    claims: &[Claim<'_>],
    budget: &mut Budget,
) -> Option<Diagnosis<'k>> {
    let before = budget.digests;
    for (_, target) in claims {
        let mut diagnosis = Diagnosis::untold(Tried::default());
        for attempt in known {
            if let Outcome::Matches(explanations) = attempt.run(target, budget) {
                explanations.into_iter().for_each(|explanation| diagnosis.add(explanation));
            }
        }
        if diagnosis.is_proved() {
            diagnosis.tried.digests = before - budget.digests;
            return Some(diagnosis);
        }
    }
    None
}

struct Trial<'k, 'b> {
    found: Found<'k>,
    budget: &'b mut Budget,
}

impl<'k> Trial<'k, '_> {
    fn run(&mut self, attempts: impl Iterator<Item = Attempt<'k>>, target: &Target<'_>) {
        for attempt in attempts {
            let tried = &mut self.found.diagnosis.tried;
            match attempt.run(target, self.budget) {
                Outcome::NotComputed => continue,
                Outcome::TooDear => {
                    tried.limit = Some(Limit::Message);
                    return;
                }
                Outcome::Differs => {}
                Outcome::Matches(explanations) => {
                    explanations.into_iter().for_each(|found| self.found.diagnosis.add(found));
                    if self.found.attempts.len() < MOST_EXPLANATIONS {
                        self.found.attempts.push(attempt);
                        continue;
                    }
                }
            }
            let edits = attempt.changes().flat_map(|change| change.edits.iter());
            edits.for_each(|edit| self.found.diagnosis.tried.codes.insert(edit.code));
        }
    }
}

impl Found<'_> {
    fn nothing() -> Self {
        Found { diagnosis: Diagnosis::untold(Tried::default()), attempts: Vec::new() }
    }
}
