//! What the messages whose MACs are wrong for no proved reason have in common, over a whole run.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use crate::auth::KeyId;
use crate::ntp::trailer::Tail;

use super::super::analyzer::Judged;
use super::super::verdict::{Reason, Status};
use super::is_to_server;

/// Key IDs of which counts are kept, and senders under all of them.
const MOST_KEYS: usize = 1_024;
const MOST_HOSTS: usize = 4_096;

/// Fewest wrong MACs that make a pattern.
const FEWEST: u64 = 2;

/// Frames that are named as evidence, at most.
const MOST_FRAMES: usize = 3;

/// What wrong MACs have in common. The names are part of the output's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PatternCode {
    /// Every message under a key ID.
    AllOfKey,
    /// Every message that a host sends under a key ID that works for others.
    AllOfHost,
    /// Those with extension fields, and no others.
    OnlyWithExtensionFields,
    /// Those to servers or those from servers, and no others.
    OneDirection,
    /// All from some time on, none before.
    AfterATime,
    /// All until some time, none after.
    UntilATime,
}

impl PatternCode {
    /// Every pattern.
    pub const ALL: [PatternCode; 6] = [
        PatternCode::AllOfKey,
        PatternCode::AllOfHost,
        PatternCode::OnlyWithExtensionFields,
        PatternCode::OneDirection,
        PatternCode::AfterATime,
        PatternCode::UntilATime,
    ];

    /// The identifier used in every output.
    pub fn name(self) -> &'static str {
        match self {
            PatternCode::AllOfKey => "all-of-key",
            PatternCode::AllOfHost => "all-of-host",
            PatternCode::OnlyWithExtensionFields => "only-with-extension-fields",
            PatternCode::OneDirection => "one-direction",
            PatternCode::AfterATime => "after-a-time",
            PatternCode::UntilATime => "until-a-time",
        }
    }

    /// The pattern of that name.
    pub fn from_name(name: &str) -> Option<PatternCode> {
        PatternCode::ALL.into_iter().find(|code| code.name() == name)
    }
}

/// A pattern with its evidence. `Display` is a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Which.
    pub code: PatternCode,
    /// Key ID of the messages.
    pub key_id: KeyId,
    /// The sender, where it is one host's.
    pub host: Option<IpAddr>,
    /// Whether they go to servers, where it is one direction's.
    pub to_server: Option<bool>,
    /// Messages whose MAC is wrong.
    pub messages: u64,
    /// Capture and frame of evidence: the first wrong ones, or the two between which something changed.
    pub frames: Vec<(usize, u64)>,
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pattern { key_id, messages, .. } = self;
        let frame = |index: usize| self.frames.get(index).map_or(0, |(_, frame)| *frame);
        match self.code {
            PatternCode::AllOfKey => {
                write!(formatter, "all {messages} MACs under key {key_id} are wrong: its secret differs")
            }
            PatternCode::AllOfHost => {
                let host = self.host.map(|host| host.to_string()).unwrap_or_default();
                write!(
                    formatter,
                    "all {messages} MACs of {host} under key {key_id} are wrong, and others' are right: \
                     its secret differs"
                )
            }
            PatternCode::OnlyWithExtensionFields => write!(
                formatter,
                "the {messages} wrong MACs under key {key_id} are those behind extension fields"
            ),
            PatternCode::OneDirection => {
                let way = if self.to_server == Some(true) { "to" } else { "from" };
                write!(formatter, "the {messages} wrong MACs under key {key_id} are those {way} servers")
            }
            PatternCode::AfterATime => write!(
                formatter,
                "key {key_id} is right up to frame {} and wrong from frame {} on: it was changed between",
                frame(0),
                frame(1)
            ),
            PatternCode::UntilATime => write!(
                formatter,
                "key {key_id} is wrong up to frame {} and right from frame {} on: it was changed between",
                frame(0),
                frame(1)
            ),
        }
    }
}

/// Counts messages by what they may have in common. Memory is bounded; key IDs and hosts beyond are not counted.
#[derive(Debug, Default)]
pub struct Patterns {
    keys: HashMap<KeyId, KeyTally>,
    hosts: HashMap<(KeyId, IpAddr), Tally>,
    messages: u64,
}

/// Right and wrong MACs.
#[derive(Clone, Debug, Default)]
struct Tally {
    right: u64,
    wrong: u64,
    frames: Vec<(usize, u64)>,
}

impl Tally {
    fn count(&mut self, is_right: bool, place: (usize, u64)) {
        if is_right {
            self.right += 1;
            return;
        }
        self.wrong += 1;
        if self.frames.len() < MOST_FRAMES {
            self.frames.push(place);
        }
    }

    fn is_all_wrong(&self) -> bool {
        self.wrong > 0 && self.right == 0
    }

    fn is_all_right(&self) -> bool {
        self.right > 0 && self.wrong == 0
    }
}

/// The first and the last of some messages, by their order in the run.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: (u64, (usize, u64)),
    last: (u64, (usize, u64)),
}

