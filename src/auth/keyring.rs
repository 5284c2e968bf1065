//! Looking keys up: by identifier, by the addresses of a message, and whether they are trusted.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::key::{Key, KeyId};
use super::keyfile::{AddressRange, Dialect, Entry, EntryKey, KeyFile, Spelling};
use super::nt_hash::NtHashes;
use super::trusted::TrustedKeys;

/// The keys of one or more key files, and which of them are trusted.
///
/// Several files may define one key ID; all of their keys are candidates, in the order the files were added.
#[derive(Debug, Default)]
pub struct Keyring {
    sources: Vec<Source>,
    by_id: BTreeMap<KeyId, Slot>,
    other_readings: BTreeMap<KeyId, Vec<OtherReading>>,
    trusted: Option<TrustedKeys>,
    nt_hashes: Arc<NtHashes>,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What to call it in outputs: the file's path as given, or `-`.
    pub label: String,
    /// The dialect that it was read in.
    pub dialect: Dialect,
}

/// A key that a message's key ID may mean.
#[derive(Debug)]
pub struct Candidate {
    /// The key.
    pub key: Key,
    /// Index of its file in [`Keyring::sources`].
    pub source: usize,
    /// Number of its line in that file, from 1.
    pub line: usize,
    /// True for what ntp.org's 4.2.8p15 and earlier make of a line that 4.2.8p18 reads otherwise.
    pub older_version: bool,
    /// True when part of the secret is a guess; see [`Entry::guessed`](super::keyfile::Entry::guessed).
    pub guessed: bool,
    /// The addresses that ntp.org takes this key from as a client or peer; empty means all.
    pub addresses: Vec<AddressRange>,
    /// The secret as the file spells it.
    pub spelling: Spelling,
}

/// What a program other than the file's own makes of one of its lines; for explaining, not for verifying.
#[derive(Debug)]
pub struct OtherReading {
    /// The program.
    pub dialect: Dialect,
    /// The key that it would use.
    pub candidate: Candidate,
}

/// A key that the program of its file would use and that cannot be computed with here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncomputable {
    /// Its type, by OpenSSL's name.
    pub type_name: String,
    /// Index of its file in [`Keyring::sources`].
    pub source: usize,
    /// Number of its line in that file, from 1.
    pub line: usize,
}

#[derive(Debug, Default)]
struct Slot {
    candidates: Vec<Candidate>,
    superseded: Vec<Candidate>,
    uncomputable: Vec<Uncomputable>,
}

/// A candidate for each key of an entry: one, or two where versions of ntp.org differ. None where its type is not
/// computed.
fn candidates(entry: Entry, source: usize) -> impl Iterator<Item = Candidate> {
    let Entry { line, guessed, addresses, spelling, .. } = entry;
    let ready = match entry.key {
        EntryKey::Ready(key) => Some((key, false)),
        EntryKey::Unsupported { .. } => None,
    };
    let older = entry.older_version.filter(|_| ready.is_some()).map(|key| (key, true));
    ready.into_iter().chain(older).map(move |(key, older_version)| Candidate {
        key,
        source,
        line,
        older_version,
        guessed,
        addresses: addresses.clone(),
        spelling: spelling.clone(),
    })
}

impl Keyring {
    /// An empty keyring that trusts every key.
    pub fn new() -> Keyring {
        Keyring::default()
    }

    /// Takes in the keys of a file, and gives its index in [`Keyring::sources`].
    pub fn add(&mut self, label: impl Into<String>, file: KeyFile) -> usize {
        let source = self.sources.len();
        self.sources.push(Source { label: label.into(), dialect: file.dialect });
        for entry in file.entries {
            let slot = self.by_id.entry(entry.id()).or_default();
            match &entry.key {
                EntryKey::Unsupported { type_name, .. } if !entry.superseded => {
                    let type_name = type_name.clone();
                    slot.uncomputable.push(Uncomputable { type_name, source, line: entry.line });
                }
                _ => {
                    let list = if entry.superseded { &mut slot.superseded } else { &mut slot.candidates };
                    list.extend(candidates(entry, source));
                }
            }
        }
        source
    }

    /// Takes in what another program makes of the file at index `source` of [`Keyring::sources`].
    pub fn add_other_reading(&mut self, source: usize, file: KeyFile) {
        let dialect = file.dialect;
        for entry in file.entries.into_iter().filter(|entry| !entry.superseded) {
            let readings = self.other_readings.entry(entry.id()).or_default();
            readings.extend(candidates(entry, source).map(|candidate| OtherReading { dialect, candidate }));
        }
    }

