//! From datagrams to judged messages, in one pass over a capture.

use std::net::IpAddr;

use crate::auth::keyring::{Keyring, Keyrings};
use crate::capture::CaptureTime;
use crate::net::{Checksum, Datagram};
use crate::ntp::header::Mode;
use crate::ntp::message::Message;

use super::conversation::Conversations;
use super::diagnosis::{Diagnoser, Diagnosis, Pattern, Patterns};
use super::exchange::Exchange;
use super::finding::{Event, Finding, Findings, Place};
use super::keys_in_use::{Holder, KeysInUse};
use super::policy::Policy;
use super::verdict::{self, Status, Verdict};

/// Where and when a datagram was captured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sighting {
    /// Index of the capture among those that are read together.
    pub capture: usize,
    /// The interface that captured it, by section and number; `None` where the capture tells of none.
    pub interface: Option<(u64, u32)>,
    /// Frame that holds it, or the last fragment of it.
    pub frame: u64,
    /// When that frame was captured.
    pub time: Option<CaptureTime>,
}

/// A judged message with all that is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a, 'k> {
    /// Index of the capture among those that are read together.
    pub capture: usize,
    /// The interface that captured it, by section and number.
    pub interface: Option<(u64, u32)>,
    /// Frame that holds the message, or the last fragment of it.
    pub frame: u64,
    /// When that frame was captured.
    pub time: Option<CaptureTime>,
    /// The datagram that carries the message.
    pub datagram: Datagram<'a>,
    /// The message; `None` when the octets are not one.
    pub message: Option<Message<'a>>,
    /// Its authentication status.
    pub verdict: Verdict<'a, 'k>,
    /// Why its MAC is wrong; `None` when it is not, or was not asked for.
    pub diagnosis: Option<Diagnosis<'k>>,
    /// The exchange that it completes; `None` for requests and for replies to requests that were not seen.
    pub exchange: Option<Exchange>,
    /// Anything else worth saying.
    pub findings: Findings,
}

impl Judged<'_, '_> {
    /// Where the message is.
    pub fn place(&self) -> Place {
        Place { capture: self.capture, frame: self.frame }
    }

    /// The server and the client of the message's exchange, by its mode.
    pub fn server_and_client(&self) -> (IpAddr, IpAddr) {
        server_and_client(&self.datagram, self.message.as_ref())
    }
}

/// The server and the client of a message's exchange, by its mode.
fn server_and_client(datagram: &Datagram<'_>, message: Option<&Message<'_>>) -> (IpAddr, IpAddr) {
    let (source, destination) = (datagram.source.ip(), datagram.destination.ip());
    let from_server = match message {
        Some(Message::Time(message)) => {
            matches!(message.header.mode, Mode::Server | Mode::SymmetricPassive | Mode::Broadcast)
        }
        Some(Message::Control(message)) => message.response,
        Some(Message::Private(message)) => message.response,
        None => false,
    };
    if from_server { (source, destination) } else { (destination, source) }
}

/// Who has the key of a message that verifies: the server or peer that sent it. What a client signs does not say that
/// the server can verify it.
fn sender_with_key(judged: &Judged<'_, '_>) -> Option<Holder> {
    let (source, destination) = (judged.datagram.source.ip(), judged.datagram.destination.ip());
    match judged.message? {
        Message::Time(message) => match message.header.mode {
            Mode::SymmetricActive | Mode::SymmetricPassive => Some(Holder::peers(source, destination)),
            Mode::Server | Mode::Broadcast => Some(Holder::server(source)),
            _ => None,
        },
        Message::Control(message) => message.response.then(|| Holder::server(source)),
        Message::Private(_) => None,
    }
}

/// Judges messages and keeps what later ones need: open requests, servers, keys in use. Memory is bounded.
pub struct Analyzer<'k> {
    keys: &'k Keyrings,
    policy: Policy,
    conversations: Conversations,
    keys_in_use: KeysInUse<'k>,
    events: Vec<Event>,
    diagnoser: Option<Diagnoser<'k>>,
    patterns: Patterns,
}

