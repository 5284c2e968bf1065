//! Ways in which programs and people turn one secret into another.

use crate::auth::{Algorithm, Key, KeyId, Secret};

pub(super) use crate::auth::hex::{decode as from_hex, encode as to_hex};
pub(super) use crate::auth::type7::{SALTS as TYPE7_SALTS, decode as from_type7, encode as to_type7};

/// The octets of base64 text, with or without the padding at its end.
pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let unpadded = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    if unpadded.len() < 4 || unpadded.len() % 4 == 1 {
        return None;
    }
    let mut octets = Vec::with_capacity(unpadded.len());
    for group in unpadded.chunks(4) {
        let bits = group.iter().try_fold(0_u32, |bits, letter| Some(bits << 6 | base64_value(*letter)?))?;
        let [_, first, second, third] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        octets.extend([first, second, third].iter().take(group.len() - 1));
    }
    Some(octets)
}

fn base64_value(letter: u8) -> Option<u32> {
    BASE64.iter().position(|known| *known == letter).and_then(|value| u32::try_from(value).ok())
}

/// Octets as base64 text with padding.
pub(super) fn to_base64(octets: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for group in octets.chunks(3) {
        let octet = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for place in 0..4_usize {
            let value = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            let letter = BASE64.get(value).copied().unwrap_or(b'=');
            text.push(if place <= group.len() { letter } else { b'=' });
        }
    }
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The other of the two encodings, Latin-1 and UTF-8, of a text that has letters outside ASCII.
pub(super) fn other_encoding(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_ascii() {
        return None;
    }
    match std::str::from_utf8(text) {
        Ok(text) => text.chars().map(|letter| u8::try_from(letter).ok()).collect(),
        Err(_) => Some(text.iter().map(|octet| char::from(*octet)).collect::<String>().into_bytes()),
    }
}

/// The digest of octets without any key.
pub(super) fn plain_digest(algorithm: Algorithm, octets: &[u8]) -> Option<Vec<u8>> {
    let key = Key::new(KeyId(0), algorithm, Secret::new(Vec::new())).ok()?;
    Some(key.digest(octets).as_octets().to_vec())
}

/// The inner and outer keys of HMAC (RFC 2104) for hashes; `None` for ciphers and for hashes without blocks.
pub(super) fn hmac_keys(algorithm: Algorithm, secret: &[u8]) -> Option<(Key, Key)> {
    let block = block_length(algorithm)?;
    let mut padded = if secret.len() > block { plain_digest(algorithm, secret)? } else { secret.to_vec() };
    padded.resize(block, 0);
    let padded = Secret::new(padded);
    let key = |mask: u8| {
        let octets = padded.as_octets().iter().map(|octet| octet ^ mask).collect();
        Key::new(KeyId(0), algorithm, Secret::new(octets)).ok()
    };
    Some((key(0x36)?, key(0x5c)?))
}

fn block_length(algorithm: Algorithm) -> Option<usize> {
    Some(match algorithm {
        Algorithm::Md5
        | Algorithm::Sha1
        | Algorithm::Sha224
        | Algorithm::Sha256
        | Algorithm::Ripemd160
        | Algorithm::Whirlpool
        | Algorithm::Tiger => 64,
        Algorithm::Sha384 | Algorithm::Sha512 | Algorithm::Sha512_224 | Algorithm::Sha512_256 => 128,
        Algorithm::Sha3_224 => 144,
        Algorithm::Sha3_256 => 136,
        Algorithm::Sha3_384 => 104,
        Algorithm::Sha3_512 => 72,
        Algorithm::Shake128
        | Algorithm::Shake256
        | Algorithm::Aes128Cmac
        | Algorithm::Aes192Cmac
        | Algorithm::Aes256Cmac => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(octets: Option<Vec<u8>>) -> Option<String> {
        octets.map(|octets| String::from_utf8(octets).unwrap())
    }

    /// RFC 4648 section 10.
    #[test]
    fn base64_gives_the_published_texts() {
        for (plain, encoded) in
            [("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(to_base64(plain.as_bytes()), encoded.as_bytes());
            assert_eq!(text(from_base64(encoded.as_bytes())).as_deref(), Some(plain));
        }
        assert_eq!(text(from_base64(b"Zm9vYg")).as_deref(), Some("foob"));
        for none in ["", "Zm9", "Zm9v!", "Zm9vY"] {
            assert_eq!(from_base64(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn letters_outside_ascii_have_two_encodings() {
        assert_eq!(other_encoding("gr\u{fc}n".as_bytes()).unwrap(), b"gr\xfcn");
        assert_eq!(other_encoding(b"gr\xfcn").unwrap(), "gr\u{fc}n".as_bytes());
        assert_eq!(other_encoding(b"green"), None);
        assert_eq!(other_encoding("\u{20ac}".as_bytes()), None, "Latin-1 has no such letter");
    }

    /// RFC 2202 sections 2 and 3, RFC 4231 section 4: test case 2, and one with a secret longer than a block.
    #[test]
    fn hmac_gives_the_published_digests() {
        let hmac = |algorithm, secret: &[u8], message: &[u8]| {
            let (inner, outer) = hmac_keys(algorithm, secret).unwrap();
            to_hex(outer.digest(inner.digest(message).as_octets()).as_octets())
        };
        let (secret, message) = (b"Jefe", b"what do ya want for nothing?");
        for (algorithm, expected) in [
            (Algorithm::Md5, "750c783e6ab0b503eaa86e310a5db738"),
            (Algorithm::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (Algorithm::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ] {
            assert_eq!(hmac(algorithm, secret, message), expected.as_bytes(), "{algorithm:?}");
        }
        let long =
            hmac(Algorithm::Sha1, &[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(long, b"aa4ae5e15272d00e95705637ce8a3b55ed402112");
        assert!(hmac_keys(Algorithm::Aes128Cmac, &[0; 16]).is_none());
    }
}
