//! Runs of a probe that were written, as far as two are compared.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::model::SCHEMA;

/// A run that was written as `--json` or `--ndjson`, as far as two are compared.
#[derive(Debug, Default)]
pub struct StoredRun {
    pub(super) targets: Vec<StoredTarget>,
}

/// Why text is no run of a probe.
#[derive(Debug, thiserror::Error)]
pub enum StoredRunError {
    /// It is not JSON, or has other fields.
    #[error("line {line}: not a record of ntpcap probe")]
    Record {
        /// The line.
        line: usize,
    },
    /// It has another shape than this program knows.
    #[error("written with schema {0}, and this program reads schema {SCHEMA}")]
    Schema(u32),
    /// There is no target in it.
    #[error("holds no target of ntpcap probe --json or --ndjson")]
    Empty,
}

#[derive(Debug, Deserialize)]
pub(super) struct StoredTarget {
    pub(super) target: String,
    pub(super) name: Option<String>,
    pub(super) verdict: String,
    pub(super) keys: Vec<StoredKey>,
    pub(super) behaviour: BTreeMap<String, Option<String>>,
    pub(super) implementation: StoredImplementation,
    pub(super) authentication: Option<String>,
    pub(super) requests: Vec<StoredRequest>,
    pub(super) control: Option<StoredControl>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StoredKey {
    pub(super) key_id: u32,
    pub(super) algorithm: Option<String>,
    pub(super) verdict: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct StoredImplementation {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct StoredRequest {
    pub(super) request: String,
    pub(super) key_id: Option<u32>,
    pub(super) answer: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct StoredControl {
    pub(super) version: Option<String>,
}

/// Any record of either form.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "type")]
    kind: Option<String>,
    schema: Option<u32>,
    targets: Option<serde_json::Value>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl StoredRun {
    /// Reads a run: one document, or one record behind the other, however they are broken into lines.
    ///
    /// # Errors
    /// What is not a run, and the line where that shows.
    pub fn parse(text: &str) -> Result<StoredRun, StoredRunError> {
        let mut run = StoredRun::default();
        let mut records = serde_json::Deserializer::from_str(text).into_iter::<Record>();
        while let Some(record) = records.next() {
            let record = record.map_err(|error| StoredRunError::Record { line: error.line() })?;
            let read = text.get(..records.byte_offset()).unwrap_or_default();
            run.take(record).map_err(|wrong| wrong.at(read.lines().count()))?;
        }
        if run.targets.is_empty() { Err(StoredRunError::Empty) } else { Ok(run) }
    }

    fn take(&mut self, record: Record) -> Result<(), Wrong> {
        if let Some(schema) = record.schema.filter(|schema| *schema != SCHEMA) {
            return Err(Wrong::Schema(schema));
        }
        if record.kind.as_deref() == Some("target") {
            let target = serde_json::from_value(serde_json::Value::Object(record.rest));
            self.targets.push(target.map_err(|_| Wrong::Record)?);
        } else if let (None, Some(targets)) = (&record.kind, record.targets) {
            self.targets.extend(serde_json::from_value::<Vec<_>>(targets).map_err(|_| Wrong::Record)?);
        }
        Ok(())
    }

    /// The target with the same address.
    pub(super) fn find(&self, other: &StoredTarget) -> Option<&StoredTarget> {
        self.targets.iter().find(|target| target.target == other.target)
    }
}

enum Wrong {
    Schema(u32),
    Record,
}

impl Wrong {
    fn at(self, line: usize) -> StoredRunError {
        match self {
            Wrong::Schema(schema) => StoredRunError::Schema(schema),
            Wrong::Record => StoredRunError::Record { line },
        }
    }
}

impl StoredTarget {
    /// The address, and the name that was given.
    pub(super) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.target),
            None => self.target.clone(),
        }
    }

    /// What was found of that key.
    pub(super) fn key(&self, key_id: u32) -> Option<&StoredKey> {
        self.keys.iter().find(|key| key.key_id == key_id)
    }

    /// The answer to that request, where it is known.
    pub(super) fn answer(&self, like: &StoredRequest) -> Option<&str> {
        let is_same = |one: &&StoredRequest| one.request == like.request && one.key_id == like.key_id;
        let answer = self.requests.iter().find(is_same)?.answer.as_str();
        (answer != "unknown").then_some(answer)
    }

    /// The class, where it and what it comes of are known: of less it may be another.
    pub(super) fn class(&self) -> Option<&str> {
        let tells = |request: &&StoredRequest| {
            let name = request.request.as_str();
            matches!(name, "no-mac" | "valid" | "wrong-secret") || name.starts_with("unknown-key")
        };
        let is_known = self.requests.iter().filter(tells).all(|request| request.answer != "unknown");
        self.behaviour.get("class")?.as_deref().filter(|_| is_known)
    }

    /// The program, where one is known.
    pub(super) fn program(&self) -> Option<&str> {
        Some(self.implementation.name.as_str()).filter(|name| *name != "unknown")
    }
}

/// A verdict, where it tells something.
pub(super) fn known(verdict: &str) -> Option<&str> {
    Some(verdict).filter(|verdict| *verdict != "inconclusive")
}
