//! What is known of a server or client before it is tested: the deviations that it is expected to have.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::outcome::{Judgement, Outcome};
use super::runner::CaseResult;
use super::{catalogue, client};

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

/// Why text is no baseline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// It is no TOML of that shape.
    #[error("{0}")]
    Shape(String),
    /// It names a case that there is not.
    #[error("{0}: no case of that name")]
    Case(String),
    /// It has a case twice.
    #[error("{0}: stands there twice")]
    Twice(String),
    /// It does not say why.
    #[error("{0}: its reason is empty")]
    Reason(String),
    /// It expects what is no deviation.
    #[error("{slug}: expected to be {outcome}, and only fail and warn can be expected")]
    Outcome {
        /// The case.
        slug: String,
        /// What is expected.
        outcome: String,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    expected: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: String,
    outcome: String,
    reason: String,
}

impl Baseline {
    /// Reads a baseline in TOML: `name`, and for each deviation `[[expected]]` with `case`, `outcome` and `reason`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Baseline, BaselineError> {
        let file: File = toml::from_str(text).map_err(|error| BaselineError::Shape(error.to_string()))?;
        let entries = file.expected.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let mut known = BTreeSet::new();
        match entries.iter().find(|entry| !known.insert(&entry.slug)) {
            Some(twice) => Err(BaselineError::Twice(twice.slug.clone())),
            None => Ok(Baseline { name: file.name, entries }),
        }
    }

    /// The cases of which it expects something that these results say nothing about: they were skipped, or not selected.
    pub fn untried(&self, results: &[CaseResult]) -> Vec<&str> {
        let is_tried = |slug: &str| {
            let found = results.iter().find(|result| result.case.slug == slug);
            found.is_some_and(|result| result.judgement.outcome != Outcome::Skip)
        };
        let slugs = self.entries.iter().map(|entry| entry.slug.as_str());
        slugs.filter(|slug| !is_tried(slug)).collect()
    }

    /// Writes it as TOML.
    pub fn to_toml(&self) -> String {
        let entry = |entry: &Expected| Entry {
            case: entry.slug.clone(),
            outcome: entry.outcome.name().to_owned(),
            reason: entry.reason.clone(),
        };
        let file = File { name: self.name.clone(), expected: self.entries.iter().map(entry).collect() };
        toml::to_string(&file).unwrap_or_default()
    }

    /// Holds a result against what is expected: a deviation that is known is no failure, one that is gone is.
    pub fn apply(&self, result: &mut CaseResult) {
        self.hold(result.case.slug, &mut result.judgement);
    }

    /// The same for what was judged of a case of that name.
    pub fn hold(&self, slug: &str, judgement: &mut Judgement) {
        let Some(expected) = self.entries.iter().find(|entry| entry.slug == slug) else { return };
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
                    reply: judgement.reply,
                };
            }
        }
    }

    /// The baseline that these results are as expected by. The reasons are what was seen.
    pub fn of(name: &str, results: &[CaseResult]) -> Baseline {
        Baseline::of_judged(name, results.iter().map(|result| (result.case.slug, &result.judgement)))
    }

    /// The same of what was judged of cases by their names.
    pub fn of_judged<'r>(name: &str, judged: impl Iterator<Item = (&'r str, &'r Judgement)>) -> Baseline {
        let deviating =
            judged.filter(|(_, judgement)| matches!(judgement.outcome, Outcome::Fail | Outcome::Warn));
        let entries = deviating.map(|(slug, judgement)| Expected {
            slug: slug.to_owned(),
            outcome: judgement.outcome,
            reason: reason(judgement),
        });
        Baseline { name: name.to_owned(), entries: entries.collect() }
    }
}

/// What was seen, or else what was not.
fn reason(judgement: &Judgement) -> String {
    match judgement.actual.trim().is_empty() {
        true => format!("not {}", judgement.expected),
        false => judgement.actual.clone(),
    }
}

fn entry(entry: Entry) -> Result<Expected, BaselineError> {
    let Entry { case, outcome, reason } = entry;
    if catalogue::find(&case).is_none() && client::catalogue::find(&case).is_none() {
        return Err(BaselineError::Case(case));
    }
    if reason.trim().is_empty() {
        return Err(BaselineError::Reason(case));
    }
    match Outcome::from_name(&outcome) {
        Some(known @ (Outcome::Fail | Outcome::Warn)) => Ok(Expected { slug: case, outcome: known, reason }),
        _ => Err(BaselineError::Outcome { slug: case, outcome }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"chrony 4.3\"\n\n[[expected]]\ncase = \"header/length\"\noutcome = \"warn\"\nreason = \"adds a field\"\n";

    fn result(outcome: Outcome) -> CaseResult {
        let case = catalogue::find("header/length").unwrap();
        let judgement = Judgement { outcome, ..Judgement::pass("what was seen") };
        CaseResult { case, judgement, exchanges: Vec::new() }
    }

    #[test]
    fn what_is_expected_is_no_failure_and_what_is_gone_is_one() {
        let baseline = Baseline::parse(TEXT).unwrap();
        for (outcome, held) in [
            (Outcome::Warn, Outcome::ExpectedFail),
            (Outcome::Pass, Outcome::UnexpectedPass),
            (Outcome::Info, Outcome::UnexpectedPass),
            (Outcome::Fail, Outcome::Fail),
            (Outcome::Skip, Outcome::Skip),
            (Outcome::Inconclusive, Outcome::Inconclusive),
        ] {
            let mut result = result(outcome);
            baseline.apply(&mut result);
            assert_eq!(result.judgement.outcome, held, "{outcome}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let baseline = Baseline::parse(TEXT).unwrap();
        assert_eq!(Baseline::parse(&baseline.to_toml()).unwrap(), baseline);
        let of = Baseline::of("x", &[result(Outcome::Fail), result(Outcome::Pass)]);
        assert_eq!(of.entries.len(), 1);
    }

    #[test]
    fn what_is_wrong_with_one_is_told() {
        let told = |from: &str, to: &str| Baseline::parse(&TEXT.replace(from, to)).unwrap_err().to_string();
        assert_eq!(told("header/length", "header/none"), "header/none: no case of that name");
        assert!(told("warn", "pass").contains("expected to be pass"));
        assert!(told("reason", "why").contains("unknown field `why`"));
        assert_eq!(told("adds a field", " "), "header/length: its reason is empty");
        let entry = TEXT.split_once('[').unwrap().1;
        let twice = Baseline::parse(&format!("{TEXT}\n[{entry}")).unwrap_err();
        assert_eq!(twice.to_string(), "header/length: stands there twice");
    }

    #[test]
    fn what_was_not_asked_is_known() {
        let baseline = Baseline::parse(TEXT).unwrap();
        assert_eq!(baseline.untried(&[result(Outcome::Skip)]), ["header/length"]);
        assert_eq!(baseline.untried(&[]), ["header/length"]);
        assert!(baseline.untried(&[result(Outcome::Pass)]).is_empty());
    }
}
