//! What interleaved mode needs to remember: when the reply to an earlier request left (RFC 9769 section 2).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::ntp::NtpTimestamp;

/// Remembers for the receive timestamps of the latest requests when their replies left. The oldest makes room.
#[derive(Clone, Debug)]
pub struct Memory {
    most: usize,
    entries: HashMap<NtpTimestamp, Entry>,
    order: VecDeque<NtpTimestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    client: IpAddr,
    left: Option<NtpTimestamp>,
}

impl Memory {
    /// Remembers `most` requests.
    pub fn new(most: usize) -> Memory {
        Memory { most, entries: HashMap::with_capacity(most), order: VecDeque::with_capacity(most) }
    }

    /// Takes a request of `client` that came at `arrival`, and gives the receipt that its reply is to have: later by
    /// the smallest unit, 2^-32 s, as often as another request has that very time. A receive timestamp must be
    /// unique to be told by a client which request it means.
    pub fn arrive(&mut self, client: IpAddr, arrival: NtpTimestamp) -> NtpTimestamp {
        let mut receipt = arrival;
        while receipt.is_zero() || self.entries.contains_key(&receipt) {
            receipt = NtpTimestamp(receipt.0.wrapping_add(1));
        }
        if self.order.len() >= self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.order.push_back(receipt);
        self.entries.insert(receipt, Entry { client, left: None });
        receipt
    }

    /// Remembers that the reply to the request with that receipt left.
    pub fn leave(&mut self, receipt: NtpTimestamp, left: NtpTimestamp) {
        if let Some(entry) = self.entries.get_mut(&receipt) {
            entry.left = Some(left);
        }
    }

    /// When the reply to `client` left whose receive timestamp is `receipt`. Ports are not compared: clients change
    /// theirs from request to request (RFC 9109).
    pub fn left(&self, client: IpAddr, receipt: NtpTimestamp) -> Option<NtpTimestamp> {
        self.entries.get(&receipt).filter(|entry| entry.client == client)?.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn tells_a_client_and_no_other_when_its_reply_left() {
        let mut memory = Memory::new(4);
        let receipt = memory.arrive(CLIENT, NtpTimestamp(100));
        assert_eq!(memory.left(CLIENT, receipt), None);
        memory.leave(receipt, NtpTimestamp(150));
        assert_eq!(memory.left(CLIENT, receipt), Some(NtpTimestamp(150)));
        assert_eq!(memory.left(OTHER, receipt), None);
        assert_eq!(memory.left(CLIENT, NtpTimestamp(101)), None);
    }

    #[test]
    fn makes_receipts_unique() {
        let mut memory = Memory::new(4);
        let receipts = [(); 3].map(|()| memory.arrive(CLIENT, NtpTimestamp(100)).0);
        assert_eq!(receipts, [100, 101, 102]);
        assert_eq!(memory.arrive(CLIENT, NtpTimestamp::ZERO).0, 1);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut memory = Memory::new(2);
        for arrival in 1..=3 {
            let receipt = memory.arrive(CLIENT, NtpTimestamp(arrival * 10));
            memory.leave(receipt, NtpTimestamp(arrival * 10 + 1));
        }
        assert_eq!(memory.left(CLIENT, NtpTimestamp(10)), None);
        assert_eq!(memory.left(CLIENT, NtpTimestamp(20)), Some(NtpTimestamp(21)));
        memory.leave(NtpTimestamp(10), NtpTimestamp(11));
        assert_eq!(memory.entries.len(), 2);
    }
}
