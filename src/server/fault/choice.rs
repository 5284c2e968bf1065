//! Which faults a reply has: those in scope that can be seen in it.
//!
//! One after another asks to join. It does when the reply then shows it and still shows those before it: the octets
//! are others without it, and without any of them. So what is named is there, and what is hidden is not counted.

use crate::ntp::NtpTimestamp;
use crate::ntp::header::Version;
use crate::server::decision::{AnswerKind, Silence};
use crate::server::responder::Planned;
use crate::server::{Clock, DraftTail};

use super::Armed;
use super::context::Context;
use super::deciding::decide;
use super::scope::Seen;
use super::sending::Source;
use super::spec::Fault;
use super::table::{FaultKind, Group};
use super::writing::write;

/// The octets that fit into a datagram of IPv4.
const LONGEST: usize = 65_507;

/// A request, and what bears on the faults of its reply.
pub(super) struct Case<'c, 'k> {
    /// What a correct server does.
    pub(super) correct: &'c Result<Planned<'k>, Silence>,
    pub(super) context: Context<'c, 'k>,
}

/// The faults of a reply, in the order of the table, and counts them.
pub(super) fn choose(faults: &mut [Armed], case: &Case<'_, '_>, seen: &Seen<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..faults.len()).collect();
    order.sort_by_key(|index| faults.get(*index).map(|armed| rank(armed.fault.kind)));
    let mut chosen: Vec<usize> = Vec::new();
    for index in order {
        let joins = faults.get(index).is_some_and(|armed| {
            let others: Vec<&Armed> = chosen.iter().filter_map(|index| faults.get(*index)).collect();
            armed.fault.scope.holds(seen) && case.joins(armed, &others)
        });
        let counts = |armed: &mut Armed| armed.counter.counts(&armed.fault.scope);
        if joins && faults.get_mut(index).is_some_and(counts) {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Who asks first: what leaves nothing of a reply for others, or little, and then the order of the table.
fn rank(kind: FaultKind) -> (u8, FaultKind) {
    let rank = match kind {
        FaultKind::Drop => 0,
        FaultKind::Replay => 1,
        kind if kind.row().group == Group::Decision => 2,
        FaultKind::CutReply => 3,
        _ => 4,
    };
    (rank, kind)
}

impl<'k> Case<'_, 'k> {
    /// The reply that is due with those faults, before it has any but those in the decision.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn planned(&self, chosen: &[&Armed]) -> Result<Planned<'k>, Silence> {
        let mut decided = chosen.iter().filter_map(|armed| decide(&armed.fault, &self.context, self.correct));
        decided.next().map_or_else(|| self.correct.clone(), Ok)
    }

    /// True when a fault can be had in the reply beside those others.
    fn joins(&self, armed: &Armed, others: &[&Armed]) -> bool {
        let fault = &armed.fault;
        let is_excluded = others.iter().any(|other| excludes(&other.fault, fault));
        !is_excluded && self.fits(armed, others) && (!fault.kind.is_in_octets() || self.shows(armed, others))
    }

    /// True when a fault can be had in such a reply, as far as its octets do not tell.
    fn fits(&self, armed: &Armed, others: &[&Armed]) -> bool {
        let fault = &armed.fault;
        if fault.kind.row().group == Group::Decision {
            return decide(fault, &self.context, self.correct).is_some();
        }
        // What is not due and no other fault has had sent has no faults.
        let Ok(planned) = self.planned(others) else { return false };
        let Context { memory, request, .. } = self.context;
        let client = request.client.ip();
        match fault.kind {
            FaultKind::MacOverHeaderOnly => planned.draft.header.version >= Version::FOUR,
            FaultKind::AddMac => matches!(planned.draft.tail, DraftTail::Nothing),
            // A kiss tells no time.
            FaultKind::FrozenClock | FaultKind::InterleaveAlways => {
                !matches!(planned.kind, AnswerKind::Kiss { .. })
            }
            FaultKind::Replay => memory.earlier(client, request.question.octets.len()).is_some(),
            FaultKind::OtherSource => fault.parameters.source != Some(Source::Asked),
            FaultKind::Late => fault.parameters.delay.is_none_or(|delay| !delay.is_zero()),
            FaultKind::Reorder => memory.may_hold(client),
            // It is in the replies that come after.
            FaultKind::Hang => false,
            kind => match kind.row().group {
                Group::Field => planned.draft.header.version >= Version::FOUR,
                Group::Unasked => fault.destination().is_none(),
                Group::Decision | Group::Header | Group::Mac | Group::Delivery => true,
            },
        }
    }

    /// True when the reply shows a fault beside the others, shows each of the others still, and can be sent.
    fn shows(&self, armed: &Armed, others: &[&Armed]) -> bool {
        let mut all: Vec<&Armed> = others.to_vec();
        all.push(armed);
        let Some(octets) = self.trial(&all) else { return false };
        let is_seen = |at: usize| {
            let mut fewer = all.clone();
            let left_out = fewer.remove(at);
            !left_out.fault.kind.is_in_octets() || self.trial(&fewer).as_ref() != Some(&octets)
        };
        octets.len() <= LONGEST && (0..all.len()).rev().all(is_seen)
    }

    /// The reply with those faults, were it to leave at once; `None` where there is none.
    fn trial(&self, chosen: &[&Armed]) -> Option<Vec<u8>> {
        let planned = self.planned(chosen).ok()?;
        let clock = Still(planned.draft.header.receive_timestamp);
        Some(write(chosen, &self.context, &planned.draft, &clock).0)
    }
}

/// True when one fault keeps another out of its reply, though both could be seen: one of them would not be what it
/// says any more.
fn excludes(one: &Fault, other: &Fault) -> bool {
    use FaultKind::{
        CopyRequest, Drop, Duplicate, FrozenClock, InterleaveAlways, KeyIdZero, Kod, Nak, NakWrongOrigin,
        OtherKeyId, OtherSource, Reorder, Replay, Stratum0, Stratum16, Unsolicited, Unsynchronised,
        WrongTime,
    };
    match (one.kind, other.kind) {
        (Drop, kind) => kind != Unsolicited,
        // One decides.
        (one, other) if [one, other].iter().all(|kind| kind.row().group == Group::Decision) => true,
        // Their octets are not sent.
        (Replay, kind) => kind.is_in_octets(),
        // A kiss has the request's times, stratum 0 and its own code, and is no crypto-NAK.
        (Kod, CopyRequest | FrozenClock | InterleaveAlways) => true,
        (Kod, WrongTime | Unsynchronised | Stratum0 | Stratum16 | Nak | NakWrongOrigin) => true,
        (Kod, kind) => one.parameters.signed == Some(false) && kind.row().group == Group::Mac,
        // Each gives a stratum.
        (Unsynchronised, Stratum0 | Stratum16) | (Stratum0, Stratum16) => true,
        // Twice is twice, lest many faults make a flood of one reply.
        (Duplicate, Duplicate) => true,
        // It leaves from one place; and what is held back too long leaves from where it was asked.
        (OtherSource, OtherSource | Reorder) => true,
        // Each gives a key ID.
        (OtherKeyId, KeyIdZero) => true,
        _ => false,
    }
}

/// A clock that stands still.
struct Still(NtpTimestamp);

impl Clock for Still {
    fn now(&self) -> NtpTimestamp {
        self.0
    }
}
