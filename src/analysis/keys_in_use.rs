//! Which keys verify the messages of which servers, and what that says of the keys.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::auth::KeyId;

use super::finding::{Event, Finding, MOST_FRAMES, Place};
use super::verdict::{Status, Verdict};

/// Uses that are remembered at most.
const MOST_USES: usize = 65_536;

/// Events about keys at most.
const MOST_EVENTS: usize = 64;

/// Keys that are remembered for one key ID of a server.
const MOST_KEYS: usize = 8;

/// The keys that verified, by server and key ID.
#[derive(Debug, Default)]
pub struct KeysInUse<'k> {
    uses: HashMap<Use, Vec<(KeyPlace<'k>, Place)>>,
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Use {
    server: IpAddr,
    key_id: KeyId,
}

impl<'k> KeysInUse<'k> {
    /// Takes note of a message; gives an event when its key is another than those that verified before.
    pub fn note(&mut self, server: IpAddr, verdict: &Verdict<'_, 'k>, place: Place) -> Option<Event> {
        let key_id = verdict.key_id().filter(|_| verdict.status == Status::Valid)?;
        let (file, candidate) = verdict.key_file.zip(verdict.candidate)?;
        let name = Use { server, key_id };
        if self.uses.len() >= MOST_USES && !self.uses.contains_key(&name) {
            return None;
        }
        let key = (file, candidate.line);
        let keys = self.uses.entry(name).or_default();
        if let Some((_, last)) = keys.iter_mut().find(|(known, _)| *known == key) {
            *last = place;
            return None;
        }
        let before = keys.iter().max_by_key(|(_, last)| *last).copied();
        if keys.len() < MOST_KEYS {
            keys.push((key, place));
        }
        let ((old_file, old_line), old) = before?;
        let detail = format!(
            "key {key_id} of {server}: {old_file}:{old_line} verified before, now {file}:{}",
            candidate.line
        );
        Some(Event { finding: Finding::KeyChanged, frames: vec![old, place], detail })
    }

    /// What the whole run says of the keys.
    pub fn events(&self) -> Vec<Event> {
        let mut by_key: BTreeMap<KeyPlace<'k>, Vec<Verified>> = BTreeMap::new();
        let mut by_id: BTreeMap<KeyId, BTreeMap<KeyPlace<'k>, Verified>> = BTreeMap::new();
        let mut uses: Vec<_> = self.uses.iter().collect();
        uses.sort_unstable_by_key(|(name, _)| **name);
        for (name, keys) in uses {
            for (key, place) in keys {
                let verified = Verified { server: name.server, key_id: name.key_id, place: *place };
                by_key.entry(*key).or_default().push(verified);
                by_id.entry(name.key_id).or_default().entry(*key).or_insert(verified);
            }
        }
        let shared = by_key.values().filter(|servers| are_several(servers)).map(|servers| shared(servers));
        let several = by_id.iter().filter(|(_, keys)| differ(keys)).map(|(id, keys)| several(*id, keys));
        shared.chain(several).take(MOST_EVENTS).collect()
    }
}

/// A key file and its line.
type KeyPlace<'k> = (&'k str, usize);

/// A message that verified.
#[derive(Clone, Copy)]
struct Verified {
    server: IpAddr,
    key_id: KeyId,
    place: Place,
}

/// True for more servers than one with an IPv4 and an IPv6 address.
fn are_several(servers: &[Verified]) -> bool {
    let ipv4 = servers.iter().filter(|verified| verified.server.is_ipv4()).count();
    ipv4 > 1 || servers.len() - ipv4 > 1
}

/// True for secrets of different servers: those of one are told as a change.
fn differ(keys: &BTreeMap<KeyPlace<'_>, Verified>) -> bool {
    let first = keys.values().next().map(|verified| verified.server);
    keys.values().any(|verified| Some(verified.server) != first)
}

