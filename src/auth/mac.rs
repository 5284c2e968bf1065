//! What the MAC of a message proves, given the keys.

use crate::ntp::message::Message;
use crate::ntp::trailer::{OddTrailer, Reading, Rule, Tail};

use super::key::{Key, KeyId};
use super::keyring::{Candidate, Keyring, Uncomputable};

/// The outcome of checking one message.
#[derive(Clone, Copy, Debug)]
pub struct MacCheck<'a, 'k> {
    /// How what follows the header was read, and by which rule; `None` when no rule allows it.
    pub reading: Option<(Reading<'a>, Rule)>,
    /// What was proved.
    pub proof: Proof<'k>,
}

/// What a MAC proves.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'k> {
    /// There is no MAC.
    NoMac,
    /// Key identifier zero and no digest.
    CryptoNak,
    /// The digest is right under this key.
    Valid(&'k Candidate),
    /// The key identifier is known, and the digest is not right under any key of that identifier. The first
    /// of them is named.
    Invalid(&'k Candidate),
    /// The key identifier is known but not trusted.
    Untrusted {
        /// The key: the one that verifies, or else the first of its identifier.
        candidate: &'k Candidate,
        /// True when the digest is right under it.
        digest_matches: bool,
    },
    /// No key has this identifier.
    UnknownKey,
    /// A program would know the key, but its algorithm is none that this crate computes.
    NotComputable(&'k Uncomputable),
    /// No rule allows what follows the header.
    Odd(OddTrailer),
}

/// Checks the MAC that ends `message` against `keys`.
///
/// Every place where the octets allow a MAC of a known key is tried first: a digest that verifies proves the
/// reading, since no other octets could be there by chance. Otherwise the rule of the version decides what is
/// read. Keys of the same identifier (two files, an old and a new key) are all tried.
pub fn check<'a, 'k>(message: &Message<'a>, keys: &'k Keyring) -> MacCheck<'a, 'k> {
    let proved =
        message.mac_readings().find_map(|reading| Some((reading, verifying(message, &reading, keys)?)));
    if let Some((reading, candidate)) = proved {
        return MacCheck { reading: Some((reading, Rule::Key)), proof: proof_of(candidate, true, keys) };
    }
    match message.by_rule() {
        Ok((reading, rule)) => MacCheck { reading: Some((reading, rule)), proof: unproved(&reading, keys) },
        Err(odd) => by_key_id(message, keys).unwrap_or(MacCheck { reading: None, proof: Proof::Odd(odd) }),
    }
}

/// Adds the key identifier and the digest of all octets so far, cut to 20 octets as version 4 wants it
/// (RFC 7822 section 3).
pub fn append_mac(octets: &mut Vec<u8>, key: &Key) {
    let digest = key.digest(octets);
    octets.extend(key.id().0.to_be_bytes());
    octets.extend(digest.as_octets().iter().take(super::algorithm::TRUNCATED_LENGTH));
}

/// The first key whose digest over what `reading` covers is the one that was sent.
fn verifying<'k>(message: &Message<'_>, reading: &Reading<'_>, keys: &'k Keyring) -> Option<&'k Candidate> {
    let Tail::Mac { key_id, digest } = reading.tail else { return None };
    let covered = message.covered(reading);
    let verifies = |candidate: &&Candidate| candidate.key.verifies(covered, digest);
    keys.lookup(KeyId(key_id)).iter().find(verifies)
}

/// What a reading proves whose digest verifies under no key.
fn unproved<'k>(reading: &Reading<'_>, keys: &'k Keyring) -> Proof<'k> {
    match reading.tail {
        Tail::Nothing => Proof::NoMac,
        Tail::CryptoNak => Proof::CryptoNak,
        Tail::Mac { key_id, .. } => {
            let key_id = KeyId(key_id);
            match (keys.lookup(key_id).first(), keys.uncomputable(key_id).first()) {
                (_, Some(uncomputable)) => Proof::NotComputable(uncomputable),
                (Some(candidate), None) => proof_of(candidate, false, keys),
                (None, None) => Proof::UnknownKey,
            }
        }
    }
}

fn proof_of<'k>(candidate: &'k Candidate, digest_matches: bool, keys: &Keyring) -> Proof<'k> {
    match (keys.is_trusted(candidate.key.id()), digest_matches) {
        (false, _) => Proof::Untrusted { candidate, digest_matches },
        (true, true) => Proof::Valid(candidate),
        (true, false) => Proof::Invalid(candidate),
    }
}

/// For octets that no rule allows: the reading whose key identifier is known and whose digest has a length of
/// that key's algorithm. NTPsec's ntpdig sends such MACs in version 4, and so does ntp.org's ntpd.
fn by_key_id<'a, 'k>(message: &Message<'a>, keys: &'k Keyring) -> Option<MacCheck<'a, 'k>> {
    message.mac_readings().find_map(|reading| {
        let Tail::Mac { key_id, digest } = reading.tail else { return None };
        let fits = |candidate: &&Candidate| candidate.key.algorithm().allows_length(digest.len());
        let candidate = keys.lookup(KeyId(key_id)).iter().find(fits)?;
        Some(MacCheck { reading: Some((reading, Rule::KeyId)), proof: proof_of(candidate, false, keys) })
    })
}
