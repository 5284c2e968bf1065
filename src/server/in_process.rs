//! The server as a function: what it sends for each datagram, without sockets and with a time that is handed in.

use std::net::SocketAddr;
use std::time::Duration;

use crate::ntp::NtpTimestamp;
use crate::ntp::timestamp::UnixTime;

use super::clients::Clients;
use super::clock::FixedClock;
use super::decision::Decision;
use super::fault::{Dispatch, Faults, Request};
use super::policy::{Policy, Treatment};
use super::responder::Question;

/// A server whose clock is that of whoever calls it.
#[derive(Debug)]
pub struct InProcess<'k> {
    policy: Policy,
    clients: Clients,
    faults: Faults<'k>,
    begin: Option<Duration>,
}

/// By how much its clock advances at each reading, in units of 2^-32 s: some 20 microseconds.
const STEP: u64 = 100_000;

impl<'k> InProcess<'k> {
    /// A server of that policy and those faults, whose keys the faults hold.
    pub fn new(policy: Policy, clients: Clients, faults: Faults<'k>) -> InProcess<'k> {
        InProcess { policy, clients, faults, begin: None }
    }

    /// What it sends for a datagram of `client` that comes at `now`, time since 1970.
    pub fn answer(&mut self, octets: &[u8], client: SocketAddr, now: Duration) -> Vec<Dispatch> {
        let elapsed = now.saturating_sub(*self.begin.get_or_insert(now));
        let met = self.clients.meet(&self.policy, client.ip(), octets, ntp_time(now), elapsed);
        let treatment: Treatment = met.treatment;
        let question =
            Question { octets, arrival: met.arrival, treatment, earlier_transmit: met.earlier_transmit };
        let clock = FixedClock::new(NtpTimestamp(met.arrival.0.wrapping_add(STEP)), STEP);
        let outcome =
            self.faults.answer(&self.policy, &clock, &Request { question: &question, client, elapsed });
        if let Decision::Answer(answer) = outcome.decision {
            self.clients.leave([(answer.receive_timestamp, answer.left)].into_iter());
        }
        outcome.dispatches
    }
}

fn ntp_time(since_1970: Duration) -> NtpTimestamp {
    let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
    UnixTime { seconds, nanoseconds: since_1970.subsec_nanos() }.to_ntp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Keyring;
    use crate::server::Habit;

    #[test]
    fn it_remembers_replies_for_interleaved_mode() {
        let keys = Keyring::new();
        let policy = Policy::new(Habit::of_name("ntpcap").unwrap());
        let clients = Clients::new(Vec::new(), None, true);
        let mut server = InProcess::new(policy, clients, Faults::new(&keys, Vec::new(), 1));
        let client = "192.0.2.2:40000".parse().unwrap();
        let mut request = [0; 48];
        request[0] = 0x23;
        request[40..].copy_from_slice(&[1; 8]);
        let first = server.answer(&request, client, Duration::from_secs(1_000));
        let reply = &first[0].octets;
        request[24..32].copy_from_slice(&reply[32..40]);
        request[32..40].copy_from_slice(&[2; 8]);
        let second = server.answer(&request, client, Duration::from_secs(1_001));
        assert_eq!(second[0].octets[24..32], [2; 8], "basic mode");
        assert_eq!(second[0].octets[40..48], reply[40..48], "not when the reply before left");
    }
}
