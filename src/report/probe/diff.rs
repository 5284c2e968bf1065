//! What changed between two runs of a probe.

use std::io::{self, Write};

use serde::Serialize;

use crate::analysis::survey::printable;

use super::super::model::{JsonSchema, SCHEMA};
use super::stored::{StoredRequest, StoredRun, StoredTarget, known};

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
    /// Compares two runs. What one of them does not know is no change: answers and programs that are `unknown`, verdicts
    /// that are `inconclusive`, keys and requests that were not asked for.
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
                writeln!(output, "{}", printable(&change.target))?;
                last = Some(&change.target);
            }
            // The files may be from elsewhere, and what they hold from a server.
            let word = |value: &Option<String>| printable(value.as_deref().unwrap_or("-"));
            let what = printable(&change.what);
            writeln!(output, "  {what}: {} -> {}", word(&change.before), word(&change.after))?;
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

/// What is not the same of a target. What either run does not know, or did not ask for, is no change.
fn compare(old: &StoredTarget, new: &StoredTarget, changes: &mut Vec<Change>) {
    let mut note = |what: String, before: Option<&str>, after: Option<&str>| {
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
            changes.push(Change { target: new.label(), what, before, after });
        }
    };
    for before in &old.keys {
        let Some(after) = new.key(before.key_id) else { continue };
        note(format!("key {}", before.key_id), known(&before.verdict), known(&after.verdict));
        let what = format!("key {} algorithm", before.key_id);
        note(what, before.algorithm.as_deref(), after.algorithm.as_deref());
    }
    if old.keys.is_empty() && new.keys.is_empty() {
        note("verdict".to_owned(), known(&old.verdict), known(&new.verdict));
    }
    note("class".to_owned(), old.class(), new.class());
    note("authentication".to_owned(), old.authentication.as_deref(), new.authentication.as_deref());
    note("implementation".to_owned(), old.program(), new.program());
    if let (Some(before), Some(after)) = (&old.control, &new.control) {
        note("version".to_owned(), before.version.as_deref(), after.version.as_deref());
    }
    for request in old.requests.iter().filter(|request| request.request != "valid") {
        note(name(request), old.answer(request), new.answer(request));
    }
}

fn name(request: &StoredRequest) -> String {
    let key = request.key_id.map_or(String::new(), |key_id| format!(" (key {key_id})"));
    format!("{}{key}", request.request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(verdict: &str, class: &str, wrong: &str) -> StoredRun {
        StoredRun::parse(&text(verdict, class, wrong)).unwrap()
    }

    fn text(verdict: &str, class: &str, wrong: &str) -> String {
        format!(
            r#"{{"type":"target","target":"192.0.2.1:123","verdict":"{verdict}","keys":[{{"key_id":11,"algorithm":"sha1","verdict":"{verdict}","sent":1,"answered":1}}],"behaviour":{{"class":"{class}"}},"implementation":{{"name":"chrony"}},"authentication":"optional","requests":[{{"request":"wrong-secret","key_id":11,"answer":"{wrong}"}}]}}"#
        )
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
    fn what_one_run_does_not_know_or_did_not_ask_is_no_change() {
        let whole = text("authenticated", "silent-on-bad-mac", "silence");
        let before = StoredRun::parse(&whole).unwrap();
        for (part, less) in [
            ("\"silent-on-bad-mac\"", "null"),
            ("\"optional\"", "null"),
            ("\"chrony\"", "\"unknown\""),
            ("\"key_id\":11,\"algorithm\"", "\"key_id\":12,\"algorithm\""),
            ("\"authenticated\"", "\"inconclusive\""),
            ("\"silence\"", "\"unknown\""),
        ] {
            let after = StoredRun::parse(&whole.replace(part, less)).unwrap();
            assert_eq!(changes(&before, &after), ["no change (1 target)"], "{part} {less}");
            assert_eq!(changes(&after, &before), ["no change (1 target)"], "{part} {less}");
        }
        let less = run("authenticated", "authenticates", "unknown");
        assert_eq!(changes(&before, &less), ["no change (1 target)"], "a class of less");
    }

    #[test]
    fn lines_are_broken_as_you_like_and_nothing_reaches_the_terminal() {
        let whole = text("authenticated", "silent-on-bad-mac", "silence");
        let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
        let document = serde_json::json!({"schema": 1, "targets": [value], "summary": {}});
        for pretty in [&value, &document].map(|value| serde_json::to_string_pretty(value).unwrap()) {
            assert_eq!(StoredRun::parse(&pretty).unwrap().targets.len(), 1);
        }
        let evil = whole.replace("authenticated", "\\u001b[31mred\\u202e");
        let told = changes(&StoredRun::parse(&whole).unwrap(), &StoredRun::parse(&evil).unwrap());
        assert_eq!(told[1], "key 11: authenticated -> [31mred");
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
        assert_eq!(told("{\"type\":\"summary\"}\nnonsense"), "line 2: not a record of ntpcap probe");
        assert_eq!(told("{\"type\":\"target\",\"target\":1}"), "line 1: not a record of ntpcap probe");
        assert_eq!(told("11"), "line 1: not a record of ntpcap probe");
        assert_eq!(told(""), "holds no target of ntpcap probe --json or --ndjson");
        assert_eq!(
            told("{\"schema\":99,\"targets\":[]}"),
            "written with schema 99, and this program reads schema 1"
        );
    }
}
