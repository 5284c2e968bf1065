//! New keys. Randomness comes from outside.

use super::algorithm::Algorithm;
use super::conversion::{Format, Kept, type_word, why_not};
use super::key::{Key, KeyId, Secret};
use super::keyfile::Dialect;
use super::trusted::TrustedKeys;

/// What keys are to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    dialect: Dialect,
    algorithm: Algorithm,
    octets: usize,
    ids: Vec<u32>,
}

impl Plan {
    /// Checks what is wanted against what the program takes. Without `bits` it is what the algorithm calls for.
    ///
    /// # Errors
    /// [`PlanError`] when the program, or all of them, take no such key.
    pub fn new(
        dialect: Dialect,
        algorithm: Algorithm,
        bits: Option<u32>,
        ids: &TrustedKeys,
    ) -> Result<Plan, PlanError> {
        if type_word(algorithm, dialect).is_none() {
            return Err(PlanError::Algorithm { dialect, algorithm });
        }
        let octets = match (algorithm.secret_length(), bits) {
            (Some(octets), None) => octets,
            (Some(octets), Some(bits)) if octets_of(bits) == Some(octets) => octets,
            (Some(octets), Some(_)) => return Err(PlanError::CipherBits { algorithm, bits: octets * 8 }),
            (None, None) => algorithm.digest_length().min(MOST_OCTETS),
            (None, Some(bits)) => {
                let octets = octets_of(bits);
                octets
                    .filter(|octets| (FEWEST_OCTETS..=MOST_OCTETS).contains(octets))
                    .ok_or(PlanError::Bits)?
            }
        };
        Ok(Plan { dialect, algorithm, octets, ids: list(ids, dialect)? })
    }

    /// The program that the keys are for.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Their algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Octets of each secret.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Makes the keys. `fill` fills octets with randomness that nobody can guess.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn make<E>(&self, mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Vec<Kept>, E> {
        let mut keys = Vec::with_capacity(self.ids.len());
        for (index, id) in self.ids.iter().enumerate() {
            let mut octets = vec![0; self.octets];
            fill(&mut octets)?;
            if let Ok(key) = Key::new(KeyId(*id), self.algorithm, Secret::new(octets)) {
                keys.push(Kept { line: index + 1, key, addresses: Vec::new() });
            }
        }
        Ok(keys)
    }
}

fn octets_of(bits: u32) -> Option<usize> {
    bits.is_multiple_of(8).then(|| usize::try_from(bits / 8).ok()).flatten()
}

fn list(ids: &TrustedKeys, dialect: Dialect) -> Result<Vec<u32>, PlanError> {
    let maximum = if dialect == Dialect::Chrony { u32::MAX } else { 65_535 };
    let count: u64 = ids.ranges().iter().map(|(first, last)| u64::from(last - first) + 1).sum();
    if ids.contains(KeyId(0)) || ids.ranges().last().is_some_and(|(_, last)| *last > maximum) {
        return Err(PlanError::KeyId { dialect, maximum });
    }
    if count > MOST_KEYS {
        return Err(PlanError::Count { count });
    }
    Ok(ids.ranges().iter().flat_map(|(first, last)| *first..=*last).collect())
}

/// The algorithm that a word names: by its name in outputs, or by the program's own.
pub fn algorithm_of(word: &str, dialect: Dialect) -> Option<Algorithm> {
    let is_named = |algorithm: &Algorithm| {
        let typed = type_word(*algorithm, dialect);
        algorithm.name().eq_ignore_ascii_case(word)
            || typed.is_some_and(|typed| typed.eq_ignore_ascii_case(word))
    };
    Algorithm::ALL.into_iter().find(is_named)
}

/// The words of the type column that keys can be made for, in the program's spelling.
pub fn types(dialect: Dialect) -> Vec<&'static str> {
    Algorithm::ALL.into_iter().filter_map(|algorithm| type_word(algorithm, dialect)).collect()
}

