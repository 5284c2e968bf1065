//! What changed between two runs of a probe.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::super::model::{JsonSchema, SCHEMA};

/// A run that was written as `--json` or `--ndjson`, as far as two are compared.
#[derive(Debug, Default)]
pub struct StoredRun {
    targets: Vec<StoredTarget>,
}

/// Why text is no run of a probe.
#[derive(Debug, thiserror::Error)]
pub enum StoredRunError {
    /// It is not JSON, or has other fields.
    #[error("line {line}: not a record of ntpcap probe: {error}")]
    Record {
        /// The line.
        line: usize,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// It has another shape than this program knows.
    #[error("written with schema {0}, and this program reads schema {SCHEMA}")]
    Schema(u32),
    /// There is no target in it.
    #[error("holds no target of ntpcap probe --json or --ndjson")]
    Empty,
}

#[derive(Debug, Deserialize)]
struct StoredTarget {
    target: String,
    name: Option<String>,
    verdict: String,
    keys: Vec<StoredKey>,
    behaviour: BTreeMap<String, Option<String>>,
    implementation: StoredImplementation,
    authentication: Option<String>,
    requests: Vec<StoredRequest>,
    control: Option<StoredControl>,
}

#[derive(Debug, Deserialize)]
struct StoredKey {
    key_id: u32,
    algorithm: Option<String>,
    verdict: String,
}

#[derive(Debug, Deserialize)]
struct StoredImplementation {
    name: String,
}

#[derive(Debug, Deserialize)]
struct StoredRequest {
    request: String,
    key_id: Option<u32>,
    answer: String,
}

#[derive(Debug, Deserialize)]
struct StoredControl {
    version: Option<String>,
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
    /// Reads a run: one document, or a record on each line.
    ///
    /// # Errors
    /// What is not a run, and the line where that shows.
    pub fn parse(text: &str) -> Result<StoredRun, StoredRunError> {
        let mut run = StoredRun::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |error| StoredRunError::Record { line: index + 1, error };
            let record: Record = serde_json::from_str(line).map_err(wrong)?;
            run.take(record).map_err(|error| error.at(index + 1))?;
        }
        if run.targets.is_empty() { Err(StoredRunError::Empty) } else { Ok(run) }
    }

    fn take(&mut self, record: Record) -> Result<(), Wrong> {
        if let Some(schema) = record.schema.filter(|schema| *schema != SCHEMA) {
            return Err(Wrong::Schema(schema));
        }
        if record.kind.as_deref() == Some("target") {
            let target = serde_json::from_value(serde_json::Value::Object(record.rest));
            self.targets.push(target.map_err(Wrong::Record)?);
        } else if let (None, Some(targets)) = (&record.kind, record.targets) {
            self.targets.extend(serde_json::from_value::<Vec<_>>(targets).map_err(Wrong::Record)?);
        }
        Ok(())
    }

    /// The target with the same address.
    fn find(&self, other: &StoredTarget) -> Option<&StoredTarget> {
        self.targets.iter().find(|target| target.target == other.target)
    }
}

enum Wrong {
    Schema(u32),
    Record(serde_json::Error),
}

impl Wrong {
    fn at(self, line: usize) -> StoredRunError {
        match self {
            Wrong::Schema(schema) => StoredRunError::Schema(schema),
            Wrong::Record(error) => StoredRunError::Record { line, error },
        }
    }
}

/// What two runs differ in.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DiffDocument {
    /// Version of this schema.
    pub schema: u32,
    /// Targets in both runs.
    pub targets: usize,
    /// What is not the same.
    pub changes: Vec<Change>,
}

/// One thing that is not the same in two runs.
#[derive(Debug, Serialize, JsonSchema, PartialEq, Eq)]
pub struct Change {
    /// The target.
    pub target: String,
    /// What of it.
    pub what: String,
    /// What it was; null where there was none.
    pub before: Option<String>,
    /// What it is; null where there is none.
    pub after: Option<String>,
}

impl DiffDocument {
    /// Compares two runs. What one of them does not know is no change: answers that are `unknown`, requests that
    /// were not sent.
    pub fn new(before: &StoredRun, after: &StoredRun) -> DiffDocument {
        let mut changes = Vec::new();
        let mut targets = 0;
        for old in &before.targets {
            match after.find(old) {
                Some(new) => {
                    targets += 1;
                    compare(old, new, &mut changes);
                }
                None => changes.push(Change::presence(old, true)),
            }
        }
        let new = after.targets.iter().filter(|target| before.find(target).is_none());
        changes.extend(new.map(|target| Change::presence(target, false)));
        DiffDocument { schema: SCHEMA, targets, changes }
    }

    /// Writes it as JSON, on a line.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, output: &mut impl Write) -> io::Result<()> {
        super::write_line(output, self)
    }

    /// Writes the changes, those of a target below it.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_text(&self, output: &mut impl Write) -> io::Result<()> {
        let mut last = None;
        for change in &self.changes {
            if last != Some(&change.target) {
                writeln!(output, "{}", change.target)?;
                last = Some(&change.target);
            }
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            writeln!(output, "  {}: {} -> {}", change.what, word(&change.before), word(&change.after))?;
        }
        if self.changes.is_empty() {
            let plural = if self.targets == 1 { "" } else { "s" };
            writeln!(output, "no change ({} target{plural})", self.targets)?;
        }
        Ok(())
    }
}

