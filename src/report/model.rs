//! The serialised shape of every result: the published schema (`ntpcap schema`).
//!
//! Fields are added, never renamed. Every other format renders the same values. Records borrow from what they
//! describe and write themselves out without an intermediate tree.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

// Re-exported for the parts of the shape that stand in files of their own.
pub(super) use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::analysis::behaviour::{Asked, Profile};
use crate::analysis::exchange::Exchange;
use crate::analysis::finding::Place;
use crate::analysis::verdict::Verdict;
use crate::analysis::{Event, Judged, Summary};
use crate::ntp::extension::ExtensionField;
use crate::ntp::header::{Header, Mode};
use crate::ntp::message::Message;
use crate::ntp::trailer::{Reading, Tail};
use crate::ntp::{ControlMessage, NtpTimestamp, PrivateMessage};

use super::census::{CensusDocument, UseRecord};
use super::diagnosis::{DiagnosisRecord, PatternRecord, TriedRecord};
use super::time::{Rfc3339, near_capture};

/// Version of the schema; rises when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// One line of a stream.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Record<'a> {
    /// One NTP message.
    Message(Box<MessageRecord<'a>>),
    /// What several messages together show.
    Finding(FindingRecord<'a>),
    /// Who uses a key (`census`).
    Use(UseRecord<'a>),
    /// The last record: counts over all.
    Summary(Box<SummaryRecord<'a>>),
}

/// The document of `--json`.
#[derive(Serialize, JsonSchema)]
pub struct Document<'a> {
    /// Version of this schema.
    pub schema: u32,
    /// The messages in order of capture time.
    pub messages: Vec<Record<'a>>,
    /// What several messages together show.
    pub findings: Vec<Record<'a>>,
    /// Counts over all.
    pub summary: Record<'a>,
}

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

/// The header fields of a time message.
#[derive(Serialize, JsonSchema)]
pub struct HeaderRecord {
    /// 0 to 255.
    pub stratum: u8,
    /// `none`, `insert`, `delete` or `unknown`.
    #[schemars(with = "String")]
    pub leap: &'static str,
    /// log2 seconds.
    pub poll: i8,
    /// log2 seconds.
    pub precision: i8,
    /// Seconds.
    pub root_delay_s: f64,
    /// Seconds.
    pub root_dispersion_s: f64,
    /// Text at stratum 0 and 1, dotted octets above, `0x...` where text is not printable.
    pub reference_id: String,
    /// When the clock was last set; null when not known.
    #[schemars(with = "Option<String>")]
    pub reference_time: Option<Rfc3339>,
    /// Null when zero.
    #[schemars(with = "Option<String>")]
    pub origin_time: Option<Rfc3339>,
    /// Null when zero.
    #[schemars(with = "Option<String>")]
    pub receive_time: Option<Rfc3339>,
    /// Null when zero.
    #[schemars(with = "Option<String>")]
    pub transmit_time: Option<Rfc3339>,
}

/// The header fields of a control message.
#[derive(Serialize, JsonSchema)]
pub struct ControlRecord {
    /// A reply.
    pub response: bool,
    /// The request failed.
    pub error: bool,
    /// More fragments follow.
    pub more: bool,
    /// Operation code.
    pub operation: u8,
    /// Its name; null when it has none.
    #[schemars(with = "Option<String>")]
    pub operation_name: Option<&'static str>,
    /// Ties reply and request together.
    pub sequence: u16,
    /// Status word.
    pub status: u16,
    /// What the status word means; null where it means nothing.
    pub status_meaning: Option<String>,
    /// Why the request failed; null otherwise.
    #[schemars(with = "Option<String>")]
    pub error_name: Option<&'static str>,
    /// Association; 0 for the system.
    pub association_id: u16,
    /// Offset of the data in the whole.
    pub offset: u16,
    /// Octets of data.
    pub count: u16,
}

/// The header fields of a private message.
#[derive(Serialize, JsonSchema)]
pub struct PrivateRecord {
    /// A reply.
    pub response: bool,
    /// More packets follow.
    pub more: bool,
    /// The request carries a MAC.
    pub authenticated: bool,
    /// Number of the packet in a reply of several.
    pub sequence: u8,
    /// Whose request codes are meant.
    pub implementation: u8,
    /// Request code.
    pub request_code: u8,
    /// Its name with ntp.org; null when it has none.
    #[schemars(with = "Option<String>")]
    pub request_name: Option<&'static str>,
    /// Error code.
    pub error: u8,
    /// Its name; null when it has none.
    #[schemars(with = "Option<String>")]
    pub error_name: Option<&'static str>,
    /// Number of data items.
    pub item_count: u16,
    /// Octets of an item.
    pub item_size: u16,
}

/// One extension field.
#[derive(Serialize, JsonSchema)]
pub struct ExtensionFieldRecord {
    /// Field type as `0x....`.
    #[serde(rename = "type")]
    pub field_type: String,
    /// Its name; null when it has none.
    #[schemars(with = "Option<String>")]
    pub name: Option<&'static str>,
    /// Length of the whole field.
    pub octets: usize,
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

/// What several messages together show, or one that did not come.
#[derive(Serialize, JsonSchema)]
pub struct FindingRecord<'a> {
    /// Its code.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// `info`, `warning` or `error`.
    #[schemars(with = "String")]
    pub severity: &'static str,
    /// The frames that prove it, in order; not all of them where there are many.
    pub frames: Vec<u64>,
    /// The captures of these frames, when several are read together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<&'a str>,
    /// A sentence for people.
    pub detail: &'a str,
}

/// How one server behaves.
#[derive(Serialize, JsonSchema)]
pub struct ServerRecord {
    /// Its address and port.
    pub server: String,
    /// Class of its behaviour; null when the requests seen do not tell.
    #[schemars(with = "Option<String>")]
    pub class: Option<&'static str>,
    /// Kind of request, kind of answer, count.
    #[serde(serialize_with = "as_map")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, u64>>")]
    pub behaviour: Vec<(Asked, Counts)>,
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
}

/// Counts over all messages, and what is to be said about the inputs.
#[derive(Serialize, JsonSchema)]
pub struct SummaryRecord<'a> {
    /// Version of this schema.
    pub schema: u32,
    /// Packets of all captures, decoded or not.
    pub frames: u64,
    /// NTP messages.
    pub messages: u64,
    /// Messages that the filter let through; what follows counts these.
    pub selected: u64,
    /// Messages by status. Absent for `decode`.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    #[schemars(with = "BTreeMap<String, u64>")]
    pub statuses: Counts,
    /// Messages by finding.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub findings: Counts,
    /// Messages by what explains them; a message is counted under each of its codes.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    #[schemars(with = "BTreeMap<String, u64>")]
    pub diagnoses: Counts,
    /// What the MACs that are wrong for no proved reason have in common. Counts all messages, selected or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<PatternRecord<'a>>,
    /// Packets that are not NTP, by reason.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub not_decoded: Counts,
    /// Datagrams whose fragments never all came.
    pub fragments_incomplete: u64,
    /// Messages of servers and keys beyond those that a census tells apart. Absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_uses: Option<u64>,
    /// True when a capture ended in the middle of a packet or could not be read on.
    pub truncated: bool,
    /// Time of the first packet.
    #[schemars(with = "Option<String>")]
    pub first_time: Option<Rfc3339>,
    /// Time of the last packet.
    #[schemars(with = "Option<String>")]
    pub last_time: Option<Rfc3339>,
    /// The servers that were asked, and how they answered. Absent for `decode`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerRecord>,
    /// The captures.
    pub captures: Vec<CaptureRecord<'a>>,
    /// The key files.
    pub keys: Vec<KeyFileRecord<'a>>,
}

/// One capture file.
#[derive(Serialize, JsonSchema)]
pub struct CaptureRecord<'a> {
    /// Its path, or `-`.
    pub file: &'a str,
    /// `pcap`, `pcap (nanoseconds)`, `pcap (modified)` or `pcapng`.
    pub container: String,
    /// Compressions, the outermost first.
    pub compression: Vec<String>,
    /// Packets in it.
    pub frames: u64,
    /// How it ended: `complete` or a sentence.
    pub ending: String,
    /// Oddities that were read over.
    pub defects: Vec<DefectRecord>,
}

