//! What differs between two key files, each read as its own program reads it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::key::KeyId;
use super::keyfile::{Entry, EntryKey, KeyFile};

/// A key ID whose keys differ. `Display` is a sentence that names the files `A` and `B` and shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key ID.
    pub id: KeyId,
    /// Number of its line in the first file, if it is there.
    pub first: Option<usize>,
    /// Number of its line in the second file, if it is there.
    pub second: Option<usize>,
    /// What differs.
    pub kind: DifferenceKind,
}

/// How two keys of one ID differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// One file lacks the key.
    Missing {
        /// The key IDs under which that file has the same secret.
        elsewhere: Vec<KeyId>,
    },
    /// The secrets differ.
    Secret {
        /// True when both files spell it alike and the programs read it differently.
        spelled_alike: bool,
    },
    /// The types differ, and the secrets do not.
    Type {
        /// The types, of the first file and of the second.
        types: [String; 2],
    },
    /// Types and secrets differ.
    TypeAndSecret {
        /// The types, of the first file and of the second.
        types: [String; 2],
        /// True when both files spell the secret alike and the programs read it differently.
        spelled_alike: bool,
    },
    /// Only the addresses differ that ntp.org takes the key from.
    Addresses,
}

impl DifferenceKind {
    /// The stable name of the kind, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            DifferenceKind::Missing { .. } => "missing",
            DifferenceKind::Secret { .. } => "other-secret",
            DifferenceKind::Type { .. } => "other-type",
            DifferenceKind::TypeAndSecret { .. } => "other-type-and-secret",
            DifferenceKind::Addresses => "other-addresses",
        }
    }
}

/// Compares the keys that the two programs use.
pub fn compare(first: &KeyFile, second: &KeyFile) -> Vec<Difference> {
    let (left, right) = (in_use(first), in_use(second));
    let (left_owners, right_owners) = (owners(&left), owners(&right));
    let mut ids: Vec<KeyId> = left.keys().chain(right.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let differing = ids.into_iter().filter_map(|id| {
        let (mine, other) = (left.get(&id).copied(), right.get(&id).copied());
        let kind = match (mine, other) {
            (Some(mine), Some(other)) => kind(mine, other)?,
            (Some(mine), None) => DifferenceKind::Missing { elsewhere: elsewhere(mine, &right_owners) },
            (None, Some(other)) => DifferenceKind::Missing { elsewhere: elsewhere(other, &left_owners) },
            (None, None) => return None,
        };
        let line = |entry: Option<&Entry>| entry.map(|entry| entry.line);
        Some(Difference { id, first: line(mine), second: line(other), kind })
    });
    differing.collect()
}

/// Number of different key IDs of the two files.
pub fn count(first: &KeyFile, second: &KeyFile) -> usize {
    let (left, right) = (in_use(first), in_use(second));
    left.len() + right.keys().filter(|id| !left.contains_key(id)).count()
}

fn in_use(file: &KeyFile) -> BTreeMap<KeyId, &Entry> {
    file.entries.iter().filter(|entry| !entry.superseded).map(|entry| (entry.id(), entry)).collect()
}

fn kind(mine: &Entry, other: &Entry) -> Option<DifferenceKind> {
    let same_type = type_of(mine) == type_of(other);
    let same_secret = secret_of(mine) == secret_of(other);
    let types = || [type_of(mine), type_of(other)];
    let spelled_alike = mine.spelling.word.as_octets() == other.spelling.word.as_octets();
    match (same_type, same_secret) {
        (true, true) if mine.addresses == other.addresses => None,
        (true, true) => Some(DifferenceKind::Addresses),
        (true, false) => Some(DifferenceKind::Secret { spelled_alike }),
        (false, true) => Some(DifferenceKind::Type { types: types() }),
        (false, false) => Some(DifferenceKind::TypeAndSecret { types: types(), spelled_alike }),
    }
}

/// The name of a key's type in outputs.
fn type_of(entry: &Entry) -> String {
    match &entry.key {
        EntryKey::Ready(key) => key.algorithm().name().to_owned(),
        EntryKey::Unsupported { type_name, .. } => type_name.clone(),
    }
}

/// What to compare: the octets, or where the program alone knows them, the word that it makes them of.
fn secret_of(entry: &Entry) -> &[u8] {
    match entry.ready() {
        Some(key) => key.secret().as_octets(),
        None => entry.spelling.word.as_octets(),
    }
}

/// The key IDs of each secret, ascending.
type Owners<'k> = HashMap<&'k [u8], Vec<KeyId>>;

fn owners<'k>(keys: &BTreeMap<KeyId, &'k Entry>) -> Owners<'k> {
    let mut owners = Owners::new();
    for (id, entry) in keys {
        owners.entry(secret_of(entry)).or_default().push(*id);
    }
    owners
}

