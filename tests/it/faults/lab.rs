//! A server with faults, a client that asks it, and an observer who sees what goes by.

use std::net::SocketAddr;
use std::time::Duration;

use ntpcap::analysis::{self, Analyzer, Sighting};
use ntpcap::auth::keyfile::{self, Dialect};
use ntpcap::auth::{Keyring, Keyrings};
use ntpcap::capture::CaptureTime;
use ntpcap::net::{Checksum, Datagram, Encapsulation};
use ntpcap::ntp::NtpTimestamp;
use ntpcap::server::fault::{Dispatch, Fault, Faults, Outcome, Request, Source};
use ntpcap::server::{FixedClock, Habit, Policy, Question, Treatment};

pub(super) const KEYS: &str = "1 MD5 first\n2 SHA1 second\n3 SHA1 third\n";
pub(super) const CLIENT: &str = "10.0.0.2:40000";
const SERVER: &str = "10.0.0.1:123";

/// Noon of 25 November 2026.
const ARRIVAL: u64 = 0xeeb2_3bc0 << 32;

pub(super) fn keyrings() -> Keyrings {
    let mut rings = Keyrings::new();
    rings.default_keyring_mut().add("test.keys", keyfile::read(KEYS.as_bytes(), Dialect::NtpOrg));
    rings
}

pub(super) fn keyring(text: &str) -> Keyring {
    let mut ring = Keyring::new();
    ring.add("test.keys", keyfile::read(text.as_bytes(), Dialect::NtpOrg));
    ring
}

/// A request of version 4 without a MAC.
pub(super) fn plain(transmit: u64) -> Vec<u8> {
    let mut octets = vec![0x23, 0, 6, 0xec];
    octets.resize(40, 0);
    octets.extend(transmit.to_be_bytes());
    octets
}

/// The same under key 2, signed with the sha1 crate by hand.
pub(super) fn signed(transmit: u64) -> Vec<u8> {
    let request = plain(transmit);
    let digest = sha1(b"second", &request);
    [request, vec![0, 0, 0, 2], digest].concat()
}

/// The same with a digest that is wrong in one bit.
pub(super) fn wrong(transmit: u64) -> Vec<u8> {
    let mut request = signed(transmit);
    request[71] ^= 1;
    request
}

/// A request of version 7, which nobody answers.
pub(super) fn of_version_7(transmit: u64) -> Vec<u8> {
    let mut request = plain(transmit);
    request[0] = 0x3b;
    request
}

pub(super) fn sha1(secret: &[u8], covered: &[u8]) -> Vec<u8> {
    use sha1::Digest as _;
    sha1::Sha1::digest([secret, covered].concat()).to_vec()
}

pub(super) fn md5(secret: &[u8], covered: &[u8]) -> Vec<u8> {
    use md5::Digest as _;
    md5::Md5::digest([secret, covered].concat()).to_vec()
}

pub(super) fn faults<'k>(specs: &[&str], keys: &'k Keyring, seed: u64) -> Faults<'k> {
    Faults::new(keys, specs.iter().map(|spec| Fault::parse(spec).unwrap()).collect(), seed)
}

pub(super) fn policy() -> Policy {
    Policy::new(Habit::of_name("ntpcap").unwrap())
}

/// What the server makes of a request that comes at that time after its start.
pub(super) fn ask(faults: &mut Faults<'_>, client: &str, request: &[u8], elapsed: Duration) -> Outcome {
    let arrival = NtpTimestamp(ARRIVAL + (elapsed.as_secs() << 32));
    let question = Question { octets: request, arrival, treatment: Treatment::Serve, earlier_transmit: None };
    let clock = FixedClock::new(NtpTimestamp(arrival.0 + 0x10_0000), 0x1000);
    let request = Request { question: &question, client: client.parse().unwrap(), elapsed };
    faults.answer(&policy(), &clock, &request)
}

/// The same from the usual client, of a server of that habit that treats it so.
pub(super) fn ask_like(
    habit: &str,
    treatment: Treatment,
    faults: &mut Faults<'_>,
    request: &[u8],
) -> Outcome {
    let arrival = NtpTimestamp(ARRIVAL);
    let question = Question { octets: request, arrival, treatment, earlier_transmit: None };
    let clock = FixedClock::new(NtpTimestamp(arrival.0 + 0x10_0000), 0x1000);
    let client = CLIENT.parse().unwrap();
    let request = Request { question: &question, client, elapsed: Duration::ZERO };
    faults.answer(&Policy::new(Habit::of_name(habit).unwrap()), &clock, &request)
}

/// One request, what a correct server sends, and what this one does.
pub(super) struct Once {
    /// Empty where it answers nothing.
    pub(super) correct: Vec<u8>,
    pub(super) sent: Vec<Dispatch>,
    /// The names of the faults of the request.
    pub(super) faults: Vec<&'static str>,
}

pub(super) fn once(specs: &[&str], request: &[u8]) -> Once {
    once_with(KEYS, specs, request)
}