    /// The keys that other programs would use for `id`, as far as the file was read for them too.
    pub fn other_readings(&self, id: KeyId) -> &[OtherReading] {
        self.other_readings.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The files, in the order they were added.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The keys that `id` means: one for each file that defines it, or two where versions of ntp.org differ. Empty
    /// when no file does.
    pub fn lookup(&self, id: KeyId) -> &[Candidate] {
        self.by_id.get(&id).map_or(&[], |slot| &slot.candidates)
    }

    /// The keys under `id` that lose to another line of the same file; for explaining, not for verifying.
    pub fn superseded(&self, id: KeyId) -> &[Candidate] {
        self.by_id.get(&id).map_or(&[], |slot| &slot.superseded)
    }

    /// The keys under `id` whose type cannot be computed here.
    pub fn uncomputable(&self, id: KeyId) -> &[Uncomputable] {
        self.by_id.get(&id).map_or(&[], |slot| &slot.uncomputable)
    }

    /// True when a file defines `id`, whether its MACs can be computed or not.
    pub fn knows(&self, id: KeyId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Every key in use, by ascending key ID and then by file.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.by_id.values().flat_map(|slot| &slot.candidates)
    }

    /// Limits trust to `trusted`.
    pub fn trust_only(&mut self, trusted: TrustedKeys) {
        self.trusted = Some(trusted);
    }

    /// The password hashes of Windows accounts.
    pub fn nt_hashes(&self) -> &NtHashes {
        &self.nt_hashes
    }

    /// The set of trusted keys, if one was given.
    pub fn trusted(&self) -> Option<&TrustedKeys> {
        self.trusted.as_ref()
    }

    /// True when `id` is in the set of trusted keys, or no set was given. Says nothing of whether the key is known.
    pub fn is_trusted(&self, id: KeyId) -> bool {
        self.trusted.as_ref().is_none_or(|trusted| trusted.contains(id))
    }
}

/// A default keyring, and others for the messages of certain addresses.
#[derive(Debug, Default)]
pub struct Keyrings {
    default: Keyring,
    by_address: BTreeMap<IpAddr, Keyring>,
}

impl Keyrings {
    /// An empty default keyring and no others.
    pub fn new() -> Keyrings {
        Keyrings::default()
    }

    /// The default keyring.
    pub fn default_keyring(&self) -> &Keyring {
        &self.default
    }

    /// The default keyring and those of addresses.
    pub fn all(&self) -> impl Iterator<Item = &Keyring> {
        std::iter::once(&self.default).chain(self.by_address.values())
    }

    /// The default keyring, to add to.
    pub fn default_keyring_mut(&mut self) -> &mut Keyring {
        &mut self.default
    }

    /// The keyring of `address`, made when there is none, to add to.
    pub fn of_address_mut(&mut self, address: IpAddr) -> &mut Keyring {
        self.by_address.entry(address.to_canonical()).or_insert_with(|| Keyring {
            trusted: self.default.trusted.clone(),
            nt_hashes: Arc::clone(&self.default.nt_hashes),
            ..Keyring::default()
        })
    }

    /// The default keyring alone.
    pub fn into_default(self) -> Keyring {
        self.default
    }

    /// The keyring of a server alone: its own where it has one, or else the default.
    pub fn into_keyring_of(mut self, server: IpAddr) -> Keyring {
        self.by_address.remove(&server.to_canonical()).unwrap_or(self.default)
    }

    /// Gives every keyring, those made later included, the password hashes of Windows accounts.
    pub fn give_nt_hashes(&mut self, hashes: NtHashes) {
        let hashes = Arc::new(hashes);
        self.default.nt_hashes = Arc::clone(&hashes);
        for keyring in self.by_address.values_mut() {
            keyring.nt_hashes = Arc::clone(&hashes);
        }
    }

    /// Limits trust to `trusted` in every keyring, those made later included.
    pub fn trust_only(&mut self, trusted: &TrustedKeys) {
        self.default.trust_only(trusted.clone());
        for keyring in self.by_address.values_mut() {
            keyring.trust_only(trusted.clone());
        }
    }

    /// The keyrings that may have the key of a message, the likeliest first: that of its server, that of its
    /// client, and the default.
    ///
    /// An IPv4 address and its IPv4-mapped IPv6 form are the same.
    pub fn for_message(&self, server: IpAddr, client: IpAddr) -> impl Iterator<Item = &Keyring> {
        let of = |address: IpAddr| self.by_address.get(&address.to_canonical());
        let (of_server, of_client) =
            if self.by_address.is_empty() { (None, None) } else { (of(server), of(client)) };
        of_server.into_iter().chain(of_client).chain([&self.default])
    }

