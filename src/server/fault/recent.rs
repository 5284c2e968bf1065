//! The last message of each of many clients.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::ntp::NtpTimestamp;

/// Clients whose last message is remembered.
const MOST: usize = 1_024;

/// Octets of all messages that are remembered. One message more may be.
const MOST_OCTETS: usize = 4 << 20;

/// The last message of each of many clients, the latest at the end.
#[derive(Debug, Default)]
pub(super) struct Recent {
    messages: VecDeque<Passed>,
}

/// A message that a client has sent or was sent.
#[derive(Debug)]
pub(super) struct Passed {
    client: IpAddr,
    /// Its octets.
    pub(super) octets: Vec<u8>,
    /// When it came or left, by the server's clock.
    pub(super) at: NtpTimestamp,
}

impl Recent {
    /// The last message of a client.
    pub(super) fn of(&self, client: IpAddr) -> Option<&Passed> {
        self.messages.iter().find(|message| message.client == client)
    }

    /// Remembers a message, of many clients those of the last ones.
    pub(super) fn remember(&mut self, client: IpAddr, octets: &[u8], at: NtpTimestamp) {
        self.messages.retain(|message| message.client != client);
        self.messages.push_back(Passed { client, octets: octets.to_vec(), at });
        let mut total: usize = self.messages.iter().map(|message| message.octets.len()).sum();
        while self.messages.len() > MOST || total > MOST_OCTETS {
            let Some(oldest) = self.messages.pop_front() else { break };
            total -= oldest.octets.len();
        }
    }
}
