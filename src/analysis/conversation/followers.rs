//! Whether clients accept the replies that verify.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::auth::KeyId;
use crate::ntp::NtpTimestamp;
use crate::ntp::header::{Header, LeapIndicator};

use crate::analysis::finding::{Event, Finding, Place};

/// Associations that are followed at most.
const MOST_ASSOCIATIONS: usize = 4_096;

/// Requests that must show no sign of the replies before it is told.
const PATIENT_REQUESTS: u32 = 3;

/// First stratum that stands for no synchronisation (RFC 5905 section 7.3).
const UNSYNCHRONIZED: u8 = 16;

/// Clients, each with a server that it asks under a key.
#[derive(Debug, Default)]
pub(super) struct Followers {
    by_association: HashMap<Association, Follower>,
}

/// A client's socket, the server that it asks, and the key ID of both their MACs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Association {
    pub(super) client: SocketAddr,
    pub(super) server: IpAddr,
    pub(super) key_id: KeyId,
}

#[derive(Clone, Copy, Debug, Default)]
struct Follower {
    last_valid: Option<(Place, NtpTimestamp)>,
    ignored: u32,
    follows: bool,
}

impl Followers {
    /// Notes a reply that verifies. What a server says that is not synchronised itself, clients have other reasons
    /// not to accept.
    pub(super) fn note_valid(&mut self, association: Association, place: Place, header: &Header) {
        let is_synchronised =
            header.leap_indicator != LeapIndicator::Unknown && (1..UNSYNCHRONIZED).contains(&header.stratum);
        let has_room = self.by_association.len() < MOST_ASSOCIATIONS;
        if is_synchronised && (has_room || self.by_association.contains_key(&association)) {
            let follower = self.by_association.entry(association).or_default();
            follower.last_valid = Some((place, header.transmit_timestamp));
        }
    }

    /// Looks at a request that verifies for signs of the replies before it.
    ///
    /// ntp.org's client puts the last accepted reply's transmit timestamp where a request has its origin
    /// timestamp, and zero when it accepted none. Others always send zeros, and no reference identifier either.
    pub(super) fn note_request(
        &mut self,
        association: Association,
        place: Place,
        header: &Header,
    ) -> Option<Event> {
        let follower = self.by_association.get_mut(&association)?;
        let (reply, transmit) = follower.last_valid?;
        follower.follows |= header.origin_timestamp == transmit;
        if follower.follows || !header.origin_timestamp.is_zero() || header.reference_id.0 == [0; 4] {
            return None;
        }
        follower.ignored += 1;
        let Association { client, server, key_id } = association;
        let detail = format!(
            "replies of {server} verify under the key {key_id} of the requests, and {} accepts none: if they reach \
             it, look at its trusted keys",
            client.ip()
        );
        let event = Event { finding: Finding::ValidRepliesNotAccepted, frames: vec![reply, place], detail };
        (follower.ignored == PATIENT_REQUESTS).then_some(event)
    }
}
