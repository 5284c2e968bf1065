//! What each host that a configuration names will be sent, and what must come back.
//!
//! Measured with ntp.org 4.2.8p15, NTPsec 1.2.2 and chrony 4.3 and 4.6.1: a daemon that does not have the key of an
//! association, or does not trust it, sends nothing there at all.

use crate::auth::conf::Configuration;
use crate::auth::conf::uses::{Association, UsedKey};
use crate::auth::key::{Key, KeyId};
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
        /// True when the MAC holds a part of the digest alone.
        is_cut: bool,
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
    match entry.map(|entry| &entry.key) {
        Some(EntryKey::Ready(key)) => with_key(key, association.version, reading.dialect),
        Some(EntryKey::Unsupported { type_name, .. }) => {
            let (algorithm, version) = (type_name.to_ascii_lowercase(), association.version.unwrap_or(4));
            Sent::Authenticated { key_id, algorithm, octets: None, version, is_cut: false }
        }
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

/// What is sent with a key. chrony takes version 3 by itself for digests that version 4 would cut.
fn with_key(key: &Key, asked: Option<u8>, program: Dialect) -> Sent {
    let digest = key.algorithm().digest_length();
    let is_long = digest > LONGEST_CUT_DIGEST;
    let version = asked.unwrap_or(if is_long && program == Dialect::Chrony { 3 } else { 4 });
    let is_cut = is_long && (program != Dialect::Chrony || version > 3);
    let kept = if is_cut { LONGEST_CUT_DIGEST } else { digest };
    Sent::Authenticated {
        key_id: key.id(),
        algorithm: key.algorithm().name().to_owned(),
        octets: Some(KEY_ID_LENGTH + kept),
        version,
        is_cut,
    }
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
            Sent::Authenticated { key_id, algorithm, octets, version, is_cut } => {
                let length = octets.map_or(String::new(), |octets| format!(" of {octets} octets"));
                let advice = self.advice(*octets, *is_cut);
                format!(
                    "version {version} requests with key ID {key_id} and a MAC{length} ({algorithm}); only replies \
                     with the same key count{advice}"
                )
            }
            Sent::Nothing { reason, .. } => format!("nothing is sent: {}", reason.tell(self.program)),
        }
    }

    fn advice(&self, octets: Option<usize>, is_cut: bool) -> &'static str {
        let is_long = octets.is_some_and(|octets| octets > KEY_ID_LENGTH + LONGEST_CUT_DIGEST);
        match self.program {
            Dialect::Chrony if is_long => {
                "; ntp.org and NTPsec answer no MAC of that length: with `version 4` it is cut to 24 octets, which \
                 NTPsec takes"
            }
            Dialect::Ntpsec if is_cut => "; ntp.org does not verify it",
            Dialect::NtpOrg if is_cut => "; that of 4.2.8p18 is longer, and nothing verifies it",
            _ => "",
        }
    }
}

impl Reason {
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
