//! The keys that faults sign with, made once; and whether a fault has the keys that it needs.

use std::collections::BTreeMap;

use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::auth::key::{KeyIdentity, WrongSecretLength};
use crate::auth::{Algorithm, Key, KeyId, Keyring, Secret};
use crate::server::DraftTail;

use super::error::FaultError;
use super::random::Random;
use super::spec::Fault;
use super::table::{FaultKind, Group};

/// What a fault signs with in place of each key.
#[derive(Debug, Default)]
pub(super) struct Replacements<'k>(BTreeMap<(KeyId, KeyIdentity), Signer<'k>>);

#[derive(Debug)]
enum Signer<'k> {
    Made(Key),
    Known(&'k Key),
}

impl<'k> Replacements<'k> {
    /// Those of a fault; none where it signs with the right key.
    pub(super) fn new(fault: &Fault, keys: &'k Keyring, random: &mut Random) -> Replacements<'k> {
        let mut replacements = BTreeMap::new();
        for candidate in keys.candidates() {
            let key = &candidate.key;
            let signer = match fault.kind {
                FaultKind::OtherAlgorithm => of_other_algorithm(fault, key).ok().flatten().map(Signer::Made),
                FaultKind::WrongKey => of_other_secret(fault, key, keys, random).map(Signer::Made),
                FaultKind::OtherKeyId => of_other_id(fault, key, keys).map(Signer::Known),
                _ => None,
            };
            if let Some(signer) = signer {
                replacements.insert((key.id(), key.identity()), signer);
            }
        }
        Replacements(replacements)
    }

    /// What is signed with in place of `key`.
    pub(super) fn of(&self, key: &Key) -> Option<&Key> {
        Some(match self.0.get(&(key.id(), key.identity()))? {
            Signer::Made(key) => key,
            Signer::Known(key) => key,
        })
    }
}

/// The same key with another algorithm; `None` when it has that one.
fn of_other_algorithm(fault: &Fault, key: &Key) -> Result<Option<Key>, WrongSecretLength> {
    let usual = if key.algorithm() == Algorithm::Sha1 { Algorithm::Md5 } else { Algorithm::Sha1 };
    let algorithm = fault.parameters.algorithm.unwrap_or(usual);
    if algorithm == key.algorithm() {
        return Ok(None);
    }
    Key::new(key.id(), algorithm, key.secret().clone()).map(Some)
}

/// The same key with the secret of another, or with a random one where there is no other.
fn of_other_secret(fault: &Fault, key: &Key, keys: &Keyring, random: &mut Random) -> Option<Key> {
    let other = match fault.parameters.key_id {
        Some(key_id) => Some(&keys.lookup(key_id).first()?.key),
        None => next(keys, key, |other| other.secret().as_octets() != key.secret().as_octets()),
    };
    if other.is_some_and(|other| other.secret().as_octets() == key.secret().as_octets()) {
        return None;
    }
    let mut octets = match other {
        Some(other) => other.secret().as_octets().to_vec(),
        None => random.octets(key.secret().length().max(1)),
    };
    if let Some(length) = key.algorithm().secret_length() {
        // Ciphers take no other length; ntp.org's ntpd fills up with zeros and cuts.
        octets.resize(length, 0);
    }
    Key::new(key.id(), key.algorithm(), Secret::new(octets)).ok()
}

/// A key of another ID.
fn of_other_id<'k>(fault: &Fault, key: &Key, keys: &'k Keyring) -> Option<&'k Key> {
    match fault.parameters.key_id {
        Some(key_id) if key_id == key.id() => None,
        Some(key_id) => keys.lookup(key_id).first().map(|candidate| &candidate.key),
        None => next(keys, key, |_| true),
    }
}

/// The next key of another ID that is as wanted, in the order of IDs and round to the first.
fn next<'k>(keys: &'k Keyring, key: &Key, wanted: impl Fn(&Key) -> bool) -> Option<&'k Key> {
    let mut others = keys.candidates().map(|candidate| &candidate.key).filter(|other| wanted(other));
    let behind = others.find(|other| other.id() > key.id());
    let mut all = keys.candidates().map(|candidate| &candidate.key);
    behind.or_else(|| all.find(|other| other.id() != key.id() && wanted(other)))
}

/// The key that a message is signed with that nobody asked for: the one that is set, or the first trusted one.
pub(super) fn signing_key<'k>(fault: &Fault, keys: &'k Keyring) -> Option<&'k Key> {
    let wanted = fault.parameters.key_id.or(fault.scope.key);
    let is_wanted = |key: &&Key| wanted.map_or(keys.is_trusted(key.id()), |wanted| key.id() == wanted);
    keys.candidates().map(|candidate| &candidate.key).find(is_wanted)
}

/// A right MAC by `key`, cut as version 4 wants it.
pub(super) fn mac(key: &Key) -> DraftTail<'_> {
    let digest_length = key.algorithm().digest_length().min(TRUNCATED_LENGTH);
    DraftTail::Mac { key_id: key.id(), key, digest_length, covers_header_only: false }
}

impl Fault {
    /// Checks that there are the keys that the fault needs.
    ///
    /// # Errors
    /// What is missing, and which keys there are. A fault that fails here does nothing to replies that would need
    /// the key.
    pub fn check(&self, keys: &Keyring) -> Result<(), FaultError> {
        let fault = self.name();
        let known = || known(keys);
        for key_id in [self.parameters.key_id, self.scope.key].into_iter().flatten() {
            if keys.lookup(key_id).is_empty() {
                return Err(FaultError::UnknownKey { fault, key_id, known: known() });
            }
        }
        let needs = |needed| Err(FaultError::TooFewKeys { fault, needed, known: known() });
        let is_nak = matches!(self.kind, FaultKind::Nak | FaultKind::NakWrongOrigin);
        let needs_mac = self.kind.row().group == Group::Mac && !is_nak;
        if (needs_mac || self.parameters.signed == Some(true)) && known().is_empty() {
            return needs("a key");
        }
        match self.kind {
            FaultKind::OtherKeyId if known().len() < 2 => needs("a second key"),
            FaultKind::OtherAlgorithm => self.check_algorithm(keys),
            _ => Ok(()),
        }
    }

    /// The algorithm must do for one key in scope at least.
    fn check_algorithm(&self, keys: &Keyring) -> Result<(), FaultError> {
        let mut first = None;
        let in_scope = keys.candidates().filter(|it| self.scope.key.is_none_or(|key| key == it.key.id()));
        for candidate in in_scope {
            match of_other_algorithm(self, &candidate.key) {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => {}
                Err(wrong) => first = first.or(Some((candidate.key.id(), wrong))),
            }
        }
        match first {
            Some((key_id, wrong)) => Err(FaultError::SecretLength { fault: self.name(), key_id, wrong }),
            None => {
                let needed = "a key of another algorithm";
                Err(FaultError::TooFewKeys { fault: self.name(), needed, known: known(keys) })
            }
        }
    }
}

fn known(keys: &Keyring) -> Vec<KeyId> {
    let mut known: Vec<KeyId> = keys.candidates().map(|candidate| candidate.key.id()).collect();
    known.dedup();
    known
}