fn shared(servers: &[Verified]) -> Event {
    let names: Vec<String> = servers.iter().map(|one| one.server.to_string()).take(MOST_FRAMES).collect();
    let key_id = servers.first().map_or(KeyId(0), |verified| verified.key_id);
    Event {
        finding: Finding::KeySharedByServers,
        frames: servers.iter().map(|verified| verified.place).take(MOST_FRAMES).collect(),
        detail: format!("key {key_id} verifies at {} servers: {}", servers.len(), names.join(", ")),
    }
}

fn several(key_id: KeyId, keys: &BTreeMap<KeyPlace<'_>, Verified>) -> Event {
    let name = |((file, line), verified): (&KeyPlace<'_>, &Verified)| {
        format!("{file}:{line} at {}", verified.server)
    };
    let names: Vec<String> = keys.iter().map(name).take(MOST_FRAMES).collect();
    Event {
        finding: Finding::KeyIdWithSeveralSecrets,
        frames: keys.values().map(|verified| verified.place).take(MOST_FRAMES).collect(),
        detail: format!("key {key_id} is {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Keyring;
    use crate::auth::keyfile::{self, Dialect};
    use crate::ntp::MessageBuilder;
    use crate::ntp::header::Header;
    use crate::ntp::message::Message;

    /// Counts one message for each server: the key with which it is signed is in the first file or in the second.
    fn events(servers: &[(&str, &str)]) -> Vec<Event> {
        let mut keyring = Keyring::new();
        for (label, text) in [("old.keys", "11 MD5 old\n"), ("new.keys", "11 MD5 new\n")] {
            keyring.add(label, keyfile::read(text.as_bytes(), Dialect::NtpOrg));
        }
        let mut keys = KeysInUse::default();
        let mut events = Vec::new();
        for (frame, (server, label)) in servers.iter().enumerate() {
            let mut octets = MessageBuilder::new(&Header::parse(&[0x24; 48]).unwrap()).build();
            let index = keyring.sources().iter().position(|source| source.label == *label).unwrap();
            crate::auth::mac::append_mac(&mut octets, &keyring.lookup(KeyId(11))[index].key);
            let message = Message::parse(&octets).unwrap();
            let verdict = crate::analysis::verdict::judge_message(&message, &keyring);
            let place = Place { capture: 0, frame: frame as u64 + 1 };
            events.extend(keys.note(server.parse().unwrap(), &verdict, place));
        }
        events.extend(keys.events());
        events
    }

    fn codes(servers: &[(&str, &str)]) -> Vec<&'static str> {
        events(servers).iter().map(|event| event.finding.code()).collect()
    }

    #[test]
    fn one_key_at_two_servers_is_told_with_a_frame_of_each() {
        let events = events(&[("10.0.0.1", "old.keys"), ("10.0.0.2", "old.keys")]);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].finding, Finding::KeySharedByServers);
        assert_eq!(events[0].frames.iter().map(|place| place.frame).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(events[0].detail, "key 11 verifies at 2 servers: 10.0.0.1, 10.0.0.2");
    }

    #[test]
    fn two_addresses_of_different_families_may_be_one_server() {
        assert!(codes(&[("10.0.0.1", "old.keys"), ("fd99::1", "old.keys")]).is_empty());
    }

    #[test]
    fn one_key_id_with_two_secrets_is_told() {
        let codes = codes(&[("10.0.0.1", "old.keys"), ("10.0.0.2", "new.keys")]);
        assert_eq!(codes, ["key-id-with-several-secrets"]);
    }

    #[test]
    fn a_key_that_changes_is_told_where_it_changes() {
        let events = events(&[("10.0.0.1", "old.keys"), ("10.0.0.1", "old.keys"), ("10.0.0.1", "new.keys")]);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].finding, Finding::KeyChanged);
        assert_eq!(events[0].frames.iter().map(|place| place.frame).collect::<Vec<_>>(), [2, 3]);
    }

    /// During a rotation some clients have the new key and others still the old one.
    #[test]
    fn keys_that_take_turns_are_told_once() {
        let turns = [("10.0.0.1", "old.keys"), ("10.0.0.1", "new.keys")].repeat(5);
        assert_eq!(codes(&turns), ["key-changed"]);
    }
}
