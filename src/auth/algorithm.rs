//! The digest algorithms that NTP implementations use for a MAC, and computing with them.
//!
//! RFC 5905 section 7.3 defines the MAC as `H(secret || message)` with MD5 in mind; the real programs take any
//! digest of their crypto library, and AES-CMAC by RFC 8573. None of them uses HMAC here.

use aes::{Aes128, Aes192, Aes256};
use cmac::Cmac;
use digest::{ExtendableOutput, KeyInit, Update, XofReader};

/// A way to compute the digest of a MAC from a secret and a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants are the algorithms' own names")]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    /// With 16 octets of output, OpenSSL's default length.
    Shake128,
    /// With 32 octets of output, OpenSSL's default length.
    Shake256,
    Ripemd160,
    Whirlpool,
    Tiger,
    Aes128Cmac,
    Aes192Cmac,
    Aes256Cmac,
}

impl Algorithm {
    /// Every algorithm, in the order of the enumeration.
    pub const ALL: [Algorithm; 20] = [
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha224,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
        Algorithm::Sha512_224,
        Algorithm::Sha512_256,
        Algorithm::Sha3_224,
        Algorithm::Sha3_256,
        Algorithm::Sha3_384,
        Algorithm::Sha3_512,
        Algorithm::Shake128,
        Algorithm::Shake256,
        Algorithm::Ripemd160,
        Algorithm::Whirlpool,
        Algorithm::Tiger,
        Algorithm::Aes128Cmac,
        Algorithm::Aes192Cmac,
        Algorithm::Aes256Cmac,
    ];

    /// The name used in every output and filter, in lower case: `md5`, `sha512-256`, `aes128-cmac`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha224 => "sha224",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
            Algorithm::Sha512_224 => "sha512-224",
            Algorithm::Sha512_256 => "sha512-256",
            Algorithm::Sha3_224 => "sha3-224",
            Algorithm::Sha3_256 => "sha3-256",
            Algorithm::Sha3_384 => "sha3-384",
            Algorithm::Sha3_512 => "sha3-512",
            Algorithm::Shake128 => "shake128",
            Algorithm::Shake256 => "shake256",
            Algorithm::Ripemd160 => "ripemd160",
            Algorithm::Whirlpool => "whirlpool",
            Algorithm::Tiger => "tiger",
            Algorithm::Aes128Cmac => "aes128-cmac",
            Algorithm::Aes192Cmac => "aes192-cmac",
            Algorithm::Aes256Cmac => "aes256-cmac",
        }
    }

    /// Length of the whole digest, in octets: 16 to 64.
    pub fn digest_length(self) -> usize {
        match self {
            Algorithm::Md5
            | Algorithm::Shake128
            | Algorithm::Aes128Cmac
            | Algorithm::Aes192Cmac
            | Algorithm::Aes256Cmac => 16,
            Algorithm::Sha1 | Algorithm::Ripemd160 => 20,
            Algorithm::Tiger => 24,
            Algorithm::Sha224 | Algorithm::Sha512_224 | Algorithm::Sha3_224 => 28,
            Algorithm::Sha256 | Algorithm::Sha512_256 | Algorithm::Sha3_256 | Algorithm::Shake256 => 32,
            Algorithm::Sha384 | Algorithm::Sha3_384 => 48,
            Algorithm::Sha512 | Algorithm::Sha3_512 | Algorithm::Whirlpool => 64,
        }
    }

    /// Length of the secret in octets where the algorithm takes no other: the block ciphers.
    pub fn secret_length(self) -> Option<usize> {
        match self {
            Algorithm::Aes128Cmac => Some(16),
            Algorithm::Aes192Cmac => Some(24),
            Algorithm::Aes256Cmac => Some(32),
            _ => None,
        }
    }

    /// True when a MAC of this algorithm may carry `length` octets of digest.
    ///
    /// Real programs send the whole digest, or its first 20 octets where it is longer: chrony in version 4 and
    /// NTPsec's ntpd cut, chrony in version 3 and NTPsec's ntpdig do not. No program accepts any other cut.
    pub fn allows_length(self, length: usize) -> bool {
        length == self.digest_length() || length == self.digest_length().min(TRUNCATED_LENGTH)
    }

    /// Makes the algorithm ready for one secret. `None` when a block cipher cannot take a secret of that length.
    pub(crate) fn with_secret(self, secret: &[u8]) -> Option<Box<dyn KeyedDigest>> {
        Some(match self {
            Algorithm::Md5 => hash::<md5::Md5>(secret),
            Algorithm::Sha1 => hash::<sha1::Sha1>(secret),
            Algorithm::Sha224 => hash::<sha2::Sha224>(secret),
            Algorithm::Sha256 => hash::<sha2::Sha256>(secret),
            Algorithm::Sha384 => hash::<sha2::Sha384>(secret),
            Algorithm::Sha512 => hash::<sha2::Sha512>(secret),
            Algorithm::Sha512_224 => hash::<sha2::Sha512_224>(secret),
            Algorithm::Sha512_256 => hash::<sha2::Sha512_256>(secret),
            Algorithm::Sha3_224 => hash::<sha3::Sha3_224>(secret),
            Algorithm::Sha3_256 => hash::<sha3::Sha3_256>(secret),
            Algorithm::Sha3_384 => hash::<sha3::Sha3_384>(secret),
            Algorithm::Sha3_512 => hash::<sha3::Sha3_512>(secret),
            Algorithm::Shake128 => extendable::<shake::Shake128>(secret, 16),
            Algorithm::Shake256 => extendable::<shake::Shake256>(secret, 32),
            Algorithm::Ripemd160 => hash::<ripemd::Ripemd160>(secret),
            Algorithm::Whirlpool => hash::<whirlpool::Whirlpool>(secret),
            Algorithm::Tiger => hash::<tiger::Tiger>(secret),
            Algorithm::Aes128Cmac => Box::new(CipherMac(Cmac::<Aes128>::new_from_slice(secret).ok()?)),
            Algorithm::Aes192Cmac => Box::new(CipherMac(Cmac::<Aes192>::new_from_slice(secret).ok()?)),
            Algorithm::Aes256Cmac => Box::new(CipherMac(Cmac::<Aes256>::new_from_slice(secret).ok()?)),
        })
    }
}