/// The same with other keys.
pub(super) fn once_with(keys: &str, specs: &[&str], request: &[u8]) -> Once {
    let keys = keyring(keys);
    let elapsed = Duration::from_secs(100);
    let correct = ask(&mut faults(&[], &keys, 7), CLIENT, request, elapsed);
    let Outcome { dispatches, faults, .. } = ask(&mut faults(specs, &keys, 7), CLIENT, request, elapsed);
    let correct = correct.dispatches.into_iter().next().map(|correct| correct.octets).unwrap_or_default();
    Once { correct, sent: dispatches, faults }
}

impl Once {
    /// The one reply that is sent, at once and from where it was asked.
    pub(super) fn only(&self) -> &[u8] {
        let [Dispatch { octets, after: Duration::ZERO, source: Source::Asked, .. }] = &self.sent[..] else {
            panic!("not one reply: {:?}", self.sent);
        };
        octets
    }
}

/// What an observer says of each message that the server sent, and of all of them together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Status and diagnosis of each message, in order; alike ones behind one another once.
    pub(super) messages: Vec<(&'static str, &'static str)>,
    /// Codes of findings, of messages and of their own.
    pub(super) findings: Vec<&'static str>,
    /// Replies that are paired with a request.
    pub(super) exchanges: usize,
    /// How many of them came more than a second after it.
    pub(super) late: usize,
}

/// A datagram on the wire, with the milliseconds at which it goes by.
struct Passing {
    at: u64,
    source: SocketAddr,
    destination: SocketAddr,
    octets: Vec<u8>,
    by_server: bool,
}

/// Three requests, one a minute, to a server with that fault, seen by an observer who has the keys.
pub(super) fn observe(spec: &str, request: fn(u64) -> Vec<u8>) -> Told {
    let rings = keyrings();
    let mut wire = conversation(spec, request, rings.default_keyring());
    wire.sort_by_key(|passing| passing.at);
    let mut analyzer = Analyzer::new(&rings, analysis::Policy::default()).diagnosing();
    let mut told = Told::default();
    for (frame, passing) in (1..).zip(&wire) {
        let datagram = Datagram {
            source: passing.source,
            destination: passing.destination,
            octets: &passing.octets,
            length: passing.octets.len(),
            shortfall: None,
            checksum: Checksum::Correct,
            encapsulation: Encapsulation::default(),
            fragments: &[],
        };
        let seconds = i64::try_from(passing.at / 1_000).unwrap();
        let nanoseconds = u32::try_from(passing.at % 1_000 * 1_000_000).unwrap();
        let time = Some(CaptureTime { seconds, nanoseconds });
        let judged = analyzer.judge(Sighting { frame, time, ..Sighting::default() }, datagram);
        told.findings.extend(judged.findings.iter().map(|finding| finding.code()));
        if passing.by_server {
            let mut codes = judged.diagnosis.iter().flat_map(|it| it.codes().iter()).map(|code| code.name());
            told.messages.push((judged.verdict.status.name(), codes.next().unwrap_or_default()));
            told.exchanges += usize::from(judged.exchange.is_some());
            let round_trip = judged.exchange.and_then(|exchange| exchange.round_trip);
            told.late += usize::from(round_trip.is_some_and(|seconds| seconds > 1.0));
        }
    }
    analyzer.finish();
    told.findings.extend(analyzer.take_events().iter().map(|event| event.finding.code()));
    told.findings.retain(|code| *code != "weak-algorithm");
    told.findings.sort_unstable();
    told.findings.dedup();
    told.messages.dedup();
    told
}

fn conversation(spec: &str, request: fn(u64) -> Vec<u8>, keys: &Keyring) -> Vec<Passing> {
    let (client, server): (SocketAddr, SocketAddr) = (CLIENT.parse().unwrap(), SERVER.parse().unwrap());
    let mut faults = faults(&[spec], keys, 7);
    // Something else comes first and last, so that the observer knows what was before and behind.
    let other = |at| Passing {
        at,
        source: "10.9.9.9:123".parse().unwrap(),
        destination: "10.9.9.8:123".parse().unwrap(),
        octets: [&[0x25], &plain(0)[1..]].concat(),
        by_server: false,
    };
    let mut wire = vec![other(0)];
    for second in 1..=300 {
        let elapsed = Duration::from_secs(second);
        let at = second * 1_000;
        if second % 64 == 0 && second < 200 {
            let octets = request(ARRIVAL + (second << 32));
            let outcome = ask(&mut faults, CLIENT, &octets, elapsed);
            wire.push(Passing { at, source: client, destination: server, octets, by_server: false });
            for sending in outcome.dispatches {
                let after = u64::try_from(sending.after.as_millis()).unwrap();
                let source = match sending.source {
                    Source::Asked => SERVER,
                    Source::OtherPort => "10.0.0.1:50000",
                    Source::OtherAddress => "10.0.0.7:123",
                };
                let source = source.parse().unwrap();
                let (at, octets) = (at + 1 + after, sending.octets);
                wire.push(Passing { at, source, destination: client, octets, by_server: true });
            }
        }
        let clock = FixedClock::new(NtpTimestamp(ARRIVAL + (second << 32)), 0x1000);
        for unasked in faults.unasked(elapsed, &policy(), &clock) {
            let (destination, octets) = (unasked.destination, unasked.octets);
            wire.push(Passing { at, source: server, destination, octets, by_server: true });
        }
    }
    wire.push(other(400_000));
    wire
}
