//! What is said of a case.

use std::fmt;

use super::exchange::{Exchange, Received};

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// As it is asked for.
    Pass,
    /// As it is asked for, in one of several ways; which is told.
    Info,
    /// It was not asked: something for it is missing.
    Skip,
    /// Other than a text or most implementations have it, where they differ or where it is no MUST. It is no accusation.
    Warn,
    /// What was seen does not tell.
    Inconclusive,
    /// A failure that the baseline expects.
    ExpectedFail,
    /// The baseline expects a failure, and there is none.
    UnexpectedPass,
    /// Against what is asked for.
    Fail,
}

impl Outcome {
    /// Every outcome, the best first.
    pub const ALL: [Outcome; 8] = [
        Outcome::Pass,
        Outcome::Info,
        Outcome::Skip,
        Outcome::Warn,
        Outcome::Inconclusive,
        Outcome::ExpectedFail,
        Outcome::UnexpectedPass,
        Outcome::Fail,
    ];

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Info => "info",
            Outcome::Skip => "skip",
            Outcome::Warn => "warn",
            Outcome::Inconclusive => "inconclusive",
            Outcome::ExpectedFail => "expected-fail",
            Outcome::UnexpectedPass => "unexpected-pass",
            Outcome::Fail => "fail",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// True for what makes a run fail; `strict` counts warnings too.
    pub fn is_wrong(self, strict: bool) -> bool {
        match self {
            Outcome::Fail | Outcome::UnexpectedPass => true,
            Outcome::Warn => strict,
            _ => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// An outcome and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The outcome.
    pub outcome: Outcome,
    /// What would have been right; empty where that is what was seen.
    pub expected: String,
    /// What was seen, or why nothing can be said.
    pub actual: String,
    /// Which exchange shows it.
    pub exchange: Option<Shown>,
    /// Which reply of that exchange shows it, counted from zero, where there may be several.
    pub reply: Option<usize>,
}

/// An exchange that shows something, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Of those of the case.
    Own(usize),
    /// Of those of the run before the case.
    Run(usize),
}

impl Judgement {
    /// As it is asked for.
    pub fn pass(actual: impl Into<String>) -> Judgement {
        Judgement::new(Outcome::Pass, String::new(), actual.into())
    }

    /// One of several right ways.
    pub fn info(actual: impl Into<String>) -> Judgement {
        Judgement::new(Outcome::Info, String::new(), actual.into())
    }

    /// It was not asked.
    pub fn skip(reason: impl Into<String>) -> Judgement {
        Judgement::new(Outcome::Skip, String::new(), reason.into())
    }

    /// It cannot be told.
    pub fn inconclusive(reason: impl Into<String>) -> Judgement {
        Judgement::new(Outcome::Inconclusive, String::new(), reason.into())
    }

    /// Other than most have it.
    pub fn warn(expected: impl Into<String>, actual: impl Into<String>) -> Judgement {
        Judgement::new(Outcome::Warn, expected.into(), actual.into())
    }

    /// Against what is asked for.
    pub fn fail(expected: impl Into<String>, actual: impl Into<String>) -> Judgement {
        Judgement::new(Outcome::Fail, expected.into(), actual.into())
    }

    fn new(outcome: Outcome, expected: String, actual: String) -> Judgement {
        Judgement { outcome, expected, actual, exchange: None, reply: None }
    }

    /// The same, shown by that exchange of the case.
    #[must_use]
    pub fn shown_by(self, exchange: usize) -> Judgement {
        Judgement { exchange: Some(Shown::Own(exchange)), ..self }
    }

    /// The same, shown by that exchange of the run before the case.
    #[must_use]
    pub fn shown_in_run(self, exchange: usize) -> Judgement {
        Judgement { exchange: Some(Shown::Run(exchange)), ..self }
    }

    /// The same, shown by that reply of the exchange.
    #[must_use]
    pub fn shown_by_reply(self, exchange: &Exchange, reply: &Received) -> Judgement {
        Judgement { reply: exchange.replies.iter().position(|one| std::ptr::eq(one, reply)), ..self }
    }

    /// The worst of several, the first of those that are equally bad. Where there are none nothing was asked.
    pub fn worst(all: impl IntoIterator<Item = Judgement>) -> Judgement {
        let worse = |one: Judgement, other: Judgement| if other.outcome > one.outcome { other } else { one };
        all.into_iter().reduce(worse).unwrap_or_else(|| Judgement::skip("nothing of it was asked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_the_first_of_those() {
        let judgements = [
            Judgement::pass("fine"),
            Judgement::fail("a", "b").shown_by(1),
            Judgement::fail("c", "d").shown_by(2),
            Judgement::inconclusive("lost"),
        ];
        assert_eq!(Judgement::worst(judgements).exchange, Some(Shown::Own(1)));
        assert_eq!(Judgement::worst([]).outcome, Outcome::Skip);
    }

    #[test]
    fn warnings_are_wrong_where_it_is_strict() {
        assert!(Outcome::Fail.is_wrong(false) && Outcome::UnexpectedPass.is_wrong(false));
        assert!(Outcome::Warn.is_wrong(true) && !Outcome::Warn.is_wrong(false));
        assert!(!Outcome::ExpectedFail.is_wrong(true));
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
    }
}
