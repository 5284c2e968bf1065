//! Why a key cannot be written for a program or device.

use std::fmt;

use super::Format;
use crate::auth::algorithm::Algorithm;
use crate::auth::key::KeyId;

/// A key that a format has no spelling for. `Display` is the sentence without file and line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inexpressible {
    /// Number of the key's line where it was read, from 1.
    pub line: usize,
    /// The key.
    pub id: KeyId,
    /// The program or device.
    pub format: Format,
    /// Why not.
    pub reason: Reason,
}

/// What the format lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Its key IDs are others.
    KeyId {
        /// The largest; the smallest is 1.
        maximum: u32,
    },
    /// It does not know the algorithm.
    Algorithm(Algorithm),
    /// It knows the algorithm only within HMAC, which gives other digests.
    OnlyHmac(Algorithm),
    /// Some of its versions take the key and verify nothing with it: the digest is too long.
    DigestTooLong(Algorithm),
    /// Whether it knows the algorithm depends on how it was built.
    LibraryDependent(Algorithm),
    /// It takes no secret of so many octets.
    Length {
        /// Octets of the secret.
        octets: usize,
        /// Most that it takes.
        maximum: usize,
    },
    /// It takes texts, and the secret has octets that no text for it can have.
    NotText {
        /// Octets of the secret.
        octets: usize,
    },
    /// It takes short secrets as text alone, and the secret has octets that no text for it can have.
    ShortAndNotText {
        /// Octets of the secret.
        octets: usize,
        /// Fewest octets that it takes in hex.
        fewest: usize,
    },
    /// The secret is empty.
    Empty,
    /// It has no lists of addresses, so that the key would be taken from everywhere.
    Addresses,
    /// The line would be read as another key.
    ReadsOtherwise,
}

impl fmt::Display for Inexpressible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {}: {}", self.id, self.reason.of(self.format))
    }
}

impl Reason {
    /// The sentence that says so of a format.
    pub(crate) fn of(self, format: Format) -> Sentence {
        Sentence { format, reason: self }
    }
}

/// A reason in words.
pub(crate) struct Sentence {
    format: Format,
    reason: Reason,
}

impl fmt::Display for Sentence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.format.title();
        match self.reason {
            Reason::KeyId { maximum } => write!(formatter, "{program} has key IDs from 1 to {maximum}"),
            Reason::Algorithm(algorithm) => write!(formatter, "{program} does not know {}", algorithm.name()),
            Reason::OnlyHmac(algorithm) => write!(
                formatter,
                "{program} uses {} in HMAC only, whose digests are others",
                algorithm.name()
            ),
            Reason::DigestTooLong(algorithm) => write!(
                formatter,
                "{program} 4.2.8p18 loads {} keys and verifies nothing with them, because their digests are longer than \
                 20 octets",
                algorithm.name()
            ),
            Reason::LibraryDependent(algorithm) => {
                write!(formatter, "whether {program} knows {} depends on how it was built", algorithm.name())
            }
            Reason::Length { octets, maximum } => {
                write!(formatter, "the secret has {octets} octets, and {program} takes at most {maximum}")
            }
            Reason::NotText { octets } => write!(
                formatter,
                "{program} takes a text, and the secret of {octets} octets has some that cannot stand in one"
            ),
            Reason::ShortAndNotText { octets, fewest } => write!(
                formatter,
                "{program} takes secrets in hex from {fewest} octets on, and the secret of {octets} octets cannot be \
                 written as text"
            ),
            Reason::Empty => write!(formatter, "the secret is empty"),
            Reason::Addresses => write!(
                formatter,
                "{program} has no address lists, and without its own the key would be taken from everywhere"
            ),
            Reason::ReadsOtherwise => write!(formatter, "{program} would read another key from the line"),
        }
    }
}

impl Inexpressible {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.reason {
            Reason::KeyId { .. } => "give the key another ID on both sides",
            Reason::Algorithm(_)
            | Reason::OnlyHmac(_)
            | Reason::DigestTooLong(_)
            | Reason::LibraryDependent(_)
            | Reason::Length { .. }
            | Reason::NotText { .. }
            | Reason::ShortAndNotText { .. }
            | Reason::Empty => "give both sides a new key of a type and length that both can have",
            Reason::Addresses => "take the addresses out of the key file, if that is meant",
            Reason::ReadsOtherwise => return None,
        })
    }
}
