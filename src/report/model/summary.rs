//! The records of findings and of the summary.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::analysis::behaviour::Asked;
use crate::analysis::finding::Place;
use crate::analysis::server::Server;
use crate::analysis::{Event, Summary};
use crate::report::diagnosis::PatternRecord;
use crate::report::time::Rfc3339;

use super::{Counts, SCHEMA, View};

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
    /// Its broadcasts by authentication status. Absent when there are none.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    #[schemars(with = "BTreeMap<String, u64>")]
    pub broadcasts: Counts,
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
    /// Messages whose MAC is wrong and for which no cause was looked for any more, as the search was in vain for others
    /// like them. Absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undiagnosed: Option<u64>,
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

fn as_map<S: Serializer>(behaviour: &[(Asked, Counts)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(behaviour.iter().map(|(asked, answers)| (asked.name(), answers)))
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
    /// The record of what is known of a server.
    pub fn new(address: SocketAddr, server: &Server) -> Self {
        let profile = &server.profile;
        let answers = |asked: Asked| {
            let answers = profile.answers(asked).into_iter();
            Counts(answers.map(|(answer, count)| (answer.name().into(), u64::from(count))).collect())
        };
        let behaviour = Asked::ALL.into_iter().map(|asked| (asked, answers(asked)));
        ServerRecord {
            server: address.to_string(),
            class: profile.class().map(|class| class.name()),
            behaviour: behaviour.filter(|(_, answers)| !answers.is_empty()).collect(),
            broadcasts: Counts(
                server.broadcasts.iter().map(|(status, count)| (status.name().into(), *count)).collect(),
            ),
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
            undiagnosed: (summary.untried > 0).then_some(summary.untried),
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
