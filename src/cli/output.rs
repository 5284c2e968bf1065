//! Where results go: which sink, how wide, in colour or not; and what is said beside them.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::report::json::{Document, Ndjson};
use crate::report::model::View;
use crate::report::table::{self, MessageTable, Style};
use crate::report::text::DecodedText;
use crate::report::{Silent, Sink};

use super::args::{ColorChoice, ReadArguments};
use super::inputs::Inputs;

/// The sink that `verify` was asked for.
pub(super) fn verify_sink(read: &ReadArguments, inputs: &Inputs, output: Output) -> Box<dyn Sink> {
    let labels = &inputs.labels;
    if read.quiet {
        return Box::new(Silent);
    }
    let style = style(read);
    json_sink(read, View::Verify, labels, &output).unwrap_or_else(|| match read.verbose {
        0 | 1 => {
            let table = MessageTable::new(output, style, labels.to_vec());
            Box::new(if inputs.live { table.line_by_line() } else { table })
        }
        _ => Box::new(DecodedText::new(output, View::Verify, true, labels.len() > 1)),
    })
}

/// How to draw tables.
pub(super) fn style(read: &ReadArguments) -> Style {
    let is_terminal = io::stdout().is_terminal();
    Style {
        width: if is_terminal { table::terminal_width() } else { table::DEFAULT_WIDTH },
        colour: match read.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        },
        detail: read.verbose > 0,
    }
}

/// The sink that `decode` was asked for.
pub(super) fn decode_sink(read: &ReadArguments, inputs: &Inputs, output: Output) -> Box<dyn Sink> {
    let labels = &inputs.labels;
    if read.quiet {
        return Box::new(Silent);
    }
    json_sink(read, View::Decode, labels, &output).unwrap_or_else(|| {
        Box::new(DecodedText::new(output, View::Decode, read.verbose > 0, labels.len() > 1))
    })
}

fn json_sink(read: &ReadArguments, view: View, labels: &[String], output: &Output) -> Option<Box<dyn Sink>> {
    if read.json {
        Some(Box::new(Document::new(output.clone(), view, labels.to_vec())))
    } else if read.ndjson {
        Some(Box::new(Ndjson::new(output.clone(), view, labels.to_vec())))
    } else {
        None
    }
}

/// Standard output, in large pieces.
pub(super) fn output() -> Output {
    Output(Arc::new(Mutex::new(BufWriter::with_capacity(1 << 16, io::stdout()))))
}

/// Standard output, shared with whoever flushes it when there is nothing else to do.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<BufWriter<Stdout>>>);

impl Write for Output {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

/// Says something about the inputs, unless quiet.
pub(super) fn warn(read: &ReadArguments, warnings: &[String]) {
    if !read.quiet {
        warnings.iter().for_each(|warning| super::say(&format!("warning: {warning}")));
    }
}

/// Says something about the result, unless quiet.
pub(super) fn note(read: &ReadArguments, text: &str) {
    if !read.quiet {
        super::say(&format!("note: {text}"));
    }
}
