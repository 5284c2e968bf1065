//! The keys that faults sign with; and whether a fault has the keys that it needs.

use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::auth::key::WrongSecretLength;
use crate::auth::{Algorithm, Key, KeyId, Keyring, Secret};
use crate::server::DraftTail;

use super::error::FaultError;
use super::random::Random;
use super::spec::Fault;
use super::table::{FaultKind, Group};
use super::value::Form;

/// The keys that faults sign with.
#[derive(Debug)]
pub(super) struct Signers<'k> {
    keyring: &'k Keyring,
    /// All of them, by ascending ID.
    keys: Vec<&'k Key>,
    /// Where secrets come from that are made up.
    seed: u64,
}

impl<'k> Signers<'k> {
    pub(super) fn new(keyring: &'k Keyring, seed: u64) -> Signers<'k> {
        let keys = keyring.candidates().map(|candidate| &candidate.key).collect();
        Signers { keyring, keys, seed }
    }

    pub(super) fn keyring(&self) -> &'k Keyring {
        self.keyring
    }

    /// What is signed with in place of `key`: each fault changes what those before it have made of the key. `None`
    /// where they change nothing.
    pub(super) fn replaced<'f>(&self, faults: impl Iterator<Item = &'f Fault>, key: &Key) -> Option<Key> {
        let mut made = None;
        for fault in faults {
            made = self.in_place_of(fault, made.as_ref().unwrap_or(key)).or(made);
        }
        made
    }

    /// What one fault signs with in place of `key`; `None` where it is that key or cannot be had.
    fn in_place_of(&self, fault: &Fault, key: &Key) -> Option<Key> {
        match fault.kind {
            FaultKind::OtherKeyId => self.of_other_id(fault, key),
            FaultKind::WrongKey => self.of_other_secret(fault, key),
            FaultKind::OtherAlgorithm => of_other_algorithm(fault, key).ok().flatten(),
            _ => None,
        }
    }

    /// A key of another ID.
    fn of_other_id(&self, fault: &Fault, key: &Key) -> Option<Key> {
        let other = match fault.parameters.key_id {
            Some(key_id) => self.first(key_id).filter(|other| other.id() != key.id())?,
            None => self.next(key, |_| true)?,
        };
        Key::new(other.id(), other.algorithm(), other.secret().clone()).ok()
    }

    /// The same key with the secret of another, or with a random one where there is no other.
    fn of_other_secret(&self, fault: &Fault, key: &Key) -> Option<Key> {
        let secret = key.secret().as_octets();
        let other = match fault.parameters.key_id {
            Some(key_id) => Some(self.first(key_id)?),
            None => self.next(key, |other| other.secret().as_octets() != secret),
        };
        let mut octets = match other {
            Some(other) if other.secret().as_octets() == secret => return None,
            Some(other) => other.secret().as_octets().to_vec(),
            // The same one for the same key, every time.
            None => Random::of(self.seed, "secret", usize::try_from(key.id().0).unwrap_or_default())
                .octets(secret.len().max(1)),
        };
        if let Some(length) = key.algorithm().secret_length() {
            // Ciphers take no other length; ntp.org's ntpd fills up with zeros and cuts.
            octets.resize(length, 0);
        }
        Key::new(key.id(), key.algorithm(), Secret::new(octets)).ok()
    }

    fn first(&self, key_id: KeyId) -> Option<&'k Key> {
        self.keyring.lookup(key_id).first().map(|candidate| &candidate.key)
    }

    /// The next key of another ID that is as wanted, in the order of IDs and round to the first.
    fn next(&self, key: &Key, wanted: impl Fn(&Key) -> bool) -> Option<&'k Key> {
        let begin = self.keys.partition_point(|other| other.id() <= key.id());
        let (before, behind) = self.keys.split_at_checked(begin)?;
        let mut others = behind.iter().chain(before).filter(|other| other.id() != key.id());
        others.find(|other| wanted(other)).copied()
    }

    /// The key of that ID, or the fault's own where there is none.
    pub(super) fn claimed(&self, fault: &Fault, claimed: Option<KeyId>) -> Option<&'k Key> {
        claimed.and_then(|key_id| self.first(key_id)).or_else(|| self.own(fault))
    }

    /// The key that a message is signed with that nobody asked for: the one that is set, or the first trusted one.
    pub(super) fn own(&self, fault: &Fault) -> Option<&'k Key> {
        match fault.parameters.key_id.or(fault.scope.key) {
            Some(key_id) => self.first(key_id),
            None => self.keys.iter().find(|key| self.keyring.is_trusted(key.id())).copied(),
        }
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

/// Octets of a key's digest, cut as version 4 wants it.
pub(super) fn usual_length(key: &Key) -> usize {
    key.algorithm().digest_length().min(TRUNCATED_LENGTH)
}

/// A right MAC by `key`, cut as version 4 wants it.
pub(super) fn mac(key: &Key) -> DraftTail<'_> {
    let digest_length = usual_length(key);
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
        if (self.needs_mac() || self.parameters.signed == Some(true)) && known().is_empty() {
            return needs("a key");
        }
        match self.kind {
            FaultKind::OtherKeyId if known().len() < 2 => needs("a second key"),
            FaultKind::OtherAlgorithm => self.check_algorithm(keys),
            _ => Ok(()),
        }
    }

    /// True when there must be a key that it can be seen in a MAC of.
    fn needs_mac(&self) -> bool {
        match self.kind {
            FaultKind::SignUnverified => true,
            FaultKind::AnswerAnything => self.parameters.form == Some(Form::Signed),
            FaultKind::Nak | FaultKind::NakWrongOrigin => false,
            kind => kind.row().group == Group::Mac,
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