/// A kind of oddity in a capture.
#[derive(Serialize, JsonSchema)]
pub struct DefectRecord {
    /// Its code.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// How often.
    pub count: u64,
    /// Where first, in octets of the uncompressed file.
    pub first_offset: u64,
}

/// One key file.
#[derive(Serialize, JsonSchema)]
pub struct KeyFileRecord<'a> {
    /// Its path, or `-`.
    pub file: &'a str,
    /// The server that it is for, when it was given for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// By whose rules it was read: `ntp.org`, `ntpsec` or `chrony`.
    #[schemars(with = "String")]
    pub format: &'static str,
    /// Why by these; null when given.
    pub format_reason: Option<String>,
    /// Keys in it.
    pub keys: usize,
    /// What that program does with the file.
    pub consequence: String,
    /// What is wrong with it.
    pub problems: Vec<KeyProblemRecord>,
}

/// Something wrong with a line of a key file.
#[derive(Serialize, JsonSchema)]
pub struct KeyProblemRecord {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// `info`, `warning` or `error`.
    #[schemars(with = "String")]
    pub severity: &'static str,
    /// Its code.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// The same as a sentence.
    pub detail: String,
}

/// Counts by name, in the order in which they are told.
#[derive(Clone, Debug, Default)]
pub struct Counts(pub Vec<(Cow<'static, str>, u64)>);

impl Counts {
    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

fn as_map<S: Serializer>(behaviour: &[(Asked, Counts)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(behaviour.iter().map(|(asked, answers)| (asked.name(), answers)))
}

/// An address and port, written `10.0.0.5:123` or `[fd99::1]:123`.
#[derive(Clone, Copy)]
pub struct Endpoint(pub SocketAddr);

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Octets, written in hexadecimal.
#[derive(Clone, Copy)]
pub struct Hexadecimal<'a>(pub &'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(formatter, "{octet:02x}"))
    }
}

impl Serialize for Hexadecimal<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The extension fields of a reading, written as a list.
#[derive(Clone, Copy)]
pub struct ExtensionFields<'a>(pub Option<Reading<'a>>);

