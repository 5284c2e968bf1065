//! JSON: one record a line, or one document.

use std::io::{self, Write};

use serde::Serialize;

use crate::analysis::{Event, Judged};

use super::Sink;
use super::census::UseRecord;
use super::model::{FindingRecord, MessageRecord, SCHEMA, SummaryRecord, View};

/// A record with its tag, borrowed. [`super::model::Record`] is its published shape.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Tagged<'r, 'a> {
    Message(&'r MessageRecord<'a>),
    Finding(&'r FindingRecord<'a>),
    Use(&'r UseRecord<'a>),
    Summary(&'r SummaryRecord<'a>),
}

/// Writes one record a line; the last one is the summary.
pub struct Ndjson<W> {
    output: W,
    view: View,
    captures: Vec<String>,
    line: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    /// Writes to `output`. `captures` are the labels that findings name as their files.
    pub fn new(output: W, view: View, captures: Vec<String>) -> Self {
        Ndjson { output, view, captures, line: Vec::new() }
    }

    fn write(&mut self, record: &Tagged<'_, '_>) -> io::Result<()> {
        write_line(&mut self.output, &mut self.line, record)
    }
}

impl<W: Write> Sink for Ndjson<W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        self.write(&Tagged::Message(&MessageRecord::new(judged, file, self.view)))
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let record = FindingRecord::new(event, &self.captures);
        write_line(&mut self.output, &mut self.line, &Tagged::Finding(&record))
    }

    fn finish(&mut self, summary: &SummaryRecord<'_>) -> io::Result<()> {
        self.write(&Tagged::Summary(summary))?;
        self.output.flush()
    }
}

/// Writes one document, as it goes: it is never held as a whole.
///
/// Findings stand behind the messages, so they are kept until then: as text, and no more than
/// [`MOST_FINDINGS`] of them; the summary counts all.
pub struct Document<W> {
    output: W,
    view: View,
    captures: Vec<String>,
    messages: u64,
    findings: Vec<String>,
}

/// Findings that a document holds at most.
pub const MOST_FINDINGS: usize = 10_000;

impl<W: Write> Document<W> {
    /// Writes to `output`. `captures` are the labels that findings name as their files.
    pub fn new(output: W, view: View, captures: Vec<String>) -> Self {
        Document { output, view, captures, messages: 0, findings: Vec::new() }
    }

    fn begin_message(&mut self) -> io::Result<()> {
        self.messages += 1;
        if self.messages == 1 {
            return writeln!(self.output, "{{\"schema\":{SCHEMA},\"messages\":[");
        }
        self.output.write_all(b",\n")
    }
}

impl<W: Write> Sink for Document<W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        self.begin_message()?;
        let record = MessageRecord::new(judged, file, self.view);
        serde_json::to_writer(&mut self.output, &Tagged::Message(&record)).map_err(io::Error::from)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.findings.len() < MOST_FINDINGS {
            let record = FindingRecord::new(event, &self.captures);
            self.findings.push(serde_json::to_string(&Tagged::Finding(&record))?);
        }
        Ok(())
    }

    fn finish(&mut self, summary: &SummaryRecord<'_>) -> io::Result<()> {
        if self.messages == 0 {
            write!(self.output, "{{\"schema\":{SCHEMA},\"messages\":[")?;
        }
        write!(self.output, "\n],\"findings\":[\n{}\n],\"summary\":", self.findings.join(",\n"))?;
        serde_json::to_writer(&mut self.output, &Tagged::Summary(summary))?;
        self.output.write_all(b"}\n")?;
        self.output.flush()
    }
}

/// A record is written in a hundred pieces, so they are put together in `line` before the output sees them.
pub(super) fn write_line(
    output: &mut impl Write,
    line: &mut Vec<u8>,
    record: &Tagged<'_, '_>,
) -> io::Result<()> {
    line.clear();
    serde_json::to_writer(&mut *line, record)?;
    line.push(b'\n');
    output.write_all(line)
}
