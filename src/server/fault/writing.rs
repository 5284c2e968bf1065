//! Writes a reply with what is wrong in it.

use crate::ntp::NtpTimestamp;
use crate::server::{Clock, Draft, DraftTail};

use super::Armed;
use super::change;
use super::context::Context;

/// Writes a reply with what is wrong in it, and gives the time at which it leaves, by the right clock.
///
/// Each fault draws from random numbers of its own, so that a fault more changes nothing but what it is about.
pub(super) fn write(
    chosen: &[&Armed],
    context: &Context<'_, '_>,
    draft: &Draft<'_>,
    clock: &dyn Clock,
) -> (Vec<u8>, NtpTimestamp) {
    let replaced;
    let mut draft = draft.clone();
    for armed in chosen {
        change::change(&armed.fault, context, &mut armed.random.fork(), clock, &mut draft);
    }
    if let DraftTail::Mac { key, .. } = draft.tail {
        replaced = context.signers.replaced(chosen.iter().map(|armed| &armed.fault), key);
        change::sign_with(replaced.as_ref(), &mut draft.tail);
    }
    for armed in chosen {
        change::change_key_id(armed.fault.kind, &mut draft.tail);
    }
    let mut octets = Vec::new();
    let left = draft.write(clock, &mut octets);
    if matches!(draft.tail, DraftTail::Mac { .. }) {
        for armed in chosen {
            change::damage(&armed.fault, &mut armed.random.fork(), draft.fields.len(), &mut octets);
        }
    }
    for armed in chosen {
        change::resize(&armed.fault, &mut octets);
    }
    (octets, left)
}
