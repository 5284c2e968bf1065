//! What is remembered of each server: how it answers, and what it says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::auth::KeyId;
use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::ntp::header::{Header, LeapIndicator, Version};

use super::behaviour::{Answer, Asked, Profile};
use super::finding::{Event, Finding, MOST_FRAMES, Place};
use super::pairing::Request;
use super::verdict::Status;

/// Servers that are remembered at most; the others are counted.
pub const MOST_SERVERS: usize = 4_096;

/// Clients that are told apart for a server, and keys and lengths of their requests.
const MOST_CLIENTS: usize = 16;
const MOST_LENGTHS: usize = 32;

/// Keys that are told apart for a server.
const MOST_KEYS: usize = 64;

/// Requests that must have stayed unanswered before a filter is suspected.
const SUSPICIOUS: u32 = 2;

/// One server.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// How it answers.
    pub profile: Profile,
    /// What it broadcasts.
    pub broadcasts: BTreeMap<Status, u64>,
    lengths: BTreeMap<IpAddr, Lengths>,
    /// How it answers requests with a right MAC, by key.
    keys: BTreeMap<KeyId, KeyAnswers>,
    /// What unproved and proved messages say of its clock: whoever forges one must not seem to set it.
    clocks: [Option<(Place, u8, LeapIndicator)>; 2],
    control: Exposure,
    private: Exposure,
}

/// How requests were answered whose MAC is right under one key.
#[derive(Clone, Copy, Debug, Default)]
struct KeyAnswers {
    with_mac: u32,
    refused: u32,
    silent: u32,
    example: Option<Place>,
}

/// The requests of a client by key ID and octets.
#[derive(Clone, Debug, Default)]
struct Lengths {
    by_length: BTreeMap<(Option<KeyId>, usize), Answers>,
}

/// How requests of one length were answered.
#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    answered: u32,
    /// Not answered, though nothing is wrong with them.
    unanswered: u32,
    example: Option<Place>,
}

/// Queries of mode 6 or 7 without authentication that were answered.
#[derive(Clone, Copy, Debug, Default)]
struct Exposure {
    asked: u64,
    answered: u64,
    example: Option<(Place, Place)>,
}

/// All servers of a run.
#[derive(Debug, Default)]
pub struct Servers {
    by_address: BTreeMap<SocketAddr, Server>,
    /// Servers beyond [`MOST_SERVERS`] were seen.
    pub crowded: bool,
}

impl Servers {
    /// The server of that address; `None` when there are too many.
    pub fn of(&mut self, address: SocketAddr) -> Option<&mut Server> {
        if self.by_address.len() >= MOST_SERVERS && !self.by_address.contains_key(&address) {
            self.crowded = true;
            return None;
        }
        Some(self.by_address.entry(address).or_default())
    }

    /// The servers that were asked for the time or broadcast it, by address.
    pub fn sorted(&self) -> Vec<(SocketAddr, &Server)> {
        let tells = |server: &Server| !server.broadcasts.is_empty() || !server.profile.is_empty();
        self.iter().filter(|(_, server)| tells(server)).collect()
    }

    /// All of which anything is known, by address.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &Server)> {
        self.by_address.iter().map(|(address, server)| (*address, server))
    }
}

impl Server {
    /// Counts the answer to a request for the time, or its absence.
    pub fn count(&mut self, request: &Request, answer: Answer) {
        let asked = Asked::of(request.status);
        self.profile.count(asked, answer);
        if let (Asked::Valid, Some(key_id)) = (asked, request.key_id)
            && (self.keys.len() < MOST_KEYS || self.keys.contains_key(&key_id))
        {
            self.keys.entry(key_id).or_default().count(answer, request.place);
        }
        let client = request.client.ip();
        if self.lengths.len() < MOST_CLIENTS || self.lengths.contains_key(&client) {
            self.lengths.entry(client).or_default().count(request, asked, answer);
        }
    }

