//! What is known of clients, shared by all threads.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::keyfile::AddressRange;
use crate::ntp::NtpTimestamp;
use crate::ntp::header::{Header, Mode};

use super::memory::Memory;
use super::policy::{Policy, Treatment};
use super::rate::{Rate, RateLimit};

/// Most clients whose rate is kept account of, and most replies that are remembered.
const MOST: usize = 1 << 16;

/// Who is treated how, and what was answered.
#[derive(Debug)]
pub struct Clients {
    rules: Vec<(AddressRange, Treatment)>,
    readers: Vec<AddressRange>,
    limit: Option<Mutex<RateLimit>>,
    memory: Option<Mutex<Memory>>,
}

/// What is known of a datagram's sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// The receive timestamp of a reply.
    pub arrival: NtpTimestamp,
    /// What is done with the sender.
    pub treatment: Treatment,
    /// True when that is so because of the rate, and not of a rule.
    pub asks_too_often: bool,
    /// When the reply left that the datagram names by its origin timestamp.
    pub earlier_transmit: Option<NtpTimestamp>,
}

impl Clients {
    /// Treats clients by the first rule that holds for them, and limits the others to `rate`. Replies are remembered
    /// if `interleaved`.
    pub fn new(rules: Vec<(AddressRange, Treatment)>, rate: Option<Rate>, interleaved: bool) -> Clients {
        Clients {
            rules,
            readers: Vec::new(),
            limit: rate.map(|rate| Mutex::new(RateLimit::new(rate, MOST))),
            memory: interleaved.then(|| Mutex::new(Memory::new(MOST))),
        }
    }

    /// Lets clients of these networks read by control messages, whose replies may be longer than their requests.
    pub fn with_readers(self, readers: Vec<AddressRange>) -> Clients {
        Clients { readers, ..self }
    }

    /// True for a client that may read by control messages.
    pub fn may_read(&self, client: IpAddr) -> bool {
        self.readers.iter().any(|range| range.contains(client))
    }

    /// Takes the octets of a datagram that `client` sent, which came at `arrival`. `now` is a time since whenever.
    ///
    /// What asks for nothing costs its sender nothing and is not remembered: a flood of it would drive out what is
    /// known of others.
    pub fn meet(
        &self,
        policy: &Policy,
        client: IpAddr,
        octets: &[u8],
        arrival: NtpTimestamp,
        now: Duration,
    ) -> Met {
        let header = Header::parse(octets);
        let reply_mode = header.and_then(|header| policy.reply_mode(&header));
        let rule = self.rules.iter().find(|(range, _)| range.contains(client));
        let rule = rule.map(|(_, treatment)| *treatment);
        let limit = self.limit.as_ref().filter(|_| reply_mode.is_some());
        let limited = || limit.map(|limit| lock(limit).treat(client, now));
        let treatment = rule.or_else(limited).unwrap_or_default();
        let asks_too_often = rule.is_none() && treatment != Treatment::Serve;
        let remembers = treatment == Treatment::Serve && reply_mode == Some(Mode::Server);
        let (arrival, earlier_transmit) = match (header, &self.memory) {
            (Some(header), Some(memory)) if remembers => {
                let mut memory = lock(memory);
                let earlier = memory.left(client, header.origin_timestamp);
                (memory.arrive(client, arrival), earlier)
            }
            _ => (arrival, None),
        };
        Met { arrival, treatment, asks_too_often, earlier_transmit }
    }

    /// Remembers by their receive timestamps when replies left.
    pub fn leave(&self, replies: impl Iterator<Item = (NtpTimestamp, NtpTimestamp)>) {
        if let Some(memory) = &self.memory {
            let mut memory = lock(memory);
            replies.for_each(|(receipt, left)| memory.leave(receipt, left));
        }
    }
}

/// What another thread has left half done is at worst one client treated wrongly.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::server::Habit;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const NOON: NtpTimestamp = NtpTimestamp(0xee00_0000_0000_0000);

    fn meet(clients: &Clients, client: IpAddr, octets: &[u8]) -> Met {
        let policy = Policy::new(Habit::of_name("ntpcap").unwrap());
        clients.meet(&policy, client, octets, NOON, Duration::ZERO)
    }

    /// A request with that origin timestamp.
    fn request(origin: NtpTimestamp) -> [u8; 48] {
        let mut octets = [0; 48];
        octets[0] = 0x23;
        octets[24..32].copy_from_slice(&origin.0.to_be_bytes());
        octets
    }

    fn once() -> Option<Rate> {
        Some(Rate { requests: NonZeroU32::MIN, period: Duration::from_secs(1) })
    }

    /// A reply, a broadcast, version 0, a control message, and less than a header.
    fn asking_for_nothing() -> [Vec<u8>; 5] {
        [0x24, 0x25, 0x03, 0x26, 0x23].map(|first| [&[first][..], &[0; 46]].concat()).map(|mut octets| {
            octets.resize(if octets[0] == 0x23 { 47 } else { 48 }, 0);
            octets
        })
    }

    #[test]
    fn the_first_rule_that_holds_decides() {
        let range = |address: [u8; 4], bits| AddressRange { address: address.into(), bits };
        let rules = vec![
            (range([192, 0, 2, 1], 32), Treatment::Ignore),
            (range([192, 0, 2, 0], 24), Treatment::Kiss(*b"DENY")),
        ];
        let clients = Clients::new(rules, None, false);
        let treat = |address: [u8; 4]| meet(&clients, address.into(), &request(NOON));
        assert_eq!(treat([192, 0, 2, 1]).treatment, Treatment::Ignore);
        assert_eq!(treat([192, 0, 2, 2]).treatment, Treatment::Kiss(*b"DENY"));
        assert_eq!(treat([192, 0, 3, 1]).treatment, Treatment::Serve);
        assert!(!treat([192, 0, 2, 1]).asks_too_often);
    }

    #[test]
    fn what_asks_for_nothing_costs_nothing() {
        let clients = Clients::new(Vec::new(), once(), false);
        for octets in asking_for_nothing() {
            assert_eq!(meet(&clients, CLIENT, &octets).treatment, Treatment::Serve);
        }
        let treated = [(); 3].map(|()| meet(&clients, CLIENT, &request(NOON)));
        let kiss = Treatment::Kiss(*b"RATE");
        assert_eq!(treated.map(|met| met.treatment), [Treatment::Serve, kiss, Treatment::Ignore]);
        assert_eq!(treated.map(|met| met.asks_too_often), [false, true, true]);
    }

    #[test]
    fn what_asks_for_nothing_is_not_remembered() {
        let clients = Clients::new(Vec::new(), None, true);
        // What is remembered has its receive timestamp to itself.
        let receipt = |octets: &[u8]| meet(&clients, CLIENT, octets).arrival.0 - NOON.0;
        assert_eq!(asking_for_nothing().map(|octets| receipt(&octets)), [0; 5]);
        assert_eq!([(); 2].map(|()| receipt(&request(NOON))), [0, 1]);
        clients.leave([(NOON, NtpTimestamp(NOON.0 + 9))].into_iter());
        assert_eq!(meet(&clients, CLIENT, &request(NOON)).earlier_transmit, Some(NtpTimestamp(NOON.0 + 9)));
    }

    #[test]
    fn without_interleaved_mode_nothing_is_remembered() {
        let clients = Clients::new(Vec::new(), None, false);
        let expected =
            Met { arrival: NOON, treatment: Treatment::Serve, asks_too_often: false, earlier_transmit: None };
        assert_eq!([(); 2].map(|()| meet(&clients, CLIENT, &request(NOON))), [expected; 2]);
    }
}
