//! The serialised shape of every result: the published schema (`ntpcap schema`).
//!
//! Fields are added, never renamed. Every other format renders the same values. Records borrow from what they
//! describe and write themselves out without an intermediate tree.

use std::borrow::Cow;

// Re-exported for the parts of the shape that stand in files of their own.
pub(super) use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::ntp::header::Mode;

use super::census::{CensusDocument, UseRecord};
use super::conform::{ConformRecord, ConformReport, ConformReports};
use super::fingerprint::FingerprintDocument;
use super::key_diff::KeyDiffDocument;
use super::lint::LintReport;
use super::probe::{DiffDocument, ProbeDocument, ProbeRecord};
use super::serve::ServeRecord;

mod fields;
mod message;
mod summary;

pub use fields::{
    ControlRecord, Endpoint, ExtensionFieldRecord, ExtensionFields, HeaderRecord, Hexadecimal, PrivateRecord,
};
pub use message::{AuthRecord, ExchangeRecord, KeyPlace, MacRecord, MessageRecord};
pub use summary::{
    CaptureRecord, DefectRecord, FindingRecord, KeyFileRecord, KeyProblemRecord, ServerRecord, SummaryRecord,
};

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

/// Which of the two views of a message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// With the authentication status.
    Verify,
    /// With the MAC as it stands there.
    Decode,
}

/// The JSON Schema of a stream's records and of the document that `--json` writes.
pub fn schema() -> serde_json::Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    let record = generator.subschema_for::<Record<'_>>();
    let document = generator.subschema_for::<Document<'_>>();
    let census = generator.subschema_for::<CensusDocument<'_>>();
    let served = generator.subschema_for::<ServeRecord<'_>>();
    let probed = generator.subschema_for::<ProbeRecord<'_>>();
    let all_probed = generator.subschema_for::<ProbeDocument<'_>>();
    let diff = generator.subschema_for::<DiffDocument>();
    let case = generator.subschema_for::<ConformRecord<'_>>();
    let cases = generator.subschema_for::<ConformReport>();
    let all_cases = generator.subschema_for::<ConformReports<'_>>();
    let fingerprints = generator.subschema_for::<FingerprintDocument>();
    let key_diff = generator.subschema_for::<KeyDiffDocument>();
    let linted = generator.subschema_for::<LintReport>();
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ntpcap results",
        "description": "A line of --ndjson or of a server's log, or the document of --json.",
        "schema_version": SCHEMA,
        "anyOf": [
            record, document, census, served, probed, all_probed, diff, case, cases, all_cases, fingerprints, key_diff, linted
        ],
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