fn elsewhere(entry: &Entry, owners: &Owners<'_>) -> Vec<KeyId> {
    owners.get(secret_of(entry)).cloned().unwrap_or_default()
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {}: ", self.id)?;
        match &self.kind {
            DifferenceKind::Missing { elsewhere } => {
                let (has, lacks) = if self.first.is_some() { ("A", "B") } else { ("B", "A") };
                write!(formatter, "only in {has}")?;
                match elsewhere.as_slice() {
                    [] => Ok(()),
                    ids => {
                        let ids: Vec<String> = ids.iter().map(KeyId::to_string).collect();
                        write!(formatter, "; {lacks} has the same secret as key {}", ids.join(", "))
                    }
                }
            }
            DifferenceKind::Secret { spelled_alike } => {
                write!(formatter, "other secret")?;
                write_spelling(formatter, *spelled_alike)
            }
            DifferenceKind::Type { types: [first, second] } => {
                write!(formatter, "{first} in A, {second} in B; the secret is the same")
            }
            DifferenceKind::TypeAndSecret { types: [first, second], spelled_alike } => {
                write!(formatter, "{first} in A, {second} in B; other secret")?;
                write_spelling(formatter, *spelled_alike)
            }
            DifferenceKind::Addresses => write!(formatter, "other addresses, same key"),
        }
    }
}

fn write_spelling(formatter: &mut fmt::Formatter<'_>, alike: bool) -> fmt::Result {
    if alike {
        write!(formatter, ", though both spell it alike: the programs read it differently")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keyfile::{Dialect, read};

    fn differences(first: (&str, Dialect), second: (&str, Dialect)) -> Vec<String> {
        let (first, second) = (read(first.0.as_bytes(), first.1), read(second.0.as_bytes(), second.1));
        compare(&first, &second).iter().map(ToString::to_string).collect()
    }

    const NTP: Dialect = Dialect::NtpOrg;

    #[test]
    fn each_kind_of_difference_is_told_without_a_secret() {
        let first =
            "1 MD5 alike\n2 MD5 ZQXone\n3 MD5 ZQXthree\n4 MD5 ZQXfour\n5 MD5 ZQXfive\n7 MD5 seven ::1\n";
        let second =
            "1 m alike # x\n2 MD5 ZQXtwo\n3 SHA1 ZQXthree\n4 SHA1 other\n6 SHA1 ZQXfive\n7 MD5 seven\n";
        assert_eq!(
            differences((first, NTP), (second, NTP)),
            [
                "key 2: other secret",
                "key 3: md5 in A, sha1 in B; the secret is the same",
                "key 4: md5 in A, sha1 in B; other secret",
                "key 5: only in A; B has the same secret as key 6",
                "key 6: only in B; A has the same secret as key 5",
                "key 7: other addresses, same key",
            ]
        );
    }

    #[test]
    fn a_line_that_two_programs_read_differently_is_a_difference() {
        let line = "11 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n";
        assert_eq!(
            differences((line, NTP), (line, Dialect::Chrony)),
            ["key 11: other secret, though both spell it alike: the programs read it differently"]
        );
        let prefixed = "11 SHA1 HEX:0102030405060708090A0B0C0D0E0F1011121314\n";
        assert!(differences((line, NTP), (prefixed, Dialect::Chrony)).is_empty());
    }

    #[test]
    fn of_several_lines_the_one_in_use_is_compared() {
        let twice = "11 MD5 first\n11 MD5 second\n";
        assert!(differences((twice, NTP), ("11 MD5 first\n", NTP)).is_empty());
        assert!(differences((twice, Dialect::Ntpsec), ("11 MD5 second\n", NTP)).is_empty());
        assert_eq!(count(&read(twice.as_bytes(), NTP), &read(b"11 MD5 a\n12 MD5 b\n", NTP)), 2);
    }
}
