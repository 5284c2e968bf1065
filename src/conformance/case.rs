//! What a case is.

use super::context::Context;
use super::exchange::{Evidence, Exchange, Stimulus};
use super::outcome::Judgement;

/// How strongly something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The source says MUST, or nothing works without it.
    Must,
    /// The source says SHOULD, or all but few do it.
    Should,
    /// Both ways are right.
    May,
    /// No text asks for it: what implementations do.
    Observed,
}

impl Level {
    /// Every level, the strongest first.
    pub const ALL: [Level; 4] = [Level::Must, Level::Should, Level::May, Level::Observed];

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "must",
            Level::Should => "should",
            Level::May => "may",
            Level::Observed => "observed",
        }
    }
}

/// One thing that is asked of a server, and how what it does is judged.
#[derive(Debug)]
pub struct Case {
    /// What it is called, for ever: `auth/wrong-digest`.
    pub slug: &'static str,
    /// RFC and section, or `practice` and the implementations that agree.
    pub source: &'static str,
    /// How strongly it is asked for.
    pub level: Level,
    /// The requirement, in a line.
    pub summary: &'static str,
    /// Why it matters, in a sentence or two.
    pub why: &'static str,
    /// Which implementations do otherwise, as was measured; empty where none is known to.
    pub differs: &'static str,
    /// Why it cannot be asked here; `None` where it can: most want nothing, some a key.
    pub lacks: fn(&Context) -> Option<&'static str>,
    /// What is asked next, after the exchanges so far; `None` at the end. It is called again for each, so that random
    /// values are new each time.
    pub ask: fn(&Context, &[Exchange]) -> Option<Stimulus>,
    /// What is to be said of the exchanges.
    pub judge: fn(&Context, &Evidence<'_>) -> Judgement,
}

/// The words of a source by which its cases can be selected: RFCs, `draft` and `practice`.
pub(super) fn tags_of(source: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let mut words = source.split(|character: char| !character.is_ascii_alphanumeric()).peekable();
    while let Some(word) = words.next() {
        let tag = match (word, words.peek()) {
            ("RFC", Some(number)) => format!("rfc{number}"),
            ("draft", _) => "draft".to_owned(),
            (word, _) if word.eq_ignore_ascii_case("practice") => "practice".to_owned(),
            _ => continue,
        };
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

impl Case {
    /// Words by which it can be selected: the RFCs that it rests on, `practice`, and `needs-key` where it asks under a
    /// key that the server honours.
    pub fn tags(&self) -> Vec<String> {
        let mut tags = tags_of(self.source);
        if (self.lacks)(&Context::without_keys()).is_some() {
            tags.push("needs-key".to_owned());
        }
        tags
    }

    /// The first part of the slug.
    pub fn group(&self) -> &'static str {
        self.slug.split('/').next().unwrap_or(self.slug)
    }
}
