//! Who uses which key, as records: one a line, or one document.

use std::io::{self, Write};

use serde::Serialize;

use crate::analysis::Event;
use crate::analysis::census::{Protection, Usage, Use};

use super::json::{Tagged, write_line};
use super::model::{Counts, FindingRecord, JsonSchema, Record, SCHEMA, SummaryRecord};
use super::time::Rfc3339;

/// Messages of one server that are protected with one key, or in one other way.
#[derive(Serialize, JsonSchema)]
pub struct UseRecord<'a> {
    /// Address of the server.
    pub server: String,
    /// `mac`, `ms-sntp`, `autokey`, `nts` or `none`.
    #[schemars(with = "String")]
    pub protection: &'static str,
    /// Key ID; null where there is no MAC.
    pub key_id: Option<u32>,
    /// Algorithm of the key; null where no key file has it.
    #[schemars(with = "Option<String>")]
    pub algorithm: Option<&'static str>,
    /// Messages, of the server and of its clients.
    pub messages: u64,
    /// Of these, by status.
    #[schemars(with = "std::collections::BTreeMap<String, u64>")]
    pub statuses: Counts,
    /// Addresses on the other side.
    pub clients: Vec<String>,
    /// False when there were more clients than can be listed.
    pub lists_all_clients: bool,
    /// Frame of the first message.
    pub first_frame: u64,
    /// Frame of the last message.
    pub last_frame: u64,
    /// Time of the first message; null when it has none.
    #[schemars(with = "Option<String>")]
    pub first_time: Option<Rfc3339>,
    /// Time of the last message; null when it has none.
    #[schemars(with = "Option<String>")]
    pub last_time: Option<Rfc3339>,
    /// The captures of these two, when several are read together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<&'a str>,
}

/// The document of `census --json`.
#[derive(Serialize, JsonSchema)]
pub struct CensusDocument<'a> {
    /// Version of this schema.
    pub schema: u32,
    /// The uses, by server and key.
    pub uses: Vec<Record<'a>>,
    /// What the uses show of the keys.
    pub findings: Vec<Record<'a>>,
    /// Counts over all.
    pub summary: Record<'a>,
}

impl<'a> UseRecord<'a> {
    /// The record of a use; `files` are the captures' names.
    pub fn new(name: &Use, usage: &Usage, files: &'a [String]) -> Self {
        let (key_id, algorithm) = match name.protection {
            Protection::Mac { key_id, algorithm } => (Some(key_id.0), algorithm),
            _ => (None, None),
        };
        let statuses = usage.statuses.iter().map(|(status, count)| (status.name().into(), *count));
        let file = |capture: usize| files.get(capture).map(String::as_str);
        let places = [usage.first.place, usage.last.place].into_iter().filter(|_| files.len() > 1);
        UseRecord {
            server: name.server.to_string(),
            protection: name.protection.name(),
            key_id,
            algorithm: algorithm.map(|algorithm| algorithm.name()),
            messages: usage.messages,
            statuses: Counts(statuses.collect()),
            clients: usage.clients.iter().map(ToString::to_string).collect(),
            lists_all_clients: usage.lists_all_clients,
            first_frame: usage.first.place.frame,
            last_frame: usage.last.place.frame,
            first_time: usage.first.time.map(Rfc3339::of_capture),
            last_time: usage.last.time.map(Rfc3339::of_capture),
            files: places.filter_map(|place| file(place.capture)).collect(),
        }
    }
}

/// Writes one record a line: the uses, the findings, and the summary last.
///
/// # Errors
/// Those of writing.
pub fn write_records<'a>(
    output: &mut impl Write,
    uses: &[(&Use, &Usage)],
    events: &[Event],
    files: &'a [String],
    summary: &SummaryRecord<'a>,
) -> io::Result<()> {
    let mut line = Vec::new();
    for (name, usage) in uses {
        write_line(output, &mut line, &Tagged::Use(&UseRecord::new(name, usage, files)))?;
    }
    for event in events {
        write_line(output, &mut line, &Tagged::Finding(&FindingRecord::new(event, files)))?;
    }
    write_line(output, &mut line, &Tagged::Summary(summary))?;
    output.flush()
}

/// Writes the same records as one document.
///
/// # Errors
/// Those of writing.
pub fn write_document<'a>(
    output: &mut impl Write,
    uses: &[(&Use, &Usage)],
    events: &[Event],
    files: &'a [String],
    summary: &SummaryRecord<'a>,
) -> io::Result<()> {
    write!(output, "{{\"schema\":{SCHEMA},\"uses\":[")?;
    for (index, (name, usage)) in uses.iter().enumerate() {
        output.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *output, &Tagged::Use(&UseRecord::new(name, usage, files)))?;
    }
    output.write_all(b"\n],\"findings\":[")?;
    for (index, event) in events.iter().enumerate() {
        output.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *output, &Tagged::Finding(&FindingRecord::new(event, files)))?;
    }
    output.write_all(b"\n],\"summary\":")?;
    serde_json::to_writer(&mut *output, &Tagged::Summary(summary))?;
    output.write_all(b"}\n")?;
    output.flush()
}
