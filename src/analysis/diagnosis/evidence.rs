//! What a diagnosis consists of, and its sentences. No secret can stand in them: clauses are fixed words and numbers.

use std::fmt;

use crate::auth::keyfile::Dialect;
use crate::auth::keyring::Candidate;
use crate::auth::{Algorithm, KeyId};

use super::code::{Code, Codes};

/// Explanations of one message at most.
pub const MOST_EXPLANATIONS: usize = 3;

/// Changes between the MAC as expected and the MAC as sent, at most.
pub const MOST_EDITS: usize = 2;

/// What is known of why one message's MAC is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Diagnosis<'k> {
    pub(super) explanations: [Option<Explanation<'k>>; MOST_EXPLANATIONS],
    /// What was tried.
    pub tried: Tried,
}

impl<'k> Diagnosis<'k> {
    pub(super) fn untold(tried: Tried) -> Diagnosis<'k> {
        Diagnosis { explanations: [None; MOST_EXPLANATIONS], tried }
    }

    /// Adds an explanation unless there are [`MOST_EXPLANATIONS`].
    pub(super) fn add(&mut self, explanation: Explanation<'k>) {
        let free = self.explanations.iter_mut().find(|place| place.is_none());
        free.into_iter().for_each(|place| *place = Some(explanation));
    }

    /// Every proved explanation, the one with the fewest changes first. Empty when nothing matched.
    pub fn explanations(&self) -> impl Iterator<Item = &Explanation<'k>> {
        self.explanations.iter().flatten()
    }

    /// True when something was proved.
    pub fn is_proved(&self) -> bool {
        self.explanations.iter().any(Option::is_some)
    }

    /// The codes of all explanations.
    pub fn codes(&self) -> Codes {
        let mut codes = Codes::default();
        self.explanations().flat_map(Explanation::codes).for_each(|code| codes.insert(code));
        codes
    }
}

/// What was tried for one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Digests that were computed.
    pub digests: u32,
    /// The kinds of mistakes that they stand for.
    pub codes: Codes,
    /// Why not everything was tried; `None` when everything was.
    pub limit: Option<Limit>,
}

/// Why not everything was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The same sender, or too many senders, failed without a match under this key ID before.
    NotTriedAgain,
    /// The digests that one message may cost were used up.
    Message,
    /// The digests that one run may cost were used up.
    Run,
}

impl Limit {
    /// The identifier used in every output.
    pub fn code(self) -> &'static str {
        match self {
            Limit::NotTriedAgain => "not-tried-again",
            Limit::Message => "message-limit",
            Limit::Run => "run-limit",
        }
    }
}

impl fmt::Display for Tried {
    /// A sentence for when nothing matched.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.codes.iter().count();
        match self.limit {
            Some(Limit::NotTriedAgain) => {
                write!(formatter, "not tried again: earlier messages under this key ID matched nothing")
            }
            Some(Limit::Run) if self.digests == 0 => {
                write!(formatter, "not tried: this run has computed all the digests that it may")
            }
            None if self.digests == 0 => {
                write!(formatter, "nothing was tried: no key of the file gives a digest of that length")
            }
            limit => {
                let more = if limit.is_some() { ", and more were left out" } else { "" };
                write!(
                    formatter,
                    "none of {} digests matches ({kinds} kinds of mistakes were tried{more})",
                    self.digests
                )
            }
        }
    }
}

/// A proved way to come from the key file to the digest that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'k> {
    pub(super) edits: Edits,
    /// The key whose line is to be looked at.
    pub candidate: &'k Candidate,
    /// Label of its file.
    pub file: &'k str,
    /// The algorithm under which the digest is right.
    pub algorithm: Algorithm,
    /// Octets of digest that agree; at least 8.
    pub matching_octets: usize,
}

impl Explanation<'_> {
    /// The codes of all changes, all of which are needed; at least one.
    pub fn codes(&self) -> impl Iterator<Item = Code> {
        self.edits.iter().map(|edit| edit.code)
    }

    /// What to change, for each code: all of it is needed.
    pub fn advice(&self) -> impl Iterator<Item = &'static str> {
        self.codes().map(Code::advice)
    }
}

impl fmt::Display for Explanation<'_> {
    /// The evidence as a sentence.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, edit) in self.edits.iter().enumerate() {
            formatter.write_str(match (index, edit.code) {
                (0, Code::DigestNotTruncated) => "",
                (0, _) => "the digest is right if ",
                _ => " and ",
            })?;
            edit.clause.fmt(formatter)?;
        }
        Ok(())
    }
}

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) code: Code,
    pub(super) clause: Clause,
}

/// The words for one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// As they stand.
    Words(&'static str),
    /// With a number in place of `{}`.
    Number(&'static str, u32),
    /// Another program reads the line.
    Program(Dialect),
    /// Another algorithm than that of the key file.
    Algorithm { used: Algorithm, file: Algorithm },
    /// The key of another ID.
    Key { used: KeyId, claimed: KeyId },
    /// A cut digest.
    Digest { sent: usize, whole: usize },
}

impl fmt::Display for Clause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clause::Words(words) => formatter.write_str(words),
            Clause::Number(words, number) => {
                let (before, after) = words.split_once("{}").unwrap_or((words, ""));
                write!(formatter, "{before}{number}{after}")
            }
            Clause::Program(dialect) => write!(formatter, "the line is read as {} reads it", dialect.title()),
            Clause::Algorithm { used, file } => {
                write!(formatter, "the algorithm is {}, not {}", used.name(), file.name())
            }
            Clause::Key { used, claimed } => write!(formatter, "the key is {used}, not {claimed}"),
            Clause::Digest { sent, whole } => {
                write!(formatter, "only {sent} of its {whole} octets are compared")
            }
        }
    }
}

/// Up to [`MOST_EDITS`] changes, without allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edits([Option<Edit>; MOST_EDITS]);

impl Edits {
    /// With one more; `None` when there are too many.
    pub(super) fn and(mut self, code: Code, clause: Clause) -> Option<Edits> {
        let free = self.0.iter_mut().find(|place| place.is_none())?;
        *free = Some(Edit { code, clause });
        Some(self)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Edit> + use<> {
        self.0.into_iter().flatten()
    }

    /// True when the kinds of changes are the same, whatever their words.
    pub(super) fn is_like(&self, other: &Edits) -> bool {
        self.iter().map(|edit| edit.code).eq(other.iter().map(|edit| edit.code))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}
