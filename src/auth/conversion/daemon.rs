//! Lines of key files.

use zeroize::Zeroizing;

use super::{Format, Kept, Reason};
use crate::auth::algorithm::{Algorithm, TRUNCATED_LENGTH};
use crate::auth::hex;
use crate::auth::keyfile::Dialect;

/// The word for an algorithm in the type column of a program, where every build of the program has it and verifies
/// with it.
pub fn type_word(algorithm: Algorithm, dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::NtpOrg if algorithm.digest_length() > TRUNCATED_LENGTH => None,
        Dialect::NtpOrg | Dialect::Ntpsec => ntpd_word(algorithm, dialect),
        Dialect::Chrony => chrony_word(algorithm),
    }
}

fn ntpd_word(algorithm: Algorithm, dialect: Dialect) -> Option<&'static str> {
    Some(match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha1 => "SHA1",
        Algorithm::Sha224 => "SHA224",
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha384 => "SHA384",
        Algorithm::Sha512 => "SHA512",
        Algorithm::Sha512_224 => "SHA512-224",
        Algorithm::Sha512_256 => "SHA512-256",
        Algorithm::Sha3_224 => "SHA3-224",
        Algorithm::Sha3_256 => "SHA3-256",
        Algorithm::Sha3_384 => "SHA3-384",
        Algorithm::Sha3_512 => "SHA3-512",
        Algorithm::Shake128 => "SHAKE128",
        Algorithm::Shake256 => "SHAKE256",
        Algorithm::Ripemd160 => "RIPEMD160",
        // The one spelling that both programs know.
        Algorithm::Aes128Cmac => "AES128CMAC",
        Algorithm::Aes192Cmac if dialect == Dialect::Ntpsec => "AES-192",
        Algorithm::Aes256Cmac if dialect == Dialect::Ntpsec => "AES-256",
        Algorithm::Aes192Cmac | Algorithm::Aes256Cmac | Algorithm::Whirlpool | Algorithm::Tiger => {
            return None;
        }
    })
}

fn chrony_word(algorithm: Algorithm) -> Option<&'static str> {
    Some(match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha1 => "SHA1",
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha384 => "SHA384",
        Algorithm::Sha512 => "SHA512",
        Algorithm::Sha3_224 => "SHA3-224",
        Algorithm::Sha3_256 => "SHA3-256",
        Algorithm::Sha3_384 => "SHA3-384",
        Algorithm::Sha3_512 => "SHA3-512",
        Algorithm::Aes128Cmac => "AES128",
        Algorithm::Aes256Cmac => "AES256",
        _ => return None,
    })
}

/// The line of a key.
pub(super) fn line_of(kept: &Kept, dialect: Dialect) -> Result<Zeroizing<Vec<u8>>, Reason> {
    let key = &kept.key;
    let maximum = Format::Daemon(dialect).largest_key_id();
    if key.id().0 == 0 || key.id().0 > maximum {
        return Err(Reason::KeyId { maximum });
    }
    if dialect != Dialect::NtpOrg && !kept.addresses.is_empty() {
        return Err(Reason::Addresses);
    }
    let algorithm = key.algorithm();
    let word = type_word(algorithm, dialect).ok_or_else(|| why_not(algorithm, dialect))?;
    let secret = match dialect {
        Dialect::Chrony => chrony_secret(key.secret().as_octets()),
        Dialect::NtpOrg | Dialect::Ntpsec => ntpd_secret(key.secret().as_octets()),
    }?;
    let mut line = Zeroizing::new(Vec::with_capacity(secret.len() + 64));
    line.extend(format!("{} {word} ", key.id()).bytes());
    line.extend(secret.iter());
    let addresses: Vec<String> = kept.addresses.iter().map(ToString::to_string).collect();
    if !addresses.is_empty() {
        line.extend(format!(" {}", addresses.join(",")).bytes());
    }
    Ok(line)
}

/// Why a program has no word for an algorithm.
pub(crate) fn why_not(algorithm: Algorithm, dialect: Dialect) -> Reason {
    let in_some_builds = match dialect {
        Dialect::NtpOrg => false,
        Dialect::Ntpsec => algorithm == Algorithm::Whirlpool,
        Dialect::Chrony => matches!(algorithm, Algorithm::Tiger | Algorithm::Whirlpool),
    };
    if in_some_builds {
        Reason::LibraryDependent(algorithm)
    } else if dialect == Dialect::NtpOrg && ntpd_word(algorithm, dialect).is_some() {
        Reason::DigestTooLong(algorithm)
    } else {
        Reason::Algorithm(algorithm)
    }
}

/// Always hex: chrony has a sign for it.
fn chrony_secret(octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, Reason> {
    if octets.is_empty() {
        return Err(Reason::Empty);
    }
    let mut word = Zeroizing::new(b"HEX:".to_vec());
    word.reserve_exact(2 * octets.len());
    word.extend(Zeroizing::new(hex::encode(octets)).iter().map(u8::to_ascii_uppercase));
    Ok(word)
}

/// Text up to 20 octets where it can be one, hex otherwise.
fn ntpd_secret(octets: &[u8]) -> Result<Zeroizing<Vec<u8>>, Reason> {
    match octets.len() {
        0 => Err(Reason::Empty),
        1..=LONGEST_TEXT if octets.iter().all(|octet| is_text(*octet)) => Ok(Zeroizing::new(octets.to_vec())),
        length @ 1..FEWEST_IN_HEX => Err(Reason::ShortAndNotText { octets: length, fewest: FEWEST_IN_HEX }),
        FEWEST_IN_HEX..=LONGEST_SECRET => Ok(Zeroizing::new(hex::encode(octets))),
        length => Err(Reason::Length { octets: length, maximum: LONGEST_SECRET }),
    }
}

/// True for what ends no word and starts no comment.
pub(super) fn is_text(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'#'
}

/// Longest secret that is written as text.
pub(super) const LONGEST_TEXT: usize = 20;

/// Fewest octets whose hex digits are not taken for text.
pub(super) const FEWEST_IN_HEX: usize = 11;

/// Most octets that NTPsec and ntp.org 4.2.8p15 use; later versions of ntp.org use 64.
const LONGEST_SECRET: usize = 32;

impl Format {
    /// The largest key ID; the smallest is 1.
    pub(super) fn largest_key_id(self) -> u32 {
        match self {
            Format::Daemon(Dialect::NtpOrg | Dialect::Ntpsec) => 65_535,
            // EOS ends one earlier.
            Format::Arista => 65_534,
            Format::Daemon(Dialect::Chrony) | Format::CiscoIos | Format::Junos => u32::MAX,
        }
    }
}
