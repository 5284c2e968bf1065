//! What a server sends though nobody asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::auth::Key;
use crate::ntp::NtpTimestamp;
use crate::ntp::header::{Header, Mode, Version};
use crate::server::{Clock, Draft, DraftTail, Policy};

use super::change::other_than;
use super::keys::{Signers, mac};
use super::random::Random;
use super::spec::Fault;
use super::table::FaultKind;
use super::{Armed, Dispatch, Source, Unasked};

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

/// What a fault sends by itself.
pub(super) fn by_itself(
    armed: &Armed,
    destination: SocketAddr,
    policy: &Policy,
    signers: &Signers<'_>,
    clock: &dyn Clock,
) -> Unasked {
    let key = signers.own(&armed.fault).filter(|_| armed.fault.parameters.signed != Some(false));
    let octets = message(armed, policy, key, clock);
    Unasked { destination, octets, faults: vec![armed.fault.name()], decision: None }
}

/// What a fault sends beside a reply that ends so.
pub(super) fn beside(
    armed: &Armed,
    policy: &Policy,
    signers: &Signers<'_>,
    reply: &DraftTail<'_>,
    clock: &dyn Clock,
) -> Dispatch {
    let octets = message(armed, policy, key_beside(&armed.fault, signers, reply), clock);
    let source = armed.fault.parameters.source.unwrap_or(Source::OtherPort);
    Dispatch { octets, after: Duration::ZERO, source, faults: vec![armed.fault.name()], decision: None }
}

/// The key that a message beside a reply is signed with: unless it is set, that of the reply, if it has one.
fn key_beside<'d>(fault: &Fault, signers: &Signers<'d>, reply: &DraftTail<'d>) -> Option<&'d Key> {
    match (reply, fault.parameters.signed, fault.parameters.key_id) {
        (_, Some(false), _) => None,
        (DraftTail::Mac { key, .. }, _, None) => Some(key),
        (_, None, None) => None,
        _ => signers.own(fault),
    }
}

/// A message that nobody asked for: a broadcast, or a reply to a request that was never made.
fn message(armed: &Armed, policy: &Policy, key: Option<&Key>, clock: &dyn Clock) -> Vec<u8> {
    let now = armed.fault.parameters.offset.unwrap_or_default().of(clock.now());
    let is_reply = armed.fault.kind == FaultKind::Unsolicited;
    let header = header(policy, is_reply, now, &mut armed.random.fork());
    let tail = key.map_or(DraftTail::Nothing, mac);
    let mut octets = Vec::new();
    Draft { has_transmit: true, tail, ..Draft::new(header) }.write(clock, &mut octets);
    octets
}

fn header(policy: &Policy, is_reply: bool, now: NtpTimestamp, random: &mut Random) -> Header {
    let system = policy.system;
    let zero = NtpTimestamp::ZERO;
    Header {
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
        origin_timestamp: if is_reply { other_than(zero, random) } else { zero },
        receive_timestamp: if is_reply { now } else { zero },
        transmit_timestamp: now,
    }
}
