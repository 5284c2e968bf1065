//! The record of one message.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::Judged;
use crate::analysis::exchange::Exchange;
use crate::analysis::verdict::Verdict;
use crate::ntp::message::Message;
use crate::ntp::trailer::{Reading, Tail};
use crate::report::diagnosis::{DiagnosisRecord, TriedRecord};
use crate::report::time::Rfc3339;

use super::View;
use super::fields::{
    ControlRecord, Endpoint, ExtensionFieldRecord, ExtensionFields, HeaderRecord, Hexadecimal, PrivateRecord,
};

/// One NTP message.
#[derive(Serialize, JsonSchema)]
pub struct MessageRecord<'a> {
    /// The capture file, when several are read together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// Number of the frame in its file, from 1; of the last fragment, for a fragmented datagram.
    pub frame: u64,
    /// Capture time; null when the capture has none.
    #[schemars(with = "Option<String>")]
    pub time: Option<Rfc3339>,
    /// Sender, address and port.
    #[schemars(with = "String")]
    pub src: Endpoint,
    /// Receiver, address and port.
    #[schemars(with = "String")]
    pub dst: Endpoint,
    /// Length of the UDP payload in octets, by its header.
    pub octets: usize,
    /// Protocol version; absent when the datagram is no NTP message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// Mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub mode: Option<&'static str>,
    /// Fields of modes 0 to 5, versions 1 to 4.
    #[serde(flatten)]
    pub header: Option<HeaderRecord>,
    /// Fields of mode 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlRecord>,
    /// Fields of mode 7.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivateRecord>,
    /// Extension fields, in order.
    #[schemars(with = "Vec<ExtensionFieldRecord>")]
    pub extension_fields: ExtensionFields<'a>,
    /// What the datagram was wrapped in: `vlan`, `gre`, ...
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub encapsulation: Vec<&'static str>,
    /// Frames of the fragments that it was put together from.
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    pub fragments: &'a [u64],
    /// The authentication status (`verify`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthRecord<'a>>,
    /// The MAC as it stands in the message (`decode`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<MacRecord<'a>>,
    /// The exchange that this message completes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeRecord>,
    /// Codes of anything else worth saying.
    #[schemars(with = "Vec<String>")]
    pub findings: Vec<&'static str>,
}

/// The authentication status and what it rests on.
#[derive(Serialize, JsonSchema)]
pub struct AuthRecord<'a> {
    /// `valid`, `invalid`, `unknown-key`, `untrusted-key`, `crypto-nak`, `none`, `ms-sntp`, `autokey`, `nts`,
    /// `unverifiable` or `malformed`.
    #[schemars(with = "String")]
    pub status: &'static str,
    /// Key ID of the MAC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u32>,
    /// Relative identifier of the account that an MS-SNTP message is signed for, or to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<u32>,
    /// Algorithm of the key, by the key file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub algorithm: Option<&'static str>,
    /// Octets of digest in the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_octets: Option<usize>,
    /// Whether the digest is right, where the status does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_matches: Option<bool>,
    /// What settled how the trailer is read: `key`, `key-id`, `rfc7822`, `version`, `layout` or `ms-sntp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reading: Option<&'static str>,
    /// Code of why the message is `unverifiable` or `malformed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<&'static str>,
    /// The same as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where the key comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyPlace<'a>>,
    /// Why the MAC is wrong: every proved explanation, that with the fewest changes first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnosis: Vec<DiagnosisRecord<'a>>,
    /// What was tried, when nothing was proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried: Option<TriedRecord>,
}

/// Where a key is defined.
#[derive(Serialize, JsonSchema)]
pub struct KeyPlace<'a> {
    /// The key file.
    pub file: &'a str,
    /// Its line, from 1.
    pub line: usize,
    /// True where an older version of the program reads another key from the line, and that one is meant.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub older_version: bool,
}

/// A MAC as it stands in the message.
#[derive(Serialize, JsonSchema)]
pub struct MacRecord<'a> {
    /// `none`, `mac`, `crypto-nak` or `unclear`.
    #[schemars(with = "String")]
    pub kind: &'static str,
    /// Key ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u32>,
    /// Digest in hexadecimal. Not shown for MS-SNTP, where it would let passwords be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub digest: Option<Hexadecimal<'a>>,
    /// What settled how the trailer is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reading: Option<&'static str>,
    /// Why no rule allows the trailer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A reply and its request.
#[derive(Serialize, JsonSchema)]
pub struct ExchangeRecord {
    /// Frame of the request.
    pub request: u64,
    /// Frame of the reply.
    pub reply: u64,
    /// `basic`, `interleaved` or `sequence`.
    #[schemars(with = "String")]
    pub mode: &'static str,
    /// Server's clock minus capture's clock, seconds; null when not known.
    pub offset_s: Option<f64>,
    /// Both ways between capture and server, seconds; null when not known.
    pub delay_s: Option<f64>,
    /// From the request's arrival to the reply's departure by the server's clock, seconds; null when not known.
    pub server_time_s: Option<f64>,
    /// From request to reply as captured, seconds; null when not known.
    pub round_trip_s: Option<f64>,
    /// The exchange before, when this interleaved reply tells when its reply left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completes: Option<CompletedRecord>,
}

