//! Writes a reply with what is wrong in it.

use crate::ntp::NtpTimestamp;
use crate::server::{Clock, Draft, DraftTail};

use super::Armed;
use super::change;
use super::keys::Signers;
use super::spec::{Fault, Offset};
use super::table::FaultKind;

/// Writes a reply with what is wrong in it, and gives the time at which it leaves, by the right clock.
///
/// Each fault draws from random numbers of its own, so that a fault more changes nothing but what it is about.
pub(super) fn write(
    chosen: &[&Armed],
    signers: &Signers<'_>,
    draft: &Draft<'_>,
    clock: &dyn Clock,
) -> (Vec<u8>, NtpTimestamp) {
    let replaced;
    let mut draft = draft.clone();
    for armed in chosen {
        change::change(&armed.fault, signers, &mut armed.random.fork(), &mut draft);
    }
    if let DraftTail::Mac { key, .. } = draft.tail {
        replaced = signers.replaced(chosen.iter().map(|armed| &armed.fault), key);
        change::sign_with(replaced.as_ref(), &mut draft.tail);
    }
    for armed in chosen {
        change::change_key_id(armed.fault.kind, &mut draft.tail);
    }
    let offset = wrong_by(chosen.iter().map(|armed| &armed.fault));
    let mut octets = Vec::new();
    let left = offset.undone(draft.write(&WrongClock { right: clock, offset }, &mut octets));
    if matches!(draft.tail, DraftTail::Mac { .. }) {
        for armed in chosen {
            change::damage(&armed.fault, &mut armed.random.fork(), draft.fields.len(), &mut octets);
        }
    }
    (octets, left)
}

/// How far the time is off that those faults tell together.
fn wrong_by<'f>(faults: impl Iterator<Item = &'f Fault>) -> Offset {
    let offsets = faults.filter(|fault| fault.kind == FaultKind::WrongTime).map(|it| change::offset_of(it).0);
    Offset(offsets.fold(0, i64::wrapping_add))
}

/// A clock that tells a wrong time.
struct WrongClock<'c> {
    right: &'c dyn Clock,
    offset: Offset,
}

impl Clock for WrongClock<'_> {
    fn now(&self) -> NtpTimestamp {
        self.offset.of(self.right.now())
    }
}
