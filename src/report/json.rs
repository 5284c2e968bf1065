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
pub struct Ndjson<'f, W> {
    output: W,
    view: View,
    key_files: &'f [String],
}

impl<'f, W: Write> Ndjson<'f, W> {
    /// Writes to `output`. `key_files` are the labels that keys name as their source.
    pub fn new(output: W, view: View, key_files: &'f [String]) -> Self {
        Ndjson { output, view, key_files }
    }
}

impl<W: Write> Sink for Ndjson<'_, W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        write_line(&mut self.output, &Tagged::Message(&MessageRecord::new(judged, file, self.view, self.key_files)))
    }

    fn finish(&mut self, summary: &SummaryRecord<'_>) -> io::Result<()> {
        write_line(&mut self.output, &Tagged::Summary(summary))?;
        self.output.flush()
    }
}

/// Writes one document, as it goes: it is never held as a whole.
pub struct Document<'f, W> {
    output: W,
    view: View,
    key_files: &'f [String],
    messages: u64,
}

impl<'f, W: Write> Document<'f, W> {
    /// Writes to `output`. `key_files` are the labels that keys name as their source.
    pub fn new(output: W, view: View, key_files: &'f [String]) -> Self {
        Document { output, view, key_files, messages: 0 }
    }

    fn begin_message(&mut self) -> io::Result<()> {
        self.messages += 1;
        if self.messages == 1 {
            return write!(self.output, "{{\"schema\":{SCHEMA},\"messages\":[\n");
        }
        self.output.write_all(b",\n")
    }
}

impl<W: Write> Sink for Document<'_, W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        self.begin_message()?;
        let record = MessageRecord::new(judged, file, self.view, self.key_files);
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

fn write_line(output: &mut impl Write, record: &Tagged<'_, '_>) -> io::Result<()> {
    serde_json::to_writer(&mut *output, record)?;
    output.write_all(b"\n")
}
