//! Faults in the header of a reply, before it is signed.

use crate::ntp::header::{Header, LeapIndicator, Mode, Version};
use crate::ntp::timestamp::NtpShort;
use crate::ntp::{NtpTimestamp, ReferenceId};
use crate::server::{Clock, Draft, DraftTail};

use super::change::other_than;
use super::context::Context;
use super::random::Random;
use super::spec::{Fault, Offset, Parameters};
use super::table::FaultKind;
use super::value::{HeaderField, Value};

/// Changes the header of a reply. The transmit timestamp is set when the reply is written; a fault that changes it
/// asks the clock for it before.
pub(super) fn change_header(
    fault: &Fault,
    context: &Context<'_, '_>,
    random: &mut Random,
    clock: &dyn Clock,
    draft: &mut Draft<'_>,
) {
    let set = &fault.parameters;
    let header = &mut draft.header;
    match fault.kind {
        FaultKind::Kod => kiss(set, draft),
        FaultKind::CopyRequest => copy(context, header),
        FaultKind::FrozenClock => {
            let stood = context.memory.frozen.unwrap_or(Frozen::at(header));
            header.reference_timestamp = stood.reference;
            header.receive_timestamp = stood.now;
            tell_transmit(stood.now, draft);
        }
        FaultKind::WrongTime => tell_wrong_time(set.offset.unwrap_or(Offset::HOUR), clock, draft),
        FaultKind::InterleaveAlways => interleave(context, draft),
        FaultKind::Unsynchronised => {
            header.leap_indicator = LeapIndicator::Unknown;
            header.stratum = set.stratum.unwrap_or(0);
            header.reference_id = ReferenceId(*b"INIT");
            header.reference_timestamp = NtpTimestamp::ZERO;
        }
        FaultKind::Stratum0 => header.stratum = 0,
        FaultKind::Stratum16 => header.stratum = 16,
        FaultKind::ZeroOrigin => header.origin_timestamp = NtpTimestamp::ZERO,
        FaultKind::BogusOrigin => header.origin_timestamp = other_than(header.origin_timestamp, random),
        FaultKind::WrongMode => header.mode = set.mode.unwrap_or(Mode::SymmetricPassive),
        FaultKind::WrongVersion => {
            let other = if header.version == Version::FOUR { Version::THREE } else { Version::FOUR };
            header.version = set.version.unwrap_or(other);
        }
        FaultKind::HeaderField => set_field(set, clock, draft),
        _ => {}
    }
}

/// What a clock shows that stands still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frozen {
    reference: NtpTimestamp,
    now: NtpTimestamp,
}

impl Frozen {
    /// The clock that a reply with that header tells of.
    pub(super) fn at(header: &Header) -> Frozen {
        Frozen { reference: header.reference_timestamp, now: header.receive_timestamp }
    }
}

fn tell_transmit(time: NtpTimestamp, draft: &mut Draft<'_>) {
    draft.header.transmit_timestamp = time;
    draft.has_transmit = true;
}

/// The transmit timestamp that is due, or was set by another fault.
fn transmit(clock: &dyn Clock, draft: &Draft<'_>) -> NtpTimestamp {
    if draft.has_transmit { draft.header.transmit_timestamp } else { draft.leaves(clock) }
}

/// Moves every time of the server's own.
fn tell_wrong_time(offset: Offset, clock: &dyn Clock, draft: &mut Draft<'_>) {
    tell_transmit(offset.of(transmit(clock, draft)), draft);
    let header = &mut draft.header;
    for timestamp in [&mut header.reference_timestamp, &mut header.receive_timestamp] {
        *timestamp = if timestamp.is_zero() { *timestamp } else { offset.of(*timestamp) };
    }
}

/// A kiss code: leap 3, stratum 0, and the request's transmit timestamp in all three places. What else the header says
/// is the server's own.
fn kiss(set: &Parameters, draft: &mut Draft<'_>) {
    let header = &mut draft.header;
    header.leap_indicator = LeapIndicator::Unknown;
    header.stratum = 0;
    header.reference_id = ReferenceId(set.code.unwrap_or(*b"RATE"));
    header.receive_timestamp = header.origin_timestamp;
    tell_transmit(header.origin_timestamp, draft);
    if set.signed == Some(false) || matches!(draft.tail, DraftTail::CryptoNak) {
        draft.tail = DraftTail::Nothing;
    }
}

/// Says of the server what the request says of the client.
fn copy(context: &Context<'_, '_>, header: &mut Header) {
    let Some(asked) = context.asked() else { return };
    *header = Header {
        version: header.version,
        mode: header.mode,
        origin_timestamp: header.origin_timestamp,
        receive_timestamp: header.receive_timestamp,
        transmit_timestamp: header.transmit_timestamp,
        ..asked
    };
}

/// The form of an interleaved reply (RFC 9769 section 2), asked for or not.
fn interleave(context: &Context<'_, '_>, draft: &mut Draft<'_>) {
    let Some(asked) = context.asked() else { return };
    let earlier = context.memory.replies.of(context.request.client.ip()).map(|reply| reply.at);
    draft.header.origin_timestamp = asked.receive_timestamp;
    tell_transmit(earlier.unwrap_or(draft.header.receive_timestamp), draft);
}

/// Sets one field: the stratum to zero, unless others are given.
fn set_field(set: &Parameters, clock: &dyn Clock, draft: &mut Draft<'_>) {
    let value = set.value.unwrap_or(Value::Number(0));
    let header = &mut draft.header;
    match set.field.unwrap_or(HeaderField::Stratum) {
        HeaderField::Leap => put(value, |bits| header.leap_indicator = LeapIndicator::from_bits(bits)),
        HeaderField::Stratum => put(value, |stratum| header.stratum = stratum),
        HeaderField::Poll => put(value, |poll| header.poll = poll),
        HeaderField::Precision => put(value, |precision| header.precision = precision),
        HeaderField::RootDelay => put(value, |seconds| header.root_delay = seconds_of(seconds)),
        HeaderField::RootDispersion => put(value, |seconds| header.root_dispersion = seconds_of(seconds)),
        HeaderField::ReferenceId => header.reference_id = reference_id(value),
        HeaderField::ReferenceTime => header.reference_timestamp = time(value, header.reference_timestamp),
        HeaderField::ReceiveTime => header.receive_timestamp = time(value, header.receive_timestamp),
        HeaderField::TransmitTime => tell_transmit(time(value, transmit(clock, draft)), draft),
    }
}

/// Hands over a number, which [`HeaderField::takes`] has found to fit.
fn put<N: TryFrom<i64>>(value: Value, put: impl FnOnce(N)) {
    if let Value::Number(number) = value
        && let Ok(number) = N::try_from(number)
    {
        put(number);
    }
}

fn seconds_of(seconds: u16) -> NtpShort {
    NtpShort(u32::from(seconds) << 16)
}

fn reference_id(value: Value) -> ReferenceId {
    ReferenceId(match value {
        Value::Number(number) => u32::try_from(number).unwrap_or_default().to_be_bytes(),
        Value::Letters([a, b, c, d, ..]) => [a, b, c, d],
        Value::Offset(_) => [0; 4],
    })
}

/// A time in place of the right one.
fn time(value: Value, right: NtpTimestamp) -> NtpTimestamp {
    match value {
        Value::Offset(offset) => offset.of(right),
        Value::Letters(letters) => NtpTimestamp::from_octets(letters),
        Value::Number(_) => NtpTimestamp::ZERO,
    }
}
