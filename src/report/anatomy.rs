//! The octets of a message, each with what it is.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::capture::CaptureTime;
use crate::ntp::header::Header;
use crate::ntp::message::Message;
use crate::ntp::trailer::{KEY_ID_LENGTH, Reading, Tail};
use crate::ntp::{ControlMessage, PrivateMessage};

use super::model::Hexadecimal;
use super::text;

/// Octets that stand on a line.
const OCTETS_OF_LINE: usize = 16;

/// A datagram and how it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anatomy<'a> {
    /// Its octets.
    pub(super) octets: &'a [u8],
    /// The message in it, where it is one.
    pub(super) message: Option<Message<'a>>,
    /// How what follows its header is read.
    pub(super) reading: Option<Reading<'a>>,
    /// A time that its timestamps are near.
    pub(super) time: Option<CaptureTime>,
}

/// A run of octets that mean something together.
struct Part {
    length: usize,
    meaning: String,
}

impl Anatomy<'_> {
    /// Writes each part on lines of its own, its octets first.
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let covered = self.covered();
        let mut offset = 0;
        for part in self.parts() {
            offset = write_part(output, offset, &part, self.octets, covered)?;
        }
        Ok(())
    }

    /// Octets that the MAC covers, from the first; `None` without a MAC.
    pub(super) fn covered(&self) -> Option<usize> {
        let (reading, message) = (self.reading?, self.message?);
        matches!(reading.tail, Tail::Mac { .. }).then(|| message.covered(&reading).len())
    }

    /// The parts in order; what is left over is the last.
    fn parts(&self) -> Vec<Part> {
        let mut parts = match self.message {
            Some(Message::Time(message)) if message.header.version.is_decoded() => {
                header_parts(&message.header, self.time)
            }
            Some(Message::Time(message)) => {
                let version = message.header.version.number();
                vec![part(48, format!("header of version {version}, not decoded"))]
            }
            Some(Message::Control(message)) => control_parts(&message),
            Some(Message::Private(message)) => private_parts(&message),
            None => Vec::new(),
        };
        let reading = self.reading;
        for field in reading.iter().flat_map(|reading| reading.extension_fields()) {
            let name = field.name().unwrap_or("unknown");
            parts.push(part(field.length(), format!("extension field {:#06x} {name}", field.field_type)));
        }
        let tail = match reading.map(|reading| reading.tail) {
            Some(Tail::Mac { key_id, digest }) => vec![
                part(KEY_ID_LENGTH, format!("key ID {key_id}")),
                part(digest.len(), format!("digest, {} octets", digest.len())),
            ],
            Some(Tail::CryptoNak) => {
                vec![part(KEY_ID_LENGTH, "key ID 0 without a digest: crypto-NAK".to_owned())]
            }
            _ => Vec::new(),
        };
        let told: usize = parts.iter().chain(&tail).map(|part| part.length).sum();
        let left = self.octets.len().saturating_sub(told);
        if left > 0 {
            let meaning = match self.message {
                Some(Message::Control(_)) => "padding",
                Some(Message::Private(_)) => "data",
                _ => "not explained by any rule",
            };
            parts.push(part(left, meaning.to_owned()));
        }
        parts.extend(tail);
        parts
    }
}

/// Writes one part, a line for each sixteen octets, and gives the offset behind it.
fn write_part(
    output: &mut impl Write,
    offset: usize,
    part: &Part,
    octets: &[u8],
    covered: Option<usize>,
) -> io::Result<usize> {
    let end = (offset + part.length).min(octets.len());
    let own = octets.get(offset..end).unwrap_or_default();
    for (row, line) in own.chunks(OCTETS_OF_LINE).enumerate() {
        let at = offset + row * OCTETS_OF_LINE;
        let mark = if covered.is_some_and(|covered| at < covered) { '|' } else { ' ' };
        let meaning = if row == 0 { part.meaning.as_str() } else { "" };
        let text = format!("{at:>6} {mark}{:<32}  {meaning}", Hexadecimal(line).to_string());
        writeln!(output, "{}", text.trim_end())?;
    }
    Ok(end)
}

fn part(length: usize, meaning: String) -> Part {
    Part { length, meaning }
}

fn header_parts(header: &Header, time: Option<CaptureTime>) -> Vec<Part> {
    let mut parts = Vec::with_capacity(11);
    let flags = format!(
        "leap {}, version {}, {}",
        header.leap_indicator.name(),
        header.version.number(),
        header.mode.name()
    );
    parts.push(part(1, flags));
    parts.push(part(1, format!("stratum {}", header.stratum)));
    parts.push(part(1, format!("poll {} ({})", header.poll, text::Log2Seconds(header.poll))));
    parts.push(part(1, format!("precision {} ({})", header.precision, text::Log2Seconds(header.precision))));
    parts.push(part(4, format!("root delay {:.6} s", header.root_delay.as_seconds())));
    parts.push(part(4, format!("root dispersion {:.6} s", header.root_dispersion.as_seconds())));
    parts.push(part(4, format!("reference ID {}", text::reference_id(header))));
    for (name, timestamp) in [
        ("reference", header.reference_timestamp),
        ("origin", header.origin_timestamp),
        ("receive", header.receive_timestamp),
        ("transmit", header.transmit_timestamp),
    ] {
        parts.push(part(8, format!("{name} {}", text::TimeOrNone(timestamp, time))));
    }
    parts
}

fn control_parts(message: &ControlMessage<'_>) -> Vec<Part> {
    let mut flags = String::new();
    for (set, name) in [(message.response, "reply "), (message.error, "error "), (message.more, "more ")] {
        let _ = write!(flags, "{}", if set { name } else { "" });
    }
    let operation = message.operation_name().unwrap_or("unknown");
    let mut parts = vec![
        part(1, format!("version {}, control", message.version.number())),
        part(1, format!("{flags}operation {} ({operation})", message.operation)),
        part(2, format!("sequence {}", message.sequence)),
        part(2, format!("status {:#06x}", message.status)),
        part(2, format!("association {}", message.association_id)),
        part(2, format!("offset {}", message.offset)),
        part(2, format!("count {}", message.count)),
    ];
    if !message.data().is_empty() {
        parts.push(part(message.data().len(), "data".to_owned()));
    }
    parts
}

fn private_parts(message: &PrivateMessage<'_>) -> Vec<Part> {
    let kind = if message.response { "reply" } else { "request" };
    vec![
        part(1, format!("version {}, private {kind}", message.version.number())),
        part(1, format!("sequence {}", message.sequence)),
        part(1, format!("implementation {}", message.implementation)),
        part(1, format!("request code {}", message.request_code)),
        part(2, format!("error {}, {} items", message.error, message.item_count)),
        part(2, format!("item size {}", message.item_size)),
    ]
}
