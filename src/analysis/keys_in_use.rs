//! Which keys verify the messages of which servers, and what that says of the keys.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;

use crate::auth::KeyId;
use crate::auth::key::KeyIdentity;

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
    uses: HashMap<(Holder, KeyId), Vec<Used<'k>>>,
}

/// Who has a key beside clients: a server, or two peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    server: IpAddr,
    peer: Option<IpAddr>,
}

impl Holder {
    /// A server.
    pub fn server(address: IpAddr) -> Holder {
        Holder { server: address, peer: None }
    }

    /// Two peers, whichever speaks.
    pub fn peers(one: IpAddr, other: IpAddr) -> Holder {
        Holder { server: one.min(other), peer: Some(one.max(other)) }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.server == address || self.peer == Some(address)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.server)?;
        self.peer.map_or(Ok(()), |peer| write!(formatter, " with its peer {peer}"))
    }
}

/// A key that verified, where it is defined, and the last message that it verified.
#[derive(Clone, Copy, Debug)]
struct Used<'k> {
    identity: KeyIdentity,
    file: &'k str,
    line: usize,
    last: Place,
}

impl<'k> KeysInUse<'k> {
    /// Takes note of a message; gives an event when its key is another than those that verified before.
    pub fn note(&mut self, holder: Holder, verdict: &Verdict<'_, 'k>, place: Place) -> Option<Event> {
        let key_id = verdict.key_id().filter(|_| verdict.status == Status::Valid)?;
        let (file, candidate) = verdict.key_file.zip(verdict.candidate)?;
        if self.uses.len() >= MOST_USES && !self.uses.contains_key(&(holder, key_id)) {
            return None;
        }
        let keys = self.uses.entry((holder, key_id)).or_default();
        let line = candidate.line;
        if let Some(known) = keys.iter_mut().find(|known| (known.file, known.line) == (file, line)) {
            known.last = place;
            return None;
        }
        let identity = candidate.key.identity();
        if let Some(known) = keys.iter_mut().find(|known| known.identity == identity) {
            known.last = place;
            return None;
        }
        let before = keys.iter().max_by_key(|known| known.last).copied();
        if keys.len() < MOST_KEYS {
            keys.push(Used { identity, file, line, last: place });
        }
        let before = before?;
        let detail = format!(
            "key {key_id} of {holder}: {}:{} verified before, now {file}:{line}",
            before.file, before.line
        );
        Some(Event { finding: Finding::KeyChanged, frames: vec![before.last, place], detail })
    }

    /// What the whole run says of the keys.
    pub fn events(&self) -> Vec<Event> {
        let mut by_key: BTreeMap<KeyIdentity, Vec<Verified<'k>>> = BTreeMap::new();
        let mut by_id: BTreeMap<KeyId, BTreeMap<KeyIdentity, Verified<'k>>> = BTreeMap::new();
        let mut uses: Vec<_> = self.uses.iter().collect();
        uses.sort_unstable_by_key(|(name, _)| **name);
        for ((holder, key_id), keys) in uses {
            for used in keys {
                let verified = Verified { holder: *holder, key_id: *key_id, used: *used };
                by_key.entry(used.identity).or_default().push(verified);
                by_id.entry(*key_id).or_default().entry(used.identity).or_insert(verified);
            }
        }
        let mut shared: Vec<Event> = by_key.values().filter_map(|uses| shared(uses)).collect();
        // By their frames: an order by what the keys are would tell something of the secrets.
        shared.sort_by(|one, other| one.frames.cmp(&other.frames));
        let several = by_id.iter().filter(|(_, keys)| differ(keys)).map(|(id, keys)| several(*id, keys));
        shared.into_iter().chain(several).take(MOST_EVENTS).collect()
    }
}

/// A key, and who has it under which ID.
#[derive(Clone, Copy)]
struct Verified<'k> {
    holder: Holder,
    key_id: KeyId,
    used: Used<'k>,
}

/// The servers that have a key, each with what shows it. Peers share theirs by nature, and one of them may serve
/// clients under it too.
fn servers_of<'v, 'k>(uses: &'v [Verified<'k>]) -> BTreeMap<IpAddr, &'v Verified<'k>> {
    let servers = uses.iter().filter(|one| one.holder.peer.is_none());
    let mut servers: BTreeMap<IpAddr, &Verified<'k>> =
        servers.rev().map(|one| (one.holder.server, one)).collect();
    for one in uses {
        if !servers.keys().any(|server| one.holder.has(*server)) {
            servers.insert(one.holder.server, one);
        }
    }
    servers
}

/// True for more servers than one with an IPv4 and an IPv6 address.
fn are_several(servers: &BTreeMap<IpAddr, &Verified<'_>>) -> bool {
    let ipv4 = servers.keys().filter(|server| server.is_ipv4()).count();
    ipv4 > 1 || servers.len() - ipv4 > 1
}

/// True for secrets of different servers: those of one are told as a change.
fn differ(keys: &BTreeMap<KeyIdentity, Verified<'_>>) -> bool {
    let first = keys.values().next().map(|verified| verified.holder);
    keys.values().any(|verified| Some(verified.holder) != first)
}

