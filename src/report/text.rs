//! Decoded messages as text: every field, one message after the other.

use std::fmt::{self, Display};
use std::io::{self, Write};

use crate::analysis::exchange::{Exchange, Times};
use crate::analysis::finding::Severity;
use crate::analysis::{Diagnosis, Event, Judged};
use crate::capture::CaptureTime;
use crate::ntp::header::Header;
use crate::ntp::message::Message;
use crate::ntp::reference_id::Meaning;
use crate::ntp::{ControlMessage, NtpTimestamp, PrivateMessage};

use super::diagnosis::{DiagnosisRecord, TriedRecord};
use super::model::{ExtensionFields, Hexadecimal, MessageRecord, SummaryRecord, View};
use super::summary::octets;
use super::time::{Rfc3339, near_capture};
use super::{Sink, summary};

/// Writes decoded messages and then the summary.
pub struct DecodedText<W> {
    output: W,
    view: View,
    octets: bool,
    several_captures: bool,
    told: summary::Told,
}

impl<W: Write> DecodedText<W> {
    /// Writes to `output`; with `octets`, the payload in hexadecimal too.
    pub fn new(output: W, view: View, octets: bool, several_captures: bool) -> Self {
        DecodedText { output, view, octets, several_captures, told: summary::Told::default() }
    }
}

impl<W: Write> Sink for DecodedText<W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        let output = &mut self.output;
        first_line(output, judged, file)?;
        match judged.message {
            Some(Message::Time(message)) if message.header.version.is_decoded() => {
                header(output, &message.header, judged)?
            }
            Some(Message::Time(message)) => {
                let header = message.header;
                field(
                    output,
                    "message",
                    format_args!("version {}, {}: not decoded", header.version.number(), header.mode.name()),
                )?;
            }
            Some(Message::Control(message)) => control(output, &message)?,
            Some(Message::Private(message)) => private(output, &message)?,
            None => {}
        }
        trailer(output, judged)?;
        if self.view == View::Verify {
            verdict(output, judged)?;
        }
        if self.octets {
            judged
                .datagram
                .octets
                .chunks(16)
                .enumerate()
                .try_for_each(|(row, octets)| dump(output, row, octets))?;
        }
        writeln!(self.output)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.view == View::Verify {
            self.told.keep(event, Severity::Info, self.several_captures);
        }
        Ok(())
    }

    fn finish(&mut self, record: &SummaryRecord<'_>) -> io::Result<()> {
        summary::write(&mut self.output, record, &self.told)?;
        self.output.flush()
    }
}

fn first_line(output: &mut impl Write, judged: &Judged<'_, '_>, file: Option<&str>) -> io::Result<()> {
    if let Some(file) = file {
        write!(output, "{file} ")?;
    }
    write!(output, "frame {}", judged.frame)?;
    if let Some(time) = judged.time {
        write!(output, ", {}", Rfc3339::of_capture(time))?;
    }
    writeln!(output)?;
    let datagram = &judged.datagram;
    field(
        output,
        "datagram",
        format_args!("{} > {}, {}", datagram.source, datagram.destination, octets(datagram.length)),
    )?;
    if !datagram.encapsulation.is_empty() {
        field(output, "inside", datagram.encapsulation)?;
    }
    if !datagram.fragments.is_empty() {
        let frames: Vec<String> = datagram.fragments.iter().map(u64::to_string).collect();
        field(output, "fragments", format_args!("frames {}", frames.join(", ")))?;
    }
    Ok(())
}

fn header(output: &mut impl Write, header: &Header, judged: &Judged<'_, '_>) -> io::Result<()> {
    let name = header.mode.name();
    field(output, "message", format_args!("NTP version {}, {name}", header.version.number()))?;
    field(output, "leap", header.leap_indicator.name())?;
    field(output, "stratum", header.stratum)?;
    field(output, "poll", format_args!("{} ({})", header.poll, Log2Seconds(header.poll)))?;
    field(output, "precision", format_args!("{} ({})", header.precision, Log2Seconds(header.precision)))?;
    field(output, "root delay", format_args!("{:.6} s", header.root_delay.as_seconds()))?;
    field(output, "root dispersion", format_args!("{:.6} s", header.root_dispersion.as_seconds()))?;
    field(output, "reference ID", reference_id(header))?;
    for (name, timestamp) in [
        ("reference", header.reference_timestamp),
        ("origin", header.origin_timestamp),
        ("receive", header.receive_timestamp),
        ("transmit", header.transmit_timestamp),
    ] {
        field(output, name, TimeOrNone(timestamp, judged.time))?;
    }
    Ok(())
}

