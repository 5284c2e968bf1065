//! JSON: one record a line, or one document.

use std::io::{self, Write};

use serde::Serialize;

use crate::analysis::Judged;

use super::Sink;
use super::model::{MessageRecord, SCHEMA, SummaryRecord, View};

/// A record with its tag, borrowed. [`super::model::Record`] is its published shape.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Tagged<'r, 'a> {
    Message(&'r MessageRecord<'a>),
    Summary(&'r SummaryRecord<'a>),
}

/// Writes one record a line; the last one is the summary.
pub struct Ndjson<W> {
    output: W,
    view: View,
    line: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    /// Writes to `output`.
    pub fn new(output: W, view: View) -> Self {
        Ndjson { output, view, line: Vec::new() }
    }

    /// A record is written in a hundred pieces, so they are put together before the output sees them.
    fn write(&mut self, record: &Tagged<'_, '_>) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)?;
        self.line.push(b'\n');
        self.output.write_all(&self.line)
    }
}

impl<W: Write> Sink for Ndjson<W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        self.write(&Tagged::Message(&MessageRecord::new(judged, file, self.view)))
    }

    fn finish(&mut self, summary: &SummaryRecord<'_>) -> io::Result<()> {
        self.write(&Tagged::Summary(summary))?;
        self.output.flush()
    }
}

/// Writes one document, as it goes: it is never held as a whole.
pub struct Document<W> {
    output: W,
    view: View,
    messages: u64,
}

impl<W: Write> Document<W> {
    /// Writes to `output`.
    pub fn new(output: W, view: View) -> Self {
        Document { output, view, messages: 0 }
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

    fn finish(&mut self, summary: &SummaryRecord<'_>) -> io::Result<()> {
        if self.messages == 0 {
            write!(self.output, "{{\"schema\":{SCHEMA},\"messages\":[")?;
        }
        self.output.write_all(b"\n],\"summary\":")?;
        serde_json::to_writer(&mut self.output, &Tagged::Summary(summary))?;
        self.output.write_all(b"}\n")?;
        self.output.flush()
    }
}