    /// Compares what a message says of the server's clock with what the one before said, those whose MAC is right
    /// apart from the others.
    pub fn clock_says(&mut self, header: &Header, is_proved: bool, place: Place) -> Vec<Event> {
        let [unproved, proved] = &mut self.clocks;
        let clock = if is_proved { proved } else { unproved };
        let (now_stratum, now_leap) = (header.stratum, header.leap_indicator);
        let Some((earlier, stratum, leap)) = clock.replace((place, now_stratum, now_leap)) else {
            return Vec::new();
        };
        let event = |finding, detail| Event { finding, frames: vec![earlier, place], detail };
        let stratum_changed = (stratum != now_stratum)
            .then(|| event(Finding::StratumChanged, format!("stratum {stratum} became {now_stratum}")));
        let leap_changed = (leap != now_leap)
            .then(|| event(Finding::LeapChanged, format!("leap {} became {}", leap.name(), now_leap.name())));
        stratum_changed.into_iter().chain(leap_changed).collect()
    }

    /// Notes a query of mode 6 or 7 and one of its replies, in octets.
    pub fn exposes(
        &mut self,
        finding: Finding,
        request: (Place, usize),
        reply: (Place, usize),
        is_first: bool,
    ) {
        let exposure = if finding == Finding::PrivateExposed { &mut self.private } else { &mut self.control };
        if is_first {
            exposure.asked += request.1 as u64;
        }
        exposure.answered += reply.1 as u64;
        exposure.example.get_or_insert((request.0, reply.0));
    }

    /// What the whole run says of the server.
    pub fn events(&self, address: SocketAddr) -> Vec<Event> {
        let mut events = Vec::new();
        events.extend(self.control.event(Finding::ControlExposed, "control", address));
        events.extend(self.private.event(Finding::PrivateExposed, "private", address));
        let filter = self.length_filter(address);
        if filter.is_none() {
            events.extend(self.refused_keys(address));
        }
        events.extend(filter);
        events
    }

    /// The keys that it refuses though their MACs are right, where it signs under others.
    fn refused_keys(&self, address: SocketAddr) -> impl Iterator<Item = Event> + use<'_> {
        let signs = self.profile.of(Asked::Valid, Answer::AuthenticatedReply) > 0;
        let is_refused = move |answers: &KeyAnswers| {
            signs && answers.with_mac == 0 && answers.refused + answers.silent >= SUSPICIOUS
        };
        let refused = self.keys.iter().filter(move |(_, answers)| is_refused(answers));
        refused.filter(|_| !self.profile.is_limiting()).map(move |(key_id, answers)| {
            let KeyAnswers { refused, silent, .. } = answers;
            let detail = format!(
                "{address} signs under other keys and not under key {key_id}, whose MACs are right here: \
                 {refused} refused, {silent} not answered"
            );
            Event { finding: Finding::RightKeyRefused, frames: answers.example.into_iter().collect(), detail }
        })
    }

    /// Suspects a filter where it is not silent because it limits.
    fn length_filter(&self, address: SocketAddr) -> Option<Event> {
        if self.profile.is_limiting() {
            return None;
        }
        self.lengths.values().find_map(|lengths| lengths.filter(address))
    }
}

impl KeyAnswers {
    fn count(&mut self, answer: Answer, place: Place) {
        match answer {
            Answer::AuthenticatedReply => self.with_mac += 1,
            Answer::CryptoNak => self.refused += 1,
            Answer::Silence => self.silent += 1,
            _ => return,
        }
        if answer != Answer::AuthenticatedReply {
            self.example.get_or_insert(place);
        }
    }
}

