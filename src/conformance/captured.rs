//! What a capture proves or refutes of the cases, without anything being sent.
//!
//! Others asked, and not for our sake: an exchange is evidence for a case when its request is one that the case sends.
//! What a server does with keys that we do not have proves nothing: it may have them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::analysis::verdict::{Status, judge_message};
use crate::auth::{Algorithm, KeyId, Keyring};
use crate::ntp::header::{HEADER_LENGTH, Header, Mode, Version};
use crate::ntp::message::Message;

use super::asking::tokens;
use super::case::Case;
use super::context::{Context, Facts};
use super::exchange::{Evidence, Exchange, Names, Received, Stimulus};
use super::outcome::{Judgement, Outcome, Shown};
use super::runner::CaseResult;

/// Exchanges of servers, as they were captured.
#[derive(Debug)]
pub struct Captured {
    keys: Arc<Keyring>,
    /// What captures are called, where there are several.
    labels: Vec<String>,
    /// By capture too: what has one address in two captures need not be one server.
    servers: BTreeMap<(usize, SocketAddr), Server>,
    exchanges: usize,
    /// Messages of servers and exchanges for which there is no room.
    pub left_out: u64,
}

/// What is proved or refuted of a server.
#[derive(Debug)]
pub struct JudgedServer {
    /// What the capture is called that shows it, where there are several.
    pub file: Option<String>,
    /// Its address.
    pub server: SocketAddr,
    /// What its exchanges were judged in.
    pub context: Context,
    /// The cases that somebody asked.
    pub results: Vec<CaseResult>,
}

/// The exchanges of one server.
#[derive(Debug, Default)]
struct Server {
    /// The capture that shows it, where there are several.
    file: Option<String>,
    seen: Vec<Seen>,
    /// The exchanges that a reply may name, by client and origin timestamp.
    open: HashMap<(SocketAddr, [u8; 8]), usize>,
}

/// An exchange and where its request stands.
#[derive(Debug)]
struct Seen {
    frame: u64,
    asked: Asked,
    exchange: Exchange,
}

/// What a request is, as far as cases tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    version: Version,
    mode: Mode,
    status: Status,
    key_id: Option<KeyId>,
    algorithm: Option<Algorithm>,
    has_field: bool,
    is_bare: bool,
    has_transmit: bool,
}

impl Seen {
    /// True when the server answers a MAC that is wrong to us by one that is wrong to us: it has another key, so nothing
    /// that it was sent was wrong to it.
    fn has_another_key(&self, keys: &Keyring) -> bool {
        let reply = self.exchange.reply().and_then(|reply| Message::parse(&reply.octets).ok());
        let replied = reply.map(|reply| judge_message(&reply, keys).status);
        self.asked.status == Status::Invalid && replied == Some(Status::Invalid)
    }
}

/// A datagram of a capture.
#[derive(Clone, Copy, Debug)]
pub struct Sighted<'a> {
    /// Index of the capture among those that are read together.
    pub capture: usize,
    /// Its frame.
    pub frame: u64,
    /// When it was captured: time since 1970.
    pub time: Duration,
    /// Who sent it.
    pub source: SocketAddr,
    /// Whom it was sent to.
    pub destination: SocketAddr,
    /// Its octets.
    pub octets: &'a [u8],
}

/// Servers whose exchanges are kept.
const MOST_SERVERS: usize = 1_024;

/// Exchanges that are kept of all of them together.
const MOST_OF_ALL: usize = 500_000;

/// Exchanges that are kept of each.
const MOST_EXCHANGES: usize = 8_192;

/// Requests of a kind that all stay silent before their silence is taken for the server's.
const SILENCES: usize = 3;

impl Captured {
    /// Nothing yet; MACs are judged by these keys. `labels` are what captures are called, where there are several.
    pub fn new(keys: Arc<Keyring>, labels: Vec<String>) -> Captured {
        Captured { keys, labels, servers: BTreeMap::new(), exchanges: 0, left_out: 0 }
    }

    /// Takes in a datagram that is all there.
    pub fn take(&mut self, sighted: &Sighted<'_>) {
        let Ok(message) = Message::parse(sighted.octets) else { return };
        let Message::Time(time) = message else { return };
        match time.header.mode {
            Mode::Client | Mode::SymmetricActive => {
                let asked = asked(&message, &time.header, &self.keys);
                self.take_request(sighted, asked);
            }
            Mode::Server | Mode::SymmetricPassive => self.take_reply(sighted, &time.header),
            _ => {}
        }
    }

