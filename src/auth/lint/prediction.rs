//! What each host that a configuration names will be sent, and what must come back.
//!
//! Measured with ntp.org 4.2.8p15, NTPsec 1.2.2 and chrony 4.3 and 4.6.1: a daemon that does not have the key of an
//! association, or does not trust it, sends nothing there at all.

use crate::auth::algorithm::Algorithm;
use crate::auth::conf::Configuration;
use crate::auth::conf::uses::{Association, UsedKey};
use crate::auth::key::KeyId;
use crate::auth::keyfile::{Consequence, Dialect, EntryKey, KeyFile};

/// What an association shows on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction<'c> {
    /// The association.
    pub association: &'c Association,
    /// The program that is configured.
    pub program: Dialect,
    /// What is sent.
    pub sent: Sent,
}

/// What is sent to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Messages without a MAC.
    Plain {
        /// True when NTS protects them.
        nts: bool,
    },
    /// Messages with a MAC.
    Authenticated {
        /// The key.
        key_id: KeyId,
        /// Its algorithm, by the name that the file gives it where it cannot be computed here.
        algorithm: String,
        /// Octets of key ID and digest; `None` where they are not known.
        octets: Option<usize>,
        /// The version of NTP.
        version: u8,
    },
    /// Nothing.
    Nothing {
        /// The key, where the configuration names one.
        key_id: Option<KeyId>,
        /// Why.
        reason: Reason,
    },
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// What stands in the place of the key ID is none.
    NoKeyId,
    /// The key file has no such key.
    NotDefined,
    /// The line of the key gives no key.
    LineLost {
        /// The line.
        line: usize,
    },
    /// ntp.org refuses the file.
    FileRefused,
    /// The key is not in a `trustedkey` line.
    NotTrusted,
}

/// Predicts what a program that reads the key file as `reading` shows.
pub fn predict<'c>(configuration: &'c Configuration, reading: &KeyFile) -> Vec<Prediction<'c>> {
    let associations = &configuration.uses.associations;
    let program = reading.dialect;
    associations
        .iter()
        .map(|association| Prediction {
            association,
            program,
            sent: sent(association, configuration, reading),
        })
        .collect()
}

fn sent(association: &Association, configuration: &Configuration, reading: &KeyFile) -> Sent {
    let Some(UsedKey { id, .. }) = association.key else { return Sent::Plain { nts: association.nts } };
    let Some(key_id) = id else { return Sent::Nothing { key_id: None, reason: Reason::NoKeyId } };
    if let Some(reason) = why_unusable(key_id, configuration, reading) {
        return Sent::Nothing { key_id: Some(key_id), reason };
    }
    let entry = reading.entries.iter().find(|entry| entry.id() == key_id && !entry.superseded);
    let asked = association.version.unwrap_or(4);
    match entry.map(|entry| &entry.key) {
        Some(EntryKey::Ready(key)) => {
            let (version, octets) = version_and_octets(key.algorithm(), association.version, reading.dialect);
            Sent::Authenticated {
                key_id,
                algorithm: key.algorithm().name().to_owned(),
                octets: Some(octets),
                version,
            }
        }
        Some(EntryKey::Unsupported { type_name, .. }) => Sent::Authenticated {
            key_id,
            algorithm: type_name.to_ascii_lowercase(),
            octets: None,
            version: asked,
        },
        None => Sent::Nothing { key_id: Some(key_id), reason: Reason::NotDefined },
    }
}

/// Why a program cannot use a key, if it cannot.
pub fn why_unusable(key_id: KeyId, configuration: &Configuration, reading: &KeyFile) -> Option<Reason> {
    if matches!(reading.consequence, Consequence::FileRefused { .. }) {
        return Some(Reason::FileRefused);
    }
    if !reading.entries.iter().any(|entry| entry.id() == key_id) {
        let of_key = |problem: &&super::super::keyfile::Problem| problem.key_id == Some(key_id);
        let lost = reading.problems.iter().find(of_key);
        return Some(lost.map_or(Reason::NotDefined, |problem| Reason::LineLost { line: problem.line }));
    }
    let needs_trust = reading.dialect != Dialect::Chrony;
    let is_trusted = configuration.trusted.as_ref().is_some_and(|trusted| trusted.contains(key_id));
    (needs_trust && !is_trusted).then_some(Reason::NotTrusted)
}

