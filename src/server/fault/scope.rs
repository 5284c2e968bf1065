//! Which requests a fault applies to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::auth::KeyId;
use crate::ntp::header::{HEADER_LENGTH, Version};
use crate::ntp::trailer::by_rule;
use crate::server::decision::{AnswerKind, Refusal, Silence};
use crate::server::responder::Planned;

use super::value;

/// What limits a fault. A request is in scope when all of it is true of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// From this time on, counted from the server's start.
    pub from: Duration,
    /// Until before this time; for ever without one.
    pub to: Option<Duration>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The key ID of the request's MAC.
    pub key: Option<KeyId>,
    /// What the request is like.
    pub request: Selectors,
    /// So many requests in scope are passed over first.
    pub after: u64,
    /// Of the others every Nth; every one when this is zero.
    pub every: u64,
    /// At most so many times.
    pub count: Option<u64>,
}

/// What a request must be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selectors {
    /// Its version.
    pub version: Option<Version>,
    /// Whether it has an extension field, by the rules of RFC 7822.
    pub has_field: Option<bool>,
    /// How many octets it has.
    pub octets: Option<Span>,
    /// The port that it was sent from.
    pub port: Option<Span>,
    /// Whether its octets are those of the same client's request before.
    pub repeats: Option<bool>,
}

/// Numbers from one to another, both of them too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) elapsed: Duration,
    pub(super) client: SocketAddr,
    pub(super) key: Option<KeyId>,
    pub(super) octets: &'a [u8],
    pub(super) repeats: bool,
}

/// What every fault takes, beside its own parameters.
pub(super) const SCOPE_NAMES: [&str; 12] = [
    "every",
    "after",
    "count",
    "client",
    "key",
    "from",
    "to",
    "request-version",
    "request-field",
    "request-octets",
    "request-port",
    "request-repeats",
];

impl Scope {
    /// True while the time is in scope.
    pub(super) fn is_open(&self, elapsed: Duration) -> bool {
        elapsed >= self.from && self.to.is_none_or(|to| elapsed < to)
    }

    /// True for a request in scope, whatever was counted.
    pub(super) fn holds(&self, seen: &Seen<'_>) -> bool {
        self.is_open(seen.elapsed)
            && self.client.is_none_or(|client| client.to_canonical() == seen.client.ip().to_canonical())
            && self.key.is_none_or(|key| seen.key == Some(key))
            && self.request.hold(seen)
    }

    /// Sets one of [`SCOPE_NAMES`]: whether its value was one, and what it should be. `None` for another name.
    pub(super) fn set(&mut self, key: &str, text: &str) -> Option<(Option<()>, &'static str)> {
        Some(match key {
            "every" => (value::from_one(text).map(|every| self.every = every), FROM_ONE),
            "after" => (text.parse().ok().map(|after| self.after = after), "a number"),
            "count" => (value::from_one(text).map(|count| self.count = Some(count)), FROM_ONE),
            "client" => (text.parse().ok().map(|client| self.client = Some(client)), "an IP address"),
            "key" => (text.parse().ok().map(|key| self.key = Some(KeyId(key))), "the ID of a key"),
            "from" => (value::duration(text).map(|from| self.from = from), value::DURATION),
            "to" => (value::duration(text).map(|to| self.to = Some(to)), value::DURATION),
            _ => return self.request.set(key, text),
        })
    }
}

impl Selectors {
    fn hold(&self, seen: &Seen<'_>) -> bool {
        let version = seen.octets.first().map(|first| Version::from_bits(first >> 3));
        self.version.is_none_or(|wanted| version == Some(wanted))
            && self.has_field.is_none_or(|wanted| has_field(seen.octets) == wanted)
            && self.octets.is_none_or(|span| span.contains(seen.octets.len()))
            && self.port.is_none_or(|span| span.contains(seen.client.port().into()))
            && self.repeats.is_none_or(|wanted| seen.repeats == wanted)
    }

    fn set(&mut self, key: &str, text: &str) -> Option<(Option<()>, &'static str)> {
        Some(match key {
            "request-version" => (value::version(text).map(|it| self.version = Some(it)), value::VERSION),
            "request-field" => (value::yes_or_no(text).map(|it| self.has_field = Some(it)), value::YES_OR_NO),
            "request-octets" => (value::span(text).map(|it| self.octets = Some(it)), value::SPAN),
            "request-port" => (value::span(text).map(|it| self.port = Some(it)), value::SPAN),
            "request-repeats" => (value::yes_or_no(text).map(|it| self.repeats = Some(it)), value::YES_OR_NO),
            _ => return None,
        })
    }
}

impl Span {
    fn contains(self, number: usize) -> bool {
        (usize::from(self.first)..=usize::from(self.last)).contains(&number)
    }
}

const FROM_ONE: &str = "a number from 1 on";

/// True for a request with an extension field behind its header.
fn has_field(octets: &[u8]) -> bool {
    let Some((header, trailer)) = octets.split_at_checked(HEADER_LENGTH) else { return false };
    let version = Version::from_bits(header.first().map_or(0, |first| first >> 3));
    by_rule(version, trailer).is_ok_and(|(reading, _)| !reading.fields.is_empty())
}

/// The key ID of a request, as far as the server has looked at it.
pub(super) fn key_of(correct: &Result<Planned<'_>, Silence>) -> Option<KeyId> {
    match correct {
        Ok(Planned { kind: AnswerKind::Authenticated(key_id), .. }) => Some(*key_id),
        Ok(Planned { kind: AnswerKind::Kiss { signed, .. }, .. }) => *signed,
        Ok(Planned { kind: AnswerKind::CryptoNak(refusal), .. }) | Err(Silence::Refused(refusal)) => {
            match refusal {
                Refusal::WrongDigest(id) | Refusal::UnknownKey(id) | Refusal::UntrustedKey(id) => Some(*id),
                Refusal::FieldsWithoutMac => None,
            }
        }
        _ => None,
    }
}

/// What a fault has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    seen: u64,
    applied: u64,
}

impl Counter {
    /// Counts one in scope, and says whether it is among those that the fault applies to.
    pub(super) fn counts(&mut self, scope: &Scope) -> bool {
        self.seen = self.seen.saturating_add(1);
        let Some(behind) = self.seen.checked_sub(scope.after).filter(|behind| *behind > 0) else {
            return false;
        };
        let is_due = behind.is_multiple_of(scope.every.max(1));
        let applies = is_due && scope.count.is_none_or(|count| self.applied < count);
        self.applied += u64::from(applies);
        applies
    }
}