impl<'k> Analyzer<'k> {
    /// Starts with these keys; `policy` says which algorithms are weak.
    pub fn new(keys: &'k Keyrings, policy: Policy) -> Analyzer<'k> {
        let (conversations, keys_in_use) = (Conversations::default(), KeysInUse::default());
        let (events, patterns) = (Vec::new(), Patterns::default());
        Analyzer { keys, policy, conversations, keys_in_use, events, diagnoser: None, patterns }
    }

    /// The same, and also finds out why MACs are wrong.
    #[must_use]
    pub fn diagnosing(self) -> Analyzer<'k> {
        Analyzer { diagnoser: Some(Diagnoser::new(self.keys)), ..self }
    }

    /// What the MACs that are wrong for no proved reason have in common; empty when that was not asked for.
    pub fn patterns(&self) -> Vec<Pattern> {
        self.patterns.found()
    }

    /// Says that a capture is over while others go on: what would have come in it is not waited for.
    pub fn end_capture(&mut self, capture: usize) {
        self.conversations.end_capture(capture);
    }

    /// Judges one datagram. What it shows about others is in [`Self::take_events`].
    pub fn judge<'a>(&mut self, sighting: Sighting, datagram: Datagram<'a>) -> Judged<'a, 'k> {
        let Sighting { capture, interface, frame, time } = sighting;
        let parsed = Message::parse(datagram.octets).ok();
        let (server, client) = server_and_client(&datagram, parsed.as_ref());
        let (message, verdict, keyring) = self.judge_by_any(&datagram, server, client);
        let findings = Findings::default();
        let mut judged = Judged {
            capture,
            interface,
            frame,
            time,
            datagram,
            message,
            verdict,
            diagnosis: None,
            exchange: None,
            findings,
        };
        self.find(&mut judged);
        self.conversations.observe(&mut judged, keyring);
        self.diagnose(&mut judged, keyring);
        if let Some(holder) = sender_with_key(&judged) {
            self.events.extend(self.keys_in_use.note(holder, &judged.verdict, judged.place()));
        }
        judged
    }

    /// Judges by the keyrings that may have the key. The first that proves the MAC tells; else the first that
    /// knows the key.
    fn judge_by_any<'a>(
        &self,
        datagram: &Datagram<'a>,
        server: IpAddr,
        client: IpAddr,
    ) -> (Option<Message<'a>>, Verdict<'a, 'k>, &'k Keyring) {
        let mut best = None;
        for keyring in self.keys.for_message(server, client) {
            let (message, verdict) = verdict::judge(datagram, keyring);
            let is_proved = verdict.status == Status::Valid || verdict.digest_matches == Some(true);
            let knows_more = best.as_ref().is_none_or(|(_, best, _): &(_, Verdict<'_, '_>, _)| {
                best.candidate.is_none() && verdict.candidate.is_some()
            });
            if is_proved {
                return (message, verdict, keyring);
            }
            if knows_more {
                best = Some((message, verdict, keyring));
            }
        }
        best.unwrap_or_else(|| {
            let keyring = self.keys.default_keyring();
            let (message, verdict) = verdict::judge(datagram, keyring);
            (message, verdict, keyring)
        })
    }

    fn diagnose(&mut self, judged: &mut Judged<'_, 'k>, keyring: &'k Keyring) {
        let (Some(diagnoser), Some(message)) = (&mut self.diagnoser, &judged.message) else { return };
        judged.diagnosis = diagnoser.diagnose(&judged.datagram, message, &judged.verdict, keyring);
        self.patterns.count(judged);
    }

    /// Closes what is open at the end of the captures.
    pub fn finish(&mut self) {
        self.conversations.finish();
        self.events.extend(self.keys_in_use.events());
    }

    /// Takes the events since it was last asked, in no more than the order of their discovery.
    pub fn take_events(&mut self) -> Vec<Event> {
        let mut events = self.conversations.take_events();
        events.append(&mut self.events);
        events
    }

    /// The servers that were asked, and how they answered.
    pub fn conversations(&self) -> &Conversations {
        &self.conversations
    }

    /// What the message shows by itself.
    fn find(&self, judged: &mut Judged<'_, '_>) {
        let (verdict, findings) = (&judged.verdict, &mut judged.findings);
        if matches!(judged.datagram.checksum, Checksum::Wrong { .. }) {
            findings.insert(Finding::BadUdpChecksum);
        }
        let is_zero = verdict.reading.is_some_and(|(reading, _)| verdict::is_zero_trailer(&reading));
        let is_request = judged.message.is_some_and(|message| message.mode() == Mode::Client);
        if verdict.status == Status::None && is_zero && !is_request {
            findings.insert(Finding::ZeroTrailer);
        }
        let is_server = matches!(
            judged.message.map(|message| message.mode()),
            Some(Mode::Server | Mode::SymmetricActive | Mode::SymmetricPassive | Mode::Control)
        );
        if verdict.status == Status::CryptoNak && !is_server {
            findings.insert(Finding::NakFromClient);
        }
        let Some(candidate) = verdict.candidate else { return };
        if self.policy.is_weak(candidate.key.algorithm()) {
            findings.insert(Finding::WeakAlgorithm);
        }
        // Client requests are answered whatever the list says.
        let is_request = judged.message.is_none_or(|message| message.mode() == Mode::Client);
        let listed = candidate.addresses.iter().any(|range| range.contains(judged.datagram.source.ip()));
        if !is_request && !candidate.addresses.is_empty() && !listed {
            findings.insert(Finding::KeyNotForAddress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::KeyId;
    use crate::auth::keyfile::{self, Dialect};
    use crate::net::Encapsulation;
    use crate::ntp::MessageBuilder;
    use crate::ntp::header::Header;

    /// Two hosts with a key file each, that give key 11 different secrets.
    fn keyrings() -> Keyrings {
        let mut rings = Keyrings::new();
        let read = |text: &[u8]| keyfile::read(text, Dialect::NtpOrg);
        rings.of_address_mut("10.0.0.5".parse().unwrap()).add("client.keys", read(b"11 MD5 aaaa\n"));
        rings.of_address_mut("10.0.0.6".parse().unwrap()).add("server.keys", read(b"11 MD5 bbbb\n"));
        rings.default_keyring_mut().add("other.keys", read(b"12 MD5 cccc\n"));
        rings
    }

    fn status(
        rings: &Keyrings,
        from: &str,
        to: &str,
        mode: u8,
        key: (&str, u32),
    ) -> (Status, Option<String>) {
        let mut octets = [0x5a; 48];
        octets[0] = 0x20 | mode;
        let mut octets = MessageBuilder::new(&Header::parse(&octets).unwrap()).build();
        let (label, id) = key;
        let mut all = rings.iter().map(|(_, ring)| ring);
        let ring = all.find(|ring| ring.sources()[0].label == label).unwrap();
        crate::auth::mac::append_mac(&mut octets, &ring.lookup(KeyId(id))[0].key);
        let datagram = Datagram {
            source: from.parse().unwrap(),
            destination: to.parse().unwrap(),
            octets: &octets,
            length: octets.len(),
            shortfall: None,
            checksum: Checksum::Correct,
            encapsulation: Encapsulation::default(),
            fragments: &[],
        };
        let verdict = Analyzer::new(rings, Policy::default()).judge(Sighting::default(), datagram).verdict;
        (verdict.status, verdict.key_file.map(str::to_owned))
    }

    #[test]
    fn where_both_ends_have_a_file_that_of_the_server_is_tried_first() {
        let rings = keyrings();
        let (client, server) = ("10.0.0.5:4000", "10.0.0.6:123");
        let valid = |label: &str| (Status::Valid, Some(label.to_owned()));
        assert_eq!(status(&rings, client, server, 3, ("server.keys", 11)), valid("server.keys"));
        assert_eq!(status(&rings, server, client, 4, ("server.keys", 11)), valid("server.keys"));
        assert_eq!(status(&rings, client, server, 3, ("client.keys", 11)), valid("client.keys"));
        assert_eq!(status(&rings, client, server, 3, ("other.keys", 12)), valid("other.keys"));
    }

    #[test]
    fn a_key_that_no_file_of_the_exchange_proves_is_invalid_under_the_servers() {
        let rings = keyrings();
        let mut forged = keyrings();
        forged
            .of_address_mut("10.0.0.9".parse().unwrap())
            .add("forged.keys", keyfile::read(b"11 MD5 x\n", Dialect::NtpOrg));
        let (client, server) = ("10.0.0.5:4000", "10.0.0.6:123");
        let judged = status(&forged, client, server, 3, ("forged.keys", 11));
        assert_eq!(judged, (Status::Invalid, Some("server.keys".to_owned())));
        assert_eq!(
            status(&rings, "10.0.0.8:4000", "10.0.0.9:123", 3, ("server.keys", 11)).0,
            Status::UnknownKey
        );
    }
}
