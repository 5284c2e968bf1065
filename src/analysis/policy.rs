//! Which algorithms count as weak.

use crate::auth::Algorithm;

/// A judgement of algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Weak is what FIPS 140 does not approve: all but SHA-1, SHA-2, SHA-3 and AES.
    Fips,
    /// Weak is what is weaker than SHA-1: MD5 (RFC 8573), and what nobody looks after.
    Sha1,
    /// Weak is all but SHA-2, SHA-3 and AES-CMAC.
    #[default]
    Modern,
}

impl Policy {
    /// True when the policy calls the algorithm weak.
    pub fn is_weak(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Md5 | Algorithm::Tiger => true,
            Algorithm::Sha1 => self == Policy::Modern,
            Algorithm::Ripemd160 | Algorithm::Whirlpool => self != Policy::Sha1,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_differ_in_sha1_and_in_what_is_not_approved() {
        let weak = |policy: Policy| -> Vec<&str> {
            Algorithm::ALL.into_iter().filter(|one| policy.is_weak(*one)).map(Algorithm::name).collect()
        };
        assert_eq!(weak(Policy::Sha1), ["md5", "tiger"]);
        assert_eq!(weak(Policy::Fips), ["md5", "ripemd160", "whirlpool", "tiger"]);
        assert_eq!(weak(Policy::Modern), ["md5", "sha1", "ripemd160", "whirlpool", "tiger"]);
    }
}
