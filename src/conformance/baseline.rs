//! What is known of a server before it is asked: the deviations that it is expected to have.

use super::outcome::{Judgement, Outcome};
use super::runner::CaseResult;

/// Expected deviations, each with its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// What it is of: `chrony 4.3`.
    pub name: String,
    /// One for each case that does not pass.
    pub entries: Vec<Expected>,
}

/// A case that is expected not to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The case.
    pub slug: String,
    /// Its outcome: `fail` or `warn`.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

impl Baseline {
    /// Holds a result against what is expected: a deviation that is known is no failure, one that is gone is.
    pub fn apply(&self, result: &mut CaseResult) {
        let Some(expected) = self.entries.iter().find(|entry| entry.slug == result.case.slug) else { return };
        let judgement = &mut result.judgement;
        match judgement.outcome {
            outcome if outcome == expected.outcome => judgement.outcome = Outcome::ExpectedFail,
            Outcome::Skip | Outcome::Inconclusive => {}
            Outcome::Fail => {}
            outcome => {
                let (expected, actual) = (expected.outcome, judgement.actual.clone());
                *judgement = Judgement {
                    outcome: Outcome::UnexpectedPass,
                    expected: format!("{expected}, by the baseline"),
                    actual: format!("{outcome}: {actual}"),
                    exchange: judgement.exchange,
                };
            }
        }
    }

    /// The baseline that these results are as expected by. The reasons are what was seen.
    pub fn of(name: &str, results: &[CaseResult]) -> Baseline {
        let deviating =
            results.iter().filter(|result| matches!(result.judgement.outcome, Outcome::Fail | Outcome::Warn));
        let entries = deviating.map(|result| Expected {
            slug: result.case.slug.to_owned(),
            outcome: result.judgement.outcome,
            reason: result.judgement.actual.clone(),
        });
        Baseline { name: name.to_owned(), entries: entries.collect() }
    }
}
