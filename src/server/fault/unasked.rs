//! What a server sends though nobody asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::auth::Keyring;
use crate::ntp::NtpTimestamp;
use crate::ntp::header::{Header, Mode, Version};
use crate::server::{Clock, Draft, DraftTail, Policy};

use super::change::other_than;
use super::keys::{mac, signing_key};
use super::random::Random;
use super::spec::Fault;
use super::table::FaultKind;

/// How often something is sent by itself, unless it is set.
const INTERVAL: Duration = Duration::from_secs(8);

/// The group that IANA assigned to NTP.
const GROUP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(224, 0, 1, 1)), 123);

/// Every host of the link.
const EVERYBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::BROADCAST), 123);

impl Fault {
    /// Where the fault sends by itself; `None` when it changes replies or sends beside them.
    pub fn destination(&self) -> Option<SocketAddr> {
        let usual = match self.kind {
            FaultKind::Broadcast => Some(EVERYBODY),
            FaultKind::Multicast => Some(GROUP),
            _ => None,
        };
        self.parameters.destination.or(usual)
    }

    /// How often the fault sends by itself.
    pub(super) fn interval(&self) -> Duration {
        self.parameters.interval.unwrap_or(INTERVAL)
    }
}

/// A message that nobody asked for: a broadcast, or a reply to a request that was never made.
pub(super) fn message<'k>(
    fault: &Fault,
    policy: &Policy,
    keys: &'k Keyring,
    random: &mut Random,
    clock: &dyn Clock,
) -> Draft<'k> {
    let now = clock.now();
    let is_reply = fault.kind == FaultKind::Unsolicited;
    let system = policy.system;
    let header = Header {
        leap_indicator: system.leap_indicator,
        version: Version::FOUR,
        mode: if is_reply { Mode::Server } else { Mode::Broadcast },
        stratum: system.stratum,
        poll: 6,
        precision: system.precision,
        root_delay: system.root_delay,
        root_dispersion: system.root_dispersion,
        reference_id: system.reference_id,
        reference_timestamp: system.reference_timestamp(now),
        origin_timestamp: if is_reply { other_than(NtpTimestamp::ZERO, random) } else { NtpTimestamp::ZERO },
        receive_timestamp: if is_reply { now } else { NtpTimestamp::ZERO },
        transmit_timestamp: now,
    };
    let key = signing_key(fault, keys).filter(|_| fault.parameters.signed != Some(false));
    let tail = key.map_or(DraftTail::Nothing, mac);
    Draft { has_transmit: true, tail, ..Draft::new(header) }
}
