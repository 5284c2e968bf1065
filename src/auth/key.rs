//! A symmetric key: its identifier, its algorithm and its secret.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Digest, KeyedDigest};

/// The identifier that a message carries for the key of its MAC (RFC 5905 section 7.3). Zero names no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub u32);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The octets of a shared secret. Wiped when dropped; `Debug` shows their number alone.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over.
    pub fn new(octets: Vec<u8>) -> Secret {
        Secret(Zeroizing::new(octets))
    }

    /// Number of octets.
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The octets, for computing with; never for showing.
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({} octets, not shown)", self.length())
    }
}

/// A key ready to compute digests with.
pub struct Key {
    id: KeyId,
    algorithm: Algorithm,
    secret: Secret,
    prepared: Box<dyn KeyedDigest>,
}

impl Key {
    /// Joins the parts of a key.
    ///
    /// # Errors
    /// [`WrongSecretLength`] when the algorithm is a block cipher and the secret is not of its key length.
    /// Padding and cutting are rules of the programs that read key files, not of the algorithm.
    pub fn new(id: KeyId, algorithm: Algorithm, secret: Secret) -> Result<Key, WrongSecretLength> {
        let Some(prepared) = algorithm.with_secret(secret.as_octets()) else {
            let expected = algorithm.secret_length().unwrap_or_default();
            return Err(WrongSecretLength { algorithm, expected, present: secret.length() });
        };
        Ok(Key { id, algorithm, secret, prepared })
    }

    /// The identifier that messages name this key by.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The algorithm of its digests.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The secret, for computing with under another hypothesis.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The whole digest of `covered`, the octets that a MAC protects.
    pub fn digest(&self, covered: &[u8]) -> Digest {
        self.prepared.digest(covered)
    }

    /// What tells this key from those of other algorithms and secrets, whatever their IDs.
    pub fn identity(&self) -> KeyIdentity {
        let digest = self.digest(b"identity of a key").as_octets().first_chunk().copied();
        KeyIdentity { algorithm: self.algorithm, digest: digest.unwrap_or_default() }
    }

    /// True when `claimed` is the digest of `covered`, whole or cut as real programs cut it.
    /// Takes the same time wherever the digests differ.
    pub fn verifies(&self, covered: &[u8], claimed: &[u8]) -> bool {
        if !self.algorithm.allows_length(claimed.len()) {
            return false;
        }
        let computed = self.digest(covered);
        computed.as_octets().get(..claimed.len()).is_some_and(|kept| kept.ct_eq(claimed).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

/// Algorithm and secret of a key, for comparing. It is never shown: the secret could be guessed from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyIdentity {
    algorithm: Algorithm,
    digest: [u8; IDENTITY_LENGTH],
}

/// Octets of a digest that tell keys apart: those of the shortest digest.
const IDENTITY_LENGTH: usize = 16;

impl fmt::Debug for KeyIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyIdentity").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// A block cipher cannot take a secret of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} takes a secret of {expected} octets, not {present}", algorithm.name())]
pub struct WrongSecretLength {
    /// The cipher's algorithm.
    pub algorithm: Algorithm,
    /// Octets that it takes.
    pub expected: usize,
    /// Octets that were given.
    pub present: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_text_nor_hex_of_a_secret() {
        let key = Key::new(KeyId(11), Algorithm::Sha1, Secret::new(b"hunter2hunter2".to_vec())).unwrap();
        let shown = format!("{key:?} {:?}", key.secret());
        assert!(shown.contains("14 octets"), "{shown}");
        assert!(
            !shown.contains("hunter") && !shown.contains("104, 117") && !shown.contains("6875"),
            "{shown}"
        );
    }

    #[test]
    fn a_cipher_says_how_long_its_secret_must_be() {
        let error = Key::new(KeyId(1), Algorithm::Aes256Cmac, Secret::new(vec![0; 16])).unwrap_err();
        assert_eq!(error.to_string(), "aes256-cmac takes a secret of 32 octets, not 16");
    }

    #[test]
    fn a_digest_verifies_whole_or_cut_to_twenty_octets_and_not_otherwise() {
        let key = Key::new(KeyId(1), Algorithm::Sha256, Secret::new(b"secret".to_vec())).unwrap();
        let digest = key.digest(b"message");
        let octets = digest.as_octets();
        assert!(key.verifies(b"message", octets));
        assert!(key.verifies(b"message", &octets[..20]));
        assert!(!key.verifies(b"message", &octets[..16]));
        assert!(!key.verifies(b"message", &[]));
        assert!(!key.verifies(b"massage", octets));
    }
}
