//! What is known of clients, shared by all threads.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::keyfile::AddressRange;
use crate::ntp::NtpTimestamp;

use super::memory::Memory;
use super::policy::Treatment;
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

    /// What is done with a request of `client` at `now`, a time since whenever.
    pub fn treat(&self, client: IpAddr, now: Duration) -> Treatment {
        if let Some((_, treatment)) = self.rules.iter().find(|(range, _)| range.contains(client)) {
            return *treatment;
        }
        self.limit.as_ref().map_or(Treatment::Serve, |limit| lock(limit).treat(client, now))
    }

    /// The receive timestamp for a request that came at `arrival`, and when the reply left that the request names by
    /// its origin timestamp.
    pub fn arrive(
        &self,
        client: IpAddr,
        arrival: NtpTimestamp,
        origin: Option<NtpTimestamp>,
    ) -> (NtpTimestamp, Option<NtpTimestamp>) {
        let Some(memory) = &self.memory else { return (arrival, None) };
        let mut memory = lock(memory);
        let earlier = origin.and_then(|origin| memory.left(client, origin));
        (memory.arrive(client, arrival), earlier)
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
    use super::*;

    #[test]
    fn the_first_rule_that_holds_decides() {
        let range = |address: [u8; 4], bits| AddressRange { address: address.into(), bits };
        let rules = vec![
            (range([192, 0, 2, 1], 32), Treatment::Ignore),
            (range([192, 0, 2, 0], 24), Treatment::Kiss(*b"DENY")),
        ];
        let clients = Clients::new(rules, None, false);
        let treat = |last| clients.treat([192, 0, 2, last].into(), Duration::ZERO);
        assert_eq!((treat(1), treat(2)), (Treatment::Ignore, Treatment::Kiss(*b"DENY")));
        assert_eq!(clients.treat([192, 0, 3, 1].into(), Duration::ZERO), Treatment::Serve);
    }

    #[test]
    fn without_interleaved_mode_nothing_is_remembered() {
        let clients = Clients::new(Vec::new(), None, false);
        let client = [192, 0, 2, 1].into();
        assert_eq!(clients.arrive(client, NtpTimestamp(5), None), (NtpTimestamp(5), None));
        assert_eq!(clients.arrive(client, NtpTimestamp(5), Some(NtpTimestamp(5))), (NtpTimestamp(5), None));
    }
}
