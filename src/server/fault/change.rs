//! Faults in a reply itself: in its fields before it is signed, and in its MAC.

use crate::auth::Key;
use crate::auth::algorithm::TRUNCATED_LENGTH;
use crate::ntp::NtpTimestamp;
use crate::ntp::extension::FIELD_HEADER_LENGTH;
use crate::ntp::header::HEADER_LENGTH;
use crate::ntp::trailer::KEY_ID_LENGTH;
use crate::server::{Clock, Draft, DraftTail};

use super::context::Context;
use super::header::change_header;
use super::keys::{Signers, mac};
use super::random::Random;
use super::spec::{Fault, MOST_OCTETS, Parameters};
use super::table::{FaultKind, Group};

/// A type from the range for experiments (RFC 9748), which nobody knows.
const UNKNOWN_TYPE: u16 = 0xf0f0;

/// Octets of a field that stands without a MAC and is not taken for one (RFC 7822 section 3), and some more.
const UNKNOWN_LENGTH: u16 = 32;

/// Octets of a reply that is cut, unless others are given: the header but for its last word.
pub(super) const CUT_LENGTH: usize = 44;

/// Changes a reply before it is signed, but for the key that it is signed with.
pub(super) fn change<'d>(
    fault: &Fault,
    context: &Context<'_, 'd>,
    random: &mut Random,
    clock: &dyn Clock,
    draft: &mut Draft<'d>,
) {
    match fault.kind.row().group {
        Group::Header => change_header(fault, context, random, clock, draft),
        Group::Field => change_fields(fault, random, &mut draft.fields),
        Group::Mac => change_tail(fault, context.signers, random, draft),
        Group::Decision | Group::Delivery | Group::Unasked => {}
    }
}

fn change_fields(fault: &Fault, random: &mut Random, fields: &mut Vec<u8>) {
    let set = &fault.parameters;
    match fault.kind {
        FaultKind::FieldShort => add_field(set, 8, None, random, fields),
        FaultKind::Oversize => add_field(set, 400, None, random, fields),
        FaultKind::FieldOverlong => {
            let claimed = set.octets.unwrap_or(1_024);
            let present = Parameters { octets: None, ..*set };
            add_field(&present, UNKNOWN_LENGTH, Some(claimed), random, fields);
        }
        _ => add_field(set, UNKNOWN_LENGTH, None, random, fields),
    }
}

/// Puts something else in place of the MAC, or changes what it covers.
fn change_tail<'d>(fault: &Fault, signers: &Signers<'d>, random: &mut Random, draft: &mut Draft<'d>) {
    match (fault.kind, &mut draft.tail) {
        (FaultKind::AddMac, DraftTail::Nothing) => {
            draft.tail = signers.own(fault).map_or(DraftTail::Nothing, mac);
        }
        (FaultKind::StripMac, DraftTail::Mac { .. }) => draft.tail = DraftTail::Nothing,
        (FaultKind::ZeroMac, DraftTail::Mac { digest_length, .. }) => {
            draft.tail = DraftTail::Zeros(KEY_ID_LENGTH + *digest_length);
        }
        (FaultKind::Nak, _) => draft.tail = nak(fault.parameters.octets),
        (FaultKind::NakWrongOrigin, _) => {
            draft.header.origin_timestamp = other_than(draft.header.origin_timestamp, random);
            draft.tail = DraftTail::CryptoNak;
        }
        (FaultKind::MacOverHeaderOnly, DraftTail::Mac { covers_header_only, .. }) => {
            *covers_header_only = true;
            if draft.fields.is_empty() {
                add_field(&fault.parameters, UNKNOWN_LENGTH, None, random, &mut draft.fields);
            }
        }
        _ => {}
    }
}

/// A crypto-NAK, or as many zeros as are given.
fn nak(octets: Option<u16>) -> DraftTail<'static> {
    octets.map_or(DraftTail::CryptoNak, |octets| DraftTail::Zeros(usize::from(octets)))
}

/// Signs with another key, if there is one.
pub(super) fn sign_with<'d>(other: Option<&'d Key>, tail: &mut DraftTail<'d>) {
    if let (Some(other), DraftTail::Mac { key_id, key, digest_length, .. }) = (other, tail) {
        *digest_length = digest_length_of(other, key, *digest_length);
        *key_id = other.id();
        *key = other;
    }
}

/// Names another key than the MAC is made with.
pub(super) fn change_key_id(kind: FaultKind, tail: &mut DraftTail<'_>) {
    if let (FaultKind::KeyIdZero, DraftTail::Mac { key_id, .. }) = (kind, tail) {
        key_id.0 = 0;
    }
}

/// The octets of another key's digest that stand for so many of a key's: all, where more than the usual 20 were
/// due; else 20 at most.
fn digest_length_of(other: &Key, key: &Key, digest_length: usize) -> usize {
    let whole = other.algorithm().digest_length();
    let is_long = digest_length > TRUNCATED_LENGTH && digest_length == key.algorithm().digest_length();
    if is_long { whole } else { whole.min(TRUNCATED_LENGTH) }
}

/// A random timestamp that is not that one, and not zero.
pub(super) fn other_than(timestamp: NtpTimestamp, random: &mut Random) -> NtpTimestamp {
    let drawn = random.next();
    let is_taken = drawn == timestamp.0 || drawn == 0;
    NtpTimestamp(if is_taken { timestamp.0 ^ 1 | 2 } else { drawn })
}

/// Adds a field of random octets; its length is a multiple of four, unless another one is claimed.
fn add_field(set: &Parameters, usual: u16, claimed: Option<u16>, random: &mut Random, fields: &mut Vec<u8>) {
    let length = set.octets.unwrap_or(usual).clamp(4, MOST_OCTETS).next_multiple_of(4);
    fields.extend(set.field_type.unwrap_or(UNKNOWN_TYPE).to_be_bytes());
    fields.extend(claimed.unwrap_or(length).to_be_bytes());
    fields.extend(random.octets(usize::from(length) - FIELD_HEADER_LENGTH));
}

/// Cuts a reply that is written and signed, or fills it up with zeros.
pub(super) fn resize(fault: &Fault, octets: &mut Vec<u8>) {
    let given = fault.parameters.octets.map(usize::from);
    match (fault.kind, given) {
        (FaultKind::AnswerAnything, Some(length)) => octets.resize(length, 0),
        (FaultKind::CutReply, _) => octets.truncate(given.unwrap_or(CUT_LENGTH)),
        _ => {}
    }
}

/// Changes a reply that is written: its digest, which begins behind header, fields and key ID.
pub(super) fn damage(fault: &Fault, random: &mut Random, fields: usize, octets: &mut Vec<u8>) {
    let begin = HEADER_LENGTH + fields + KEY_ID_LENGTH;
    let Some(digest) = octets.get_mut(begin..).filter(|digest| !digest.is_empty()) else { return };
    let length = digest.len();
    match fault.kind {
        FaultKind::FlipBit => {
            let bit = random.below(length * 8);
            if let Some(octet) = digest.get_mut(bit / 8) {
                *octet ^= 1 << (bit % 8);
            }
        }
        FaultKind::TruncateMac => {
            let kept = fault.parameters.octets.map_or(length.saturating_sub(4), usize::from);
            octets.truncate(begin + kept);
        }
        FaultKind::PadMac => {
            let added = fault.parameters.octets.map_or(4, usize::from);
            octets.resize(octets.len() + added, 0);
        }
        _ => {}
    }
}