impl<'a> ExtensionFields<'a> {
    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = ExtensionField<'a>> + use<'a> {
        self.0.into_iter().flat_map(|reading| reading.extension_fields())
    }
}

impl Serialize for ExtensionFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|field| ExtensionFieldRecord {
            field_type: format!("{:#06x}", field.field_type),
            name: field.name(),
            octets: field.length(),
        }))
    }
}

/// Which of the two views of a message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// With the authentication status.
    Verify,
    /// With the MAC as it stands there.
    Decode,
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

impl HeaderRecord {
    fn new(header: &Header, judged: &Judged<'_, '_>) -> Self {
        let time = |timestamp: NtpTimestamp| near_capture(timestamp, judged.time);
        HeaderRecord {
            stratum: header.stratum,
            leap: header.leap_indicator.name(),
            poll: header.poll,
            precision: header.precision,
            root_delay_s: header.root_delay.as_seconds(),
            root_dispersion_s: header.root_dispersion.as_seconds(),
            reference_id: header.reference_id.display(header.stratum),
            reference_time: time(header.reference_timestamp),
            origin_time: time(header.origin_timestamp),
            receive_time: time(header.receive_timestamp),
            transmit_time: time(header.transmit_timestamp),
        }
    }
}

impl ControlRecord {
    fn new(message: &ControlMessage<'_>) -> Self {
        ControlRecord {
            response: message.response,
            error: message.error,
            more: message.more,
            operation: message.operation,
            operation_name: message.operation_name(),
            sequence: message.sequence,
            status: message.status,
            status_meaning: message.status_meaning().map(|meaning| meaning.to_string()),
            error_name: message.error_name(),
            association_id: message.association_id,
            offset: message.offset,
            count: message.count,
        }
    }
}