impl Lengths {
    fn count(&mut self, request: &Request, asked: Asked, answer: Answer) {
        let name = (request.key_id, request.length);
        if self.by_length.len() >= MOST_LENGTHS && !self.by_length.contains_key(&name) {
            return;
        }
        // No server answers a digest that is longer than version 4 has room for.
        let is_right = matches!(asked, Asked::NoMac | Asked::Valid)
            && (request.digest_length <= TRUNCATED_LENGTH || request.version < Version::FOUR);
        let answers = self.by_length.entry(name).or_default();
        answers.answered += u32::from(answer != Answer::Silence);
        answers.unanswered += u32::from(answer == Answer::Silence && is_right);
        answers.example.get_or_insert(request.place);
    }

    fn filter(&self, address: SocketAddr) -> Option<Event> {
        self.filter_of_key(address).or_else(|| self.filter_of_macs(address))
    }

    /// Under one key, short requests are answered and longer ones are not.
    fn filter_of_key(&self, address: SocketAddr) -> Option<Event> {
        let answered = self.by_length.iter();
        let mut answered = answered.filter(|(_, answers)| answers.answered > answers.unanswered);
        answered.find_map(|((key_id, length), _)| {
            let same_key = self.by_length.range((*key_id, length + 1)..=(*key_id, usize::MAX));
            let key = key_id.map_or("without a MAC".to_owned(), |key_id| format!("under key {key_id}"));
            let reason = "it takes no requests of that length or with such extension fields, or something on the \
                          way drops them";
            event(
                address,
                &format!("{length} octets {key}"),
                same_key.map(|((_, length), answers)| (*length, *answers)),
                reason,
            )
        })
    }

    /// Requests without a MAC are answered, and nothing that is longer is, be it with a refusal.
    fn filter_of_macs(&self, address: SocketAddr) -> Option<Event> {
        let is_answered = |answers: &Answers| answers.answered > 0;
        let with_mac = self.by_length.iter().filter(|((key_id, _), _)| key_id.is_some());
        // Where plain requests are lost too, others are for the same reason.
        let is_mostly = |answers: &Answers| answers.answered > answers.unanswered;
        let plain =
            self.by_length.iter().filter(|((key_id, _), answers)| key_id.is_none() && is_mostly(answers));
        let longest = plain.map(|((_, length), _)| *length).max()?;
        if with_mac.clone().any(|(_, answers)| is_answered(answers)) {
            return None;
        }
        let longer = with_mac.filter(|((_, length), _)| *length > longest);
        let reason = "it accepts none of their keys, or something on the way drops them by their length";
        event(
            address,
            &format!("{longest} octets without a MAC"),
            longer.map(|((_, length), answers)| (*length, *answers)),
            reason,
        )
    }
}

/// Tells when enough requests of these lengths were not answered, and none was.
fn event(
    address: SocketAddr,
    answered: &str,
    longer: impl Iterator<Item = (usize, Answers)>,
    reason: &str,
) -> Option<Event> {
    let silent: Vec<(usize, Answers)> =
        longer.filter(|(_, answers)| answers.answered == 0 && answers.unanswered > 0).collect();
    let requests: u32 = silent.iter().map(|(_, answers)| answers.unanswered).sum();
    if requests < SUSPICIOUS {
        return None;
    }
    let octets: BTreeSet<usize> = silent.iter().map(|(length, _)| *length).collect();
    let octets: Vec<String> = octets.iter().map(usize::to_string).collect();
    let detail = format!(
        "{address} answered requests of {answered} and none of {requests} of {} octets: {reason}",
        octets.join(", ")
    );
    let frames = silent.iter().filter_map(|(_, answers)| answers.example).take(MOST_FRAMES).collect();
    Some(Event { finding: Finding::LengthFilterSuspected, frames, detail })
}

impl Exposure {
    fn event(&self, finding: Finding, name: &str, address: SocketAddr) -> Option<Event> {
        let (request, reply) = self.example?;
        let ratio = self.answered * 10 / self.asked.max(1);
        let detail = format!(
            "{address} answers {name} queries without authentication: {} octets asked, {} answered ({}.{} times)",
            self.asked,
            self.answered,
            ratio / 10,
            ratio % 10
        );
        Some(Event { finding, frames: vec![request, reply], detail })
    }
}
