//! Whether clients accept the replies that verify.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::ntp::NtpTimestamp;
use crate::ntp::header::Header;

use crate::analysis::finding::{Event, Finding, Place};

/// Pairs of client and server that are followed at most.
const MOST_PAIRS: usize = 4_096;

/// Requests that must show no sign of the replies before it is told.
const PATIENT_REQUESTS: u32 = 3;

/// Clients, each with a server that it asks.
#[derive(Debug, Default)]
pub(super) struct Followers {
    by_pair: HashMap<Pair, Follower>,
}

/// A client and the server that it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
}

#[derive(Clone, Copy, Debug, Default)]
struct Follower {
    last_valid: Option<(Place, NtpTimestamp)>,
    ignored: u32,
    follows: bool,
}

impl Followers {
    /// Notes a reply that verifies.
    pub(super) fn note_valid(&mut self, pair: Pair, place: Place, header: &Header) {
        if self.by_pair.len() < MOST_PAIRS || self.by_pair.contains_key(&pair) {
            let follower = self.by_pair.entry(pair).or_default();
            follower.last_valid = Some((place, header.transmit_timestamp));
        }
    }

    /// Looks at a request for signs of the replies before it.
    ///
    /// ntp.org's client puts the last accepted reply's transmit timestamp where a request has its origin
    /// timestamp, and zero when it accepted none. Others always send zeros, and no reference identifier either.
    pub(super) fn note_request(&mut self, pair: Pair, place: Place, header: &Header) -> Option<Event> {
        let follower = self.by_pair.get_mut(&pair)?;
        let (reply, transmit) = follower.last_valid?;
        follower.follows |= header.origin_timestamp == transmit;
        if follower.follows || !header.origin_timestamp.is_zero() || header.reference_id.0 == [0; 4] {
            return None;
        }
        follower.ignored += 1;
        let detail = format!(
            "replies of {} verify and {} accepts none: the wire is fine; look at the client's trusted keys",
            pair.server, pair.client
        );
        let event = Event { finding: Finding::ValidRepliesNotAccepted, frames: vec![reply, place], detail };
        (follower.ignored == PATIENT_REQUESTS).then_some(event)
    }
}
