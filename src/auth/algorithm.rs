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

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    fn digest(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> String {
        hex(algorithm.with_secret(secret).unwrap().digest(message).as_octets())
    }

    /// Over the secret and the octets 0 to 47: Python's hashlib, openssl for RIPEMD-160 and Whirlpool, rhash for
    /// Tiger.
    #[test]
    fn hashes_agree_with_other_programs() {
        let message: Vec<u8> = (0..48).collect();
        for (algorithm, expected) in [
            (Algorithm::Md5, "991dfb0781282da9de9fb8eabb303a6f"),
            (Algorithm::Sha1, "a5650345cfb3508694864889f1a21fa2b7916b52"),
            (Algorithm::Sha224, "3eb22d56424a9cb46a621718857c26fbfbcaff2b1a8036d0858908f1"),
            (Algorithm::Sha256, "7d41e021c21b2bfb0d73c0c9fbd994900db95364608e446ea5777fb02390fb94"),
            (
                Algorithm::Sha384,
                "b00ad889dc97c612202bbdb87c57fe7a2e722993ceea6bb0bf9ff47e22a3cdaf7a2626cdd731bdb2541c8384d80bb7f5",
            ),
            (
                Algorithm::Sha512,
                "ec18e422ae47c0e3ccf8ee9f46c92c3a2db2816ba4f88352313049176594a30e\
                 bdaa191ba2bd0389db734fe15999fd5fca81c9073da380a471a84ff62747343c",
            ),
            (Algorithm::Sha512_224, "4fd90fe3c0f7fd7977df0c5b3fe3326100c8521e5c31d685b655dc64"),
            (Algorithm::Sha512_256, "a950045cb029dd6d7fd45662a70c78df2b9b8de2e938842a12beb08aece12c9d"),
            (Algorithm::Sha3_224, "86659fd74a05b6f1f42b466f78cc61aad79aa9decc3a3fa3132eb3cd"),
            (Algorithm::Sha3_256, "79a45c105f72c91e918bf5927599602eef02cec59672da02f58d330c2f57e06e"),
            (
                Algorithm::Sha3_384,
                "67a6fb53e43b2d3f3719190072d66c6f7a6bac730a8cfe3cd50948a76ce758b10a344ee6b88bce2071198a6ef5d07085",
            ),
            (
                Algorithm::Sha3_512,
                "d5690476ad1a2ee58f30af0d68e4f54964de428f9030681fd5b77823cd6d9bef\
                 fe3621c34109f0ff940dc8a51a914cb32c557f98b66a43f57cb46ffca63aa603",
            ),
            (Algorithm::Shake128, "cad86f27f869d4f51edfc02f6027f0c7"),
            (Algorithm::Shake256, "a903362e15caa7244c8fe0d0f60976f066db0aaa178f1787d31fffcd8948070b"),
            (Algorithm::Ripemd160, "a06c01545f1cb13e5277efcb3d2e0f090a011081"),
            (
                Algorithm::Whirlpool,
                "2e98869310bf9380d9fac61f76d61f70d7c3bef0cfdc74c315a7a261c9219676\
                 e41a41af308cf63b4edaef3c89df4ae5f838dce182e2201450a722bc38c634f9",
            ),
            (Algorithm::Tiger, "b026de871a0980f242f23a648e0c27ba9560c13ca1e6fb01"),
        ] {
            assert_eq!(digest(algorithm, b"ntpcap test secret!!", &message), expected, "{algorithm:?}");
        }
    }

    /// `openssl mac ... CMAC` over the octets 0 to 47, keys counting up from 0x40.
    #[test]
    fn cipher_macs_agree_with_openssl() {
        let message: Vec<u8> = (0..48).collect();
        for (algorithm, length, expected) in [
            (Algorithm::Aes128Cmac, 16, "45813a7d253a4f289433c7874aeda55a"),
            (Algorithm::Aes192Cmac, 24, "2a7a60934951fd364a36bf1bb732cb8e"),
            (Algorithm::Aes256Cmac, 32, "701621eec0352c6b4c29aa688917467f"),
        ] {
            let secret: Vec<u8> = (0x40..0x40 + length).collect();
            assert_eq!(digest(algorithm, &secret, &message), expected, "{algorithm:?}");
        }
    }

    /// RFC 4493 section 4, which RFC 8573 refers to.
    #[test]
    fn aes_cmac_gives_the_published_tags() {
        let secret = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
        let block = 0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a_u128.to_be_bytes();
        assert_eq!(digest(Algorithm::Aes128Cmac, &secret, b""), "bb1d6929e95937287fa37d129b756746");
        assert_eq!(digest(Algorithm::Aes128Cmac, &secret, &block), "070a16b46b4d4144f79bdd9dd04a287c");
    }

    #[test]
    fn digest_lengths_are_what_is_computed() {
        for algorithm in Algorithm::ALL {
            let secret = vec![7; algorithm.secret_length().unwrap_or(20)];
            let digest = algorithm.with_secret(&secret).unwrap().digest(b"message");
            assert_eq!(digest.as_octets().len(), algorithm.digest_length(), "{algorithm:?}");
        }
    }

    #[test]
    fn ciphers_take_their_own_key_length_alone() {
        for length in [0, 15, 17, 24, 32] {
            assert!(Algorithm::Aes128Cmac.with_secret(&vec![0; length]).is_none(), "{length}");
        }
    }

    #[test]
    fn only_the_cuts_of_real_programs_are_allowed() {
        let allowed = |algorithm: Algorithm| -> Vec<usize> {
            (0..=LONGEST_DIGEST + 4).filter(|length| algorithm.allows_length(*length)).collect()
        };
        assert_eq!(allowed(Algorithm::Md5), [16]);
        assert_eq!(allowed(Algorithm::Sha1), [20]);
        assert_eq!(allowed(Algorithm::Sha256), [20, 32]);
        assert_eq!(allowed(Algorithm::Aes256Cmac), [16]);
    }
}