/// Longest digest of any algorithm, in octets.
pub const LONGEST_DIGEST: usize = 64;

/// Octets that remain of a digest longer than this where a program cuts it.
pub const TRUNCATED_LENGTH: usize = 20;

/// A computed digest.
#[derive(Clone, Copy)]
pub struct Digest {
    octets: [u8; LONGEST_DIGEST],
    length: usize,
}

impl Digest {
    /// The digest's octets.
    pub fn as_octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or(&self.octets)
    }

    fn of(octets: &[u8]) -> Digest {
        let mut digest = Digest { octets: [0; LONGEST_DIGEST], length: octets.len().min(LONGEST_DIGEST) };
        for (to, from) in digest.octets.iter_mut().zip(octets) {
            *to = *from;
        }
        digest
    }
}

/// An algorithm that has taken in its secret and waits for the message.
pub(crate) trait KeyedDigest: Send + Sync {
    fn digest(&self, message: &[u8]) -> Digest;
}

/// `H(secret || message)`, with the secret already hashed.
struct Hash<D>(D);

impl<D: digest::Digest + Clone + Send + Sync> KeyedDigest for Hash<D> {
    fn digest(&self, message: &[u8]) -> Digest {
        Digest::of(&self.0.clone().chain_update(message).finalize())
    }
}

/// The same for a function whose output has no length of its own.
struct Extendable<D> {
    primed: D,
    length: usize,
}

impl<D: Update + ExtendableOutput + Clone + Send + Sync> KeyedDigest for Extendable<D> {
    fn digest(&self, message: &[u8]) -> Digest {
        let mut function = self.primed.clone();
        function.update(message);
        let mut digest = Digest { octets: [0; LONGEST_DIGEST], length: self.length };
        let mut octets = [0; LONGEST_DIGEST];
        function.finalize_xof().read(&mut octets);
        for (to, from) in digest.octets.iter_mut().zip(octets).take(self.length) {
            *to = from;
        }
        digest
    }
}

/// A block cipher MAC with its key schedule made.
struct CipherMac<M>(M);

impl<M: digest::Mac + Clone + Send + Sync> KeyedDigest for CipherMac<M> {
    fn digest(&self, message: &[u8]) -> Digest {
        Digest::of(&self.0.clone().chain_update(message).finalize().into_bytes())
    }
}

fn hash<D: digest::Digest + Clone + Send + Sync + 'static>(secret: &[u8]) -> Box<dyn KeyedDigest> {
    Box::new(Hash(D::new_with_prefix(secret)))
}

fn extendable<D: Update + ExtendableOutput + Default + Clone + Send + Sync + 'static>(
    secret: &[u8],
    length: usize,
) -> Box<dyn KeyedDigest> {
    let mut primed = D::default();
    primed.update(secret);
    Box::new(Extendable { primed, length })
}