    /// Every keyring with its address, the default one first and the others by address.
    pub fn iter(&self) -> impl Iterator<Item = (Option<IpAddr>, &Keyring)> {
        let others = self.by_address.iter().map(|(address, ring)| (Some(*address), ring));
        std::iter::once((None, &self.default)).chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keyfile::read;

    fn secrets(candidates: &[Candidate]) -> Vec<(usize, usize, &[u8])> {
        candidates.iter().map(|it| (it.source, it.line, it.key.secret().as_octets())).collect()
    }

    #[test]
    fn every_file_that_defines_an_id_gives_a_candidate() {
        let mut ring = Keyring::new();
        assert_eq!(ring.add("a.keys", read(b"1 MD5 one\n2 MD5 two\n", Dialect::NtpOrg)), 0);
        assert_eq!(ring.add("b.keys", read(b"\n1 uno\n", Dialect::Chrony)), 1);
        let expected: [(usize, usize, &[u8]); 2] = [(0, 1, b"one"), (1, 2, b"uno")];
        assert_eq!(secrets(ring.lookup(KeyId(1))), expected);
        assert!(ring.lookup(KeyId(3)).is_empty());
        assert!(!ring.knows(KeyId(3)));
        assert_eq!(ring.sources()[1], Source { label: "b.keys".to_owned(), dialect: Dialect::Chrony });
        let ids: Vec<u32> = ring.candidates().map(|it| it.key.id().0).collect();
        assert_eq!(ids, [1, 1, 2]);
    }

    #[test]
    fn keeps_duplicates_that_lose_apart() {
        let mut ring = Keyring::new();
        ring.add("k", read(b"1 MD5 old\n1 MD5 new\n", Dialect::Ntpsec));
        assert_eq!(ring.lookup(KeyId(1)).len(), 1);
        assert_eq!(ring.superseded(KeyId(1)).len(), 1);
    }

    #[test]
    fn readings_of_other_programs_are_kept_and_never_looked_up() {
        let text = b"1 SHA1 0102030405060708090a0b0c\n";
        let mut ring = Keyring::new();
        let source = ring.add("k", read(text, Dialect::NtpOrg));
        ring.add_other_reading(source, read(text, Dialect::Chrony));
        assert_eq!(ring.lookup(KeyId(1)).len(), 1);
        let other = &ring.other_readings(KeyId(1))[0];
        assert_eq!((other.dialect, other.candidate.key.secret().length()), (Dialect::Chrony, 24));
    }

    #[test]
    fn knows_keys_that_cannot_be_computed() {
        let mut ring = Keyring::new();
        ring.add("k", read(b"7 SM3 secret\n", Dialect::NtpOrg));
        assert!(ring.knows(KeyId(7)));
        assert!(ring.lookup(KeyId(7)).is_empty());
        let expected = Uncomputable { type_name: "SM3".to_owned(), source: 0, line: 1 };
        assert_eq!(ring.uncomputable(KeyId(7)), [expected]);
    }

    #[test]
    fn trusts_every_key_until_told_otherwise() {
        let mut ring = Keyring::new();
        assert!(ring.is_trusted(KeyId(5)));
        ring.trust_only(TrustedKeys::parse("1-3").unwrap());
        assert!(ring.is_trusted(KeyId(2)));
        assert!(!ring.is_trusted(KeyId(5)));
    }

    #[test]
    fn an_address_of_its_own_comes_before_the_default() {
        let server: IpAddr = "192.0.2.1".parse().unwrap();
        let client: IpAddr = "192.0.2.9".parse().unwrap();
        let mut rings = Keyrings::new();
        rings.default_keyring_mut().add("default", read(b"1 MD5 a\n", Dialect::NtpOrg));
        rings.trust_only(&TrustedKeys::parse("1").unwrap());
        rings.of_address_mut(server).add("server", read(b"1 MD5 b\n", Dialect::NtpOrg));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let labels = |server, client| -> Vec<&str> {
            rings.for_message(server, client).map(|ring| ring.sources()[0].label.as_str()).collect()
        };
        assert_eq!(labels(server, client), ["server", "default"]);
        assert_eq!(labels(client, server), ["server", "default"]);
        assert_eq!(labels(client, mapped), ["server", "default"]);
        assert_eq!(labels(client, client), ["default"]);
        assert!(rings.for_message(server, client).all(|ring| !ring.is_trusted(KeyId(2))));
        let labels: Vec<_> = rings.iter().map(|(address, ring)| (address, ring.sources().len())).collect();
        assert_eq!(labels, [(None, 1), (Some(server), 1)]);
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut ring = Keyring::new();
        ring.add("k", read(b"1 MD5 hunter2\n1 MD5 hunter3 # hunter4\n", Dialect::NtpOrg));
        assert!(!format!("{ring:?}").contains("hunter"));
    }
}