/// Why no such keys are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The program does not compute with the algorithm.
    #[error("{}", why_not(*algorithm, *dialect).of(Format::Daemon(*dialect)))]
    Algorithm {
        /// The program.
        dialect: Dialect,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A cipher takes secrets of one length.
    #[error("{} takes a secret of {bits} bits and no other", algorithm.name())]
    CipherBits {
        /// The cipher's algorithm.
        algorithm: Algorithm,
        /// What it takes.
        bits: usize,
    },
    /// The secret would be weak, or not every program would take it.
    #[error("a secret has {} to {} bits, in whole octets", FEWEST_OCTETS * 8, MOST_OCTETS * 8)]
    Bits,
    /// The program has other key IDs.
    #[error("{} has key IDs from 1 to {maximum}", dialect.title())]
    KeyId {
        /// The program.
        dialect: Dialect,
        /// Its largest.
        maximum: u32,
    },
    /// More keys than a file may have.
    #[error("{count} keys are too many; {MOST_KEYS} fit a file")]
    Count {
        /// The number of them.
        count: u64,
    },
}

/// Shorter secrets could be taken for text by ntp.org and NTPsec, and be found by trying.
const FEWEST_OCTETS: usize = 16;

/// NTPsec and older versions of ntp.org use no more.
const MOST_OCTETS: usize = 32;

const MOST_KEYS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::conversion;

    fn plan(dialect: Dialect, word: &str, bits: Option<u32>, ids: &str) -> Result<Plan, PlanError> {
        Plan::new(dialect, algorithm_of(word, dialect).unwrap(), bits, &TrustedKeys::parse(ids).unwrap())
    }

    fn counting() -> impl FnMut(&mut [u8]) -> Result<(), std::convert::Infallible> {
        let mut next = 0;
        move |octets| {
            octets.fill_with(|| {
                next += 1;
                next
            });
            Ok(())
        }
    }

    #[test]
    fn every_type_of_every_program_makes_keys_that_the_program_reads() {
        for dialect in Dialect::ALL {
            assert!(types(dialect).len() >= 5, "{dialect}");
            for word in types(dialect) {
                let plan = plan(dialect, word, None, "11-13,20").unwrap();
                let keys = plan.make(counting()).unwrap();
                let format = Format::Daemon(dialect);
                let text = conversion::write(&keys, format, &["a header".to_owned()]).unwrap();
                let read = conversion::read(&text, format);
                let ids: Vec<u32> = read.kept.iter().map(|kept| kept.key.id().0).collect();
                assert_eq!((ids, read.lost.len()), (vec![11, 12, 13, 20], 0), "{dialect} {word}");
                assert_eq!(
                    read.kept[1].key.secret().as_octets()[0],
                    u8::try_from(plan.octets() + 1).unwrap()
                );
            }
        }
    }

    #[test]
    fn lengths_are_those_of_the_digest_unless_given() {
        let octets = |word, bits| plan(Dialect::Chrony, word, bits, "1").map(|plan| plan.octets());
        assert_eq!(octets("SHA1", None), Ok(20));
        assert_eq!(octets("sha512", None), Ok(32));
        assert_eq!(octets("MD5", Some(160)), Ok(20));
        assert_eq!(octets("AES128", Some(128)), Ok(16));
        let error = octets("AES128", Some(160)).unwrap_err();
        assert_eq!(error.to_string(), "aes128-cmac takes a secret of 128 bits and no other");
        for bits in [0, 120, 129, 264, u32::MAX] {
            assert_eq!(octets("SHA1", Some(bits)), Err(PlanError::Bits), "{bits}");
        }
    }

    #[test]
    fn what_a_program_does_not_take_is_not_made() {
        let error = plan(Dialect::NtpOrg, "sha256", None, "1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "ntp.org 4.2.8p18 loads sha256 keys and verifies nothing with them, because their digests are longer than 20 octets"
        );
        let error = plan(Dialect::Ntpsec, "AES-256", None, "1-65536").unwrap_err();
        assert_eq!(error.to_string(), "NTPsec has key IDs from 1 to 65535");
        assert!(plan(Dialect::Chrony, "SHA1", None, "4294967295").is_ok());
        let zero = Plan::new(Dialect::Chrony, Algorithm::Sha1, None, &TrustedKeys::of(vec![(0, 3)]));
        assert!(matches!(zero, Err(PlanError::KeyId { .. })));
        let error = plan(Dialect::Chrony, "SHA1", None, "1-4294967295").unwrap_err();
        assert_eq!(error.to_string(), "4294967295 keys are too many; 100000 fit a file");
        assert_eq!(algorithm_of("hunter2", Dialect::NtpOrg), None);
    }
}