/// A client's request says nothing by its zeros, so they are not called a kiss code.
pub(super) fn reference_id(header: &Header) -> String {
    let text = header.reference_id.display(header.stratum);
    match header.reference_id.meaning(header.stratum) {
        Meaning::KissCode if header.reference_id.0 == [0; 4] => "-".to_owned(),
        Meaning::KissCode => format!("{text} (kiss code)"),
        Meaning::Clock => format!("{text} (clock)"),
        Meaning::Source => format!("{text} (source)"),
    }
}

fn control(output: &mut impl Write, message: &ControlMessage<'_>) -> io::Result<()> {
    let kind = match (message.response, message.error) {
        (false, _) => "request",
        (true, false) => "reply",
        (true, true) => "error reply",
    };
    field(output, "message", format_args!("NTP version {}, control {kind}", message.version.number()))?;
    let name = message.operation_name().unwrap_or("unknown");
    field(output, "operation", format_args!("{} ({name})", message.operation))?;
    field(output, "sequence", message.sequence)?;
    let meaning = message.status_meaning().map(|meaning| meaning.to_string());
    let meaning = meaning.or_else(|| message.error_name().map(str::to_owned));
    let meaning = meaning.map(|meaning| format!(" ({meaning})")).unwrap_or_default();
    field(output, "status", format_args!("{:#06x}{meaning}", message.status))?;
    field(output, "association", message.association_id)?;
    let more = if message.more { ", more follow" } else { "" };
    field(output, "data", format_args!("{} at offset {}{more}", octets(message.count.into()), message.offset))
}

fn private(output: &mut impl Write, message: &PrivateMessage<'_>) -> io::Result<()> {
    let kind = if message.response { "reply" } else { "request" };
    let more = if message.more { ", more follow" } else { "" };
    field(output, "message", format_args!("NTP version {}, private {kind}{more}", message.version.number()))?;
    field(output, "sequence", message.sequence)?;
    field(output, "implementation", message.implementation)?;
    let name = message.request_name().map(|name| format!(" ({name})")).unwrap_or_default();
    field(output, "request code", format_args!("{}{name}", message.request_code))?;
    let error = message.error_name().map(|name| format!(" ({name})")).unwrap_or_default();
    field(output, "error", format_args!("{}{error}", message.error))?;
    field(output, "items", format_args!("{} of {}", message.item_count, octets(message.item_size.into())))
}

fn trailer(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let reading = judged.verdict.reading.map(|(reading, _)| reading);
    for extension in ExtensionFields(reading).iter() {
        let name = extension.name().unwrap_or("unknown");
        field(
            output,
            "extension field",
            format_args!("{:#06x} {name}, {}", extension.field_type, octets(extension.length())),
        )?;
    }
    let record = MessageRecord::new(judged, None, View::Decode);
    if let Some(mac) = record.mac {
        match (mac.kind, mac.key_id, mac.digest) {
            ("mac", Some(key_id), Some(digest)) => {
                field(output, "MAC", format_args!("key ID {key_id}, digest {digest}"))?
            }
            ("mac", Some(key_id), None) => {
                field(output, "MAC", format_args!("account {key_id:#010x}, MS-SNTP"))?
            }
            ("crypto-nak", ..) => field(output, "MAC", "crypto-NAK (key ID 0, no digest)")?,
            ("none", ..) => field(output, "MAC", "none")?,
            _ => field(output, "MAC", mac.detail.unwrap_or_default())?,
        }
    }
    if let Some(exchange) = judged.exchange {
        exchange_fields(output, &exchange, judged)?;
    }
    judged.findings.iter().try_for_each(|finding| field(output, "finding", finding.code()))
}

