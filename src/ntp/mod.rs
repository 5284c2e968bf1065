//! The NTP message as octets: header, timestamps, extension fields, and what may follow them.
//!
//! Nothing here knows keys, addresses, files or the time of day. Every reading that the octets allow is kept;
//! which one holds is decided by who has the key.

pub mod build;
pub mod control;
pub mod extension;
pub mod header;
pub mod message;
pub mod private;
pub mod reference_id;
pub mod timestamp;
pub mod trailer;

pub use build::MessageBuilder;
pub use control::ControlMessage;
pub use extension::ExtensionField;
pub use header::{Header, LeapIndicator, Mode, Version};
pub use message::{Malformed, Message, TimeMessage};
pub use private::PrivateMessage;
pub use reference_id::ReferenceId;
pub use timestamp::{NtpShort, NtpTimestamp};
pub use trailer::{Reading, Rule, Tail};

/// Eats the first `N` octets of `input`. `None`, and nothing eaten, when it has fewer.
pub(crate) fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*first)
}
