//! What requests look like while a client is served rightly.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::analysis::verdict::{Status, judge_message};
use crate::auth::{Algorithm, Key, KeyId};
use crate::conformance::outcome::Judgement;
use crate::ntp::header::{HEADER_LENGTH, Header, Mode, Version};
use crate::ntp::message::Message;
use crate::ntp::{NtpTimestamp, Reading, Tail};

use super::judge::Setting;
use super::phase::{Phase, PhaseKind, Request};

/// Requests that are needed to say how they differ.
const FEW: usize = 3;

/// How near to the time of day a transmit timestamp is that tells the client's clock.
const NEAR: i64 = 3600 << 32;

/// The octets of a digest that version 4 has room for (RFC 7822 section 3).
const LONGEST_DIGEST: usize = 20;

fn requests(phases: &[Phase]) -> impl Iterator<Item = (&Request, Header)> {
    let right = phases.iter().filter(|phase| phase.kind == PhaseKind::Correct);
    let read = |request: &'_ Request| Header::parse(&request.octets);
    let with_headers = right.flat_map(|phase| &phase.requests).map(move |request| (request, read(request)));
    let whole = with_headers.filter_map(|(request, header)| Some((request, header?)));
    whole.filter(|(_, header)| header.mode == Mode::Client)
}

fn too_few(count: usize) -> Judgement {
    Judgement::inconclusive(format!("{count} requests in client mode came, too few to tell"))
}

/// Source ports differ from 123 and, from one run to the next, from each other.
pub(super) fn port(phases: &[Phase], setting: &Setting) -> Judgement {
    let clients: Vec<SocketAddr> = requests(phases).map(|(request, _)| request.client).collect();
    let ports: BTreeSet<u16> = clients.iter().map(SocketAddr::port).collect();
    let runs =
        phases.iter().filter(|phase| phase.kind == PhaseKind::Correct && !phase.requests.is_empty()).count();
    let seen = format!("{} ports in {} requests of {runs} runs", ports.len(), clients.len());
    if clients.len() < FEW {
        return too_few(clients.len());
    }
    let expected = "source ports that nobody can guess";
    match ports.first() {
        Some(port) if ports.len() == 1 => {
            Judgement::warn(expected, format!("all of {} requests from port {port}", clients.len()))
        }
        _ if is_counted(&ports, clients.len()) => {
            Judgement::warn(expected, format!("{seen}, each one more than the other"))
        }
        // By chance one comes again now and then.
        _ if setting.fresh && ports.len() * 2 <= runs => {
            Judgement::warn(expected, format!("{seen}: some came again"))
        }
        _ => Judgement::pass(seen),
    }
}

/// True for ports that follow each other.
fn is_counted(ports: &BTreeSet<u16>, requests: usize) -> bool {
    let steps = ports.iter().zip(ports.iter().skip(1)).all(|(one, next)| next - one <= 2);
    ports.len() >= 4 && steps && requests >= 4
}

/// Nothing in the header tells of the client.
pub(super) fn minimised(phases: &[Phase], _: &Setting) -> Judgement {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    for (_, header) in requests(phases) {
        count += 1;
        told_of(&header).for_each(|field| *told.entry(field).or_default() += 1);
    }
    let fields: Vec<String> = told.iter().map(|(field, times)| format!("{field} ({times})")).collect();
    match (count, fields.is_empty()) {
        (0, _) => too_few(0),
        (_, true) => Judgement::pass(format!(
            "{count} requests have nothing but version, mode, poll and transmit timestamp"
        )),
        (_, false) => Judgement::warn(
            "no field that tells of the client",
            format!("{} in {count} requests", fields.join(", ")),
        ),
    }
}

fn told_of(header: &Header) -> impl Iterator<Item = &'static str> {
    let fields = [
        ("leap", header.leap_indicator.bits() != 0),
        ("stratum", header.stratum != 0),
        ("root delay", header.root_delay.0 != 0),
        ("root dispersion", header.root_dispersion.0 != 0),
        ("reference ID", header.reference_id.0 != [0; 4]),
        ("reference time", !header.reference_timestamp.is_zero()),
        ("origin time", !header.origin_timestamp.is_zero()),
        ("receive time", !header.receive_timestamp.is_zero()),
    ];
    fields.into_iter().filter(|(_, is_told)| *is_told).map(|(name, _)| name)
}

/// The transmit timestamp is random, not the client's clock.
pub(super) fn transmit(phases: &[Phase], _: &Setting) -> Judgement {
    let is_clock = |request: &Request, header: &Header| {
        let seconds = i64::try_from(request.time.as_secs()).unwrap_or(i64::MAX);
        let now =
            crate::ntp::timestamp::UnixTime { seconds, nanoseconds: request.time.subsec_nanos() }.to_ntp();
        header.transmit_timestamp.since(now).abs() < NEAR
    };
    let all: Vec<bool> = requests(phases).map(|(request, header)| is_clock(request, &header)).collect();
    let clocks = all.iter().filter(|is_clock| **is_clock).count();
    match all.len() {
        0 => too_few(0),
        count if clocks == 0 => {
            Judgement::pass(format!("{count} requests have a transmit timestamp that is no time of day"))
        }
        count => Judgement::warn(
            "a random transmit timestamp",
            format!("{clocks} of {count} requests tell the client's clock"),
        ),
    }
}