    fn take_request(&mut self, sighted: &Sighted<'_>, asked: Asked) {
        let place = (sighted.capture, sighted.destination);
        let has_room = self.servers.len() < MOST_SERVERS || self.servers.contains_key(&place);
        if !has_room || self.exchanges >= MOST_OF_ALL {
            self.left_out += 1;
            return;
        }
        let server = self.servers.entry(place).or_default();
        if server.seen.len() >= MOST_EXCHANGES {
            self.left_out += 1;
            return;
        }
        let mut exchange = Exchange::new(Stimulus::one(sighted.octets.to_vec()));
        exchange.tries = 1;
        for token in tokens(sighted.octets).filter(|token| *token != [0; 8]) {
            server.open.insert((sighted.source, token), server.seen.len());
        }
        // Until more is known, silence may be loss.
        exchange.is_dead = true;
        server.seen.push(Seen { frame: sighted.frame, asked, exchange });
        self.exchanges += 1;
    }

    fn take_reply(&mut self, sighted: &Sighted<'_>, header: &Header) {
        let Some(server) = self.servers.get_mut(&(sighted.capture, sighted.source)) else { return };
        let token = (sighted.destination, header.origin_timestamp.to_octets());
        let Some(seen) = server.open.get(&token).and_then(|index| server.seen.get_mut(*index)) else {
            return;
        };
        seen.exchange.replies.push(Received {
            source: sighted.source,
            port: 0,
            octets: sighted.octets.to_vec(),
            elapsed: Duration::ZERO,
            time: sighted.time,
            names: Names::This(0),
        });
    }

    /// What is proved or refuted of each server, with the context that it was judged in. Cases that nobody asked are
    /// left out.
    pub fn results(self, cases: &[&'static Case]) -> Vec<JudgedServer> {
        let Captured { keys, labels, servers, .. } = self;
        let judge = |((capture, address), server): ((usize, SocketAddr), Server)| {
            let file = labels.get(capture).cloned();
            let mut server = server.with_silences();
            server.file.clone_from(&file);
            let facts = server.facts(&keys);
            let results = cases.iter().filter_map(|case| server.judge(case, &keys, &facts)).collect();
            let context = context(&keys, facts.honoured.clone(), &facts);
            JudgedServer { file, server: address, context, results }
        };
        servers.into_iter().map(judge).filter(|judged| !judged.results.is_empty()).collect()
    }
}

fn context(keys: &Arc<Keyring>, given: Vec<KeyId>, facts: &Facts) -> Context {
    let mut context = Context::new(Arc::clone(keys), given, 0);
    context.facts = facts.clone();
    context
}

impl Server {
    /// Takes silences for the server's where all requests of that kind meet them, some at least, and others are answered
    /// after the last.
    fn with_silences(mut self) -> Server {
        let last_answered = self.seen.iter().rposition(|seen| !seen.exchange.replies.is_empty());
        let kinds: Vec<Asked> = self.seen.iter().map(|seen| seen.asked).collect();
        let is_refused = |kind: &Asked| {
            let mut all = self.seen.iter().filter(|seen| seen.asked == *kind);
            all.clone().count() >= SILENCES && all.all(|seen| seen.exchange.replies.is_empty())
        };
        let mut told: Vec<(Asked, bool)> = Vec::new();
        for kind in kinds {
            if told.iter().all(|(known, _)| *known != kind) {
                told.push((kind, is_refused(&kind)));
            }
        }
        for (index, seen) in self.seen.iter_mut().enumerate() {
            let is_refused = told.iter().any(|(kind, is_refused)| *kind == seen.asked && *is_refused);
            seen.exchange.is_dead = !(is_refused && last_answered.is_some_and(|last| last > index));
        }
        self
    }

    fn facts(&self, keys: &Keyring) -> Facts {
        let mut facts = Facts::default();
        for Seen { asked, exchange, .. } in &self.seen {
            let Some(reply) = exchange.reply() else { continue };
            let Ok(message) = Message::parse(&reply.octets) else { continue };
            let verdict = judge_message(&message, keys);
            facts.answers_plainly |= asked.status == Status::None;
            let is_honoured = asked.status == Status::Valid && verdict.status == Status::Valid;
            if let Some(key_id) = verdict.key_id().filter(|_| is_honoured)
                && asked.key_id == Some(key_id)
                && !facts.honoured.contains(&key_id)
            {
                facts.honoured.push(key_id);
            }
        }
        facts
    }

