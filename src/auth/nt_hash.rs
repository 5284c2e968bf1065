//! Password hashes of Windows accounts, by which a domain controller signs [MS-SNTP] replies.
//!
//! The digest is that of MD5 with the 16 octets of the hash as secret, over the header alone ([MS-SNTP] 3.2.5.1).

use std::collections::HashMap;

use super::algorithm::Algorithm;
use super::hex;
use super::key::{Key, KeyId, Secret};

/// Most lines that are read.
const MOST_LINES: usize = 1_000_000;

/// Octets of an NT hash.
const HASH_LENGTH: usize = 16;

/// NT hashes by the relative identifier of their account.
#[derive(Debug, Default)]
pub struct NtHashes {
    by_account: HashMap<u32, Vec<Key>>,
}

/// A line that gives no hash. Does not show the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected RID=HASH, the account's relative identifier and 32 hex digits")]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
}

impl NtHashes {
    /// Reads lines `RID=HASH`; empty ones and those that begin with `#` say nothing. An account may have several,
    /// for its present and its former password.
    pub fn read(text: &[u8]) -> (NtHashes, Vec<BadLine>) {
        let mut hashes = NtHashes::default();
        let mut bad = Vec::new();
        for (index, line) in text.split(|octet| *octet == b'\n').enumerate().take(MOST_LINES) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match parse(line) {
                Some((account, key)) => hashes.by_account.entry(account).or_default().push(key),
                None => bad.push(BadLine { line: index + 1 }),
            }
        }
        (hashes, bad)
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.by_account.is_empty()
    }

    /// Whether `digest` is that of `header` under a hash of the account that `key_id` names: its octets the other
    /// way round, and the first bit for the former password. `None` when the account is not known.
    pub fn verifies(&self, key_id: u32, header: &[u8], digest: &[u8]) -> Option<bool> {
        let account = relative_id(key_id);
        let keys = self.by_account.get(&account)?;
        Some(keys.iter().any(|key| key.verifies(header, digest)))
    }
}

fn parse(line: &[u8]) -> Option<(u32, Key)> {
    let split = line.iter().position(|octet| matches!(octet, b'=' | b':' | b' ' | b'\t'))?;
    let (account, hash) = line.split_at_checked(split)?;
    let account: u32 = std::str::from_utf8(account).ok()?.parse().ok()?;
    let octets = hex::decode(hash.get(1..)?.trim_ascii()).filter(|octets| octets.len() == HASH_LENGTH)?;
    let secret = Secret::new(octets);
    Some((account, Key::new(KeyId(account), Algorithm::Md5, secret).ok()?))
}

/// The relative identifier of the account that MS-SNTP has where other messages have their key ID: in the other byte
/// order, and without the highest bit, which says whether the older or the newer password is meant (MS-SNTP 2.2.1).
pub fn relative_id(key_id: u32) -> u32 {
    key_id.swap_bytes() & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// The test vector that hashcat publishes for its mode 31300; the password's MD4 was computed with openssl.
    #[test]
    fn the_published_vector_verifies() {
        let (hashes, bad) = NtHashes::read(b"# a domain member\n1103=b4b9b02e6f09a9bd760f388b67351e2b\n");
        assert!(bad.is_empty());
        let header = octets(
            "907733697536811342962140955567108526489624716566696971338784438986103976327367763739445744705380",
        );
        let digest = octets("cfc7023381cf6bb474cdcbeb0a67bdb3");
        assert_eq!(hashes.verifies(0x4f04_0000, &header, &digest), Some(true));
        assert_eq!(
            hashes.verifies(0x4f04_0080, &header, &digest),
            Some(true),
            "the former password's selector"
        );
        assert_eq!(hashes.verifies(0x4f04_0000, &header, &[0; 16]), Some(false));
        assert_eq!(hashes.verifies(0x0000_044f, &header, &digest), None, "another account");
    }

    #[test]
    fn lines_without_a_hash_are_named_by_number() {
        let (hashes, bad) = NtHashes::read(b"1103=b4b9\n\nhost$=b4b9b02e6f09a9bd760f388b67351e2b\n1104\n");
        assert!(hashes.is_empty());
        assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [1, 3, 4]);
    }
}
