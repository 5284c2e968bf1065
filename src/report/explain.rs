//! One message octet by octet: what each is, which were hashed, the digest that was expected and the one that is
//! there.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::analysis::Judged;
use crate::analysis::diagnosis::{Code, Codes};
use crate::ntp::header::Header;
use crate::ntp::message::Message;
use crate::ntp::trailer::{KEY_ID_LENGTH, Tail};
use crate::ntp::{ControlMessage, PrivateMessage};

use super::model::Hexadecimal;
use super::time::Rfc3339;
use super::{page, text};

/// Octets that stand on a line.
const OCTETS_OF_LINE: usize = 16;

/// A run of octets that mean something together.
struct Part {
    length: usize,
    meaning: String,
}

/// Writes the explanation of a message, but for its diagnosis.
///
/// # Errors
/// Those of writing.
pub fn write(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let datagram = &judged.datagram;
    write!(output, "frame {}", judged.frame)?;
    if let Some(time) = judged.time {
        write!(output, ", {}", Rfc3339::of_capture(time))?;
    }
    writeln!(output)?;
    writeln!(output, "{} > {}, {} octets", datagram.source, datagram.destination, datagram.length)?;
    writeln!(output, "\noffset  octets")?;
    let covered = covered(judged);
    let mut offset = 0;
    for part in parts(judged) {
        offset = write_part(output, offset, &part, datagram.octets, covered)?;
    }
    if let Some(covered) = covered {
        writeln!(output, "\n| marks the {covered} octets that the MAC covers")?;
    }
    writeln!(output)?;
    write_digests(output, judged)?;
    write_hypotheses(output, judged)
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

/// Writes the verdict, folded like the columns of its fields.
fn write_verdict(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let mut lines = Vec::new();
    text::verdict(&mut lines, judged)?;
    for line in String::from_utf8_lossy(&lines).lines() {
        let (name, value) = line.split_at_checked(FIELD_WIDTH).unwrap_or((line, ""));
        write_folded(output, name, value)?;
    }
    Ok(())
}

/// Columns of a field's name, with what stands around it.
const FIELD_WIDTH: usize = 19;

fn write_folded(output: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    for (index, line) in page::fold(value, FIELD_WIDTH, FIELD_WIDTH).iter().enumerate() {
        let value = line.get(FIELD_WIDTH..).unwrap_or_default();
        let name = if index == 0 { name } else { "" };
        writeln!(output, "{}", format!("{name:<FIELD_WIDTH$}{value}").trim_end())?;
    }
    Ok(())
}

/// Writes what was tried in order to explain a wrong MAC, and what of it matched.
fn write_hypotheses(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let Some(diagnosis) = judged.diagnosis.filter(|found| found.tried.digests > 0) else { return Ok(()) };
    let list = |codes: Codes| codes.iter().map(Code::name).collect::<Vec<_>>().join(", ");
    let matched = if diagnosis.is_proved() { list(diagnosis.codes()) } else { "nothing".to_owned() };
    writeln!(output)?;
    write_folded(output, "  tried", &list(diagnosis.tried.codes))?;
    write_folded(output, "  matched", &matched)
}

fn write_digests(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    write_verdict(output, judged)?;
    let verdict = &judged.verdict;
    let (Some(candidate), Some(digest), Some(message), Some((reading, _))) =
        (verdict.candidate, verdict.digest(), judged.message, verdict.reading)
    else {
        return Ok(());
    };
    let computed = candidate.key.digest(message.covered(&reading));
    let whole = computed.as_octets();
    let cut = whole.get(..digest.len()).unwrap_or(whole);
    let rest = if cut.len() < whole.len() { "(the first octets of the digest)" } else { "" };
    write_folded(output, "  digest expected", &format!("{} {rest}", in_rows(cut)))?;
    write_folded(output, "  digest seen", &in_rows(digest))
}

/// Long digests are words of so many octets, which can be folded.
const OCTETS_OF_WORD: usize = 32;

fn in_rows(octets: &[u8]) -> String {
    let words = octets.chunks(OCTETS_OF_WORD).map(|octets| Hexadecimal(octets).to_string());
    words.collect::<Vec<_>>().join(" ")
}

/// Octets that the MAC covers, from the first; `None` without a MAC.
fn covered(judged: &Judged<'_, '_>) -> Option<usize> {
    let (reading, _) = judged.verdict.reading?;
    let message = judged.message?;
    matches!(reading.tail, Tail::Mac { .. }).then(|| message.covered(&reading).len())
}

/// The parts of a message in order; what is left over is the last.
fn parts(judged: &Judged<'_, '_>) -> Vec<Part> {
    let mut parts = match judged.message {
        Some(Message::Time(message)) if message.header.version.is_decoded() => {
            header_parts(&message.header, judged)
        }
        Some(Message::Time(message)) => {
            let version = message.header.version.number();
            vec![part(48, format!("header of version {version}, not decoded"))]
        }
        Some(Message::Control(message)) => control_parts(&message),
        Some(Message::Private(message)) => private_parts(&message),
        None => Vec::new(),
    };
    let reading = judged.verdict.reading.map(|(reading, _)| reading);
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
    let left = judged.datagram.octets.len().saturating_sub(told);
    if left > 0 {
        let meaning = match judged.message {
            Some(Message::Control(_)) => "padding",
            Some(Message::Private(_)) => "data",
            _ => "not explained by any rule",
        };
        parts.push(part(left, meaning.to_owned()));
    }
    parts.extend(tail);
    parts
}

fn part(length: usize, meaning: String) -> Part {
    Part { length, meaning }
}

fn header_parts(header: &Header, judged: &Judged<'_, '_>) -> Vec<Part> {
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
        parts.push(part(8, format!("{name} {}", text::TimeOrNone(timestamp, judged))));
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
