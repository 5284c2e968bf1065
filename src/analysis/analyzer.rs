//! From datagrams to judged messages, in one pass over a capture.

use std::net::IpAddr;

use crate::auth::keyring::{Keyring, Keyrings};
use crate::capture::CaptureTime;
use crate::net::{Checksum, Datagram};
use crate::ntp::header::Mode;
use crate::ntp::message::Message;

use super::census::Census;
use super::conversation::Conversations;
use super::diagnosis::{Diagnoser, Diagnosis, Pattern, Patterns};
use super::exchange::Exchange;
use super::finding::{Event, Finding, Findings, Place};
use super::policy::Policy;
use super::verdict::{self, Status, Verdict};

/// A judged message with all that is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a, 'k> {
    /// Index of the capture among those that are read together.
    pub capture: usize,
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
        let (source, destination) = (self.datagram.source.ip(), self.datagram.destination.ip());
        let from_server = match self.message {
            Some(Message::Time(message)) => {
                matches!(message.header.mode, Mode::Server | Mode::SymmetricPassive | Mode::Broadcast)
            }
            Some(Message::Control(message)) => message.response,
            Some(Message::Private(message)) => message.response,
            None => false,
        };
        if from_server { (source, destination) } else { (destination, source) }
    }
}

/// Judges messages and keeps what later ones need: open requests, servers, keys in use. Memory is bounded.
pub struct Analyzer<'k> {
    keys: &'k Keyrings,
    policy: Policy,
    conversations: Conversations,
    census: Census<'k>,
    events: Vec<Event>,
    diagnoser: Option<Diagnoser<'k>>,
    patterns: Patterns,
}

impl<'k> Analyzer<'k> {
    /// Starts with these keys; `policy` says which algorithms are weak.
    pub fn new(keys: &'k Keyrings, policy: Policy) -> Analyzer<'k> {
        let (conversations, census) = (Conversations::default(), Census::default());
        let (events, patterns) = (Vec::new(), Patterns::default());
        Analyzer { keys, policy, conversations, census, events, diagnoser: None, patterns }
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

    /// Judges one datagram. What it shows about others is in [`Self::take_events`].
    pub fn judge<'a>(
        &mut self,
        capture: usize,
        frame: u64,
        time: Option<CaptureTime>,
        datagram: Datagram<'a>,
    ) -> Judged<'a, 'k> {
        let keyring = self.keys.for_addresses(datagram.source.ip(), datagram.destination.ip());
        let (message, verdict) = verdict::judge(&datagram, keyring);
        let findings = Findings::default();
        let mut judged = Judged {
            capture,
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
        let (server, client) = judged.server_and_client();
        self.events.extend(self.census.count(server, client, &judged.verdict, judged.place(), time));
        judged
    }

    fn diagnose(&mut self, judged: &mut Judged<'_, 'k>, keyring: &'k Keyring) {
        let (Some(diagnoser), Some(message)) = (&mut self.diagnoser, &judged.message) else { return };
        judged.diagnosis = diagnoser.diagnose(&judged.datagram, message, &judged.verdict, keyring);
        self.patterns.count(judged);
    }

    /// Closes what is open at the end of the captures.
    pub fn finish(&mut self) {
        self.conversations.finish();
        self.events.extend(self.census.events());
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

    /// Which keys are in use, where and since when.
    pub fn census(&self) -> &Census<'k> {
        &self.census
    }

    /// What the message shows by itself.
    fn find(&self, judged: &mut Judged<'_, '_>) {
        let (verdict, findings) = (&judged.verdict, &mut judged.findings);
        if matches!(judged.datagram.checksum, Checksum::Wrong { .. }) {
            findings.insert(Finding::BadUdpChecksum);
        }
        let is_zero = verdict.reading.is_some_and(|(reading, _)| verdict::is_zero_trailer(&reading));
        if verdict.status == Status::None && is_zero {
            findings.insert(Finding::ZeroTrailer);
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