impl PrivateRecord {
    fn new(message: &PrivateMessage<'_>) -> Self {
        PrivateRecord {
            response: message.response,
            more: message.more,
            authenticated: message.authenticated,
            sequence: message.sequence,
            implementation: message.implementation,
            request_code: message.request_code,
            request_name: message.request_name(),
            error: message.error,
            error_name: message.error_name(),
            item_count: message.item_count,
            item_size: message.item_size,
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
            offset_s: exchange.offset,
            delay_s: exchange.delay,
            server_time_s: exchange.server_time,
            round_trip_s: exchange.round_trip,
        }
    }
}

impl<'a> FindingRecord<'a> {
    /// The record of an event; `files` are the captures' names where there are several.
    pub fn new(event: &'a Event, files: &'a [String]) -> Self {
        let file = |place: &Place| files.get(place.capture).map(String::as_str);
        FindingRecord {
            code: event.finding.code(),
            severity: event.finding.severity().name(),
            frames: event.frames.iter().map(|place| place.frame).collect(),
            files: if files.len() > 1 { event.frames.iter().filter_map(file).collect() } else { Vec::new() },
            detail: &event.detail,
        }
    }
}

impl ServerRecord {
    /// The record of a server's profile.
    pub fn new(server: SocketAddr, profile: &Profile) -> Self {
        let answers = |asked: Asked| {
            let answers = profile.answers(asked).into_iter();
            Counts(answers.map(|(answer, count)| (answer.name().into(), u64::from(count))).collect())
        };
        let behaviour = Asked::ALL.into_iter().map(|asked| (asked, answers(asked)));
        ServerRecord {
            server: server.to_string(),
            class: profile.class().map(|class| class.name()),
            behaviour: behaviour.filter(|(_, answers)| !answers.is_empty()).collect(),
        }
    }
}

impl<'a> SummaryRecord<'a> {
    /// The record of a run's counts and inputs.
    pub fn new(
        summary: &Summary,
        view: View,
        servers: Vec<ServerRecord>,
        captures: Vec<CaptureRecord<'a>>,
        keys: Vec<KeyFileRecord<'a>>,
    ) -> Self {
        let statuses = summary.statuses.iter().filter(|_| view == View::Verify);
        // Without keys nobody can tell what a request asked for, so decoding tells of no events.
        let findings =
            summary.findings.iter().filter(|(finding, _)| view == View::Verify || !finding.stands_alone());
        SummaryRecord {
            schema: SCHEMA,
            frames: summary.frames,
            messages: summary.messages,
            selected: summary.selected,
            statuses: Counts(statuses.map(|(status, count)| (status.name().into(), *count)).collect()),
            findings: Counts(findings.map(|(finding, count)| (finding.code().into(), *count)).collect()),
            diagnoses: Counts(
                summary.diagnoses.iter().map(|(code, count)| (code.name().into(), *count)).collect(),
            ),
            patterns: Vec::new(),
            not_decoded: Counts(
                summary.not_decoded.iter().map(|(reason, count)| (reason.code(), *count)).collect(),
            ),
            fragments_incomplete: summary.fragments_incomplete,
            other_uses: None,
            truncated: captures.iter().any(|capture| capture.ending != "complete"),
            first_time: summary.span.map(|(first, _)| Rfc3339::of_capture(first)),
            last_time: summary.span.map(|(_, last)| Rfc3339::of_capture(last)),
            servers,
            captures,
            keys,
        }
    }
}

/// The JSON Schema of a stream's records and of the document that `--json` writes.
pub fn schema() -> serde_json::Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    let record = generator.subschema_for::<Record<'_>>();
    let document = generator.subschema_for::<Document<'_>>();
    let census = generator.subschema_for::<CensusDocument<'_>>();
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ntpcap results",
        "description": "A line of --ndjson, or the document of --json.",
        "schema_version": SCHEMA,
        "anyOf": [record, document, census],
        "$defs": generator.take_definitions(true),
    })
}

/// The word for a mode in narrow columns.
pub fn short_mode(mode: Mode) -> &'static str {
    match mode {
        Mode::SymmetricActive => "active",
        Mode::SymmetricPassive => "passive",
        other => other.name(),
    }
}
