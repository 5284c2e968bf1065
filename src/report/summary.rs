//! The summary as text, below a table or after decoded messages.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::analysis::Event;
use crate::analysis::finding::{Place, Severity};

use super::diagnosis::{PatternFrame, PatternRecord};
use super::model::{CaptureRecord, Counts, KeyFileRecord, ServerRecord, SummaryRecord};

/// Findings and servers that are told one by one.
const MOST_TOLD: usize = 20;

/// What was found, kept for the end: the first of each kind, and all up to a bound.
#[derive(Debug, Default)]
pub struct Told {
    lines: Vec<(&'static str, String)>,
    left_out: u64,
}

impl Told {
    /// Keeps a finding. `least` is the severity that is told of.
    pub fn keep(&mut self, event: &Event, least: Severity, several_captures: bool) {
        if event.finding.severity() < least {
            return;
        }
        if self.lines.len() >= MOST_TOLD {
            self.left_out += 1;
            return;
        }
        let frame = |place: &Place| match several_captures {
            true => format!("{}:{}", place.capture + 1, place.frame),
            false => place.frame.to_string(),
        };
        let frames: Vec<String> = event.frames.iter().map(frame).collect();
        let line = format!("{} ({}): {}", event.finding.code(), frames.join(", "), event.detail);
        self.lines.push((event.finding.severity().name(), line));
    }
}

/// Writes the counts, what was found, and what is to be said about the inputs.
///
/// # Errors
/// Those of writing.
pub fn write(output: &mut impl Write, summary: &SummaryRecord<'_>, told: &Told) -> io::Result<()> {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = lines(&mut text, summary, told);
    output.write_all(text.as_bytes())
}

fn lines(text: &mut String, summary: &SummaryRecord<'_>, told: &Told) -> std::fmt::Result {
    let mut parts = vec![count(summary.frames, "packet"), count(summary.messages, "NTP message")];
    if summary.selected != summary.messages {
        parts.push(format!("{} selected", summary.selected));
    }
    if let (Some(first), Some(last)) = (summary.first_time, summary.last_time) {
        parts.push(format!("{first:.0} to {last:.0}"));
    }
    item(text, "total", &parts, ", ")?;
    counts(text, "status", &summary.statuses)?;
    counts(text, "findings", &summary.findings)?;
    counts(text, "diagnoses", &summary.diagnoses)?;
    if let Some(messages) = summary.undiagnosed {
        let name = if summary.diagnoses.is_empty() { "diagnoses" } else { "" };
        let messages = count(messages, "wrong MAC");
        sentence(
            text,
            name,
            &format!("not looked for in {messages} more, as it was in vain for others like them"),
        )?;
    }
    for (index, pattern) in summary.patterns.iter().take(MOST_TOLD).enumerate() {
        pattern_line(text, pattern, if index == 0 { "patterns" } else { "" })?;
    }
    if summary.patterns.len() > MOST_TOLD {
        sentence(text, "", &format!("and {} more patterns", summary.patterns.len() - MOST_TOLD))?;
    }
    counts(text, "not NTP", &summary.not_decoded)?;
    if summary.fragments_incomplete > 0 {
        let datagrams = count(summary.fragments_incomplete, "datagram");
        sentence(text, "fragments", &format!("{datagrams} never complete"))?;
    }
    if let Some(others) = summary.other_uses {
        let others = count(others, "message");
        sentence(text, "census", &format!("{others} of more servers and keys are not told apart"))?;
    }
    for (severity, line) in &told.lines {
        sentence(text, severity, line)?;
    }
    if told.left_out > 0 {
        sentence(text, "", &format!("and {} more, counted above; --ndjson has them all", told.left_out))?;
    }
    summary.servers.iter().take(MOST_TOLD).try_for_each(|server| server_line(text, server))?;
    if summary.servers.len() > MOST_TOLD {
        sentence(text, "", &format!("and {} more of them", summary.servers.len() - MOST_TOLD))?;
    }
    for (index, capture) in summary.captures.iter().enumerate() {
        let number = (summary.captures.len() > 1).then_some(index + 1);
        capture_line(text, capture, number)?;
    }
    summary.keys.iter().try_for_each(|keys| key_line(text, keys))
}

fn server_line(text: &mut String, server: &ServerRecord) -> std::fmt::Result {
    let class = match server.class {
        None if server.behaviour.is_empty() => "",
        class => class.unwrap_or("not enough seen"),
    };
    let counts = |counts: &Counts| {
        counts.0.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(" + ")
    };
    let answers =
        server.behaviour.iter().map(|(asked, answers)| format!("{} > {}", asked.words(), counts(answers)));
    let broadcasts = Some(&server.broadcasts).filter(|broadcasts| !broadcasts.is_empty());
    let mut parts: Vec<String> =
        answers.chain(broadcasts.map(|broadcasts| format!("broadcasts > {}", counts(broadcasts)))).collect();
    let last = parts.len().saturating_sub(1);
    parts.iter_mut().take(last).for_each(|part| part.push_str(", "));
    let name = if class.is_empty() { server.server.clone() } else { format!("{} {class}", server.server) };
    parts.insert(0, format!("{name}: "));
    item(text, "server", &parts, "")
}

fn pattern_line(text: &mut String, pattern: &PatternRecord<'_>, name: &str) -> std::fmt::Result {
    let frame = |place: &PatternFrame<'_>| match place.file {
        Some(_) => format!("{}:{}", place.capture + 1, place.frame),
        None => place.frame.to_string(),
    };
    let frames: Vec<String> = pattern.frames.iter().map(frame).collect();
    let noun = if frames.len() == 1 { "frame" } else { "frames" };
    sentence(text, name, &format!("{}: {} ({noun} {})", pattern.code, pattern.detail, frames.join(", ")))
}

