//! Writes down what the server does: a log of requests, and a capture of both directions.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::capture::CaptureTime;
use crate::ntp::header::{Header, Mode, Version};
use crate::ntp::message::Message;
use crate::ntp::timestamp::UnixTime;
use crate::report::serve::{self, RequestRecord, ServeRecord};
use crate::report::time::Rfc3339;
use crate::server::Decision;
use crate::server::decision::{AnswerKind, Refusal, Silence};
use crate::server::udp::{Exchange, Observer, Sent};

use super::super::args::serve::ServeResultArguments;
use super::super::destination::is_same_file;
use super::super::exit::CliError;
use super::super::inputs::is_standard_input;
use super::super::interrupt::Interrupt;
use super::super::packets::{Output, Packets, open};
use super::scribe::{Scribe, Sink};

/// The files of the records that were asked for, opened.
pub(super) struct Outputs {
    log: Option<(PathBuf, Output)>,
    capture: Option<(PathBuf, Packets)>,
}

/// The records that were asked for, shared by all threads. What waits to be written is bounded.
pub(super) struct Recorder {
    log: Option<Scribe<Output>>,
    capture: Option<Scribe<Packets>>,
}

/// A packet of the capture.
pub(super) struct Packet {
    time: UnixTime,
    source: SocketAddr,
    destination: SocketAddr,
    payload: Vec<u8>,
    comment: String,
}

impl Outputs {
    /// Opens the files. `inputs` are all files that were read.
    ///
    /// # Errors
    /// When one cannot be made, when both are to go to the same place, when one was read, or when a signal comes
    /// before a named pipe has a reader.
    pub(super) fn open(
        arguments: &ServeResultArguments,
        inputs: &[PathBuf],
        interrupt: &Interrupt,
    ) -> Result<Outputs, CliError> {
        for path in arguments.log.iter().chain(&arguments.pcap) {
            if inputs.iter().any(|input| is_same_file(path, input)) {
                return Err(CliError::OverwritesInput { path: path.clone() });
            }
        }
        refuse_same_output(arguments)?;
        let is_text = |path| is_standard_output(path) || arguments.json;
        if is_standard_output(arguments.pcap.as_deref())
            && (is_text(arguments.log.as_deref()) || !arguments.quiet)
        {
            return Err(CliError::CaptureBesideText);
        }
        let log = arguments.log.as_deref().map(|path| {
            let output = open(path, OpenOptions::new().append(true).create(true), interrupt)?;
            Ok::<_, CliError>((path.to_owned(), output))
        });
        let log = log.transpose()?;
        // Once more: the log may be there only now, under another name of the capture's.
        refuse_same_output(arguments)?;
        let capture = arguments.pcap.as_deref().map(|path| {
            let packets = Packets::create(path, arguments.force, "ntpcap serve", interrupt)?;
            Ok::<_, CliError>((path.to_owned(), packets))
        });
        Ok(Outputs { log, capture: capture.transpose()? })
    }

    /// Begins to write.
    pub(super) fn start(self) -> Recorder {
        Recorder {
            log: self.log.map(|(path, output)| Scribe::start(path, output)),
            capture: self.capture.map(|(path, capture)| Scribe::start(path, capture)),
        }
    }
}

impl Recorder {
    /// Writes what still waits, and gives the number of records that were lost, and what went wrong.
    pub(super) fn finish(self) -> (u64, Vec<CliError>) {
        let ends = self.log.map(Scribe::finish).into_iter().chain(self.capture.map(Scribe::finish));
        let (lost, failures): (Vec<u64>, Vec<Option<CliError>>) = ends.unzip();
        (lost.into_iter().sum(), failures.into_iter().flatten().collect())
    }

    fn capture(
        &self,
        time: UnixTime,
        (source, destination): (SocketAddr, SocketAddr),
        payload: &[u8],
        comment: String,
    ) -> io::Result<()> {
        let Some(capture) = &self.capture else { return Ok(()) };
        capture.write(Packet { time, source, destination, payload: payload.to_vec(), comment })
    }
}

impl Observer for Recorder {
    fn exchange(&self, exchange: &Exchange<'_>) -> io::Result<()> {
        if let Some(log) = &self.log {
            let reason = exchange.decision.reason();
            let mut line = Vec::new();
            serve::write(&mut line, &ServeRecord::Request(record(exchange, &reason)))?;
            log.write(line)?;
        }
        if self.capture.is_none() {
            return Ok(());
        }
        let comment = comment(Some(exchange.decision), exchange.unsent, exchange.faults);
        let Exchange { client, server, source, .. } = *exchange;
        self.capture(exchange.arrival, (client, server), exchange.request, comment.clone())?;
        match exchange.departure {
            Some(departure) if !exchange.reply.is_empty() => {
                self.capture(departure, (source, client), exchange.reply, comment)
            }
            _ => Ok(()),
        }
    }

    fn sent(&self, sent: &Sent<'_>) -> io::Result<()> {
        // Beside others that have faults, a right one says that it has none.
        let faults = if sent.faults.is_empty() { &["none"] } else { sent.faults };
        let comment = comment(sent.decision, false, faults);
        self.capture(sent.departure, (sent.source, sent.destination), sent.octets, comment)
    }

    fn idle(&self) -> io::Result<()> {
        self.log.as_ref().map_or(Ok(()), Scribe::check)?;
        self.capture.as_ref().map_or(Ok(()), Scribe::check)
    }
}