fn exchange_fields(output: &mut impl Write, exchange: &Exchange, judged: &Judged<'_, '_>) -> io::Result<()> {
    let (name, other) = match exchange.reply == judged.place() {
        true => ("answers", exchange.request.frame),
        false => ("answered by", exchange.reply.frame),
    };
    field(output, name, format_args!("frame {other} ({})", exchange.mode.name()))?;
    exchange.round_trip.map_or(Ok(()), |time| seconds_field(output, "round trip", time))?;
    exchange_times(output, &exchange.times)?;
    let Some(before) = exchange.completed else { return Ok(()) };
    field(output, "times of", format_args!("frames {} and {}", before.request.frame, before.reply.frame))?;
    exchange_times(output, &before.times)
}

fn exchange_times(output: &mut impl Write, times: &Times) -> io::Result<()> {
    for (name, time) in [("server time", times.server_time), ("delay", times.delay), ("offset", times.offset)]
    {
        time.map_or(Ok(()), |time| seconds_field(output, name, time))?;
    }
    Ok(())
}

fn seconds_field(output: &mut impl Write, name: &str, seconds: f64) -> io::Result<()> {
    field(output, name, format_args!("{seconds:.9} s"))
}

pub(super) fn verdict(output: &mut impl Write, judged: &Judged<'_, '_>) -> io::Result<()> {
    let verdict = &judged.verdict;
    let reason = verdict.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let digest =
        verdict.digest_matches.map(|matches| if matches { " (digest right)" } else { " (digest wrong)" });
    field(output, "status", format_args!("{}{reason}{}", verdict.status.name(), digest.unwrap_or_default()))?;
    if let Some((file, candidate)) = verdict.key_file.zip(verdict.candidate) {
        let version = if candidate.older_version { ", as an older version reads it" } else { "" };
        let algorithm = candidate.key.algorithm().name();
        field(output, "key", format_args!("{file}:{}, {algorithm}{version}", candidate.line))?;
    }
    if let Some((_, rule)) = verdict.reading {
        field(output, "read by", rule.name())?;
    }
    judged.diagnosis.as_ref().map_or(Ok(()), |found| diagnosis(output, found))
}

fn diagnosis(output: &mut impl Write, found: &Diagnosis<'_>) -> io::Result<()> {
    for record in DiagnosisRecord::all(found) {
        let place = &record.key.place;
        field(output, "diagnosis", record.codes().replace('\n', " "))?;
        field(output, "evidence", format_args!("{}:{}: {}", place.file, place.line, record.detail))?;
        record.advice.0.iter().try_for_each(|advice| field(output, "to change", advice))?;
    }
    TriedRecord::new(found).map_or(Ok(()), |tried| field(output, "diagnosis", tried.detail))
}

pub(super) fn field(output: &mut impl Write, name: &str, value: impl Display) -> io::Result<()> {
    writeln!(output, "  {name:<15}  {value}")
}

fn dump(output: &mut impl Write, row: usize, octets: &[u8]) -> io::Result<()> {
    let text: String =
        octets.iter().map(|octet| if octet.is_ascii_graphic() { char::from(*octet) } else { '.' }).collect();
    writeln!(output, "  {:04x}  {:<32}  {text}", row * 16, Hexadecimal(octets).to_string())
}

/// A power of two of seconds, in the unit that reads best.
pub(super) struct Log2Seconds(pub(super) i8);

impl Display for Log2Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = 2f64.powi(i32::from(self.0));
        match self.0 {
            0.. => write!(formatter, "{seconds:.0} s"),
            -9..=-1 => write!(formatter, "{:.3} ms", seconds * 1e3),
            -19..=-10 => write!(formatter, "{:.3} us", seconds * 1e6),
            _ => write!(formatter, "{:.3} ns", seconds * 1e9),
        }
    }
}

pub(super) struct TimeOrNone(pub(super) NtpTimestamp, pub(super) Option<CaptureTime>);

impl Display for TimeOrNone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match near_capture(self.0, self.1) {
            Some(time) => time.fmt(formatter),
            None => formatter.write_str("-"),
        }
    }
}