fn capture_line(text: &mut String, capture: &CaptureRecord<'_>, number: Option<usize>) -> std::fmt::Result {
    let mut value = number.map(|number| format!("{number}: ")).unwrap_or_default();
    write!(value, "{}, {}", capture.file, capture.container)?;
    for compression in &capture.compression {
        write!(value, " in {compression}")?;
    }
    if number.is_some() {
        write!(value, ", {}", count(capture.frames, "packet"))?;
    }
    if capture.ending != "complete" {
        write!(value, ", {}", capture.ending)?;
    }
    for defect in &capture.defects {
        write!(value, ", {} {}", defect.code, defect.count)?;
    }
    sentence(text, "capture", &value)
}

fn key_line(text: &mut String, keys: &KeyFileRecord<'_>) -> std::fmt::Result {
    let mut value = format!("{}, {}", keys.file, count(u64::try_from(keys.keys).unwrap_or(u64::MAX), "key"));
    if let Some(address) = &keys.address {
        write!(value, " for {address}")?;
    }
    write!(value, ", read as {}", keys.format)?;
    if let Some(reason) = &keys.format_reason {
        write!(value, " ({reason})")?;
    }
    sentence(text, "keys", &value)?;
    if !keys.problems.is_empty() {
        sentence(text, "", &keys.consequence)?;
    }
    Ok(())
}

fn counts(text: &mut String, name: &str, counts: &Counts) -> std::fmt::Result {
    let listed: Vec<String> = counts.0.iter().map(|(key, count)| format!("{key} {count}")).collect();
    if listed.is_empty() { Ok(()) } else { item(text, name, &listed, ", ") }
}

/// Writes a name and, in a column beside it, the parts joined and folded where a line ends.
pub(super) fn item<S: AsRef<str>>(
    text: &mut String,
    name: &str,
    parts: &[S],
    joint: &str,
) -> std::fmt::Result {
    let mut name = name;
    let mut line = String::new();
    for (index, part) in parts.iter().enumerate() {
        let end = if index + 1 < parts.len() { joint } else { "" };
        let part = format!("{}{end}", part.as_ref());
        if !line.is_empty() && line.chars().count() + part.trim_end().chars().count() > TEXT_WIDTH {
            writeln!(text, "{name:<NAME_WIDTH$} {}", line.trim_end())?;
            name = "";
            line.clear();
        }
        line.push_str(&part);
    }
    writeln!(text, "{name:<NAME_WIDTH$} {}", line.trim_end())
}

/// The same for a sentence, folded between words.
fn sentence(text: &mut String, name: &str, value: &str) -> std::fmt::Result {
    let words: Vec<&str> = value.split(' ').collect();
    item(text, name, &words, " ")
}

/// Columns of the names, and of what stands beside them; 80 together.
const NAME_WIDTH: usize = 9;
const TEXT_WIDTH: usize = 70;

/// A length in octets.
pub fn octets(length: usize) -> String {
    count(length as u64, "octet")
}

/// A number and its noun, in the plural where that is due.
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
