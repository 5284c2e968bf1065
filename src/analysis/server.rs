//! What is remembered of each server: how it answers, and what it says of itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::ntp::header::{Header, LeapIndicator};

use super::behaviour::{Answer, Asked, Profile};
use super::finding::{Event, Finding, Place};

/// Servers that are remembered at most; the others are counted.
pub const MOST_SERVERS: usize = 4_096;

/// Lengths of request that are told apart for a server.
const MOST_LENGTHS: usize = 16;

/// Right requests of one length that must have stayed unanswered before a filter is suspected.
const SUSPICIOUS: u32 = 2;

/// One server.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// How it answers.
    pub profile: Profile,
    /// Right or plain requests by length: answered and not.
    lengths: BTreeMap<usize, Lengths>,
    clock: Option<(Place, u8, LeapIndicator)>,
    control: Exposure,
    private: Exposure,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lengths {
    answered: u32,
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

    /// The servers by address.
    pub fn sorted(&self) -> Vec<(SocketAddr, &Server)> {
        self.by_address.iter().map(|(address, server)| (*address, server)).collect()
    }
}

impl Server {
    /// Counts the answer to a request, or its absence.
    pub fn count(&mut self, asked: Asked, answer: Answer, length: usize, request: Place) {
        self.profile.count(asked, answer);
        if matches!(asked, Asked::NoMac | Asked::Valid)
            && (self.lengths.len() < MOST_LENGTHS || self.lengths.contains_key(&length))
        {
            let lengths = self.lengths.entry(length).or_default();
            match answer {
                Answer::Silence => lengths.unanswered += 1,
                _ => lengths.answered += 1,
            }
            lengths.example.get_or_insert(request);
        }
    }

    /// Compares what a reply says of the server's clock with what the one before said.
    pub fn clock_says(&mut self, header: &Header, place: Place) -> Option<Event> {
        let now = (header.stratum, header.leap_indicator);
        let before = self.clock.replace((place, now.0, now.1));
        let (earlier, stratum, leap) = before.filter(|(_, stratum, leap)| (*stratum, *leap) != now)?;
        let (finding, detail) = if stratum == now.0 {
            (Finding::LeapChanged, format!("leap {} became {}", leap.name(), now.1.name()))
        } else {
            (Finding::StratumChanged, format!("stratum {stratum} became {}", now.0))
        };
        Some(Event { finding, frames: vec![earlier, place], detail })
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
        events.extend(self.length_filter(address));
        events
    }

    fn length_filter(&self, address: SocketAddr) -> Option<Event> {
        let answered: Vec<String> = self
            .lengths
            .iter()
            .filter(|(_, counts)| counts.answered > 0)
            .map(|(length, _)| length.to_string())
            .collect();
        let suspicious = |counts: &Lengths| counts.answered == 0 && counts.unanswered >= SUSPICIOUS;
        let (length, counts) = self.lengths.iter().find(|(_, counts)| suspicious(counts))?;
        if answered.is_empty() {
            return None;
        }
        let detail = format!(
            "{address} answered none of {} right requests of {length} octets, but others of {} octets",
            counts.unanswered,
            answered.join(", ")
        );
        Some(Event {
            finding: Finding::LengthFilterSuspected,
            frames: counts.example.into_iter().collect(),
            detail,
        })
    }
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
