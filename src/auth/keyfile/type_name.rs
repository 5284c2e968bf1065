//! The type column: which words each program knows, and what it makes of them.
//!
//! ntp.org asks OpenSSL for an object's short name, NTPsec for a cipher and then for a digest by any of its names;
//! both fold the word to upper case first. The lists below are what OpenSSL 3.0 and 1.1.1 answer.

use std::fmt;

use crate::auth::algorithm::Algorithm;

/// What a program makes of a type word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An algorithm that can be computed here.
    Algorithm(Algorithm),
    /// MD5, because the word begins with M and means nothing else.
    Md5ByInitial,
    /// A digest or cipher that OpenSSL knows and nothing here computes, by OpenSSL's name.
    Foreign(&'static str),
}

impl Meaning {
    pub(super) fn algorithm(self) -> Option<Algorithm> {
        match self {
            Meaning::Algorithm(algorithm) => Some(algorithm),
            Meaning::Md5ByInitial => Some(Algorithm::Md5),
            Meaning::Foreign(_) => None,
        }
    }
}

/// ntp.org: OpenSSL's short names in upper case, two names for AES-CMAC, else M for MD5.
pub(super) fn ntp_org(word: &[u8]) -> Option<Meaning> {
    let name = upper_case(word);
    let name = name.as_str();
    if matches!(name, "AES128CMAC" | "CMAC") {
        return Some(Meaning::Algorithm(Algorithm::Aes128Cmac));
    }
    if matches!(name, "MD2" | "MDC2" | "MGF1") {
        // OpenSSL has these names and no digest for them; ntp.org then asks no further.
        return None;
    }
    by_short_name(name).or_else(|| by_initial(name))
}

/// NTPsec: first a cipher whose CBC form OpenSSL has, then any name of a digest, else M for MD5.
pub(super) fn ntpsec(word: &[u8]) -> Option<Meaning> {
    let name = upper_case(word);
    let name = name.as_str();
    by_cipher_name(name)
        .or_else(|| by_short_name(name))
        .or_else(|| by_other_name(name))
        .or_else(|| by_initial(name))
}

/// chrony: a fixed list, in capitals.
pub(super) fn chrony(word: &[u8]) -> Option<Meaning> {
    let algorithm = match word {
        b"MD5" => Algorithm::Md5,
        b"SHA1" => Algorithm::Sha1,
        b"SHA256" => Algorithm::Sha256,
        b"SHA384" => Algorithm::Sha384,
        b"SHA512" => Algorithm::Sha512,
        b"SHA3-224" => Algorithm::Sha3_224,
        b"SHA3-256" => Algorithm::Sha3_256,
        b"SHA3-384" => Algorithm::Sha3_384,
        b"SHA3-512" => Algorithm::Sha3_512,
        b"TIGER" => Algorithm::Tiger,
        b"WHIRLPOOL" => Algorithm::Whirlpool,
        b"AES128" => Algorithm::Aes128Cmac,
        b"AES256" => Algorithm::Aes256Cmac,
        _ => return None,
    };
    Some(Meaning::Algorithm(algorithm))
}

fn by_initial(name: &str) -> Option<Meaning> {
    name.starts_with('M').then_some(Meaning::Md5ByInitial)
}