/// The log, by lines.
impl Sink for Output {
    type Record = Vec<u8>;

    fn octets(line: &Vec<u8>) -> usize {
        line.len()
    }

    fn put(&mut self, line: Vec<u8>) -> io::Result<()> {
        self.write_all(&line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(self)
    }
}

impl Sink for Packets {
    type Record = Packet;

    fn octets(packet: &Packet) -> usize {
        packet.payload.len() + packet.comment.len()
    }

    fn put(&mut self, packet: Packet) -> io::Result<()> {
        let Packet { time, source, destination, payload, comment } = packet;
        let time = CaptureTime { seconds: time.seconds, nanoseconds: time.nanoseconds };
        self.write(time, (source, destination), &payload, Some(&comment))
    }

    fn flush(&mut self) -> io::Result<()> {
        Packets::flush(self)
    }
}

/// What is told of a request and its reply.
pub(in crate::cli) fn record<'a>(exchange: &Exchange<'a>, reason: &'a str) -> RequestRecord<'a> {
    let (version, mode) = message_kind(exchange.request).unzip();
    let UnixTime { seconds, nanoseconds } = exchange.arrival;
    let facts = Facts::of(exchange.decision);
    RequestRecord {
        time: Rfc3339::of_capture(CaptureTime { seconds, nanoseconds }),
        client: exchange.client.to_string(),
        server: exchange.server.to_string(),
        octets: exchange.request.len(),
        version: version.map(Version::number),
        mode: mode.map(Mode::name),
        decision: facts.decision,
        cause: facts.cause,
        reason,
        key_id: facts.key_id,
        interleaved: facts.interleaved,
        reply_octets: Some(exchange.reply.len()).filter(|length| *length > 0),
        replies: exchange.replies,
        unsent: exchange.unsent,
        faults: exchange.faults,
    }
}

/// Version and mode, where the header is whole. That of control messages is shorter.
fn message_kind(octets: &[u8]) -> Option<(Version, Mode)> {
    match Message::parse(octets) {
        Ok(Message::Control(_)) => {
            octets.first().map(|first| (Version::from_bits(first >> 3), Mode::Control))
        }
        _ => Header::parse(octets).map(|header| (header.version, header.mode)),
    }
}

/// A decision in words that stay the same.
struct Facts<'d> {
    decision: &'static str,
    cause: Option<&'d str>,
    key_id: Option<u32>,
    interleaved: bool,
}

impl Facts<'_> {
    fn of(decision: &Decision) -> Facts<'_> {
        let key_of = |refusal: &Refusal| match refusal {
            Refusal::WrongDigest(key) | Refusal::UnknownKey(key) | Refusal::UntrustedKey(key) => Some(key.0),
            Refusal::FieldsWithoutMac => None,
        };
        let answer = match decision {
            Decision::Silence(silence) => {
                let key_id = if let Silence::Refused(refusal) = silence { key_of(refusal) } else { None };
                return Facts {
                    decision: "silence",
                    cause: Some(silence.name()),
                    key_id,
                    interleaved: false,
                };
            }
            Decision::Answer(answer) => answer,
        };
        let (cause, key_id) = match &answer.kind {
            AnswerKind::Plain | AnswerKind::ZeroTrailer | AnswerKind::Control => (None, None),
            AnswerKind::Authenticated(key) => (None, Some(key.0)),
            AnswerKind::CryptoNak(refusal) => (Some(refusal.name()), key_of(refusal)),
            AnswerKind::Kiss { code, signed } => (std::str::from_utf8(code).ok(), signed.map(|key| key.0)),
        };
        Facts { decision: answer.kind.name(), cause, key_id, interleaved: answer.interleaved }
    }
}

/// The comment on a packet: `ntpcap: decision=crypto-nak cause=wrong-digest key=11`. Both packets of an exchange have
/// the same.
pub(in crate::cli) fn comment(decision: Option<&Decision>, unsent: bool, faults: &[&str]) -> String {
    let mut text = "ntpcap:".to_owned();
    if let Some(decision) = decision {
        let Facts { decision, cause, key_id, interleaved } = Facts::of(decision);
        text.push_str(&format!(" decision={decision}"));
        cause.iter().for_each(|cause| text.push_str(&format!(" cause={cause}")));
        key_id.iter().for_each(|key_id| text.push_str(&format!(" key={key_id}")));
        text.push_str(if interleaved { " interleaved" } else { "" });
    }
    text.push_str(if unsent { " unsent" } else { "" });
    if !faults.is_empty() {
        text.push_str(&format!(" faults={}", faults.join(",")));
    }
    text
}

/// A device takes what is not kept anyway; anything else would hold neither a log nor a capture.
fn refuse_same_output(arguments: &ServeResultArguments) -> Result<(), CliError> {
    let (Some(log), Some(capture)) = (&arguments.log, &arguments.pcap) else { return Ok(()) };
    let is_device = capture.metadata().is_ok_and(|found| found.file_type().is_char_device());
    let is_same = !is_standard_input(log) && (log == capture || is_same_file(log, capture));
    if is_same && !is_device {
        let both = "the log and the capture".to_owned();
        return Err(CliError::SameOutput { path: capture.clone(), both });
    }
    Ok(())
}

/// True for `-`.
pub(super) fn is_standard_output(path: Option<&Path>) -> bool {
    path.is_some_and(is_standard_input)
}