    /// The judgement on the exchanges that a case would make; `None` where there are none, or they do not tell. A case
    /// asks under one key, so those under each are judged by themselves.
    fn judge(&self, case: &'static Case, keys: &Arc<Keyring>, facts: &Facts) -> Option<CaseResult> {
        let of_case = self.seen.iter().filter(|seen| asks(case.slug, &seen.asked));
        let told = of_case.filter(|seen| !seen.exchange.is_dead || !seen.exchange.replies.is_empty());
        let told = told.filter(|seen| !seen.has_another_key(keys));
        let mut by_key: BTreeMap<Option<KeyId>, Vec<&Seen>> = BTreeMap::new();
        told.for_each(|seen| by_key.entry(seen.asked.key_id).or_default().push(seen));
        let mut results: Vec<CaseResult> = Vec::new();
        for (key_id, seen) in by_key {
            let given = key_id.map_or_else(|| facts.honoured.clone(), |key_id| vec![key_id]);
            results.extend(judge(case, &context(keys, given, facts), &seen, self.file.as_deref()));
        }
        results
            .into_iter()
            .reduce(|one, other| if other.judgement.outcome > one.judgement.outcome { other } else { one })
    }
}

/// The judgement on these exchanges, with the frame that shows it; `None` where they do not tell.
fn judge(case: &'static Case, context: &Context, seen: &[&Seen], file: Option<&str>) -> Option<CaseResult> {
    if (case.lacks)(context).is_some() {
        return None;
    }
    let own: Vec<Exchange> = seen.iter().map(|seen| seen.exchange.clone()).collect();
    let mut judgement: Judgement = (case.judge)(context, &Evidence { own: &own, run: &[] });
    if matches!(judgement.outcome, Outcome::Skip | Outcome::Inconclusive) {
        return None;
    }
    let shown = match judgement.exchange {
        Some(Shown::Own(number)) => seen.get(number),
        _ => None,
    };
    let place = match shown {
        Some(seen) if judgement.outcome != Outcome::Pass => format!("request in frame {}", seen.frame),
        _ => format!("{} requests, the first in frame {}", own.len(), seen.first()?.frame),
    };
    let file = file.map(|file| format!(" of {file}")).unwrap_or_default();
    judgement.actual = format!("{} ({place}{file})", judgement.actual);
    Some(CaseResult { case, judgement, exchanges: own })
}

fn asked(message: &Message<'_>, header: &Header, keys: &Keyring) -> Asked {
    let verdict = judge_message(message, keys);
    let has_field = verdict.reading.is_some_and(|(reading, _)| reading.extension_fields().next().is_some());
    Asked {
        version: header.version,
        mode: header.mode,
        status: verdict.status,
        key_id: verdict.key_id(),
        algorithm: verdict.algorithm(),
        has_field,
        is_bare: message.octets().len() == HEADER_LENGTH,
        has_transmit: !header.transmit_timestamp.is_zero(),
    }
}

/// True when the case sends such requests, and judges each reply by itself.
fn asks(slug: &str, asked: &Asked) -> bool {
    let is_client = asked.mode == Mode::Client && asked.has_transmit;
    let in_version_4 = is_client && asked.version == Version::FOUR;
    let plain = in_version_4 && asked.status == Status::None && asked.is_bare;
    let is_valid = asked.status == Status::Valid;
    let signed_by =
        |algorithm| in_version_4 && is_valid && !asked.has_field && asked.algorithm == Some(algorithm);
    let in_version = |number| {
        is_client
            && asked.status == Status::None
            && asked.is_bare
            && asked.version == Version::from_bits(number)
    };
    match slug {
        "header/length"
        | "header/mode-server"
        | "header/stratum-range"
        | "header/receive-not-zero"
        | "header/transmit-not-zero"
        | "header/receive-before-transmit"
        | "header/origin-echo"
        | "header/stratum-0-says-unsynchronised"
        | "header/leap-3-and-stratum"
        | "header/precision-plausible"
        | "header/root-delay-plausible"
        | "header/root-dispersion-plausible"
        | "header/reference-not-after-transmit"
        | "auth/plain-for-plain"
        | "amplification/plain" => plain,
        "auth/valid-md5" => signed_by(Algorithm::Md5),
        "auth/valid-sha1" => signed_by(Algorithm::Sha1),
        "auth/valid-sha256" => signed_by(Algorithm::Sha256),
        "auth/valid-sha384" => signed_by(Algorithm::Sha384),
        "auth/valid-sha512" => signed_by(Algorithm::Sha512),
        "auth/valid-aes128-cmac" => signed_by(Algorithm::Aes128Cmac),
        "auth/valid-aes256-cmac" => signed_by(Algorithm::Aes256Cmac),
        "auth/wrong-secret" => in_version_4 && asked.status == Status::Invalid && !asked.has_field,
        "kiss/not-signed-for-the-unverified" => {
            in_version_4 && matches!(asked.status, Status::Invalid | Status::UnknownKey)
        }
        "extension/unknown-field" => in_version_4 && asked.status == Status::None && asked.has_field,
        "amplification/with-mac" => in_version_4 && is_valid,
        "version/4" => in_version(4),
        "version/3" => in_version(3),
        "version/2" => in_version(2),
        "version/1" => in_version(1),
        _ => false,
    }
}