/// No two requests have the same transmit timestamp, and none has none.
pub(super) fn unique(phases: &[Phase], _: &Setting) -> Judgement {
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    let mut count = 0;
    for (request, header) in requests(phases) {
        count += 1;
        let NtpTimestamp(value) = header.transmit_timestamp;
        if value == 0 || !seen.insert(value) {
            let place = request.frame.map(|frame| format!(" (frame {frame})")).unwrap_or_default();
            let actual = if value == 0 { "zero" } else { "one that an earlier request had" };
            return Judgement::fail(
                "a transmit timestamp that no other request has",
                format!("{actual}{place}"),
            );
        }
    }
    if count < FEW {
        too_few(count)
    } else {
        Judgement::pass(format!("{count} requests, {} transmit timestamps", seen.len()))
    }
}

/// Every request has a MAC that verifies, by the algorithm of its key.
pub(super) fn mac(phases: &[Phase], setting: &Setting) -> Judgement {
    let Some(key_id) = setting.key else { return Judgement::skip("the client has no key") };
    let (mut count, mut names) = (0, BTreeSet::new());
    for (request, _) in requests(phases) {
        count += 1;
        match proved(request, setting) {
            Ok((used, algorithm)) if used == key_id => {
                names.insert(format!("key {used}, {}", algorithm.name()));
            }
            Ok((used, _)) => {
                return Judgement::fail(format!("key {key_id}"), format!("a right MAC under key {used}"));
            }
            Err(why) => return Judgement::fail(format!("a right MAC under key {key_id}"), why),
        }
    }
    let names: Vec<String> = names.into_iter().collect();
    if count == 0 {
        too_few(0)
    } else {
        Judgement::pass(format!("{count} requests verify: {}", names.join("; ")))
    }
}

/// The key and algorithm that a request's MAC is right under.
fn proved(request: &Request, setting: &Setting) -> Result<(KeyId, Algorithm), String> {
    let message = Message::parse(&request.octets).map_err(|malformed| malformed.to_string())?;
    let verdict = judge_message(&message, &setting.keys);
    match (verdict.status, verdict.candidate) {
        (Status::Valid, Some(candidate)) => Ok((candidate.key.id(), candidate.key.algorithm())),
        (status, _) => Err(match other_algorithm(&message, setting) {
            Some(algorithm) => {
                format!("{}: the digest is that of {} with the same secret", status.name(), algorithm.name())
            }
            None => status.name().to_owned(),
        }),
    }
}

/// The algorithm that the MAC was made with, where it is another one over the same secret.
fn other_algorithm(message: &Message<'_>, setting: &Setting) -> Option<Algorithm> {
    message.mac_readings().find_map(|reading| {
        let Tail::Mac { key_id, digest } = reading.tail else { return None };
        let key = &setting.keys.lookup(KeyId(key_id)).first()?.key;
        Algorithm::ALL.into_iter().find(|algorithm| verifies_by(*algorithm, key, message, &reading, digest))
    })
}

fn verifies_by(
    algorithm: Algorithm,
    key: &Key,
    message: &Message<'_>,
    reading: &Reading<'_>,
    digest: &[u8],
) -> bool {
    let secret = crate::auth::Secret::new(key.secret().as_octets().to_vec());
    let other = Key::new(key.id(), algorithm, secret);
    other.is_ok_and(|other| other.verifies(message.covered(reading), digest))
}

/// In version 4 a digest has 20 octets at most.
pub(super) fn length(phases: &[Phase], setting: &Setting) -> Judgement {
    if setting.key.is_none() {
        return Judgement::skip("the client has no key");
    }
    let four = requests(phases).filter(|(_, header)| header.version == Version::FOUR);
    let lengths: BTreeSet<usize> = four.map(|(request, _)| request.octets.len()).collect();
    let longest = HEADER_LENGTH + 4 + LONGEST_DIGEST;
    match lengths.last() {
        None => Judgement::skip("no request is of version 4"),
        Some(length) if *length > longest => Judgement::warn(
            format!("at most {longest} octets in version 4"),
            format!("{length} octets: the digest is not cut"),
        ),
        Some(length) => Judgement::pass(format!("{length} octets")),
    }
}

/// Each server has a key of its own.
pub(super) fn own_key(phases: &[Phase], setting: &Setting) -> Judgement {
    let mut keys: BTreeMap<SocketAddr, BTreeSet<u32>> = BTreeMap::new();
    for (request, _) in requests(phases) {
        if let Ok((key_id, _)) = proved(request, setting) {
            keys.entry(request.server).or_default().insert(key_id.0);
        }
    }
    let used: BTreeSet<u32> = keys.values().flatten().copied().collect();
    let actual = format!("{} servers, {} keys", keys.len(), used.len());
    match keys.len() {
        0 | 1 => Judgement::skip(
            "requests under a key went to fewer than two of the addresses that are listened on",
        ),
        servers if used.len() < servers => Judgement::warn("a key of its own for each server", actual),
        _ => Judgement::pass(actual),
    }
}

/// Which versions it asks in.
pub(super) fn version(phases: &[Phase], _: &Setting) -> Judgement {
    let versions: BTreeSet<u8> = requests(phases).map(|(_, header)| header.version.number()).collect();
    let versions: Vec<String> = versions.iter().map(u8::to_string).collect();
    match versions.is_empty() {
        true => too_few(0),
        false => Judgement::info(format!("version {}", versions.join(" and "))),
    }
}

/// Every one of three servers or more is asked.
pub(super) fn servers(phases: &[Phase], setting: &Setting) -> Judgement {
    let asked: BTreeSet<SocketAddr> = requests(phases).map(|(request, _)| request.server).collect();
    let told = format!("{} of {} servers were asked", asked.len(), setting.servers);
    match () {
        () if setting.servers < 3 => Judgement::skip("it is served on fewer than three addresses (--listen)"),
        () if asked.len() < setting.servers => Judgement::fail("requests to every server", told),
        () => Judgement::pass(told),
    }
}