/// Tells of a key that several servers have.
fn shared(uses: &[Verified<'_>]) -> Option<Event> {
    let servers = servers_of(uses);
    if !are_several(&servers) {
        return None;
    }
    let key_id = uses.first().map_or(KeyId(0), |verified| verified.key_id);
    let is_one_id = servers.values().all(|verified| verified.key_id == key_id);
    let name = |one: &&Verified<'_>| match is_one_id {
        true => one.holder.to_string(),
        false => format!("{} under {}", one.holder, one.key_id),
    };
    let mut names: Vec<String> = servers.values().map(name).take(MOST_FRAMES).collect();
    if servers.len() > names.len() {
        names.push(format!("and {} more", servers.len() - names.len()));
    }
    let what = if is_one_id { format!("key {key_id}") } else { "one secret".to_owned() };
    Some(Event {
        finding: Finding::KeySharedByServers,
        frames: servers.values().map(|verified| verified.used.last).take(MOST_FRAMES).collect(),
        detail: format!("{what} signs for {} servers: {}", servers.len(), names.join(", ")),
    })
}

fn several(key_id: KeyId, keys: &BTreeMap<KeyIdentity, Verified<'_>>) -> Event {
    let mut keys: Vec<&Verified<'_>> = keys.values().collect();
    // By where they are defined, not by what they are.
    keys.sort_by_key(|verified| (verified.used.file, verified.used.line));
    let name = |one: &&Verified<'_>| format!("{}:{} at {}", one.used.file, one.used.line, one.holder);
    let names: Vec<String> = keys.iter().map(name).take(MOST_FRAMES).collect();
    Event {
        finding: Finding::KeyIdWithSeveralSecrets,
        frames: keys.iter().map(|verified| verified.used.last).take(MOST_FRAMES).collect(),
        detail: format!("key {key_id} is {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keyfile::{self, Dialect};
    use crate::auth::{Algorithm, Key, Keyring, Secret};
    use crate::ntp::MessageBuilder;
    use crate::ntp::header::Header;
    use crate::ntp::message::Message;

    /// Counts one message for each server, signed with the key of that file, which is the only one tried.
    fn events(servers: &[(&str, &str)]) -> Vec<Event> {
        let files = [
            ("old.keys", "11 MD5 old\n"),
            ("new.keys", "11 MD5 new\n"),
            ("copy.keys", "# of another server\n11 MD5 old\n"),
            ("12.keys", "12 MD5 old\n"),
        ];
        let keyrings = files.map(|(label, text)| {
            let mut keyring = Keyring::new();
            keyring.add(label, keyfile::read(text.as_bytes(), Dialect::NtpOrg));
            keyring
        });
        let mut keys = KeysInUse::default();
        let mut events: Vec<Event> = Vec::new();
        for (frame, (server, label)) in servers.iter().enumerate() {
            let mut octets = MessageBuilder::new(&Header::parse(&[0x24; 48]).unwrap()).build();
            let keyring = keyrings.iter().find(|keyring| keyring.sources()[0].label == *label).unwrap();
            let key_id = KeyId(if *label == "12.keys" { 12 } else { 11 });
            crate::auth::mac::append_mac(&mut octets, &keyring.lookup(key_id)[0].key);
            let message = Message::parse(&octets).unwrap();
            let verdict = crate::analysis::verdict::judge_message(&message, keyring);
            let place = Place { capture: 0, frame: frame as u64 + 1 };
            let holder = Holder::server(server.parse().unwrap());
            events.extend(keys.note(holder, &verdict, place));
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
        assert_eq!(events[0].detail, "key 11 signs for 2 servers: 10.0.0.1, 10.0.0.2");
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

    /// Each server has a key file of its own: same secret, another place.
    #[test]
    fn a_secret_is_known_again_wherever_it_stands() {
        let shared = events(&[("10.0.0.1", "old.keys"), ("10.0.0.2", "copy.keys")]);
        assert_eq!(shared[0].detail, "key 11 signs for 2 servers: 10.0.0.1, 10.0.0.2");
        assert_eq!(shared.len(), 1);
        assert!(codes(&[("10.0.0.1", "old.keys"), ("10.0.0.1", "copy.keys")]).is_empty(), "no change");
        let other_id = events(&[("10.0.0.1", "old.keys"), ("10.0.0.2", "12.keys")]);
        assert_eq!(
            other_id[0].detail,
            "one secret signs for 2 servers: 10.0.0.1 under 11, 10.0.0.2 under 12"
        );
    }

    #[test]
    fn peers_share_their_key() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!(Holder::peers(one, other), Holder::peers(other, one));
        let count = |holders: &[Holder]| {
            let used = Used {
                identity: Key::new(KeyId(1), Algorithm::Md5, Secret::new(vec![1])).unwrap().identity(),
                file: "k",
                line: 1,
                last: Place { capture: 0, frame: 1 },
            };
            let verified = |holder: &Holder| Verified { holder: *holder, key_id: KeyId(1), used };
            servers_of(&holders.iter().map(verified).collect::<Vec<_>>()).len()
        };
        let server = |text: &str| Holder::server(address(text));
        assert_eq!(count(&[Holder::peers(one, other)]), 1);
        assert_eq!(count(&[Holder::peers(one, other), server("10.0.0.2")]), 1);
        assert_eq!(count(&[Holder::peers(one, other), server("10.0.0.3")]), 2);
        assert_eq!(count(&[Holder::peers(one, other), server("10.0.0.1"), server("10.0.0.2")]), 2);
    }

    /// During a rotation some clients have the new key and others still the old one.
    #[test]
    fn keys_that_take_turns_are_told_once() {
        let turns = [("10.0.0.1", "old.keys"), ("10.0.0.1", "new.keys")].repeat(5);
        assert_eq!(codes(&turns), ["key-changed"]);
    }
}