impl Change {
    fn presence(target: &StoredTarget, was_there: bool) -> Change {
        let verdict = Some(target.verdict.clone());
        let (before, after) = if was_there { (verdict, None) } else { (None, verdict) };
        Change { target: target.label(), what: "target".to_owned(), before, after }
    }
}

impl StoredTarget {
    fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.target),
            None => self.target.clone(),
        }
    }

    fn key(&self, key_id: u32) -> Option<&StoredKey> {
        self.keys.iter().find(|key| key.key_id == key_id)
    }

    /// The answer to that request, where it is known.
    fn answer(&self, like: &StoredRequest) -> Option<&str> {
        let is_same = |one: &&StoredRequest| one.request == like.request && one.key_id == like.key_id;
        let answer = self.requests.iter().find(is_same)?.answer.as_str();
        (answer != "unknown").then_some(answer)
    }
}

fn compare(old: &StoredTarget, new: &StoredTarget, changes: &mut Vec<Change>) {
    let mut note = |what: String, before: Option<&str>, after: Option<&str>| {
        if before != after {
            let (before, after) = (before.map(str::to_owned), after.map(str::to_owned));
            changes.push(Change { target: new.label(), what, before, after });
        }
    };
    let ids = old.keys.iter().chain(new.keys.iter().filter(|key| old.key(key.key_id).is_none()));
    for key_id in ids.map(|key| key.key_id) {
        let (before, after) = (old.key(key_id), new.key(key_id));
        let verdict = |key: Option<&'_ StoredKey>| key.map(|key| key.verdict.clone());
        note(format!("key {key_id}"), verdict(before).as_deref(), verdict(after).as_deref());
        if let (Some(before), Some(after)) = (before, after) {
            let what = format!("key {key_id} algorithm");
            note(what, before.algorithm.as_deref(), after.algorithm.as_deref());
        }
    }
    if old.keys.is_empty() && new.keys.is_empty() {
        note("verdict".to_owned(), Some(&old.verdict), Some(&new.verdict));
    }
    let class = |target: &'_ StoredTarget| target.behaviour.get("class").cloned().flatten();
    note("class".to_owned(), class(old).as_deref(), class(new).as_deref());
    note("authentication".to_owned(), old.authentication.as_deref(), new.authentication.as_deref());
    note("implementation".to_owned(), Some(&old.implementation.name), Some(&new.implementation.name));
    if let (Some(before), Some(after)) = (&old.control, &new.control) {
        note("version".to_owned(), before.version.as_deref(), after.version.as_deref());
    }
    for request in old.requests.iter().filter(|request| request.request != "valid") {
        if let (Some(before), Some(after)) = (old.answer(request), new.answer(request)) {
            let key = request.key_id.map_or(String::new(), |key_id| format!(" (key {key_id})"));
            note(format!("{}{key}", request.request), Some(before), Some(after));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(verdict: &str, class: &str, wrong: &str) -> StoredRun {
        StoredRun::parse(&format!(
            r#"{{"type":"target","target":"192.0.2.1:123","verdict":"{verdict}","keys":[{{"key_id":11,"algorithm":"sha1","verdict":"{verdict}","sent":1,"answered":1}}],"behaviour":{{"class":"{class}"}},"implementation":{{"name":"chrony"}},"authentication":"optional","requests":[{{"request":"wrong-secret","key_id":11,"answer":"{wrong}"}}]}}"#
        ))
        .unwrap()
    }

    fn changes(before: &StoredRun, after: &StoredRun) -> Vec<String> {
        let mut text = Vec::new();
        DiffDocument::new(before, after).write_text(&mut text).unwrap();
        String::from_utf8(text).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn what_changed_is_told_and_what_is_not_known_is_not() {
        let before = run("authenticated", "silent-on-bad-mac", "silence");
        let after = run("drops-request", "silent-on-bad-mac", "unknown");
        assert_eq!(changes(&before, &after), ["192.0.2.1:123", "key 11: authenticated -> drops-request"]);
        assert_eq!(changes(&before, &before), ["no change (1 target)"]);
        let after = run("authenticated", "nak-on-bad-mac", "crypto-nak");
        let class = "class: silent-on-bad-mac -> nak-on-bad-mac";
        let wrong = "wrong-secret (key 11): silence -> crypto-nak";
        assert_eq!(changes(&before, &after), ["192.0.2.1:123", class, wrong]);
    }

    #[test]
    fn targets_of_one_run_alone_are_told() {
        let before = run("authenticated", "silent-on-bad-mac", "silence");
        let nothing = StoredRun::default();
        assert_eq!(changes(&before, &nothing), ["192.0.2.1:123", "target: authenticated -> -"]);
        assert_eq!(changes(&nothing, &before), ["192.0.2.1:123", "target: - -> authenticated"]);
    }

    #[test]
    fn what_is_no_run_is_refused_with_its_line() {
        let told = |text: &str| StoredRun::parse(text).unwrap_err().to_string();
        assert!(told("{\"type\":\"summary\"}\nnonsense").starts_with("line 2: not a record of ntpcap probe"));
        assert!(told("{\"type\":\"target\",\"target\":1}").starts_with("line 1: not a record"));
        assert_eq!(told(""), "holds no target of ntpcap probe --json or --ndjson");
        assert_eq!(
            told("{\"schema\":99,\"targets\":[]}"),
            "written with schema 99, and this program reads schema 1"
        );
    }
}
