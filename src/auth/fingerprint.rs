//! Fingerprints of secrets: two hosts can compare their keys by them without showing either.
//!
//! A fingerprint is the start of scrypt (RFC 7914) over the octets of the secret, so that each guess at a weak secret
//! costs whoever saw the fingerprint as much as it cost to make it: 16 MiB of memory and some hundredths of a second.
//! The salt keeps results from being looked up in a table made before, and two comparisons from being put together.
//! Neither the key ID nor the algorithm goes in: a secret that stands under another ID or type is known again.

use std::fmt;

use super::key::Secret;

/// What is shown instead of a secret. `Display` parts the digits in groups of four.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; LENGTH]);

/// A salt, chosen once for a comparison. It is not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt(String);

impl Salt {
    /// Takes a salt that was given.
    ///
    /// # Errors
    /// [`BadSalt`] for fewer than eight characters, which would be someone else's too, and for those that cannot be
    /// copied safely: blanks, control characters, and whatever is not ASCII.
    pub fn new(text: &str) -> Result<Salt, BadSalt> {
        let is_good = text.len() >= FEWEST_CHARACTERS && text.bytes().all(|octet| octet.is_ascii_graphic());
        if is_good { Ok(Salt(text.to_owned())) } else { Err(BadSalt) }
    }

    /// Makes a salt of random octets.
    pub fn of_random(octets: [u8; 8]) -> Salt {
        Salt(octets.iter().map(|octet| format!("{octet:02x}")).collect())
    }

    /// The salt as it was given, or is to be given elsewhere.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Fingerprint {
    /// The fingerprint of a secret under a salt: scrypt with N = 16384, r = 8 and p = 1, of which 10 octets are kept.
    /// The salt of scrypt is the text `ntpcap-fingerprint-1:` and then the salt.
    ///
    /// `None` only where scrypt takes none of its own parameters.
    pub fn new(secret: &Secret, salt: &Salt) -> Option<Fingerprint> {
        let parameters = scrypt::Params::new(LOG_N, 8, 1).ok()?;
        let salt = [PURPOSE, salt.0.as_bytes()].concat();
        let mut octets = [0; LENGTH];
        scrypt::scrypt(secret.as_octets(), &salt, &parameters, &mut octets).ok()?;
        Some(Fingerprint(octets))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.0.iter().enumerate() {
            let joint = if index > 0 && index % 2 == 0 { "-" } else { "" };
            write!(formatter, "{joint}{octet:02x}")?;
        }
        Ok(())
    }
}

/// A salt that others would come upon, or that cannot be copied safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a salt has at least {FEWEST_CHARACTERS} letters, digits or signs and no blanks")]
pub struct BadSalt;

/// Octets of a fingerprint: enough that no two keys of a site share one by chance.
const LENGTH: usize = 10;

const FEWEST_CHARACTERS: usize = 8;

/// Binary logarithm of scrypt's cost.
const LOG_N: u8 = 14;

/// What stands before the salt, so that no other use of scrypt gives the same octets.
const PURPOSE: &[u8] = b"ntpcap-fingerprint-1:";

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(secret: &[u8], salt: &str) -> String {
        let salt = Salt::new(salt).unwrap();
        Fingerprint::new(&Secret::new(secret.to_vec()), &salt).unwrap().to_string()
    }

    /// Computed by Python's hashlib: `scrypt(b"exactly20characters!", salt=b"ntpcap-fingerprint-1:site-audit-7",
    /// n=16384, r=8, p=1, dklen=10)`.
    #[test]
    fn a_fingerprint_is_what_another_scrypt_gives() {
        assert_eq!(shown(b"exactly20characters!", "site-audit-7"), "219a-1ed7-45c2-8c93-8353");
    }

    #[test]
    fn another_salt_gives_another_fingerprint() {
        assert_ne!(shown(b"secret", "site-audit-7"), shown(b"secret", "site-audit-8"));
        for bad in ["short", "with a blank", "with-\u{1b}[31m", "gr\u{fc}\u{df}e-aus"] {
            assert_eq!(Salt::new(bad), Err(BadSalt), "{bad}");
        }
        assert_eq!(Salt::of_random([0, 1, 2, 3, 4, 5, 6, 255]).as_str(), "00010203040506ff");
    }
}
