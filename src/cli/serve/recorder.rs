//! Writes down what the server does: a log of requests, and a capture of both directions.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::capture::CaptureTime;
use crate::ntp::header::Header;
use crate::ntp::timestamp::UnixTime;
use crate::report::serve::{self, RequestRecord, ServeRecord};
use crate::report::time::Rfc3339;
use crate::server::Decision;
use crate::server::decision::{AnswerKind, Refusal, Silence};
use crate::server::udp::{Exchange, Observer, Sent};

use super::super::args::serve::{ServeResultArguments, ServerKeyArguments};
use super::super::destination::is_same_file;
use super::super::exit::CliError;
use super::super::inputs::is_standard_input;
use super::super::packets::{Output, Packets, open};

/// The records that were asked for, shared by all threads.
pub(super) struct Recorder {
    log: Option<Mutex<Output>>,
    capture: Option<Mutex<Packets>>,
}

impl Recorder {
    /// Opens the files. `keys` are the files that keys were read from.
    ///
    /// # Errors
    /// When one cannot be made, when both are to go to standard output, or when one has keys in it.
    pub(super) fn open(
        arguments: &ServeResultArguments,
        keys: &ServerKeyArguments,
    ) -> Result<Recorder, CliError> {
        for path in arguments.log.iter().chain(&arguments.pcap) {
            let mut inputs = keys.files.iter().map(|file| &file.path).chain(&keys.conf);
            if inputs.any(|input| is_same_file(path, input)) {
                return Err(CliError::OverwritesInput { path: path.clone() });
            }
        }
        let is_text = |path| is_standard_output(path) || arguments.json;
        if is_standard_output(arguments.pcap.as_deref())
            && (is_text(arguments.log.as_deref()) || !arguments.quiet)
        {
            return Err(CliError::CaptureBesideText);
        }
        let log =
            arguments.log.as_deref().map(|path| open(path, OpenOptions::new().append(true).create(true)));
        let pcap = arguments.pcap.as_deref();
        let capture = pcap.map(|path| Packets::create(path, arguments.force, "ntpcap serve"));
        Ok(Recorder { log: log.transpose()?.map(Mutex::new), capture: capture.transpose()?.map(Mutex::new) })
    }

    /// Writes out what is still held back.
    pub(super) fn finish(self) -> io::Result<()> {
        self.idle()
    }
}

impl Observer for Recorder {
    fn exchange(&self, exchange: &Exchange<'_>) -> io::Result<()> {
        if let Some(log) = &self.log {
            let reason = exchange.decision.reason();
            serve::write(&mut *lock(log), &ServeRecord::Request(record(exchange, &reason)))?;
        }
        if let Some(capture) = &self.capture {
            write_exchange(&mut lock(capture), exchange)?;
        }
        Ok(())
    }

    fn sent(&self, sent: &Sent<'_>) -> io::Result<()> {
        let Some(capture) = &self.capture else { return Ok(()) };
        let ends = (sent.source, sent.destination);
        let faults = if sent.faults.is_empty() { "none".to_owned() } else { sent.faults.join(",") };
        let comment = format!("ntpcap: faults={faults}");
        lock(capture).write(captured(sent.departure), ends, sent.octets, Some(&comment))
    }

    fn idle(&self) -> io::Result<()> {
        self.log.as_ref().map_or(Ok(()), |log| lock(log).flush())?;
        self.capture.as_ref().map_or(Ok(()), |capture| lock(capture).flush())
    }
}

/// Writes both directions of an exchange.
fn write_exchange(packets: &mut Packets, exchange: &Exchange<'_>) -> io::Result<()> {
    let comment = comment(exchange);
    let Exchange { client, server, .. } = *exchange;
    packets.write(captured(exchange.arrival), (client, server), exchange.request, Some(&comment))?;
    match exchange.departure {
        Some(departure) if !exchange.reply.is_empty() => {
            packets.write(captured(departure), (server, client), exchange.reply, Some(&comment))
        }
        _ => Ok(()),
    }
}

fn captured(time: UnixTime) -> CaptureTime {
    CaptureTime { seconds: time.seconds, nanoseconds: time.nanoseconds }
}

fn record<'a>(exchange: &Exchange<'a>, reason: &'a str) -> RequestRecord<'a> {
    let header = Header::parse(exchange.request);
    let UnixTime { seconds, nanoseconds } = exchange.arrival;
    let facts = Facts::of(exchange.decision);
    RequestRecord {
        time: Rfc3339::of_capture(CaptureTime { seconds, nanoseconds }),
        client: exchange.client.to_string(),
        server: exchange.server.to_string(),
        octets: exchange.request.len(),
        version: header.map(|header| header.version.number()),
        mode: header.map(|header| header.mode.name()),
        decision: facts.decision,
        cause: facts.cause,
        reason,
        key_id: facts.key_id,
        interleaved: facts.interleaved,
        reply_octets: Some(exchange.reply.len()).filter(|length| *length > 0),
        replies: exchange.replies,
        faults: exchange.faults,
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

/// The comment on both packets of an exchange: `ntpcap: decision=crypto-nak cause=wrong-digest key=11`.
fn comment(exchange: &Exchange<'_>) -> String {
    let Facts { decision, cause, key_id, interleaved } = Facts::of(exchange.decision);
    let mut text = format!("ntpcap: decision={decision}");
    cause.iter().for_each(|cause| text.push_str(&format!(" cause={cause}")));
    key_id.iter().for_each(|key_id| text.push_str(&format!(" key={key_id}")));
    if interleaved {
        text.push_str(" interleaved");
    }
    if !exchange.faults.is_empty() {
        text.push_str(&format!(" faults={}", exchange.faults.join(",")));
    }
    text
}

/// True for `-`.
pub(super) fn is_standard_output(path: Option<&Path>) -> bool {
    path.is_some_and(is_standard_input)
}

/// What another thread left half written is in the output already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