/// An exchange whose times the reply after it tells (RFC 9769).
#[derive(Serialize, JsonSchema)]
pub struct CompletedRecord {
    /// Frame of its request.
    pub request: u64,
    /// Frame of its reply.
    pub reply: u64,
    /// Server's clock minus capture's clock, seconds; null when not known.
    pub offset_s: Option<f64>,
    /// Both ways between capture and server, seconds; null when not known.
    pub delay_s: Option<f64>,
    /// From the request's arrival to the reply's departure by the server's clock, seconds.
    pub server_time_s: Option<f64>,
}

impl<'a> MessageRecord<'a> {
    /// The record of a judged message.
    pub fn new(judged: &Judged<'a, 'a>, file: Option<&'a str>, view: View) -> Self {
        let header = match judged.message {
            Some(Message::Time(message)) if message.header.version.is_decoded() => Some(message.header),
            _ => None,
        };
        let reading = judged.verdict.reading.map(|(reading, _)| reading);
        MessageRecord {
            file,
            frame: judged.frame,
            time: judged.time.map(Rfc3339::of_capture),
            src: Endpoint(judged.datagram.source),
            dst: Endpoint(judged.datagram.destination),
            octets: judged.datagram.length,
            version: judged.message.map(|message| message.version().number()),
            mode: judged.message.map(|message| message.mode().name()),
            header: header.map(|header| HeaderRecord::new(&header, judged)),
            control: match judged.message {
                Some(Message::Control(message)) => Some(ControlRecord::new(&message)),
                _ => None,
            },
            private: match judged.message {
                Some(Message::Private(message)) => Some(PrivateRecord::new(&message)),
                _ => None,
            },
            extension_fields: ExtensionFields(reading),
            encapsulation: judged.datagram.encapsulation.names().collect(),
            fragments: judged.datagram.fragments,
            auth: (view == View::Verify).then(|| AuthRecord::new(judged)),
            mac: (view == View::Decode).then(|| MacRecord::new(&judged.verdict)),
            exchange: judged.exchange.as_ref().map(ExchangeRecord::new),
            findings: judged.findings.iter().map(|finding| finding.code()).collect(),
        }
    }
}

impl<'a> AuthRecord<'a> {
    fn new(judged: &Judged<'a, 'a>) -> Self {
        let (verdict, diagnosis) = (&judged.verdict, judged.diagnosis.as_ref());
        AuthRecord {
            status: verdict.status.name(),
            key_id: verdict.key_id().map(|key_id| key_id.0),
            account: verdict.account(),
            algorithm: verdict.algorithm().map(|algorithm| algorithm.name()),
            digest_octets: verdict.digest().map(<[u8]>::len),
            digest_matches: verdict.digest_matches,
            reading: verdict.reading.map(|(_, rule)| rule.name()),
            reason: verdict.reason.map(|reason| reason.code()),
            detail: verdict.reason.map(|reason| reason.to_string()),
            key: verdict.key_file.zip(verdict.candidate).map(|(file, candidate)| KeyPlace {
                file,
                line: candidate.line,
                older_version: candidate.older_version,
            }),
            diagnosis: diagnosis.map(DiagnosisRecord::all).unwrap_or_default(),
            tried: diagnosis.and_then(TriedRecord::new),
        }
    }
}

impl<'a> MacRecord<'a> {
    fn new(verdict: &Verdict<'a, '_>) -> Self {
        let is_ms_sntp = verdict.status == crate::analysis::Status::MsSntp;
        MacRecord {
            kind: match verdict.reading {
                Some((Reading { tail: Tail::Nothing, .. }, _)) => "none",
                Some((Reading { tail: Tail::CryptoNak, .. }, _)) => "crypto-nak",
                Some((Reading { tail: Tail::Mac { .. }, .. }, _)) => "mac",
                None => "unclear",
            },
            key_id: verdict.key_id().map(|key_id| key_id.0),
            digest: verdict.digest().filter(|_| !is_ms_sntp).map(Hexadecimal),
            reading: verdict.reading.map(|(_, rule)| rule.name()),
            detail: verdict.reason.map(|reason| reason.to_string()),
        }
    }
}

impl ExchangeRecord {
    fn new(exchange: &Exchange) -> Self {
        ExchangeRecord {
            request: exchange.request.frame,
            reply: exchange.reply.frame,
            mode: exchange.mode.name(),
            offset_s: exchange.times.offset,
            delay_s: exchange.times.delay,
            server_time_s: exchange.times.server_time,
            round_trip_s: exchange.round_trip,
            completes: exchange.completed.map(|before| CompletedRecord {
                request: before.request.frame,
                reply: before.reply.frame,
                offset_s: before.times.offset,
                delay_s: before.times.delay,
                server_time_s: before.times.server_time,
            }),
        }
    }
}
