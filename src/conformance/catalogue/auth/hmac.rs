//! HMAC, which no implementation of NTP uses and some take for what they do.

use crate::auth::{Algorithm, Key, Secret};

/// The HMAC of RFC 2104 over `message` under the key's secret, by its hash. `None` for other hashes than MD5, SHA-1
/// and SHA-2.
pub(super) fn hmac(key: &Key, message: &[u8]) -> Option<Vec<u8>> {
    let block = block_length(key.algorithm())?;
    // With its secret before the message, a keyed hash is the half of an HMAC.
    let hash = |secret: Vec<u8>, message: &[u8]| {
        let half = Key::new(key.id(), key.algorithm(), Secret::new(secret)).ok()?;
        Some(half.digest(message).as_octets().to_vec())
    };
    let mut secret = key.secret().as_octets().to_vec();
    if secret.len() > block {
        secret = hash(secret, &[])?;
    }
    secret.resize(block, 0);
    let padded = |with: u8| secret.iter().map(|octet| octet ^ with).collect::<Vec<u8>>();
    let inner = hash(padded(0x36), message)?;
    hash(padded(0x5c), &inner)
}

fn block_length(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Md5 | Algorithm::Sha1 | Algorithm::Sha224 | Algorithm::Sha256 => Some(64),
        Algorithm::Sha384 | Algorithm::Sha512 => Some(128),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::KeyId;

    fn of(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> String {
        let key = Key::new(KeyId(1), algorithm, Secret::new(secret.to_vec())).unwrap();
        hmac(&key, message).unwrap().iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// RFC 2202 section 2 case 2, section 3 cases 2 and 6; RFC 4231 section 4.3 and 4.7.
    #[test]
    fn agrees_with_the_published_vectors() {
        let (jefe, what) = (b"Jefe".as_slice(), b"what do ya want for nothing?".as_slice());
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First".as_slice();
        assert_eq!(of(Algorithm::Md5, jefe, what), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(of(Algorithm::Sha1, jefe, what), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(of(Algorithm::Sha1, &[0xaa; 80], long), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
        assert_eq!(
            of(Algorithm::Sha256, jefe, what),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            of(Algorithm::Sha512, &[0xaa; 131], long),
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f7\
             3f63f0aec8b915a985d786598"
        );
    }
}
