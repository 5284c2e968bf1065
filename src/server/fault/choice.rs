//! Which faults a reply has: those in scope that can be seen in it.
//!
//! One after another asks to join. It does when the reply then shows it and still shows those before it: the octets
//! are others without it, and without any of them. So what is named is there, and what is hidden is not counted.

use crate::auth::KeyId;
use crate::ntp::NtpTimestamp;
use crate::ntp::header::Version;
use crate::server::decision::{AnswerKind, Refusal};
use crate::server::responder::Planned;
use crate::server::{Clock, DraftTail};

use super::Armed;
use super::delivery::Memory;
use super::keys::Signers;
use super::scope::Seen;
use super::sending::Request;
use super::spec::Fault;
use super::table::{FaultKind, Group};
use super::writing::write;

/// The octets that fit into a datagram of IPv4.
const LONGEST: usize = 65_507;

/// A reply that is due, and what bears on its faults.
pub(super) struct Case<'c, 'k> {
    pub(super) planned: &'c Planned<'k>,
    pub(super) signers: &'c Signers<'k>,
    pub(super) memory: &'c Memory,
    pub(super) request: &'c Request<'c>,
}

/// The faults of a reply, in the order of the table, and counts them.
pub(super) fn choose(faults: &mut [Armed], case: &Case<'_, '_>) -> Vec<usize> {
    let Request { client, elapsed, .. } = *case.request;
    let seen = Seen { elapsed, client: client.ip(), key: key_of(case.planned.kind) };
    let mut order: Vec<usize> = (0..faults.len()).collect();
    order.sort_by_key(|index| faults.get(*index).map(|armed| rank(armed.fault.kind)));
    let mut chosen: Vec<usize> = Vec::new();
    for index in order {
        let joins = faults.get(index).is_some_and(|armed| {
            let others: Vec<&Armed> = chosen.iter().filter_map(|index| faults.get(*index)).collect();
            armed.fault.scope.holds(&seen) && case.joins(armed, &others)
        });
        let counts = |armed: &mut Armed| armed.counter.counts(&armed.fault.scope);
        if joins && faults.get_mut(index).is_some_and(counts) {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Who asks first: what leaves nothing of a reply for others, and then the order of the table.
fn rank(kind: FaultKind) -> (bool, bool, FaultKind) {
    (kind != FaultKind::Drop, kind != FaultKind::Replay, kind)
}

impl Case<'_, '_> {
    /// True when a fault can be had in the reply beside those others.
    fn joins(&self, armed: &Armed, others: &[&Armed]) -> bool {
        let fault = &armed.fault;
        let is_excluded = others.iter().any(|other| excludes(&other.fault, fault));
        !is_excluded && self.fits(fault) && (!fault.kind.is_in_octets() || self.shows(armed, others))
    }

    /// True when a fault can be had in such a reply, as far as its octets do not tell.
    fn fits(&self, fault: &Fault) -> bool {
        let draft = &self.planned.draft;
        let client = self.request.client.ip();
        match fault.kind {
            FaultKind::MacOverHeaderOnly => draft.header.version >= Version::FOUR,
            FaultKind::AddMac => matches!(draft.tail, DraftTail::Nothing),
            FaultKind::Replay => self.memory.earlier(client, self.request.question.octets.len()).is_some(),
            FaultKind::Late => fault.parameters.delay.is_none_or(|delay| !delay.is_zero()),
            FaultKind::Reorder => self.memory.may_hold(client),
            kind => match kind.row().group {
                Group::Field => draft.header.version >= Version::FOUR,
                Group::Unasked => fault.destination().is_none(),
                Group::Header | Group::Mac | Group::Delivery => true,
            },
        }
    }

    /// True when the reply shows a fault beside the others, shows each of the others still, and can be sent.
    fn shows(&self, armed: &Armed, others: &[&Armed]) -> bool {
        let mut all: Vec<&Armed> = others.to_vec();
        all.push(armed);
        let octets = self.trial(&all);
        let is_seen = |at: usize| {
            let mut fewer = all.clone();
            let left_out = fewer.remove(at);
            !left_out.fault.kind.is_in_octets() || self.trial(&fewer) != octets
        };
        octets.len() <= LONGEST && (0..all.len()).rev().all(is_seen)
    }

    /// The reply with those faults, were it to leave at once.
    fn trial(&self, chosen: &[&Armed]) -> Vec<u8> {
        let clock = Still(self.planned.draft.header.receive_timestamp);
        write(chosen, self.signers, &self.planned.draft, &clock).0
    }
}

/// True when one fault keeps another out of its reply, though both could be seen: one of them would not be what it
/// says any more.
fn excludes(one: &Fault, other: &Fault) -> bool {
    use FaultKind::{
        Drop, Duplicate, KeyIdZero, Kod, Nak, NakWrongOrigin, OtherKeyId, Replay, Stratum0, Stratum16,
        Unsolicited, Unsynchronised, WrongTime,
    };
    match (one.kind, other.kind) {
        (Drop, kind) => kind != Unsolicited,
        // Their octets are not sent.
        (Replay, kind) => kind.is_in_octets(),
        // A kiss has the request's times, stratum 0 and its own code, and is no crypto-NAK.
        (Kod, WrongTime | Unsynchronised | Stratum0 | Stratum16 | Nak | NakWrongOrigin) => true,
        (Kod, kind) => one.parameters.signed == Some(false) && kind.row().group == Group::Mac,
        // Each gives a stratum.
        (Unsynchronised, Stratum0 | Stratum16) | (Stratum0, Stratum16) => true,
        // Twice is twice, lest many faults make a flood of one reply.
        (Duplicate, Duplicate) => true,
        // Each gives a key ID.
        (OtherKeyId, KeyIdZero) => true,
        _ => false,
    }
}

/// The key ID of the request that a reply answers.
fn key_of(kind: AnswerKind) -> Option<KeyId> {
    match kind {
        AnswerKind::Authenticated(key_id) => Some(key_id),
        AnswerKind::CryptoNak(
            Refusal::WrongDigest(key_id) | Refusal::UnknownKey(key_id) | Refusal::UntrustedKey(key_id),
        ) => Some(key_id),
        AnswerKind::Kiss { signed, .. } => signed,
        AnswerKind::Plain
        | AnswerKind::ZeroTrailer
        | AnswerKind::Control
        | AnswerKind::CryptoNak(Refusal::FieldsWithoutMac) => None,
    }
}

/// A clock that stands still.
struct Still(NtpTimestamp);

impl Clock for Still {
    fn now(&self) -> NtpTimestamp {
        self.0
    }
}