#[derive(Debug, Default)]
struct KeyTally {
    all: Tally,
    right: Option<Span>,
    wrong: Option<Span>,
    /// From and to servers.
    directions: [Tally; 2],
    /// Without and with extension fields.
    fields: [Tally; 2],
}

impl Patterns {
    /// Counts a message. Those whose fault is proved are neither right nor wrong here.
    pub fn count(&mut self, judged: &Judged<'_, '_>) {
        let is_right = match judged.verdict.status {
            Status::Valid => true,
            Status::Invalid => false,
            Status::UntrustedKey => judged.verdict.digest_matches == Some(true),
            Status::Unverifiable if judged.verdict.reason == Some(Reason::GuessedKey) => false,
            _ => return,
        };
        let is_explained = judged.diagnosis.is_some_and(|diagnosis| diagnosis.is_proved());
        let (Some(message), Some((reading, _))) = (judged.message, judged.verdict.reading) else { return };
        let Tail::Mac { key_id, .. } = reading.tail else { return };
        if is_explained && !is_right {
            return;
        }
        self.messages += 1;
        let (key_id, place) = (KeyId(key_id), (judged.capture, judged.frame));
        if self.keys.contains_key(&key_id) || self.keys.len() < MOST_KEYS {
            let tally = self.keys.entry(key_id).or_default();
            let (to_server, has_fields) = (is_to_server(&message), !reading.fields.is_empty());
            tally.count(is_right, to_server, has_fields, (self.messages, place));
        }
        let host = (key_id, judged.datagram.source.ip());
        if self.hosts.contains_key(&host) || self.hosts.len() < MOST_HOSTS {
            self.hosts.entry(host).or_default().count(is_right, place);
        }
    }

    /// The patterns that hold, by key ID.
    pub fn found(&self) -> Vec<Pattern> {
        let mut keys: Vec<_> = self.keys.iter().filter(|(_, tally)| tally.all.wrong >= FEWEST).collect();
        keys.sort_unstable_by_key(|(key_id, _)| **key_id);
        let found = keys.into_iter().flat_map(|(key_id, tally)| match tally.pattern(*key_id) {
            Some(pattern) => vec![pattern],
            None => self.of_hosts(*key_id),
        });
        found.collect()
    }

    fn of_hosts(&self, key_id: KeyId) -> Vec<Pattern> {
        let is_it = |tally: &Tally| tally.wrong >= FEWEST && tally.right == 0;
        let mut hosts: Vec<_> =
            self.hosts.iter().filter(|((id, _), tally)| *id == key_id && is_it(tally)).collect();
        hosts.sort_unstable_by_key(|((_, host), _)| *host);
        let pattern = |((_, host), tally): (&(KeyId, IpAddr), &Tally)| Pattern {
            host: Some(*host),
            ..Pattern::new(PatternCode::AllOfHost, key_id, tally)
        };
        hosts.into_iter().map(pattern).collect()
    }
}

impl KeyTally {
    fn count(&mut self, is_right: bool, to_server: bool, has_fields: bool, place: (u64, (usize, u64))) {
        self.all.count(is_right, place.1);
        for (tallies, index) in [(&mut self.directions, to_server), (&mut self.fields, has_fields)] {
            let [no, yes] = tallies;
            if index { yes } else { no }.count(is_right, place.1);
        }
        let span = if is_right { &mut self.right } else { &mut self.wrong };
        span.get_or_insert(Span { first: place, last: place }).last = place;
    }

    fn pattern(&self, key_id: KeyId) -> Option<Pattern> {
        let pattern = |code, tally: &Tally| Pattern::new(code, key_id, tally);
        if self.all.is_all_wrong() {
            return Some(pattern(PatternCode::AllOfKey, &self.all));
        }
        let (right, wrong) = (self.right?, self.wrong?);
        if right.last.0 < wrong.first.0 {
            let frames = vec![right.last.1, wrong.first.1];
            return Some(Pattern { frames, ..pattern(PatternCode::AfterATime, &self.all) });
        }
        if wrong.last.0 < right.first.0 {
            let frames = vec![wrong.last.1, right.first.1];
            return Some(Pattern { frames, ..pattern(PatternCode::UntilATime, &self.all) });
        }
        let [without, with] = &self.fields;
        if without.is_all_right() && with.is_all_wrong() {
            return Some(pattern(PatternCode::OnlyWithExtensionFields, with));
        }
        let [from, to] = &self.directions;
        let of_direction = |to_server, tally| Pattern {
            to_server: Some(to_server),
            ..pattern(PatternCode::OneDirection, tally)
        };
        if to.is_all_wrong() && from.is_all_right() {
            return Some(of_direction(true, to));
        }
        (from.is_all_wrong() && to.is_all_right()).then(|| of_direction(false, from))
    }
}

impl Pattern {
    fn new(code: PatternCode, key_id: KeyId, tally: &Tally) -> Pattern {
        let frames = tally.frames.clone();
        Pattern { code, key_id, host: None, to_server: None, messages: tally.wrong, frames }
    }
}