/// The version that is sent and the octets of its MAC. chrony takes version 3 by itself for digests that version 4
/// would cut.
fn version_and_octets(algorithm: Algorithm, asked: Option<u8>, program: Dialect) -> (u8, usize) {
    let digest = algorithm.digest_length();
    let is_long = digest > LONGEST_CUT_DIGEST;
    let version = asked.unwrap_or(if is_long && program == Dialect::Chrony { 3 } else { 4 });
    let is_whole = program == Dialect::Chrony && version < 4;
    let kept = if is_whole { digest } else { digest.min(LONGEST_CUT_DIGEST) };
    (version, KEY_ID_LENGTH + kept)
}

const KEY_ID_LENGTH: usize = 4;

/// Most octets of a digest in a MAC of version 4.
const LONGEST_CUT_DIGEST: usize = 20;

impl Prediction<'_> {
    /// The stable name of what is sent: `plain`, `nts`, `authenticated`, `nothing`.
    pub fn code(&self) -> &'static str {
        match self.sent {
            Sent::Plain { nts: false } => "plain",
            Sent::Plain { nts: true } => "nts",
            Sent::Authenticated { .. } => "authenticated",
            Sent::Nothing { .. } => "nothing",
        }
    }

    /// The key, where one is named.
    pub fn key_id(&self) -> Option<KeyId> {
        match self.sent {
            Sent::Plain { .. } => None,
            Sent::Authenticated { key_id, .. } => Some(key_id),
            Sent::Nothing { key_id, .. } => key_id,
        }
    }

    /// What the wire will show, in a clause or two.
    pub fn wire(&self) -> String {
        match &self.sent {
            Sent::Plain { nts: false } => {
                "requests without a MAC; any reply counts, whoever sent it".to_owned()
            }
            Sent::Plain { nts: true } => {
                "requests protected by NTS; keys of the key file play no part".to_owned()
            }
            Sent::Authenticated { key_id, algorithm, octets, version } => {
                let length = octets.map_or(String::new(), |octets| format!(" of {octets} octets"));
                let advice = self.advice(*version, *octets);
                format!(
                    "version {version} requests with key ID {key_id} and a MAC{length} ({algorithm}); only replies \
                     with the same key count{advice}"
                )
            }
            Sent::Nothing { reason, .. } => format!("nothing is sent: {}", reason.tell(self.program)),
        }
    }

    fn advice(&self, version: u8, octets: Option<usize>) -> &'static str {
        let is_long = octets.is_some_and(|octets| octets > KEY_ID_LENGTH + LONGEST_CUT_DIGEST);
        match (is_long, version, self.program) {
            (true, 3, Dialect::Chrony) => {
                "; ntp.org and NTPsec answer no MAC of that length: with `version 4` it is cut to 24 octets, which \
                 NTPsec takes"
            }
            _ => "",
        }
    }
}

impl Reason {
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            Reason::NoKeyId => "no-key-id",
            Reason::NotDefined => "not-defined",
            Reason::LineLost { .. } => "line-lost",
            Reason::FileRefused => "file-refused",
            Reason::NotTrusted => "not-trusted",
        }
    }

    /// A clause.
    pub fn tell(self, program: Dialect) -> String {
        match self {
            Reason::NoKeyId => "no key ID follows the word key".to_owned(),
            Reason::NotDefined => "the key file has no such key".to_owned(),
            Reason::LineLost { line } => {
                format!("line {line} of the key file gives {} no key", program.title())
            }
            Reason::FileRefused => format!("{} refuses the key file", program.title()),
            Reason::NotTrusted => "no trustedkey line names the key".to_owned(),
        }
    }
}