/// Short names of OpenSSL that have no lower-case letter, as far as they lead to a digest.
fn by_short_name(name: &str) -> Option<Meaning> {
    let algorithm = match name {
        "MD5" | "RSA-MD5" => Algorithm::Md5,
        "SHA1" | "RSA-SHA1" | "RSA-SHA1-2" => Algorithm::Sha1,
        "SHA224" | "RSA-SHA224" => Algorithm::Sha224,
        "SHA256" | "RSA-SHA256" => Algorithm::Sha256,
        "SHA384" | "RSA-SHA384" => Algorithm::Sha384,
        "SHA512" | "RSA-SHA512" => Algorithm::Sha512,
        "SHA512-224" | "RSA-SHA512/224" => Algorithm::Sha512_224,
        "SHA512-256" | "RSA-SHA512/256" => Algorithm::Sha512_256,
        "SHA3-224" => Algorithm::Sha3_224,
        "SHA3-256" => Algorithm::Sha3_256,
        "SHA3-384" => Algorithm::Sha3_384,
        "SHA3-512" => Algorithm::Sha3_512,
        "SHAKE128" => Algorithm::Shake128,
        "SHAKE256" => Algorithm::Shake256,
        "RIPEMD160" | "RSA-RIPEMD160" => Algorithm::Ripemd160,
        "MD4" | "RSA-MD4" => return Some(Meaning::Foreign("MD4")),
        "MD5-SHA1" => return Some(Meaning::Foreign("MD5-SHA1")),
        "SM3" | "RSA-SM3" => return Some(Meaning::Foreign("SM3")),
        _ => return None,
    };
    Some(Meaning::Algorithm(algorithm))
}

/// Long names and provider names of digests.
fn by_other_name(name: &str) -> Option<Meaning> {
    let algorithm = match name {
        "SSL3-MD5" | "MD5WITHRSAENCRYPTION" => Algorithm::Md5,
        "SHA-1" | "SSL3-SHA1" | "SHA1WITHRSAENCRYPTION" => Algorithm::Sha1,
        "SHA-224" | "SHA2-224" | "SHA224WITHRSAENCRYPTION" => Algorithm::Sha224,
        "SHA-256" | "SHA2-256" | "SHA256WITHRSAENCRYPTION" => Algorithm::Sha256,
        "SHA-384" | "SHA2-384" | "SHA384WITHRSAENCRYPTION" => Algorithm::Sha384,
        "SHA-512" | "SHA2-512" | "SHA512WITHRSAENCRYPTION" => Algorithm::Sha512,
        "SHA-512/224" | "SHA2-512/224" | "SHA512-224WITHRSAENCRYPTION" => Algorithm::Sha512_224,
        "SHA-512/256" | "SHA2-512/256" | "SHA512-256WITHRSAENCRYPTION" => Algorithm::Sha512_256,
        "RSA-SHA3-224" | "ID-RSASSA-PKCS1-V1_5-WITH-SHA3-224" => Algorithm::Sha3_224,
        "RSA-SHA3-256" | "ID-RSASSA-PKCS1-V1_5-WITH-SHA3-256" => Algorithm::Sha3_256,
        "RSA-SHA3-384" | "ID-RSASSA-PKCS1-V1_5-WITH-SHA3-384" => Algorithm::Sha3_384,
        "RSA-SHA3-512" | "ID-RSASSA-PKCS1-V1_5-WITH-SHA3-512" => Algorithm::Sha3_512,
        "SHAKE-128" => Algorithm::Shake128,
        "SHAKE-256" => Algorithm::Shake256,
        "RIPEMD" | "RIPEMD-160" | "RMD160" | "RIPEMD160WITHRSA" => Algorithm::Ripemd160,
        "WHIRLPOOL" => Algorithm::Whirlpool,
        "MD4WITHRSAENCRYPTION" => return Some(Meaning::Foreign("MD4")),
        "SM3WITHRSAENCRYPTION" => return Some(Meaning::Foreign("SM3")),
        "BLAKE2B512" | "BLAKE2B-512" => return Some(Meaning::Foreign("BLAKE2b512")),
        "BLAKE2S256" | "BLAKE2S-256" => return Some(Meaning::Foreign("BLAKE2s256")),
        _ => return None,
    };
    Some(Meaning::Algorithm(algorithm))
}

