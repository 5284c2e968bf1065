//! chrony's experimental extension field with a root delay and dispersion of finer units.

use crate::ntp::extension::ExtensionField;
use crate::ntp::header::Header;

/// Type and first octets of chrony's experimental field, 28 octets with its type and length.
const MONOTONIC_FIELD: u16 = 0xf323;
const MONOTONIC_MAGIC: [u8; 4] = [0xf5, 0xbe, 0xdd, 0x9a];
const MONOTONIC_LENGTH: u16 = 28;

/// Answers chrony's experimental field in kind: root delay and dispersion with 28 bits of fraction, a monotonic
/// receive time and its epoch. This server has no such clock of its own: it tells none.
pub(super) fn answer(mut fields: &[u8], header: &Header, reply: &mut Vec<u8>) {
    let mut asked = std::iter::from_fn(|| ExtensionField::take(&mut fields));
    let is_asked = asked.any(|field| {
        field.field_type == MONOTONIC_FIELD
            && field.length() == usize::from(MONOTONIC_LENGTH)
            && field.value.starts_with(&MONOTONIC_MAGIC)
    });
    if is_asked {
        reply.extend(MONOTONIC_FIELD.to_be_bytes());
        reply.extend(MONOTONIC_LENGTH.to_be_bytes());
        reply.extend(MONOTONIC_MAGIC);
        for short in [header.root_delay, header.root_dispersion] {
            // 28 bits of fraction leave four for seconds: what is more is as much as there is room for.
            reply.extend(short.0.saturating_mul(1 << 12).to_be_bytes());
        }
        reply.extend([0; 12]);
    }
}
