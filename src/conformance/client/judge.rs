//! What is to be said of a client, by what it believed.

use std::sync::Arc;

use crate::auth::{KeyId, Keyring};
use crate::conformance::case::Level;
use crate::conformance::outcome::Judgement;

use super::case::{ClientCase, FaultTest, Proof, Test};
use super::phase::{Belief, Evidence, Phase, PhaseKind};

/// What is known of a run.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The keys of the server.
    pub keys: Arc<Keyring>,
    /// The key that the client is to ask with; `None` where it has none.
    pub key: Option<KeyId>,
    /// Whether the client begins anew in each phase, so that it believes nothing at its begin.
    pub fresh: bool,
    /// On how many addresses it is served.
    pub servers: usize,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub struct ClientResult {
    /// The case.
    pub case: &'static ClientCase,
    /// What is said of it.
    pub judgement: Judgement,
    /// What it rests on.
    pub phases: Vec<Phase>,
}

/// Judges a case by its phases: right service, the fault, right service again. For what is seen in requests alone, all
/// phases of right service.
pub fn judge(case: &ClientCase, phases: &[Phase], setting: &Setting) -> Judgement {
    match &case.test {
        Test::Wire(judge) => judge(phases, setting),
        Test::Fault(test) => judge_fault(case, test, phases, setting),
    }
}

fn judge_fault(case: &ClientCase, test: &FaultTest, phases: &[Phase], setting: &Setting) -> Judgement {
    let [before, faulty, after @ ..] = phases else {
        return Judgement::inconclusive("it was not run to its end");
    };
    if let Some(why) = why_unfit(before) {
        return Judgement::inconclusive(format!("served rightly, {why}"));
    }
    let judgement = match faulty.with_faults(test.shown_by).next() {
        Some(_) => judge_belief(case, test, faulty, setting),
        None => judge_without(test, faulty),
    };
    let is_right = matches!(judgement.outcome, crate::conformance::Outcome::Pass);
    match after.first().and_then(why_unfit) {
        Some(why) if is_right && test.proof != Proof::MayGiveUp => {
            Judgement::inconclusive(format!("{}; served rightly again, {why}", judgement.actual))
        }
        _ => judgement,
    }
}

/// Nothing with the fault was sent: for a late reply, the client may have ended before.
fn judge_without(test: &FaultTest, faulty: &Phase) -> Judgement {
    let count = faulty.requests.len();
    match faulty.told() {
        Some(told) if test.shown_by == ["late"] && count > 0 && told.belief == Belief::Unsynchronised => {
            Judgement::pass(format!("{}; it did not wait for the reply", sentence(told)))
        }
        _ => Judgement::inconclusive(format!("the fault is in nothing that was sent: {count} requests came")),
    }
}

fn judge_belief(case: &ClientCase, test: &FaultTest, faulty: &Phase, setting: &Setting) -> Judgement {
    let Some(told) = faulty.told() else {
        return Judgement::inconclusive("nothing tells what the client believed");
    };
    let actual = sentence(told);
    match (test.proof, told.belief) {
        (_, Belief::Untold) => Judgement::inconclusive("nothing tells what the client believed"),
        (_, Belief::Died) => Judgement::fail("a client that goes on", actual),
        (Proof::Survives, _) => Judgement::info(actual),
        (Proof::Believes, belief) => judge_availability(case, test, faulty, belief, actual),
        (_, Belief::Unsynchronised) => Judgement::pass(actual),
        (proof, Belief::Synchronised(offset)) => {
            let believes = believes(proof, offset, faulty.shift, setting.fresh);
            judge_believed(case, test, faulty, believes, actual)
        }
    }
}

/// Whether a time is one that only what is faulty tells; `None` where that cannot be said.
fn believes(proof: Proof, offset: Option<f64>, shift: f64, fresh: bool) -> Option<bool> {
    let nothing_else = fresh && proof != Proof::RejectsShifted;
    match offset {
        _ if nothing_else => Some(true),
        Some(offset) => Some(offset.abs() >= shift.abs() / 4.0),
        None => None,
    }
}

fn judge_believed(
    case: &ClientCase,
    test: &FaultTest,
    faulty: &Phase,
    believes: Option<bool>,
    actual: String,
) -> Judgement {
    let is_shown = |reply: &super::phase::Reply| test.shown_by.iter().all(|name| reply.faults.contains(name));
    match believes {
        None => Judgement::inconclusive(format!("{actual}; how far it is off is not told")),
        Some(false) => Judgement::pass(actual),
        // The clock that is off is told by what has no fault, too: that it is right to believe.
        Some(true)
            if !test.primed && test.shift == super::Shift::Clock && !faulty.replies.iter().all(is_shown) =>
        {
            Judgement::inconclusive(format!("{actual}; replies without the fault were sent, too"))
        }
        Some(true) => deviates(case, "no time believed of what has the fault", actual),
    }
}

fn judge_availability(
    case: &ClientCase,
    test: &FaultTest,
    faulty: &Phase,
    belief: Belief,
    actual: String,
) -> Judgement {
    let is_right = |offset: Option<f64>| offset.is_none_or(|offset| offset.abs() < RIGHT);
    let mut sent =
        faulty.replies.iter().filter(|reply| !reply.faults.iter().any(|name| test.shown_by.contains(name)));
    match belief {
        Belief::Synchronised(offset) if is_right(offset) => Judgement::pass(actual),
        // After a fault that takes the place of the reply there must have been another one.
        _ if test.shown_by.contains(&"nak") && sent.next().is_none() => {
            Judgement::info(format!("{actual}; it asked no more after the fault"))
        }
        _ => deviates(case, "the right time all the same", actual),
    }
}

/// How near a time is that is right: those of loopback and of a local network are much nearer.
const RIGHT: f64 = 0.5;

fn deviates(case: &ClientCase, expected: &str, actual: String) -> Judgement {
    match case.level {
        Level::Must => Judgement::fail(expected, actual),
        Level::Should | Level::Observed => Judgement::warn(expected, actual),
        Level::May => Judgement::info(actual),
    }
}

/// Why a phase of right service does not show that the client works; `None` where it does.
pub fn why_unfit(phase: &Phase) -> Option<String> {
    let heard = format!("{} requests came", phase.requests.len());
    let Some(told) = phase.told() else {
        return Some(format!("nothing tells what the client believed ({heard})"));
    };
    match told.belief {
        _ if phase.kind != PhaseKind::Correct => Some("it was not served rightly".to_owned()),
        Belief::Synchronised(offset) if offset.is_none_or(|offset| offset.abs() < RIGHT) => None,
        _ => Some(format!("{} ({heard})", sentence(told))),
    }
}

/// What a source tells, in words.
pub fn sentence(told: &Evidence) -> String {
    let by = told.source.phrase();
    let detail = if told.detail.is_empty() { String::new() } else { format!(": {}", told.detail) };
    match told.belief {
        Belief::Synchronised(Some(offset)) => {
            format!("{by} it believes a time that is {offset:+.3} s from its own{detail}")
        }
        Belief::Synchronised(None) => format!("{by} it believes the server{detail}"),
        Belief::Unsynchronised => format!("{by} it believes no time{detail}"),
        Belief::Died => format!("{by} it died{detail}"),
        Belief::Untold => format!("{by} nothing is told{detail}"),
    }
}
