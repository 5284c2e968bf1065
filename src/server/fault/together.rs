//! Whether faults that are given together leave each other replies to be in.

use crate::ntp::header::HEADER_LENGTH;

use super::change::CUT_LENGTH;
use super::error::FaultError;
use super::scope::{Scope, Selectors};
use super::sending::Source;
use super::spec::Fault;
use super::table::{FaultKind, Group};

/// Checks that none of the faults keeps another out of every reply that it is for. Faults that only sometimes keep
/// each other out are fine: the other waits for its turn.
///
/// # Errors
/// The first fault that would never apply.
pub fn check_together(faults: &[Fault]) -> Result<(), FaultError> {
    match faults.iter().find_map(|fault| kept_out(fault, faults)) {
        Some(wrong) => Err(wrong),
        None => Ok(()),
    }
}

/// What is wrong with a fault among others, if it would never apply.
pub(super) fn kept_out(fault: &Fault, others: &[Fault]) -> Option<FaultError> {
    let keeps_out = |other: &&Fault| always_excludes(other, fault) && other.scope.covers(&fault.scope);
    let by = others.iter().find(keeps_out)?;
    Some(FaultError::KeptOut { fault: fault.name(), by: by.name() })
}

/// True when one fault is in every reply that another could be in, and there the other cannot be seen.
fn always_excludes(one: &Fault, other: &Fault) -> bool {
    use FaultKind::{
        CopyRequest, CutReply, Drop, FrozenClock, Hang, InterleaveAlways, Kod, Nak, NakWrongOrigin,
        OtherSource, Reorder, Stratum0, Stratum16, StripMac, Unsynchronised, WrongTime, ZeroMac,
    };
    let is_unasked = other.kind.row().group == Group::Unasked;
    match (one.kind, other.kind) {
        // What is not due is not dropped.
        (Drop, Drop | Hang) => false,
        (Drop, kind) => !is_unasked && kind.row().group != Group::Decision,
        (CutReply, _) => is_cut_off(one, other.kind),
        (OtherSource, Reorder) => one.parameters.source != Some(Source::Asked),
        (Kod, CopyRequest | FrozenClock | InterleaveAlways) => true,
        (Kod, WrongTime | Unsynchronised | Stratum0 | Stratum16 | Nak | NakWrongOrigin) => true,
        (Kod, kind) => one.parameters.signed == Some(false) && kind.row().group == Group::Mac,
        (Unsynchronised, Stratum0 | Stratum16) | (StripMac, ZeroMac) => true,
        (StripMac | ZeroMac | Nak | NakWrongOrigin, kind) => {
            kind.row().group == Group::Mac && kind > NakWrongOrigin
        }
        _ => false,
    }
}

/// True for a fault that is behind the header alone, where nothing is sent.
fn is_cut_off(one: &Fault, kind: FaultKind) -> bool {
    let left = one.parameters.octets.map_or(CUT_LENGTH, usize::from);
    let is_behind =
        matches!(kind.row().group, Group::Field | Group::Mac) && kind != FaultKind::NakWrongOrigin;
    left <= HEADER_LENGTH && is_behind
}

impl Scope {
    /// True when each request in the other scope is in this one, and none is passed over.
    fn covers(&self, other: &Scope) -> bool {
        let lasts = self.to.is_none_or(|to| other.to.is_some_and(|end| end <= to));
        let is_whole = self.after == 0 && self.every < 2 && self.count.is_none();
        let is_for_all = self.client.is_none() || self.client == other.client;
        is_whole
            && is_for_all
            && self.from <= other.from
            && lasts
            && (self.key.is_none() || self.key == other.key)
            && (self.request == Selectors::default() || self.request == other.request)
    }
}