/// Words that become the name of a cipher with `-CBC` behind them; `AES` and `AES128CMAC` are NTPsec's own.
fn by_cipher_name(name: &str) -> Option<Meaning> {
    let foreign = match name {
        "AES" | "AES128CMAC" | "AES-128" => return Some(Meaning::Algorithm(Algorithm::Aes128Cmac)),
        "AES-192" => return Some(Meaning::Algorithm(Algorithm::Aes192Cmac)),
        "AES-256" => return Some(Meaning::Algorithm(Algorithm::Aes256Cmac)),
        "ARIA-128" => "ARIA-128-CBC",
        "ARIA-192" => "ARIA-192-CBC",
        "ARIA-256" => "ARIA-256-CBC",
        "CAMELLIA-128" => "CAMELLIA-128-CBC",
        "CAMELLIA-192" => "CAMELLIA-192-CBC",
        "CAMELLIA-256" => "CAMELLIA-256-CBC",
        "BF" => "BF-CBC",
        "CAST" | "CAST5" => "CAST5-CBC",
        "DES" => "DES-CBC",
        "DES-EDE" => "DES-EDE-CBC",
        "DES-EDE3" => "DES-EDE3-CBC",
        "DESX" => "DESX-CBC",
        "RC2" => "RC2-CBC",
        "RC2-40" => "RC2-40-CBC",
        "RC2-64" => "RC2-64-CBC",
        "SEED" => "SEED-CBC",
        "SM4" => "SM4-CBC",
        _ => return None,
    };
    Some(Meaning::Foreign(foreign))
}

fn upper_case(word: &[u8]) -> String {
    word.iter().map(|octet| char::from(octet.to_ascii_uppercase())).collect()
}

/// A type word that is safe to show: it is made of the names of algorithms and nothing else, so it cannot be a
/// secret in the wrong column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName(String);

impl TypeName {
    /// The word, when it is safe to show.
    pub fn of(word: &[u8]) -> Option<TypeName> {
        let name = std::str::from_utf8(word).ok().filter(|name| name.len() <= LONGEST_SHOWN)?;
        let upper = name.to_ascii_uppercase();
        let shown = is_letter(&upper) || is_made_of_families(&upper);
        shown.then(|| TypeName(name.to_owned()))
    }

    /// True for the letters that meant DES keys before ntpd 4.2.
    pub fn is_old_des(&self) -> bool {
        matches!(self.0.as_str(), "A" | "N" | "S" | "a" | "n" | "s")
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The one-letter types of ntpd before 4.2.
fn is_letter(name: &str) -> bool {
    matches!(name, "A" | "N" | "S" | "M")
}

fn is_made_of_families(name: &str) -> bool {
    let mut rest = name;
    let mut named = false;
    while !rest.is_empty() {
        if let Some(after) = FAMILIES.iter().find_map(|family| rest.strip_prefix(family)) {
            named = true;
            rest = after;
            continue;
        }
        let joint = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '/');
        let Some(after) = rest.strip_prefix(joint) else { return false };
        rest = after;
    }
    named
}

/// Longest type word that is shown, in octets.
const LONGEST_SHOWN: usize = 20;

/// Parts that the names of algorithms are made of; a part before any that begins it.
const FAMILIES: [&str; 23] = [
    "HMAC",
    "CMAC",
    "SHAKE",
    "SHA",
    "AES",
    "MD",
    "RIPEMD",
    "RMD",
    "BLAKE2B",
    "BLAKE2S",
    "BLAKE2",
    "BLAKE3",
    "TIGER",
    "WHIRLPOOL",
    "CAMELLIA",
    "ARIA",
    "KECCAK",
    "3DES",
    "DES",
    "EDE",
    "CBC",
    "SM",
    "KMAC",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_only_words_made_of_algorithm_names() {
        for shown in
            ["SHA", "SHA-256", "HMAC-SHA-256", "AES_128_CMAC", "aes", "A", "s", "MD", "3DES", "SHA2-512/256"]
        {
            assert_eq!(TypeName::of(shown.as_bytes()).map(|name| name.to_string()).as_deref(), Some(shown));
        }
        for hidden in
            ["shadow123", "hunter2", "1234", "", "a6602840c563c0bf", "mysecret", "AESop", "Ab", "\u{e9}"]
        {
            assert_eq!(TypeName::of(hidden.as_bytes()), None, "{hidden}");
        }
    }
}
